"""Forecasts and how good they have been: the champion's outlook, the challenger beside it, the backtest of both.

What belongs here: reading queries over schema `forecasts` and the honest sentence about them. What does not: charts.
"""

from typing import Any

from apps.streamlit.reading import Rows, rows
from apps.streamlit.wording import share

HISTORY = 400  # points


def series() -> Rows:
    """Every forecast series: series, grain, title, unit, model, computed_at, snapshot_id."""
    return rows(
        """select series, grain, any_value(title) as title, any_value(unit) as unit, max_by(model, computed_at) as model,
                  max_by(model_version, computed_at)::varchar as model_version, max(computed_at) as computed_at,
                  max_by(snapshot_id, computed_at) as snapshot_id
           from forecasts.forecasts group by series, grain order by series, grain""",
        needs=("forecasts.forecasts",),
    )


def outlook(name: str, grain: str) -> Rows:
    """The newest forecast of a series, by period."""
    return rows(
        """select period, value, lower_80, upper_80, lower_95, upper_95 from forecasts.forecasts
           where series = $1 and grain = $2
             and computed_at = (select max(computed_at) from forecasts.forecasts where series = $1 and grain = $2)
           order by period""",
        name,
        grain,
        needs=("forecasts.forecasts",),
    )


def history(name: str, grain: str) -> Rows:
    """What the series has been, by period; at most 400 points."""
    table = "products.kpis__weekly" if grain.startswith("week") else "products.kpis__daily"
    return rows(
        f"select period, value from (select period, value from {table} where kpi = ? order by period desc limit ?) order by period",
        name,
        HISTORY,
        needs=(table,),
    )


def champion(name: str, grain: str) -> dict[str, Any] | None:
    """Which model is champion, which challenger, and their backtest errors."""
    found = rows(
        "select * from forecasts.champions where series = ? and grain = ? order by promoted_at desc limit 1",
        name,
        grain,
        needs=("forecasts.champions",),
    )
    return found[0] if found else None


def backtests(name: str, grain: str) -> Rows:
    """Mean backtest error and coverage per model over the windows of the newest backtest, the best first."""
    return rows(
        """select model, count(*) as windows, max(horizon) as horizon, avg(mase) as mase, avg(smape) as smape,
                  avg(coverage_80) as coverage_80, avg(coverage_95) as coverage_95, max(computed_at) as computed_at
           from forecasts.backtests where series = $1 and grain = $2 and computed_at::date = (
               select max(computed_at)::date from forecasts.backtests where series = $1 and grain = $2)
           group by model order by mase""",
        name,
        grain,
        needs=("forecasts.backtests",),
    )


def windows(name: str, grain: str) -> Rows:
    """Every backtest window of every model."""
    return rows(
        """select window_start, model, horizon, mase, smape, coverage_80, coverage_95 from forecasts.backtests
           where series = ? and grain = ? order by window_start, model limit 2000""",
        name,
        grain,
        needs=("forecasts.backtests",),
    )


def honest_note(tests: Rows, model: str | None) -> str:
    """What the backtest says of the model shown, in words; says plainly where repeating the past does as well."""
    own = next((test for test in tests if test["model"] == model), None)
    naive = next((test for test in tests if "naive" in test["model"]), None)
    if own is None or own["mase"] is None:
        return "This forecast has not been backtested: take it as a sketch."
    if naive is None or not naive["mase"]:
        verdict = f"In the backtest its scaled error was {own['mase']:.2f}."
    elif own is naive:
        verdict = "Nothing tried has done better in the backtest than repeating the last season, so that is what is shown."
    elif own["mase"] < 0.95 * naive["mase"]:
        gain = share(1 - own["mase"] / naive["mase"], digits=0)
        verdict = f"In the backtest its error was {gain} below that of repeating the last season."
    else:
        verdict = "In the backtest it was hardly better than repeating the last season: plan with the band, not with the line."
    covered = own["coverage_80"]
    if covered is None:
        return verdict
    words = f" Its 80 % band held {share(covered, digits=0)} of the actual values"
    return verdict + words + (", so it is too narrow: expect surprises." if covered < 0.7 else ".")
