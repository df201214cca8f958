"""Parquet files: their rows as text, and the types they declare.

What belongs here: that. What does not: any other format.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from connectors.files.names import LINE, column_names
from connectors.files.options import FileOptions
from connectors.files.places import Part
from connectors.files.rows import BATCH, Bad, Batch
from lake import quote
from lake.errors import FileFormatError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

WHOLE = ("BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT", "UBIGINT", "UINTEGER", "USMALLINT", "UTINYINT")
KEPT = ("VARCHAR", "BOOLEAN", "DATE", "TIME", "BLOB", "UUID", "DECIMAL", "DOUBLE", "FLOAT", *WHOLE)


def read_parquet(part: Part, options: FileOptions, bad: Bad) -> Iterator[Batch]:
    """The rows of a Parquet file, row group by row group; `_line` counts them. Nested values become JSON.

    Raises:
        FileFormatError: It is no Parquet file.
    """
    import duckdb
    import pyarrow as pa
    import pyarrow.parquet as pq

    with part.on_disk() as path, duckdb.connect(config={"memory_limit": "512MB", "threads": "2"}) as connection:
        connection.execute("set timezone = 'UTC'")
        try:
            with pq.ParquetFile(path) as file:
                names, line = column_names(file.schema_arrow.names), 1
                for batch in file.iter_batches(BATCH):
                    table = pa.Table.from_batches([batch]).rename_columns(names)
                    yield _as_text(connection, table, line)
                    line += table.num_rows
        except pa.ArrowException as error:
            raise FileFormatError(
                f"{part.name} is no Parquet file: {str(error).splitlines()[0]}.", remedy="Export it again.", file=part.name
            ) from None


def _as_text(connection: "duckdb.DuckDBPyConnection", table: "pa.Table", line: int) -> Batch:
    connection.register("rows", table)
    kinds = {name: kind for name, kind, *_ in connection.execute("describe from rows").fetchall()}
    columns = [_column(name, kind) for name, kind in kinds.items()]
    numbered = f"row_number() over () + {line - 1} as {LINE}"
    read = connection.execute(f"select {', '.join([*columns, numbered])} from rows").to_arrow_table()
    return Batch(read, kinds={name: _kind(kind) for name, kind in kinds.items()})


def _column(name: str, kind: str) -> str:
    value = f"to_json({quote(name)})" if _kind(kind) == "JSON" else quote(name)
    return f"cast({value} as varchar) as {quote(name)}"


def _kind(kind: str) -> str:
    if kind.endswith("[]") or kind.startswith(("STRUCT", "MAP", "UNION", "LIST")):
        return "JSON"
    if kind.startswith("TIMESTAMP"):
        return "TIMESTAMPTZ"
    return kind if kind.startswith(KEPT) else "VARCHAR"
