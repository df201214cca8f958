"""Change points: planted ones are found on their day, and without one there is none."""

import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from lake.errors import DataError
from mining import EventLog
from mining.drift import changes

START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 364


def simulated(seed, *, change=None, what=None, seasonal=False):
    """A year of cases: ask, check (a tenth twice), answer; from the day of change on, `what` is different."""
    import pyarrow

    chance, rows, day = random.Random(seed), [], 0.0
    while day < DAYS:
        is_new = change is not None and day >= change
        rate = 4 * (1 + 0.3 * np.sin(2 * np.pi * day / 28) if seasonal else 1) * (0.5 if seasonal and int(day) % 7 > 4 else 1)
        day += chance.expovariate(rate * (2 if is_new and what == "arrivals" else 1))
        moment, case = day, f"{len(rows)}"
        slow = 3 if is_new and what == "time" else 1
        steps = [("ask", 0.0), ("check", chance.lognormvariate(-1, 1) * slow)]
        if chance.random() < (0.4 if is_new and what == "follows" else 0.1):
            steps.append(("check", chance.lognormvariate(-2, 1)))
        for activity, lasted in [*steps, ("answer", chance.lognormvariate(0, 0.7))]:
            moment += lasted
            nobody = is_new and what == "without resource" and activity == "check" and chance.random() < 0.5
            rows.append((case, activity, START + timedelta(days=moment), None if nobody else "Ann"))
    names = ("case_id", "activity", "occurred_at", "resource")
    return EventLog.from_frame(pyarrow.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))))


@pytest.mark.parametrize("seasonal", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_a_process_that_does_not_change_has_no_change_points(seed, seasonal):
    with simulated(seed, seasonal=seasonal) as log:
        assert changes(log) == []


@pytest.mark.parametrize(
    ("what", "step"),
    [
        ("time", ("ask", "check")),
        ("follows", ("check", "check")),
        ("without resource", ("check", None)),
        ("arrivals", (None, None)),
    ],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_planted_change_is_dated_within_a_week_and_named(seed, what, step):
    with simulated(seed, change=200, what=what) as log:
        (change,) = changes(log)

    assert abs((change.changed_at - START).days - 200) <= 7
    assert change.earliest <= change.changed_at <= change.latest
    assert change.p_value < 0.01
    named = {(one.kind, one.source, one.target): one for one in change.differences}
    found = named[(what, *step)]
    expected = {"time": (0.37, 1.1), "follows": (0.09, 0.29), "without resource": (0, 0.5), "arrivals": (28, 56)}[what]
    unit = 86_400 if what == "time" else 1
    assert (found.before, found.after) == pytest.approx([value * unit for value in expected], rel=0.2, abs=0.02)


def test_two_changes_are_both_found():
    import polars

    with simulated(5) as first, simulated(6, change=0, what="time") as second:
        frames = [log.connection.sql(log.events.sql).pl().drop("source_row") for log in (first, second, first)]
    year = timedelta(days=DAYS)
    shifted = [
        frame.with_columns(polars.col("occurred_at") + n * year, case_id=polars.col("case_id") + f"-{n}")
        for n, frame in enumerate(frames)
    ]
    with EventLog.from_frame(polars.concat(shifted)) as log:
        found = changes(log)
    assert [round((change.changed_at - START) / year, 1) for change in found] == [1.0, 2.0]
    effects = [next(one.effect for one in change.differences if one.kind == "time") for change in found]
    assert effects[0] > 0.2 and effects[1] < -0.2


@pytest.mark.parametrize(
    "events",
    [
        [("1", "a", 0)],
        [(f"{n}", "a", 0) for n in range(500)],
        [("1", "a", n) for n in range(3000)],
        [(f"{n}", f"it's {n % 600}", n * 60) for n in range(1200)],
    ],
    ids=["one event", "equal times", "one case", "600 activities"],
)
def test_logs_too_short_or_odd_have_no_change(log_of, events):
    assert changes(log_of(events)) == []


def test_events_that_end_before_they_start_do_no_harm(log_of):
    starts = [START + timedelta(days=400)] * 900
    assert changes(log_of([(f"{n // 3}", "abc"[n % 3], n * 60) for n in range(900)], started_at=starts)) == []


@pytest.mark.parametrize("settings", [{"level": 0}, {"level": 1.5}, {"window_days": 0}])
def test_settings_that_make_no_sense_are_refused(log_of, settings):
    with pytest.raises(DataError, match="make no sense"):
        changes(log_of([("1", "a", 0)]), **settings)


def test_traffic_fines_are_searched_and_what_changed_is_named(public_log):
    with public_log("Road_Traffic_Fine_Management_Process.parquet") as log:
        found = changes(log)
    assert [change.changed_at for change in found] == sorted(change.changed_at for change in found)
    assert all(change.p_value <= 0.01 and change.differences for change in found)
