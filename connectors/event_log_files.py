"""Event-log files into the lake: CSV, XES, Parquet and OCEL files become processes like any other.

What belongs here: the way of one file, from reading to the case view. What does not: reading the single formats
(`tabular_files`, `xes_files`, `ocel_files`) and mining.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.event_log_landing import FileOptions, ImportReport, land_event_log, refuse_taken_name
from connectors.imported import journal_import
from connectors.lifecycle import Lifecycle
from connectors.process_names import process_name
from connectors.staged import Progress, Staged, no_progress
from connectors.timestamps import zone_of_times
from lake import current_snapshot, in_transaction
from lake.errors import FileFormatError

if TYPE_CHECKING:
    import duckdb

FORMATS = {
    "csv": (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz"),
    "xes": (".xes", ".xes.gz"),
    "parquet": (".parquet", ".pq"),
    "ocel": (
        ".jsonocel",
        ".xmlocel",
        ".sqlite",
        ".ocel",
        ".json",
        ".xml",
        ".db",
        ".jsonocel.gz",
        ".xmlocel.gz",
        ".json.gz",
        ".xml.gz",
    ),
}


def import_event_log(
    path: Path | str,
    *,
    name: str | None = None,
    case: str | None = None,
    activity: str | None = None,
    timestamp: str | None = None,
    start: str | None = None,
    resource: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    time_zone: str = "UTC",
    date_format: str | None = None,
    object_type: str | None = None,
    lifecycle: Lifecycle = "keep",
    progress: Progress | None = None,
) -> ImportReport:
    """Lands an event-log file and makes it a process: all of it in one transaction, or nothing.

    Args:
        path: A CSV, XES, Parquet or OCEL file; CSV and XES may be gzipped.
        name: The process's name; default: made from the file name. An earlier import of that name is replaced.
        case, activity, timestamp, start, resource: The file's columns for the contract's parts; default: guessed by name.
        delimiter, encoding: Of a CSV file; default: guessed.
        time_zone: Time zone of timestamps that name none.
        date_format: strptime format of the timestamps; default: guessed.
        object_type: OCEL only: the objects that are to be the cases.
        lifecycle: What becomes of events whose `lifecycle:transition` is start or complete: `keep` leaves every event as the file
            has it; `pair` makes one event of a start and its completion, with `started_at` and `occurred_at`.
        progress: Called with a description and the share done.

    Raises:
        FileFormatError, ColumnMissingError: The file cannot be an event log; the message names file and line or column.
    """
    path, progress = Path(path), progress or no_progress
    options = FileOptions(
        case, activity, timestamp, start, resource, delimiter, encoding, time_zone, date_format, object_type, lifecycle
    )
    process = process_name(path, name=name)
    started = time.monotonic()
    report = _imported(path, process, options, progress)
    progress("Imported", 1.0)
    return replace(report, seconds=round(time.monotonic() - started, 3))


def _imported(path: Path, process: str, options: FileOptions, progress: Progress) -> ImportReport:
    if file_format(path) == "xes":
        from connectors.xes_stream import NeedsStaging, land_stream

        with contextlib.suppress(NeedsStaging):
            return _in_transaction(land_stream, path, process, options, progress)
    return _in_transaction(_read_and_land, path, process, options, progress)


def _in_transaction(
    land: Callable[..., ImportReport], path: Path, process: str, options: FileOptions, progress: Progress
) -> ImportReport:
    def work(connection: "duckdb.DuckDBPyConnection") -> ImportReport:
        started_at, snapshot_id = datetime.now(UTC), current_snapshot(connection)
        refuse_taken_name(connection, process)
        progress(f"Reading {path.name}", 0.0)
        with zone_of_times(connection, options.time_zone):
            report = land(connection, path, process=process, options=options, progress=progress)
        journal_import(
            connection,
            process,
            load_id=report.load_id,
            started_at=started_at,
            snapshot_id=snapshot_id,
            size=path.stat().st_size,
        )
        return report

    return in_transaction(work)


def _read_and_land(
    connection: "duckdb.DuckDBPyConnection", path: Path, *, process: str, options: FileOptions, progress: Progress
) -> ImportReport:
    if file_format(path) == "ocel":
        from connectors.ocel import read_ocel
        from connectors.ocel_landing import land_ocel

        return land_ocel(connection, read_ocel(path), process=process, options=options, file=path.name)
    staged = _stage(connection, path, options, progress)
    progress(f"Landing {process}", 0.8)
    return land_event_log(connection, staged, process=process, options=options, file=path.name)


def _stage(connection: "duckdb.DuckDBPyConnection", path: Path, options: FileOptions, progress: Progress) -> Staged:
    kind = file_format(path)
    if kind == "csv":
        from connectors.tabular_files import stage_csv

        return stage_csv(connection, path, delimiter=options.delimiter, encoding=options.encoding)
    if kind == "parquet":
        from connectors.tabular_files import stage_parquet

        return stage_parquet(connection, path)
    from connectors.xes_files import stage_xes

    return stage_xes(connection, path, progress=progress)


def file_format(path: Path) -> str:
    """Which reader a file needs, by its ending.

    Raises:
        FileFormatError: None of the known endings.
    """
    name = path.name.lower()
    for kind, endings in FORMATS.items():
        if name.endswith(endings):
            return kind
    known = ", ".join(ending for endings in FORMATS.values() for ending in endings)
    raise FileFormatError(f"{path.name} has none of the known endings.", remedy=f"Known are {known}.", file=path.name)
