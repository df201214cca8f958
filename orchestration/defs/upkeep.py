"""Group `lake`: upkeep of the files the lake consists of, on a schedule of its own.

What belongs here: the asset of `lake.maintenance`. What does not: compacting and expiring.
"""

import dagster as dg

from orchestration.layers import POOL
from orchestration.lock import RESOURCE


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


@dg.definitions
def defs() -> dg.Definitions:
    """The upkeep asset, its job and its schedule."""
    nightly = dg.ScheduleDefinition(
        name="upkeep_nightly", job=upkeep, cron_schedule="30 2 * * *", default_status=dg.DefaultScheduleStatus.RUNNING
    )
    return dg.Definitions(assets=[maintenance], jobs=[upkeep], schedules=[nightly])
