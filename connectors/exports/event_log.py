"""The export of a process's event log to one file, whole or not at all.

What belongs here: choosing the writer, the one snapshot that is read, putting the file in its place. What does not: the layouts.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.exports.log_tables import PARTS, LogTables, drop_tables, kept_tables
from lake import connect, current_snapshot, quote
from lake.errors import FileFormatError
from lake.registry import get_process
from lake.whole_files import written_whole

if TYPE_CHECKING:
    import duckdb

Writer = Callable[["duckdb.DuckDBPyConnection", Any, Path], int]  # of a relation as SQL, or of an object-centric log's tables

FORMATS = {  # format to module of this package, its writer, and the endings that mean it
    "ocel-json": ("ocel_json", "write_json", (".jsonocel", ".json")),
    "ocel-xml": ("ocel_xml", "write_xml", (".xmlocel", ".xml")),
    "ocel-sqlite": ("ocel_sqlite", "write_sqlite", (".sqlite", ".db")),
    "xes": ("case_view", "write_xes", (".xes",)),
    "csv": ("case_view", "write_csv", (".csv",)),
    "parquet": ("case_view", "write_parquet", (".parquet", ".pq")),
}


@dataclass(frozen=True)
class ExportReport:
    """What was written."""

    process: str
    format: str
    file: str
    events: int  # of OCEL each once, of the others a row per case and event
    bytes: int
    snapshot_id: int
    seconds: float


def export_event_log(process: str, path: Path | str, *, format: str | None = None) -> ExportReport:
    """Writes a process's event log, as of one snapshot of the lake, to a file; an earlier one stays until the new one is whole.

    Args:
        process: Name of the process.
        path: The file.
        format: One of `FORMATS`; default: by the file's ending.

    Raises:
        UnknownProcessError: No such process.
        FileFormatError: No such format, or the log cannot be written in it.
        StorageError: The file cannot be written.
    """
    path, started = Path(path), time.monotonic()
    kind = format or format_of(path)
    _require_format(kind)
    with connect(read_only=True) as connection:
        connection.begin()  # all tables of the log at one snapshot
        snapshot_id = current_snapshot(connection)
        get_process(connection, process)
        whole = _object_tables(connection, process) if kind.startswith("ocel") else f"event_logs.{quote(process)}"
        events = _in_place(connection, whole, kind, path)
    seconds = round(time.monotonic() - started, 3)
    return ExportReport(process, kind, str(path), events, path.stat().st_size, snapshot_id, seconds)


def format_of(path: Path) -> str:
    """The format that a file's ending means.

    Raises:
        FileFormatError: It means none.
    """
    found = [kind for kind, (_, _, endings) in FORMATS.items() if path.suffix.lower() in endings]
    if not found:
        raise FileFormatError(
            f"The ending of {path.name} names no format.", remedy=f"Say --format, one of {', '.join(FORMATS)}.", file=str(path)
        )
    return found[0]


def export_cases(connection: "duckdb.DuckDBPyConnection", rows: str, path: Path | str, *, format: str) -> int:
    """Writes events with the contract's columns to a file, in batches; an earlier one stays until the new one is whole.

    Args:
        connection: The connection the rows are read on.
        rows: A relation with case_id, activity, occurred_at, source_row and any attributes, as SQL that can follow `from`.
        path: The file.
        format: `xes`, `csv` or `parquet`.

    Returns:
        How many events were written.

    Raises:
        FileFormatError: A value cannot be written in that format.
        StorageError: The file cannot be written.
    """
    return _in_place(connection, rows, format, Path(path))


def export_kept(connection: "duckdb.DuckDBPyConnection", process: str, rows: str, path: Path | str, *, format: str) -> int:
    """Writes what remains of a process's log to a file, as OCEL what `connectors.exports.log_tables.kept_tables` says of it.

    Args:
        connection: The connection of the lake the rows are read on, within one transaction.
        process: Name of the process.
        rows: SQL of the rows of its case view that remain.
        path: The file.
        format: One of `FORMATS`.

    Returns:
        How many events were written: of OCEL each once, of the others a row per case and event.

    Raises:
        FileFormatError: No such format, or the log cannot be written in it.
        StorageError: The file cannot be written.
    """
    path = Path(path)
    _require_format(format)
    if not format.startswith("ocel"):
        return _in_place(connection, f"({rows})", format, path)
    kept = kept_tables(connection, _object_tables(connection, process), rows)
    try:
        return _in_place(connection, kept, format, path)
    finally:
        drop_tables(connection, kept)


def _require_format(kind: str) -> None:
    if kind not in FORMATS:
        raise FileFormatError(f"There is no format `{kind}`.", remedy=f"Choose one of {', '.join(FORMATS)}.", format=kind)


def _object_tables(connection: "duckdb.DuckDBPyConnection", process: str) -> LogTables:
    tables = LogTables(process)
    if not tables.has(connection, *PARTS):
        raise FileFormatError(
            f"`{process}` knows cases only and no objects, so it cannot be written as OCEL.",
            remedy="Export it as xes, csv or parquet.",
            process=process,
        )
    return tables


def _in_place(connection: "duckdb.DuckDBPyConnection", source: str | LogTables, kind: str, path: Path) -> int:
    """Writes beside the file and puts the whole in its place; the source of OCEL are its tables, of others a relation."""
    module, writer, _ = FORMATS[kind]
    write: Writer = getattr(import_module(f"connectors.exports.{module}"), writer)
    with written_whole(path) as partial:
        return write(connection, source, partial)
