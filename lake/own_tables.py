"""Tables that the platform writes itself: made where they are missing, and given the columns that a later version added.

What belongs here: that. What does not: which tables there are (each package's own) and the platform's history (`lake.journal`).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def ensure_table(connection: "duckdb.DuckDBPyConnection", table: str, columns: str) -> None:
    """Makes a table and its schema unless they are there; one of an earlier version gets the columns it lacks, at its end.

    Args:
        connection: A connection that writes.
        table: As `schema.table`.
        columns: Names with types, commas between them; no type may hold a comma.
    """
    connection.execute(f"create schema if not exists {table.partition('.')[0]}")
    connection.execute(f"create table if not exists {table} ({columns})")
    there = set(connection.sql(f"select * from {table}").columns)
    for column in columns.split(","):
        if column.split()[0] not in there:
            connection.execute(f"alter table {table} add column {column.strip()}")
