"""The demo company's two systems as connections: kinds whose address is wherever the company runs.

What belongs here: finding the ERP's database and starting the CRM's server. What does not: the simulation.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.connection import Connection, read_connection
from connectors.connector import Health, Opened
from connectors.kinds.rest import OpenedApi, RestConnector
from connectors.kinds.sql import SqlConnector

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


class DemoCrm(RestConnector):
    """The demo company's CRM: started for as long as it is read, unless it runs already."""

    kind = "demo_crm"
    title = "Demo company's CRM"

    @contextmanager
    def opened(self) -> Iterator[Opened]:
        """Starts the CRM and opens its API."""
        from connectors.demo import running_crm

        with running_crm() as address:
            client = demo_client(address.base_url, address.client_id, address.client_secret)
            yield OpenedApi(client, self.connection.resources, self.resource_options)

    def check(self) -> Health:
        """Whether the company has been made; its CRM is started when it is read."""
        from connectors.demo import state

        made = state()
        return Health(made is not None, "The demo company is there." if made else "The demo company has not been made yet.")


def demo_client(base_url: str, client_id: str, client_secret: str) -> dict[str, Any]:
    """dlt's description of the CRM's API."""
    from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials

    return {
        "base_url": f"{base_url.rstrip('/')}/api/v1/",
        "auth": OAuth2ClientCredentials(
            access_token_url=f"{base_url.rstrip('/')}/oauth/token", client_id=client_id, client_secret=client_secret
        ),
        "paginator": {"type": "cursor", "cursor_path": "next_cursor", "cursor_param": "cursor"},
    }
