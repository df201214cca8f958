"""One connection's new rows into the lake: extract, gate, land. The way every scheduled load goes.

What belongs here: the order of the steps and what is promised of them. What does not: dlt (`connectors.extract`), expectations
(`connectors.quality`), SQL that lands (`lake.landing`).

Promises: rows are staged before they are landed, so a crash loses none; all tables of a connection land in one transaction, so
nothing half-loaded shows; rows that break a rule are in `quarantine.rows` with the rule and the reason; when the gate closes,
nothing lands, the rows stay staged, and the next run judges them again together with what has been mended since.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.breaker import guarded, persistently
from connectors.connection import Connection
from connectors.connections import get_connection
from connectors.connector import connector_of
from connectors.deletions import ALL_KEYS, Deletions
from connectors.extract import extract
from connectors.landing_gate import ROW_KEY, Judged, judge, letter_key
from connectors.packages import Packages, discard, keep_held, pending, read_again
from connectors.staged import Progress, no_progress
from lake import connect, current_snapshot, get_settings, in_transaction
from lake.errors import AlreadyRunningError, QualityGateError
from lake.journal import CheckResult, Load, ensure_platform_tables, record_checks, record_loads
from lake.landing import Target, merge_rows, prepare_table

if TYPE_CHECKING:
    import duckdb

WAIT_SECONDS = 60.0


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
        prepare_table(connection, target, there=table.there)
    if table.rows:
        merged = merge_rows(connection, replace(target, columns=table.staged_columns), rows=table.good_rows, load_id=load_id)
        inserted, updated = merged.inserted, merged.updated
        _resolve(connection, source, table)
    deleted, found = Deletions(connection, source, resource, packages, target, table.columns).mark()
    record_checks(connection, found)
    counts = (table.extracted, inserted + updated, table.quarantined, inserted, updated, deleted)
    return TableLoad(table.name, *counts, [*table.checks, *found])


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
