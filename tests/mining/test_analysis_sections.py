"""The sections of performance, people and drift: their tables have the columns they promise, are written and are documented."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import lake
from mining import EventLog, drift, mine, people, performance
from mining.object_centric import ObjectCentricLog
from mining.sections import SECTIONS, Mined
from mining.synchronisation import synchronisation_times

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pm4py.*", "ignore::FutureWarning:pm4py.*")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
MODULES = [performance, people, drift]
START = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def own_home(module_home):
    """These tests share one lake, so the folder's other fixture of that name gives way."""


def test_the_sections_are_computed_with_every_mining():
    assert {"performance", "people", "drift"} <= set(SECTIONS)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_table_is_documented_with_its_columns(module):
    lines = {line.split("`")[1]: line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")}
    for table, columns in module.TABLES.items():
        assert {column.split()[0] for column in columns.split(", ")} <= set(re.findall(r"`(\w+)`", lines[table])), table


ODD_LOGS = {
    "one event": [("1", "a", 0)],
    "equal times": [("1", "a", 0)] * 4,
    "long case": [("long", f"{n % 5}", n) for n in range(3000)],
    "600 activities": [(f"{n % 7}", f"it's {n % 600}", n) for n in range(1800)],
}


@pytest.mark.parametrize("events", ODD_LOGS.values(), ids=ODD_LOGS)
@pytest.mark.parametrize("resource", ["Ann", None])
def test_every_table_has_its_columns_and_types_for_any_log(log_of, events, resource):
    log = log_of(events, resource=[resource] * len(events), started_at=[START + timedelta(days=n % 3) for n in range(len(events))])
    import duckdb

    for module in MODULES:
        for name, table in module.tables(Mined(log, "p", {}, None, None)).items():
            with duckdb.connect() as connection:
                connection.register("found", table)
                columns = module.TABLES[name]
                connection.execute(f"create table kept ({columns})")
                connection.execute(
                    f"insert into kept select {', '.join(part.split()[0] for part in columns.split(', '))} from found"
                )


DEFINITION = {
    "working_calendar": {"weekdays": ["monday", "tuesday", "wednesday", "thursday", "friday"], "from": "08:00", "to": "16:00"},
    "slas": [{"name": "quick", "from": "a", "to": "b", "within_hours": 24}],
    "rules": [{"kind": "different_resource", "first": "a", "then": "b"}],
    "external_activities": ["c"],
}


def land(process):
    """A process of 300 cases; from day 150 on, b takes three times as long."""
    from lake.registry import register_process

    rows = """select n::varchar as case_id, chr((97 + step)::integer) as activity,
            timestamptz '2024-01-01' + to_days(n) + to_hours(step * (case when n < 150 then 4 else 12 end) + n % 4) as occurred_at,
            null::timestamptz as started_at, case step when 2 then null else 'Ann' end as resource, n * 3 + step as source_row
        from (select unnest(range(300)) as n), (select unnest(range(3)) as step)"""

    def work(connection):
        connection.execute("create schema if not exists event_logs")
        connection.execute(f"create or replace table event_logs.{process} as {rows}")
        register_process(connection, process, title=process, origin="file", definition=DEFINITION)

    lake.in_transaction(work)


def test_mining_writes_what_the_sections_find():
    land("analysed")
    result = mine("analysed", noise=0)

    def rows(table, columns):
        return lake.query(f"select {columns} from mining.{table} where process = 'analysed' order by all").fetchall()

    assert rows("bottlenecks", "rank, source, target, frequency, is_external") == [
        (1, "a", "b", 300, False),
        (2, "b", "c", 300, True),
    ]
    assert rows("slas", "name, cases, met, breached") == [("quick", 300, 300, 0)]
    assert rows("segregation", "first, second, is_rule, breaches, cases_unknown") == [
        ("a", "b", True, 300, 0),
        ("a", "c", False, 0, 300),
        ("b", "c", False, 0, 300),
    ]
    assert rows("resources", "resource, events") == [("Ann", 600), (None, 300)]
    assert rows("handovers", "source, target, handovers") == [("Ann", "Ann", 300)]
    assert rows("synchronisation", "*") == []
    changed = rows("changes", "kind, source, target, changed_at::date, snapshot_id")
    assert [row[:3] for row in changed] == [("time", "a", "b"), ("time", "b", "c")]
    assert all(abs((row[3] - datetime(2024, 5, 30).date()).days) <= 7 and row[4] == result.snapshot_id for row in changed)
    told = lake.query("select count(*) from mining.queues where process = 'analysed' and target is null").fetchone()
    assert told == (43,)


def test_objects_wait_for_one_another_as_by_hand():
    """An order of two items: one is there after an hour, one after three; the parcel after two; all are shipped after five."""
    events = [("e1", "place", 0), ("e2", "pick", 1), ("e3", "pick", 3), ("e4", "pack", 2), ("e5", "ship", 5)]
    links = [
        ("e1", "o"),
        ("e2", "i1"),
        ("e3", "i2"),
        ("e4", "p"),
        ("e5", "o"),
        ("e5", "i1"),
        ("e5", "i2"),
        ("e5", "p"),
        ("e5", "new"),
    ]
    kinds = [("o", "order"), ("i1", "item"), ("i2", "item"), ("p", "parcel"), ("new", "truck")]

    def work(connection):
        connection.execute("create schema if not exists event_logs")
        connection.execute("create table event_logs.packed__events (event_id varchar, activity varchar, occurred_at timestamptz)")
        connection.execute("create table event_logs.packed__objects (object_id varchar, object_type varchar)")
        connection.execute("create table event_logs.packed__event_objects (event_id varchar, object_id varchar)")
        for name, activity, hours in events:
            moment = START + timedelta(hours=hours)
            connection.execute("insert into event_logs.packed__events values (?, ?, ?)", [name, activity, moment])
        connection.executemany("insert into event_logs.packed__event_objects values (?, ?)", links)
        connection.executemany("insert into event_logs.packed__objects values (?, ?)", kinds)

    lake.in_transaction(work)
    with lake.connect(read_only=True) as connection:
        tables = [f"select * from event_logs.packed__{part}" for part in ("objects", "event_objects")]
        events = "select *, row_number() over () as source_row from event_logs.packed__events"
        rows = synchronisation_times(ObjectCentricLog(connection, "packed", events, *tables)).to_arrow_table().to_pylist()
    hour = 3600.0
    found = {row["object_type"]: row for row in rows}
    assert {row["activity"] for row in rows} == {"ship"}
    assert {row["total_synchronisation_seconds"] for row in rows} == {3 * hour}, "from the order at 0 to the second item at 3"
    assert {row["mean_waiting_seconds"] for row in rows} == {2 * hour}
    assert {kind: row["total_pooling_seconds"] for kind, row in found.items()} == {"order": 0.0, "item": 2 * hour, "parcel": 0.0}
    assert {kind: row["total_lagging_seconds"] for kind, row in found.items()} == {
        "order": 0.0,
        "item": 3 * hour,
        "parcel": 2 * hour,
    }


def test_a_log_in_the_lake_answers_as_one_of_its_rows(tmp_path):
    land("twin")
    with EventLog.from_lake("twin") as kept:
        frame = kept.connection.sql("from event_logs.twin").to_arrow_table()
        with EventLog.from_frame(frame) as own:
            for question in (performance.activity_times, performance.edge_times, people.handovers, people.resources):
                assert question(kept).fetchall() == question(own).fetchall()


def test_a_result_table_of_an_earlier_version_gets_the_columns_it_lacks():
    land("older")
    columns = "process varchar, rank bigint, total_rank bigint, computed_at timestamptz, snapshot_id bigint"
    made = f"create schema if not exists mining; create table mining.bottlenecks ({columns})"
    lake.in_transaction(lambda connection: connection.execute("drop table if exists mining.bottlenecks; " + made))
    mine("older", noise=0)

    found = lake.query("select total_rank, spent_seconds is not null, snapshot_id is not null from mining.bottlenecks").fetchall()
    assert found == [(None, True, True)] * 2
