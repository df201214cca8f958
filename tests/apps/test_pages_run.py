"""Every page runs without error for every kind of process, and says what to do where there is nothing to see."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import lake
from apps.streamlit import reading

APP = Path(__file__).resolve().parents[2] / "apps" / "streamlit" / "frame.py"
PAGES = (
    "overview",
    "process_map",
    "variants",
    "conformance",
    "performance",
    "people",
    "cases",
    "compare",
    "prediction",
    "forecasts",
    "data_products",
    "data_quality",
    "connections",
    "upload",
    "sql",
)
PROCESSES = ("order_to_cash", "bestellung", "wide", "single", "fresh")


def page(name: str, *, process: str | None = None) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    if process:
        app.query_params["process"] = process
    app.run()
    app.switch_page(f"app_pages/{name}.py").run()
    assert not app.exception and "nobody foresaw" not in words(app), words(app)
    return app


def words(app: AppTest) -> str:
    """Everything the page says, HTML included."""
    kinds = ("html", "markdown", "caption", "subheader", "code")
    return "\n".join(str(element.proto) if kind == "html" else str(element.value) for kind in kinds for element in app.get(kind))


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("name", PAGES)
def test_every_page_runs_for_every_kind_of_process(filled_home, name, process):
    app = page(name, process=process)
    assert app.sidebar.selectbox(key="process").value == process


def test_without_a_choice_the_product_with_the_most_cases_is_shown(filled_home):
    app = page("overview")
    assert app.sidebar.selectbox(key="process").value == "order_to_cash"


def test_most_cases_decide_among_products_and_products_come_before_files():
    from apps.streamlit import choices
    from lake.registry import Process

    def known(**origins):
        return {name: Process(name, name, origin, datetime.now(UTC)) for name, origin in origins.items()}

    cases = {"small": 10, "large": 20, "imported": 900}
    assert choices.most_important(known(a="product", imported="file", large="product", small="product"), cases).name == "large"
    assert choices.most_important(known(small="file", imported="file"), cases).name == "imported"
    assert choices.most_important(known(b="file", c="file"), {}).name == "b"
    assert choices.most_important({}, {}) is None


def test_a_process_that_is_no_more_gives_way_to_one_there_is(filled_home):
    app = page("variants", process="forgotten_since")
    assert app.sidebar.selectbox(key="process").value == "order_to_cash"


@pytest.mark.parametrize("name", PAGES)
def test_every_page_runs_on_an_empty_lake(empty_home, name):
    page(name)


@pytest.mark.parametrize(
    "name",
    ["overview", "process_map", "variants", "conformance", "performance", "people", "prediction", "forecasts", "data_quality"],
)
def test_an_empty_lake_is_met_with_the_command_that_fills_it(empty_home, name):
    assert "grimoire run" in words(page(name))


@pytest.mark.parametrize(
    "name", ["overview", "process_map", "variants", "cases", "conformance", "performance", "people", "compare"]
)
def test_a_process_that_is_not_mined_is_met_with_the_command_that_mines_it(filled_home, name):
    assert "grimoire mine fresh" in words(page(name, process="fresh"))


@pytest.mark.parametrize("name", ["overview", "process_map", "variants"])
def test_mined_figures_say_as_of_when_and_from_which_snapshot(filled_home, name):
    assert "from lake snapshot 1" in words(page(name, process="order_to_cash"))


def test_data_quality_shows_the_last_count_of_a_check_that_had_no_rows_this_time(filled_home):
    app = page("data_quality")
    shown = app.dataframe[0].value.set_index("Check")["Last with rows"]
    assert shown["key is unique"].startswith("1,000, 0 failed, 20")
    assert shown["amount is not negative"] == ""


def test_data_quality_says_how_many_events_flattening_duplicates(filled_home):
    said = words(page("data_quality"))
    assert "200 (20 %)" in said and "sales order" in said and "1,250" in said
    assert "30 (10 %)" in said, "cases in which an activity diverges"


def test_a_process_without_a_model_is_met_with_the_command_that_mines_one(filled_home):
    app = page("process_map", process="bestellung")
    app.session_state["map_view"] = "Model"
    app.run()
    assert not app.exception
    assert "grimoire mine bestellung" in words(app)


def test_open_cases_are_listed_by_risk_with_their_reasons_beside_the_models_error_and_floor(filled_home):
    app = page("prediction", process="order_to_cash")
    listed = app.dataframe[0].value
    assert list(listed["Case"][:2]) == ["case 0", "case 1"] and listed["Risk"][0] == 0.9
    assert listed["Next"][0] == "Send invoice (80 %)" and listed["80 of 100 within"][0] == "1.0 d – 9.0 d"
    said = words(app)
    assert "floor: 10.0 d" in said and "50 % below" in said and "83 %" in said


def test_where_the_floor_serves_the_page_says_so(filled_home):
    app = page("prediction", process="order_to_cash")
    app.segmented_control(key="predicted_target").set_value("next_activity").run()
    assert "the floor serves" in words(app)


def test_a_process_without_predictions_says_why_or_how_to_make_them(filled_home):
    assert "Only 8 of its cases have ended" in words(page("prediction", process="bestellung"))
    assert "grimoire predict single" in words(page("prediction", process="single"))


def test_a_forecast_shows_what_came_and_what_was_not_to_be_expected(filled_home):
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.query_params["process"], app.query_params["series"] = "order_to_cash", "Orders"
    app.run()
    app.switch_page("app_pages/forecasts.py").run()
    app.selectbox(key="series").set_value("orders").run()
    said = words(app)
    assert "<b>90 %</b> of 10 actuals" in said
    assert "region North &lt;b&gt; (18)" in said and "critical" in said


@pytest.mark.parametrize("name", ["upload", "sql"])
def test_the_limits_of_what_a_browser_may_ask_are_said(filled_home, name):
    app = page(name)
    said = words(app) + "".join(str(one.proto) for one in app.get("file_uploader"))
    assert {"upload": "200 MB", "sql": "At most 5,000 rows"}[name] in said


def test_a_run_of_a_page_asks_once_which_snapshot_is_the_newest_and_the_next_run_asks_again(filled_home, monkeypatch):
    asked = []
    newest = reading.lake.current_snapshot

    def noted(connection):
        asked.append(newest(connection))
        return asked[-1]

    monkeypatch.setattr(reading.lake, "current_snapshot", noted)
    app = page("finance", process="order_to_cash")
    assert not app.exception
    runs = len(asked)
    assert runs <= 3, "one for each run it took to come to the page"
    lake.in_transaction(lambda connection: connection.execute("create table platform.passing as select 1 as one"))
    app.run()
    lake.in_transaction(lambda connection: connection.execute("drop table platform.passing"))
    assert len(asked) == runs + 1
    assert asked[-1] > asked[0]
