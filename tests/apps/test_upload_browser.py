"""Upload in a real browser: a file becomes a mined process that opens; a file that is none is refused in words."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lake.settings import get_settings
from tests.apps.test_pages_browser import CHROMIUM, FLAGS, PROJECT, Visitor, free_port, wait_for

RECEIPT = PROJECT.parent / "shared" / "data" / "event_logs" / "receipt.csv"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
    pytest.mark.skipif(not RECEIPT.exists(), reason="the shared data are not there"),
]


@pytest.fixture
def visitor(grimoire_home: Path, tmp_path: Path) -> Iterator[Visitor]:
    """A visitor of the app as people start it, over an empty lake."""
    from playwright.sync_api import sync_playwright

    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "apps/streamlit/app.py", "--server.port", str(port)]
    environment = {**os.environ, "GRIMOIRE_HOME": str(grimoire_home)}
    with (tmp_path / "server.log").open("wb") as log, sync_playwright() as playwright:
        server = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=log, stderr=log)
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            wait_for(f"http://127.0.0.1:{port}/_stcore/health")
            yield Visitor(chromium.new_page(viewport={"width": 1500, "height": 1000}), f"http://127.0.0.1:{port}")
        finally:
            chromium.close()
            server.terminate()
            server.wait(20)


def send(visitor: Visitor, path: Path) -> None:
    visitor.page.locator("input[type=file]").set_input_files(str(path))


def test_a_csv_file_becomes_a_mined_process_that_opens_and_files_that_are_none_are_refused(visitor: Visitor, tmp_path: Path):
    page = visitor.page
    page.goto(visitor.server)
    visitor.done()
    visitor.go("Upload")
    for name, text, said in (
        ("junk.csv", "a,b\n1,2\n", "an event log needs a case, an activity and a time"),
        ("notime.csv", "case_id,activity,x\n1,A,foo\n", "Choose the column of the timestamp"),
        ("empty.csv", "", "is empty"),
    ):
        (tmp_path / name).write_text(text)
        send(visitor, tmp_path / name)
        page.get_by_text(said).first.wait_for(timeout=60_000)
        visitor.done()
    send(visitor, RECEIPT)
    page.get_by_text("8,577").wait_for(timeout=60_000)
    page.get_by_role("button", name="Import and mine").click()
    page.get_by_text("Imported and mined").wait_for(timeout=120_000)
    visitor.done()
    page.get_by_role("button", name="Open its map").click()
    page.get_by_text("1,434 cases run wholly within this view").wait_for(timeout=60_000)
    visitor.done()
    assert "process=receipt" in page.url
    assert visitor.elsewhere == [] and visitor.errors == []
    assert not list((get_settings().home / "landing" / "uploads").glob("*/receipt.csv"))
