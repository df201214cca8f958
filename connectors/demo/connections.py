"""The demo company's two systems as connections: kinds whose address is wherever the company runs.

What belongs here: finding the ERP's database and starting the CRM's server. What does not: the simulation.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.connection import Connection, read_connection
from connectors.connector import Health, Opened
from connectors.kinds.rest import RestConnector
from connectors.kinds.sql import SqlConnector
from lake.errors import ConnectionPausedError

if TYPE_CHECKING:
    from sqlalchemy import Engine

NAMES = ("erp", "crm")


@lru_cache(maxsize=1)
def demo_connections() -> Mapping[str, Connection]:
    """The ERP and the CRM, by name."""
    return {name: read_connection(Path(__file__).with_name(f"{name}.yaml")) for name in NAMES}


class DemoErp(SqlConnector):
    """The demo company's ERP: a database of its own in the platform's PostgreSQL."""

    kind = "demo_erp"
    title = "Demo company's ERP"

    def engine(self) -> "Engine":
        """A new engine on the ERP's database."""
        import sqlalchemy

        from lake.database import DEMO_ERP, database_url

        return sqlalchemy.create_engine(database_url(DEMO_ERP))

    @contextmanager
    def opened(self) -> Iterator[Opened]:
        """Opens the ERP's database; a company that has not been made is no fault of anything."""
        if len(self.check().missing) == len(self.connection.resources):
            raise _not_made()
        with super().opened() as opened:
            yield opened


class DemoCrm(RestConnector):
    """The demo company's CRM: started for as long as it is read, unless it runs already."""

    kind = "demo_crm"
    title = "Demo company's CRM"

    @contextmanager
    def opened(self) -> Iterator[Opened]:
        """Starts the CRM and opens its API."""
        from connectors.demo import running_crm, state

        if state() is None:
            raise _not_made()
        with running_crm() as address:
            secrets = {"client_id": address.client_id, "client_secret": address.client_secret}
            yield self.api_at(f"{address.base_url}/api/v1/", secrets)

    def check(self) -> Health:
        """Whether the company has been made; its CRM is started when it is read."""
        from connectors.demo import state

        made = state()
        return Health(made is not None, "The demo company is there." if made else "The demo company has not been made yet.")

    def credential_names(self) -> tuple[str, ...]:
        """None: the CRM's client id and secret are the demo company's own."""
        return ()


def _not_made() -> ConnectionPausedError:
    return ConnectionPausedError("The demo company has not been made.", remedy="`grimoire demo up` makes it.")
