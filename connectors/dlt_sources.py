"""Any dlt source as a kind of system: its resources, with key and cursor as the connection declares them.

What belongs here: the adapter. What does not: sources, and kinds that are classes of their own (`connectors.connector`).

A third party registers a function decorated with `dlt.source`, or one that returns a source, under `grimoire.connectors`. It is
called with the connection's address, its resolved credentials and its further fields, each by its name, as far as it takes them.
"""

import inspect
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from connectors.connection import Connection, Resource
from connectors.connector import Connector, Health, Opened, Shape
from connectors.credentials import resolved
from connectors.packages import pending, shown_columns
from lake.errors import ConnectionFileError, GrimoireError

if TYPE_CHECKING:
    from dlt.extract import DltResource, DltSource

SAMPLE = 5
KINDS: Mapping[str, str] = {
    "text": "VARCHAR", "bigint": "BIGINT", "double": "DOUBLE", "bool": "BOOLEAN", "timestamp": "TIMESTAMP WITH TIME ZONE",
    "date": "DATE", "time": "TIME", "decimal": "DECIMAL(38, 9)", "wei": "DECIMAL(38, 0)", "binary": "BLOB", "json": "VARCHAR",
}  # fmt: skip


class AnyOptions(BaseModel):
    """Further fields, which the source takes or not."""

    model_config = ConfigDict(extra="allow", frozen=True)


class DltSourceConnector(Connector):
    """A kind whose reading is a dlt source; a subclass says which."""

    Options = AnyOptions
    ResourceOptions = AnyOptions

    @abstractmethod
    def source(self, secrets: Mapping[str, str]) -> "DltSource":
        """The source, made anew; `secrets` are the resolved credentials."""

    @contextmanager
    def opened(self) -> Iterator[Opened]:
        """Makes the source."""
        yield OpenedSource(self.connection, self.made)

    def made(self) -> "DltSource":
        """The source, with every resource that the connection declares.

        Raises:
            ConnectionFileError: It has no resource of that name.
        """
        source = self.source(resolved(self.connection.credentials))
        missing = [each.name for each in self.connection.resources if each.name not in source.resources]
        if missing:
            raise ConnectionFileError(
                f"{self.connection.name}.yaml: the source has no resource {', '.join(missing)}.",
                remedy=f"It has {', '.join(source.resources)}.",
            )
        return source

    def check(self) -> Health:
        """Whether the source can be made and gives a first row; a subclass may know a cheaper way."""
        began = time.monotonic()
        try:
            source = self.made()
            for resource in self.connection.resources[:1]:
                next(iter(source.resources[resource.name].add_limit(1)), None)
        except Exception as error:  # whatever a source raises, a check only tells it
            known = _known(error)
            said = known.problem if known else str(error) or type(error).__name__
            return Health(False, said, time.monotonic() - began)
        return Health(True, "The source answers.", time.monotonic() - began)

    def inspect(self) -> list[Shape]:
        """The resources of the source, with their first rows."""
        return [_shape(name, resource) for name, resource in self.source(resolved(self.connection.credentials)).resources.items()]


class OpenedSource:
    """A source while it is being read."""

    def __init__(self, connection: Connection, made: "Callable[[], DltSource]") -> None:
        self.connection, self.made = connection, made
        self.source = made()

    def resource(self, resource: Resource) -> "DltResource":
        """The source's resource, which appends, under the key and the cursor that the connection declares."""
        import dlt

        found = self.source.resources[resource.name]
        found.max_table_nesting = 0
        found.apply_hints(write_disposition="append")
        if resource.key:
            found.apply_hints(primary_key=list(resource.key))
        if resource.cursor and found.incremental is None:
            cursor = resource.cursor
            found.apply_hints(incremental=dlt.sources.incremental(cursor.column, initial_value=cursor.initial, lag=cursor.overlap))
        return found

    def columns(self) -> dict[str, dict[str, str]]:
        """The columns of what was read now, else before, else those that the source declares."""
        return {resource.name: self._columns(resource) for resource in self.connection.resources}

    def keys(self, resource: Resource) -> "DltResource":
        """The key columns of every row.

        Raises:
            ConnectionFileError: The source itself reads only what is new, so it cannot say what is gone.
        """
        found = self.made().resources[resource.name]
        if found.incremental is not None:
            raise ConnectionFileError(
                f"{self.connection.name}.yaml: resources.{resource.name}.deletions: the source reads only what is new.",
                remedy="Use `by: column`, or leave `deletions` out.",
            )
        found.max_table_nesting = 0
        found.apply_hints(write_disposition="append")
        return found.add_map(lambda row: {name: row[name] for name in resource.key})

    def _columns(self, resource: Resource) -> dict[str, str]:
        import duckdb

        declared = _declared(self.source.resources[resource.name])
        known = shown_columns(self.connection).get(resource.name, {})
        files = [str(path) for path in pending(self.connection).files.get(resource.name, ())]
        if not files:
            return {**declared, **known}
        rows = duckdb.execute("describe from read_parquet($files, union_by_name = true)", {"files": files}).fetchall()
        return {**declared, **known, **{name: kind for name, kind, *_ in rows if not name.startswith("_dlt_")}}


def dlt_connector(kind: str, function: Callable[..., Any]) -> type[DltSourceConnector]:
    """A kind of connection made of a function that gives a dlt source."""
    taken = inspect.signature(getattr(function, "_deco_f", None) or getattr(function, "_f", None) or function).parameters

    class SourceConnector(DltSourceConnector):
        """A dlt source that is a function."""

        title = (inspect.getdoc(function) or kind).partition("\n")[0].rstrip(".")

        def source(self, secrets: Mapping[str, str]) -> "DltSource":
            """Calls the function with what it takes."""
            given = {"address": self.connection.address, **self.connection.options, **secrets}
            return function(**{name: value for name, value in given.items() if name in taken})

    SourceConnector.kind = kind
    return SourceConnector


def _declared(resource: "DltResource") -> dict[str, str]:
    columns = resource.compute_table_schema().get("columns", {})
    kinds = {name: KINDS.get(str(column.get("data_type"))) for name, column in columns.items()}
    return {name: kind for name, kind in kinds.items() if kind}


def _shape(name: str, resource: "DltResource") -> Shape:
    rows = []
    for row in resource.add_limit(SAMPLE):
        rows.append(row)
        if len(rows) == SAMPLE:
            break
    columns = _declared(resource)
    for row in rows:
        columns = {**{field: _kind(value) for field, value in row.items()}, **columns}
    key = [name for name, column in resource.compute_table_schema().get("columns", {}).items() if column.get("primary_key")]
    return Shape(name, columns, tuple(key), sample=tuple(rows))


def _kind(value: Any) -> str:
    from dlt.common.data_types import py_type_to_sc_type

    try:
        return KINDS.get(py_type_to_sc_type(type(value)), "VARCHAR")
    except TypeError:
        return "VARCHAR"


def _known(error: BaseException) -> GrimoireError | None:
    from connectors.causes import causes

    return next((cause for cause in causes(error) if isinstance(cause, GrimoireError)), None)
