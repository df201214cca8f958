"""Tables and queries as dlt resources: dlt's `sql_table`, with table loaders that keep every value, in parallel where it pays.

What belongs here: reading. What does not: which SQL is right for a table (`connectors.kinds.sql_tables`).

The cursor's last value is kept in dlt's own state, which is saved with the package it belongs to; it is compared here, because
rows without a cursor must come too, numbers and days have an overlap of their own, and equal values are never taken for equal rows.
PostgreSQL's rows never pass through Python: DuckDB writes them to Parquet, several ranges at once, and dlt takes the files.
"""

import itertools
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.connection import Resource
from connectors.kinds.sql_tables import (
    ROWS_WORTH_PARTS,
    Column,
    Readable,
    TableOptions,
    bare_cursor,
    escaped,
    readable,
    selection,
    since,
)
from lake import get_settings, quote
from lake.source_databases import SOURCE, attached_postgres, explained
from lake.sql_text import as_text

if TYPE_CHECKING:
    import duckdb
    from dlt.extract import DltResource
    from sqlalchemy import Engine, Table

CHUNK = 50_000
_BARE = "_dlt_cursor"  # the cursor as the database compares it, beside the column that lands; taken off before the rows are staged


class OpenedDatabase:
    """A database while it is being read."""

    def __init__(self, engine: "Engine", name: str, resources: tuple[Resource, ...], options: dict[str, TableOptions]) -> None:
        self.engine, self.resources, self.options = engine, resources, options
        self.folder = get_settings().folder("landing", name, "reading")
        self._stack = ExitStack()
        self._source: duckdb.DuckDBPyConnection | None = None
        self._seen: dict[str, Readable] = {}
        self.clear()

    def close(self) -> None:
        """Lets go of the database and of what was read halfway."""
        self._stack.close()
        self.engine.dispose()
        self.clear()

    def clear(self) -> None:
        """Deletes files that were read and not handed over; an earlier run may have been killed over them."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)

    def resource(self, resource: Resource) -> "DltResource":
        """The rows that are new since the last run."""
        found = readable(self.engine, resource, self.options[resource.name])
        self._seen[resource.name] = found
        return self._sql_table(resource, found)

    def keys(self, resource: Resource) -> "DltResource":
        """Every key there is."""
        found = readable(self.engine, resource.model_copy(update={"cursor": None}), self.options[resource.name])
        return self._sql_table(resource.model_copy(update={"cursor": None}), found.only(resource.key))

    def columns(self) -> dict[str, dict[str, str]]:
        """Every resource's columns, as the database declares them or, in SQLite, as the values are."""
        for resource in self.resources:
            if resource.name not in self._seen:
                self._seen[resource.name] = readable(self.engine, resource, self.options[resource.name])
        return {name: {column.name: column.kind for column in found.columns} for name, found in self._seen.items()}

    def source(self) -> "duckdb.DuckDBPyConnection":
        """The PostgreSQL database, attached once."""
        if self._source is None:
            self._source = self._stack.enter_context(attached_postgres(self.engine.url))
        return self._source

    def _sql_table(self, resource: Resource, found: Readable) -> "DltResource":
        import sqlalchemy
        from dlt.sources.sql_database import sql_table

        metadata = sqlalchemy.MetaData()
        table = _dlt_table(resource.name, metadata, found)
        loader = _postgres_loader(self, resource, found) if _is_postgres(self.engine) else _arrow_loader(self, resource, found)
        return sql_table(
            self.engine,
            table=table.name,
            metadata=metadata,
            backend="pyarrow",
            chunk_size=CHUNK,
            reflection_level="full_with_precision",
            primary_key=list(resource.key),
            write_disposition="append",
            table_loader_class=loader,
        )


def _is_postgres(engine: "Engine") -> bool:
    return engine.dialect.name == "postgresql"


def _dlt_table(name: str, metadata: Any, found: Readable) -> "Table":
    """The table as dlt is to see it: the lake's names, and types no value is lost in."""
    import sqlalchemy

    columns = [sqlalchemy.Column(each.name, _hint(each), nullable=True) for each in found.columns]
    return sqlalchemy.Table(name, metadata, *columns)


def _hint(column: Column) -> Any:
    import sqlalchemy.types as sql

    kind, _, sizes = column.kind.partition("(")
    if column.as_text:
        return sql.Text()
    if kind == "decimal":
        precision, scale = (int(size) for size in sizes.rstrip(")").split(","))
        return sql.Numeric(precision, scale)
    simple = {
        "bigint": sql.BigInteger(), "double": sql.Float(53), "float": sql.Float(53), "boolean": sql.Boolean(), "date": sql.Date(),
        "time": sql.Time(), "timestamptz": sql.DateTime(timezone=not column.is_naive), "blob": sql.LargeBinary(),
    }  # fmt: skip
    return simple.get(kind, sql.Text())


def _last(resource: Resource) -> Any:
    """The last cursor value landed or staged; None: none yet."""
    return _state(resource).get("last_value") if resource.cursor else None


def _remember(resource: Resource, value: Any) -> None:
    state = _state(resource)
    if value is not None and (state.get("last_value") is None or value > state["last_value"]):
        state["last_value"] = value


def _state(resource: Resource) -> dict[str, Any]:
    import dlt

    known = dlt.current.resource_state(resource.name).setdefault("incremental", {})
    state: dict[str, Any] = known.setdefault(resource.cursor.column if resource.cursor else "", {})
    return state


def _beginning(resource: Resource, cursor: Column | None) -> Any:
    if resource.cursor is None or cursor is None:
        return None
    last = _last(resource)
    if last is None:
        return resource.cursor.initial
    start = since(last, resource.cursor)
    return start.replace(tzinfo=None) if isinstance(start, datetime) and cursor.is_naive else start


def _arrow_loader(opened: OpenedDatabase, resource: Resource, found: Readable) -> Any:
    """A table loader through SQLAlchemy and the database's own driver."""
    import sqlalchemy
    from dlt.sources.sql_database import TableLoader

    class ArrowLoader(TableLoader):
        def make_query(self) -> Any:
            sql = escaped(selection(self.engine, found, also_cursor=_BARE if found.cursor else None))
            start = _beginning(resource, found.cursor)
            if start is None or found.cursor is None:
                return sqlalchemy.text(sql)
            cursor = escaped(bare_cursor(self.engine, found.cursor))
            return sqlalchemy.text(f"{sql} where {cursor} >= :since or {cursor} is null").bindparams(
                since=_bindable(start, found.cursor)
            )

        def load_rows(self, backend_kwargs: dict[str, Any] | None = None) -> Iterator[Any]:
            for rows in super().load_rows(backend_kwargs or {}):
                yield self._without_cursor(rows)

        def _without_cursor(self, rows: Any) -> Any:
            import pyarrow.compute as compute

            if _BARE not in rows.column_names:
                return rows
            bare = rows.column(_BARE)
            if bare.null_count < len(bare):
                _remember(resource, compute.max(bare).as_py())
            return rows.drop_columns([_BARE])

    return ArrowLoader


def _bindable(start: Any, cursor: Column) -> Any:
    """A moment with a zone is told to drivers in UTC without one, as their sessions are set to it."""
    if isinstance(start, datetime) and start.tzinfo and cursor.as_text:
        from datetime import UTC

        return start.astimezone(UTC).replace(tzinfo=None)
    return start


def _postgres_loader(opened: OpenedDatabase, resource: Resource, found: Readable) -> Any:
    """A table loader that has DuckDB copy PostgreSQL's rows to Parquet files, and hands dlt the files."""
    from dlt.sources.sql_database import BaseTableLoader

    class PostgresLoader(BaseTableLoader):
        def load_rows(self, backend_kwargs: dict[str, Any] | None = None) -> Iterator[Any]:
            import dlt

            sql = selection(self.engine, found)
            start = _beginning(resource, found.cursor)
            if start is not None and found.cursor is not None:
                cursor = found.cursor.source
                sql += f" where ({cursor} >= {_literal(start, found.cursor)} or {cursor} is null)"
            with explained(self.engine.url):
                paths = _copied(opened, resource, found, sql, whole=start is None)
            for path in paths:
                count, schema, newest = _looked_into(path, found.cursor)
                if count:
                    yield dlt.mark.with_file_import(str(path), "parquet", count, hints=schema)
                    _remember(resource, newest)
                path.unlink(missing_ok=True)

    return PostgresLoader


def _copied(opened: OpenedDatabase, resource: Resource, found: Readable, sql: str, *, whole: bool) -> list[Path]:
    """The Parquet files of a query's rows; a large table that is read whole is read in several ranges at once."""
    source = opened.source()
    queries = _whole_queries(source, found, sql) if whole and found.table else [_asked(sql)]
    paths = [opened.folder / f"{resource.name}.{time.time_ns()}.{at}.parquet" for at in range(len(queries))]

    def copy(query: str, path: Path) -> Path:
        with source.cursor() as cursor:
            cursor.execute("set timezone = 'UTC'")
            cursor.execute(f"copy ({query}) to {as_text(path)} (format parquet, compression lz4_raw, parquet_version v2)")
        return path

    if len(queries) == 1:
        return [copy(queries[0], paths[0])]
    with ThreadPoolExecutor(len(queries)) as pool:
        return list(pool.map(copy, queries, paths))


def _whole_queries(source: "duckdb.DuckDBPyConnection", found: Readable, sql: str) -> list[str]:
    """How a whole table is read: plain columns by blocks of the table in one snapshot, computed ones by ranges of its key."""
    known = source.execute(
        _asked(
            "select c.reltuples::bigint, n.nspname::text, c.relkind::text"
            f" from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = {as_text(found.origin)}::regclass"
        )
    ).fetchone()
    about, schema, kind = known or (0, "", "")
    if about < ROWS_WORTH_PARTS:
        return [_asked(sql)]
    if kind == "r" and all(column.is_plain for column in found.columns):
        names = ", ".join(quote(column.name) for column in found.columns)
        return [f"select {names} from {SOURCE}.{quote(schema)}.{quote(found.table or '')}"]
    return [_asked(sql + (f" where {condition}" if condition else "")) for condition in _ranges(source, found)]


def _ranges(source: "duckdb.DuckDBPyConnection", found: Readable) -> list[str]:
    """Conditions that part a table by its key into ranges of about equal width, open at both ends."""
    key, parts = found.parts_on, get_settings().threads
    if parts < 2 or key is None:
        return [""]
    low, high = source.execute(_asked(f"select min({key}), max({key}) from {found.origin}")).fetchone() or (None, None)
    if low is None:
        return [""]
    cuts = [int(low + (high - low) / parts * at) for at in range(1, parts)]
    inner = [f"{key} >= {start} and {key} < {end}" for start, end in itertools.pairwise(cuts)]
    return [f"({key} < {cuts[0]} or {key} is null)", *inner, f"{key} >= {cuts[-1]}"]


def _asked(sql: str) -> str:
    """A query that the PostgreSQL database itself answers."""
    return f"from postgres_query('{SOURCE}', {as_text(sql)})"


def _looked_into(path: Path, cursor: Column | None) -> tuple[int, Any, Any]:
    """A file's number of rows, its columns as an empty Arrow table, and the greatest cursor in it."""
    import duckdb
    import pyarrow.parquet as parquet

    with parquet.ParquetFile(path) as file:
        count, schema = file.metadata.num_rows, file.schema_arrow.empty_table()
    if cursor is None or not count:
        return count, schema, None
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        row = connection.execute(f"select max({quote(cursor.name)}) from read_parquet(?)", [str(path)]).fetchone()
    return count, schema, row[0] if row else None


def _literal(value: Any, cursor: Column) -> str:
    """A value as PostgreSQL writes it."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        kind = "timestamp" if cursor.is_naive else "timestamptz" if cursor.kind == "timestamptz" else ""
        kind = "date" if isinstance(value, date) and not isinstance(value, datetime) else kind
        return f"{kind} {as_text(value)}".strip()
    return str(value)
