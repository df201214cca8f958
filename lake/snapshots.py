"""Snapshots of the lake: which there are and what they are called.

What belongs here: reading snapshot ids. What does not: expiring them (`lake.maintenance`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Snapshot:
    """One committed state of the whole lake."""

    snapshot_id: int
    committed_at: datetime


def current_snapshot(connection: "duckdb.DuckDBPyConnection") -> int:
    """Id of the snapshot this connection reads."""
    row = connection.execute("select id from lake.current_snapshot()").fetchone()
    assert row is not None  # noqa: S101 — a lake always has at least the snapshot that made it
    return int(row[0])


def snapshots(connection: "duckdb.DuckDBPyConnection", *, limit: int = 100) -> list[Snapshot]:
    """The newest snapshots that can still be read, newest first."""
    rows = connection.execute(
        "select snapshot_id, snapshot_time from lake.snapshots() order by snapshot_id desc limit ?", [limit]
    ).fetchall()
    return [Snapshot(snapshot_id=int(number), committed_at=moment) for number, moment in rows]


def snapshots_between(
    connection: "duckdb.DuckDBPyConnection", start: datetime | None = None, end: datetime | None = None
) -> list[Snapshot]:
    """The snapshots from a moment on and before another that can still be read, newest first; None is open."""
    rows = connection.execute(
        """select snapshot_id, snapshot_time from lake.snapshots()
           where ($1::timestamptz is null or snapshot_time >= $1) and ($2::timestamptz is null or snapshot_time < $2)
           order by snapshot_id desc""",
        [start, end],
    ).fetchall()
    return [Snapshot(snapshot_id=int(number), committed_at=moment) for number, moment in rows]


def first_snapshot(connection: "duckdb.DuckDBPyConnection") -> Snapshot | None:
    """The oldest snapshot that can still be read."""
    row = connection.execute("select snapshot_id, snapshot_time from lake.snapshots() order by snapshot_id limit 1").fetchone()
    return Snapshot(int(row[0]), row[1]) if row else None
