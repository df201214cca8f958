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

OWN_COLUMNS: Mapping[str, str] = {"_loaded_at": "timestamptz", "_load_id": "varchar", "_deleted_at": "timestamptz"}
WRITTEN = ("_loaded_at", "_load_id")  # with every row that lands; `_deleted_at` only once the source has the row no more


@dataclass(frozen=True)
class Target:
    """A raw table and the columns its rows are to have."""

    schema: str
    table: str
    key: tuple[str, ...]
    columns: Mapping[str, str]  # name to DuckDB type, without the lake's own three

    @property
    def name(self) -> str:
        """The table's quoted name."""
        return f"{quote(self.schema)}.{quote(self.table)}"


def schema_columns(connection: "duckdb.DuckDBPyConnection", schema: str) -> dict[str, dict[str, str]]:
    """Every table of a schema of the lake: its columns and types, without the lake's own three."""
    rows = connection.execute(
        "select table_name, column_name, data_type from duckdb_columns()"
        " where database_name = 'lake' and schema_name = ? order by table_name, column_index",
        [schema],
    ).fetchall()
    tables: dict[str, dict[str, str]] = {}
    for table, name, kind in rows:
        columns = tables.setdefault(table, {})
        if name not in OWN_COLUMNS:
            columns[name] = kind
    return tables


def prepare_table(connection: "duckdb.DuckDBPyConnection", target: Target, *, there: Mapping[str, str]) -> None:
    """Makes the table, or adds the columns it does not have yet and widens those that are to hold more; those that vanished stay.

    Args:
        target: What it is to be; of a column that is there the type as `there` has it, or a wider one.
        there: The columns the lake has; none: there is no such table.
    """
    if not there:
        connection.execute(f"create schema if not exists {quote(target.schema)}")
        columns = ", ".join(f"{quote(name)} {kind}" for name, kind in {**target.columns, **OWN_COLUMNS}.items())
        connection.execute(f"create table if not exists {target.name} ({columns})")
        return
    for name, kind in target.columns.items():
        if name not in there:
            connection.execute(f"alter table {target.name} add column {quote(name)} {kind}")
        elif kind != there[name]:  # no file is written anew, and an earlier snapshot keeps the earlier type
            connection.execute(f"alter table {target.name} alter column {quote(name)} set type {kind}")


@dataclass(frozen=True)
class Merged:
    """What a merge did."""

    inserted: int
    updated: int


def merge_rows(connection: "duckdb.DuckDBPyConnection", target: Target, *, rows: str, load_id: str) -> Merged:
    """Merges rows on the key: new ones are inserted, changed ones updated, equal ones left alone.

    A row that was marked as deleted and is there again is no longer marked.

    Args:
        target: Must have been prepared; of its columns those that `rows` has are written.
        rows: A table or subquery with at most one row per key.
        load_id: Written to `_load_id` of every row inserted or changed.
    """
    names = [quote(name) for name in target.columns]
    source = f"(select {', '.join(names)}, now() as _loaded_at, '{load_id}' as _load_id from {rows})"
    written = [*names, *WRITTEN]
    if connection.execute(f"select 1 from {target.name} limit 1").fetchone() is None:
        return Merged(_count(connection, f"insert into {target.name} ({', '.join(written)}) from {source}"), 0)
    keys = [quote(name) for name in target.key]
    same = " and ".join(f"target.{key} = source.{key}" for key in keys)
    sets = ", ".join([*(f"{name} = source.{name}" for name in written), "_deleted_at = null"])
    differs = " or ".join(f"target.{name} is distinct from source.{name}" for name in names if name not in keys)
    changed = " or ".join(filter(None, [differs, "target._deleted_at is not null"]))
    before = _count(connection, f"select count(*) from {target.name}")
    landed = _count(
        connection,
        f"merge into {target.name} as target using {source} as source on {same}"
        f" when matched and ({changed}) then update set {sets}"
        f" when not matched then insert ({', '.join(written)}) values ({', '.join(f'source.{name}' for name in written)})",
    )
    inserted = _count(connection, f"select count(*) from {target.name}") - before
    return Merged(inserted, landed - inserted)


@dataclass(frozen=True)
class Presence:
    """How a table's rows stand beside what the source has."""

    alive: int  # not marked as deleted
    gone: int  # of those: the source has them no more
    back: int  # marked as deleted, and there again


def presence(connection: "duckdb.DuckDBPyConnection", target: Target, *, is_deleted: str) -> Presence:
    """Counts what `mark_deleted` would change.

    Args:
        target: Must have been prepared.
        is_deleted: A SQL condition over the target's columns, under the alias `target`.
    """
    row = connection.execute(
        "select count(*) filter (not was_gone), count(*) filter (is_gone and not was_gone),"
        " count(*) filter (was_gone and not is_gone)"
        f" from (select _deleted_at is not null as was_gone, coalesce({is_deleted}, false) as is_gone from {target.name} as target)"
    ).fetchone()
    return Presence(*(row or (0, 0, 0)))


def mark_deleted(connection: "duckdb.DuckDBPyConnection", target: Target, found: Presence, *, is_deleted: str) -> None:
    """Marks the rows for which the condition holds as deleted, and takes the mark from the others.

    Args:
        target: Must have been prepared.
        found: What `presence` counted under the same condition: where there is nothing to change, nothing is written.
        is_deleted: A SQL condition over the target's columns, under the alias `target`.
    """
    change = f"update {target.name} as target set _deleted_at ="
    if found.back:
        connection.execute(f"{change} null where _deleted_at is not null and not coalesce({is_deleted}, false)")
    if found.gone:
        connection.execute(f"{change} now() where _deleted_at is null and coalesce({is_deleted}, false)")


def _count(connection: "duckdb.DuckDBPyConnection", statement: str) -> int:
    row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0
