"""Rolling-origin back-test: each rival forecasts windows of the past from what was known before them.

What belongs here: windows, errors and scores. What does not: how wide intervals follow (`models.intervals`), what follows for the
title (`models.champions`), and how many are tested at once (`models.training`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from models.forecasters import forecasts
from models.intervals import spread_ahead
from models.series import HORIZON, Grain, Series
from models.statistical import Forms

WINDOWS: dict[Grain, int] = {"daily": 4, "weekly": 3, "monthly": 3}
LEAST_TRAINING: dict[Grain, int] = {"daily": 56, "weekly": 26, "monthly": 12}  # periods before the first window
LEAST_WINDOWS = 2  # one window cannot say how far its own intervals reach


@dataclass(frozen=True)
class WindowScore:
    """How one rival did in one window; `errors` are (actual - forecast) / spread, shape (horizon,)."""

    window_start: date
    horizon: int
    mase: float
    smape: float
    errors: np.ndarray


@dataclass(frozen=True)
class Backtest:
    """One rival's back-test on one series, the oldest window first."""

    forecaster: str
    windows: tuple[WindowScore, ...]

    @property
    def mase(self) -> float:
        """Mean over the windows."""
        return float(np.mean([window.mase for window in self.windows]))

    @property
    def smape(self) -> float:
        """Mean over the windows, in percent."""
        return float(np.mean([window.smape for window in self.windows]))

    @property
    def errors(self) -> np.ndarray:
        """All windows' errors in units of spread: shape (windows, horizon)."""
        return np.stack([window.errors for window in self.windows])


def least_points(grain: Grain) -> int:
    """The shortest series that can be back-tested."""
    return LEAST_TRAINING[grain] + LEAST_WINDOWS * HORIZON[grain]


def origins(length: int, *, grain: Grain) -> list[int]:
    """Lengths of the training parts, oldest first; the windows of one horizon each follow one another up to the end."""
    horizon = HORIZON[grain]
    count = min(WINDOWS[grain], (length - LEAST_TRAINING[grain]) // horizon)
    return [length - horizon * back for back in range(count, 0, -1)]


def backtest(
    names: Collection[str], series: Series, *, forms: Forms | None = None, country: str | None = None
) -> dict[str, Backtest]:
    """Scores rivals on the series' last windows; those that fail in any are left out.

    Args:
        names: Of `models.forecasters`, but not the global one.
        series: Long enough (`least_points`).
        forms: Filled with the forms found on the oldest training part; later windows only estimate their parameters.
        country: Whose public holidays Prophet knows.
    """
    forms = {} if forms is None else forms
    starts = origins(len(series), grain=series.grain)
    made = [forecasts(names, series.head(start), HORIZON[series.grain], forms=forms, country=country) for start in starts]
    return scored(series, made)


def backtest_until_beaten(name: str, series: Series, defender: Backtest, *, country: str | None = None) -> Backtest | None:
    """Scores a dear rival window by window, the newest first, and stops at the first it loses: it could no longer win the title.

    Returns:
        Its back-test over the windows that were played, None where it cannot be fitted.
    """
    played: list[WindowScore] = []
    for start, other in zip(reversed(origins(len(series), grain=series.grain)), reversed(defender.windows), strict=True):
        found = forecasts([name], series.head(start), HORIZON[series.grain], country=country)
        if name not in found:
            return None
        played.insert(0, score(series, start, found[name]))
        if played[0].mase >= other.mase:
            break
    return Backtest(name, tuple(played))


def scored(series: Series, made: Sequence[Mapping[str, np.ndarray]]) -> dict[str, Backtest]:
    """Scores forecasts of all the series' windows, oldest first; who is not in each of them is left out."""
    starts = origins(len(series), grain=series.grain)
    everywhere = [name for name in made[0] if all(name in window for window in made)] if made else []
    return {
        name: Backtest(name, tuple(score(series, start, window[name]) for start, window in zip(starts, made, strict=True)))
        for name in everywhere
    }


def score(series: Series, start: int, forecast: np.ndarray) -> WindowScore:
    """Compares a forecast made from the first `start` periods with what came."""
    training, actual = series.head(start), series.values[start : start + len(forecast)]
    return WindowScore(
        window_start=series.date_of(start),
        horizon=len(forecast),
        mase=mase(actual, forecast, training=training),
        smape=smape(actual, forecast),
        errors=(actual - forecast) / spread_ahead(training, len(forecast)),
    )


def mase(actual: np.ndarray, forecast: np.ndarray, *, training: Series) -> float:
    """Mean absolute error in units of the naive one-season-back error on the training part (Hyndman and Koehler 2006).

    The season is a week for daily series, a year for monthly and one period for weekly ones, as in the M4 competition.
    """
    season = {"daily": 7, "weekly": 1, "monthly": 12}[training.grain]
    return scaled_error(actual, forecast, history=training.values, season=season)


def scaled_error(actual: np.ndarray, forecast: np.ndarray, *, history: np.ndarray, season: int) -> float:
    """MASE on arrays. A history without seasonal change is measured by its change from period to period, or by its size."""
    seasonal = np.abs(history[season:] - history[:-season]).mean() if len(history) > season else 0.0
    scales = (seasonal, np.abs(np.diff(history)).mean() if len(history) > 1 else 0.0, np.abs(history).mean(), 1.0)
    return float(np.abs(actual - forecast).mean() / next(scale for scale in scales if scale > 0))


def smape(actual: np.ndarray, forecast: np.ndarray) -> float:
    """Symmetric mean absolute percentage error, 0 to 200; a zero forecast of a zero is no error."""
    size = np.abs(actual) + np.abs(forecast)
    return float(200 * np.divide(np.abs(actual - forecast), size, out=np.zeros_like(size), where=size > 0).mean())
