"""Running the whole road or a part of it in this process, with progress, and never twice at once.

What belongs here: what `grimoire run` and `grimoire build` call. What does not: what the road consists of (`orchestration.defs`).
"""

import contextlib
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lake.errors import GrimoireError
from lake.settings import Settings, get_settings
from orchestration.ahead import begin_loads, none_left_behind
from orchestration.instance import open_instance
from orchestration.layers import FULL_REFRESH
from orchestration.lock import road_lock
from orchestration.pipeline_history import BEGAN, note_ended_runs
from orchestration.progress import Progress, listening
from orchestration.waiting_dbt import waiting_dbt

if TYPE_CHECKING:
    import dagster as dg

# Share of the road a step usually takes; it only moves the bar.
WEIGHTS = {"load_erp": 25, "load_crm": 10, "transform": 40, "forecast": 30, "predictions__scores": 30}
USUAL_WEIGHT = 8
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}  # the events are in the instance; a failure is raised


class RoadError(GrimoireError):
    """A step of the road failed; what does not depend on it was done."""

    code = 3030


@dataclass(frozen=True)
class RoadReport:
    """How a road went: seconds per step, in order, and the failed asset checks, as asset key and check name."""

    run_id: str
    seconds: float
    steps: dict[str, float]
    failed_checks: list[str] = field(default_factory=list)


def run_road(*, connection: str | None = None, progress: Progress | None = None, settings: Settings | None = None) -> RoadReport:
    """Runs the job `road`, or that of one connection, and waits for it.

    Args:
        connection: Only this one's load and what is made of its rows, without forecasts. Default: the whole road.
        progress: Told what is being done and the share done, 0 to 1.
        settings: Default: the process's settings.

    Raises:
        AlreadyRunningError: Another run is under way, whoever started it.
        RoadError: A step failed; the message is the step's own.
    """

    def job() -> "dg.JobDefinition":
        from orchestration.definitions import defs
        from orchestration.defs.extract import job_name
        from orchestration.defs.road import ROAD

        return defs().resolve_job_def(job_name(connection) if connection else ROAD)

    return _run(job, _dbt_for(connection), progress, settings or get_settings())


def run_build(
    *,
    domain: str | None = None,
    select: str | None = None,
    full_refresh: bool = False,
    progress: Progress | None = None,
    settings: Settings | None = None,
) -> RoadReport:
    """Builds products and event logs from the rows that have landed, and waits for it.

    Args:
        domain: Only what this domain owns, what that needs and what is made of it. Default: everything.
        select: Only these models: `model`, `+model` with what it needs, `model+` with what is made of it, blanks between.
        full_refresh: Everything, even where no row has landed and no file of the project has changed since the last build.
        progress: Told what is being done and the share done, 0 to 1.
        settings: Default: the process's settings.

    Raises:
        AlreadyRunningError: Another run is under way, whoever started it.
        UnknownModelError: There is no such domain or model.
        RoadError: A model or a test failed; everything else was published.
    """

    def job() -> "dg.JobDefinition":
        import dagster as dg

        from orchestration.definitions import defs
        from orchestration.defs.published import BUILD
        from orchestration.defs.transform import domains, model_keys
        from orchestration.selection import BUILT, of_domain, of_words

        chosen: dg.AssetSelection = dg.AssetSelection.groups(*BUILT)
        if domain is not None:
            chosen = of_domain(domain, domains())
        if select is not None:
            chosen = of_words(select, model_keys())
        chosen = chosen | dg.AssetSelection.assets(BUILD)
        found = defs()
        everything = found.resolve_implicit_global_asset_job_def()
        return everything.get_subset(asset_selection=set(chosen.resolve(found.resolve_asset_graph())))

    return _run(job, waiting_dbt(), progress, settings or get_settings(), tags={FULL_REFRESH: "true"} if full_refresh else None)


def _run(
    find_job: "Callable[[], dg.JobDefinition]",
    waiting: contextlib.AbstractContextManager[None],
    progress: Progress | None,
    settings: Settings,
    tags: Mapping[str, str] | None = None,
) -> RoadReport:
    """Runs a job in this process, alone."""
    with road_lock(settings), none_left_behind(), waiting, open_instance(settings) as instance:
        end_abandoned_runs(instance)
        job = find_job()
        tags = {BEGAN: datetime.now(UTC).isoformat(), **(tags or {})}
        begin_loads(node.name for node in job.nodes)
        run_id = str(uuid.uuid4())
        watcher = Watcher(sorted(node.name for node in job.nodes), progress or (lambda description, done: None))
        instance.add_event_listener(run_id, watcher.heed)
        with listening(watcher.within_step):
            job.execute_in_process(run_config=QUIET, instance=instance, run_id=run_id, raise_on_error=False, tags=tags)
        job = find_job()
        tags = {BEGAN: datetime.now(UTC).isoformat(), **(tags or {})}
        return watcher.report(run_id)


def _dbt_for(connection: str | None) -> contextlib.AbstractContextManager[None]:
    """The dbt that waits for the road; the load of one connection wants none."""
    return contextlib.nullcontext() if connection else waiting_dbt()


def _note_runs(instance: "dg.DagsterInstance", settings: Settings) -> None:
    """Notes in the lake how this run went, and others that ended; one that cannot be noted now is noted after the next run."""
    try:
        note_ended_runs(instance, settings=settings)
    except GrimoireError as error:
        logging.getLogger(__name__).warning("The run's history was not noted: %s", error)


def end_abandoned_runs(instance: "dg.DagsterInstance") -> None:
    """Marks runs whose process was killed as failed; the caller holds the lock, so none of them can be alive."""
    import dagster as dg

    unfinished = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELING]
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=unfinished)):
        instance.report_run_failed(run, message="The process that ran it has ended.")


class Watcher:
    """Turns Dagster's events into progress and a report."""

    def __init__(self, steps: list[str], progress: Progress) -> None:
        self.weights = {step: WEIGHTS.get(step, USUAL_WEIGHT) for step in steps}
        self.progress = progress
        self.seconds: dict[str, float] = {}
        self.started: dict[str, float] = {}
        self.failures: list[str] = []
        self.failed_checks: list[str] = []
        self.whole = 0.0
        self.current = ""

    def heed(self, entry: "dg.EventLogEntry") -> None:
        """Called by Dagster with every event of the run."""
        import dagster as dg

        event = entry.dagster_event
        if event is None:
            return
        if event.event_type == dg.DagsterEventType.STEP_START and event.step_key:
            self.current = event.step_key
            self.started[event.step_key] = entry.timestamp
            self.within_step(event.step_key.replace("_", " "), 0.0)
        elif event.event_type in {dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE} and event.step_key:
            self.seconds[event.step_key] = entry.timestamp - self.started.get(event.step_key, entry.timestamp)
            if event.event_type == dg.DagsterEventType.STEP_FAILURE:
                self.failures.append(f"{event.step_key}: {_cause(event)}")
        elif event.event_type == dg.DagsterEventType.RUN_FAILURE and not self.failures:
            self.failures.append(event.message or "the run failed")
        elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            if not evaluation.passed:
                self.failed_checks.append(f"{evaluation.asset_key.to_user_string()}: {evaluation.check_name}")

    def within_step(self, description: str, done: float) -> None:
        """Called by the step that runs, with its own share done."""
        finished = sum(weight for step, weight in self.weights.items() if step in self.seconds)
        here = self.weights.get(self.current, 0) * (0 if self.current in self.seconds else done)
        self.whole = max(self.whole, (finished + here) / sum(self.weights.values()))
        self.progress(description, min(self.whole, 1.0))

    def report(self, run_id: str) -> RoadReport:
        """The report of the finished run; RoadError if a step failed."""
        if self.failures:
            raise RoadError(
                f"The run failed in {'; '.join(self.failures)}",
                remedy="Mend the cause and run again: what was landed stays landed.",
                run_id=run_id,
            )
        self.progress("done", 1.0)
        return RoadReport(run_id, sum(self.seconds.values()), self.seconds, self.failed_checks)


def _cause(event: "dg.DagsterEvent") -> str:
    """The innermost error's own words: Dagster wraps errors of steps."""
    error = getattr(event.event_specific_data, "error", None)
    while error is not None and error.cause is not None:
        error = error.cause
    if error is None:
        return event.message or "unknown error"
    kind, _, words = error.message.strip().partition(": ")
    return words if words and kind.endswith(f".{error.cls_name}") else error.message.strip()
