"""Kind `sql`: any database that SQLAlchemy speaks to.

What belongs here: what a connection file may say of a database, the cheap look at it and the long one. What does not: engines
(`connectors.kinds.sql_database`), SQL over tables (`connectors.kinds.sql_tables`) and reading (`connectors.kinds.sql_reading`).
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from connectors.connection import Resource
from connectors.connector import Connector, Health, Opened, Shape
from connectors.credentials import resolved
from connectors.kinds.sql_database import Tls, engine_of
from connectors.kinds.sql_tables import TableOptions, duckdb_type, escaped, quoted
from lake.errors import GrimoireError

if TYPE_CHECKING:
    from sqlalchemy import Engine, Inspector

SAMPLE_ROWS = 200  # enough to tell keys and references apart
MOST_TEXT = 200  # characters of a sample's value
__all__ = ["DatabaseOptions", "SqlConnector", "TableOptions"]


class DatabaseOptions(BaseModel):
    """What holds for every table of a database."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_name: str | None = Field(default=None, alias="schema")  # of resources that name none
    tls: Tls | None = None


class SqlConnector(Connector):
    """A database with an address that SQLAlchemy understands, such as postgresql://reader@erp.example/erp."""

    kind = "sql"
    title = "SQL database"
    Options = DatabaseOptions
    ResourceOptions = TableOptions

    def engine(self) -> "Engine":
        """A new engine; user and password are set from the credentials of those names, where there are any."""
        return engine_of(self.connection.address, secrets=resolved(self.connection.credentials), tls=self.options.tls)

    def table_options(self) -> dict[str, TableOptions]:
        """Where each resource's rows are."""
        return {name: self._placed(options) for name, options in self.resource_options.items()}

    def _placed(self, options: TableOptions) -> TableOptions:
        if options.schema_name or options.query or not self.options.schema_name:
            return options
        return options.model_copy(update={"schema_name": self.options.schema_name})

    @contextmanager
    def opened(self) -> Iterator[Opened]:
        """Opens the database."""
        from connectors.kinds.sql_reading import OpenedDatabase

        opened = OpenedDatabase(self.engine(), self.connection.name, self.connection.resources, self.table_options())
        try:
            yield opened
        finally:
            opened.close()

    def check(self) -> Health:
        """Whether the database answers, lets us in and has the tables."""
        from sqlalchemy.exc import SQLAlchemyError

        started = time.monotonic()
        try:
            engine = self.engine()
            try:
                missing = self._missing(engine)
            finally:
                engine.dispose()
        except GrimoireError as error:
            return Health(False, str(error), time.monotonic() - started)
        except SQLAlchemyError as error:
            said = (str(getattr(error, "orig", None) or error).strip() or type(error).__name__).splitlines()[0]
            return Health(False, said, time.monotonic() - started)
        said = f"There is no table {', '.join(missing)}." if missing else "The database answers and has every table."
        return Health(not missing, said, time.monotonic() - started, missing)

    def _missing(self, engine: "Engine") -> tuple[str, ...]:
        import sqlalchemy

        inspector, options = sqlalchemy.inspect(engine), self.table_options()
        tables: dict[str | None, set[str]] = {}
        for schema in {each.schema_name for each in options.values() if not each.query}:
            tables[schema] = {*inspector.get_table_names(schema=schema), *inspector.get_view_names(schema=schema)}
        return tuple(each.name for each in self.connection.resources if not self._is_there(inspector, each, options, tables))

    def _is_there(
        self, inspector: "Inspector", resource: Resource, options: dict[str, TableOptions], tables: dict[str | None, set[str]]
    ) -> bool:
        said = options[resource.name]
        name = said.table or resource.name
        return bool(said.query) or name in tables[said.schema_name] or inspector.has_table(name, schema=said.schema_name)

    def inspect(self) -> list[Shape]:
        """Every table and view of the schema: columns, types, keys, references, about how many rows, and some of them."""
        import sqlalchemy

        engine = self.engine()
        try:
            inspector, schema = sqlalchemy.inspect(engine), self.options.schema_name
            about = _row_estimates(engine, schema)
            names = [*inspector.get_table_names(schema=schema), *inspector.get_view_names(schema=schema)]
            shapes = (_shape_of_any(engine, inspector, name, schema, about.get(name)) for name in sorted(names))
            return [shape for shape in shapes if shape is not None]
        finally:
            engine.dispose()


def _shape_of_any(engine: "Engine", inspector: "Inspector", name: str, schema: str | None, rows: int | None) -> Shape | None:
    """The shape; None for a view that its own database can read no more, and for what this user may not read."""
    from sqlalchemy.exc import DBAPIError

    try:
        return _shape(engine, inspector, name, schema, rows)
    except DBAPIError:
        return None


def _shape(engine: "Engine", inspector: "Inspector", name: str, schema: str | None, rows: int | None) -> Shape:
    columns = {each["name"]: duckdb_type(each["type"]) for each in inspector.get_columns(name, schema=schema)}
    key = inspector.get_pk_constraint(name, schema=schema)["constrained_columns"]
    references = {
        each["constrained_columns"][0]: each["referred_table"]
        for each in inspector.get_foreign_keys(name, schema=schema)
        if len(each["constrained_columns"]) == 1
    }
    return Shape(name, columns, tuple(key), references, rows, _sample(engine, name, schema))


def _sample(engine: "Engine", name: str, schema: str | None) -> tuple[dict[str, Any], ...]:
    import sqlalchemy

    origin = escaped(".".join(quoted(engine, part) for part in (schema, name) if part))
    top, limit = (f"top {SAMPLE_ROWS} ", "") if engine.dialect.name == "mssql" else ("", f" limit {SAMPLE_ROWS}")
    with engine.connect() as connection:
        found = connection.execute(sqlalchemy.text(f"select {top}* from {origin}{limit}"))
        names = list(found.keys())
        return tuple(dict(zip(names, map(_shown, row), strict=True)) for row in found)


def _shown(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return f"{len(bytes(value))} bytes"
    return value[:MOST_TEXT] if isinstance(value, str) else value


def _row_estimates(engine: "Engine", schema: str | None) -> dict[str, int]:
    """About how many rows each table has, as the database itself remembers; SQLite's are counted."""
    import sqlalchemy

    statements = {
        "postgresql": "select relname, greatest(reltuples, 0)::bigint from pg_class"
        " where relkind in ('r', 'p', 'm') and relnamespace ="
        " (select oid from pg_namespace where nspname = coalesce(cast(:schema as text), current_schema()))",
        "mysql": "select table_name, table_rows from information_schema.tables where table_schema = coalesce(:schema, database())",
        "mssql": "select object_name(object_id), sum(row_count) from sys.dm_db_partition_stats"
        " where index_id in (0, 1) and object_schema_name(object_id) = coalesce(:schema, schema_name()) group by object_id",
    }
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            tables = [row[0] for row in connection.execute(sqlalchemy.text("select name from sqlite_master where type = 'table'"))]
            count = {
                table: connection.execute(sqlalchemy.text(f"select count(*) from {escaped(quoted(engine, table))}")).scalar()
                for table in tables
            }
            return {table: int(rows or 0) for table, rows in count.items()}
        if engine.dialect.name not in statements:
            return {}
        found = connection.execute(sqlalchemy.text(statements[engine.dialect.name]).bindparams(schema=schema))
        return {str(row[0]): int(row[1]) for row in found if row[1] is not None}
