"""Rows of a result table: from Python values to Arrow, in the types the table declares, and the table itself.

What belongs here: those two. What does not: which tables there are (`mining.results`, `mining.sections`) and their figures.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

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
    """Makes a result table in schema `mining` unless it is there."""
    connection.execute("create schema if not exists mining")
    connection.execute(
        f"create table if not exists mining.{table} (process varchar, {columns}, computed_at timestamptz, snapshot_id bigint)"
    )
