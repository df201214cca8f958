"""Layer `forecasts`: every KPI series, trained where it has grown and scored by its champion.

What belongs here: the assets of `models`. What does not: forecasting.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.layers import EVERY_DAY, POOL, WHEN_NEWER, dbt_key
from orchestration.lock import RESOURCE
from orchestration.progress import progress_of

BUDGET_SECONDS = 30.0  # for training, within a run that has more to do; `grimoire forecast --budget` may take longer
KPI_SERIES = [dbt_key(["products", "kpis"], "kpis__series")]
TABLES = {
    "backtests": "How each rival did in each window of the past.",
    "champions": "Which rival serves each series, and which comes next.",
    "forecasts": "The periods to come, with 80 % and 95 % intervals.",
}


@dg.multi_asset(
    name="forecast",
    specs=[
        dg.AssetSpec(
            ["forecasts", table],
            deps=KPI_SERIES,
            group_name="forecasts",
            description=description,
            kinds={"mlflow", "python"},
            freshness_policy=EVERY_DAY,
            automation_condition=WHEN_NEWER,
        )
        for table, description in TABLES.items()
    ],
    required_resource_keys={RESOURCE},
    pool=POOL,
)
def forecast(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
    """Writes schema forecasts in one transaction."""
    from models import forecast_all

    reports = forecast_all(budget=BUDGET_SECONDS, progress=progress_of(context))
    skipped = {f"{report.grain} {report.series}": report.skipped for report in reports if report.skipped}
    metadata: dict[str, Any] = {
        "series": len(reports) - len(skipped),
        "trained": sum(report.is_retrained for report in reports),
        "skipped": skipped,
    }
    for table in TABLES:
        yield dg.MaterializeResult(dg.AssetKey(["forecasts", table]), metadata=metadata)


WATCHED = {
    "tracking": "Every forecast ever made, beside what came.",
    "drift": "Whether the forecasts of each series still hold what they promise.",
    "anomalies": "Actuals that no forecast allowed for.",
}


@dg.multi_asset(
    name="watch",
    specs=[
        dg.AssetSpec(
            ["forecasts", table],
            deps=[["forecasts", "forecasts"]],
            group_name="forecasts",
            description=description,
            freshness_policy=EVERY_DAY,
            automation_condition=WHEN_NEWER,
        )
        for table, description in WATCHED.items()
    ],
    required_resource_keys={RESOURCE},
    pool=POOL,
)
def watch_forecasts(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
    """Keeps the newest forecasts, compares all with what came and looks for anomalies."""
    from models.watch import watch

    watched = watch()
    degraded = [one.series_key for one in watched.drifts if one.is_degraded]
    metadata: dict[str, Any] = {"anomalies": len(watched.anomalies), "degraded": degraded}
    for table in WATCHED:
        yield dg.MaterializeResult(dg.AssetKey(["forecasts", table]), metadata=metadata)


@dg.definitions
def defs() -> dg.Definitions:
    """The forecasting step and the watching one."""
    return dg.Definitions(assets=[forecast, watch_forecasts])
