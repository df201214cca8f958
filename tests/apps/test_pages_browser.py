"""The pages in a real browser: click through all of them and look for errors; what people wrote stays text; nothing is fetched."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGES = {
    "Overview": "Key figures",
    "Process map": "run wholly within this view",
    "Variants": "Click a variant to see its cases",
    "Conformance": "Where these figures come from",
    "Performance": "Choose a step to filter to its cases",
    "People": "Most handovers",
    "Cases": "Choose one to open it",
    "Compare": "Paths: share of the cases",
    "Prediction": "How far to trust it",
    "Forecasts": "Champion and challenger",
    "Data products": "Choose one for its sheet",
    "Data quality": "rows in quarantine",
    "Connections": "Green: active and fresh",
    "Upload": "Each row is one event",
    "SQL": "Read-only. At most 5,000 rows come back",
}

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def server(_folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app as people start it, over the filled lake, on a free port."""
    port = free_port()
    environment = {**os.environ, "GRIMOIRE_HOME": str(_folders["filled"])}
    command = [sys.executable, "-m", "streamlit", "run", "apps/streamlit/app.py", "--server.port", str(port)]
    with (tmp_path_factory.mktemp("server") / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/_stcore/health")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def wait_for(address: str, *, seconds: float = 60) -> None:
    for _ in range(int(seconds * 5)):
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(address)


class Visitor:
    """A person with a browser, who remembers every error it reports and every address it asks for."""

    def __init__(self, page, server: str) -> None:
        self.page, self.server = page, server
        self.errors: list[str] = []
        self.elsewhere: list[str] = []
        page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: (self.errors.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: self._note(request.url))

    def _note(self, address: str) -> None:
        if not address.startswith((self.server, self.server.replace("http", "ws"), "data:", "blob:")):
            self.elsewhere.append(address)

    def open(self, query: str = "") -> None:
        self.page.goto(f"{self.server}/{query}")
        self.settle("Overview")

    def go(self, name: str) -> None:
        self.page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True).click()
        self.settle(name)

    def settle(self, name: str) -> None:
        """Waits until the page's last part is there and nothing runs any more."""
        self.page.get_by_text(PAGES[name]).first.wait_for(timeout=30_000)
        self.done()

    def choose_process(self, title: str) -> None:
        """Chooses in the sidebar; its list closes when the sidebar scrolls, so first scrolls there."""
        selector = self.page.get_by_test_id("stSidebar").get_by_role("combobox").first
        selector.scroll_into_view_if_needed()
        self.page.wait_for_timeout(300)
        selector.click()
        self.page.get_by_role("option", name=title).click()

    def done(self) -> None:
        self.page.wait_for_timeout(250)
        self.page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=30_000)
        assert self.page.get_by_test_id("stException").count() == 0, self.page.get_by_test_id("stException").all_inner_texts()
        assert self.page.get_by_text("nobody foresaw").count() == 0, self.page.locator(".gr-guide").all_inner_texts()

    def is_content(self) -> None:
        assert self.errors == []
        assert self.elsewhere == []


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def visitor(server: str, browser) -> Iterator[Visitor]:
    page = browser.new_page(viewport={"width": 1500, "height": 1000})
    yield Visitor(page, server)
    page.close()


def test_a_visitor_clicks_through_every_page_without_an_error(visitor: Visitor, tmp_path: Path):
    visitor.open()
    for name in PAGES:
        visitor.go(name)
        visitor.page.screenshot(path=tmp_path / f"{name}.png")
    visitor.is_content()


def is_about_the_wide_one(visitor: Visitor, path: str) -> None:
    from playwright.sync_api import expect

    expect(visitor.page).to_have_url(re.compile(rf"/{path}\?.*\bprocess=wide\b"), timeout=30_000)
    expect(visitor.page.get_by_role("heading", name="Four hundred activities")).to_have_count(1, timeout=30_000)


def test_the_chosen_process_stays_chosen_on_every_page_and_in_the_address(visitor: Visitor):
    visitor.page.goto(f"{visitor.server}/?process=wide")
    visitor.page.get_by_role("heading", name="Four hundred activities").wait_for(timeout=30_000)
    for name, path in (("Process map", "process_map"), ("Variants", "variants")):
        visitor.go(name)
        is_about_the_wide_one(visitor, path)


@pytest.mark.parametrize("pause", [0, 20, 60, 150])
def test_the_chosen_process_survives_clicks_that_cut_pages_short(visitor: Visitor, pause: int):
    # a click before a page had settled lost the selector's value, and the address's parameters go with every change of page
    links = visitor.page.get_by_test_id("stSidebarNav").get_by_role("link")
    visitor.page.goto(f"{visitor.server}/?process=wide")
    for _ in range(10):
        for name in ("Process map", "Variants"):
            links.filter(has_text=name).click()
            visitor.page.wait_for_timeout(pause)
    visitor.settle("Variants")
    is_about_the_wide_one(visitor, "variants")
    visitor.is_content()


def test_an_activity_called_like_a_script_is_shown_as_text_and_never_run(visitor: Visitor):
    visitor.page.goto(f"{visitor.server}/?process=bestellung")
    visitor.page.get_by_role("heading", name="<b>schöner</b>").wait_for(timeout=30_000)
    for name in ("Process map", "Variants", "Data quality", "SQL"):
        visitor.go(name)
        if name in {"Process map", "Variants"}:
            visitor.page.get_by_text("<script>alert(1)").first.wait_for(timeout=30_000)
    visitor.is_content()


def on_map(visitor: Visitor, what: str) -> tuple[float, float]:
    """Where a part of the map stands on the page; on a canvas only the drawing library knows."""
    graph = visitor.page.locator(".graph")
    place = """(root, id) => {
        const one = root._cyreg.cy.getElementById(id), box = root.getBoundingClientRect();
        const at = one.isNode() ? one.position() : one.midpoint(), pan = one.cy().pan();
        return [box.left + at.x * one.cy().zoom() + pan.x, box.top + at.y * one.cy().zoom() + pan.y];
    }"""
    x, y = graph.evaluate(place, what)
    return x, y


def map_says(visitor: Visitor, words: str) -> None:
    visitor.page.locator(".says", has_text=words).wait_for(timeout=30_000)


def test_clicking_an_activity_and_a_path_shows_their_figures(visitor: Visitor):
    visitor.open()
    visitor.go("Process map")
    visitor.page.mouse.click(*on_map(visitor, "Check credit"))
    visitor.page.get_by_text("What comes before").wait_for(timeout=30_000)
    visitor.page.get_by_text("240 (80 %)").wait_for(timeout=30_000)
    visitor.page.keyboard.press("Escape")
    visitor.page.mouse.click(*on_map(visitor, "\x1fCreate order\x1fCheck credit"))
    visitor.page.get_by_role("heading", name="Create order → Check credit").wait_for(timeout=30_000)
    visitor.done()
    visitor.is_content()


def test_a_click_filters_the_map_and_the_filter_can_be_taken_back(visitor: Visitor):
    visitor.open()
    visitor.go("Process map")
    map_says(visitor, "100 % of 300 cases")
    visitor.page.mouse.click(*on_map(visitor, "Cancel order"))
    visitor.page.get_by_role("menuitem", name="Only cases with it", exact=True).click()
    map_says(visitor, "3 of 3 activities and 4 of 4 paths: 100 % of events, 100 % of steps; 100 % of 30 cases")
    visitor.page.get_by_role("button", name="Undo").click()
    map_says(visitor, "100 % of 300 cases")
    visitor.done()
    visitor.is_content()


def test_a_click_lists_the_cases_of_a_path(visitor: Visitor):
    visitor.open()
    visitor.go("Process map")
    visitor.page.mouse.click(*on_map(visitor, "\x1fCheck credit\x1fCancel order"))
    visitor.page.get_by_role("menuitem", name="List its cases").click()
    visitor.page.get_by_text("30 cases; all of them are listed.").wait_for(timeout=30_000)
    visitor.done()
    visitor.is_content()


def test_the_sliders_move_the_map_at_once_and_the_address_follows(visitor: Visitor):
    from playwright.sync_api import expect

    visitor.open()
    visitor.go("Process map")
    place = on_map(visitor, "Create order")
    visitor.page.get_by_role("slider", name="Paths").fill("0")
    map_says(visitor, "7 of 7 activities and 9 of 12 paths")
    visitor.page.get_by_role("slider", name="Activities").fill("4")
    map_says(visitor, "4 of 7 activities")
    map_says(visitor, "cases run wholly within this view")
    expect(visitor.page).to_have_url(re.compile(r"\bactivities_order_to_cash=4\b.*\bpaths_order_to_cash=0\b"), timeout=30_000)
    assert on_map(visitor, "Create order") == place
    visitor.done()
    visitor.is_content()


def test_the_map_can_be_walked_and_filtered_by_keyboard_alone(visitor: Visitor):
    visitor.open()
    visitor.go("Process map")
    visitor.page.locator(".graph").focus()
    for _ in range(3):
        visitor.page.keyboard.press("ArrowDown")
    visitor.page.get_by_role("heading", name="Create order", exact=True).wait_for(timeout=30_000)
    assert "Create order. Frequency: 300" in (visitor.page.locator(".unseen").text_content() or "")
    visitor.page.keyboard.press("Enter")
    visitor.page.keyboard.press("ArrowDown")
    visitor.page.keyboard.press("Enter")
    visitor.page.get_by_text("No case passes these filters").wait_for(timeout=30_000)
    visitor.done()
    visitor.is_content()


def test_a_replay_shows_tokens_that_move_with_the_clock(visitor: Visitor):
    visitor.open()
    visitor.go("Process map")
    visitor.page.get_by_role("button", name="Replay the cases over time").click()
    visitor.page.get_by_text("Showing all 300 cases; a token is a case between two events.").wait_for(timeout=30_000)
    visitor.page.get_by_role("button", name="Pause").click()
    visitor.page.get_by_role("slider", name="Moment").fill("500")
    moment = visitor.page.locator(".player > output").inner_text()
    assert moment.startswith("2024-07"), moment
    inked = "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((part) => part > 0)"
    assert visitor.page.locator("canvas.tokens").evaluate(inked)
    visitor.done()
    visitor.is_content()


@pytest.mark.parametrize(("form", "begins"), [("SVG", b"<svg"), ("PNG", b"\x89PNG")])
def test_the_map_is_saved_as_a_picture(visitor: Visitor, form: str, begins: bytes, tmp_path: Path):
    visitor.page.goto(f"{visitor.server}/?process=bestellung")
    visitor.page.get_by_role("heading", name="<b>schöner</b>").wait_for(timeout=30_000)
    visitor.go("Process map")
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("button", name=f"Save the map as {form}").click()
    download.value.save_as(tmp_path / "map")
    content = (tmp_path / "map").read_bytes()
    assert content.startswith(begins)
    assert download.value.suggested_filename == f"bestellung.{form.lower()}"
    if form == "SVG":
        assert b"&lt;script&gt;" in content and b"<script" not in content
    visitor.is_content()


def test_a_comparison_colours_the_map_by_the_difference(visitor: Visitor):
    visitor.open()
    visitor.go("Process map")
    visitor.page.mouse.click(*on_map(visitor, "Cancel order"))
    visitor.page.get_by_role("menuitem", name="Only cases with it", exact=True).click()
    map_says(visitor, "100 % of 30 cases")
    visitor.page.get_by_role("button", name="Compare").click()
    visitor.page.get_by_text("All cases", exact=True).click()
    visitor.page.locator(".legend", has_text="More or less frequent").wait_for(timeout=30_000)
    words = "(root) => root._cyreg.cy.getElementById('Cancel order').data('words')"
    assert visitor.page.locator(".graph").evaluate(words) == "Cancel order\n+90.0 pp"
    visitor.done()
    visitor.is_content()


def test_the_map_has_no_serious_finding_of_an_accessibility_check(visitor: Visitor):
    from axe_playwright_python.sync_playwright import Axe

    visitor.open()
    visitor.go("Process map")
    visitor.page.get_by_role("button", name="Replay the cases over time").click()
    visitor.page.get_by_text("Showing all 300 cases").wait_for(timeout=30_000)
    visitor.page.mouse.click(*on_map(visitor, "Check credit"))
    visitor.page.get_by_role("menuitem", name="List its cases").wait_for(timeout=30_000)
    found = Axe().run(visitor.page).response["violations"]
    ours = [(one["id"], node["target"]) for one in found for node in one["nodes"] if "stBidiComponent" in str(node["target"])]
    assert [
        (name, where) for name, where in ours if next(o for o in found if o["id"] == name)["impact"] in {"serious", "critical"}
    ] == []


def test_objects_have_a_map_of_their_own_in_colours(visitor: Visitor):
    visitor.open()
    visitor.go("Process map")
    visitor.page.get_by_text("Objects", exact=True).click()
    map_says(visitor, "5 of 5 activities and 5 of 5 paths of 3 types of objects: 100 % of the steps")
    colours = "(root) => new Set(root._cyreg.cy.edges().map((edge) => edge.data('colour'))).size"
    assert visitor.page.locator(".graph").evaluate(colours) == 3
    visitor.page.get_by_role("checkbox", name="item").uncheck()
    map_says(visitor, "5 of 5 activities and 3 of 3 paths")
    visitor.done()
    visitor.is_content()


def test_the_discovered_model_is_shown_as_a_diagram_and_saved(visitor: Visitor, tmp_path: Path):
    visitor.open()
    visitor.go("Process map")
    visitor.page.get_by_text("Model", exact=True).click()
    visitor.page.locator(".diagram img").wait_for(timeout=30_000)
    assert visitor.page.locator(".diagram img").evaluate("image => image.naturalWidth") > 200
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("button", name="Save the model as PNG").click()
    download.value.save_as(tmp_path / "model.png")
    assert (tmp_path / "model.png").read_bytes().startswith(b"\x89PNG")
    visitor.is_content()


def test_four_hundred_activities_are_drawn_and_stay_quick(visitor: Visitor):
    visitor.page.goto(f"{visitor.server}/?process=wide")
    visitor.page.get_by_role("heading", name="Four hundred activities").wait_for(timeout=30_000)
    visitor.go("Process map")
    visitor.page.get_by_role("slider", name="Activities").fill("400")
    visitor.page.get_by_role("slider", name="Activities").dispatch_event("change")
    map_says(visitor, "400 of 400 activities")
    visitor.done()
    visitor.page.get_by_role("button", name="Show the whole map").click()
    visitor.is_content()


def test_another_process_gets_its_own_view_and_not_the_last_ones(visitor: Visitor):
    visitor.page.goto(f"{visitor.server}/?process=wide")
    visitor.page.get_by_role("heading", name="Four hundred activities").wait_for(timeout=30_000)
    visitor.go("Process map")
    visitor.page.get_by_text("30 of 400 activities").wait_for(timeout=30_000)
    visitor.choose_process("Order to cash")
    visitor.page.get_by_text("7 of 7 activities").wait_for(timeout=30_000)
    visitor.done()
    visitor.is_content()


def test_what_was_chosen_for_one_process_is_forgotten_for_the_next(visitor: Visitor):
    visitor.page.goto(f"{visitor.server}/process_map?process=wide&activities_wide=40&paths_wide=0")
    visitor.page.get_by_text("40 of 400 activities").wait_for(timeout=30_000)
    visitor.choose_process("Order to cash")
    visitor.page.get_by_text("7 of 7 activities and 12 of 12 paths").wait_for(timeout=30_000)
    visitor.done()
    assert "activities=" not in visitor.page.url


def test_clicking_a_variant_opens_its_cases(visitor: Visitor):
    visitor.open()
    visitor.go("Variants")
    visitor.page.get_by_role("option", name="Variant 4, 30 cases").click()
    visitor.page.get_by_text("30 cases, 3 events each").wait_for(timeout=30_000)
    visitor.done()
    visitor.is_content()


def type_statement(visitor: Visitor, sql: str) -> None:
    visitor.page.get_by_label("Statement", exact=True).click()
    visitor.page.keyboard.press("Control+a")
    visitor.page.keyboard.insert_text(sql)
    visitor.page.keyboard.press("Escape")
    visitor.page.keyboard.press("Control+Enter")


def test_sql_answers_draws_and_says_what_is_wrong_with_a_statement(visitor: Visitor):
    visitor.open()
    visitor.go("SQL")
    visitor.page.get_by_role("button", name="Run", exact=True).click()
    visitor.page.get_by_text("7 rows in").wait_for(timeout=30_000)
    visitor.page.get_by_role("tab", name="Chart").click()
    visitor.page.locator(".vega-embed canvas, .vega-embed svg").first.wait_for(timeout=30_000)
    type_statement(visitor, "select nonsense")
    visitor.page.get_by_text("Not run").wait_for(timeout=30_000)
    visitor.done()
    visitor.is_content()


def test_sql_refuses_a_write_and_says_so(visitor: Visitor):
    visitor.open()
    visitor.go("SQL")
    type_statement(visitor, "delete from event_logs.order_to_cash")
    visitor.page.get_by_text("This page only reads").wait_for(timeout=30_000)
    type_statement(visitor, "select count(*) as events from event_logs.order_to_cash")
    visitor.page.get_by_text("1 rows in").wait_for(timeout=30_000)
    visitor.done()
    visitor.is_content()


def test_a_statement_that_runs_too_long_is_cancelled_and_stays_in_the_history(visitor: Visitor):
    visitor.open()
    visitor.go("SQL")
    type_statement(visitor, "select sum(a.range * b.range) from range(10000000) a, range(10000000) b")
    visitor.page.get_by_role("button", name="Cancel").click(timeout=30_000)
    visitor.page.get_by_text("Stopped by you").wait_for(timeout=30_000)
    visitor.page.get_by_role("button", name="History").click()
    visitor.page.get_by_text("stopped in").first.wait_for(timeout=30_000)
    visitor.done()
    visitor.is_content()


def test_the_editor_completes_columns_and_a_click_on_a_table_inserts_its_name(visitor: Visitor):
    visitor.open()
    visitor.go("SQL")
    editor = visitor.page.get_by_label("Statement", exact=True)
    editor.click()
    visitor.page.keyboard.press("Control+End")
    visitor.page.keyboard.type(", occurr", delay=30)
    visitor.page.get_by_role("option", name="occurred_at").wait_for(timeout=30_000)
    visitor.page.keyboard.press("Escape")
    visitor.page.keyboard.press("Control+a")
    visitor.page.keyboard.type("from ")
    visitor.page.get_by_placeholder("Find a table or column").fill("kpis__weekly")
    visitor.page.locator("details.table summary", has_text="kpis__weekly").click()
    visitor.page.get_by_role("button", name="Insert products.kpis__weekly").click()
    assert editor.inner_text().strip() == "from products.kpis__weekly"
    visitor.is_content()


def test_a_statement_is_saved_and_comes_back(visitor: Visitor):
    visitor.open()
    visitor.go("SQL")
    type_statement(visitor, "select 40 + 2 as answer")
    visitor.page.get_by_text("1 rows in").wait_for(timeout=30_000)
    visitor.page.get_by_role("button", name="Save …").click()
    visitor.page.get_by_role("textbox", name="Name").fill("Größe · <b>42</b>")
    visitor.page.get_by_test_id("stDialog").get_by_role("button", name="Save", exact=True).click()
    visitor.done()
    type_statement(visitor, "select 1 as other")
    visitor.done()
    visitor.page.get_by_role("button", name="Saved statements").click()
    visitor.page.get_by_role("button", name="Größe").click()
    from playwright.sync_api import expect

    expect(visitor.page.get_by_label("Statement", exact=True)).to_contain_text("40 + 2", timeout=30_000)
    visitor.done()
    visitor.is_content()


def test_a_predicted_case_shows_its_reasons_and_opens(visitor: Visitor):
    visitor.open()
    visitor.go("Prediction")
    grid = visitor.page.get_by_test_id("stDataFrame").first.locator("canvas").first
    grid.scroll_into_view_if_needed()
    place = grid.bounding_box()
    visitor.page.mouse.click(place["x"] + 14, place["y"] + 52)  # the mark of the first row; a layer over the canvas takes clicks
    visitor.page.get_by_text("many cases are open").wait_for(timeout=30_000)
    visitor.page.get_by_role("button", name="Open the case").click()
    visitor.page.get_by_text("case 0").first.wait_for(timeout=30_000)
    visitor.done()
    visitor.is_content()


def test_a_click_in_a_products_lineage_leads_to_the_other_table_and_the_address_follows(visitor: Visitor):
    from playwright.sync_api import expect

    visitor.page.goto(f"{visitor.server}/data_products?product=order_to_cash&part=Lineage")
    visitor.page.get_by_text("Fit", exact=True).click(timeout=30_000)
    visitor.page.locator('g.node[aria-label^="mining.dfg"]').click(timeout=30_000)
    visitor.page.get_by_role("heading", name="dfg", exact=True).wait_for(timeout=30_000)
    expect(visitor.page).to_have_url(re.compile(r"\bproduct=dfg\b"), timeout=30_000)
    visitor.page.get_by_role("button", name="All data products").click()
    visitor.settle("Data products")
    assert "product=" not in visitor.page.url
    assert visitor.elsewhere == []


def test_a_figure_leads_to_its_tables_its_sql_and_the_sheet_of_a_table(visitor: Visitor):
    visitor.open()
    visitor.page.get_by_role("button", name="Where these figures come from").last.click()
    visitor.page.get_by_text("As the page ran it").wait_for(timeout=30_000)
    visitor.page.get_by_text("from products.kpis__daily group by kpi").first.wait_for(timeout=30_000)
    visitor.page.get_by_test_id("stPopoverBody").get_by_role("link", name="products.kpis__daily").click()
    visitor.page.get_by_role("heading", name="kpis__daily").wait_for(timeout=30_000)
    visitor.done()
    visitor.is_content()


def add_a_filter_on_cancelled_orders(visitor: Visitor) -> None:
    visitor.page.get_by_role("button", name="Add filter").click()
    form = visitor.page.get_by_test_id("stPopoverBody")
    form.get_by_role("combobox").first.click()
    visitor.page.get_by_role("option", name="Attribute or activity").click()
    form.get_by_label("Activities").fill("Cancel")
    visitor.page.get_by_role("option", name="Cancel order").click()
    visitor.page.keyboard.press("Escape")
    visitor.page.get_by_role("button", name="Add", exact=True).click()
    visitor.page.get_by_text("30 of 300 cases (10 %)").wait_for(timeout=30_000)
    visitor.done()


def test_a_filter_added_by_form_follows_to_other_pages_and_a_link_opens_it_elsewhere(visitor: Visitor, browser):
    visitor.open()
    add_a_filter_on_cancelled_orders(visitor)
    visitor.go("Variants")
    visitor.page.get_by_text("variant among 30 cases").wait_for(timeout=30_000)
    assert "filters=" in visitor.page.url
    other = Visitor(browser.new_page(), visitor.server)
    other.page.goto(visitor.page.url)
    other.page.get_by_text("variant among 30 cases").wait_for(timeout=30_000)
    other.done()
    other.page.close()
    visitor.page.get_by_role("button", name="Undo").click()
    visitor.page.get_by_text("among 300 cases").wait_for(timeout=30_000)
    visitor.done()
    visitor.is_content()


def test_a_person_clicked_in_the_handovers_becomes_a_filter(visitor: Visitor):
    visitor.open()
    visitor.go("People")
    visitor.page.locator("g.node", has_text="user 1").click()
    visitor.page.get_by_role("button", name="Only cases with them").click()
    visitor.page.get_by_text(re.compile(r"of 300 cases \(")).first.wait_for(timeout=30_000)
    visitor.done()
    assert "filters=" in visitor.page.url
    visitor.is_content()


def test_a_model_of_ones_own_is_held_against_the_log_and_a_deviation_leads_to_its_cases(visitor: Visitor, tmp_path: Path):
    from mining.model_files import sequence_net

    steps = ["Create order", "Check credit", "Confirm order", "Ship goods", "Send invoice", "Receive payment"]
    (tmp_path / "target.pnml").write_text(sequence_net(steps).to_pnml(), encoding="utf-8")
    (tmp_path / "no-model.pnml").write_text("<!DOCTYPE html><p>not a model", encoding="utf-8")
    visitor.open()
    visitor.go("Conformance")
    visitor.page.get_by_text("A model of mine", exact=True).click()
    visitor.page.locator("input[type=file]").set_input_files(tmp_path / "no-model.pnml")
    visitor.page.get_by_text("The PNML is not XML").wait_for(timeout=30_000)
    visitor.page.locator("input[type=file]").set_input_files(tmp_path / "target.pnml")
    visitor.page.get_by_text("Ranked by").wait_for(timeout=60_000)
    visitor.page.locator(".gr-card", has_text="Cases that fit exactly").get_by_text("50 %").wait_for(timeout=30_000)
    visitor.page.locator(".gr-moves .gr-move.log, .gr-moves .gr-move.model").first.wait_for(timeout=30_000)
    box = visitor.page.get_by_test_id("stDataFrame").first.bounding_box()
    visitor.page.mouse.click(box["x"] + 15, box["y"] + 52)  # the first row's mark; the table is drawn on a canvas
    visitor.page.get_by_role("button", name="Only these cases").click(timeout=30_000)
    visitor.page.get_by_text(re.compile(r"of 300 cases \(")).first.wait_for(timeout=30_000)
    visitor.done()
    visitor.is_content()


def test_a_click_on_a_variant_leads_to_a_filter(visitor: Visitor):
    visitor.open()
    visitor.go("Variants")
    visitor.page.get_by_role("option", name="Variant 4, 30 cases").click()
    visitor.page.get_by_role("button", name="Without these cases").click()
    visitor.page.get_by_text("270 of 300 cases (90 %)").wait_for(timeout=30_000)
    visitor.done()
    visitor.is_content()


def test_a_saved_view_is_opened_by_its_address_and_deleted(visitor: Visitor, browser):
    visitor.open()
    visitor.go("Variants")
    add_a_filter_on_cancelled_orders(visitor)
    visitor.page.get_by_role("button", name="Views").click()
    visitor.page.get_by_label("Name this view").fill("Cancelled · 受注")
    visitor.page.get_by_role("button", name="Save", exact=True).click()
    link = visitor.page.get_by_test_id("stPopoverBody").get_by_text("?view=").inner_text(timeout=30_000)
    visitor.is_content()
    other = Visitor(browser.new_page(viewport={"width": 1400, "height": 900}), visitor.server)
    other.page.goto(link)
    other.page.get_by_text("variant among 30 cases").wait_for(timeout=30_000)
    other.page.get_by_role("button", name="Views").click()
    other.page.get_by_role("button", name="Delete").click()
    other.page.get_by_text("None is saved yet").wait_for(timeout=30_000)
    other.done()
    other.page.close()


def test_search_opens_by_keyboard_and_leads_to_a_case(visitor: Visitor):
    visitor.open()
    visitor.page.keyboard.press("Control+k")
    visitor.page.get_by_placeholder("A page, process").fill("case 299")
    visitor.page.get_by_role("button", name="case 299 of Order to cash").click(timeout=30_000)
    visitor.page.get_by_role("heading", name="case 299").wait_for(timeout=30_000)
    visitor.page.get_by_text("Time is to scale").wait_for(timeout=30_000)
    visitor.done()
    visitor.is_content()


def choose_row(visitor: Visitor, row: int) -> None:
    """Ticks a row of the page's last list, which is a canvas."""
    rows = visitor.page.get_by_test_id("stDataFrame").last
    rows.scroll_into_view_if_needed()
    place = rows.bounding_box()
    assert place is not None
    visitor.page.mouse.click(place["x"] + 16, place["y"] + 35 * (row + 1) + 16)


def test_a_case_is_found_opened_and_left_again(visitor: Visitor):
    from playwright.sync_api import expect

    visitor.open()
    visitor.go("Cases")
    visitor.page.get_by_label("Find", exact=True).fill("case 29")
    visitor.page.keyboard.press("Enter")
    visitor.page.get_by_text("1 to 11 of 11 cases").wait_for(timeout=30_000)
    visitor.done()
    choose_row(visitor, 0)
    visitor.page.get_by_text("Time is to scale").wait_for(timeout=30_000)
    expect(visitor.page).to_have_url(re.compile(r"case_order_to_cash=case\+29"), timeout=30_000)
    visitor.page.get_by_role("button", name="Only this case").click()
    visitor.page.get_by_text("1 of 300 cases").wait_for(timeout=30_000)
    visitor.page.get_by_role("button", name="All cases").click()
    visitor.page.get_by_text("Choose one to open it").wait_for(timeout=30_000)
    visitor.done()
    assert "case_order_to_cash" not in visitor.page.url
    visitor.is_content()


def test_two_variants_are_put_side_by_side_and_make_one_filter(visitor: Visitor):
    visitor.open()
    visitor.go("Variants")
    visitor.page.get_by_role("option", name="Variant 1, 150 cases").click()
    visitor.page.get_by_text("150 cases, 6 events each").wait_for(timeout=30_000)
    visitor.page.get_by_role("option", name="Variant 4, 30 cases").press("Enter")
    visitor.page.get_by_text("Do their durations differ?").wait_for(timeout=30_000)
    visitor.page.get_by_role("button", name="Only these cases").click()
    visitor.page.get_by_text("180 of 300 cases (60 %)").wait_for(timeout=30_000)
    visitor.page.get_by_role("option", name="Variant 2, 30 cases").wait_for(timeout=30_000)
    visitor.done()
    assert visitor.page.get_by_text("Do their durations differ?").count() == 0, "another list has other ranks"
    visitor.is_content()


def test_a_case_of_a_variant_opens_on_its_page(visitor: Visitor):
    visitor.open()
    visitor.go("Variants")
    visitor.page.get_by_role("option", name="Variant 4, 30 cases").click()
    visitor.page.get_by_text("30 cases, 3 events each").wait_for(timeout=30_000)
    visitor.done()
    choose_row(visitor, 0)
    visitor.page.get_by_role("button", name="All cases").wait_for(timeout=30_000)
    visitor.page.get_by_text("Time is to scale").wait_for(timeout=30_000)
    visitor.done()
    visitor.is_content()


def test_a_comparison_leads_to_the_map_of_its_differences(visitor: Visitor):
    visitor.open()
    add_a_filter_on_cancelled_orders(visitor)
    visitor.go("Compare")
    visitor.page.get_by_text("B: All others, 270 cases.").wait_for(timeout=30_000)
    visitor.page.get_by_role("button", name="On the map").click()
    visitor.page.get_by_text("run wholly within this view").first.wait_for(timeout=30_000)
    visitor.done()
    visitor.page.get_by_role("button", name="Compare").click()
    assert visitor.page.get_by_role("radio", name="The cases kept").is_checked(timeout=30_000)
    visitor.is_content()


def test_a_page_is_exported_as_files(visitor: Visitor, tmp_path: Path):
    visitor.open()
    visitor.go("Variants")
    visitor.page.get_by_role("button", name="Export").click()
    for label, begins in (
        ("Report of this page, HTML", b"<!doctype html>"),
        ("SVG", b"<svg"),
        ("PNG", b"\x89PNG"),
        ("CSV", b"rank,"),
    ):
        with visitor.page.expect_download(timeout=30_000) as held:
            visitor.page.get_by_role("button", name=label, exact=True).first.click()
        held.value.save_as(tmp_path / label)
        assert (tmp_path / label).read_bytes().startswith(begins)
    visitor.done()
    visitor.is_content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["Overview", "Variants", "Forecasts"])
def test_no_page_is_wider_than_a_phone_and_its_ground_follows_the_scheme(server: str, browser, name: str, scheme: str):
    page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    visitor = Visitor(page, server)
    page.goto(f"{server}/{'' if name == 'Overview' else name.lower()}")
    visitor.settle(name)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    ground = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert ground == {"light": "rgb(251, 247, 238)", "dark": "rgb(20, 24, 34)"}[scheme]
    page.close()


def test_the_spectrum_draws_its_cases_on_a_canvas(visitor: Visitor):
    visitor.open()
    visitor.go("Performance")
    visitor.page.get_by_text("Spectrum", exact=True).click()
    visitor.page.get_by_text("times the step was taken").wait_for(timeout=30_000)
    visitor.done()
    colours = """canvas => { const pen = canvas.getContext("2d"), seen = new Set();
        const { data } = pen.getImageData(0, 60, canvas.width, canvas.height - 140);
        for (let i = 0; i < data.length; i += 4) seen.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
        return seen.size; }"""
    assert visitor.page.locator(".spectrum canvas").evaluate(colours) > 20, "lines of four colours over each other"
    before = visitor.page.locator(".spectrum canvas").evaluate("canvas => canvas.toDataURL()")
    visitor.page.get_by_role("button", name="Zoom in").click()
    assert visitor.page.locator(".spectrum canvas").evaluate("canvas => canvas.toDataURL()") != before
    visitor.is_content()


def test_the_first_page_opens_under_its_name_too_for_the_process_of_its_address(visitor: Visitor):
    visitor.page.goto(f"{visitor.server}/overview?process=wide")
    visitor.page.get_by_role("heading", name="Four hundred activities").first.wait_for(timeout=30_000)
    visitor.done()
    assert visitor.page.get_by_test_id("stSidebarNav").get_by_role("link", name="Overview", exact=True).count() == 1
    assert not [error for error in visitor.errors if "does not seem to exist" in error]
    visitor.go("Variants")
