"""What the import of an event-log file leaves in the lake: its tables and views, and its rows in the platform's journal.

What belongs here: naming, noting and dropping those. What does not: making them (`event_log_landing`, `ocel_landing`).
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from lake import quote
from lake.journal import Load, record_loads

if TYPE_CHECKING:
    import duckdb

SOURCE = "file"  # what `platform.loads` and `quarantine.rows` call the system the rows are from
RAW, LOGS = "raw_files", "event_logs"
OCEL_PARTS = ("events", "objects", "event_objects", "object_objects", "object_values")


def names_of(process: str) -> list[str]:
    """What the tables, views and quarantined rows of an import of that name may be called."""
    return [process, *(f"{process}__{part}" for part in OCEL_PARTS)]


def relations_of(connection: "duckdb.DuckDBPyConnection", process: str, *, kind: Literal["view", "table"]) -> list[tuple[str, str]]:
    """Schema and name of the views or tables that an import of that name made."""
    return connection.execute(
        f"select schema_name, {kind}_name from duckdb_{kind}s() where database_name = 'lake'"
        f" and schema_name in ('{RAW}', '{LOGS}') and list_contains(?, {kind}_name) order by all",
        [names_of(process)],
    ).fetchall()


def drop_relations(connection: "duckdb.DuckDBPyConnection", process: str) -> None:
    """Drops the views and tables of that import; what was set aside of it stays in quarantine."""
    for kind in ("view", "table"):
        for schema, name in relations_of(connection, process, kind=kind):
            connection.execute(f"drop {kind} {quote(schema)}.{quote(name)}")


def resolve_held(connection: "duckdb.DuckDBPyConnection", process: str) -> None:
    """Marks the rows that earlier imports of that name set aside as settled; a new import judges its own file's rows."""
    connection.execute(
        "update quarantine.rows set resolved_at = now() where resolved_at is null and source = ?"
        " and list_contains(?::varchar[], table_name)",
        [SOURCE, names_of(process)],
    )


def journal_import(
    connection: "duckdb.DuckDBPyConnection", process: str, *, load_id: str, started_at: datetime, snapshot_id: int, size: int
) -> None:
    """Notes an import in `platform.loads`, a row per table of `raw_files`, in the transaction that lands it.

    Args:
        connection: In that transaction, after the tables were written.
        process: Name of the process.
        load_id: What its rows bear in `_load_id`, and those set aside in `quarantine.rows`.
        started_at: When the import began.
        snapshot_id: Snapshot of the lake the rows are added to.
        size: Bytes of the file; noted at the first of its tables only, so that sums come out right.
    """
    finished_at = datetime.now(UTC)
    held = dict(
        connection.execute(
            "select table_name, count(*) from quarantine.rows where load_id = ? group by table_name", [load_id]
        ).fetchall()
    )
    loads: list[Load] = []
    for schema, table in relations_of(connection, process, kind="table"):
        (landed,) = connection.execute(f"select count(*) from {quote(schema)}.{quote(table)}").fetchone() or (0,)
        loads.append(
            Load(
                load_id=load_id,
                source=SOURCE,
                table_name=table,
                rows_extracted=landed + held.get(table, 0),
                rows_landed=landed,
                rows_quarantined=held.get(table, 0),
                started_at=started_at,
                finished_at=finished_at,
                snapshot_id=snapshot_id,
                rows_inserted=landed,
                bytes=0 if loads else size,
                seconds=(finished_at - started_at).total_seconds(),
            )
        )
    record_loads(connection, loads)
