"""Rolling-origin back-test: each rival forecasts windows of the past from what was known before them.

What belongs here: windows, errors and scores. What does not: what follows from them (`models.champions`).
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from models.forecasters import Forecaster
from models.intervals import conformal_quantile, held_out_coverage, phases, spread
from models.series import DAYS, HORIZON, Grain, Series

WINDOWS: dict[Grain, int] = {"daily": 4, "weekly": 3}
LEAST_TRAINING: dict[Grain, int] = {"daily": 56, "weekly": 26}  # periods before the first window
LEAST_WINDOWS = 2  # one window cannot say how far its own intervals reach


@dataclass(frozen=True)
class WindowScore:
    """How one rival did in one window."""

    window_start: date
    horizon: int
    mase: float
    smape: float
    coverage_80: float
    coverage_95: float


@dataclass(frozen=True)
class Backtest:
    """One rival's back-test on one series; `quantiles` turn spreads into half-widths of intervals, by level in percent."""

    forecaster: str
    windows: list[WindowScore]
    quantiles: dict[int, float]

    @property
    def mase(self) -> float:
        """Mean over the windows."""
        return float(np.mean([window.mase for window in self.windows]))

    @property
    def smape(self) -> float:
        """Mean over the windows, in percent."""
        return float(np.mean([window.smape for window in self.windows]))

    def coverage(self, level: int) -> float:
        """Share of the back-test's values inside intervals that were made without them."""
        return float(np.mean([getattr(window, f"coverage_{level}") for window in self.windows]))


def least_points(grain: Grain) -> int:
    """The shortest series that can be back-tested."""
    return LEAST_TRAINING[grain] + LEAST_WINDOWS * HORIZON[grain]


def origins(length: int, *, grain: Grain) -> list[int]:
    """Lengths of the training parts, oldest first; the windows of one horizon each follow one another up to the end."""
    horizon = HORIZON[grain]
    count = min(WINDOWS[grain], (length - LEAST_TRAINING[grain]) // horizon)
    return [length - horizon * back for back in range(count, 0, -1)]


def backtest(forecaster: Forecaster, series: Series) -> Backtest:
    """Scores one rival on the series' last windows.

    Raises:
        RuntimeError, ValueError: The rival cannot be fitted to the series.
    """
    horizon = HORIZON[series.grain]
    starts = origins(len(series), grain=series.grain)
    actual = [series.values[start : start + horizon] for start in starts]
    forecasts = [_forecast(forecaster, series.head(start), horizon) for start in starts]
    normalised = [
        (values - forecast) / spread(series.head(start))[np.arange(start, start + horizon) % phases(series.grain)]
        for start, values, forecast in zip(starts, actual, forecasts, strict=True)
    ]
    covered_80, covered_95 = (held_out_coverage(normalised, level=level) for level in (80, 95))
    windows = [
        WindowScore(
            window_start=series.date_of(start),
            horizon=horizon,
            mase=mase(values, forecast, training=series.head(start)),
            smape=smape(values, forecast),
            coverage_80=covered_80[index],
            coverage_95=covered_95[index],
        )
        for index, (start, values, forecast) in enumerate(zip(starts, actual, forecasts, strict=True))
    ]
    every = np.concatenate(normalised)
    return Backtest(forecaster.name, windows, {level: conformal_quantile(every, level=level) for level in (80, 95)})


def _forecast(forecaster: Forecaster, training: Series, horizon: int) -> np.ndarray:
    values = forecaster.fit(training).predict(horizon, after=training)
    if not np.isfinite(values).all():
        raise ValueError(f"{forecaster.name} gave values that are not numbers")
    return np.maximum(values, 0) if training.is_non_negative else values


def mase(actual: np.ndarray, forecast: np.ndarray, *, training: Series) -> float:
    """Mean absolute error in units of the naive one-season-back error on the training part (Hyndman and Koehler 2006).

    The season is a week for daily series and one period for weekly ones, as in the M4 competition.
    """
    season = 7 if DAYS[training.grain] == 1 else 1
    values = training.values
    scales = (np.abs(values[season:] - values[:-season]).mean(), np.abs(np.diff(values)).mean(), np.abs(values).mean(), 1.0)
    return float(np.abs(actual - forecast).mean() / next(scale for scale in scales if scale > 0))


def smape(actual: np.ndarray, forecast: np.ndarray) -> float:
    """Symmetric mean absolute percentage error, 0 to 200; a zero forecast of a zero is no error."""
    size = np.abs(actual) + np.abs(forecast)
    return float(200 * np.divide(np.abs(actual - forecast), size, out=np.zeros_like(size), where=size > 0).mean())
