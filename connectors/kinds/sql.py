"""Kind `sql`: any database that SQLAlchemy speaks to.

What belongs here: engines, types and dlt's resources over tables. What does not: other kinds and landing.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from connectors.connection import Resource
from connectors.connector import Connector, Health, Opened
from connectors.credentials import resolved

if TYPE_CHECKING:
    from dlt.extract import DltResource
    from sqlalchemy import Engine

CHUNK = 50_000


class TableOptions(BaseModel):
    """Where a resource's rows are, where it is not the table of that name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: str | None = None
    schema_name: str | None = None


class SqlConnector(Connector):
    """A database with an address that SQLAlchemy understands, such as postgresql://reader@erp.example/erp."""

    kind = "sql"
    title = "SQL database"
    ResourceOptions = TableOptions

    def engine(self) -> "Engine":
        """A new engine; the password is set from the credential `password` if there is one."""
        import sqlalchemy

        url = sqlalchemy.make_url(self.connection.address)
        secrets = resolved(self.connection.credentials)
        if "password" in secrets:
            url = url.set(password=secrets["password"])
        return sqlalchemy.create_engine(url)

    @contextmanager
    def opened(self) -> Iterator[Opened]:
        """Opens the database."""
        engine = self.engine()
        try:
            yield OpenedDatabase(engine, self.connection.resources, self.resource_options)
        finally:
            engine.dispose()

    def check(self) -> Health:
        """Whether the database answers and has the tables."""
        import sqlalchemy
        from sqlalchemy.exc import SQLAlchemyError

        started = time.monotonic()
        try:
            engine = self.engine()
            inspector = sqlalchemy.inspect(engine)
            missing = tuple(
                resource.name
                for resource in self.connection.resources
                if not inspector.has_table(_table(resource, self.resource_options), schema=_schema(resource, self.resource_options))
            )
            engine.dispose()
        except SQLAlchemyError as error:
            return Health(False, str(error).splitlines()[0], time.monotonic() - started)
        said = f"There is no table {', '.join(missing)}." if missing else "The database answers and has every table."
        return Health(not missing, said, time.monotonic() - started, missing)


class OpenedDatabase:
    """A database while it is being read."""

    def __init__(self, engine: "Engine", resources: tuple[Resource, ...], options: Mapping[str, TableOptions]) -> None:
        self.engine, self.resources, self.options = engine, resources, options

    def resource(self, resource: Resource) -> "DltResource":
        """The table's new rows as Arrow tables."""
        import dlt
        from dlt.sources.sql_database import sql_table

        cursor = resource.cursor
        rows = sql_table(
            self.engine,
            table=_table(resource, self.options),
            schema=_schema(resource, self.options),
            backend="pyarrow",
            chunk_size=CHUNK,
            reflection_level="full_with_precision",
            incremental=dlt.sources.incremental(cursor.column, lag=cursor.overlap) if cursor else None,
            primary_key=list(resource.key),
            write_disposition="append",
        )
        return rows.with_name(resource.name) if rows.name != resource.name else rows

    def columns(self) -> dict[str, dict[str, str]]:
        """Every table's columns, as the database declares them."""
        import sqlalchemy

        inspector = sqlalchemy.inspect(self.engine)
        return {
            resource.name: {
                column["name"]: duckdb_type(column["type"])
                for column in inspector.get_columns(_table(resource, self.options), schema=_schema(resource, self.options))
            }
            for resource in self.resources
        }

    def keys(self, resource: Resource) -> "DltResource":
        """Every key there is."""
        from dlt.sources.sql_database import sql_table

        return sql_table(
            self.engine,
            table=_table(resource, self.options),
            schema=_schema(resource, self.options),
            backend="pyarrow",
            chunk_size=CHUNK,
            included_columns=list(resource.key),
            write_disposition="append",
        )


def _table(resource: Resource, options: Mapping[str, TableOptions]) -> str:
    return options[resource.name].table or resource.name


def _schema(resource: Resource, options: Mapping[str, TableOptions]) -> str | None:
    return options[resource.name].schema_name


def duckdb_type(kind: Any) -> str:
    """The DuckDB type that holds every value of a SQLAlchemy type."""
    import sqlalchemy.types as sql

    if isinstance(kind, sql.Numeric) and not isinstance(kind, sql.Float):
        return f"decimal({kind.precision}, {kind.scale})" if kind.precision else "double"
    simple: dict[type, str] = {
        sql.Boolean: "boolean",
        sql.Integer: "bigint",
        sql.Float: "double",
        sql.DateTime: "timestamptz",
        sql.Date: "date",
        sql.Time: "time",
    }
    return next((name for parent, name in simple.items() if isinstance(kind, parent)), "varchar")
