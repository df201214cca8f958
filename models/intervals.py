"""Forecast intervals from errors that were really made (split conformal prediction, normalised by season).

What belongs here: widths and their coverage. What does not: which errors (`models.backtest` makes them).

A point forecast for a period of phase p (its weekday, for daily series) gets the half-width q * spread[p]: `spread` is how much
such a period usually differs from the one a season before, so that quiet Sundays get narrow intervals and busy Mondays wide ones;
q is the conformal quantile of |error| / spread over the back-test (Lei et al. 2018, distribution-free predictive inference).
"""

import math

import numpy as np

from models.series import SEASON, Grain, Series

LEVELS = (80, 95)  # percent
SMALLEST_SPREAD = 0.1  # of the mean spread: a weekday that never varied may still do so tomorrow


def spread(series: Series) -> np.ndarray:
    """Mean absolute change per phase, in the KPI's unit: shape (7,) for daily series, (1,) for weekly ones; never zero."""
    season = phases(series.grain)
    change = np.abs(series.values[season:] - series.values[:-season])
    phase = np.arange(season, len(series)) % season
    per_phase = np.array([change[phase == p].mean() if (phase == p).any() else 0.0 for p in range(season)])
    mean = per_phase.mean() or np.abs(series.values).mean() or 1.0
    return np.maximum(per_phase, SMALLEST_SPREAD * mean)


def phases(grain: Grain) -> int:
    """How many kinds of period a grain has: seven weekdays; weeks are all alike, two years have too few of each."""
    return SEASON[grain] if grain == "daily" else 1


def conformal_quantile(errors: np.ndarray, *, level: int) -> float:
    """The ceil((n + 1) * level)-th smallest of n absolute normalised errors; the largest where n is too small for the level."""
    if not len(errors):
        return math.nan
    rank = min(math.ceil((len(errors) + 1) * level / 100), len(errors))
    return float(np.sort(np.abs(errors))[rank - 1])


def held_out_coverage(errors: list[np.ndarray], *, level: int) -> list[float]:
    """Per window the share of its errors inside the interval that the *other* windows' errors give; nan for a lone window."""
    shares = []
    for index, window in enumerate(errors):
        others = [other for position, other in enumerate(errors) if position != index]
        quantile = conformal_quantile(np.concatenate(others), level=level) if others else math.nan
        shares.append(float((np.abs(window) <= quantile).mean()) if others else math.nan)
    return shares
