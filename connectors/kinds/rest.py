"""Kind `rest`: an HTTP API that answers with JSON, read by dlt's rest_api source.

What belongs here: what a connection file may say of an API, and dlt's resources over its collections. What does not: other kinds.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from connectors.connection import Resource
from connectors.connector import Connector, Health, Opened

if TYPE_CHECKING:
    from dlt.extract import DltResource

TYPES = {"varchar": "text", "timestamptz": "timestamp", "date": "date", "double": "double", "bigint": "bigint", "boolean": "bool"}
BEGINNING = "1970-01-01T00:00:00Z"


class EndpointOptions(BaseModel):
    """Where a collection is and how it is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str | None = None
    selector: str | None = None
    params: dict[str, Any] = {}
    cursor_param: str | None = None


class RestConnector(Connector):
    """An HTTP API."""

    kind = "rest"
    title = "HTTP API (JSON)"
    ResourceOptions = EndpointOptions

    def client(self) -> dict[str, Any]:
        """dlt's description of the client: address, authentication, paginator."""
        return {"base_url": self.connection.address}

    @contextmanager
    def opened(self) -> Iterator[Opened]:
        """Opens the API."""
        yield OpenedApi(self.client(), self.connection.resources, self.resource_options)

    def check(self) -> Health:
        """Whether the API answers."""
        import requests

        started = time.monotonic()
        try:
            requests.get(self.client()["base_url"], timeout=10)
        except requests.RequestException as error:
            return Health(False, str(error), time.monotonic() - started)
        return Health(True, "The API answers.", time.monotonic() - started)


class OpenedApi:
    """An API while it is being read."""

    def __init__(self, client: dict[str, Any], resources: tuple[Resource, ...], options: dict[str, EndpointOptions]) -> None:
        self.client, self.resources, self.options = client, resources, options
        self.seen: dict[str, set[str]] = {resource.name: set() for resource in resources}

    def resource(self, resource: Resource) -> "DltResource":
        """The collection, page by page from the last cursor on; notes the field names it meets."""
        from dlt.sources.rest_api import rest_api_resources

        options, cursor = self.options[resource.name], resource.cursor
        endpoint: dict[str, Any] = {"path": options.path or resource.name, "params": dict(options.params)}
        if options.selector:
            endpoint["data_selector"] = options.selector
        if cursor and options.cursor_param:
            endpoint["params"][options.cursor_param] = "{incremental.start_value}"
            initial = BEGINNING if cursor.initial is None else cursor.initial
            endpoint["incremental"] = {"cursor_path": cursor.column, "initial_value": initial, "lag": cursor.overlap}
        collection: Any = {
            "name": resource.name,
            "primary_key": list(resource.key) or None,
            "write_disposition": "append",
            "max_table_nesting": 0,
            "columns": {name: {"data_type": TYPES[kind]} for name, kind in resource.columns.items()},
            "endpoint": endpoint,
        }
        (rows,) = rest_api_resources({"client": dict(self.client), "resources": [collection]})  # type: ignore[typeddict-item]
        seen = self.seen[resource.name]

        def note_fields(row: dict[str, Any]) -> dict[str, Any]:
            seen.update(row)
            return row

        return rows.add_map(note_fields)

    def columns(self) -> dict[str, dict[str, str]]:
        """The fields met; of a collection without new rows the declared ones."""
        return {
            resource.name: {name: resource.columns.get(name, "varchar") for name in self.seen[resource.name] or resource.columns}
            for resource in self.resources
        }

    def keys(self, resource: Resource) -> "DltResource":
        """Every key there is: the whole collection, of which only the key stays."""
        whole = self.resource(resource.model_copy(update={"cursor": None}))
        return whole.add_map(lambda row: {name: row[name] for name in resource.key})
