"""Rows into the lake's raw tables: made, widened and merged on their key.

What belongs here: the SQL that lands one table's staged rows inside a transaction the caller holds. What does not: reading
sources and judging rows (`connectors`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lake.connection import quote

if TYPE_CHECKING:
    import duckdb

OWN_COLUMNS: Mapping[str, str] = {"_loaded_at": "timestamptz", "_load_id": "varchar"}


@dataclass(frozen=True)
class Target:
    """A raw table and the columns its rows are to have."""

    schema: str
    table: str
    key: str
    columns: Mapping[str, str]  # name to DuckDB type, without the lake's own two

    @property
    def name(self) -> str:
        """The table's quoted name."""
        return f"{quote(self.schema)}.{quote(self.table)}"


def lake_columns(connection: "duckdb.DuckDBPyConnection", schema: str, table: str) -> dict[str, str]:
    """The table's columns and types in the lake, without the lake's own two; empty if there is no such table."""
    rows = connection.execute(
        "select column_name, data_type from duckdb_columns()"
        " where database_name = 'lake' and schema_name = ? and table_name = ? order by column_index",
        [schema, table],
    ).fetchall()
    return {name: kind for name, kind in rows if name not in OWN_COLUMNS}


def prepare_table(connection: "duckdb.DuckDBPyConnection", target: Target) -> None:
    """Makes the table, or adds the columns it does not have yet; columns that vanished from the source stay."""
    there = lake_columns(connection, target.schema, target.table)
    if not there:
        connection.execute(f"create schema if not exists {quote(target.schema)}")
        columns = ", ".join(f"{quote(name)} {kind}" for name, kind in {**target.columns, **OWN_COLUMNS}.items())
        connection.execute(f"create table if not exists {target.name} ({columns})")
        return
    for name, kind in target.columns.items():
        if name not in there:
            connection.execute(f"alter table {target.name} add column {quote(name)} {kind}")


def merge_rows(connection: "duckdb.DuckDBPyConnection", target: Target, *, rows: str, load_id: str) -> int:
    """Merges rows on the key: new ones are inserted, changed ones updated, equal ones left alone.

    Args:
        target: Must have been prepared; of its columns those that `rows` has are written.
        rows: A table or subquery with at most one row per key.
        load_id: Written to `_load_id` of every row inserted or changed.

    Returns:
        The number of rows inserted or changed.
    """
    names = [quote(name) for name in target.columns]
    source = f"(select {', '.join(names)}, now() as _loaded_at, '{load_id}' as _load_id from {rows})"
    written = [*names, *OWN_COLUMNS]
    if connection.execute(f"select 1 from {target.name} limit 1").fetchone() is None:
        statement = f"insert into {target.name} ({', '.join(written)}) from {source}"
    else:
        key = quote(target.key)
        differs = " or ".join(f"target.{name} is distinct from source.{name}" for name in names if name != key) or "false"
        statement = (
            f"merge into {target.name} as target using {source} as source on target.{key} = source.{key}"
            f" when matched and ({differs}) then update set {', '.join(f'{name} = source.{name}' for name in written)}"
            f" when not matched then insert ({', '.join(written)}) values ({', '.join(f'source.{name}' for name in written)})"
        )
    row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0
