"""Upkeep of the lake's files: many small ones become few, what nobody can read any more goes.

What belongs here: compacting, expiring snapshots, deleting files that are no longer or never were part of the lake. What does
not: when this happens (`orchestration` schedules it) and backups.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lake.addresses import libpq_dsn
from lake.connection import connect, lake_exists
from lake.database import CATALOG, database_url
from lake.settings import Settings, get_settings
from lake.transactions import retrying

if TYPE_CHECKING:
    import duckdb

Progress = Callable[[str, float], None]
# A file younger than this may belong to a transaction that is still being written, or to a query that is still reading.
GRACE = timedelta(days=1)
REWRITE_SHARE = 0.3  # a file is written anew without its deleted rows once they are this share of it


@dataclass(frozen=True)
class MaintenanceReport:
    """What upkeep did. Files and bytes are those below the lake's data folder; of the catalog's files for an object store."""

    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int
    tables_flushed: int  # whose small writes moved from the catalog into Parquet files
    snapshots_expired: int
    files_rewritten: int  # because many of their rows were deleted
    files_merged: int
    files_removed: int  # that no snapshot needs any more
    orphans_removed: int  # that a killed writer left behind
    seconds: float


def maintain(*, settings: Settings | None = None, progress: Progress | None = None, grace: timedelta = GRACE) -> MaintenanceReport:
    """Does all upkeep, beside readers and writers; each step is a transaction of its own and is tried again on a conflict.

    Args:
        settings: Default: the process's settings; `snapshot_days` says how long snapshots stay.
        progress: Told what is being done and the share done, 0 to 1.
        grace: Age below which no file is deleted. Shorten it only where nobody else reads or writes.

    Raises:
        ConflictError: A step collided with other writers each time; the steps before it are done.
    """
    settings, tell, began = settings or get_settings(), progress or (lambda description, done: None), time.perf_counter()
    with connect(settings=settings) as connection:
        before = _size(settings)
        done: dict[str, list[tuple[Any, ...]]] = {}
        for number, (step, (description, call)) in enumerate(_steps(settings, grace).items()):
            tell(description, number / 6)
            done[step] = retrying(lambda call=call: _call(connection, call))  # type: ignore[misc]
        after = _size(settings)
    _delete_left_spill(settings, grace)
    tell("Lake tidied", 1.0)
    return MaintenanceReport(
        files_before=before[0], files_after=after[0], bytes_before=before[1], bytes_after=after[1],
        tables_flushed=len(done["flush"]), snapshots_expired=len(done["expire"]),
        files_rewritten=_count(done["rewrite"]), files_merged=_count(done["merge"]),
        files_removed=len(done["clean"]), orphans_removed=len(done["orphans"]),
        seconds=time.perf_counter() - began,
    )  # fmt: skip


def _steps(settings: Settings, grace: timedelta) -> dict[str, tuple[str, str]]:
    young = f"older_than => now() - interval '{int(grace.total_seconds())} seconds'"
    readable = f"older_than => now() - interval '{settings.snapshot_days} days'"
    return {
        "flush": ("Writing small changes out as files", "ducklake_flush_inlined_data('lake')"),
        "expire": ("Expiring old snapshots", f"ducklake_expire_snapshots('lake', {readable})"),
        "rewrite": (
            "Rewriting files with deleted rows",
            f"ducklake_rewrite_data_files('lake', delete_threshold => {REWRITE_SHARE})",
        ),
        "merge": ("Merging small files", "ducklake_merge_adjacent_files('lake')"),
        "clean": ("Deleting files no snapshot needs", f"ducklake_cleanup_old_files('lake', {young})"),
        "orphans": ("Deleting what killed writers left", f"ducklake_delete_orphaned_files('lake', {young})"),
    }


def _call(connection: "duckdb.DuckDBPyConnection", function: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"from {function}").fetchall()


def _delete_left_spill(settings: Settings, grace: timedelta) -> None:
    """Deletes spill files of processes that were killed: each DuckDB deletes its own when it ends."""
    for folder in settings.folder("duckdb", "spill").iterdir():
        if time.time() - folder.stat().st_mtime > grace.total_seconds() and not _is_alive(folder.name.partition("-")[0]):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: str) -> bool:
    import psutil

    return not pid.isdigit() or psutil.pid_exists(int(pid))


def _count(rows: list[tuple[Any, ...]]) -> int:
    """Files that went into a rewriting: DuckLake tells schema, table, files processed and files created for each table."""
    return sum(int(row[2]) for row in rows)


def _size(settings: Settings) -> tuple[int, int]:
    """Number and bytes of the lake's files."""
    if settings.is_remote_lake:
        return _catalogued_size(settings)
    sizes = [path.stat().st_size for path in Path(settings.data_path).rglob("*.parquet")]
    return len(sizes), sum(sizes)


def _catalogued_size(settings: Settings) -> tuple[int, int]:
    rows = _ask_catalog(
        settings,
        """select count(*), coalesce(sum(file_size_bytes), 0)::bigint from (
               select file_size_bytes from ducklake_data_file union all select file_size_bytes from ducklake_delete_file) files""",
    )
    return int(rows[0][0]), int(rows[0][1])


def live_files(settings: Settings) -> list[str]:
    """Absolute paths of every data file that some snapshot needs, from the catalog."""
    if not lake_exists(settings):
        return []
    rows = _ask_catalog(
        settings,
        """select s.path, s.path_is_relative, t.path, t.path_is_relative, f.path, f.path_is_relative
           from (select table_id, path, path_is_relative from ducklake_data_file
                 union all select table_id, path, path_is_relative from ducklake_delete_file) f
           join ducklake_table t using (table_id) join ducklake_schema s using (schema_id)""",
    )
    return sorted({_joined(settings.data_path, row) for row in rows})


def _joined(root: str, parts: tuple[Any, ...]) -> str:
    path = root
    for part, is_relative in zip(parts[0::2], parts[1::2], strict=True):
        path = path + part if is_relative else part
    return path


def _ask_catalog(settings: Settings, statement: str) -> list[tuple[Any, ...]]:
    import psycopg

    with psycopg.connect(libpq_dsn(database_url(CATALOG, settings=settings))) as connection:
        return connection.execute(statement.encode()).fetchall()
