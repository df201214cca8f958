"""The job `road`: everything from the source systems to the forecasts, daily; and the sensor that could take its place.

What belongs here: jobs and schedules over the whole. What does not: assets, and jobs of single connections
(`orchestration.defs.extract`); a connection that has a schedule of its own is loaded by that and not by the road.
"""

import dagster as dg

from connectors.connections import connections
from orchestration.layers import raw_key

ROAD = "road"


@dg.definitions
def defs() -> dg.Definitions:
    """The job, its schedule, and automation by condition, which is off as long as the schedule is on."""
    own = [raw_key(source.name, table.name) for source in connections().values() if source.schedule for table in source.resources]
    road = dg.define_asset_job(
        ROAD,
        selection=dg.AssetSelection.all() - dg.AssetSelection.groups("lake") - dg.AssetSelection.assets(*own),
        description="Extract, land, check, transform, mine, predict, forecast.",
    )
    daily = dg.ScheduleDefinition(
        name="road_daily", job=road, cron_schedule="0 4 * * *", default_status=dg.DefaultScheduleStatus.RUNNING
    )
    automation = dg.AutomationConditionSensorDefinition(
        "road_by_condition", target=dg.AssetSelection.all(), default_status=dg.DefaultSensorStatus.STOPPED
    )
    return dg.Definitions(jobs=[road], schedules=[daily], sensors=[automation])
