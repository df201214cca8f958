"""`grimoire sql`: ask the lake anything, as a table, as JSON or into a file.

What belongs here: showing and saving result rows. What does not: who may write (`lake.connection` decides, whatever the text).
"""

import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from apps.cli import console

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

T = TypeVar("T")
BATCH = 2_000
FORMATS = {
    ".csv": "format csv, header",
    ".json": "format json, array true",
    ".ndjson": "format json",
    ".parquet": "format parquet, compression zstd",
}


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command(rich_help_panel="Ask")(sql)


def sql(
    statement: Annotated[str, typer.Argument(help="The SQL to run, or - to read it from standard input.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects, one per row, and nothing else.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Save all rows to FILE; .csv, .json, .ndjson or .parquet decides the format."),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Allow the statement to change the lake, in one transaction.")] = False,
    as_of: Annotated[int | None, typer.Option(help="Read the lake as of this snapshot id.", metavar="SNAPSHOT")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Rows to show in the table; 0 shows all.")] = 100,
) -> None:
    """Runs SQL (DuckDB's dialect) on the lake: read-only unless --write is given.

    Examples:

    $ grimoire sql "show all tables"

    $ grimoire sql "select activity, count(*) as events from event_logs.order_to_cash group by all order by 2 desc"

    $ grimoire sql "from products.kpis__daily" --output kpis.parquet

    $ grimoire sql "select count(*) as n from raw_erp.sale_orders" --json

    $ grimoire sql "from lake.snapshots() order by 1 desc" --limit 5

    $ grimoire sql "from products.sales__orders" --as-of 12
    """
    if write and as_of is not None:
        raise typer.BadParameter("an earlier snapshot cannot be written to; leave out --write or --as-of.", param_hint="--as-of")
    if output is not None and output.suffix.lower() not in FORMATS:
        raise typer.BadParameter(f"{output} should end in {', '.join(FORMATS)}.", param_hint="--output")
    text = sys.stdin.read() if statement == "-" else statement
    if write:
        _show(_written(text), as_json=as_json, output=output, limit=limit)
    else:
        _read(text, as_json=as_json, output=output, as_of=as_of, limit=limit)


def _read(text: str, *, as_json: bool, output: Path | None, as_of: int | None, limit: int) -> None:
    from lake.connection import connect, read, translated_errors

    with connect(read_only=True, as_of=as_of) as connection, translated_errors():

        def answer() -> None:
            _show(read(connection, text), as_json=as_json, output=output, limit=limit)

        interruptibly(answer, lambda: [connection])


def _written(text: str) -> "duckdb.DuckDBPyRelation | None":
    """Runs the text in one transaction; its rows, if it has any, are fetched before the commit."""
    import duckdb

    from lake import in_transaction
    from lake.connection import translated_errors

    connections: list[duckdb.DuckDBPyConnection] = []

    def work(connection: "duckdb.DuckDBPyConnection") -> "pa.Table | None":
        connections.append(connection)
        result = connection.sql(text)
        return result.to_arrow_table() if result is not None else None

    with translated_errors():
        rows = interruptibly(lambda: in_transaction(work), lambda: connections)
    return duckdb.connect().from_arrow(rows) if rows is not None else None


def interruptibly(work: Callable[[], T], connections: "Callable[[], list[duckdb.DuckDBPyConnection]]") -> T:
    """Does `work` in a thread, so that Ctrl-C and SIGTERM end its query: while DuckDB computes, no signal reaches Python."""
    from concurrent.futures import ThreadPoolExecutor, wait

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        try:
            while not future.done():
                wait([future], timeout=0.2)
        except BaseException:
            while not future.done():  # it may be between two queries just now
                for connection in connections():
                    connection.interrupt()
                wait([future], timeout=0.1)
            raise
        return future.result()


def _show(result: "duckdb.DuckDBPyRelation | None", *, as_json: bool, output: Path | None, limit: int) -> None:
    if result is None:
        _show_nothing(as_json=as_json)
    elif output is not None:
        console.say(f"{save(result, output):,} rows saved to {output}")
    elif as_json:
        print_objects(result)
    else:
        _print_rows(result, limit=limit)


def _show_nothing(*, as_json: bool) -> None:
    if as_json:
        print("[]")
    console.say("Done; the statement returns no rows.")


def save(result: "duckdb.DuckDBPyRelation", output: Path) -> int:
    """Writes every row to `output`, whole or not at all, and returns their number."""
    import duckdb

    from lake.errors import StorageError
    from lake.sql_text import as_text
    from lake.whole_files import written_whole

    with written_whole(output) as partial, duckdb.connect() as plain:  # the lake's own may not write files, whatever it is asked
        plain.execute("set timezone = 'UTC'; set enable_progress_bar = false")
        plain.register("result", _reader(result))
        try:
            row = plain.execute(f"copy (from result) to {as_text(partial)} ({FORMATS[output.suffix.lower()]})").fetchone()
        except duckdb.IOException as error:
            raise StorageError(f"{output} cannot be written: {error}", remedy="Choose a folder you may write in.") from error
    return int(row[0]) if row else 0


def _reader(result: "duckdb.DuckDBPyRelation") -> "pa.RecordBatchReader":
    import pyarrow as pa

    reader = result.to_arrow_reader(100_000)
    names = unique_names(reader.schema.names)
    if names == reader.schema.names:
        return reader
    schema = pa.schema([field.with_name(name) for field, name in zip(reader.schema, names, strict=True)])
    return pa.RecordBatchReader.from_batches(schema, (pa.RecordBatch.from_arrays(part.columns, schema=schema) for part in reader))


def print_objects(result: "duckdb.DuckDBPyRelation") -> None:
    """All rows as one JSON list of objects on stdout, batch by batch."""
    names, batches = _batches(result)
    separator = "["
    for rows in batches:
        for row in rows:
            print(separator, console.as_json(dict(zip(names, row, strict=True))), sep="\n ", end="")
            separator = ","
    print("[]" if separator == "[" else "\n]")


def _print_rows(result: "duckdb.DuckDBPyRelation", *, limit: int) -> None:
    names, batches = _batches(result)
    rows: list[tuple[Any, ...]] = []
    for part in batches:
        rows += part
        if limit and len(rows) > limit:
            break
    console.print_table(names, rows[:limit] if limit else rows)
    if limit and len(rows) > limit:
        console.say(f"The first {limit} rows; --limit 0 shows all, --output FILE saves all.")


def _batches(result: "duckdb.DuckDBPyRelation") -> tuple[list[str], Iterator[list[Any]]]:
    """The column names, each once, and the rows in batches."""
    return unique_names(result.columns), iter(lambda: result.fetchmany(BATCH), [])


def unique_names(names: list[str]) -> list[str]:
    """The column names, with `_2`, `_3` … where one comes again: an object has each key once."""
    seen: list[str] = []
    for name in names:
        seen.append(next(new for new in (name if n == 1 else f"{name}_{n}" for n in count(1)) if new not in seen))
    return seen
