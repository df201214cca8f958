"""The platform's own history, in schema `platform` of the lake: which loads ran, which checks passed, which runs ended how.

What belongs here: writing and naming those rows, in the same transaction as the rows they are about. What does not:
deciding what to check or to load.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import duckdb

TABLES = """
create schema if not exists platform;
create schema if not exists quarantine;
create table if not exists platform.loads (
    load_id varchar, source varchar, table_name varchar, rows_extracted bigint, rows_landed bigint, rows_quarantined bigint,
    started_at timestamptz, finished_at timestamptz, snapshot_id bigint, rows_inserted bigint, rows_updated bigint,
    rows_deleted bigint, bytes bigint, seconds double, cursor_before varchar, cursor_after varchar);
create table if not exists platform.check_results (
    checked_at timestamptz, layer varchar, subject varchar, check_name varchar, passed boolean, severity varchar,
    blocking boolean, rows_checked bigint, rows_failed bigint, detail varchar, snapshot_id bigint);
create table if not exists platform.processes (
    process varchar, title varchar, origin varchar, definition varchar, registered_at timestamptz);
create table if not exists platform.writes (
    written_at timestamptz, connection varchar, target varchar, plan varchar, row_key varchar, idempotency_key varchar,
    status varchar, attempts bigint, said varchar, reference varchar);
create table if not exists platform.runs (
    run_id varchar, job varchar, status varchar, origin varchar, started_at timestamptz, finished_at timestamptz);
create table if not exists platform.run_steps (
    run_id varchar, step varchar, status varchar, started_at timestamptz, finished_at timestamptz, attempts bigint);
create table if not exists quarantine.rows (
    quarantined_at timestamptz, source varchar, table_name varchar, row_key varchar, rule varchar, reason varchar,
    row_json varchar, load_id varchar, resolved_at timestamptz, kind varchar default 'held', resolution varchar,
    resolved_by varchar, note varchar);
create table if not exists platform.quality_scores (
    scored_at timestamptz, layer varchar, subject varchar, score double, checks bigint, failed bigint, snapshot_id bigint);
create table if not exists platform.log_columns (process varchar, columns varchar, seen_at timestamptz);
"""
LATER = {"kind": "varchar default 'held'", "resolution": "varchar", "resolved_by": "varchar", "note": "varchar"}
QUARANTINE_INTO = "quarantine.rows (quarantined_at, source, table_name, row_key, rule, reason, row_json, load_id)"


@dataclass(frozen=True)
class CheckResult:
    """What one expectation said of one table or event log."""

    layer: str  # the lake's schema, such as raw_erp or event_logs
    subject: str  # table or process
    check_name: str
    passed: bool
    severity: Literal["error", "warning"] = "error"
    blocking: bool = False  # a failure must stop what follows
    rows_checked: int = 0
    rows_failed: int = 0
    detail: str = ""


@dataclass(frozen=True)
class Load:
    """One table's share of one load."""

    load_id: str
    source: str
    table_name: str
    rows_extracted: int
    rows_landed: int
    rows_quarantined: int
    started_at: datetime
    finished_at: datetime
    snapshot_id: int | None = None  # the snapshot the rows were added to
    rows_inserted: int = 0
    rows_updated: int = 0
    rows_deleted: int = 0  # marked as deleted, for the source has them no more
    bytes: int = 0  # of the staged files
    seconds: float = 0.0
    cursor_before: str = ""
    cursor_after: str = ""


@dataclass(frozen=True)
class Write:
    """What came of one row that was written to another system."""

    written_at: datetime
    connection: str
    target: str
    plan: str  # digest
    row_key: str
    idempotency_key: str
    status: str  # done, failed or doubtful
    attempts: int
    said: str
    reference: str


@dataclass(frozen=True)
class RunStep:
    """One step of a run that has ended."""

    step: str
    status: str  # success, failure, skipped or in_progress: the run ended before it did
    started_at: datetime | None
    finished_at: datetime | None
    attempts: int = 1


@dataclass(frozen=True)
class Run:
    """A run of a job that has ended, one way or the other; nothing of it changes any more."""

    run_id: str
    job: str
    status: str  # success, failure or canceled
    origin: str  # command, schedule, sensor or person
    started_at: datetime | None
    finished_at: datetime
    steps: tuple[RunStep, ...] = ()


def ensure_platform_tables(connection: "duckdb.DuckDBPyConnection") -> None:
    """Makes the platform's tables where they are not there yet, and gives an older lake's quarantine the columns it lacks."""
    for statement in filter(None, map(str.strip, TABLES.split(";"))):
        connection.execute(statement)
    there = {name for name, *_ in connection.execute("describe quarantine.rows").fetchall()}
    for name in LATER.keys() - there:
        connection.execute(f"alter table quarantine.rows add column {name} {LATER[name]}")


def record_checks(
    connection: "duckdb.DuckDBPyConnection", results: Iterable[CheckResult], *, snapshot_id: int | None = None
) -> None:
    """Appends check results with the time of now and the snapshot they were computed from."""
    now = datetime.now(UTC)
    insert_rows(connection, "platform.check_results", [(now, *astuple(result), snapshot_id) for result in results])


def record_scores(
    connection: "duckdb.DuckDBPyConnection", scores: Iterable[tuple[str, str, float, int, int]], *, snapshot_id: int | None = None
) -> None:
    """Appends scores as (layer, subject, score, checks, failed checks)."""
    now = datetime.now(UTC)
    insert_rows(connection, "platform.quality_scores", [(now, *score, snapshot_id) for score in scores])


def record_loads(connection: "duckdb.DuckDBPyConnection", loads: Iterable[Load]) -> None:
    """Appends the loads of one transaction."""
    insert_rows(
        connection, f"platform.loads ({', '.join(field.name for field in fields(Load))})", [astuple(load) for load in loads]
    )


def record_writes(connection: "duckdb.DuckDBPyConnection", writes: Sequence[Write]) -> None:
    """Appends what was written to other systems; what is there already is not noted again."""
    rows = connection.execute(
        "select idempotency_key, written_at from platform.writes"
        " where written_at >= $1 and idempotency_key in (select unnest($2::varchar[]))",
        [min(write.written_at for write in writes), [write.idempotency_key for write in writes]],
    ).fetchall()
    there = {(key, moment) for key, moment in rows}
    fresh = [astuple(write) for write in writes if (write.idempotency_key, write.written_at) not in there]
    insert_rows(connection, f"platform.writes ({', '.join(field.name for field in fields(Write))})", fresh)


def recorded_runs(connection: "duckdb.DuckDBPyConnection", *, since: datetime | None = None) -> set[str]:
    """The ids of the runs that are noted; those that ended at that time or later, where one is given."""
    known = connection.execute("select run_id from platform.runs where $1 is null or finished_at >= $1", [since])
    return {run_id for (run_id,) in known.fetchall()}


def record_runs(connection: "duckdb.DuckDBPyConnection", runs: Iterable[Run]) -> int:
    """Notes runs that have ended, with their steps; returns how many of them were not noted yet."""
    known = recorded_runs(connection)
    fresh = [run for run in runs if run.run_id not in known]
    insert_rows(
        connection,
        "platform.runs",
        [(run.run_id, run.job, run.status, run.origin, run.started_at, run.finished_at) for run in fresh],
    )
    insert_rows(connection, "platform.run_steps", [(run.run_id, *astuple(step)) for run in fresh for step in run.steps])
    return len(fresh)


def insert_rows(connection: "duckdb.DuckDBPyConnection", table: str, rows: Sequence[Sequence[object]], *, batch: int = 500) -> None:
    """Appends rows in few statements: DuckLake pays for each statement, not for each row."""
    for part in batched(rows, batch):
        values = ", ".join("(" + ", ".join("?" * len(row)) + ")" for row in part)
        connection.execute(f"insert into {table} values {values}", [value for row in part for value in row])


def batched(rows: Sequence[Sequence[object]], size: int) -> Iterator[Sequence[Sequence[object]]]:
    """The rows in runs of at most `size` (itertools.batched comes with Python 3.12)."""
    return (rows[start : start + size] for start in range(0, len(rows), size))
