"""Filters that pm4py has, too, give the same cases and events there, on public logs read from their files.

pm4py's variant filters fail with its pandas; its other filters are asked with the case as text and times in UTC.
"""

from collections import Counter
from datetime import timedelta

import pytest

from mining import (
    Attribute,
    Duration,
    Endpoints,
    EventLog,
    Follows,
    FourEyes,
    Length,
    Performance,
    Rework,
    Timeframe,
    Trim,
    Variants,
)

pytestmark = pytest.mark.slow
CASE, ACTIVITY, TIME, RESOURCE = "case:concept:name", "concept:name", "time:timestamp", "org:resource"
LOGS = {
    "sepsis": ("Sepsis.xes.gz", "ER Triage", "IV Antibiotics"),
    "receipt": ("receipt.xes.gz", "Confirmation of receipt", "T06 Determine necessity of stop advice"),
    "running": ("running-example.xes", "examine casually", "decide"),
    "declarations": ("BPI_2020_DomesticDeclarations.xes.gz", "Declaration SUBMITTED by EMPLOYEE", "Payment Handled"),
    "fines": ("Road_Traffic_Fine_Management_Process.parquet", "Create Fine", "Send Fine"),
}


class Both:
    """One log as pandas frame for pm4py, and as event log."""

    def __init__(self, path, first, second):
        import polars

        self.first, self.second = first, second
        if path.suffix == ".parquet":  # 10,000 cases: pm4py takes minutes for all of them
            columns = {"case_id": CASE, "activity": ACTIVITY, "timestamp": TIME, "resource": RESOURCE}
            table = polars.read_parquet(path).select(list(columns)).rename(columns)
            ids = table[CASE].unique(maintain_order=True)[:10_000].to_list()
            table = table.filter(polars.col(CASE).is_in(ids))
        else:
            import r4pm

            table, _ = r4pm.df.import_xes(str(path))
            resource = RESOURCE if RESOURCE in table.columns else "org:group"
            table = table.select([CASE, ACTIVITY, TIME, polars.col(resource).alias(RESOURCE)])
        if table.schema[TIME].time_zone is None:
            table = table.with_columns(polars.col(TIME).dt.replace_time_zone("UTC"))
        # pm4py takes the order of the rows for the order of a case's events
        table = table.with_columns(polars.col(CASE).cast(polars.String)).sort([CASE, TIME], maintain_order=True)
        self.frame = table.to_pandas()
        names = {CASE: "case_id", ACTIVITY: "activity", TIME: "occurred_at", RESOURCE: "resource"}
        self.log = EventLog.from_frame(table.rename(names))

    def same_cases(self, theirs, *stack):
        ours = self.log.filter(*stack)
        kept = {case for (case,) in ours.connection.sql(ours.cases_sql()).fetchall()}
        assert kept == set(theirs[CASE])
        assert ours.summary()["events"] == len(theirs)
        return kept


@pytest.fixture(scope="module")
def opened():
    """Logs that were read, by name: reading one takes longer than filtering it."""
    logs = {}
    yield logs
    for one in logs.values():
        one.log.close()


@pytest.fixture(params=LOGS, ids=str)
def both(request, opened, shared_data):
    file, first, second = LOGS[request.param]
    path = shared_data / "event_logs" / file
    if not path.exists():
        pytest.skip(f"{file} is not here")
    if request.param not in opened:
        opened[request.param] = Both(path, first, second)
    return opened[request.param]


def test_times(both):
    import pm4py

    # between two events: pm4py's intersecting leaves out what only touches the bounds
    low, high = (both.frame[TIME].quantile(share).floor("h") + timedelta(microseconds=1) for share in (0.3, 0.6))
    for theirs, ours in (("traces_contained", "contained"), ("traces_intersecting", "intersecting"), ("events", "trim")):
        found = pm4py.filter_time_range(both.frame, low, high, mode=theirs)
        both.same_cases(found, Timeframe(low.to_pydatetime(), high.to_pydatetime(), mode=ours))
    both.same_cases(pm4py.filter_case_performance(both.frame, 86_400, 864_000), Duration(86_400, 864_000))
    both.same_cases(pm4py.filter_case_size(both.frame, 3, 6), Length(3, 6))


def test_ends(both):
    import pm4py

    starts, ends = pm4py.get_start_activities(both.frame), pm4py.get_end_activities(both.frame)
    start, end = max(starts, key=starts.get), sorted(ends)[:2]
    both.same_cases(pm4py.filter_start_activities(both.frame, [start]), Endpoints(starts=(start,)))
    both.same_cases(pm4py.filter_end_activities(both.frame, end, retain=False), Endpoints(ends=end, keep=False))


def test_attributes(both):
    import pm4py

    people = sorted(both.frame[RESOURCE].dropna().unique())[:2]
    for level, retain, mode in (("case", True, "mandatory"), ("case", False, "forbidden"), ("event", True, "keep")):
        found = pm4py.filter_event_attribute_values(both.frame, RESOURCE, people, level=level, retain=retain)
        both.same_cases(found, Attribute("resource", people, mode=mode))
    found = pm4py.filter_event_attribute_values(both.frame, ACTIVITY, [both.first], level="event", retain=False)
    both.same_cases(found, Attribute("activity", both.first, mode="drop"))


def test_what_follows_what(both):
    import pm4py

    pair = [(both.first, both.second)]
    both.same_cases(pm4py.filter_directly_follows_relation(both.frame, pair), Follows(both.first, both.second, mode="directly"))
    both.same_cases(pm4py.filter_eventually_follows_relation(both.frame, pair), Follows(both.first, both.second))
    found = pm4py.filter_eventually_follows_relation(both.frame, pair, retain=False)
    both.same_cases(found, Follows(both.first, both.second, mode="never"))
    found = pm4py.filter_paths_performance(both.frame, pair[0], 3600, 864_000)
    both.same_cases(found, Follows(both.first, both.second, mode="directly", minimum=3600, maximum=864_000))


def test_rework_and_variants(both):
    import pm4py

    both.same_cases(pm4py.filter_activities_rework(both.frame, both.first, 2), Rework(both.first))
    traces = both.frame.groupby(CASE, sort=False)[ACTIVITY].agg(tuple)
    counts = Counter(traces)
    most = max(counts, key=lambda names: counts[names])
    assert counts[most] > sorted(counts.values())[-2] or len(set(counts.values())) == 1, "no tie for the most frequent"
    kept = both.same_cases(both.frame[both.frame[CASE].isin(traces.index[traces == most])], Variants(activities=(most,)))
    if counts[most] > sorted(counts.values())[-2]:
        assert both.same_cases(both.frame[both.frame[CASE].isin(kept)], Variants(top=1)) == kept


@pytest.mark.filterwarnings("ignore:The 'lsuffix' and 'rsuffix'")
def test_four_eyes(both):
    """pm4py looks at the last known resource of the second activity only: asked of cases where it is done once."""
    import pm4py

    done = both.frame[both.frame[ACTIVITY] == both.second].groupby(CASE).size()
    once = both.frame[both.frame[CASE].isin(done.index[done == 1])]
    single = [Rework(both.second, minimum=1, maximum=1)]
    for violations, mode in ((True, "same"), (False, "different")):
        found = pm4py.filter_four_eyes_principle(once, both.first, both.second, keep_violations=violations)
        both.same_cases(found, *single, FourEyes(both.first, both.second, mode=mode))


def test_from_one_activity_to_another(both):
    """pm4py makes a case of every stretch from one activity to the other: ours is the first of them."""
    import pm4py

    pieces = pm4py.filter_between(both.frame, both.first, both.second)
    first = pieces[pieces[CASE].str.endswith("##@@0")].assign(**{CASE: lambda part: part[CASE].str.removesuffix("##@@0")})
    both.same_cases(first, Trim(both.first, both.second, mode="first"))
    times = first.groupby(CASE)[TIME].agg(lambda times: (times.max() - times.min()).total_seconds())
    within = both.frame[both.frame[CASE].isin(times.index[times <= 86_400])]
    both.same_cases(first[first[CASE].isin(within[CASE])], Trim(both.first, both.second, mode="first"), Duration(maximum=86_400))
    both.same_cases(
        both.frame[both.frame[CASE].isin(times.index)], Follows(both.first, both.second), Performance(both.first, both.second)
    )
