"""The rivals: ways to forecast a series, all behind one small protocol, and the list of those that compete.

What belongs here: fitting, forecasting and putting a fitted model into JSON. What does not: judging them (`models.backtest`).
A further rival is a class with these three methods and a line in `rivals`.
"""

import logging
import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from models.series import DAYS, SEASON, Grain, Series

BASELINE = "seasonal_naive"
YEARLY_FROM_DAYS = 540  # with less history a yearly wave cannot be told from the trend


class Fitted(Protocol):
    """A forecaster that has seen a series."""

    def predict(self, horizon: int, *, after: Series) -> np.ndarray:
        """The `horizon` values that follow `after`: the series it was fitted to, or that series grown longer."""
        ...

    def to_state(self) -> dict[str, Any]:
        """What `restore` needs, as JSON values."""
        ...


class Forecaster(Protocol):
    """A way to forecast series."""

    @property
    def name(self) -> str:
        """Its name in tables and tags."""
        ...

    def fit(self, series: Series) -> Fitted:
        """Learns from the series; RuntimeError or ValueError if it cannot."""
        ...

    def restore(self, state: dict[str, Any]) -> Fitted:
        """The fitted forecaster that `Fitted.to_state` wrote down."""
        ...


def rivals(country: str | None = None) -> dict[str, Forecaster]:
    """The forecasters that compete, by name; the baseline first."""
    competing: list[Forecaster] = [SeasonalNaive(), ProphetForecaster(country=country)]
    return {forecaster.name: forecaster for forecaster in competing}


@dataclass(frozen=True)
class SeasonalNaive:
    """What was, will be: the last season again, or the last value where there is less than a season."""

    name: str = BASELINE

    def fit(self, series: Series) -> "FittedNaive":
        """Nothing to learn but the season's length."""
        season = SEASON[series.grain]
        return FittedNaive(season if len(series) >= season else 1)

    def restore(self, state: dict[str, Any]) -> "FittedNaive":
        """From the season's length."""
        return FittedNaive(int(state["season"]))


@dataclass(frozen=True)
class FittedNaive:
    """Repeats the last `season` values."""

    season: int

    def predict(self, horizon: int, *, after: Series) -> np.ndarray:
        """The last season's values, over and over."""
        return np.tile(after.values[-self.season :], math.ceil(horizon / self.season))[:horizon]

    def to_state(self) -> dict[str, Any]:
        """The season's length; the values come with the series."""
        return {"season": self.season}


@dataclass(frozen=True)
class ProphetForecaster:
    """Prophet: trend with change points, weekly and yearly waves, public holidays; point forecasts only.

    Its own intervals are not used: they do not know the error it makes (`models.intervals` measures that).
    """

    country: str | None = None
    name: str = "prophet"

    def fit(self, series: Series) -> "FittedProphet":
        """Finds the most likely parameters (L-BFGS, no sampling), some tenths of a second."""
        import pandas as pd

        model = quiet_prophet()(
            weekly_seasonality=series.grain == "daily",
            yearly_seasonality=len(series) * DAYS[series.grain] >= YEARLY_FROM_DAYS,
            daily_seasonality=False,
            uncertainty_samples=0,
        )
        if self.country and series.grain == "daily":
            model.add_country_holidays(country_name=self.country)
        model.fit(pd.DataFrame({"ds": _dates(series, 0, len(series)), "y": series.values}))
        return FittedProphet(model)

    def restore(self, state: dict[str, Any]) -> "FittedProphet":
        """From Prophet's own JSON form, which holds data and no code."""
        quiet_prophet()
        from prophet.serialize import model_from_dict

        return FittedProphet(model_from_dict(state))


@dataclass(frozen=True)
class FittedProphet:
    """A Prophet that has been fitted."""

    model: Any

    def predict(self, horizon: int, *, after: Series) -> np.ndarray:
        """Its curve in the periods after the series; what happened since the fit does not bend it."""
        import pandas as pd

        dates = _dates(after, len(after), horizon)
        return self.model.predict(pd.DataFrame({"ds": dates}))["yhat"].to_numpy()

    def to_state(self) -> dict[str, Any]:
        """Prophet's own JSON form."""
        from prophet.serialize import model_to_dict

        return model_to_dict(self.model)


def _dates(series: Series, first: int, count: int) -> np.ndarray:
    step = DAYS[series.grain]
    return np.datetime64(series.date_of(first), "ns") + np.arange(count) * np.timedelta64(step, "D")


def quiet_prophet() -> Any:
    """The class Prophet, without its remarks on every fit."""
    logging.getLogger("prophet.plot").setLevel(logging.CRITICAL)  # remarks while it is imported, on plots nobody asked for
    from prophet import Prophet

    for name in ("prophet", "cmdstanpy"):  # they set their own level while they are imported
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return Prophet


__all__ = ["BASELINE", "Fitted", "Forecaster", "Grain", "ProphetForecaster", "SeasonalNaive", "rivals"]
