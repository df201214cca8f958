"""Tryton's own database, PostgreSQL or SQLite, read by SQL.

What belongs here: the tables as Tryton lays them out, and dlt's resources over them. What does not: its APIs (`.api`).

Only the declared columns are selected: a user's password hash and printed reports are never read. A table that is not there belongs
to a module that is not installed and has no rows.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from connectors.connection import Connection, Resource
from connectors.credentials import resolved
from connectors.systems.tryton.columns import CHANGED_AT, COMPUTED, REVISION, arrow_table, plain_type, sqlalchemy_type

if TYPE_CHECKING:
    from dlt.extract import DltResource
    from sqlalchemy import Engine, Inspector, Select, Table

CHUNK = 50_000


def engine(connection: Connection) -> "Engine":
    """A new engine for the database at a connection's address."""
    import sqlalchemy

    url = sqlalchemy.make_url(connection.address)
    secrets = resolved(connection.credentials)
    return sqlalchemy.create_engine(url.set(password=secrets["password"]) if "password" in secrets else url)


class TrytonDatabase:
    """The database while it is being read."""

    def __init__(self, engine: "Engine", connection: Connection, options: Mapping[str, Any]) -> None:
        self.engine, self.connection, self.options = engine, connection, options

    @cached_property
    def tables(self) -> frozenset[str]:
        """Every table there is."""
        return frozenset(self._inspector.get_table_names())

    @cached_property
    def _inspector(self) -> "Inspector":
        """What looks into the database, and remembers what it saw."""
        import sqlalchemy

        return sqlalchemy.inspect(self.engine)

    def missing(self) -> tuple[str, ...]:
        """The resources whose tables are not there."""
        return tuple(each.name for each in self.connection.resources if self._table_name(each) not in self.tables)

    def resource(self, resource: Resource) -> "DltResource":
        """The table's rows, from the cursor on."""
        import dlt

        cursor = resource.cursor
        incremental: Any = dlt.sources.incremental(cursor.column, lag=cursor.overlap) if cursor else None
        return self._rows(resource, dict(resource.columns), incremental)

    def keys(self, resource: Resource) -> "DltResource":
        """Every key there is."""
        return self._rows(resource, {name: resource.columns[name] for name in resource.key}, None)

    def keys_unknown(self) -> frozenset[str]:
        """Resources that are not there: a module that was taken away deletes no rows of the lake's."""
        return frozenset(self.missing())

    def columns(self) -> dict[str, dict[str, str]]:
        """The declared columns: one of a module that is not installed stays empty."""
        return {each.name: dict(each.columns) for each in self.connection.resources}

    def _rows(self, resource: Resource, columns: dict[str, str], incremental: Any) -> "DltResource":
        from dlt.sources.sql_database import sql_table

        if self._table_name(resource) not in self.tables:
            return _nothing(resource, columns)
        table = self._table(resource, columns)
        rows = sql_table(
            self.engine,
            table=table.name,
            metadata=table.metadata,
            backend="pyarrow",
            chunk_size=CHUNK,
            reflection_level="full_with_precision",
            table_adapter_callback=lambda table: _selected(table, columns, resource),
            type_adapter_callback=plain_type,
            incremental=incremental,
            primary_key=list(resource.key),
            write_disposition="append",
        )
        return rows.with_name(resource.name)

    def _table(self, resource: Resource, columns: Mapping[str, str]) -> "Table":
        """The table with the columns of these that it has, typed as declared rather than as the database says."""
        import sqlalchemy as sa

        name = self._table_name(resource)
        stored = {"create_date": "timestamptz", "write_date": "timestamptz", **columns}
        if self.options[resource.name].history:
            stored["__id"] = "bigint"
        there = self._there(name)
        return sa.Table(
            name, sa.MetaData(), *(sa.Column(each, sqlalchemy_type(kind)) for each, kind in stored.items() if each in there)
        )

    def _there(self, table: str) -> frozenset[str]:
        import warnings

        import sqlalchemy

        with warnings.catch_warnings():  # SQLite has no INTERVAL; such columns are not declared
            warnings.simplefilter("ignore", sqlalchemy.exc.SAWarning)
            return frozenset(column["name"] for column in self._inspector.get_columns(table))

    def _table_name(self, resource: Resource) -> str:
        name: str = self.options[resource.name].table or resource.name
        return name


def _selected(table: "Table", columns: Mapping[str, str], resource: Resource) -> "Select[Any]":
    """The declared columns, those that are computed and those of modules that are not installed among them."""
    import sqlalchemy as sa

    computed: dict[str, Any] = {CHANGED_AT: sa.func.coalesce(table.c.write_date, table.c.create_date)}
    if "__id" in table.c:
        computed[REVISION] = table.c["__id"]
    there = {**dict(table.c.items()), **computed}
    named = [there[name].label(name) for name in columns if name in there]
    found: Any = sa.select(*named).subquery(resource.name)
    return found


def _nothing(resource: Resource, columns: Mapping[str, str]) -> "DltResource":
    import dlt

    rows: Any = dlt.resource([arrow_table([], columns)], name=resource.name, primary_key=list(resource.key))
    return rows


__all__ = ["CHANGED_AT", "COMPUTED", "TrytonDatabase", "engine"]
