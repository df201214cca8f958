"""What Dagster loads: every definition below `orchestration/defs`, run in one process.

What belongs here: gathering. What does not: definitions, and anything heavy: each import here is paid by every Dagster process.
"""

from pathlib import Path

import dagster as dg

from lake.settings import get_settings
from orchestration.lock import RESOURCE, road_lock_resource

get_settings()  # turns telemetry off before any tool of the house is loaded


@dg.definitions
def defs() -> dg.Definitions:
    """All layers' assets and checks, the jobs and the schedules.

    Steps run one after the other in one process: two cores are busy with one of them, and every process of its own would pay the
    imports of pm4py, Great Expectations and MLflow again.
    """
    return dg.Definitions.merge(
        dg.load_from_defs_folder(path_within_project=Path(__file__).parent),
        dg.Definitions(executor=dg.in_process_executor, resources={RESOURCE: road_lock_resource}),
    )
