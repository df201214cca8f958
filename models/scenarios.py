"""What if: a KPI's forecast if prices, volumes or days off were other than expected, beside the forecast as things are.

What belongs here: reading changes, and the two forecasts of a model with regressors. What does not: which KPIs carry a factor
(their files say it under `regressors`) and choosing champions.

The model is Prophet with one linear regressor for each declared factor, fitted once and asked twice. As things are, a regressor
goes on as in its last season; in the scenario it is that much higher or lower. A scenario says what the past's relation between
factor and KPI would make of the change, not what causes what.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from lake.errors import ModelError
from models.series import HORIZON, SEASON, Series, period_at, periods_between

if TYPE_CHECKING:
    from lake.settings import Settings

WITH_REGRESSORS = ("prophet",)  # forecasters that can be told of other series
HOLIDAYS = "holidays"
LOOK_BACK = 4  # weeks or months whose mean a regressor is expected to keep; days repeat their last week
_PERCENT = re.compile(r"[+-]?\d+(\.\d+)?\s*%?")

Change = float | int | str | Sequence[date]


@dataclass(frozen=True)
class Scenario:
    """Two forecasts of the same periods, in the KPI's unit: arrays of shape (horizon,)."""

    series: str
    periods: list[date]
    baseline: np.ndarray
    scenario: np.ndarray

    @property
    def difference(self) -> np.ndarray:
        """What the change makes of each period."""
        return self.scenario - self.baseline


def what_if(series: Series, changes: Mapping[str, Change], *, regressors: Mapping[str, Series], model: str = "prophet") -> Scenario:
    """The forecast under a scenario beside the one as things are.

    Args:
        series: The KPI's history.
        changes: Factor to change in percent (5, "+5 %", "-10 %"), or "holidays" to further days off.
        regressors: The series that carries each factor; the history is cut to what all of them cover.
        model: Name of the forecaster that is asked, the series' champion for one.

    Raises:
        ModelError: The forecaster has no regressors, a factor is not declared or carried by too short a series, a change is not a
            number of percent, or a day off lies outside the forecast.
    """
    if model not in WITH_REGRESSORS:
        raise ModelError(
            f"{series.title} is forecast by {model}, which knows no regressors, so nothing can be supposed.",
            remedy=f"Ask a model that does: {', '.join(WITH_REGRESSORS)}.",
        )
    horizon = HORIZON[series.grain]
    cut = _common(series, regressors)
    ahead = [period_at(cut.start, len(cut) + step, grain=cut.grain) for step in range(horizon)]
    factors = _factors(changes, regressors, series)
    known = {name: _values(one, cut, horizon) for name, one in regressors.items()}
    supposed = {name: _changed(values, factors.get(name, 1.0), horizon) for name, values in known.items()}
    days_off = _days_off(changes.get(HOLIDAYS, ()), ahead, cut)
    if cut.closed_days or days_off:
        known[HOLIDAYS] = _closed(cut, horizon, frozenset())
        supposed[HOLIDAYS] = _closed(cut, horizon, days_off)
    baseline, scenario = _forecast(cut, horizon, known, supposed)
    lowest = 0.0 if cut.is_non_negative else -np.inf
    return Scenario(series.key, ahead, np.maximum(baseline, lowest), np.maximum(scenario, lowest))


def scenario_of(
    kpi: str, changes: Mapping[str, Change], *, grain: str = "weekly", model: str | None = None, settings: "Settings | None" = None
) -> Scenario:
    """`what_if` for a KPI of the lake, with the regressors its file declares.

    Args:
        kpi: Its name.
        changes: As for `what_if`.
        grain: daily, weekly or monthly.
        model: The forecaster to ask; default: the champion of the series.
        settings: Default: the process's settings.

    Raises:
        ModelError: As for `what_if`; or there is no such series, or no champion yet.
    """
    from lake.connection import connect
    from lake.kpi_files import kpis
    from models.series_reading import read_series

    with connect(read_only=True, settings=settings) as connection:
        series = {one.name: one for one in read_series(connection, members=False) if one.grain == grain}
        asked = model or _champion(connection, kpi, grain)
    declared = {one.kpi: one.regressors for one in kpis(settings)}
    if kpi not in series:
        raise ModelError(f"There is no {grain} series of {kpi}.", remedy="`grimoire series` lists them.")
    carried = {factor: series[name] for factor, name in declared.get(kpi, {}).items() if name in series}
    return what_if(series[kpi], changes, regressors=carried, model=asked)


def _champion(connection: Any, kpi: str, grain: str) -> str:
    import duckdb

    try:
        found = connection.execute(
            "select champion from forecasts.champions where series = ? and grain = ?", [kpi, grain]
        ).fetchone()
    except duckdb.CatalogException:
        found = None
    if found is None:
        raise ModelError(f"The {grain} series of {kpi} has no champion yet.", remedy="Run `grimoire forecast`, or name a model.")
    return str(found[0])


def _common(series: Series, regressors: Mapping[str, Series]) -> Series:
    """The history from where all regressors are known on."""
    first = max([series.start, *(one.start for one in regressors.values())])
    skipped = periods_between(series.start, first, grain=series.grain)
    if len(series) - skipped < 2 * LOOK_BACK or any(one.grain != series.grain or not len(one) for one in regressors.values()):
        raise ModelError(
            f"The factors of {series.title} are known for too few of its periods.",
            remedy="Choose another grain, or a longer series.",
        )
    return replace(series, start=series.date_of(skipped), values=series.values[skipped:])


def _factors(changes: Mapping[str, Change], regressors: Mapping[str, Series], series: Series) -> dict[str, float]:
    """What each regressor is multiplied by."""
    found = {}
    for name, change in changes.items():
        if name == HOLIDAYS:
            continue
        if name not in regressors:
            there = ", ".join([*regressors, HOLIDAYS])
            raise ModelError(f"{series.title} has no factor {name}.", remedy=f"Suppose something of: {there}.")
        percent = float(change.replace("%", "")) if isinstance(change, str) and _PERCENT.fullmatch(change.strip()) else change
        if not isinstance(percent, int | float) or isinstance(percent, bool) or not np.isfinite(percent) or percent < -100:
            raise ModelError(f"{name}: {change!r} is not a change in percent.", remedy='Write a number above -100, such as "+5 %".')
        found[name] = 1 + percent / 100
    return found


def _values(regressor: Series, series: Series, horizon: int) -> np.ndarray:
    """The regressor's values in the history and, as things are, in the horizon: shape (len(series) + horizon,)."""
    skipped = periods_between(regressor.start, series.start, grain=series.grain)
    known = regressor.values[skipped : skipped + len(series)]
    last = known[-SEASON["daily"] :] if series.grain == "daily" else np.array([known[-LOOK_BACK:].mean()])
    steps = np.arange(len(series) + horizon - len(known))
    return np.concatenate([known, last[steps % len(last)]])


def _changed(values: np.ndarray, factor: float, horizon: int) -> np.ndarray:
    return np.concatenate([values[:-horizon], values[-horizon:] * factor])


def _days_off(said: Change, ahead: Sequence[date], series: Series) -> frozenset[date]:
    if isinstance(said, str | float | int) or not all(isinstance(day, date) for day in said):
        raise ModelError(f"{HOLIDAYS}: {said!r} is not a list of days.", remedy="Write [date(2026, 5, 15), …].")
    end = period_at(series.start, len(series) + len(ahead), grain=series.grain)
    if outside := sorted(day for day in said if not ahead[0] <= day < end):
        raise ModelError(f"{HOLIDAYS}: {outside[0]} is not forecast.", remedy=f"Choose days from {ahead[0]} and before {end}.")
    return frozenset(said)


def _closed(series: Series, horizon: int, more: frozenset[date]) -> np.ndarray:
    """How many of each period's weekdays are days off, shape (len(series) + horizon,)."""
    off = [day for day in series.closed_days | more if day.weekday() < 5 or day in more]
    counts = np.zeros(len(series) + horizon)
    for day in off:
        index = periods_between(series.start, day, grain=series.grain)
        if 0 <= index < len(counts):
            counts[index] += 1
    return counts


def _forecast(
    series: Series, horizon: int, known: Mapping[str, np.ndarray], supposed: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    import pandas as pd

    from models.forecasters import YEARLY_FROM_DAYS, quiet_prophet

    length = len(series)
    dates = pd.to_datetime([series.date_of(index) for index in range(length + horizon)])
    days = (dates[-1] - dates[0]).days
    model = quiet_prophet()(
        weekly_seasonality=series.grain == "daily",
        yearly_seasonality=days >= YEARLY_FROM_DAYS,
        daily_seasonality=False,
        uncertainty_samples=0,
    )
    varying = [name for name, values in known.items() if np.ptp(values[:length]) > 0]
    for name in varying:
        model.add_regressor(f"factor_{name}")  # Prophet keeps words such as holidays to itself
    frame = pd.DataFrame({"ds": dates, **{f"factor_{name}": known[name] for name in varying}})
    try:
        model.fit(frame.iloc[:length].assign(y=series.values))
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"{series.title} cannot be learnt with its factors: {error}", remedy="Choose another grain.") from error
    changed = pd.DataFrame({"ds": dates, **{f"factor_{name}": supposed[name] for name in varying}})
    both = [model.predict(one.iloc[length:])["yhat"].to_numpy() for one in (frame, changed)]
    return both[0], both[1]
