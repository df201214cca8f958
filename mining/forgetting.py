"""Forgetting an imported process: its event log and all that was made of it leave the lake together.

What belongs here: that one transaction. What does not: asking whether it is meant (the faces do).

What stays: that it was once loaded, in `platform.loads`, and the lake's earlier snapshots until upkeep expires them.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.imported import SOURCE, drop_relations, names_of
from lake.connection import quote
from lake.errors import DataError
from lake.journal import ensure_platform_tables
from lake.registry import Process, drop_process, get_process
from lake.transactions import in_transaction
from mining.answers import forget_answers
from mining.layout import SCHEMA as LAYOUTS
from mining.layout import Layout

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Forgotten:
    """What was forgotten."""

    process: str
    cases: int
    events: int
    rows_quarantined: int


def forgettable(connection: "duckdb.DuckDBPyConnection", name: str) -> Process:
    """The process of that name, if it can be forgotten.

    Raises:
        UnknownProcessError: There is no such process.
        DataError: It is a data product's, which the next run would make again.
    """
    process = get_process(connection, name)
    if process.origin != "file":
        raise DataError(
            f"`{name}` is the event log of a data product; the next run would make it again.",
            remedy="Only imported processes can be forgotten; `grimoire processes` lists them with origin `file`.",
            process=name,
        )
    return process


def forget_process(name: str) -> Forgotten:
    """Drops an imported process's event log, layout, mined rows, check results, quarantined rows and registration.

    Raises:
        UnknownProcessError: There is no such process.
        DataError: It is a data product's.
    """
    forgotten = in_transaction(lambda connection: _forget(connection, name))
    forget_answers(name)
    return forgotten


def _forget(connection: "duckdb.DuckDBPyConnection", name: str) -> Forgotten:
    forgettable(connection, name)
    ensure_platform_tables(connection)
    view = f"event_logs.{quote(name)}"
    cases, events = connection.execute(f"select count(distinct case_id), count(*) from {view}").fetchone() or (0, 0)
    drop_relations(connection, name)
    for table in vars(Layout.in_lake(name)).values():
        connection.execute(f"drop table if exists {table}")
    for schema, table in _tables_by_process(connection):
        connection.execute(f"delete from {schema}.{quote(table)} where process = ?", [name])
    own = names_of(name)
    connection.execute(
        "delete from platform.check_results where layer in ('event_logs', 'mining') and list_contains(?::varchar[], subject)", [own]
    )
    connection.execute("delete from platform.quality_scores where layer = 'event_logs' and subject = ?", [name])
    connection.execute("delete from platform.log_columns where process = ?", [name])
    connection.execute("delete from quarantine.rows where source = 'event_logs' and table_name = ?", [name])
    held = connection.execute(
        "delete from quarantine.rows where source = ? and list_contains(?::varchar[], table_name)", [SOURCE, own]
    ).fetchone()
    drop_process(connection, name)
    return Forgotten(name, cases, events, held[0] if held else 0)


def _tables_by_process(connection: "duckdb.DuckDBPyConnection") -> list[tuple[str, str]]:
    """The result tables that hold rows of every process."""
    return connection.execute(
        "select schema_name, table_name from duckdb_columns() where database_name = 'lake' and column_name = 'process' "
        f"and (schema_name = 'mining' or schema_name = '{LAYOUTS}' and table_name = 'built')"
    ).fetchall()
