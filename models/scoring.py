"""Scoring: every series forecast by its champion, or by who stands in for it, with intervals and sums that hold.

What belongs here: the chain of stand-ins, intervals around points, reconciliation's place. What does not: who is champion
(`models.champions`) and where that is kept (`models.registry`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import numpy as np

from models.backtest import backtest, least_points
from models.champion_table import Entry
from models.crew import Crew, here
from models.forecasters import GLOBAL, forecasts
from models.global_model import global_forecasts
from models.intervals import LEVELS, Basis, calibrate, spread_ahead
from models.reconciliation import families, reconcile
from models.series import HORIZON, Series

Step = Literal["champion", "theta", "seasonal_naive", "last_value"]
STAND_INS: tuple[Step, ...] = ("theta", "seasonal_naive", "last_value")


@dataclass(frozen=True)
class ForecastPoint:
    """One period to come, in the KPI's unit; bounds are None where the series' errors have not been measured."""

    period: date
    value: float
    lower_80: float | None
    upper_80: float | None
    lower_95: float | None
    upper_95: float | None


@dataclass(frozen=True)
class Scored:
    """A series' forecast: by whom, at which step of the chain, with whose errors around it, and whether it was made to add up."""

    series: Series
    forecaster: str
    step: Step
    values: np.ndarray
    half_widths: Mapping[int, np.ndarray]  # by level in percent, in the KPI's unit; empty if not measured
    basis: Basis | None
    is_reconciled: bool = False

    @property
    def points(self) -> list[ForecastPoint]:
        """The periods after the series' last one."""
        lowest = 0.0 if self.series.is_non_negative else -np.inf
        bounds = {
            level: (np.maximum(self.values - width, lowest), self.values + width) for level, width in self.half_widths.items()
        }
        return [
            ForecastPoint(
                self.series.date_of(len(self.series) + index),
                float(value),
                *(float(bounds[level][side][index]) if level in bounds else None for level in LEVELS for side in (0, 1)),
            )
            for index, value in enumerate(self.values)
        ]


def score(
    series: Sequence[Series],
    entries: Mapping[str, Entry],
    *,
    country: str | None = None,
    made: Mapping[str, np.ndarray] | None = None,
    work: Crew = here,
) -> dict[str, Scored]:
    """Forecasts every series, by key.

    Args:
        series: With one value at least.
        entries: The champions; a series without one is forecast by the first stand-in that can.
        country: Whose public holidays Prophet knows.
        made: Forecasts of champions that a training has just made from all values, by key; they are not made again.
        work: Who does it. Default: this process.
    """
    ready = {**_global(series, entries), **(made or {})}
    tasks = ((one, entries.get(one.key), ready.get(one.key), country) for one in series)
    found = {one.series.key: one for one in work(_one, tasks)}
    scored = {one.key: found[one.key] for one in series}
    for family in families(series):
        scored |= _reconciled([scored[one.key] for one in family])
    return scored


def _global(series: Sequence[Series], entries: Mapping[str, Entry]) -> dict[str, np.ndarray]:
    """The global model's forecasts of the series whose champion it is; it learns from all of their grain."""
    its = {one.key: one.grain for one in series if (entry := entries.get(one.key)) is not None and entry.forecaster == GLOBAL}
    found: dict[str, np.ndarray] = {}
    for grain in sorted(set(its.values())):
        found |= global_forecasts([one for one in series if one.grain == grain], HORIZON[grain])
    return {key: values for key, values in found.items() if key in its}


def _one(series: Series, entry: Entry | None, ready: np.ndarray | None, country: str | None) -> Scored:
    horizon = HORIZON[series.grain]
    values = _by_champion(series, entry, horizon, country=country) if entry and ready is None else ready
    if entry and values is not None:
        unit = spread_ahead(series, horizon)
        widths = {level: entry.half_width(level, horizon) * unit for level in LEVELS} if entry.quantiles else {}
        return Scored(series, entry.forecaster, "champion", values, widths, entry.basis)
    return _stand_in(series, horizon)


def _by_champion(series: Series, entry: Entry, horizon: int, *, country: str | None) -> np.ndarray | None:
    if entry.forecaster == GLOBAL:  # has none for this series
        return None
    return forecasts([entry.forecaster], series, horizon, forms=dict(entry.forms), country=country).get(entry.forecaster)


def _stand_in(series: Series, horizon: int) -> Scored:
    """The first of the chain that can forecast it, with intervals from its own back-test where it is long enough."""
    found = forecasts(STAND_INS, series, horizon)
    step = next(name for name in STAND_INS if name in found)
    tests = backtest([step], series) if len(series) >= least_points(series.grain) and np.ptp(series.values) > 0 else {}
    if step not in tests:
        return Scored(series, step, step, found[step], {}, None)
    made = calibrate({series.key: tests[step].errors})[series.key]
    unit = spread_ahead(series, horizon)
    return Scored(series, step, step, found[step], {level: width * unit for level, width in made.quantiles.items()}, made.basis)


def _variance(scored: Scored) -> float:
    """Roughly that of the forecast's errors; where they have not been measured, that of the last values."""
    if scored.half_widths:
        return float(np.mean(scored.half_widths[80]) ** 2)
    return float(np.var(scored.series.values[-len(scored.values) :]))


def _reconciled(family: list[Scored]) -> dict[str, Scored]:
    """The family with forecasts that add up. Intervals move with their points and keep the width that was calibrated before."""
    variances = {one.series.key: _variance(one) for one in family}
    moved = reconcile([one.series for one in family], {one.series.key: one.values for one in family}, variances)
    return {one.series.key: replace(one, values=moved[one.series.key], is_reconciled=True) for one in family}
