"""One connection's new rows into the lake: extract, gate, land. The way every scheduled load goes.

What belongs here: the order of the steps and what is promised of them. What does not: dlt (`connectors.extract`), expectations
(`connectors.quality`), SQL that lands (`lake.landing`).

Promises: rows are staged before they are landed, so a crash loses none; all tables of a connection land in one transaction, so
nothing half-loaded shows; rows that break a rule are in `quarantine.rows` with the rule and the reason; when the gate closes,
nothing lands, the rows stay staged, and the next run judges them again together with what has been mended since.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.breaker import guarded, persistently
from connectors.casts import cast_sql
from connectors.connection import Connection, Resource
from connectors.connections import get_connection
from connectors.connector import connector_of
from connectors.extract import extract
from connectors.landing_gate import ROW_KEY, Judged, judge, letter_key, staged_name
from connectors.packages import Packages, discard, keep_held, pending, read_again
from connectors.quality import FEW_ROWS
from connectors.staged import Progress, no_progress
from lake import connect, current_snapshot, get_settings, in_transaction, quote
from lake.errors import AlreadyRunningError, QualityGateError
from lake.journal import CheckResult, Load, ensure_platform_tables, record_checks, record_loads
from lake.landing import Target, lake_columns, mark_deleted, merge_rows, prepare_table

if TYPE_CHECKING:
    import duckdb

WAIT_SECONDS = 60.0
MANY_VANISHED = 0.5  # a larger share of a table's rows than this, gone at once, is worth a warning
ALL_KEYS = "every key of the source is in the lake"


@dataclass(frozen=True)
class TableLoad:
    """What came of one table."""

    name: str
    rows_extracted: int
    rows_landed: int  # inserted or changed; rows read again because of the overlap are neither
    rows_quarantined: int
    rows_inserted: int = 0
    rows_updated: int = 0
    rows_deleted: int = 0
    checks: list[CheckResult] = field(default_factory=list)


@dataclass(frozen=True)
class LoadReport:
    """What came of one connection's load."""

    source: str
    load_id: str
    tables: list[TableLoad]
    snapshot_id: int
    seconds: float


def load_source(name: str, *, progress: Progress | None = None) -> LoadReport:
    """Brings a connection's new and changed rows into `raw_<name>`.

    Args:
        name: One of `connections()`.
        progress: Called with a description and the share done.

    Raises:
        UnknownConnectionError: There is no such connection.
        ConnectionFileError: Its file cannot be used.
        ConnectionPausedError: It is paused, or left alone because it kept failing; the system was not touched.
        SourceUnavailableError: The system does not answer, not after retries either; nothing changed.
        CredentialError: A credential's reference leads nowhere, or the system refuses what it leads to.
        QualityGateError: A blocking expectation failed; nothing landed, the rows stay staged.
        AlreadyRunningError: Another process loads this connection.
    """
    source, tell = get_connection(name), progress or no_progress
    started = time.monotonic()
    with only_one(source), guarded(source):
        persistently(source, lambda: extract(source, progress=lambda words, done: tell(words, 0.6 * done)), progress=tell)
        report = land_pending(source, progress=lambda words, done: tell(words, 0.6 + 0.4 * done))
        connector_of(source).landed()
    tell(f"Loaded {name}", 1.0)
    return replace(report, seconds=round(time.monotonic() - started, 3))


def land_pending(source: Connection, *, progress: Progress = no_progress, again: bool = False) -> LoadReport:
    """Gates and lands every staged package of a connection, in one transaction.

    Args:
        source: The connection.
        progress: Called with a description and the share done.
        again: Judge the rows held back before even when nothing new came.

    Raises:
        QualityGateError: A blocking expectation failed; the results are recorded, the rows stay staged.
    """
    packages = pending(source)
    started = datetime.now(UTC)
    load_id = packages.load_ids[-1] if packages.load_ids else f"{started.timestamp():.6f}"
    progress(f"Checking {source.name}", 0.0)
    judged, loads = in_transaction(lambda connection: _land(connection, source, packages, load_id, started, progress, again))
    closing = _closing(judged)
    kept = {table.held for table in judged if table.held}
    keep_held(kept, has_landed=not closing)
    if closing:
        raise _gate_error(source, closing)
    unseen = [load.name for load in loads if any(check.check_name == ALL_KEYS and not check.passed for check in load.checks)]
    if unseen:
        read_again(source, unseen)
    discard(
        source,
        packages,
        but=kept if any(table.is_judged for table in judged) else _held(packages),
    )
    with connect(read_only=True) as connection:
        return LoadReport(source.name, load_id, loads, current_snapshot(connection), seconds=0.0)


def _held(packages: Packages) -> set[Path]:
    return {path for paths in packages.held.values() for path in paths}


def _land(
    connection: "duckdb.DuckDBPyConnection",
    source: Connection,
    packages: Packages,
    load_id: str,
    started: datetime,
    progress: Progress,
    again: bool,
) -> tuple[list[Judged], list[TableLoad]]:
    ensure_platform_tables(connection)
    snapshot = current_snapshot(connection)
    judged = judge(connection, source, packages, load_id=load_id, again=again)
    record_checks(connection, [check for table in judged for check in table.checks], snapshot_id=snapshot)
    if _closing(judged):
        return judged, []
    progress(f"Landing {source.name}", 0.7)
    loads = [_land_table(connection, source, table, packages, load_id) for table in judged]
    record_loads(connection, [_journal(source, load, packages, load_id, started, snapshot) for load in loads])
    return judged, loads


def _closing(judged: list[Judged]) -> list[CheckResult]:
    return [check for table in judged for check in table.checks if check.blocking and not check.passed]


def _land_table(
    connection: "duckdb.DuckDBPyConnection", source: Connection, table: Judged, packages: Packages, load_id: str
) -> TableLoad:
    resource = source.resource(table.name)
    target = Target(source.raw_schema, table.name, resource.key or (ROW_KEY,), table.columns)
    inserted = updated = 0
    if table.columns:
        prepare_table(connection, target)
    if table.rows:
        merged = merge_rows(connection, replace(target, columns=table.staged_columns), rows=table.good_rows, load_id=load_id)
        inserted, updated = merged.inserted, merged.updated
        _resolve(connection, source, table)
    deleted, found = _mark_deleted(connection, source, resource, packages, target)
    record_checks(connection, found)
    counts = (table.extracted, inserted + updated, table.quarantined, inserted, updated, deleted)
    return TableLoad(table.name, *counts, [*table.checks, *found])


def _mark_deleted(
    connection: "duckdb.DuckDBPyConnection", source: Connection, resource: Resource, packages: Packages, target: Target
) -> tuple[int, list[CheckResult]]:
    """Marks what the source has no more, and says so where that is most of a table: a mistake in the source looks like that."""
    condition = _deleted(connection, source, resource, packages)
    if condition is None:
        return 0, []
    unseen = _unseen(connection, source, resource, packages, target)
    deleted = mark_deleted(connection, target, is_deleted=condition)
    left = _count(connection, f"select count(*) from {target.name} where _deleted_at is null")
    many = deleted > FEW_ROWS and deleted > MANY_VANISHED * (left + deleted)
    detail = f"{deleted} of {left + deleted} rows are not in the source any more and were marked as deleted" if many else ""
    name = f"no more than {MANY_VANISHED:.0%} of the rows vanished"
    vanished = CheckResult(source.raw_schema, resource.name, name, not many, "warning", False, left + deleted, deleted, detail)
    return deleted, [vanished, *unseen]


def _unseen(
    connection: "duckdb.DuckDBPyConnection", source: Connection, resource: Resource, packages: Packages, target: Target
) -> list[CheckResult]:
    """Whether every key of the source is in the lake or held back; where one is not, its cursor lay too far back to be seen.

    So did that of a row which is marked as deleted and is there again without having been read.
    """
    files = packages.keys.get(resource.name, ())
    if not files or resource.cursor is None:
        return []
    keys = _keys_sql(connection, source, resource, files)
    same = " and ".join(f"target.{quote(name)} = there.{quote(name)}" for name in resource.key)
    held = packages.held.get(resource.name, ())
    waiting = [f"(from {staged_name(resource.name)} where _is_bad)"] if packages.files.get(resource.name) else []
    waiting += [_keys_sql(connection, source, resource, held)] if held else []
    alive = f"(from {target.name} where _deleted_at is null)"
    lacking = [f"not exists (from {place} as target where {same})" for place in (alive, *waiting)]
    unseen = _count(connection, f"select count(*) from {keys} as there where {' and '.join(lacking)}")
    detail = f"{unseen} rows lie behind the cursor; the next run reads the whole" if unseen else ""
    return [CheckResult(source.raw_schema, resource.name, ALL_KEYS, not unseen, "warning", False, 0, unseen, detail)]


def _count(connection: "duckdb.DuckDBPyConnection", sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0


def _resolve(connection: "duckdb.DuckDBPyConnection", source: Connection, table: Judged) -> None:
    """Notes in quarantine which of its rows have landed now."""
    waiting = "select count(*) from quarantine.rows where resolved_at is null and source = $source and table_name = $table"
    if connection.execute(waiting, {"source": source.name, "table": table.name}).fetchone() != (0,):
        key = letter_key(source.resource(table.name))
        connection.execute(
            "update quarantine.rows set resolved_at = now() where resolved_at is null and source = ? and table_name = ?"
            f" and row_key in (select {key} from {table.good_rows})",
            [source.name, table.name],
        )


def _deleted(connection: "duckdb.DuckDBPyConnection", source: Connection, resource: Resource, packages: Packages) -> str | None:
    """A condition over the lake's table: the source has the row no more. None where it was not asked."""
    if resource.deletions is None or not lake_columns(connection, source.raw_schema, resource.name):
        return None
    if resource.deletions.column:
        column = f"target.{quote(resource.deletions.column)}"
        return f"lower(coalesce({column}::varchar, '')) not in ('', 'false', 'f', '0', 'n', 'no')"
    if resource.name in packages.emptied:
        return "true"
    files = packages.keys.get(resource.name, ())
    if not files:
        return None
    same = " and ".join(f"there.{quote(name)} = target.{quote(name)}" for name in resource.key)
    return f"not exists (from {_keys_sql(connection, source, resource, files)} as there where {same})"


def _keys_sql(connection: "duckdb.DuckDBPyConnection", source: Connection, resource: Resource, files: Sequence[Path]) -> str:
    """A subquery over the keys there were, in the lake's types."""
    listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
    read = f"read_parquet([{listed}], union_by_name = true)"
    found = {row[0]: row[1] for row in connection.execute(f"describe from {read}").fetchall()}
    kinds = lake_columns(connection, source.raw_schema, resource.name)
    cast = [f"{cast_sql(name, found[name], kinds[name], zone=source.time_zone)} as {quote(name)}" for name in resource.key]
    return f"(select {', '.join(cast)} from {read})"


def _journal(source: Connection, load: TableLoad, packages: Packages, load_id: str, started: datetime, snapshot: int) -> Load:
    finished = datetime.now(UTC)
    before, after = packages.cursors.get(load.name, ("", ""))
    return Load(
        load_id,
        source.name,
        load.name,
        load.rows_extracted,
        load.rows_landed,
        load.rows_quarantined,
        started,
        finished,
        snapshot,
        load.rows_inserted,
        load.rows_updated,
        load.rows_deleted,
        sum(path.stat().st_size for path in packages.files[load.name]),
        (finished - started).total_seconds(),
        before,
        after,
    )


def _gate_error(source: Connection, closing: list[CheckResult]) -> QualityGateError:
    reasons = "; ".join(f"{check.subject}: {check.check_name} ({check.detail})" for check in closing[:5])
    return QualityGateError(
        f"The gate of {source.label} is closed by {len(closing)} blocking check(s): {reasons}.",
        remedy="Nothing landed and nothing was lost: mend the rows in the source and run again.",
        checks=closing,
    )


@contextmanager
def only_one(source: Connection) -> Iterator[None]:
    """Holds the connection against every other process that would load or remove it; AlreadyRunningError after a while."""
    from filelock import FileLock, Timeout

    lock = FileLock(get_settings().folder("locks") / f"load-{source.name}.lock")
    try:
        with lock.acquire(timeout=WAIT_SECONDS):
            yield
    except Timeout:
        raise AlreadyRunningError(f"Another process is loading {source.name}.", remedy="Wait until it has finished.") from None
