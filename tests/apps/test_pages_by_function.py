"""The pages by function over tables made to the products' contracts: every declared statement runs, with rows and without."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from streamlit.testing.v1 import AppTest

import lake
from apps.streamlit.by_function.finance import FINANCE
from apps.streamlit.by_function.it_operations import IT_OPERATIONS
from apps.streamlit.by_function.procurement import PROCUREMENT
from apps.streamlit.by_function.sales import SALES
from apps.streamlit.by_function.security import SECURITY
from apps.streamlit.by_function.service import SERVICE
from lake.journal import ensure_platform_tables
from models.brief import brief_of
from models.brief_changes import CHANGES
from models.brief_decisions import DECISIONS
from models.brief_risks import RISKS

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "apps" / "streamlit" / "frame.py"
GRIMOIRES = {
    "sales": SALES,
    "procurement": PROCUREMENT,
    "finance": FINANCE,
    "service": SERVICE,
    "security": SECURITY,
    "it_operations": IT_OPERATIONS,
}
PAGES = ("executive", *GRIMOIRES)
ROWS = """
insert into products.shared__currencies by name select 'EUR' as currency_code, true as is_reporting_currency;
insert into products.finance__receivables by name
    select 'IN' || i as invoice_number, '<b>Customer</b> ' || i as customer_name, 100.0 * i as open_amount, 'EUR' as currency,
           100.0 * i as open_reporting_amount,
           date '2025-06-30' - i * 20 as due_date, date '2025-06-30' as as_of, i * 20 as days_overdue,
           i > 0 as is_overdue, case when i = 0 then 'not due' when i = 1 then '1-30 days' else 'over 90 days' end as ageing_bucket,
           i as reminder_count from (select unnest(range(4))::integer as i);
insert into products.sales__orders by name
    select 'SO' || i as sale_order_number, '<b>Customer</b> ' || i % 3 as customer_name, 'Team ' || i % 2 as team,
           date '2025-06-30' - i as order_date, date '2025-06-29' - i as requested_date, 'EUR' as currency, 'confirmed' as state,
           true as is_open, false as is_cancelled, 50.0 as amount, timestamptz '2025-06-01 08:00:00+00' as confirmed_at
    from (select unnest(range(40))::integer as i);
insert into products.service__tickets by name
    select 'T' || i as ticket_id, 'Account' as account_name, 'Help' as subject, 'high' as priority, true as is_open,
           timestamptz '2025-06-01 08:00:00+00' as opened_at, 'breached' as sla_status from (select unnest(range(3))::integer as i);
"""


def contracts() -> dict[str, list[tuple[str, str]]]:
    """Every product with its columns and types, as its contract says."""
    found = {}
    for path in (ROOT / "dbt_project/models/products").rglob("*.yml"):
        for model in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("models", []):
            found[model["name"]] = [(column["name"], column["data_type"]) for column in model["columns"]]
    return found


def make_tables(connection) -> None:
    """Empty tables of the products, of mining and of forecasts."""
    from mining.results import COLUMNS, columns_of_sections
    from models.tables import ensure_tables as ensure_forecasts

    ensure_platform_tables(connection)
    connection.execute("create schema if not exists mining")
    for name, told in (COLUMNS | columns_of_sections()).items():
        connection.execute(f"create table mining.{name} (process varchar, {told}, computed_at timestamptz, snapshot_id bigint)")
    ensure_forecasts(connection)
    connection.execute("create schema if not exists products")
    for name, columns in contracts().items():
        told = ", ".join(f"{lake.quote(column)} {kind}" for column, kind in columns)
        connection.execute(f"create table products.{name} ({told})")


@pytest.fixture(scope="module")
def company(module_home: Path) -> Iterator[Path]:
    """A lake with every product's table and some rows in three of them."""

    def work(connection) -> None:
        make_tables(connection)
        for statement in filter(str.strip, ROWS.split(";\n")):
            connection.execute(statement)

    lake.in_transaction(work)
    yield module_home


def page(name: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.run()
    app.switch_page(f"app_pages/{name}.py").run()
    assert not app.exception and "nobody foresaw" not in words(app), words(app)
    return app


def words(app: AppTest) -> str:
    kinds = ("html", "markdown", "caption", "subheader")
    return "\n".join(str(element.proto) if kind == "html" else str(element.value) for kind in kinds for element in app.get(kind))


@pytest.mark.parametrize("name", GRIMOIRES)
def test_every_declared_statement_runs_over_the_products_contracts(company, name):
    declared = GRIMOIRES[name]
    with lake.connect(read_only=True) as connection:
        for part in (*declared.figures, *declared.charts, *declared.tables):
            assert connection.execute(f"select 1 from {part.of.table} limit 1"), part.title
            told = {column[0] for column in connection.execute(part.sql).description}
            wanted = {"value"} if part in declared.figures else set()
            if part in declared.charts:
                wanted = {part.what, part.value, *([part.colour] if part.colour else [])}
                if part.opens:
                    connection.execute(part.opens.rows, ["x"])
            if part in declared.tables:
                wanted = {column for column, _, _ in part.columns}
            assert wanted <= told, part.title


def test_every_product_and_process_a_page_names_is_one():
    processes = {path.name.removesuffix(".process.yaml") for path in (ROOT / "dbt_project").rglob("*.process.yaml")}
    known = contracts()
    for declared in GRIMOIRES.values():
        assert set(declared.products) <= set(known)
        assert {name for name in declared.processes if "_" in name} - processes <= OPTIONAL


OPTIONAL = {
    "accounts_payable",
    "cisa_kev_remediation",
    "servicenow_incident_management",
    "suricata_attacks",
    "syslog_instances",
    "syslog_ssh_sessions",
    "ticket_to_resolution",
}


def test_every_watch_of_the_brief_runs_over_the_contracts(company):
    with lake.connect(read_only=True) as connection:
        found = brief_of(connection, (*CHANGES, *RISKS, *DECISIONS))
    lacking = {one.about for one in found.blind}
    assert lacking <= {"New deviations from the model", "Quarantined rows"}, "a watch names a table there is not"
    told = {line.about for line in found.lines}
    assert {"Overdue receivables", "Customers that owe most", "Sales orders past their date", "Tickets"} <= told


def test_the_brief_shows_its_lines_ranked_with_threshold_and_evidence(company):
    said = words(page("executive"))
    assert "600 EUR of receivables are overdue, 100% of what customers owe" in said
    assert said.index("2,000 EUR") < said.index("600 EUR of receivables"), "the heavier line comes first"
    assert "5 % or more of what customers owe is overdue" in said and "products.finance__receivables" in said
    assert "no line, which takes" in said
    assert "<b>Customer</b>" not in said and "&lt;b&gt;Customer&lt;/b&gt;" in said


@pytest.mark.parametrize("name", PAGES)
def test_every_page_runs_with_rows_and_without(company, name):
    said = words(page(name))
    if name in {"security", "it_operations"}:
        assert "nothing here yet" in said and "grimoire " in said


@pytest.mark.parametrize("name", PAGES)
def test_every_page_says_what_to_do_on_an_empty_lake(empty_home, name):
    assert "grimoire " in words(page(name))


def test_the_brief_in_the_terminal_says_the_same(company):
    grimoire = str(Path(sys.executable).parent / "grimoire")
    done = subprocess.run([grimoire, "brief", "--why"], cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert "At risk" in done.stdout and "600 EUR of receivables are overdue" in done.stdout
    assert "because 5 % or more of what customers owe is overdue; from products.finance__receivables" in done.stdout


CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def server(company: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "apps/streamlit/app.py", "--server.port", str(port)]
    with (tmp_path_factory.mktemp("server") / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        try:
            for _ in range(300):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).close()
                    break
                except OSError:
                    time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium is installed")
def test_a_click_on_a_bar_shows_the_rows_behind_it_and_a_line_leads_to_its_page(server):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        visitor = browser.new_page(viewport={"width": 1400, "height": 1600})
        errors: list[str] = []
        visitor.on("pageerror", lambda error: errors.append(str(error)))
        visitor.goto(f"{server}/executive")
        visitor.get_by_text("600 EUR of receivables are overdue").wait_for(timeout=60_000)
        visitor.locator(".st-key-brief_at_risk").get_by_role("link", name="Finance").first.click()
        visitor.get_by_role("heading", name="Customers by what is overdue").wait_for(timeout=60_000)
        chart = visitor.locator('[data-testid="stVegaLiteChart"]').nth(1)
        chart.locator("canvas, svg").first.wait_for(timeout=60_000)
        visitor.wait_for_timeout(2500)  # the chart is drawn and has its place
        box = chart.bounding_box()
        assert box is not None
        visitor.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + 20)
        visitor.get_by_text("rows, 200 at most").first.wait_for(timeout=60_000)
        assert errors == []
        assert visitor.get_by_test_id("stException").count() == 0
        browser.close()
