"""The rivals: which ways to forecast compete for a series, and asking them.

What belongs here: names, seasons, Prophet. What does not: the arrays' methods (`models.statistical`), the model over all series
(`models.global_model`), judging (`models.backtest`).
"""

import contextlib
import logging
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

import numpy as np

from models.series import DAYS, SEASON, Grain, Series
from models.statistical import ENSEMBLE, INTERMITTENT, MEMBERS, SEASONAL_NAIVE, STATISTICAL, Forms, checked, statistical_forecasts

DEFAULT, BASELINE = ENSEMBLE, SEASONAL_NAIVE
PROPHET, GLOBAL = "prophet", "global_boosting"
YEARLY_FROM_DAYS = 540  # with less history a yearly wave cannot be told from the trend


def seasons_of(grain: Grain) -> tuple[int, ...]:
    """Season lengths a grain may have, in periods, the shortest first; `models.statistical` uses those the history bears."""
    return (7, 365) if grain == "daily" else (SEASON[grain],)


def quick_rivals(series: Series) -> tuple[str, ...]:
    """Those that cost hundredths of a second: the default, its members, the floor, and for a series of few demands theirs."""
    return (DEFAULT, *MEMBERS, BASELINE, *(INTERMITTENT if series.is_intermittent else ()))


def rival_words(country: str | None) -> str:
    """Who competes and with what knowledge: a champion of other rivals is trained anew."""
    return ", ".join((DEFAULT, *MEMBERS, BASELINE, *INTERMITTENT, f"{PROPHET} {country or ''}".strip(), GLOBAL))


def forecasts(
    names: Collection[str], series: Series, horizon: int, *, forms: Forms | None = None, country: str | None = None
) -> dict[str, np.ndarray]:
    """The `horizon` values after the series by each of the named rivals but the global one; those that fail are left out.

    Values of a KPI that has never been negative are not either.
    """
    quick = [name for name in names if name in STATISTICAL]
    found = statistical_forecasts(quick, series.values, seasons=seasons_of(series.grain), horizon=horizon, forms=forms)
    if PROPHET in names:
        with contextlib.suppress(ValueError, RuntimeError):  # too few points, or a search that does not converge
            found[PROPHET] = prophet_forecast(series, horizon, country=country)
    return {name: within_bounds(values, series) for name, values in found.items()}


def within_bounds(values: np.ndarray, series: Series) -> np.ndarray:
    """The values, none below zero for a KPI that has never been."""
    return np.maximum(values, 0.0) if series.is_non_negative else values


def prophet_forecast(
    series: Series, horizon: int, *, country: str | None = None, regressors: Mapping[str, np.ndarray] | None = None
) -> np.ndarray:
    """Prophet's curve after the series: trend with change points, weekly and yearly waves, public holidays and closed days.

    Args:
        series: The history.
        horizon: Periods to forecast.
        country: Whose public holidays count, such as DE; for daily series.
        regressors: What else is known of every period, shape (len(series) + horizon,) each, such as a price.

    Raises:
        ValueError, RuntimeError: It cannot be fitted, or its forecast has exploded.
    """
    import pandas as pd

    is_daily = series.grain == "daily"
    dates = [series.date_of(index) for index in range(len(series) + horizon)]
    model = quiet_prophet()(
        weekly_seasonality=is_daily,
        yearly_seasonality=len(series) * DAYS[series.grain] >= YEARLY_FROM_DAYS,
        daily_seasonality=False,
        uncertainty_samples=0,
        holidays=_closed(series.closed_days) if is_daily else None,
    )
    if country and is_daily:
        model.add_country_holidays(country_name=country)
    frame = pd.DataFrame({"ds": pd.to_datetime(dates), **(regressors or {})})
    for name in regressors or {}:
        model.add_regressor(name)
    model.fit(frame.iloc[: len(series)].assign(y=series.values))
    return checked(model.predict(frame.iloc[len(series) :])["yhat"].to_numpy(), series.values)


def _closed(days: Collection[date]) -> Any:
    import pandas as pd

    return pd.DataFrame({"holiday": "closed", "ds": pd.to_datetime(sorted(days))}) if days else None


def quiet_prophet() -> Any:
    """The class Prophet, without its remarks on every fit."""
    logging.getLogger("prophet.plot").setLevel(logging.CRITICAL)  # remarks while it is imported, on plots nobody asked for
    from prophet import Prophet

    for name in ("prophet", "cmdstanpy"):  # they set their own level while they are imported
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return Prophet
