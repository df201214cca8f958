"""Layer `predictions`: the running cases of every process, scored by its champion, which is trained where it has aged.

What belongs here: the asset of `models.cases`. What does not: predicting.
"""

from typing import Any

import dagster as dg

from orchestration.defs.mine import IMPORTED, product_processes
from orchestration.layers import EVERY_DAY, POOL, WHEN_NEWER, mining_key
from orchestration.lock import RESOURCE
from orchestration.progress import progress_of


def predicted(processes: list[str]) -> dg.AssetsDefinition:
    """The scores of all running cases, after mining."""

    @dg.asset(
        key=dg.AssetKey(["predictions", "scores"]),
        deps=[mining_key(name) for name in (*processes, IMPORTED)],
        group_name="predictions",
        description="Remaining time, risks and next activity of every running case, by risk, with reasons and measures.",
        kinds={"scikitlearn", "mlflow"},
        required_resource_keys={RESOURCE},
        freshness_policy=EVERY_DAY,
        automation_condition=WHEN_NEWER,
        pool=POOL,
    )
    def predict(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        """Writes schema predictions, a transaction per process."""
        from models.cases.running import predict_all

        reports = predict_all(progress=progress_of(context))
        metadata: dict[str, Any] = {
            "open cases": sum(report.open_cases for report in reports),
            "trained": {report.process: report.trained for report in reports if report.trained},
            "skipped": {report.process: report.skipped for report in reports if report.skipped},
        }
        return dg.MaterializeResult(metadata=metadata)

    return predict


@dg.definitions
def defs() -> dg.Definitions:
    """The predicting step."""
    return dg.Definitions(assets=[predicted(product_processes())])
