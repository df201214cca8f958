"""Dagster's runs that have ended, noted in the lake: Dagster's own tables are Dagster's, and their rows may be pruned.

What belongs here: reading those runs and handing them to the journal. What does not: the journal (`lake.journal`), what is made of
it (dbt) and when it happens (`orchestration.run`, and the sensor of `orchestration.defs.upkeep`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lake import connect, in_transaction
from lake.journal import Run, RunStep, ensure_platform_tables, record_runs, recorded_runs
from lake.settings import Settings, get_settings

if TYPE_CHECKING:
    import duckdb
    from dagster import DagsterInstance, RunRecord

# How long before the newest noted run one is still looked for: the clocks of Dagster's processes and its database may differ.
OVERLAP = timedelta(hours=1)
BEGAN = "grimoire/began"  # tag of a run: when its work began, which may be before Dagster's part of it did (`orchestration.ahead`)
ORIGINS = {"dagster/schedule_name": "schedule", "dagster/sensor_name": "sensor", "dagster/from_ui": "person"}


def note_ended_runs(instance: "DagsterInstance", *, settings: Settings | None = None) -> int:
    """Notes every run that has ended and is not noted yet, and returns how many; the lake is written to only if there are some.

    Args:
        instance: Dagster's.
        settings: Default: the process's settings.
    """
    from filelock import FileLock

    settings = settings or get_settings()
    with FileLock(settings.folder("locks") / "history"):  # two that look at once would both note what neither has seen
        newest, known = _noted(settings)
        ended = _ended(instance, newest - OVERLAP if newest else None)
        runs = [_run(instance, record) for record in ended if record.dagster_run.run_id not in known]
        return in_transaction(lambda lake: _note(lake, runs), settings=settings) if runs else 0


def _note(lake: "duckdb.DuckDBPyConnection", runs: list[Run]) -> int:
    ensure_platform_tables(lake)
    return record_runs(lake, runs)


def _noted(settings: Settings) -> tuple[datetime | None, set[str]]:
    """When the newest noted run ended, and the ids of those that ended about then."""
    import duckdb

    with connect(read_only=True, settings=settings) as lake:
        try:
            row = lake.execute("select max(finished_at) from platform.runs").fetchone()
        except duckdb.CatalogException:  # none has been noted yet
            return None, set()
        newest = row[0] if row else None
        return newest, recorded_runs(lake, since=newest - 2 * OVERLAP) if newest else set()


def _ended(instance: "DagsterInstance", after: datetime | None) -> "list[RunRecord]":
    import dagster as dg

    statuses = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    return [*instance.get_run_records(dg.RunsFilter(statuses=statuses, updated_after=after), ascending=True)]


def _run(instance: "DagsterInstance", record: "RunRecord") -> Run:
    run = record.dagster_run
    return Run(
        run_id=run.run_id,
        job=run.job_name,
        status=run.status.value.lower(),
        origin=_origin(run.tags),
        started_at=_began(run.tags) or _moment(record.start_time),
        finished_at=_moment(record.end_time) or _aware(record.update_timestamp),
        steps=tuple(_step(one) for one in instance.get_run_step_stats(run.run_id)),
    )


def _step(stats: Any) -> RunStep:
    return RunStep(
        step=stats.step_key,
        status=stats.status.value.lower() if stats.status else "in_progress",
        started_at=_moment(stats.start_time),
        finished_at=_moment(stats.end_time),
        attempts=stats.attempts or 1,
    )


def _origin(tags: Mapping[str, str]) -> str:
    return next((origin for tag, origin in ORIGINS.items() if tag in tags), "command")


def _began(tags: Mapping[str, str]) -> datetime | None:
    return datetime.fromisoformat(tags[BEGAN]) if BEGAN in tags else None


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _aware(moment: datetime) -> datetime:
    """Dagster's own tables hold UTC without saying so."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
