"""Kind `rest`: an HTTP API that answers with JSON, read by dlt's rest_api source.

What belongs here: the connector: what must hold of a connection's words, its check and its look. What does not: the words
themselves (`rest_options`) and reading (`rest_opened` and the modules it names), which are imported only when it comes to that.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from connectors.connection import Connection
from connectors.connector import Connector, Health, Opened, Shape
from connectors.credentials import resolved
from connectors.kinds.rest_options import ApiOptions, EndpointOptions, Limits
from lake.errors import ConnectionFileError, GrimoireError

if TYPE_CHECKING:
    from connectors.kinds.rest_opened import OpenedApi

LOOK = {"attempts": 1, "patience_seconds": 0.0, "timeout_seconds": 15.0}  # limits of a check: it is to be quick


class RestConnector(Connector):
    """An HTTP API at an address such as https://api.example.com/v1/."""

    kind = "rest"
    title = "HTTP API (JSON)"
    Options = ApiOptions
    ResourceOptions = EndpointOptions

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._check_words()

    @contextmanager
    def opened(self) -> Iterator[Opened]:
        """Opens the API."""
        yield self.api()

    def api(self, *, limits: Limits | None = None) -> "OpenedApi":
        """The API at the connection's address, with its credentials."""
        return self.api_at(self.connection.address, resolved(self.connection.credentials), limits=limits)

    def api_at(self, address: str, secrets: Mapping[str, str], *, limits: Limits | None = None) -> "OpenedApi":
        """The API at an address, for kinds that learn address and secrets only when they run."""
        from connectors.kinds.rest_opened import OpenedApi

        return OpenedApi(self.connection, address, secrets, self.options, self.resource_options, limits or self.options.limits)

    def credential_names(self) -> tuple[str, ...]:
        """The credentials that the connection must name."""
        from connectors.kinds.rest_auth import needed

        return needed(self.options.auth)

    def check(self) -> Health:
        """Whether the API answers, lets us in, and has each resource that has no parent; one small request each."""
        started = time.monotonic()
        try:
            missing, problem = self.api(limits=self._look()).looked_over()
        except GrimoireError as error:
            return Health(False, f"{error.problem} {error.remedy}".strip(), time.monotonic() - started)
        said = problem or "The API answers, lets us in and has every resource."
        return Health(not problem, said, time.monotonic() - started, missing)

    def inspect(self, paths: Sequence[str] = ()) -> list[Shape]:
        """What a page of each resource, and of each path given besides, looks like.

        Raises:
            SourceUnavailableError: The API does not answer.
        """
        api = self.api()
        return [*(api.shape(each) for each in self.connection.resources), *(api.shape_at(path) for path in paths)]

    def _look(self) -> Limits:
        limits: Limits = self.options.limits
        quick = {**LOOK, "timeout_seconds": min(limits.timeout_seconds, LOOK["timeout_seconds"])}
        return limits.model_copy(update=quick)

    def _check_words(self) -> None:
        missing = [name for name in self.credential_names() if name not in self.connection.credentials]
        if missing:
            raise self._refused(f"credentials: auth {self.options.auth.type} needs {', '.join(missing)}")
        names = [each.name for each in self.connection.resources]
        for resource in self.connection.resources:
            options: EndpointOptions = self.resource_options[resource.name]
            if options.parent and options.parent.resource not in names:
                raise self._refused(f"resources.{resource.name}.parent: there is no resource `{options.parent.resource}`")
            if options.parent and options.parent.changed_only and names.index(options.parent.resource) > names.index(resource.name):
                raise self._refused(
                    f"resources.{resource.name}.parent: `{options.parent.resource}` must stand before {resource.name}"
                )
            if resource.deletions and resource.deletions.by == "keys" and options.incremental and options.incremental.initial_days:
                raise self._refused(f"resources.{resource.name}.deletions: by keys does not go with incremental.initial_days")
            if options.incremental and not resource.cursor:
                raise self._refused(f"resources.{resource.name}.incremental: needs `cursor`, the column that grows")

    def _refused(self, problem: str) -> ConnectionFileError:
        return ConnectionFileError(
            f"{self.connection.name}.yaml cannot be used: {problem}.", remedy="docs/sources-rest.md has an example of each."
        )
