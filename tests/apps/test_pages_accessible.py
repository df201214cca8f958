"""Every page held against axe-core, in light and in dark: nothing serious that is ours."""

import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from apps.streamlit.contents import FIRST, PAGES
from tests.apps.test_pages_browser import browser, server  # noqa: F401 - fixtures; one server for this module

GROUNDS = {"light": "rgb(251, 247, 238)", "dark": "rgb(20, 24, 34)"}
# Findings in HTML that Streamlit writes and no setting changes: rule, what the element looks like, and why.
THEIRS = (
    ("list", r'data-testid="stSidebarNavItems"', "Streamlit puts a div per section between the navigation's ul and its li"),
    ("listitem", r'^<li class="st-emotion-cache-', "the same: the navigation's li stand in that div"),
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not (shutil.which("chromium") or shutil.which("google-chrome")), reason="no Chromium is installed"),
]


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:  # noqa: F811 - the imported fixture
    page = browser.new_page(viewport={"width": 1280, "height": 1000}, color_scheme="light")
    yield page
    page.close()


def settled(tab: Any, scheme: str) -> None:
    """Waits until the page has the scheme's ground and nothing runs any more."""
    ground = f"getComputedStyle(document.querySelector('.stApp')).backgroundColor === '{GROUNDS[scheme]}'"
    tab.wait_for_function(ground, timeout=30_000)
    tab.wait_for_timeout(400)
    tab.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=30_000)


def is_theirs(rule: str, html: str) -> bool:
    return any(rule == name and re.search(looks, html) for name, looks, _ in THEIRS)


def findings(tab: Any) -> list[tuple[str, str, str]]:
    """Serious and critical findings that are ours: rule, element, what is wrong."""
    from axe_playwright_python.sync_playwright import Axe

    return [
        (rule["id"], node["html"][:200], node["failureSummary"])
        for rule in Axe().run(tab).response["violations"]
        for node in rule["nodes"]
        if rule["impact"] in {"serious", "critical"} and not is_theirs(rule["id"], node["html"])
    ]


@pytest.mark.parametrize("name", [page.name for page in PAGES])
def test_no_serious_finding_in_light_and_in_dark(server: str, tab: Any, name: str):  # noqa: F811 - the imported fixture
    tab.goto(f"{server}/{'' if name == FIRST else name}")
    tab.locator("h1").first.wait_for(timeout=30_000)
    found = {}
    for scheme in GROUNDS:
        tab.emulate_media(color_scheme=scheme)
        settled(tab, scheme)
        found[scheme] = findings(tab)
    assert found == {"light": [], "dark": []}


def test_a_finding_of_ours_would_be_seen(server: str, tab: Any):  # noqa: F811 - the imported fixture
    tab.goto(f"{server}/upload")
    tab.locator("h1").first.wait_for(timeout=30_000)
    settled(tab, "light")
    tab.evaluate("document.querySelector('.gr-head .sub').style.color = '#e8e0d0'")
    assert [rule for rule, _, _ in findings(tab)] == ["color-contrast"]
