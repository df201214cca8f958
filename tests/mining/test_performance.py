"""Times of activities and edges, bottlenecks, queues, deadlines, batches and the spectrum: as pm4py's, and as counted by hand."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lake.errors import DataError
from mining import EventLog, Length
from mining.batching import batches, concurrent_activities, multitasking
from mining.calendars import WorkingCalendar
from mining.deadlines import due_date_breaches, due_dates, sla_breaches
from mining.performance import activity_times, bottlenecks, edge_times
from mining.queues import queue_lengths
from mining.spectrum import performance_spectrum, spectrum_lines

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:pm4py.*", "ignore::FutureWarning:pm4py.*", "ignore:Series.values:DeprecationWarning"
)
START = datetime(2024, 1, 1, 8, tzinfo=UTC)  # a Monday


def at(minutes):
    return None if minutes is None else START + timedelta(minutes=minutes)


def rows(relation, *columns):
    return [tuple(row[column] for column in columns) for row in relation.to_arrow_table().to_pylist()]


@pytest.fixture(scope="module")
def intervals():
    """Two public logs with start and end of every event, as pandas frames in pm4py's names, in the order of their ends."""
    from pathlib import Path

    import pandas
    import pm4py
    import pm4py.objects.log.util.interval_lifecycle as lifecycle
    import r4pm

    folder = Path(__file__).resolve().parents[3] / "shared" / "data" / "event_logs"
    if not folder.is_dir():
        pytest.skip(f"no public test data in {folder}")
    teaching = pandas.read_csv(folder / "interval_event_log.csv", parse_dates=["time:timestamp", "start_timestamp"])
    single, _ = r4pm.df.import_xes(str(folder / "Production.xes.gz"))
    columns = ["case:concept:name", "concept:name", "org:resource", "lifecycle:transition", "time:timestamp"]
    production = pm4py.convert_to_dataframe(lifecycle.to_interval(pm4py.convert_to_event_log(single.select(columns).to_pandas())))
    frames = {"teaching": teaching, "production": production}
    order = ["case:concept:name", "time:timestamp", "start_timestamp"]
    return {name: frame.sort_values(order, kind="stable").reset_index(drop=True) for name, frame in frames.items()}


@pytest.fixture(params=["teaching", "production"])
def frame(request, intervals):
    return intervals[request.param].copy()


@pytest.fixture
def log(frame):
    import pyarrow

    names = {
        "case:concept:name": "case_id",
        "concept:name": "activity",
        "time:timestamp": "occurred_at",
        "start_timestamp": "started_at",
        "org:resource": "resource",
    }
    table = pyarrow.Table.from_pandas(frame[[name for name in names if name in frame]].rename(columns=names))
    with EventLog.from_frame(table) as log:
        yield log


@pytest.mark.parametrize(("measure", "column"), [("mean", "mean"), ("median", "median"), ("sum", "total")])
def test_service_times_are_pm4pys(frame, log, measure, column):
    from pm4py.statistics.service_time.pandas import get

    theirs = get.apply(frame, parameters={"aggregationMeasure": measure, get.Parameters.START_TIMESTAMP_KEY: "start_timestamp"})
    assert dict(rows(activity_times(log), "activity", f"{column}_service_seconds")) == pytest.approx(theirs)


@pytest.mark.parametrize("measure", ["mean", "median"])
def test_waiting_times_are_those_of_pm4pys_performance_graph(frame, log, measure):
    """On the order of ends: pm4py orders by start, so it is told not to sort again."""
    from pm4py.algo.discovery.dfg.adapters.pandas.df_statistics import get_dfg_graph

    theirs = get_dfg_graph(
        frame,
        measure="performance",
        start_timestamp_key="start_timestamp",
        perf_aggregation_key=measure,
        sort_caseid_required=False,
        sort_timestamp_along_case_id=False,
    )
    ours = {
        (source, target): value for source, target, value in rows(edge_times(log), "source", "target", f"{measure}_waiting_seconds")
    }
    assert ours == pytest.approx(theirs)


def test_sojourn_is_waiting_and_service(log):
    for part in rows(activity_times(log), "total_waiting_seconds", "total_service_seconds", "total_sojourn_seconds"):
        assert (part[0] or 0) + part[1] == pytest.approx(part[2])


def test_activities_in_parallel_are_pm4pys(frame, log):
    """Compared with the frame that pm4py counts: its count itself keeps only one of (a, b) and (b, a)."""
    from pm4py.algo.discovery.dfg.adapters.pandas.df_statistics import get_concurrent_events_dataframe

    for strictly in (True, False):
        pairs = get_concurrent_events_dataframe(frame, start_timestamp_key="start_timestamp", strict=strictly)
        theirs = Counter(tuple(sorted(pair)) for pair in zip(pairs["concept:name"], pairs["concept:name_2"], strict=True))
        assert {
            (first, second): times for first, second, times, *_ in concurrent_activities(log, strictly=strictly).fetchall()
        } == theirs


def test_batches_are_those_of_a_plain_sweep_and_their_kinds_pm4pys(intervals):
    """pm4py's own merging keeps its intervals in a heap but reads them as if sorted, and so joins batches that are days apart."""
    import pyarrow
    from pm4py.algo.discovery.batches.utils import detection

    columns = ["case:concept:name", "concept:name", "org:resource", "time:timestamp", "start_timestamp"]
    frame = intervals["production"][columns].drop_duplicates()  # pm4py takes two alike for one
    names = {"case:concept:name": "case_id", "concept:name": "activity", "time:timestamp": "occurred_at"}
    table = pyarrow.Table.from_pandas(frame.rename(columns=names | {"start_timestamp": "started_at", "org:resource": "resource"}))
    kinds = {
        "Simultaneous": "simultaneous",
        "Batching on Start": "begin together",
        "Batching on End": "end together",
        "Sequential batching": "one after the other",
        "Concurrent batching": "overlapping",
    }
    kind_of = getattr(detection, "__check_batch_type")  # the plain name would be mangled
    expected: dict[tuple[str, str, str], tuple[int, int]] = {}
    for (activity, resource), group in frame.groupby(["concept:name", "org:resource"]):
        begun: list[list[tuple[datetime, datetime, str]]] = []
        for work in sorted(zip(group["start_timestamp"], group["time:timestamp"], group["case:concept:name"], strict=True)):
            if begun and work[0] - max(end for _, end, _ in begun[-1]) <= timedelta(minutes=15):
                begun[-1].append(work)
            else:
                begun.append([work])
        for batch in (batch for batch in begun if len(batch) > 1):
            key = (activity, resource, kinds[kind_of((None, None, set(batch)))])
            count, events = expected.get(key, (0, 0))
            expected[key] = (count + 1, events + len(batch))
    with EventLog.from_frame(table) as log:
        assert {row[:3]: row[3:5] for row in batches(log).fetchall()} == expected
    assert len(expected) > 100


def test_without_starts_only_sojourn_is_known(log_of):
    log = log_of([("1", "a", 0), ("1", "b", 10), ("1", "c", 40)])
    assert rows(activity_times(log), "activity", "mean_waiting_seconds", "mean_service_seconds", "mean_sojourn_seconds") == [
        ("c", None, None, 1800.0),
        ("b", None, None, 600.0),
        ("a", None, None, None),
    ]
    assert rows(bottlenecks(log), "rank", "source", "target", "measure", "spent_seconds", "lost_seconds", "share") == [
        (1, "b", "c", "sojourn", 1800.0, 0.0, 0.0),  # the only pass is as quick as the quickest
        (2, "a", "b", "sojourn", 600.0, 0.0, 0.0),
    ]


def test_an_event_that_ends_before_it_starts_has_no_start_and_is_counted(log_of):
    log = log_of([("1", "a", 0), ("1", "b", 10), ("2", "a", 0), ("2", "b", 30)], started_at=[at(-5), at(90), at(-1), at(20)])
    columns = ("events_with_start", "starts_after_end", "total_waiting_seconds", "total_service_seconds", "total_sojourn_seconds")
    assert rows(activity_times(log), "activity", *columns) == [("b", 1, 1, 1200.0, 600.0, 2400.0), ("a", 2, 0, None, 360.0, 360.0)]
    assert rows(bottlenecks(log), "measure", "spent_seconds", "lost_seconds") == [("mixed", 600.0 + 1200.0, 450.0)]


def test_overlapping_events_wait_for_nothing(log_of):
    log = log_of([("1", "a", 10), ("1", "b", 20)], started_at=[at(0), at(5)])
    assert rows(edge_times(log), "overlapping", "total_waiting_seconds", "total_sojourn_seconds") == [(1, 0.0, 900.0)]


def test_lost_is_what_exceeds_the_quickest_quarter_in_all_cases_together(log_of):
    passes = [(f"{n}", minutes) for n, minutes in enumerate((10, 10, 20, 60, 100))]
    log = log_of([event for case, minutes in passes for event in ((case, "ask", 0), (case, "answer", minutes))])
    columns = ("allowed_seconds", "is_agreed", "lost_seconds", "mean_lost_seconds", "median_lost_seconds", "spent_seconds")
    assert rows(bottlenecks(log), *columns) == [(600.0, False, 60.0 * (10 + 50 + 90), 1800.0, 600.0, 60.0 * 200)]


def test_what_others_do_stands_behind_and_the_total_rules_the_ranking(log_of):
    often = [event for n in range(9) for event in ((f"{n}", "ask", 0), (f"{n}", "answer", 60 + n))]
    rare = [event for n, wait in enumerate((10, 10, 50_000)) for event in ((f"r{n}", "ask", 0), (f"r{n}", "file", wait))]
    paid = [event for n, wait in enumerate((5, 90_000)) for event in ((f"p{n}", "ask", 0), (f"p{n}", "pay", wait))]
    log = log_of([*often, *rare, *paid])
    assert rows(bottlenecks(log, external=["pay"]), "rank", "typical_rank", "target", "is_external", "typical_lost_seconds") == [
        (1, 2, "file", False, 0.0),
        (2, 1, "answer", False, 9 * 120.0),
        (3, 3, "pay", True, 60.0 * 67_496.25),
    ]


@pytest.mark.parametrize(
    ("agreed", "lost"),
    [
        ({"within_hours": 24}, 2 * 3600.0),  # Monday 8:00 to Tuesday 8:00 by the clock; 2 hours of Tuesday are beyond
        ({"within_hours": 8, "working_time": True}, 2 * 3600.0),
        ({"within_hours": 4, "working_time": True}, 6 * 3600.0),
        ({"within_hours": 100}, 0.0),
    ],
)
def test_an_agreed_wait_is_not_lost_and_what_exceeds_it_is_in_working_time(log_of, agreed, lost):
    office = WorkingCalendar.from_definition(
        {"working_calendar": {"weekdays": ["monday", "tuesday"], "from": "08:00", "to": "16:00"}}
    )
    log = log_of([("1", "a", 0), ("1", "b", 26 * 60)])
    found = bottlenecks(
        log, calendar=office, agreed=[{"from": "a", "to": "b", **agreed}, {"from": "x", "to": "a", "within_hours": 1}]
    )
    assert rows(found, "is_agreed", "lost_seconds", "spent_seconds") == [(True, lost, 10 * 3600.0)]


@pytest.mark.parametrize(
    "wrong", [{"from": "a", "to": "b"}, {"from": "a", "within_hours": 1}, {"from": "a", "to": "b", "within_hours": "1"}]
)
def test_an_agreed_wait_without_its_settings_is_refused(log_of, wrong):
    with pytest.raises(DataError, match="does not say"):
        bottlenecks(log_of([("1", "a", 0), ("1", "b", 1)]), agreed=[wrong])


def test_bottlenecks_count_working_time(log_of):
    office = WorkingCalendar.from_definition(
        {"working_calendar": {"weekdays": ["monday", "tuesday"], "from": "08:00", "to": "16:00"}}
    )
    log = log_of([("1", "a", 0), ("1", "b", 24 * 60), ("1", "c", 26 * 60)])  # Monday to Tuesday 8:00, then to 10:00
    assert rows(bottlenecks(log, calendar=office), "target", "spent_seconds", "elapsed_seconds") == [
        ("b", 8 * 3600.0, 24 * 3600.0),
        ("c", 2 * 3600.0, 2 * 3600.0),
    ]


def test_queues_hold_who_waits_on_average_at_most_and_at_the_end(log_of):
    day = 24 * 60
    log = log_of([("1", "a", 0), ("2", "a", 0), ("2", "b", 6 * 60), ("1", "b", day), ("3", "a", 10), ("3", "a", 10)])
    columns = ("target", "period", "arrived", "departed", "mean_length", "highest_length", "length_at_end")
    first, second = date(2024, 1, 1), date(2024, 1, 2)
    assert rows(queue_lengths(log, grain="day"), *columns) == [
        ("b", first, 2, 1, pytest.approx((16 + 6) / 16), 2, 1),
        ("b", second, 0, 1, pytest.approx(1.0), 1, 0),
    ]
    assert rows(queue_lengths(log, grain="day", scope="edge"), "source", *columns)[0][:2] == ("a", "b")
    assert rows(queue_lengths(log, grain="day", scope="process"), "period", "highest_length") == [(first, 2), (second, 1)]


def test_queues_agree_with_littles_law(public_log):
    """Mean length times the log's time is the waiting time of all cases together."""
    with public_log("running-example.xes") as log:
        summary = log.summary()
        span = (summary["last_event"] - summary["first_event"]).total_seconds()
        waited = {row[1]: 0.0 for row in edge_times(log).fetchall()}
        for target, seconds in rows(edge_times(log), "target", "total_sojourn_seconds"):
            waited[target] += seconds
        monthly = rows(queue_lengths(log, grain="month"), "target", "period", "mean_length")
    lengths = {}
    for target, period, mean in monthly:
        begin = max(summary["first_event"], datetime(period.year, period.month, 1, tzinfo=UTC))
        after = datetime(period.year + period.month // 12, period.month % 12 + 1, 1, tzinfo=UTC)
        lengths[target] = lengths.get(target, 0) + mean * (min(after, summary["last_event"]) - begin).total_seconds() / span
    assert {target: length * span for target, length in lengths.items()} == pytest.approx(waited)


SLA = {"name": "quick", "from": "ask", "to": "answer", "within_hours": 1}


def test_agreements_are_met_breached_or_open(log_of):
    log = log_of(
        [
            *[("met", "ask", 0), ("met", "answer", 60), ("late", "ask", 0), ("late", "answer", 61), ("late", "answer", 200)],
            *[("open", "ask", 190), ("lost", "ask", 0), ("lost", "ask", 199), ("other", "answer", 5), ("before", "answer", 4)],
            ("before", "ask", 5),
        ]
    )
    columns = ("cases", "met", "breached", "open_in_time", "open_late", "breach_share", "median_seconds", "late_seconds")
    assert rows(sla_breaches(log, [SLA]), *columns) == [(5, 1, 1, 1, 2, 0.75, 3630.0, 60.0)]
    assert sla_breaches(log, []).fetchall() == []
    assert rows(sla_breaches(log, [{**SLA, "to": "never"}]), "cases", "met", "open_late") == [(5, 0, 4)]


def test_agreements_in_working_hours(log_of):
    office = WorkingCalendar.from_definition(
        {"working_calendar": {"weekdays": ["monday", "tuesday"], "from": "08:00", "to": "16:00"}}
    )
    log = log_of([("1", "ask", 7 * 60 + 30), ("1", "answer", 24 * 60 + 30)])  # Monday 15:30, Tuesday 8:30
    assert rows(sla_breaches(log, [{**SLA, "working_time": True}, SLA], calendar=office), "met", "median_seconds") == [
        (1, 3600.0),
        (0, 17 * 3600.0),
    ]


def test_an_agreement_that_lacks_its_hours_is_refused(log_of):
    with pytest.raises(DataError, match="does not say within_hours"):
        sla_breaches(log_of([("1", "a", 0)]), [{"name": "x", "from": "a", "to": "b"}])


def test_due_dates_are_met_breached_or_open(log_of):
    cases = [("met", "ship", 0), ("late", "ship", 3 * 1440), ("open", "ask", 0), ("none", "ship", 0), ("overdue", "ask", 0)]
    log = log_of(cases, due=[date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 9), None, date(2024, 1, 1)])
    found = dict(zip(*(lambda r: (r.columns, r.fetchone()))(due_date_breaches(log, due="due", activity="ship")), strict=True))
    assert {name: found[name] for name in ("cases", "cases_without", "met", "breached", "open_in_time", "open_late")} == {
        "cases": 4,
        "cases_without": 1,
        "met": 1,
        "breached": 1,
        "open_in_time": 1,
        "open_late": 1,
    }
    assert found["breach_share"] == pytest.approx(2 / 3)
    wanted = {"name": "shipped", "attribute": "due", "activity": "ship"}
    listed = rows(due_dates(log, [wanted, {"name": "ended", "attribute": "due"}]), "name", "activity", "cases", "met", "open_late")
    assert sorted(listed) == [("ended", None, 4, 3, 0), ("shipped", "ship", 4, 1, 1)]
    assert due_dates(log, []).fetchall() == []
    with pytest.raises(DataError, match="does not say its name"):
        due_dates(log, [{"name": "x"}])
    with pytest.raises(DataError, match="no attribute `promised`"):
        due_date_breaches(log, due="promised")


@pytest.mark.parametrize(
    ("starts", "ends", "kind"),
    [
        ([0, 0], [5, 5], "simultaneous"),
        ([0, 0], [5, 6], "begin together"),
        ([0, 1], [5, 5], "end together"),
        ([0, 5], [5, 9], "one after the other"),
        ([0, 2], [5, 9], "overlapping"),
        ([0, 19], [5, 24], "overlapping"),
    ],
)
def test_batches_are_told_by_how_they_overlap(log_of, starts, ends, kind):
    log = log_of([(f"{n}", "a", end) for n, end in enumerate(ends)], resource=["Ann"] * 2, started_at=[at(n) for n in starts])
    assert batches(log).fetchall() == [("a", "Ann", kind, 1, 2, 2, 2)]
    assert batches(log, minimum=3).fetchall() == []


def test_batches_need_a_neighbour_and_a_name(log_of):
    log = log_of([("1", "a", 0), ("2", "a", 16), ("3", "b", 0), ("4", "b", 0)], resource=["Ann", "Ann", None, None])
    assert batches(log).fetchall() == []
    assert batches(log, within_seconds=16 * 60).fetchall() == [("a", "Ann", "overlapping", 1, 2, 2, 2)]
    with pytest.raises(DataError, match="make no sense"):
        batches(log, minimum=1)


def test_multitasking_is_time_at_two_events_or_more(log_of):
    log = log_of(
        [("1", "a", 10), ("2", "a", 15), ("3", "a", 40), ("4", "a", 50)],
        resource=["Ann", "Ann", "Ann", None],
        started_at=[at(0), at(5), at(30), at(0)],
    )
    assert multitasking(log).fetchall() == [("Ann", 3, 1800.0, 1500.0, 300.0, 0.2, 1.2, 2)]


def test_the_spectrum_has_as_many_cases_as_the_step_and_four_classes(public_log):
    with public_log("receipt.xes.gz") as log:
        source, target, frequency, *_ = log.dfg(times=False).fetchall()[0]
        found = [row for row in performance_spectrum(log).fetchall() if row[:2] == (source, target)]
        lines = spectrum_lines(log, source, target, limit=100)
        shown = lines.fetchall()
        assert shown == spectrum_lines(log, source, target, limit=100).fetchall()
    assert sum(row[4] for row in found) == frequency
    sizes = Counter()
    for row in found:
        sizes[row[3]] += row[4]
    assert set(sizes) <= {1, 2, 3, 4}
    assert sizes[1] >= frequency / 4 - 1
    assert len(shown) == 100 and all(row[2] - row[1] == timedelta(seconds=row[3]) for row in shown)


QUESTIONS = [
    activity_times,
    edge_times,
    bottlenecks,
    queue_lengths,
    batches,
    multitasking,
    concurrent_activities,
    performance_spectrum,
    lambda log: sla_breaches(log, [SLA]),
]


@pytest.mark.parametrize(
    "events",
    [
        [("NA", "it's", 0)],
        [("1", "a", 0)] * 5,
        [("1", "a", 0), ("1", "a", 0), ("1", '日本 "x"', 0)],
        [(f"{n % 7}", f"activity {n % 600}", n) for n in range(1800)],
        [("long", f"{n % 5}", n // 3) for n in range(3000)],
    ],
    ids=["one event", "equal times", "odd names", "600 activities", "3,000 events"],
)
def test_odd_logs_have_defined_answers(log_of, events):
    log = log_of(events, resource=[None] * len(events))
    for question in QUESTIONS:
        question(log).fetchall()
    assert sum(row[0] for row in rows(activity_times(log), "events")) == len(events)
    assert all((value or 0) >= 0 for (value,) in rows(bottlenecks(log), "lost_seconds") + rows(bottlenecks(log), "spent_seconds"))


def test_a_log_that_filters_leave_empty_has_empty_answers(log_of):
    log = log_of([("1", "a", 0), ("1", "b", 5)]).filter(Length(minimum=9))
    for question in QUESTIONS[:-1]:
        assert question(log).fetchall() == []
    assert rows(sla_breaches(log, [SLA]), "cases", "breach_share") == [(0, None)]


EVENT = st.tuples(st.sampled_from("12"), st.sampled_from("abc"), st.integers(0, 3000), st.none() | st.integers(-60, 90))


def by_hand(events):
    """Per activity the total waiting, service and sojourn seconds, and per day and activity who waits on average, told naively."""
    totals, waits = {}, []
    for case in {case for case, *_ in events}:
        before = None
        for _, activity, minute, lead in sorted((one for one in events if one[0] == case), key=lambda one: one[2]):
            start = None if lead is None or lead < 0 else minute - lead
            parts = totals.setdefault(activity, [0, 0, 0])
            if start is not None:
                parts[1] += minute - start
                parts[0] += max(0, start - before) if before is not None else 0
            if before is not None or start is not None:
                parts[2] += minute - min(one for one in (before, start) if one is not None)
            if before is not None and before < (minute if start is None else start):
                waits.append((activity, before, minute if start is None else start))
            before = minute
    return {name: tuple(part * 60.0 for part in parts) for name, parts in totals.items()}, waits


@given(st.lists(EVENT, min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_times_and_queues_are_what_their_definitions_say(events):
    import pyarrow

    table = pyarrow.table(
        {
            "case_id": [case for case, *_ in events],
            "activity": [activity for _, activity, *_ in events],
            "occurred_at": [at(minute) for *_, minute, _ in events],
            "started_at": pyarrow.array(
                [None if lead is None else at(minute - lead) for *_, minute, lead in events], pyarrow.timestamp("us", tz="UTC")
            ),
        }
    )
    totals, waits = by_hand(events)
    begin, end = (chosen(minute for *_, minute, _ in events) for chosen in (min, max))
    with EventLog.from_frame(table) as log:
        columns = ("total_waiting_seconds", "total_service_seconds", "total_sojourn_seconds")
        found = {row[0]: tuple(value or 0.0 for value in row[1:]) for row in rows(activity_times(log), "activity", *columns)}
        queues = rows(queue_lengths(log, grain="day"), "target", "period", "arrived", "mean_length")
    assert found == totals
    for target, period, arrived, mean in queues:
        first = (period - START.date()).days * 1440 - 480  # minutes from START, which is 8 o'clock
        day = max(first, begin), min(first + 1440, end)
        inside = [(max(a, day[0]), min(b, day[1])) for name, a, b in waits if name == target]
        expected = sum(max(0, b - a) for a, b in inside) / (day[1] - day[0]) if day[1] > day[0] else 0.0
        assert mean == pytest.approx(expected)
        assert arrived == sum(first <= a < first + 1440 for name, a, _ in waits if name == target)
    assert {target for target, *_ in queues} == {name for name, *_ in waits}
