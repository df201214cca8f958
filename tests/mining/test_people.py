"""The people in a process: networks equal to pm4py's on real logs, and what happens where nobody is named."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from lake.errors import DataError
from mining import EventLog
from mining.people import (
    activity_resources,
    handovers,
    resources,
    roles,
    segregation_of_duties,
    separate_duties,
    similar_activities,
    subcontracting,
    working_together,
    workload,
)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pm4py.*", "ignore::FutureWarning:pm4py.*")
LOGS = ["running-example.xes", "receipt.xes.gz"]


@pytest.fixture(params=LOGS)
def frame(request, shared_data):
    """A public log whose every event names a resource: pm4py cannot do without."""
    import polars
    import r4pm

    rows, _ = r4pm.df.import_xes(str(shared_data / "event_logs" / request.param))
    named = rows.filter(polars.col("org:resource").is_not_null()).with_row_index("row")
    return named.sort("case:concept:name", "time:timestamp", "row", maintain_order=True)


@pytest.fixture
def log(frame):
    names = {
        "case:concept:name": "case_id",
        "concept:name": "activity",
        "time:timestamp": "occurred_at",
        "org:resource": "resource",
    }
    with EventLog.from_frame(frame.select(list(names)).rename(names)) as log:
        yield log


def sna(frame, kind, **parameters):
    from importlib import import_module

    module = import_module(f"pm4py.algo.organizational_mining.sna.variants.pandas.{kind}")
    return module.apply(frame.to_pandas(), parameters=parameters).connections


def both_ways(rows):
    return {pair: value for first, second, value in rows for pair in ((first, second), (second, first))}


def test_handover_of_work_is_pm4pys(frame, log):
    ours = {(source, target): share for source, target, _, _, share, *_ in handovers(log).fetchall()}
    assert ours == pytest.approx(sna(frame, "handover"))
    assert handovers(log, nobody="break").fetchall() == handovers(log, nobody="name").fetchall() == handovers(log).fetchall()


def test_working_together_is_pm4pys_but_for_its_denominator(frame, log):
    cases = log.summary()["cases"]
    theirs = {pair: value * len(frame) / cases for pair, value in sna(frame, "working_together").items()}
    assert both_ways((f, s, share) for f, s, _, share in working_together(log).fetchall()) == pytest.approx(theirs)


def test_similar_activities_are_pm4pys(frame, log):
    assert both_ways(similar_activities(log).fetchall()) == pytest.approx(sna(frame, "jointactivities"), abs=1e-9)


def test_roles_are_pm4pys(frame, log):
    import pm4py

    theirs = pm4py.discover_organizational_roles(frame.to_pandas())
    assert {role.activities: role.resources for role in roles(log)} == {
        tuple(role.activities): role.originator_importance for role in theirs
    }


@pytest.mark.parametrize("steps", [2, 3])
def test_subcontracting_is_what_its_definition_says(frame, log, steps):
    traces = [group["org:resource"].to_list() for _, group in frame.group_by("case:concept:name", maintain_order=True)]
    expected = Counter(
        (trace[i], trace[i + n])
        for trace in traces
        for i in range(len(trace) - steps)
        for n in range(1, steps)
        if trace[i] == trace[i + steps] != trace[i + n]
    )
    assert {(source, target): times for source, target, times, _ in subcontracting(log, steps=steps).fetchall()} == expected


def test_duties_are_compared_as_by_hand(frame, log):
    done: dict[str, set[tuple[str, str]]] = {}
    for case, activity, resource in frame.select("case:concept:name", "concept:name", "org:resource").iter_rows():
        done.setdefault(case, set()).add((activity, resource))
    cases, breaches = Counter(), Counter()
    for pairs in done.values():
        names = sorted({activity for activity, _ in pairs})
        for first in names:
            for second in names:
                if first < second:
                    cases[first, second] += 1
                    breaches[first, second] += any((second, who) in pairs for act, who in pairs if act == first)
    found = segregation_of_duties(log).fetchall()
    assert {(row[0], row[1]): row[3] for row in found} == cases
    assert {(row[0], row[1]): row[4] for row in found if row[4]} == +breaches
    assert [row[4] for row in found] == sorted((row[4] for row in found), reverse=True)


EVENTS = [("1", "a", 0), ("1", "b", 10), ("1", "c", 20), ("2", "a", 5), ("2", "b", 15), ("2", "c", 30)]
WHO = ["Ann", None, "Bob", "Ann", "Ann", None]


def test_events_without_a_resource_are_passed_over_break_or_are_named(log_of):
    log = log_of(EVENTS, resource=WHO)
    assert handovers(log).fetchall() == [("Ann", "Ann", 1, 1, 0.5, 600.0, 0), ("Ann", "Bob", 1, 1, 0.5, 1200.0, 1)]
    assert handovers(log, nobody="break").fetchall() == [("Ann", "Ann", 1, 1, 1.0, 600.0, 0)]
    assert {row[:3] for row in handovers(log, nobody="name").fetchall()} == {
        ("Ann", "Ann", 1),
        ("Ann", None, 2),
        (None, "Bob", 1),
    }
    with pytest.raises(DataError, match="'guess'"):
        handovers(log, nobody="guess")


def test_events_without_a_resource_are_counted_and_said(log_of):
    log = log_of(EVENTS, resource=WHO)
    assert [row[:4] for row in resources(log).fetchall()] == [("Ann", 3, 2, 2), ("Bob", 1, 1, 1), (None, 2, 2, 2)]
    assert activity_resources(log).fetchall() == [
        ("a", 2, 0, 1, "Ann", 1.0, True),
        ("b", 2, 1, 1, "Ann", 1.0, True),
        ("c", 2, 1, 1, "Bob", 1.0, True),
    ]
    duties = [("b", "a"), ("a", "never")]
    assert segregation_of_duties(log, duties, limit=0).fetchall() == [
        ("a", "b", True, 2, 1, 1.0, 1, "Ann", 1),
        ("a", "never", True, 0, 0, None, 0, None, 0),
    ]


@pytest.mark.parametrize("attributes", [{}, {"resource": [None] * 6}])
def test_a_log_that_names_nobody_has_defined_answers(log_of, attributes):
    log = log_of(EVENTS, **attributes)
    assert [row[:2] for row in resources(log).fetchall()] == [(None, 6)]
    networks = (handovers, working_together, subcontracting, similar_activities, workload)
    assert [network(log).fetchall() for network in networks] == [[]] * 5
    assert roles(log) == []
    assert [row[4:] for row in segregation_of_duties(log).fetchall()] == [(0, None, 0, None, 2)] * 3
    assert [row[3:] for row in activity_resources(log).fetchall()] == [(0, None, None, False)] * 3


def test_filters_and_odd_names_hold(log_of):
    from mining import Length

    log = log_of([*EVENTS, ("NA", "it's", 1)], resource=["O'Neil", None, "NA", 'A "B"', "日本", None, "Ω"])
    assert {row[0] for row in resources(log).fetchall()} == {"O'Neil", "NA", 'A "B"', "日本", "Ω", None}
    assert [row[0] for row in resources(log.filter(Length(maximum=1))).fetchall()] == ["Ω"]


def test_active_time_counts_no_moment_twice_and_utilisation_only_working_hours(log_of):
    from mining.calendars import WorkingCalendar

    starts = [
        datetime(2024, 1, 1, 8, tzinfo=UTC) + timedelta(minutes=minutes) for minutes in (0, 5, 60, -120)
    ]  # the last one begins two hours before work does
    log = log_of(
        [("1", "a", 10), ("1", "b", 20), ("1", "c", 90), ("1", "d", 120)], resource=["Ann"] * 3 + ["Bob"], started_at=starts
    )
    office = WorkingCalendar.from_definition({"working_calendar": {"weekdays": ["monday"], "from": "08:00", "to": "12:00"}})
    found = {row[0]: row for row in resources(log, calendar=office).fetchall()}
    assert (found["Ann"][7], found["Ann"][8], found["Ann"][9]) == (3000.0, 5400.0, pytest.approx(3000 / 5400))
    assert (found["Bob"][7], found["Bob"][8], found["Bob"][9]) == (4 * 3600.0, 2 * 3600.0, 1.0)
    week = {row[0]: row[4:] for row in workload(log, calendar=office).fetchall()}
    assert week["Ann"] == (3000.0, 4 * 3600.0, pytest.approx(3000 / 14400))


def test_the_duties_of_a_definition_are_its_rules_of_different_resources():
    rules = [{"kind": "precedes", "first": "a", "then": "b"}, {"kind": "different_resource", "first": "c", "then": "d"}]
    assert (separate_duties({"rules": rules}), separate_duties({})) == ([("c", "d")], [])
