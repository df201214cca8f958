"""Group `lake`: upkeep of the files the lake consists of, on a schedule of its own, and of the platform's diary.

What belongs here: the asset of `lake.maintenance` and the sensor of `orchestration.pipeline_history`. What does not: compacting,
expiring and noting.
"""

import dagster as dg

from orchestration.layers import POOL
from orchestration.lock import RESOURCE

NOTING_SECONDS = 300  # between two looks for runs that have ended


@dg.asset(
    key=["lake", "maintenance"],
    group_name="lake",
    description="Small files compacted, old snapshots expired, orphaned files deleted.",
    kinds={"ducklake"},
    required_resource_keys={RESOURCE},
    pool=POOL,
)
def maintenance(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Tidies the lake."""
    from dataclasses import asdict

    from lake.maintenance import maintain

    report = maintain()
    return dg.MaterializeResult(metadata={name: str(value) for name, value in asdict(report).items()})


upkeep = dg.define_asset_job("upkeep", selection=dg.AssetSelection.assets(maintenance), description="Tidy the lake.")


@dg.sensor(name="runs_noted", minimum_interval_seconds=NOTING_SECONDS, default_status=dg.DefaultSensorStatus.RUNNING)
def runs_noted(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Notes in the lake how runs went that Dagster's daemon or a person started; `grimoire run` notes its own."""
    from orchestration.pipeline_history import note_ended_runs

    return dg.SkipReason(f"{note_ended_runs(context.instance)} runs noted.")


@dg.definitions
def defs() -> dg.Definitions:
    """The upkeep asset, its job and its schedule, and the sensor that notes runs."""
    nightly = dg.ScheduleDefinition(
        name="upkeep_nightly", job=upkeep, cron_schedule="30 2 * * *", default_status=dg.DefaultScheduleStatus.RUNNING
    )
    return dg.Definitions(assets=[maintenance], jobs=[upkeep], schedules=[nightly], sensors=[runs_noted])
