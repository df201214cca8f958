"""The demo company lived day by day: what was planted in its demand and in its cycle time is seen within a week."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest

from connectors.demo import planted
from connectors.demo.erp_records import Change, Employee, SaleOrder
from connectors.demo.ledger import Ledger
from connectors.demo.simulation import Simulation
from connectors.demo.working_time import is_workday, local_date, utc_midnight
from lake import connect, in_transaction
from lake.journal import insert_rows
from models.anomalies import Anomaly
from models.tables import ensure_tables, replace_rows
from models.watch import watch

pytestmark = pytest.mark.slow
FIRST = date(2024, 1, 1)
WEEKS_CALIBRATED, HORIZON, HISTORY = 10, 7, 140
Values = dict[str, np.ndarray]  # by member, "total" among them: one value for each day from FIRST on


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return Simulation(seed=7, scale=1).run(utc_midnight(planted.DEMAND_BREAK_ON + timedelta(days=8)))


@pytest.fixture
def lake_home(grimoire_home: Path) -> Iterator[Path]:
    """A lake with an empty table of series and the tables of forecasts."""
    series = """create table products.kpis__series (kpi varchar, grain varchar, dimension varchar, member varchar, period date,
        value double, aggregation varchar)"""
    in_transaction(
        lambda connection: [connection.execute("create schema products"), connection.execute(series), ensure_tables(connection)]
    )
    yield grimoire_home


def test_the_break_in_demand_is_seen_within_a_week(ledger: Ledger, lake_home: Path) -> None:
    team = {one.id: one.team for one in ledger.rows[Employee]}
    moments = [(local_date(order.created_at), team[order.salesperson_id]) for order in ledger.rows[SaleOrder]]
    values = {
        member: counts([day for day, one in moments if member in ("total", one)])
        for member in {"total", *(one for _, one in moments)}
    }
    before, after = lived("orders", values, planted.DEMAND_BREAK_ON, aggregation="sum")

    assert after, "nothing was found"
    assert all(one.gap < 0 for one in after), after
    assert after[0].cause_dimension == "team" and after[0].cause_member in values
    assert len(before) <= 2, f"false alarms in two weeks: {before}"


def test_the_change_in_cycle_time_is_seen_within_a_week(ledger: Ledger, lake_home: Path) -> None:
    held: dict[int, int] = {}
    hours: dict[date, list[float]] = {}
    for entry in ledger.rows[Change]:
        if entry.new_value == "credit_hold":
            held[entry.document_id] = entry.changed_at
        elif entry.new_value == "credit_released" and entry.document_id in held:
            hours.setdefault(local_date(entry.changed_at), []).append((entry.changed_at - held[entry.document_id]) / 3600)
    days = [FIRST + timedelta(days=number) for number in range((max(hours) - FIRST).days + 1)]
    known = [number for number, day in enumerate(days) if day in hours]
    mean = np.interp(np.arange(len(days)), known, [np.mean(hours[days[number]]) for number in known])
    before, after = lived("credit_release_hours", {"total": mean}, planted.AUTOMATIC_RELEASE_FROM, aggregation="mean")

    assert after, "nothing was found"
    assert all(one.gap < 0 for one in after), after
    assert len(before) <= 2, f"false alarms in two weeks: {before}"


def counts(days: Sequence[date]) -> np.ndarray:
    length = (planted.DEMAND_BREAK_ON - FIRST).days + 8
    return np.bincount([(day - FIRST).days for day in days], minlength=length).astype(float)


def lived(kpi: str, values: Values, changed_on: date, *, aggregation: str) -> tuple[list[Anomaly], list[Anomaly]]:
    """Lives two weeks before the change and a week after it: each day forecast in the evening, watched in the next one.

    Returns:
        The anomalies of the days before the change, and those from it on.
    """
    found: list[Anomaly] = []
    total = values["total"]
    first = (changed_on - FIRST).days - 14
    for number in range(first, first + 14 + 7):
        until = FIRST + timedelta(days=number - 1)
        evening = datetime.combine(until, time(22), UTC)
        whose = (kpi, None, None, "champion", 1, "alone", False, 0, "")
        made = forecast(total[:number], until)
        rows = [(kpi, "Title", "unit", "daily", *row, "theta", "1", None, evening, 0, *whose) for row in made]
        in_transaction(lambda connection, rows=rows: replace_rows(connection, "forecasts", series=[(kpi, "daily")], rows=rows))
        watch(now=evening)
        in_transaction(lambda connection, number=number: arrive(connection, kpi, values, number, aggregation))
        found += watch(now=evening + timedelta(days=1)).anomalies
    with connect(read_only=True) as connection:
        kept = connection.execute("select count(*), count(distinct made_at) from forecasts.tracking").fetchone()
    assert kept == (21 * HORIZON, 21), "every forecast ever made is kept, once"
    return [one for one in found if one.period < changed_on], [one for one in found if one.period >= changed_on]


def arrive(connection: "duckdb.DuckDBPyConnection", kpi: str, values: Values, number: int, aggregation: str) -> None:
    """What happened on a day, and before the first of them in the four weeks that shares are taken from."""
    (there,) = connection.execute("select count(*) from products.kpis__series").fetchone() or (0,)
    rows = [
        (
            kpi,
            "daily",
            "total" if member == "total" else "team",
            member,
            FIRST + timedelta(days=index),
            float(known[index]),
            aggregation,
        )
        for member, known in values.items()
        for index in range(number if there else number - 28, number + 1)
    ]
    insert_rows(connection, "products.kpis__series", rows)


_forecasts: dict[tuple[int, float], np.ndarray] = {}


def theta(history: np.ndarray) -> np.ndarray:
    """The next week by DynamicOptimizedTheta; asked again, the same array."""
    from statsforecast.models import DynamicOptimizedTheta

    key = (len(history), float(history.sum()))
    if key not in _forecasts:
        made = DynamicOptimizedTheta(season_length=7).forecast(y=history[-HISTORY:], h=HORIZON)["mean"]
        _forecasts[key] = np.maximum(made, 0)
    return _forecasts[key]


def forecast(history: np.ndarray, until: date) -> list[tuple[object, ...]]:
    """Period, value and bounds of the next week; half-widths are quantiles of the errors made on such weekdays.

    Every day of the last ten weeks is an origin; errors of all steps on a weekday count together, those on holidays do not.
    """
    is_holiday = [not is_workday(FIRST + timedelta(days=n)) and n % 7 < 5 for n in range(len(history) + HORIZON)]
    usual = history.copy()  # what a holiday would have been
    for number in np.flatnonzero(is_holiday[7 : len(history)]) + 7:
        usual[number] = usual[number - 7]
    errors: dict[int, list[float]] = {}
    for origin in range(len(history) - 7 * WEEKS_CALIBRATED, len(history)):
        for step, value in enumerate(theta(usual[:origin])[: len(history) - origin]):
            if is_holiday[origin + step]:
                continue
            errors.setdefault((origin + step) % 7, []).append(abs(history[origin + step] - value))
    rows: list[tuple[object, ...]] = []
    for step, value in enumerate(theta(usual)):
        value = history[is_holiday[: len(history)]].mean() if is_holiday[len(history) + step] else value
        narrow, wide = np.quantile(errors[(len(history) + step) % 7], [0.8, 0.95])
        bounds = (max(value - narrow, 0), value + narrow, max(value - wide, 0), value + wide)
        rows.append((until + timedelta(days=step + 1), float(value), *(float(bound) for bound in bounds)))
    return rows
