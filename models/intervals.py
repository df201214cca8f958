"""Forecast intervals from errors that were really made: split conformal prediction, pooled over the series of a grain.

What belongs here: widths and their coverage. What does not: which errors (`models.backtest` makes them).

A point forecast gets the half-width q[k] * spread[p]. `spread[p]` is how much a period of phase p (its weekday, for daily series)
usually differs from the one a season before, so that quiet Sundays get narrow intervals and busy Mondays wide ones. q[k] is the
conformal quantile of |error| / spread k periods ahead (Lei et al. 2018, distribution-free predictive inference): over all series
of the grain forecast the same way where these are at least `LEAST_POOLED`, else over all steps of the one series.

Series of a pool differ in how large their errors are in units of spread: counts of a region make smaller ones than a team's mean
duration. So each series has a scale, the mean of its windows' errors and of one more window of the pool's usual size; the quantile
is that of errors in units of the scale that the series' *other* windows give, as a window to come will be (normalised conformal
prediction, ibid., section 5.2).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.series import SEASON, Grain, Series

LEVELS = (80, 95)  # percent
LEAST_POOLED = 60  # series; with fewer, their errors k steps ahead are too few for a 95 % quantile
SMALLEST_SPREAD = 0.1  # of the mean spread: a weekday that never varied may still do so tomorrow

Basis = Literal["pooled", "series"]


@dataclass(frozen=True)
class Calibration:
    """Half-widths in units of spread, shape (horizon,) by level in percent, and whose errors they come from."""

    basis: Basis
    quantiles: dict[int, np.ndarray]


def spread(series: Series) -> np.ndarray:
    """Mean absolute change per phase, in the KPI's unit: shape (7,) for daily series, (1,) for the others; never zero."""
    return spread_of(series.values, phases(series.grain))


def spread_of(values: np.ndarray, season: int) -> np.ndarray:
    """Mean absolute change from one season to the next per phase, shape (season,), in the values' unit; never zero."""
    change = np.abs(values[season:] - values[:-season])
    phase = np.arange(season, len(values)) % season
    per_phase = np.array([change[phase == p].mean() if (phase == p).any() else 0.0 for p in range(season)])
    mean = per_phase.mean() or np.abs(values).mean() or 1.0
    return np.maximum(per_phase, SMALLEST_SPREAD * mean)


def spread_ahead(series: Series, horizon: int) -> np.ndarray:
    """The spread of each of the `horizon` periods after the series."""
    return spread(series)[np.arange(len(series), len(series) + horizon) % phases(series.grain)]


def phases(grain: Grain) -> int:
    """How many kinds of period a grain has: seven weekdays; weeks and months are all alike, two years have too few of each."""
    return SEASON[grain] if grain == "daily" else 1


def conformal_quantile(errors: np.ndarray, *, level: int) -> float:
    """The ceil((n + 1) * level)-th smallest of n absolute normalised errors; the largest where n is too small for the level."""
    if not len(errors):
        return math.nan
    rank = min(math.ceil((len(errors) + 1) * level / 100), len(errors))
    return float(np.sort(np.abs(errors))[rank - 1])


def calibrate(errors: Mapping[str, np.ndarray]) -> dict[str, Calibration]:
    """The widths of each series' intervals.

    Args:
        errors: By series, all of one grain and forecast the same way: (actual - forecast) / spread, shape (windows, horizon).
    """
    if len(errors) >= LEAST_POOLED:
        return {key: Calibration("pooled", limits) for key, limits in _pooled(errors).items()}
    return {key: Calibration("series", _by_series(made)) for key, made in errors.items()}


def held_out_coverage(errors: Mapping[str, np.ndarray], *, level: int) -> dict[str, np.ndarray]:
    """Per series and window, the share of values inside intervals made from the *other* windows' errors; nan for a lone window.

    Windows are counted from the newest: the others of a pooled calibration are all series' other windows. Shape (windows,) each.
    """
    if len(errors) < LEAST_POOLED:
        return {key: _coverage_alone(made, level=level) for key, made in errors.items()}
    count = max(len(made) for made in errors.values())
    shares: dict[str, list[float]] = {key: [] for key in errors}
    for back in range(count, 0, -1):
        others = {key: np.delete(made, len(made) - back, axis=0) if len(made) >= back else made for key, made in errors.items()}
        limits = _pooled(others)
        for key, made in errors.items():
            if len(made) >= back:
                shares[key].append(_share(made[len(made) - back], limits[key][level]))
    return {key: np.array(found) for key, found in shares.items()}


def _coverage_alone(made: np.ndarray, *, level: int) -> np.ndarray:
    rest = [np.delete(made, window, axis=0) for window in range(len(made))]
    return np.array([_share(window, _by_series(others)[level]) for window, others in zip(made, rest, strict=True)])


def _share(window: np.ndarray, limit: np.ndarray) -> float:
    return math.nan if np.isnan(limit).any() else float((np.abs(window) <= limit).mean())


def _pooled(errors: Mapping[str, np.ndarray]) -> dict[str, dict[int, np.ndarray]]:
    """Half-widths by series and level, of the errors of all in units of each one's own scale; nan where there are no errors."""
    sizes = {key: np.abs(made).mean(axis=1) for key, made in errors.items()}  # of each window
    every = np.concatenate(list(sizes.values()))
    usual = (float(every.mean()) if len(every) else 0.0) or 1.0
    scaled = [made / _scale_of_others(sizes[key], usual)[:, None] for key, made in errors.items()]
    limits = _by_step(np.concatenate(scaled))
    return {key: {level: limit * _scale(size, usual) for level, limit in limits.items()} for key, size in sizes.items()}


def _scale(sizes: np.ndarray, usual: float) -> float:
    """A series' scale; the usual one where a lone window has no other to be measured in units of."""
    return float((sizes.sum() + usual) / (len(sizes) + 1)) if len(sizes) > 1 else usual


def _scale_of_others(sizes: np.ndarray, usual: float) -> np.ndarray:
    """For each window the scale that the others give, shape (windows,)."""
    return np.asarray((sizes.sum() - sizes + usual) / max(len(sizes), 1))


def _by_step(errors: np.ndarray) -> dict[int, np.ndarray]:
    """Quantiles per step; never narrower further ahead than near by, for a few hundred errors also hold luck."""
    return {level: np.maximum.accumulate([conformal_quantile(column, level=level) for column in errors.T]) for level in LEVELS}


def _by_series(errors: np.ndarray) -> dict[int, np.ndarray]:
    return {level: np.full(errors.shape[1], conformal_quantile(errors.ravel(), level=level)) for level in LEVELS}
