"""Rows handed to SQL: a temporary table of a connection's own, which a read-only connection of the lake may have, too.

What belongs here: making it. What does not: what it holds, and a log's layout (`mining.layout`).
"""

from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    import pyarrow

_numbers = count(1)


def temporary_table(connection: "duckdb.DuckDBPyConnection", rows: "pyarrow.Table") -> str:
    """Copies the rows into a new temporary table, which ends with the connection, and returns its name as SQL."""
    number = next(_numbers)
    name, source = f"temp.main.given_{number}", f"rows_given_{number}"
    connection.register(source, rows)
    connection.execute(f"create temp table {name} as from {source}")
    connection.unregister(source)
    return name
