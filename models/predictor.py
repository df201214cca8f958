"""A fitted rival with everything a forecast needs: what MLflow keeps and what scoring loads.

What belongs here: forecasts with intervals, and the predictor's JSON form (data only: loading one runs no code of its own).
What does not: MLflow (`models.registry`).
"""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np

from models.forecasters import rivals
from models.intervals import LEVELS, phases, spread
from models.series import DAYS, HORIZON, Grain, Series


@dataclass(frozen=True)
class ForecastPoint:
    """One period to come, in the KPI's unit."""

    period: date
    value: float
    lower_80: float
    upper_80: float
    lower_95: float
    upper_95: float


@dataclass(frozen=True)
class Predictor:
    """A rival fitted to one series, with the widths of its intervals.

    `spread[p]` belongs to the periods that begin p periods after `start`, modulo its length; `quantiles` go by level in percent.
    """

    forecaster: str
    state: dict[str, Any]
    grain: Grain
    start: str
    trained_until: str
    is_non_negative: bool
    spread: list[float]
    quantiles: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Itself as JSON values."""
        return asdict(self)

    def forecast(self, series: Series) -> list[ForecastPoint]:
        """The periods after the series' last one, as many as the grain's horizon."""
        horizon = HORIZON[series.grain]
        fitted = rivals()[self.forecaster].restore(self.state)
        values = fitted.predict(horizon, after=series)
        lowest = 0.0 if self.is_non_negative else -np.inf
        values = np.maximum(values, lowest)
        offset = (series.start - date.fromisoformat(self.start)).days // DAYS[self.grain]
        phase = (offset + np.arange(len(series), len(series) + horizon)) % phases(self.grain)
        widths = {level: self.quantiles[str(level)] * np.array(self.spread)[phase] for level in LEVELS}
        return [
            ForecastPoint(
                series.date_of(len(series) + index),
                float(value),
                *(
                    float(bound)
                    for level in LEVELS
                    for bound in (max(value - widths[level][index], lowest), value + widths[level][index])
                ),
            )
            for index, value in enumerate(values)
        ]


def train(forecaster: str, series: Series, *, quantiles: dict[int, float], country: str | None = None) -> Predictor:
    """Fits a rival to the whole series; `quantiles` are its back-test's."""
    fitted = rivals(country)[forecaster].fit(series)
    return Predictor(
        forecaster=forecaster,
        state=fitted.to_state(),
        grain=series.grain,
        start=series.start.isoformat(),
        trained_until=series.end.isoformat(),
        is_non_negative=series.is_non_negative,
        spread=[float(width) for width in spread(series)],
        quantiles={str(level): quantile for level, quantile in quantiles.items()},
    )
