"""One gradient-boosted model over all series of a grain: what a short series cannot tell of itself, its kin may.

What belongs here: fitting it and forecasting with it (mlforecast over scikit-learn's histogram gradient boosting). What does not:
judging it (`models.backtest`).
"""

import warnings
from collections.abc import Sequence

import numpy as np

from models.forecasters import GLOBAL, within_bounds
from models.series import Grain, Series
from models.statistical import checked

LEAST_SERIES = 10  # with fewer there is nothing to learn from kin
LAGS: dict[Grain, tuple[int, ...]] = {
    "daily": (1, 2, 3, 4, 5, 6, 7, 14, 21, 28),
    "weekly": (1, 2, 3, 4, 8, 13, 26, 52),
    "monthly": (1, 2, 3, 6, 12),
}
WINDOW: dict[Grain, int] = {"daily": 28, "weekly": 8, "monthly": 3}  # of the rolling mean beside the lags
TREES, LEARNING_RATE, SEED = 150, 0.06, 7


def global_forecasts(series: Sequence[Series], horizon: int) -> dict[str, np.ndarray]:
    """The `horizon` values after each series by its key; series whose forecast cannot be true are left out.

    Each series is put in units of its own spread. Lags before its beginning are missing values, which the trees know.

    Args:
        series: Of one grain, at least `LEAST_SERIES`, else nothing is forecast.
        horizon: Periods to forecast.
    """
    usable = [one for one in series if len(one) > WINDOW[one.grain] and np.ptp(one.values) > 0]
    if len(usable) < LEAST_SERIES:
        return {}
    model = _model(usable[0].grain, longest=max(len(one) for one in usable))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mlforecast 1.0 says to pandas 3 what that no longer needs to hear
        model.fit(_frame(usable), static_features=[], dropna=False)
        table = model.predict(horizon)
    by_key = dict(zip(table["unique_id"].to_numpy()[::horizon], table[GLOBAL].to_numpy().reshape(-1, horizon), strict=True))
    return {one.key: found for one in usable if (found := _kept(by_key[one.key], one)) is not None}


def _kept(values: np.ndarray, series: Series) -> np.ndarray | None:
    try:
        return within_bounds(checked(values, series.values), series)
    except ValueError:
        return None


def _model(grain: Grain, *, longest: int):  # type: ignore[no-untyped-def] # noqa: ANN202 — its type would import mlforecast
    """The model before it is fitted, without the lags that no series is long enough for: trees cannot learn an empty column."""
    from mlforecast import MLForecast
    from mlforecast.lag_transforms import RollingMean
    from mlforecast.target_transforms import LocalStandardScaler
    from sklearn.ensemble import HistGradientBoostingRegressor

    trees = HistGradientBoostingRegressor(max_iter=TREES, learning_rate=LEARNING_RATE, random_state=SEED)
    return MLForecast(
        models={GLOBAL: trees},
        freq=1,
        lags=[lag for lag in LAGS[grain] if lag < longest],
        lag_transforms={1: [RollingMean(window_size=WINDOW[grain], min_samples=1)]},
        target_transforms=[LocalStandardScaler()],
        num_threads=1,
    )


def _frame(series: Sequence[Series]):  # type: ignore[no-untyped-def] # noqa: ANN202 — its type would import pandas
    import pandas as pd

    lengths = [len(one) for one in series]
    return pd.DataFrame(
        {
            "unique_id": np.repeat([one.key for one in series], lengths),
            "ds": np.concatenate([np.arange(-length, 0) for length in lengths]),
            "y": np.concatenate([one.values for one in series]),
        }
    )
