"""Competition series, and the measures they are judged by.

What belongs here: reading them, Naive2 and OWA as the M4 competition defines them. What does not: forecasting (`bench.models`).
"""

import csv
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.harness import SHARED_DATA
from models.backtest import scaled_error, smape

SERIES = SHARED_DATA / "series"
PERIOD = {"Hourly": 24, "Daily": 1, "Weekly": 1, "Monthly": 12, "Quarterly": 4, "Yearly": 1}  # M4's, for its measures
SEASONS = {"Hourly": (24, 168), "Daily": (7,), "Weekly": (52,), "Monthly": (12,), "Quarterly": (4,), "Yearly": ()}  # ours


@dataclass(frozen=True)
class Rival:
    """A competition's series with what came after it."""

    uid: str
    group: str
    grain: str
    train: np.ndarray
    test: np.ndarray

    @property
    def period(self) -> int:
        """M4's season, for its measures and Naive2."""
        return PERIOD[self.grain]

    @property
    def seasons(self) -> tuple[int, ...]:
        """The seasons our forecasters are told of."""
        return SEASONS[self.grain]

    def errors(self, forecast: np.ndarray) -> tuple[float, float]:
        """MASE and sMAPE in percent."""
        scaled = scaled_error(self.test, forecast, history=self.train, season=self.period)
        return scaled, smape(self.test, forecast)


def sample() -> list[Rival]:
    """230 series of the M4 and M3 competitions."""
    with gzip.open(SERIES / "forecast_benchmark_230.json.gz") as file:
        found = json.load(file)
    return [
        Rival(one["uid"], one["group"], _grain(one["group"]), np.array(one["train"], float), np.array(one["test"], float))
        for one in found
    ]


def hourly() -> list[Rival]:
    """All 414 hourly series of the M4 competition."""
    train, test = (_rows(SERIES / f"m4_hourly_{part}.csv.gz") for part in ("train", "test"))
    return [Rival(uid, "M4-Hourly", "Hourly", values, test[uid]) for uid, values in train.items()]


def _rows(path: Path) -> dict[str, np.ndarray]:
    with gzip.open(path, "rt") as file:
        rows = csv.reader(file)
        next(rows)
        return {row[0]: np.array([float(value) for value in row[1:] if value not in ("", "NA")]) for row in rows}


def _grain(group: str) -> str:
    return next(grain for grain in PERIOD if grain in group)


def naive2(values: np.ndarray, period: int, horizon: int) -> np.ndarray:
    """M4's floor: the last value of the series without its season, if a 90 % test finds one, and the season put back."""
    if period < 2 or len(values) < 3 * period or not _is_seasonal(values, period) or values.min() <= 0:
        return np.repeat(values[-1], horizon)
    from statsmodels.tsa.seasonal import seasonal_decompose

    indices = seasonal_decompose(values, model="multiplicative", period=period).seasonal[:period]
    ahead = (len(values) + np.arange(horizon)) % period
    return values[-1] / indices[(len(values) - 1) % period] * indices[ahead]


def _is_seasonal(values: np.ndarray, period: int) -> bool:
    centred = values - values.mean()
    lagged = [float(centred[lag:] @ centred[: len(centred) - lag]) for lag in range(period + 1)]
    if lagged[0] == 0:
        return False
    acf = np.array(lagged) / lagged[0]
    limit = 1.645 * np.sqrt((1 + 2 * (acf[1:period] ** 2).sum()) / len(values))
    return bool(abs(acf[period]) > limit)


def owa(errors: Sequence[tuple[float, float]], floor: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Mean MASE and sMAPE, and OWA: the mean of both in units of Naive2's."""
    mine, its = np.mean(errors, axis=0), np.mean(floor, axis=0)
    return {"mase": round(float(mine[0]), 3), "smape": round(float(mine[1]), 2), "owa": round(float((mine / its).mean()), 3)}


def table(results: Mapping[str, Sequence[tuple[float, float]]], *, floor: str = "naive2") -> dict[str, dict[str, float]]:
    """OWA of each forecaster that forecast every series."""
    return {name: owa(errors, results[floor]) for name, errors in results.items() if len(errors) == len(results[floor])}
