"""An HTTP API while it is being read: dlt's resources over its collections, as the connection's options say.

What belongs here: putting together authentication (`rest_auth`), sending (`rest_session`), pages (`rest_pages`), cursors
(`rest_increments`), steps from answers to records (`rest_steps`) and records as tables (`rest_records`). What does not: these.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.rest_api import rest_api_resources

from connectors.connection import Connection, Resource
from connectors.connector import Shape
from connectors.kinds.rest_auth import ClientToken, authentication
from connectors.kinds.rest_children import Parents, escaped
from connectors.kinds.rest_increments import Increment
from connectors.kinds.rest_options import ApiOptions, EndpointOptions, Limits, Pagination, RangeHeader, SinglePage
from connectors.kinds.rest_pages import PARENT_ROW, Pages, found, size_params
from connectors.kinds.rest_records import Records
from connectors.kinds.rest_session import Pace, PatientSession
from connectors.kinds.rest_steps import records_of
from connectors.packages import pending
from lake.errors import GrimoireError

if TYPE_CHECKING:
    from dlt.extract import DltResource


class OpenedApi:
    """An API while it is being read."""

    def __init__(
        self,
        connection: Connection,
        address: str,
        secrets: Mapping[str, str],
        options: ApiOptions,
        endpoints: Mapping[str, EndpointOptions],
        limits: Limits,
    ) -> None:
        self.connection, self.address, self.options = connection, address, options
        self.endpoints = {name: each.in_zone(connection.time_zone) for name, each in endpoints.items()}
        self.secrets, self.limits = tuple(secrets.values()), limits
        self.pace = Pace(limits.requests_per_second)
        self.auth = self._auth(secrets, limits)
        self.session = self.session_for()
        self.known = pending(connection).columns
        self.read: dict[str, Records] = {}

    def session_for(self, options: EndpointOptions | None = None) -> "PatientSession":
        """A session that knows an endpoint's own signs of errors; all sessions share one pace and one token."""
        own = options or EndpointOptions()
        session = PatientSession(
            self.connection.label,
            self.address,
            self.limits,
            hosts=self.options.hosts,
            token=self.auth if isinstance(self.auth, ClientToken) else None,
            secrets=self.secrets,
            is_error=lambda answer: self._error_in(answer, own),
        )
        session.pace, session.expected = self.pace, self._expected(own)
        return session

    def _expected(self, options: EndpointOptions) -> tuple[int, ...]:
        """The statuses that mean "no rows"."""
        return (*options.ignore_status, *((416,) if isinstance(self._pagination(options), RangeHeader) else ()))

    def _auth(self, secrets: Mapping[str, str], limits: Limits) -> Any:
        url = urljoin(self.address, getattr(self.options.auth, "token_url", ""))
        unpaced = limits.model_copy(update={"requests_per_second": None})
        tokens = PatientSession(self.connection.label, url, unpaced, secrets=tuple(secrets.values()))
        return authentication(self.options.auth, secrets, self.address, tokens.post)

    def _error_in(self, answer: Any, own: EndpointOptions) -> str:
        error_path, ok_path = own.error_path or self.options.error_path, own.ok_path or self.options.ok_path
        error = found(error_path, answer) if error_path else None
        if error not in (None, False, "", 0, [], {}):
            return error if isinstance(error, str) else json.dumps(error, default=str)
        if ok_path and found(ok_path, answer) is not True:
            return json.dumps(answer, default=str)
        return ""

    def resource(self, resource: Resource) -> "DltResource":
        """The collection, page by page from the last cursor on, as tables of text."""
        increment, records = self._reading(resource)
        self.read[resource.name] = records
        return self._rows(resource, increment, records)

    def columns(self) -> dict[str, dict[str, str]]:
        """The columns met, now or before, and those declared; their types as declared or met."""
        return {name: records.kinds() for name, records in self.read.items()}

    def keys(self, resource: Resource) -> "DltResource":
        """Every key there is: the whole collection, of which only the key stays."""
        increment, records = self._reading(resource, is_whole=True, only=resource.key)
        return self._rows(resource, increment, records)

    def _reading(
        self, resource: Resource, *, is_whole: bool = False, only: tuple[str, ...] = ()
    ) -> "tuple[Increment | None, Records]":

        options = self.endpoints[resource.name]
        increment = Increment(resource, options, is_whole=is_whole) if resource.cursor else None
        steps = records_of(options.records, self.connection.system)
        known = self.known.get(resource.name, {})
        return increment, Records(self.connection, resource, options, steps, increment, known, only=only)

    def _rows(self, resource: Resource, increment: "Increment | None", records: "Records", *, look: bool = False) -> "DltResource":
        """dlt's resource; with `look` one of which the first page is enough."""
        options = self.endpoints[resource.name]
        parents = Parents(self, options.parent, resource.name, look=look) if options.parent else None
        config = {
            "name": resource.name,
            "primary_key": list(resource.key) or None,
            "write_disposition": "append",
            "max_table_nesting": 0,
            "endpoint": self.endpoint(resource, options, increment, parents),
        }
        *_, rows = self.dlt_resources([*([parents.rows()] if parents else []), config], options)
        return rows.add_step(records)

    def dlt_resources(self, resources: list[Any], options: EndpointOptions) -> "list[DltResource]":
        """dlt's rest_api resources over this API."""
        headers = dict(self.options.headers)
        client = {"base_url": self.address, "headers": headers, "auth": self.auth, "session": self.session_for(options)}
        return rest_api_resources({"client": client, "resources": resources})  # type: ignore[typeddict-item]

    def endpoint(
        self,
        resource: Resource,
        options: EndpointOptions,
        increment: "Increment | None",
        parents: Any = None,
        *,
        size: int | None = None,
    ) -> dict[str, Any]:
        """dlt's description of an endpoint: request, pages, selector."""
        pagination, selector = self._pagination(options, size), options.selector or self.options.selector or "$"
        increment = increment if options.incremental else None
        pages = Pages(
            f"{self.connection.label}: {resource.name}",
            pagination,
            self._identity(resource, options),
            increment,
            cursor_of=self._cursor_of(resource, options, increment),
            selector=None if options.selector_optional or selector == "$" else selector,
            parents=parents,
        )
        spelled = parents.spelled if parents else escaped
        params = {**size_params(pagination), **self.options.params, **options.params}
        endpoint: dict[str, Any] = {
            "path": (parents.spelled_path if parents else escaped)(options.path or resource.name),
            "method": options.method,
            "params": {name: _param(spelled(value)) for name, value in params.items() if value is not None},
            "headers": spelled(dict(options.headers)),
            "paginator": pages,
            "data_selector": selector,
            "response_actions": [
                {"status_code": status, "action": "ignore"}
                for status in self._expected(options)
                if status in (416, *options.ignore_status)
            ],
        }
        if parents:
            endpoint["params"][PARENT_ROW] = parents.number
        if options.body is not None:
            endpoint["json"] = spelled(options.body)
        return {name: value for name, value in endpoint.items() if value not in ([], {}) or name == "params"}

    def _pagination(self, options: EndpointOptions, size: int | None = None) -> Pagination:
        pagination = options.pagination or self.options.pagination or SinglePage()
        if size is None:
            return pagination
        smaller = {name: size for name in ("limit", "size") if name in type(pagination).model_fields}
        return pagination.model_copy(update={**smaller, **({"overlap": 0} if "limit" in smaller else {})})

    def _identity(self, resource: Resource, options: EndpointOptions) -> Any:
        """What tells a raw record from others: the keys of the records it leads to."""
        if not resource.key:
            return None

        steps = records_of(options.records, self.connection.system)

        def identity(raw: Any) -> Any:
            try:
                keys = tuple(tuple(str(record.get(name)) for name in resource.key) for record in steps(raw))
            except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
                return None  # it goes to the dead letters
            return keys or None

        return identity

    def _cursor_of(self, resource: Resource, options: EndpointOptions, increment: "Increment | None") -> Any:

        steps = records_of(options.records, self.connection.system)

        def cursor_of(raw: Any) -> list[Any]:
            if increment is None or resource.cursor is None:
                return []
            values = [increment.value(record.get(resource.cursor.column)) for record in steps(raw) if isinstance(record, dict)]
            return [value for value in values if value is not None]

        return cursor_of

    def looked_over(self) -> tuple[tuple[str, ...], str]:
        """The resources that are not there, and what is wrong; both empty where all is well.

        Raises:
            SourceUnavailableError: The API does not answer.
            CredentialError: It does not let us in.
        """
        if self.options.check_path:
            self.client().get(
                self.options.check_path.lstrip("/") if "://" not in self.options.check_path else self.options.check_path
            )
            return (), ""
        missing, problems = [], []
        for resource in self.connection.resources:
            try:
                if self.endpoints[resource.name].parent is None:
                    self.first_page(resource, size=1)
            except GrimoireError as error:
                if "status 404" not in error.problem:
                    raise
                missing.append(resource.name)
                problems.append(error.problem)
        return tuple(missing), "; ".join(problems)

    def client(self) -> "RESTClient":
        """dlt's client, for single requests."""
        return RESTClient(self.address, headers=dict(self.options.headers), auth=self.auth, session=self.session)

    def first_page(self, resource: Resource, *, size: int | None = None) -> list[Any]:
        """The raw records of the first page."""
        options = self.endpoints[resource.name]
        increment = Increment(resource, options, is_whole=True) if resource.cursor else None
        asked = self.endpoint(resource, options, increment, size=size)
        (rows,) = self.dlt_resources([{"name": resource.name, "max_table_nesting": 0, "endpoint": asked}], options)
        with _plainly():
            return list(rows.add_limit(1))

    def shape(self, resource: Resource) -> Shape:
        """What the resource's first page looks like; of a child, the first that its parents lead to."""
        increment, records = self._reading(resource, is_whole=True)
        rows = self._rows(resource, increment, records, look=True)
        with _plainly():
            list(rows if self.endpoints[resource.name].parent else rows.add_limit(1))
        return self._shape(resource.name, records, resource.key)

    def shape_at(self, path: str) -> Shape:
        """What lies at a path of which nothing is declared; where its records are is guessed."""
        client = self.client()
        response = client.get(path.lstrip("/"))
        found = client.extract_response(response, client.detect_data_selector(response) or "$")
        name = "".join(sign if sign.isalnum() else "_" for sign in path.strip("/").lower()).strip("_") or "root"
        resource, options = Resource(name=name if name[0].isalpha() else f"r_{name}"), EndpointOptions()
        records = Records(self.connection, resource, options, lambda raw: (raw,), None, {}, only=())
        records([record for record in found if isinstance(record, dict)])
        return self._shape(resource.name, records, ())

    def _shape(self, name: str, records: "Records", key: tuple[str, ...]) -> Shape:
        columns = records.kinds()
        return Shape(name, columns, key or likely_key(columns, records.sample), sample=tuple(records.sample))


@contextmanager
def _plainly() -> Iterator[None]:
    """Lets our own error out of dlt's."""
    from dlt.common.exceptions import DltException

    try:
        yield
    except DltException as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, GrimoireError):
            cause = cause.__cause__ or cause.__context__
        raise cause or error from None


def likely_key(columns: Mapping[str, str], sample: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The column that tells the sample's records apart and is called like a key; none where no one does."""
    called = [name for name in columns if name.lower() in ("id", "key", "uuid", "guid", "sys_id", "number", "code")]
    called += [name for name in columns if name.lower().endswith(("_id", "id")) and name not in called]
    for name in called:
        values = [record.get(name) for record in sample]
        if values and None not in values and len({str(value) for value in values}) == len(values):
            return (name,)
    return ()


def likely_cursor(columns: Mapping[str, str]) -> str | None:
    """The column of moments that is called like the last change; None where there is none."""
    moments = [name for name, kind in columns.items() if kind.upper().startswith("TIMESTAMP")]
    signs = ("updated", "modified", "changed", "lastmod", "write_date", "updated_on")
    return next((name for sign in signs for name in moments if sign in name.lower()), None)


def _param(value: Any) -> Any:
    """A parameter as URLs have it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return escaped(json.dumps(value)) if isinstance(value, dict) else value
