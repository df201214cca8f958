"""Tryton's two HTTP APIs behind one pair of verbs: `pages` of a search, and the result of a `call`.

What belongs here: sessions, keys, paging and errors of JSON-RPC and of REST, fetched by dlt's client. What does not: which records
are asked for (`.api`).

Both page by key: the next request asks for records behind the last id. Paging by offset would miss a record whenever an earlier one
is deleted in between.
"""

import base64
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from connectors.connection import Connection
from connectors.credentials import resolved
from connectors.systems.tryton.typed_json import decoded_row
from lake.errors import ConnectionFileError, SourceUnavailableError

if TYPE_CHECKING:
    from dlt.sources.helpers.rest_client import RESTClient
    from dlt.sources.helpers.rest_client.paginators import BasePaginator
    from requests import Response

Domain = list[Any]
Row = dict[str, Any]
PAGE = 1000
HEADERS = {"Accept-Encoding": "gzip"}  # long bodies are gzipped, or claim to be, whether one asked for it or not
TIMEOUT_SECONDS = 120.0
ATTEMPTS = 4
BACKOFF = 0.5  # seconds before the second attempt; doubled each time
UNAUTHORISED, FORBIDDEN, NOT_FOUND = 401, 403, 404


class TrytonRefusal(SourceUnavailableError):
    """Tryton understood and said no: no right, or nothing of that name."""


class Transport(ABC):
    """One of the two APIs."""

    batch: int  # how many records a domain may name

    @abstractmethod
    def pages(self, model: str, domain: Domain, fields: list[str], context: Mapping[str, Any]) -> Iterator[list[Row]]:
        """The records of a search, by ascending id, page by page."""

    @abstractmethod
    def call(self, model: str, method: str, **arguments: Any) -> Any:
        """What a method of a model answers; its arguments in the order of its signature."""


class JsonRpc(Transport):
    """JSON-RPC under a user's name and password, as Tryton's own clients speak it."""

    batch = 1000

    def __init__(self, connection: Connection, user: str) -> None:
        self.connection, self.user = connection, user

    @cached_property
    def client(self) -> "RESTClient":
        """A client with a session of the user's."""
        password = resolved(self.connection.credentials).get("password", "")
        client = _client(self.connection)
        words = {"id": 0, "method": "common.db.login", "params": [self.user, {"password": password}, "en"]}
        number, session, *_ = self._result(client.post("rpc/", json=words))
        token = base64.b64encode(f"{self.user}:{number}:{session}".encode()).decode()
        client.headers = {**HEADERS, "Authorization": f"Session {token}"}
        return client

    def pages(self, model: str, domain: Domain, fields: list[str], context: Mapping[str, Any]) -> Iterator[list[Row]]:
        """See `Transport.pages`."""
        words = {
            "id": 1,
            "method": f"model.{model}.search_read",
            "params": [domain, 0, PAGE, [["id", "ASC"]], fields, dict(context)],
        }

        def behind(request: Any, last: int) -> None:
            request.json["params"][0] = [["id", ">", last], domain] if domain else [["id", ">", last]]

        def judge(response: Any, *_: Any, **__: Any) -> None:
            self._result(response)

        hooks: Any = {"response": [judge]}
        for page in self.client.paginate(
            "rpc/", method="POST", json=words, paginator=_by_key(behind), data_selector="result", hooks=hooks
        ):
            yield [decoded_row(row) for row in page]

    def call(self, model: str, method: str, **arguments: Any) -> Any:
        """See `Transport.call`."""
        words = {"id": 1, "method": f"model.{model}.{method}", "params": [*arguments.values(), {}]}
        return self._result(self.client.post("rpc/", json=words))

    def _result(self, response: "Response") -> Any:
        """What the answer holds; errors come with status 200."""
        _well(self.connection, response)
        answer = _json(self.connection, response)
        if isinstance(answer, dict) and "error" in answer:
            kind, *more = answer["error"] or ["no reason given"]
            told = more[0] if more and kind in ("UserError", "UserWarning") else [kind]  # else the rest is a traceback
            raise _refusal(self.connection, " ".join(str(part) for part in told if part))
        return answer["result"] if isinstance(answer, dict) else answer


class Rest(Transport):
    """REST with the key of a user application (Tryton 8.0 and later)."""

    batch = 200  # a domain stands in the address of the request, which servers keep short

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @cached_property
    def client(self) -> "RESTClient":
        """A client that bears the key."""
        client = _client(self.connection)
        client.headers = {**HEADERS, "Authorization": f"Bearer {resolved(self.connection.credentials)['key']}"}
        return client

    def pages(self, model: str, domain: Domain, fields: list[str], context: Mapping[str, Any]) -> Iterator[list[Row]]:
        """See `Transport.pages`."""

        def behind(request: Any, last: int) -> None:
            request.params["d"] = _coded([["id", ">", last], *([domain] if domain else [])])

        asked = {"f": fields, "d": _coded(domain), "o": _coded([["id", "ASC"]])}
        said = {"Range": f"records=0-{PAGE}", "X-Tryton-Context": _coded(dict(context))}
        hooks: Any = {"response": [lambda response, *_, **__: _well(self.connection, response)]}
        for page in self.client.paginate(
            f"rest/model/{model}", params=asked, headers=said, paginator=_by_key(behind), data_selector="$", hooks=hooks
        ):
            yield [decoded_row(row) for row in _flat(page)]

    def call(self, model: str, method: str, **arguments: Any) -> Any:
        """See `Transport.call`."""
        response = self.client.post(f"rest/model/{model}/{method}", json=arguments)
        _well(self.connection, response)
        return _json(self.connection, response)


def _client(connection: Connection) -> "RESTClient":
    """dlt's client; it tries again where the server does not answer, is too busy or has failed."""
    from dlt.sources.helpers.requests import Client
    from dlt.sources.helpers.rest_client import RESTClient

    session = Client(
        request_timeout=TIMEOUT_SECONDS,
        raise_for_status=False,
        request_max_attempts=ATTEMPTS,
        request_backoff_factor=BACKOFF,
    ).session
    return RESTClient(base_url=connection.address.rstrip("/") + "/", headers=dict(HEADERS), session=session)


def _by_key(behind: Any) -> "BasePaginator":
    """A paginator that asks for what lies behind the last id until a page is not full."""
    from dlt.sources.helpers.rest_client.paginators import BasePaginator

    class ByKey(BasePaginator):
        last = 0

        def update_state(self, response: Any, data: list[Any] | None = None) -> None:
            rows = _flat(data or [])
            self._has_next_page = len(rows) >= PAGE
            self.last = rows[-1]["id"] if rows else self.last

        def update_request(self, request: Any) -> None:
            behind(request, self.last)

    return ByKey()


def _flat(page: list[Any]) -> list[Row]:
    """The rows of a page; a selector of the whole answer wraps them once more."""
    return [row for part in page for row in (part if isinstance(part, list) else [part])]


def _well(connection: Connection, response: "Response") -> None:
    """Raises an error a person can use unless the server answered well."""
    code = response.status_code
    if code == UNAUTHORISED:
        raise SourceUnavailableError(
            f"{connection.label} does not let us in.",
            remedy="Check user and password, or that the key's user application is validated.",
            source=connection.name,
        )
    if code == NOT_FOUND:
        raise _refusal(connection, f"there is no {response.url.partition('?')[0]}")
    if code >= 400 and code < 500:
        told = _json(connection, response) if "json" in response.headers.get("Content-Type", "") else {}
        words = told.get("message") if isinstance(told, dict) else None
        raise _refusal(connection, str(words or f"{code} {response.reason}"))
    response.raise_for_status()


def _refusal(connection: Connection, words: str) -> TrytonRefusal:
    return TrytonRefusal(
        f"{connection.label} refuses: {words.strip() or 'no reason given'}",
        remedy="docs/tryton.md lists the rights a reader needs.",
        source=connection.name,
    )


def _json(connection: Connection, response: "Response") -> Any:
    try:
        return response.json()
    except ValueError:
        raise SourceUnavailableError(
            f"{connection.label} answered with something other than JSON.",
            remedy="The address must be http(s)://HOST:PORT/DATABASE of a trytond.",
            source=connection.name,
        ) from None


def _coded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def transport(connection: Connection, *, user: str, by: str) -> Transport:
    """The API a connection speaks."""
    needed = "key" if by == "rest" else "password"
    if needed not in connection.credentials:
        raise ConnectionFileError(
            f"{connection.name}.yaml: credentials: `{needed}` is missing.", remedy=f"Write credentials: {{{needed}: env:NAME}}."
        )
    return Rest(connection) if by == "rest" else JsonRpc(connection, user)
