"""A layout that follows its log's changes: the same, up to ids, as one built at once, and ids stay where the rows do."""

from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lake
from lake.versions import changes_of, unchanged_between
from mining import EventLog, build_layout, layout_change
from mining.layout import Layout, lay_out
from mining.layout_change import follow

START = datetime(2024, 1, 1, tzinfo=UTC)
events_lists = st.lists(
    st.tuples(st.sampled_from(["NA", "k'1", "k2", "k3", "ü4"]), st.sampled_from(["a", "B", "ä c", "d"]), st.integers(0, 4)),
    min_size=1,
    max_size=20,
)


def layout_named(name):
    return Layout(*(f"memory.main.{name}_{part}" for part in ("activities", "events", "cases", "variants", "edge_times")))


def write_log(connection, events):
    """Events as (case, activity, hour, source row)."""
    connection.execute(
        "create or replace table log (case_id varchar, activity varchar, occurred_at timestamptz, source_row bigint)"
    )
    rows = [[case, activity, START + timedelta(hours=hour), row] for case, activity, hour, row in events]
    connection.executemany("insert into log values (?, ?, ?, ?)", rows)


def contents(connection, layout):
    """What a layout says, without its ids."""
    events = connection.sql(
        f"select c.case_id, a.activity, e.occurred_at, e.source_row, n.activity, e.seconds_to_next from {layout.events} as e "
        f"join {layout.cases} as c using (case_no) join {layout.activities} as a using (activity_id) "
        f"left join {layout.activities} as n on n.activity_id = e.next_activity"
    ).fetchall()
    cases = connection.sql(
        f"select c.* exclude (case_no, variant_id), v.activities "
        f"from {layout.cases} as c join {layout.variants} as v using (variant_id)"
    ).fetchall()
    variants = connection.sql(
        f"select activities, cases, round(mean_seconds, 6), round(median_seconds, 6) from {layout.variants}"
    ).fetchall()
    edges = connection.sql(
        f"select s.activity, t.activity, round(mean_seconds, 6), round(median_seconds, 6), round(p90_seconds, 6) "
        f"from {layout.edge_times} join {layout.activities} as s on s.activity_id = source_id "
        f"join {layout.activities} as t on t.activity_id = target_id"
    ).fetchall()
    names = connection.sql(f"select activity from {layout.activities}").fetchall()
    return [sorted(map(repr, part)) for part in (events, cases, variants, edges, names)]


def ids(connection, layout):
    variants = {
        tuple(names): number for number, names in connection.sql(f"select variant_id, activities from {layout.variants}").fetchall()
    }
    cases = dict(connection.sql(f"select case_id, case_no from {layout.cases}").fetchall())
    return variants, cases, dict(connection.sql(f"select activity, activity_id from {layout.activities}").fetchall())


@settings(max_examples=60, deadline=None)
@given(
    before=events_lists,
    added=events_lists,
    taken=st.sets(st.integers(0, 19)),
    renamed=st.sets(st.integers(0, 19)),
    told=st.booleans(),
)
def test_a_layout_that_followed_equals_one_built_at_once(before, added, taken, renamed, told):
    rows = [(*event, number) for number, event in enumerate(before)]
    after = [
        (case, "new" if number in renamed else activity, hour, number)
        for case, activity, hour, number in rows
        if number not in taken
    ] + [(*event, number) for number, event in enumerate(added, start=len(before))]
    source = "select * from memory.main.log"
    with duckdb.connect() as connection, pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout_change, "MOST", 1000)
        connection.execute("set timezone = 'UTC'")
        followed, fresh = layout_named("followed"), layout_named("fresh")
        write_log(connection, rows)
        lay_out(connection, followed, source, name="log", temporary=False)
        variants, cases, activities = ids(connection, followed)
        connection.execute("create table earlier as from log")
        write_log(connection, after)
        changes = "(from earlier except from log) union all (from log except from earlier)"
        changed = follow(connection, followed, source, changes=changes if told else None)
        lay_out(connection, fresh, source, name="log", temporary=False)

        if changed is None:
            assert {name for _, name, _, _ in after} < set(activities) | {name for _, name, _, _ in after}, "an activity has gone"
            return
        assert contents(connection, followed) == contents(connection, fresh)
        for now, then in zip(ids(connection, followed), (variants, cases, activities), strict=True):
            assert {key: now[key] for key in then if key in now} == {key: then[key] for key in then if key in now}
            assert len(set(now.values())) == len(now)


@pytest.mark.parametrize(
    "after",
    [
        [("k1", "a", 0, 1)],  # `b` has gone
        [(f"c{number}", "a", 0, number) for number in range(40)] + [("k1", "b", 0, 50)],  # nothing is as it was
        [("k1", "a", 0, 1), ("k1", "b", 1, None), ("k2", "a", 0, 2), ("k3", "a", 0, 3), ("k4", "a", 0, 4)],  # not fit
    ],
)
def test_where_a_layout_cannot_follow_it_is_left_as_it_was(after):
    source = "select * from memory.main.log"
    with duckdb.connect() as connection:
        layout = layout_named("kept")
        write_log(connection, [("k1", "a", 0, 1), ("k1", "b", 1, 9), ("k2", "a", 0, 2), ("k3", "a", 0, 3), ("k4", "a", 0, 4)])
        lay_out(connection, layout, source, name="log", temporary=False)
        before = contents(connection, layout)
        write_log(connection, after)

        assert follow(connection, layout, source) is None
        assert contents(connection, layout) == before
        assert connection.sql("select count(*) from duckdb_tables() where temporary").fetchone() == (0,)


def test_the_lakes_layout_follows_and_an_earlier_snapshot_keeps_its_own(module_home):
    def write(sql):
        lake.in_transaction(lambda connection: connection.execute(sql))

    write("create schema if not exists event_logs")
    write(
        "create table event_logs.steady as select 'c' || (i // 3) as case_id, 'a' || (i % 3) as activity, "
        "timestamptz '2024-01-01' + to_hours(i::integer) as occurred_at, i as source_row from range(30) as r(i)"
    )
    assert build_layout("steady").cases_changed is None
    with EventLog.from_lake("steady") as log:
        earlier, before = log.snapshot_id, log.variants().fetchall()
    write(
        "insert into event_logs.steady values "
        "('c1', 'late', timestamptz '2024-01-01 04:30', 40), ('n', 'a0', timestamptz '2025-01-01', 41)"
    )
    write("delete from event_logs.steady where case_id = 'c2'")

    report = build_layout("steady")
    assert (report.rebuilt, report.cases_changed, report.cases, report.activities) == (True, 3, 10, 4)
    with EventLog.from_lake("steady") as log, EventLog.from_lake("steady", layout=False) as anew:
        assert log.uses_kept_layout
        assert sorted(row[4:] for row in log.dfg().fetchall()) == sorted(row[4:] for row in anew.dfg().fetchall())
        assert log.dfg().fetchall() == anew.dfg().fetchall()
        assert log.summary() == anew.summary()
        assert sorted(log.case_durations().project("case_id, seconds, events").fetchall()) == sorted(
            anew.case_durations().project("case_id, seconds, events").fetchall()
        )
    with EventLog.from_lake("steady", as_of=earlier) as log:
        assert log.uses_kept_layout
        assert log.variants().fetchall() == before
    write("insert into event_logs.steady values ('n', 'a1', timestamptz '2025-01-02', 42)")
    with EventLog.from_lake("steady") as log:
        assert not log.uses_kept_layout
    write("delete from event_logs.steady where source_row = 42")
    with EventLog.from_lake("steady", as_of=log.snapshot_id) as between:
        assert not between.uses_kept_layout
        assert between.summary()["events"] == 30


def test_a_layout_of_another_form_is_built_anew(module_home):
    def write(sql):
        lake.in_transaction(lambda connection: connection.execute(sql))

    write("create schema if not exists event_logs")
    write(
        "create table event_logs.older as "
        "select 'c' as case_id, 'a' as activity, timestamptz '2024-01-01' as occurred_at, 1 as source_row"
    )
    build_layout("older")
    write("alter table layouts.older__cases drop column digest")
    write("update layouts.built set log_version = '1:x' where process = 'older'")
    with EventLog.from_lake("older") as log:
        assert not log.uses_kept_layout
    assert build_layout("older").cases_changed is None
    with EventLog.from_lake("older") as log:
        assert log.uses_kept_layout


def test_the_lake_tells_the_rows_that_changed_of_a_table_and_of_a_view_that_is_one_table(module_home):
    def write(*statements):
        for sql in statements:
            lake.in_transaction(lambda connection, sql=sql: connection.execute(sql))

    write(
        "create schema if not exists event_logs",
        "create table event_logs.told as select 'c' || i as case_id, i as source_row from range(5) as r(i)",
        "create view event_logs.told_view as select * exclude (source_row) from event_logs.told",
        "create view event_logs.told_join as select t.* from event_logs.told as t join event_logs.told as u using (case_id)",
        "create view event_logs.told_part as select * from event_logs.told where source_row > 1",
    )
    with lake.connect(read_only=True) as connection:
        first = lake.current_snapshot(connection)
    write("insert into event_logs.told values ('new', 9)", "delete from event_logs.told where case_id = 'c1'")
    with lake.connect(read_only=True) as connection:
        last = lake.current_snapshot(connection)
        for relation in ("event_logs.told", "event_logs.told_view"):
            sql = changes_of(connection, f"lake.{relation}", first, last)
            assert sorted(connection.sql(f"select case_id from ({sql})").fetchall()) == [("c1",), ("new",)]
        for relation in ("event_logs.told_join", "event_logs.told_part"):
            assert changes_of(connection, f"lake.{relation}", first, last) is None
        assert not unchanged_between(connection, "lake.event_logs.told", first, last)
        assert unchanged_between(connection, "lake.event_logs.told", last, last)
    write("create or replace table event_logs.told as select 'c' as case_id, 1 as source_row")
    with lake.connect(read_only=True) as connection:
        assert changes_of(connection, "lake.event_logs.told", last, lake.current_snapshot(connection)) is None
        assert not unchanged_between(connection, "lake.event_logs.told", last, lake.current_snapshot(connection))
