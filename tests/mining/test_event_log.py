"""Questions to an event log: against figures worked out by hand, and against a naive reading in Python."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lake.errors import ColumnMissingError, DataError, FileFormatError
from mining import EventLog
from mining.filters import Attribute

MORNING = datetime(2024, 1, 1, 8, tzinfo=UTC)
ORDERS = [
    ("o1", "create", 0),
    ("o2", "create", 5),
    ("o1", "check", 10),
    ("o1", "ship", 30),
    ("o2", "check", 65),
    ("o2", "check", 70),
    ("o2", "ship", 75),
    ("o3", "create", 100),
    ("o3", "check", 110),
    ("o3", "ship", 170),
]
events_lists = st.lists(
    st.tuples(st.sampled_from(["NA", "k1", "k2", "k3"]), st.sampled_from(["a", "B", "ä c"]), st.integers(0, 4)),
    min_size=1,
    max_size=24,
)
few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def traces_of(events):
    """The naive reading: per case its events by time, ties in the recorded order."""
    cases = {}
    for position, (case, activity, minutes) in enumerate(events):
        cases.setdefault(case, []).append((minutes, position, activity))
    return {
        case: [(minutes, activity) for minutes, _, activity in sorted(rows, key=lambda row: row[:2])]
        for case, rows in cases.items()
    }


def quantile(values, share):
    ordered, place = sorted(values), share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def test_the_directly_follows_graph_counts_steps_cases_and_times(log_of):
    edges = {(row[0], row[1]): row[2:] for row in log_of(ORDERS).dfg().fetchall()}

    assert edges[("create", "check")] == pytest.approx((3, 3, 1600.0, 600.0, 3600 * 0.8 + 600 * 0.2))
    assert edges[("check", "ship")] == pytest.approx((3, 3, 1700.0, 1200.0, 3600 * 0.8 + 1200 * 0.2))
    assert edges[("check", "check")] == pytest.approx((1, 1, 300.0, 300.0, 300.0))
    assert len(edges) == 3


def test_variants_come_by_frequency_with_shares_and_times(log_of):
    first, second = log_of(ORDERS).variants().fetchall()

    assert first[:3] == (1, 1, ["create", "check", "ship"])
    assert first[3:] == pytest.approx((3, 2, 2 / 3, 2 / 3, 3000.0, 3000.0))
    assert second[:3] == (2, 2, ["create", "check", "check", "ship"])
    assert second[3:] == pytest.approx((4, 1, 1 / 3, 1.0, 4200.0, 4200.0))


def test_a_summary_has_every_figure_of_the_log(log_of):
    assert log_of(ORDERS).summary() == {
        "cases": 3,
        "events": 10,
        "activities": 3,
        "variants": 2,
        "dfg_edges": 3,
        "first_event": MORNING,
        "last_event": MORNING + timedelta(minutes=170),
        "mean_case_seconds": 3400.0,
        "median_case_seconds": 4200.0,
        "p90_case_seconds": 4200.0,
    }


def test_throughput_has_a_row_for_every_week_even_an_empty_one(log_of):
    week = 7 * 24 * 60
    log = log_of([("a", "x", 0), ("a", "y", 3 * week), ("b", "x", 3 * week), ("b", "y", 3 * week + 1)])

    assert log.throughput().fetchall() == [
        (date(2024, 1, 1), 1, 0, 1),
        (date(2024, 1, 8), 0, 0, 1),
        (date(2024, 1, 15), 0, 0, 1),
        (date(2024, 1, 22), 1, 2, 0),
    ]


def test_events_at_the_same_time_keep_their_recorded_order(log_of):
    log = log_of([("k", "z", 0), ("k", "a", 0), ("k", "m", 0)])

    assert log.variants().project("activities").fetchall() == [(["z", "a", "m"],)]


def test_a_source_row_decides_ties_before_the_order_of_rows(log_of):
    log = log_of([("k", "z", 0), ("k", "a", 0), ("k", "m", 0)], source_row=[3, 1, 2])

    assert log.variants().project("activities").fetchall() == [(["a", "m", "z"],)]


def test_fractions_of_a_second_are_kept(log_of):
    log = log_of([("k", "a", 0), ("k", "b", 0.0000216666666)])  # 1.3 milliseconds

    assert log.case_durations().project("seconds").fetchall() == [(0.0013,)]
    assert log.dfg().project("mean_seconds").fetchall() == [(0.0013,)]


def test_a_log_of_one_event_is_a_log(log_of):
    log = log_of([("only", "a", 0)])

    assert log.summary()["cases"] == 1
    assert log.dfg().fetchall() == []
    assert log.activities().fetchall() == [("a", 1, 1, 1, 1)]
    assert log.throughput().fetchall() == [(date(2024, 1, 1), 1, 1, 0)]


def test_an_empty_log_is_refused_with_what_to_do(log_of):
    with pytest.raises(DataError, match="no events"):
        log_of([]).summary()


def test_events_without_a_case_or_time_are_refused_and_not_left_out(log_of):
    import pyarrow

    table = pyarrow.table({"case_id": ["a", None], "activity": ["x", "y"], "occurred_at": [MORNING, MORNING]})
    with EventLog.from_frame(table) as log, pytest.raises(DataError, match="1 of the 2 events"):
        log.summary()


def test_a_missing_column_is_named_with_those_there_are(tmp_path, log_of):
    import pyarrow.parquet

    path = tmp_path / "log.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"Fall": ["a"], "Tätigkeit": ["x"], "Zeit": [MORNING]}), path)

    with pytest.raises(ColumnMissingError, match="Fall, Tätigkeit, Zeit"):
        EventLog.from_parquet(path)
    with EventLog.from_parquet(path, case_id="Fall", activity="Tätigkeit", timestamp="Zeit") as log:
        assert log.summary()["events"] == 1
    with pytest.raises(FileFormatError, match="cannot be read as Parquet"):
        EventLog.from_parquet(tmp_path / "nothing.parquet")


@pytest.mark.filterwarnings("ignore:sqlglotrs is deprecated")  # Ibis' own import, of a parser it still prefers
@pytest.mark.filterwarnings("ignore:fetch_arrow_table")  # Ibis 12 asks DuckDB by the older name
def test_duckdb_relations_and_ibis_tables_are_logs_too():
    import duckdb
    import ibis

    rows = "select 'c1' as case_id, unnest(['a', 'b']) as activity, unnest([timestamptz '2024-01-01', '2024-01-02']) as occurred_at"
    connection = duckdb.connect()
    relation = connection.sql(rows)
    table = ibis.duckdb.from_connection(connection).sql(relation.sql_query())

    logs = [
        EventLog.from_relation(relation),
        EventLog.from_relation(relation, connection=connection),
        EventLog.from_relation(table),
    ]
    assert [log.variants().project("activities").fetchall() for log in logs] == [[(["a", "b"],)]] * 3


def test_the_sql_of_a_question_is_there_to_read_and_runs_as_it_is(log_of):
    log = log_of(ORDERS)
    text = log.sql("select case_id from kept where events > 3")

    assert log.connection.sql(text).fetchall() == [("o2",)]


def test_a_million_rows_keep_their_order_through_the_streaming_window():
    """The layout relies on DuckDB scanning a sorted table in its order; this fails on the day it no longer does."""
    import duckdb

    connection = duckdb.connect(config={"threads": 4})
    connection.execute("set timezone = 'UTC'")
    relation = connection.sql(
        "select (i // 4)::varchar as case_id, 'a' || (i % 4) as activity, timestamptz '2020-01-01' + to_seconds(i) as occurred_at, "
        "i as source_row from (select hash(i) as h, i from range(1000000) as r(i) order by h)"
    )
    log = EventLog.from_relation(relation, connection=connection)

    assert log.variants().project("activities, cases").fetchall() == [(["a0", "a1", "a2", "a3"], 250_000)]
    assert log.dfg().project("frequency, mean_seconds").fetchall() == [(250_000, 1.0)] * 3


@few
@given(events_lists)
def test_every_count_equals_a_naive_reading(log_of, events):
    log, traces = log_of(events), traces_of(events)
    steps = [(case, a[1], b[1], (b[0] - a[0]) * 60) for case, trace in traces.items() for a, b in pairwise(trace)]
    seconds = {}
    for _, source, target, took in steps:
        seconds.setdefault((source, target), []).append(took)
    variants = Counter(tuple(activity for _, activity in trace) for trace in traces.values())

    edges = {(row[0], row[1]): row[2:] for row in log.dfg().fetchall()}
    assert edges == {
        (s, t): pytest.approx(
            (
                len(took),
                len({c for c, x, y, _ in steps if (x, y) == (s, t)}),
                sum(took) / len(took),
                quantile(took, 0.5),
                quantile(took, 0.9),
            )
        )
        for (s, t), took in seconds.items()
    }
    assert {row[:2]: row[2] for row in log.dfg(times=False).fetchall()} == {edge: len(took) for edge, took in seconds.items()}
    assert {tuple(row[2]): row[4] for row in log.variants().fetchall()} == variants
    assert [row[4] for row in log.variants().fetchall()] == sorted(variants.values(), reverse=True)
    assert dict(log.start_activities().fetchall()) == Counter(trace[0][1] for trace in traces.values())
    assert dict(log.end_activities().fetchall()) == Counter(trace[-1][1] for trace in traces.values())
    assert {row[0]: row[4] for row in log.case_durations().fetchall()} == {
        case: (trace[-1][0] - trace[0][0]) * 60 for case, trace in traces.items()
    }
    assert {row[0]: row[1:3] for row in log.activities().fetchall()} == {
        name: (sum(a == name for _, a, _ in events), sum(any(a == name for _, a in trace) for trace in traces.values()))
        for name in {activity for _, activity, _ in events}
    }


@few
@given(events_lists, st.booleans())
def test_variants_counted_without_a_layout_are_those_of_one(log_of, events, clustered):
    """Both ways of counting: that of a file whose cases stand together and in order, and that of any other."""
    if clustered:
        events = sorted(events, key=lambda event: (event[0], event[2]))
    counted, laid_out = log_of(events), log_of(events)
    laid_out.summary()
    found = counted.variant_multiset()

    assert "layout" not in counted.events.__dict__
    assert found == laid_out.variant_multiset()
    assert Counter({names: cases for _, names, cases in found}) == Counter(
        tuple(activity for _, activity in trace) for trace in traces_of(events).values()
    )
    assert counted.summary()["variants"] == len(found)


def test_variants_counted_without_a_layout_heed_source_rows_and_times_before_1970(log_of):
    long_ago = -60 * 24 * 365 * 60
    log = log_of([("k", "z", long_ago), ("k", "a", long_ago), ("k", "m", long_ago - 1)], source_row=[3, 1, 2])

    assert log.variant_multiset() == [(1, ("m", "a", "z"), 1)]


def test_bad_events_are_refused_when_variants_are_asked_for_first(log_of):
    import pyarrow

    whole = {"case_id": ["a", "a"], "activity": ["x", "y"], "occurred_at": [MORNING, MORNING]}
    for column in whole:
        with (
            EventLog.from_frame(
                pyarrow.table(whole).set_column(list(whole).index(column), column, pyarrow.array([whole[column][0], None]))
            ) as log,
            pytest.raises(DataError, match="1 of the 2 events"),
        ):
            log.variant_multiset()
    with pytest.raises(DataError, match="no events"):
        log_of([]).variant_multiset()


def test_variants_of_a_log_behind_a_filter_of_events_are_counted_as_its_layout_has_them(log_of):
    log = log_of(ORDERS).filter(Attribute("activity", values=["create", "ship"], mode="keep"))
    found = log.variant_multiset()
    log.summary()

    assert found == log.variant_multiset() == [(1, ("create", "ship"), 3)]


def test_a_lazy_frame_is_a_log_too():
    import polars

    frame = polars.LazyFrame({"case_id": ["a", "a"], "activity": ["x", "y"], "occurred_at": [MORNING, MORNING]})
    with EventLog.from_frame(frame) as log:
        assert log.variant_multiset() == [(1, ("x", "y"), 1)]


@pytest.mark.parametrize("order", ["case_id, occurred_at", "hash(occurred_at)"])
def test_variants_of_a_large_file_counted_without_a_layout_are_those_of_one(tmp_path, order):
    """More rows than one row group or one of DuckDB's vectors holds: the order of the file has to last through them."""
    import duckdb

    path = tmp_path / "log.parquet"
    duckdb.sql(
        "select (i // 7)::varchar as case_id, 'activity ' || hash(i // 7 % 500, i % 7) % 9 as activity, "
        "timestamp '2020-01-01' + to_seconds(i) as occurred_at from range(300_000) as r(i) "
        f"order by {order}"
    ).write_parquet(str(path), row_group_size=50_000)
    with EventLog.from_parquet(path) as counted, EventLog.from_parquet(path) as laid_out:
        laid_out.summary()
        found = counted.variant_multiset()

        assert "layout" not in counted.events.__dict__
        assert found == laid_out.variant_multiset()
        assert sum(cases for *_, cases in found) == -(-300_000 // 7)


@pytest.mark.parametrize("rows", [[3, -1, -2], [2**62, 5, 6], [1, 1, 1]])
def test_source_rows_that_came_with_the_events_may_be_any_numbers(log_of, rows):
    events = [("a", "x", 0), ("b", "y", 0), ("a", "z", 0)]
    counted, laid_out = log_of(events, source_row=rows), log_of(events, source_row=rows)
    laid_out.summary()

    assert counted.variant_multiset() == laid_out.variant_multiset()
    assert [names for *_, names, _ in counted.variants().project("variant_id, activities, cases").fetchall()] == [
        list(names) for _, names, _ in counted.variant_multiset()
    ]


def test_any_text_is_an_activity_also_where_variants_are_asked_for_first(log_of):
    names = ["", "o'clock", "a\0b", 'say "x"', "受注", "back\\slash"]
    log = log_of([("k", name, minute) for minute, name in enumerate(names)])

    assert log.variant_multiset() == [(1, tuple(names), 1)]


def test_an_arrow_reader_is_a_log_too():
    import pyarrow

    table = pyarrow.table({"case_id": ["a", "a"], "activity": ["x", "y"], "occurred_at": [MORNING, MORNING]})
    with EventLog.from_frame(table.to_reader()) as log:
        assert log.variant_multiset() == [(1, ("x", "y"), 1)]
        assert log.summary()["events"] == 2
