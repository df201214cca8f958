"""Forecasts beside what came, the test for drift, reasons to retrain, and anomalies with the members behind them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lake import connect, in_transaction
from lake.errors import ModelError
from lake.journal import insert_rows
from models.anomalies import Anomaly, anomalies, shares
from models.tables import ensure_tables, replace_rows
from models.watch import watch
from models.watching import Tracked, drifts, retraining_reasons, tracked

MONDAY = date(2025, 1, 6)
NOON = datetime(2025, 1, 5, 12, tzinfo=UTC)
SERIES = """create table products.kpis__series (kpi varchar, grain varchar, dimension varchar, member varchar, period date,
    value double, aggregation varchar)"""


def row(actual: float, *, day: int = 0, value: float = 10, half: float = 4) -> Tracked:
    bounds = (max(value - half / 2, 0), value + half / 2, max(value - half, 0), value + half)
    return Tracked("orders", "daily", "total", "total", MONDAY + timedelta(days=day), actual, value, *bounds, "theta", NOON)


@pytest.fixture
def lake_home(grimoire_home: Path) -> Iterator[Path]:
    in_transaction(
        lambda connection: [connection.execute("create schema products"), connection.execute(SERIES), ensure_tables(connection)]
    )
    yield grimoire_home


def forecast(made_at: datetime, first: date, *, value: float = 10, days: int = 7) -> None:
    rows = [
        ("orders", "Orders", "orders", "daily", first + timedelta(days=n), value, value - 2, value + 2, value - 4, value + 4,
         "theta", "1", None, made_at, 0, "orders", None, None, "champion", n + 1, "alone", False, 0, "")
        for n in range(days)
    ]  # fmt: skip
    in_transaction(lambda connection: replace_rows(connection, "forecasts", series=[("orders", "daily")], rows=rows))


def came(*days: tuple[date, float], dimension: str = "total", member: str = "total") -> None:
    words = [("orders", "daily", dimension, member, day, value, "sum") for day, value in days]
    in_transaction(lambda connection: insert_rows(connection, "products.kpis__series", words))


def rows(sql: str) -> list[tuple[Any, ...]]:
    with connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_every_forecast_is_kept_once_with_the_last_period_it_knew(lake_home: Path) -> None:
    forecast(NOON, MONDAY)
    watch()
    watch()
    forecast(NOON + timedelta(days=1), MONDAY + timedelta(days=1), value=12)
    watch()
    assert rows("select made_at, known_until, count(*), max(step) from forecasts.tracking group by all order by all") == [
        (NOON, MONDAY - timedelta(days=1), 7, 7),
        (NOON + timedelta(days=1), MONDAY, 7, 7),
    ]


def test_an_actual_stands_beside_the_newest_forecast_made_before_it_and_follows_corrections(lake_home: Path) -> None:
    forecast(NOON, MONDAY)
    watch()
    came((MONDAY, 11))
    forecast(NOON + timedelta(days=1), MONDAY + timedelta(days=1), value=20)
    watch()
    came((MONDAY + timedelta(days=1), 13))
    watch()
    with connect(read_only=True) as connection:
        assert [(one.actual, one.value) for one in tracked(connection)] == [(11, 10), (13, 20)]
    in_transaction(lambda connection: connection.execute(f"update products.kpis__series set value = 12 where period = '{MONDAY}'"))
    watch()
    with connect(read_only=True) as connection:
        assert [one.actual for one in tracked(connection)] == [12, 13]


def test_an_anomaly_is_found_once_and_names_the_member_behind_it(lake_home: Path) -> None:
    before = [MONDAY - timedelta(days=n) for n in range(1, 15)]
    came(*((day, 10) for day in before), (MONDAY, 2))
    came(*((day, 6) for day in before), (MONDAY, 1), dimension="team", member="North")
    came(*((day, 4) for day in before), (MONDAY, 1), dimension="team", member="South")
    forecast(NOON, MONDAY)
    (found,) = watch().anomalies
    assert (found.kind, found.gap, found.widths, found.severity) == ("point", -8, 2, "warning")
    assert (found.cause_dimension, found.cause_member) == ("team", "North")
    assert found.cause_gap == pytest.approx(-5)
    assert watch().anomalies == []
    assert rows("select count(*) from forecasts.anomalies") == [(1,)]


def test_a_run_of_small_gaps_on_one_side_is_an_anomaly(lake_home: Path) -> None:
    forecast(NOON, MONDAY)
    watch()
    forecast(NOON + timedelta(days=3), MONDAY + timedelta(days=3), value=8)
    came(*((MONDAY + timedelta(days=n), 7.5) for n in range(6)))
    assert watch().anomalies == [], "six days are no week"
    came((MONDAY + timedelta(days=6), 7.5))
    (run,) = watch().anomalies
    assert (run.kind, run.first_period, run.period) == ("run", MONDAY, MONDAY + timedelta(days=6))
    assert (run.actual, run.expected, run.gap) == (7.5, 10, -2.5), "beside the forecast made before the first of them"


def test_what_the_interval_allows_is_no_anomaly_and_what_it_does_not_has_a_severity() -> None:
    assert anomalies([row(14), row(6), row(10)]) == []
    assert [one.severity for one in anomalies([row(15), row(16.5), row(21)])] == ["notice", "warning", "critical"]
    (certain,) = anomalies([row(11, half=0)])
    assert certain.severity == "critical" and certain.probability == 0
    assert anomalies([replace(row(99), lower_95=None, upper_95=None)]) == []


def test_a_lower_bound_cut_off_at_zero_does_not_narrow_the_interval() -> None:
    assert anomalies([row(0, value=3, half=4)]) == []


def test_members_gaps_add_up_to_the_gap_of_the_total_in_every_dimension() -> None:
    (gap,) = anomalies([row(2)])
    before = [MONDAY - timedelta(days=n) for n in range(1, 10)]
    members = {
        ("team", "North"): dict.fromkeys(before, 7.0) | {MONDAY: 2.0},
        ("team", "South"): dict.fromkeys(before, 3.0),
        ("region", "DE"): {MONDAY: 2.0},
        ("region", "AT"): dict.fromkeys(before, 10.0) | {MONDAY: 0.0},
    }
    total = dict.fromkeys(before, 10.0) | {MONDAY: 2.0}
    for forecasts in ({}, {("team", "North"): 6.0, ("team", "South"): 3.0}):
        found = shares(gap, members, total, forecasts, adds_up=True)
        for dimension in ("team", "region"):
            assert sum(one.gap for one in found if one.dimension == dimension) == pytest.approx(gap.gap)
        assert found[0].gap == min(one.gap for one in found)
    assert shares(gap, {}, total, {}, adds_up=True) == []


def test_of_a_mean_the_member_is_named_that_moved_most() -> None:
    (gap,) = anomalies([row(2)])
    before = [MONDAY - timedelta(days=n) for n in range(1, 10)]
    members = {
        ("team", "North"): dict.fromkeys(before, 9.0) | {MONDAY: 1.0},
        ("team", "South"): dict.fromkeys(before, 9.0) | {MONDAY: 8.0},
    }
    found = shares(gap, members, dict.fromkeys([*before, MONDAY], 9.0), {}, adds_up=False)
    assert [(one.member, one.gap) for one in found] == [("North", -8), ("South", -1)]


def test_intervals_that_hold_are_no_drift_and_those_that_do_not_are() -> None:
    (held,) = drifts([row(13 if n % 5 == 0 else 10, day=n) for n in range(30)])
    assert not held.is_degraded and held.reason is None and held.expected == pytest.approx(5.6)
    (lost,) = drifts([row(13 if n % 2 else 10, day=n) for n in range(30)])
    assert lost.is_degraded and lost.series_key == "daily_orders"
    assert lost.reason == "14 of the last 28 actuals lie outside the 80 % interval, 5.6 are expected"
    assert drifts([row(99, day=n) for n in range(4)]) == [], "too few to say anything"


def test_a_series_is_trained_anew_weekly_and_when_it_degrades(lake_home: Path) -> None:
    now = NOON + timedelta(days=30)
    first = ("orders", "daily", "theta", None, 1.0, None, now - timedelta(days=2), 0, None, "orders", None, None)
    champion = (*first, 1.2, 0.8, 0.95, "alone", "", None, "1", "0.1.0")
    in_transaction(lambda connection: replace_rows(connection, "champions", series=[], rows=[champion]))
    with connect(read_only=True) as connection:
        assert retraining_reasons(connection, now=now) == {}
        assert retraining_reasons(connection, now=now + timedelta(days=6)) == {"daily_orders": "it was trained 8 days ago"}
    forecast(NOON, MONDAY, days=20)
    watch()
    came(*((MONDAY + timedelta(days=n), 13.5) for n in range(20)))
    watch(now=now)
    with connect() as connection:
        (reason,) = retraining_reasons(connection, now=now).values()
    assert reason == "20 of the last 20 actuals lie outside the 80 % interval, 4.0 are expected"


def test_without_series_there_is_nothing_to_watch(grimoire_home: Path) -> None:
    with pytest.raises(ModelError, match="There are no forecasts to watch"):
        watch()


def test_anomaly_is_of_the_series_it_names() -> None:
    (one,) = anomalies([row(2)])
    assert isinstance(one, Anomaly) and (one.series, one.grain, one.model, one.made_at) == ("orders", "daily", "theta", NOON)
