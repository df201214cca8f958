"""The statistical forecasters, on plain arrays: smoothing, theta, complex smoothing, their median, and the simple floors.

What belongs here: values in, point forecasts out. What does not: dates, holidays and regressors (`models.forecasters`,
`models.global_model`), and judging (`models.backtest`).

The default is the median of AutoETS, the dynamic optimised theta method and AutoCES, after the "simple combination of univariate
models" (Petropoulos and Svetunkov 2020, International Journal of Forecasting 36:1). Seasons longer than `LONGEST_DIRECT` periods,
and second seasons, are taken off first (MSTL: Bandara, Hyndman and Bergmeir 2021; of logarithms, where every value is above zero)
and put back, for smoothing with a state per period of the season is slow and learns nothing from two years.
"""

import os
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

MEMBERS = ("auto_ets", "theta", "auto_ces")
ENSEMBLE = "median_ensemble"
SEASONAL_NAIVE, LAST_VALUE = "seasonal_naive", "last_value"
INTERMITTENT = ("croston_sba", "tsb", "imapa")
STATISTICAL = (ENSEMBLE, *MEMBERS, SEASONAL_NAIVE, LAST_VALUE, *INTERMITTENT)

LONGEST_DIRECT = 24
CYCLES_FOR_LONG = 3  # with fewer whole cycles a long season cannot be told from the trend
FARTHEST = 3.0  # a forecast this many ranges of the history beyond the history has exploded
LARGEST_LOG = 700.0  # of which a float still holds the exponential
MOST_POINTS = 1500  # what lies further back changes a point forecast little and costs time


Forms = dict[str, str]  # member -> the form its search found, such as {"auto_ets": "AAAN", "auto_ces": "P"}


def statistical_forecasts(
    names: Collection[str], values: np.ndarray, *, seasons: tuple[int, ...], horizon: int, forms: Forms | None = None
) -> dict[str, np.ndarray]:
    """Point forecasts by name; what fails is left out.

    Args:
        names: Of `STATISTICAL`. The ensemble costs nothing beside its members, for each member is fitted once.
        values: History, shape (n,), finite, n at least 1.
        seasons: Season lengths in periods, the shortest first; empty for none. Those the history is too short for are not used.
        horizon: Periods to forecast.
        forms: Forms already found on an earlier part of this history: only their parameters are estimated, a tenth of the time.
            Those not in it yet are searched for and noted in it.

    Returns:
        Arrays of shape (horizon,), finite and within `FARTHEST` ranges of the history.
    """
    values, forms = values[-MOST_POINTS:], {} if forms is None else forms
    task = _Task.of(values, seasons, horizon)
    wanted = [name for name in STATISTICAL if name in {*names, *(MEMBERS if ENSEMBLE in names else ())} and name != ENSEMBLE]
    found = {name: forecast for name in wanted if (forecast := _alone(name, task, forms)) is not None}
    members = [found[name] for name in MEMBERS if name in found]
    if ENSEMBLE in names and len(members) > 1:  # the median of one would be that one under another's name
        found[ENSEMBLE] = np.median(members, axis=0)
    return {name: forecast for name, forecast in found.items() if name in names}


@dataclass(frozen=True)
class _Task:
    """A history, and what the members see of it: `adjusted` lacks the seasons taken off, which `restored` puts back."""

    values: np.ndarray
    season: int  # what the seasonal naive repeats; 1 for none
    horizon: int
    adjusted: np.ndarray
    direct: int  # the season that members model themselves; 1 for none
    ahead: np.ndarray | None = None
    is_log: bool = False

    @classmethod
    def of(cls, values: np.ndarray, seasons: tuple[int, ...], horizon: int) -> "_Task":
        first = next((season for season in seasons if len(values) >= season), 1)
        usable = [season for season in seasons if len(values) >= (2 if season <= LONGEST_DIRECT else CYCLES_FOR_LONG) * season]
        if not usable or usable[-1] <= LONGEST_DIRECT or np.ptp(values) == 0:
            return cls(values, first, horizon, values, usable[0] if usable else 1)
        is_log = bool(values.min() > 0)
        adjusted, ahead = _seasons_taken_off(np.log(values) if is_log else values, usable, horizon)
        return cls(values, first, horizon, adjusted, 1, ahead, is_log)

    def restored(self, forecast: np.ndarray) -> np.ndarray:
        """A forecast of `adjusted`, as one of `values`."""
        if self.ahead is None:
            return forecast
        return np.exp(np.minimum(forecast + self.ahead, LARGEST_LOG)) if self.is_log else forecast + self.ahead


def _seasons_taken_off(values: np.ndarray, seasons: list[int], horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """The values without their seasons, and how these go on for `horizon` periods."""
    from statsforecast.mstl import mstl

    parts = mstl(values, seasons)
    columns = [parts[f"seasonal{season}" if len(seasons) > 1 else "seasonal"].to_numpy() for season in seasons]
    ahead = [np.resize(column[-season:], horizon) for season, column in zip(seasons, columns, strict=True)]
    return values - np.sum(columns, axis=0), np.sum(ahead, axis=0)


def _alone(name: str, task: _Task, forms: Forms) -> np.ndarray | None:
    """One forecaster's values; None where it cannot be fitted or has exploded."""
    if name == LAST_VALUE:
        return np.repeat(task.values[-1], task.horizon)
    if name == SEASONAL_NAIVE:
        return np.resize(task.values[-task.season :], task.horizon)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of divisions in series without variation, which the check below judges
            if name in INTERMITTENT:
                return checked(_intermittent(name, task), task.values)
            return checked(task.restored(_FITTED[name](task, forms)), task.values)
    except Exception:  # statsforecast has no errors of its own: "no model able to be fitted" is a bare Exception
        return None


def checked(forecast: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The forecast, if it can be true.

    Raises:
        ValueError: It is not finite, or beyond the history's lowest or highest value by more than `FARTHEST` of its ranges.
    """
    reach = FARTHEST * (np.ptp(values) or np.abs(values).max() or 1.0)
    if not np.isfinite(forecast).all() or forecast.min() < values.min() - reach or forecast.max() > values.max() + reach:
        raise ValueError("the forecast is no number, or far beyond anything the series has been")
    return np.asarray(forecast, dtype=float)


def _auto_ets(task: _Task, forms: Forms) -> np.ndarray:
    models = _models()
    if form := forms.get("auto_ets"):
        model = models.AutoETS(season_length=task.direct, model=form[:3], damped=form[3:] == "D")
    else:
        model = models.AutoETS(season_length=task.direct)
    fitted = model.fit(task.adjusted)
    forms.setdefault("auto_ets", fitted.model_["components"])
    return np.asarray(fitted.predict(task.horizon)["mean"])


def _auto_ces(task: _Task, forms: Forms) -> np.ndarray:
    fitted = _models().AutoCES(season_length=task.direct, model=forms.get("auto_ces", "Z")).fit(task.adjusted)
    if form := fitted.model_.get("seasontype"):
        forms.setdefault("auto_ces", form)
    return np.asarray(fitted.predict(task.horizon)["mean"])


def _theta(task: _Task, forms: Forms) -> np.ndarray:
    return np.asarray(_models().DynamicOptimizedTheta(season_length=task.direct).fit(task.adjusted).predict(task.horizon)["mean"])


_FITTED: dict[str, Callable[[_Task, Forms], np.ndarray]] = {"auto_ets": _auto_ets, "theta": _theta, "auto_ces": _auto_ces}


def _intermittent(name: str, task: _Task) -> np.ndarray:
    """Mean demand per period of a series with many zeros (Croston 1972; Syntetos and Boylan 2005; Teunter et al. 2011)."""
    models = _models()
    made = {"croston_sba": models.CrostonSBA, "tsb": lambda: models.TSB(alpha_d=0.2, alpha_p=0.2), "imapa": models.IMAPA}[name]()
    return np.asarray(made.forecast(y=task.values, h=task.horizon)["mean"])


def _models() -> Any:
    """statsforecast's models; what numba compiles of them is kept on disk and not compiled again by every process."""
    os.environ.setdefault("NIXTLA_NUMBA_CACHE", "1")
    import statsforecast.models

    return statsforecast.models
