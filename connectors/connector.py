"""What a kind of system must offer so that connections of that kind can be read: the interface of own and third-party kinds.

What belongs here: the interface and finding the class for a connection. What does not: any one kind (`connectors.kinds`).

A third party registers a class under the entry point group `grimoire.connectors`; its name is the connection's `type`.
`connectors.testing` holds what every kind must pass.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from connectors.connection import Connection, Resource, explained
from lake.errors import UnknownConnectionError

if TYPE_CHECKING:
    from dlt.extract import DltResource

GROUP = "grimoire.connectors"
OWN_KINDS: Mapping[str, str] = {
    "demo_crm": "connectors.demo.connections:DemoCrm",
    "demo_erp": "connectors.demo.connections:DemoErp",
    "event_log_files": "connectors.kinds.event_log_files:EventLogFilesConnector",
    "files": "connectors.kinds.files:FilesConnector",
    "rest": "connectors.kinds.rest:RestConnector",
    "sql": "connectors.kinds.sql:SqlConnector",
    "tryton": "connectors.systems.tryton.connector:TrytonConnector",
    "webhook": "connectors.inbound:WebhookConnector",
}


class NoOptions(BaseModel):
    """The model of a kind that has no fields of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Health:
    """What a cheap look at a system found."""

    is_well: bool
    said: str  # one sentence for a person
    seconds: float = 0.0
    missing: tuple[str, ...] = ()  # resources that are not there


@dataclass(frozen=True)
class Shape:
    """What a look into a system found of one table or collection."""

    name: str
    columns: Mapping[str, str]  # name to DuckDB type
    key: tuple[str, ...] = ()
    references: Mapping[str, str] = field(default_factory=dict)  # column to the table it refers to
    rows: int | None = None  # None: not known without reading all
    sample: tuple[Mapping[str, Any], ...] = ()


class Opened(Protocol):
    """A system while it is being read."""

    def resource(self, resource: Resource) -> "DltResource":
        """The dlt resource that yields the rows that are new since the last run (all of them where there is no cursor).

        It must be named like the resource, carry its key as primary key, its cursor as dlt incremental, and append.
        """

    def columns(self) -> Mapping[str, Mapping[str, str]]:
        """Per resource the columns the source has now and their DuckDB types, as far as it tells; asked after the rows."""

    def keys(self, resource: Resource) -> "DltResource":
        """A dlt resource with the key columns of every row there is now, for finding deletions.

        No keys mean that no row is left. A kind that at times cannot tell has a method `keys_unknown` besides: the names of the
        resources whose keys say nothing this time.
        """


class Connector(ABC):
    """One kind of system."""

    kind: ClassVar[str]
    title: ClassVar[str]
    Options: ClassVar[type[BaseModel]] = NoOptions
    ResourceOptions: ClassVar[type[BaseModel]] = NoOptions

    def __init__(self, connection: Connection) -> None:
        """Takes a connection of this kind.

        Raises:
            ConnectionFileError: A field of the kind's own is wrong or missing.
        """
        self.connection = connection
        origin = f"{connection.name}.yaml"
        with explained(origin):
            self.options: Any = self.Options.model_validate(connection.options)
        self.resource_options: dict[str, Any] = {}
        for resource in connection.resources:
            with explained(origin, within=f"resources.{resource.name}"):
                self.resource_options[resource.name] = self.ResourceOptions.model_validate(resource.options)

    @abstractmethod
    @contextmanager
    def opened(self) -> Iterator[Opened]:
        """Opens the system for reading; closes it at the end, whatever happens."""
        yield  # type: ignore[misc]  # pragma: no cover

    @abstractmethod
    def check(self) -> Health:
        """Whether the system answers, lets us in and has the resources; cheap, reads no rows to speak of, raises nothing."""

    def landed(self) -> None:
        """Called when all that was read is in the lake: what the connector itself kept of it meanwhile may go."""
        return

    def revived(self, resource: Resource, row: str, text: str) -> list[dict[str, Any]]:
        """The rows of a record that could not become rows when it was read, now that it may have been corrected.

        Args:
            resource: Whose record it is.
            row: What identified it.
            text: The raw record, or what a person made of it.

        Raises:
            ValueError: It still cannot become rows; the words say why.
        """
        import json

        record = json.loads(text)
        rows = record if isinstance(record, list) else [record]
        if not all(isinstance(each, dict) for each in rows):
            raise ValueError("it is JSON, but no object and no list of objects")
        return rows

    def inspect(self) -> list[Shape]:
        """What tables or collections there are, with types, keys and a few rows each; for proposing resources."""
        return []


def connector_of(connection: Connection) -> Connector:
    """The connector for a connection.

    Raises:
        UnknownConnectionError: No kind has that name.
        ConnectionFileError: A field of the kind's own is wrong or missing.
    """
    return connector_class(connection.type)(connection)


def connector_class(kind: str) -> type[Connector]:
    """The class of a kind; UnknownConnectionError lists those there are."""
    if kind in OWN_KINDS:
        module, _, name = OWN_KINDS[kind].partition(":")
        found: type[Connector] = getattr(import_module(module), name)
        return found
    foreign = foreign_kinds()
    if kind in foreign:
        loaded = foreign[kind].load()
        if isinstance(loaded, type) and issubclass(loaded, Connector):
            return loaded
        from connectors.dlt_sources import dlt_connector

        return dlt_connector(kind, loaded)
    raise UnknownConnectionError(
        f"There is no kind of connection `{kind}`.", remedy=f"Known kinds: {', '.join(sorted({*OWN_KINDS, *foreign}))}."
    )


def foreign_kinds() -> dict[str, Any]:
    """Third parties' kinds that are installed, as entry points by name; loading one imports its package."""
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=GROUP)}
