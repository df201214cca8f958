"""Kind `tryton`: a Tryton ERP, by SQL on its database or through the JSON-RPC or REST API of its server.

What belongs here: what a connection file may say of a Tryton, and choosing the way in. What does not: the ways themselves
(`.database`, `.api`).
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from pydantic import BaseModel, ConfigDict

from connectors.connector import Connector, Health, Opened, Shape
from connectors.systems.tryton.api import TrytonServer
from connectors.systems.tryton.database import TrytonDatabase, engine
from connectors.systems.tryton.transport import transport
from lake.errors import GrimoireError

Way = Literal["sql", "jsonrpc", "rest"]


class TrytonOptions(BaseModel):
    """How a Tryton is reached."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Way | None = None  # None: a database's address is read by SQL, a server's by REST with a key, else by JSON-RPC
    user: str = ""  # whose login JSON-RPC uses


class ModelOptions(BaseModel):
    """Where a resource's rows are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: str | None = None  # None: the resource's name
    model: str | None = None  # None: the resource's name with points for underscores
    history: bool = False  # a history table: rows have a `revision`
    by_record: bool = False  # only administrators may search it without naming the records it is about


class TrytonConnector(Connector):
    """A Tryton ERP."""

    kind = "tryton"
    title = "Tryton ERP"
    Options = TrytonOptions
    ResourceOptions = ModelOptions

    @property
    def way(self) -> Way:
        """How this one is read."""
        if self.options.by:
            chosen: Way = self.options.by
            return chosen
        if not self.connection.address.startswith(("http://", "https://")):
            return "sql"
        return "rest" if "key" in self.connection.credentials else "jsonrpc"

    @contextmanager
    def opened(self) -> Iterator[Opened]:
        """Opens the database, or a session on the server."""
        with self._opened() as opened:
            yield opened

    @contextmanager
    def _opened(self) -> Iterator[TrytonDatabase | TrytonServer]:
        if self.way != "sql":
            spoken = transport(self.connection, user=self.options.user, by=self.way)
            yield TrytonServer(spoken, self.connection, self.resource_options)
            return
        database = engine(self.connection)
        try:
            yield TrytonDatabase(database, self.connection, self.resource_options)
        finally:
            database.dispose()

    def check(self) -> Health:
        """Whether it answers and lets us in; modules that are not installed are named, but are no fault."""
        from requests import RequestException
        from sqlalchemy.exc import SQLAlchemyError

        started = time.monotonic()
        try:
            with self._opened() as opened:
                missing = opened.missing()
        except (GrimoireError, RequestException, SQLAlchemyError, OSError) as error:
            return Health(False, str(error).splitlines()[0], time.monotonic() - started)
        everything = len(missing) == len(self.connection.resources)
        if everything:
            return Health(False, "This is no database of Tryton's.", time.monotonic() - started, missing)
        said = f"Tryton answers; not installed: {', '.join(missing)}." if missing else "Tryton answers."
        return Health(True, said, time.monotonic() - started, missing)

    def inspect(self) -> list[Shape]:
        """The resources that are there, as they are declared."""
        with self._opened() as opened:
            missing = opened.missing()
        there = [each for each in self.connection.resources if each.name not in missing]
        return [Shape(each.name, dict(each.columns), key=each.key) for each in there]
