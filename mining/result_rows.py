"""Result tables: rows from Python values to Arrow, in the types a table declares, the table itself, and a process's rows in it.

What belongs here: those three. What does not: which tables there are (`mining.results`, `mining.sections`) and their figures.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lake.own_tables import ensure_table
from mining.sql_text import literal

if TYPE_CHECKING:
    import duckdb
    import pyarrow


def arrow_table(rows: Sequence[Mapping[str, Any]], columns: str) -> "pyarrow.Table":
    """An Arrow table of rows, also of none.

    Args:
        rows: Values by the column's name.
        columns: Names and DuckDB types as in `mining.results.COLUMNS`; lists of texts and of integers among them.
    """
    import pyarrow

    kinds = {
        "varchar": pyarrow.string(),
        "bigint": pyarrow.int64(),
        "integer": pyarrow.int32(),
        "double": pyarrow.float64(),
        "boolean": pyarrow.bool_(),
        "varchar[]": pyarrow.list_(pyarrow.string()),
        "integer[]": pyarrow.list_(pyarrow.int32()),
    }
    declared = [column.split() for column in columns.split(", ")]
    return pyarrow.table({name: pyarrow.array([row[name] for row in rows], kinds[kind]) for name, kind in declared})


def create_table(connection: "duckdb.DuckDBPyConnection", table: str, columns: str) -> None:
    """Makes a result table in schema `mining` unless it is there; one of an earlier version gets the columns it lacks."""
    ensure_table(connection, f"mining.{table}", f"process varchar, {columns}, computed_at timestamptz, snapshot_id bigint")


def replace_rows(
    connection: "duckdb.DuckDBPyConnection",
    table: str,
    columns: str,
    rows: "pyarrow.Table",
    *,
    process: str,
    snapshot_id: int | None,
) -> None:
    """Puts these rows of a process in the place of those a result table has of it.

    Args:
        connection: A connection that writes, in a transaction.
        table: The table's name in schema `mining`; it is made if it is not there.
        columns: As for `arrow_table`.
        rows: With these columns, in any order.
        process: The process.
        snapshot_id: Snapshot of the lake they were computed from.
    """
    create_table(connection, table, columns)
    connection.execute(f"delete from mining.{table} where process = {literal(process)}")
    names = ", ".join(column.split()[0] for column in columns.split(", "))
    connection.register("rows_of_process", rows)
    connection.execute(
        f"insert into mining.{table} (process, {names}, computed_at, snapshot_id) "
        f"select {literal(process)}, {names}, now(), {literal(snapshot_id)} from rows_of_process"
    )
    connection.unregister("rows_of_process")
