"""The pages Conformance, Performance and People on a log that was really mined: what they say, and that filters change it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import lake
from lake.journal import ensure_platform_tables
from lake.postgres import embedded
from lake.registry import register_process
from lake.settings import get_settings
from mining.filters import Duration, Endpoints
from mining.results import mine

APP = Path(__file__).resolve().parents[2] / "apps" / "streamlit" / "frame.py"
START = datetime(2024, 1, 1, 8, tzinfo=UTC)  # a Monday
DEFINITION = {
    "happy_path": ["Order", "Approve", "Ship", "Pay"],
    "working_calendar": {"time_zone": "Europe/Berlin"},
    "rules": ["Approve precedes Ship", {"rule": "Order and Approve are done by different people", "threshold": "0 %"}],
    "slas": [{"name": "shipping", "text": "Goods leave within a day", "from": "Order", "to": "Ship", "within_hours": 24}],
    "costs": {"activities": {"Order": 5, "Approve": 10, "Ship": 20, "Pay": 1}},
}
PATHS = (  # activities with the hours from the case's start, and who; of ten cases
    (6, (("Order", 0, "Ann"), ("Approve", 5, "Bob"), ("Ship", 20, "Cem"), ("Pay", 90, None))),
    (2, (("Order", 0, "Ann"), ("Approve", 5, "Ann"), ("Ship", 40, "Cem"), ("Pay", 95, None))),
    (1, (("Order", 0, "Bob"), ("Ship", 10, "Cem"), ("Pay", 80, None))),
    (1, (("Order", 0, "Bob"), ("Approve", 3, "Ann"), ("Ship", 60, "Cem"), ("Ship", 70, "Cem"), ("Pay", 300, None))),
)


def _rows(cases: int, *, with_people: bool) -> list[tuple]:
    paths = [path for times, path in PATHS for _ in range(times)]
    rows = []
    for case in range(cases):
        for activity, hours, who in paths[case % len(paths)]:
            ended = START + timedelta(hours=7 * case + hours)
            begun = ended - timedelta(minutes=30) if activity != "Pay" else None
            rows.append((f"case {case}", activity, ended, begun, who if with_people else None, len(rows)))
    return rows


def _publish(connection, name: str, rows: list[tuple], definition: dict | None) -> None:
    connection.execute("create schema if not exists event_logs")
    columns = (
        "case_id varchar, activity varchar, occurred_at timestamptz, started_at timestamptz, resource varchar, source_row bigint"
    )
    connection.execute(f"create table event_logs.{name} ({columns})")
    connection.executemany(f"insert into event_logs.{name} values (?, ?, ?, ?, ?, ?)", rows)
    register_process(connection, name, title=name.title(), origin="product", definition=definition)


def _fill(connection) -> None:
    ensure_platform_tables(connection)
    _publish(connection, "orders", _rows(100, with_people=True), DEFINITION)
    _publish(connection, "unnamed", _rows(20, with_people=False), None)
    _publish(connection, "one", [("only", "Single <b>event</b>", START, None, None, 0)], None)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A lake with three mined logs: one with rules and people, one that names nobody, one of a single event."""
    folder = tmp_path_factory.mktemp("analysed")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("GRIMOIRE_HOME", str(folder))
        get_settings.cache_clear()
        lake.in_transaction(_fill)
        for process in ("orders", "unnamed", "one"):
            mine(process)
        yield folder
        embedded(get_settings()).release()
    get_settings.cache_clear()


@pytest.fixture(autouse=True)
def _at_home(home: Path) -> None:
    """Every test here reads that lake."""


def page(name: str, process: str, *filters, as_of: str = "", **chosen: str) -> AppTest:
    from apps.streamlit.stack import Stack

    app = AppTest.from_file(str(APP), default_timeout=120)
    app.query_params["process"] = process
    app.run()
    app.switch_page(f"app_pages/{name}.py")
    if as_of:
        app.query_params["as_of"] = as_of
    if filters:
        app.query_params["filters"] = Stack(filters).packed()
    for key, value in chosen.items():
        app.session_state[key] = value
    app.run()
    assert not app.exception, app.exception
    return app


def words(app: AppTest) -> str:
    kinds = ("html", "markdown", "caption", "subheader", "warning", "info")
    return "\n".join(str(element.proto) if kind == "html" else str(element.value) for kind in kinds for element in app.get(kind))


PERFORMANCE = ("bottlenecks", "times", "queues", "week", "throughput", "deadlines", "batches", "spectrum", "objects")
PEOPLE = ("handovers", "workload", "together", "roles", "duties")


@pytest.mark.parametrize("process", ["orders", "unnamed", "one"])
@pytest.mark.parametrize("part", PERFORMANCE)
def test_every_part_of_performance_runs_for_every_log(part, process):
    assert "from lake snapshot" in words(page("performance", process, look_at=part))


@pytest.mark.parametrize("part", PERFORMANCE)
def test_every_part_of_performance_runs_under_filters(part):
    assert "10</b> of 100 cases" in words(page("performance", "orders", Duration(minimum=200 * 3600.0), look_at=part))


@pytest.mark.parametrize("part", PEOPLE)
@pytest.mark.parametrize("filters", [(), (Duration(minimum=200 * 3600.0),)], ids=["all", "filtered"])
def test_every_part_of_people_runs(part, filters):
    assert "from lake snapshot" in words(page("people", "orders", *filters, people_part=part))


def test_bottlenecks_are_ranked_by_the_time_lost_and_asked_anew_under_filters():
    def first(*filters) -> dict:
        return page("performance", "orders", *filters).dataframe[0].value.iloc[0].to_dict()

    assert (first()["From"], first()["To"], first()["Times"]) == ("Ship", "Pay", 100)
    slow = first(Duration(minimum=200 * 3600.0))
    assert (slow["From"], slow["To"], slow["Times"], slow["Allowed"]) == ("Ship", "Pay", 10, "9.6 d")


def test_waiting_and_working_are_told_apart_where_starts_are_known():
    app = page("performance", "orders", look_at="times")
    shown = app.dataframe[0].value.set_index("Activity")
    assert shown.loc["Ship", "Working, median"] == "30.0 min"
    assert shown.loc["Pay", "Working, median"] == "–"


def test_late_cases_of_an_agreement_are_the_breached_and_the_open_ones():
    app = page("performance", "orders", look_at="deadlines")
    assert app.dataframe[0].value.iloc[0]["Breached"] == 30
    assert app.dataframe[0].value.iloc[0]["Agreement"] == "Goods leave within a day"


def test_the_week_is_told_by_the_clock_of_the_calendar():
    assert "by the clock in Europe/Berlin (the calendar's time zone)" in words(page("performance", "orders", look_at="week"))
    assert "by the clock in UTC (the definition names no other)" in words(page("performance", "unnamed", look_at="week"))


def test_a_process_without_deadlines_or_objects_says_what_would_give_them():
    assert "has no deadlines" in words(page("performance", "unnamed", look_at="deadlines"))
    assert "knows cases only" in words(page("performance", "orders", look_at="objects"))


def test_a_log_that_names_nobody_says_so():
    assert "names nobody" in words(page("people", "unnamed"))
    assert "names nobody" in words(page("people", "one"))


def test_events_without_a_resource_are_counted_and_belong_to_nobody():
    said = words(page("people", "orders"))
    assert "Events that name nobody" in said
    assert "100" in said and "None" not in said


def test_duties_that_one_person_did_are_told_with_their_cases():
    app = page("people", "orders", people_part="duties")
    first = app.dataframe[0].value.iloc[0]
    assert (first["One duty"], first["Other duty"], first["By rule"]) == ("Approve", "Order", "separate")
    assert (first["Cases with both"], first["By one person"]) == (90, 20)


def test_conformance_shows_what_was_mined_and_the_same_under_a_filter_that_keeps_all():
    def told(*filters) -> list:
        app = page("conformance", "orders", *filters)
        return [frame.value.to_dict("records") for frame in app.dataframe]

    assert told() == told(Duration(minimum=0.0))


def test_the_target_path_is_held_against_the_log_beside_the_server():
    app = page("conformance", "orders", against_orders="path")
    deviations = app.dataframe[0].value
    by_name = {(row["What"], row["Activity"]): row["Cases"] for row in deviations.to_dict("records")}
    assert by_name == {("skipped", "Approve"): 10, ("inserted", "Ship"): 10}
    assert "80 %" in words(app), "eighty of a hundred cases fit"


def test_deviations_cost_money_where_the_definition_says_what_work_costs():
    app = page("conformance", "orders", against_orders="path", ranked_by="money")
    shown = app.dataframe[0].value.set_index("Activity")
    assert list(shown.index) == ["Ship", "Approve"]
    assert shown["Money"].to_dict() == {"Ship": "200", "Approve": "-100"}


def test_a_case_is_drawn_as_its_moves():
    app = page("conformance", "orders", against_orders="path", aligned_case_orders="case 8")
    said = words(app)
    assert "gr-move model" in said and "Case case 8" in said
    assert "No such case" in words(page("conformance", "orders", against_orders="path", aligned_case_orders="no such <case>"))


def test_rules_and_tests_say_passed_or_breached():
    shown = page("conformance", "orders", against_orders="rules").dataframe[0].value.set_index("Rule")
    assert shown["Result"].to_dict() == {
        "Order and Approve are done by different people": "breached",
        "Approve precedes Ship": "broken",
        "Goods leave within a day": "broken",
    }
    filtered = page("conformance", "orders", Endpoints(starts=("Nothing",)), against_orders="rules")
    assert "No case passes these filters" in words(filtered)


def test_a_process_without_rules_says_how_they_are_written():
    assert "has no rules" in words(page("conformance", "unnamed", against_unnamed="rules"))


def test_what_a_search_did_not_reach_is_said(monkeypatch):
    from apps.streamlit import conformed

    monkeypatch.setattr(conformed, "SECONDS", 0.0)
    app = page("conformance", "orders", Duration(minimum=60.0), against_orders="path")
    assert "Not finished: 3 of 3 variants (100 cases)" in words(app)
    assert app.button(key="longer")


def test_figures_are_read_as_of_the_chosen_snapshot():
    from lake.snapshots import current_snapshot

    with lake.connect(read_only=True) as connection:
        before = current_snapshot(connection)
    gone = "delete from event_logs.orders where case_id in ('case 9', 'case 19')"
    lake.in_transaction(lambda connection: connection.execute(gone))
    try:
        app = page("people", "orders", Duration(minimum=200 * 3600.0), as_of=str(before))
        assert "10</b> of 100 cases" in words(app)
        assert f"as of lake snapshot {before}" in words(app)
        assert "8</b> of 100 cases" in words(page("people", "orders", Duration(minimum=200 * 3600.0)))
    finally:
        rows = [row for row in _rows(100, with_people=True) if row[0] in {"case 9", "case 19"}]
        lake.in_transaction(
            lambda connection: connection.executemany("insert into event_logs.orders values (?, ?, ?, ?, ?, ?)", rows)
        )


def test_work_beside_the_server_tells_its_progress_its_errors_and_its_end():
    from apps.streamlit.beside import beside
    from lake.errors import ModelError, UnknownProcessError
    from mining.model_files import sequence_net

    told = []

    def progress(what: str, done: float) -> None:
        told.append((what, done))

    hold = "apps.streamlit.conformed.hold"
    found = beside(hold, "orders", (), None, sequence_net(["Order", "Pay"]), "short", 30.0, progress=progress)
    assert [one.cases for one in found.variants] == [80, 10, 10]
    assert told and told[-1][1] == 1.0
    with pytest.raises(UnknownProcessError, match="nowhere"):
        beside(hold, "nowhere", (), None, None, "", 1.0, progress=progress)
    with pytest.raises(ModelError, match="ended without an answer"):
        beside("no_such_module.function", progress=progress)
