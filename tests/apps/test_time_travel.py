"""As of an earlier snapshot every figure is what it was then, and the page says so."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from streamlit.testing.v1 import AppTest

import lake
from lake.journal import ensure_platform_tables
from lake.snapshots import first_snapshot, snapshots, snapshots_between
from mining import build_layout
from mining.filters import Length
from tests.apps.conftest import MINED, MINING, ORDER_PATHS, _event_log
from tests.apps.test_pages_run import APP, words


@pytest.fixture(scope="module")
def grown_home(module_home) -> Iterator[int]:
    """A lake whose log had 100 cases and now has 90; the snapshot of then."""

    def before(connection):
        ensure_platform_tables(connection)
        for statement in filter(str.strip, MINING.split(";")):
            connection.execute(statement)
        _event_log(connection, "order_to_cash", ORDER_PATHS, cases=100, title="Order to cash", origin="product")

    def after(connection):
        connection.execute("delete from event_logs.order_to_cash where case_id like 'case 9%' and length(case_id) = 7")
        for table in ("dfg", "activities", "variants", "throughput", "logs", "models"):
            connection.execute(f"delete from mining.{table}")
        for statement in filter(str.strip, MINED.format(log="order_to_cash").split(";")):
            connection.execute(statement, ["order_to_cash"])

    lake.in_transaction(before)
    build_layout("order_to_cash")
    with lake.connect(read_only=True) as connection:
        then = lake.current_snapshot(connection)
    lake.in_transaction(after)
    yield then


def visit(**query: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception, app.exception
    return app


def test_figures_with_and_without_filters_are_those_of_then(grown_home):
    from apps.streamlit import mined

    then, long = grown_home, (Length(minimum=7),)
    assert [mined.mined_log("order_to_cash", as_of=at).cases for at in (then, None)] == [100, 90]
    assert [mined.kept("order_to_cash", long, as_of=at)[0] for at in (then, None)] == [20, 18]
    assert [mined.variant_count("order_to_cash", as_of=at)[1] for at in (then, None)] == [100, 90]


def test_the_page_says_that_it_shows_the_lake_as_it_was_and_leads_back(grown_home):
    app = visit(as_of=str(grown_home))
    assert "All 100 cases" in words(app)
    assert f"read as of lake snapshot {grown_home}" in words(app)
    app.button(key="as_of_back").click().run()
    assert not app.exception, app.exception
    assert "All 90 cases" in words(app)
    assert "As it was" not in words(app)


@pytest.mark.parametrize("told", ["999999", "-1", "nonsense", "1e3"])
def test_a_snapshot_there_is_not_gives_the_newest_and_says_so(grown_home, told):
    app = visit(as_of=told)
    assert "All 90 cases" in words(app)
    assert any("can still be read" in str(warning.value) for warning in app.warning)


def test_before_the_process_was_mined_the_page_says_so(grown_home):
    with lake.connect(read_only=True) as connection:
        first = first_snapshot(connection)
    assert "Not mined yet at that time" in words(visit(as_of=str(first.snapshot_id)))


def test_snapshots_are_found_by_day_and_a_day_without_one_gives_the_last_before_it(grown_home):
    from apps.streamlit import as_of

    today = datetime.now(UTC).date()
    assert grown_home in {one.snapshot_id for one in as_of.of_day(today)}
    assert [one.snapshot_id for one in as_of.of_day(date(2999, 1, 1))] == [as_of.of_day(today)[0].snapshot_id]
    assert as_of.of_day(date(2000, 1, 1)) == []
    with lake.connect(read_only=True) as connection:
        assert snapshots_between(connection) == snapshots(connection)
