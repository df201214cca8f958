"""Forecasts and how good they have been: the champion's outlook, the challenger beside it, the backtest of both, what came.

What belongs here: reading queries over schema `forecasts` and the honest sentence about them. What does not: charts.

A series is a key figure at a grain, in all (dimension and member are `total`) or of one member of a dimension. Tables that were
written before there were members lack those columns; all they hold is of totals.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from apps.streamlit.reading import Rows, has_tables, rows
from apps.streamlit.wording import share

if TYPE_CHECKING:
    from models.scenarios import Scenario

HISTORY = 400  # points
TOTAL = "total"


def columns_of(table: str) -> set[str]:
    """The names of a table's columns; empty where there is no such table."""
    schema, name = table.split(".")
    sql = "select column_name from information_schema.columns where table_catalog = 'lake' and table_schema = ? and table_name = ?"
    return {row["column_name"] for row in rows(sql, schema, name)} if has_tables(table) else set()


def series() -> Rows:
    """Every forecast series: series, kpi, dimension, member, grain, title, unit, model, computed_at, snapshot_id."""
    if {"kpi", "dimension", "member"} <= columns_of("forecasts.forecasts"):
        part = f"coalesce(kpi, series) as kpi, coalesce(dimension, '{TOTAL}') as dimension, coalesce(member, '{TOTAL}') as member"
    else:
        part = f"series as kpi, '{TOTAL}' as dimension, '{TOTAL}' as member"
    return rows(
        f"""from (
               select series, grain, {part}, any_value(title) as title, any_value(unit) as unit,
                   max_by(model, computed_at) as model, max_by(model_version, computed_at)::varchar as model_version,
                   max(computed_at) as computed_at, max_by(snapshot_id, computed_at) as snapshot_id
               from forecasts.forecasts group by all)
           order by dimension <> '{TOTAL}', series, grain""",
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


def history(one: Mapping[str, Any]) -> Rows:
    """What a series has been, by period; at most 400 points.

    Args:
        one: As `series` gives it.
    """
    if has_tables("products.kpis__series"):
        found = rows(
            """select period, value from (select period, value from products.kpis__series where kpi = ? and grain = ?
               and dimension = ? and member = ? order by period desc limit ?) order by period""",
            *_key(one),
            HISTORY,
            needs=("products.kpis__series",),
        )
        if found:
            return found
    if one["dimension"] != TOTAL:
        return []
    table = "products.kpis__weekly" if one["grain"].startswith("week") else "products.kpis__daily"
    return rows(
        f"select period, value from (select period, value from {table} where kpi = ? order by period desc limit ?) order by period",
        one["kpi"],
        HISTORY,
        needs=(table,),
    )


def came(one: Mapping[str, Any]) -> Rows:
    """Forecast against actual: of the last periods the newest forecast made before each, with what came.

    Returns:
        Rows of period, actual, value, lower_80, upper_80, model, made_at and is_inside, at most 400.
    """
    return rows(
        """with newest as (
               select * from forecasts.tracking where actual is not null and known_until < period
               and series in ($1, $5) and grain = $2 and dimension = $3 and member = $4
               qualify row_number() over (partition by period order by known_until desc, made_at desc) = 1)
           select period, actual, value, lower_80, upper_80, model, made_at, actual between lower_80 and upper_80 as is_inside
           from (select * from newest order by period desc limit 400) order by period""",
        *_key(one),
        one["series"],
        needs=("forecasts.tracking",),
    )


def anomalies(one: Mapping[str, Any]) -> Rows:
    """What was not to be expected of a series, the newest first."""
    return rows(
        """select period, first_period, kind, severity, actual, expected, gap, widths, cause_dimension, cause_member, cause_gap
           from forecasts.anomalies where series in ($1, $5) and grain = $2 and dimension = $3 and member = $4
           order by period desc limit 200""",
        *_key(one),
        one["series"],
        needs=("forecasts.anomalies",),
    )


def degraded(one: Mapping[str, Any]) -> str | None:
    """Why the champion's intervals no longer hold; None where they do, or where too little has come to tell."""
    found = rows(
        """select reason from forecasts.drift where series in ($1, $5) and grain = $2 and dimension = $3 and member = $4
           and is_degraded""",
        *_key(one),
        one["series"],
        needs=("forecasts.drift",),
    )
    return found[0]["reason"] if found else None


def _key(one: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return one["kpi"], one["grain"], one["dimension"], one["member"]


def factors(one: Mapping[str, Any]) -> tuple[str, ...]:
    """What may be supposed of a key figure: the factors its file declares; none where its model knows no regressors."""
    from lake.kpi_files import kpis
    from models.scenarios import WITH_REGRESSORS

    if one["dimension"] != TOTAL or one["model"] not in WITH_REGRESSORS:
        return ()
    return next((tuple(kpi.regressors) for kpi in kpis() if kpi.kpi == one["kpi"]), ())


def scenario(one: Mapping[str, Any], changes: Mapping[str, float]) -> "Scenario":
    """The forecast if the factors were so many percent other than expected, beside the one as things are.

    Raises:
        ModelError: See `models.scenarios.what_if`.
    """
    from models.scenarios import scenario_of

    return scenario_of(one["kpi"], dict(changes), grain=one["grain"], model=one["model"])


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
           from forecasts.backtests where series = $1 and grain = $2 and computed_at = (
               select max(computed_at) from forecasts.backtests where series = $1 and grain = $2)
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
