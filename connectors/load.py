"""One source's new rows into the lake: extract, gate, land. The way every scheduled load goes.

What belongs here: the order of the steps and what is promised of them. What does not: dlt (`connectors.extract`), expectations
(`connectors.quality`), SQL that lands (`lake.landing`).

Promises: rows are staged before they are landed, so a crash loses none; all tables of a source land in one transaction, so
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

from connectors.extract import extract
from connectors.landing_gate import Judged, judge
from connectors.packages import Packages, discard, pending
from connectors.sources import SOURCES, Source
from connectors.staged import Progress, no_progress
from lake import connect, current_snapshot, get_settings, in_transaction
from lake.errors import AlreadyRunningError, QualityGateError, SettingsError
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
    checks: list[CheckResult] = field(default_factory=list)


@dataclass(frozen=True)
class LoadReport:
    """What came of one source's load."""

    source: str
    load_id: str
    tables: list[TableLoad]
    snapshot_id: int
    seconds: float


def load_source(name: str, *, progress: Progress | None = None) -> LoadReport:
    """Brings a source's new and changed rows into `raw_<name>`.

    Args:
        name: One of `SOURCES`.
        progress: Called with a description and the share done.

    Raises:
        SourceUnavailableError: The system does not answer; nothing changed.
        QualityGateError: A blocking expectation failed; nothing landed, the rows stay staged.
        AlreadyRunningError: Another process loads this source.
    """
    if name not in SOURCES:
        raise SettingsError(f"There is no source `{name}`.", remedy=f"Known are {', '.join(SOURCES)}.")
    source, tell = SOURCES[name], progress or no_progress
    started = time.monotonic()
    with _only_one(source):
        extract(source, progress=lambda words, done: tell(words, 0.6 * done))
        report = land_pending(source, progress=lambda words, done: tell(words, 0.6 + 0.4 * done))
    tell(f"Loaded {name}", 1.0)
    return replace(report, seconds=round(time.monotonic() - started, 3))


def land_pending(source: Source, *, progress: Progress = no_progress) -> LoadReport:
    """Gates and lands every staged package of a source, in one transaction.

    Raises:
        QualityGateError: A blocking expectation failed; the results are recorded, the rows stay staged.
    """
    packages = pending(source)
    started = datetime.now(UTC)
    load_id = packages.load_ids[-1] if packages.load_ids else f"{started.timestamp():.6f}"
    progress(f"Checking {source.name}", 0.0)
    judged, loads = in_transaction(lambda connection: _land(connection, source, packages, load_id, started, progress))
    closing = _closing(judged)
    if closing:
        raise _gate_error(source, closing)
    discard(
        packages,
        but={table.held for table in judged if table.held} if any(table.is_judged for table in judged) else _held(packages),
    )
    with connect(read_only=True) as connection:
        return LoadReport(source.name, load_id, loads, current_snapshot(connection), seconds=0.0)


def _held(packages: Packages) -> set[Path]:
    return {path for paths in packages.held.values() for path in paths}


def _land(
    connection: "duckdb.DuckDBPyConnection", source: Source, packages: Packages, load_id: str, started: datetime, progress: Progress
) -> tuple[list[Judged], list[TableLoad]]:
    ensure_platform_tables(connection)
    snapshot = current_snapshot(connection)
    judged = judge(connection, source, packages, load_id=load_id)
    record_checks(connection, [check for table in judged for check in table.checks], snapshot_id=snapshot)
    if _closing(judged):
        return judged, []
    progress(f"Landing {source.name}", 0.7)
    loads = [_land_table(connection, source, table, load_id) for table in judged]
    finished = datetime.now(UTC)
    record_loads(connection, [_journal(source, load, load_id, started, finished) for load in loads], snapshot_id=snapshot)
    return judged, loads


def _closing(judged: list[Judged]) -> list[CheckResult]:
    return [check for table in judged for check in table.checks if check.blocking and not check.passed]


def _land_table(connection: "duckdb.DuckDBPyConnection", source: Source, table: Judged, load_id: str) -> TableLoad:
    target = Target(source.schema, table.name, source.table(table.name).key, table.columns)
    prepare_table(connection, target)
    landed = 0
    if table.rows:
        landed = merge_rows(connection, replace(target, columns=table.staged_columns), rows=table.good_rows, load_id=load_id)
    return TableLoad(table.name, table.extracted, landed, table.quarantined, table.checks)


def _journal(source: Source, load: TableLoad, load_id: str, started: datetime, finished: datetime) -> Load:
    return Load(load_id, source.name, load.name, load.rows_extracted, load.rows_landed, load.rows_quarantined, started, finished)


def _gate_error(source: Source, closing: list[CheckResult]) -> QualityGateError:
    reasons = "; ".join(f"{check.subject}: {check.check_name} ({check.detail})" for check in closing[:5])
    return QualityGateError(
        f"The gate of {source.title} is closed by {len(closing)} blocking check(s): {reasons}.",
        remedy="Nothing landed and nothing was lost: mend the rows in the source and run again.",
        checks=closing,
    )


@contextmanager
def _only_one(source: Source) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(get_settings().folder("locks") / f"load-{source.name}.lock")
    try:
        with lock.acquire(timeout=WAIT_SECONDS):
            yield
    except Timeout:
        raise AlreadyRunningError(f"Another process is loading {source.name}.", remedy="Wait until it has finished.") from None
