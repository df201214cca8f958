"""A running Tryton read through one of its APIs.

What belongs here: which records are asked for, and dlt's resources over them. What does not: how the server is spoken to
(`.transport`).

Where a table has columns the API tells otherwise, the API's records are brought into the table's shape: `changed_at` is computed,
and a history table is rebuilt from the revisions Tryton tells of, each read as of its own moment. Several writes of one record in
one transaction share a moment, so the API shows the last of them where the table has all.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from connectors.connection import Connection, Resource
from connectors.systems.tryton.columns import CHANGED_AT, COMPUTED, REVISION, arrow_table
from connectors.systems.tryton.transport import Domain, Row, Transport, TrytonRefusal
from connectors.systems.tryton.typed_json import decoded, encoded

if TYPE_CHECKING:
    from dlt.extract import DltResource

CONTEXT: Mapping[str, Any] = {"active_test": False}  # else archived records are left out without a word
MICROSECOND = 1_000_000


class TrytonServer:
    """A server while it is being read."""

    def __init__(self, transport: Transport, connection: Connection, options: Mapping[str, Any]) -> None:
        self.transport, self.connection, self.options = transport, connection, options

    @cached_property
    def models(self) -> frozenset[str]:
        """Every model of the modules that are installed."""
        return frozenset(self.transport.call("ir.model", "list_models"))

    @cached_property
    def models_with_history(self) -> frozenset[str]:
        """The models that keep every version of their records."""
        return frozenset(self.transport.call("ir.model", "list_history"))

    def missing(self) -> tuple[str, ...]:
        """The resources whose model is not installed, or keeps no history."""
        return tuple(each.name for each in self.connection.resources if not self._is_there(each))

    def resource(self, resource: Resource) -> "DltResource":
        """The model's records, from the cursor on."""
        import dlt

        cursor = resource.cursor
        incremental: Any = dlt.sources.incremental(cursor.column, lag=cursor.overlap) if cursor else None

        def rows(since: dlt.sources.incremental[Any] | None = None) -> Iterator[Any]:
            for page in self._pages(resource, since.last_value if since else None):
                if page:  # dlt's cursor with a lag breaks on an empty first page
                    yield arrow_table(page, resource.columns)

        made: Any = dlt.resource(rows, name=resource.name, primary_key=list(resource.key), write_disposition="append")
        return made(incremental) if incremental else made

    def keys(self, resource: Resource) -> "DltResource":
        """Every key there is."""
        import dlt

        columns = {name: resource.columns[name] for name in resource.key}

        def rows() -> Iterator[Any]:
            if self._is_there(resource):
                for page in self.transport.pages(self._model(resource), [], ["id"], CONTEXT):
                    yield arrow_table(page, columns)

        made: Any = dlt.resource(rows, name=resource.name, write_disposition="append")
        return made

    def keys_unknown(self) -> frozenset[str]:
        """Resources that are not there: a module that was taken away deletes no rows of the lake's."""
        return frozenset(self.missing())

    def columns(self) -> dict[str, dict[str, str]]:
        """The declared columns: one of a module that is not installed stays empty."""
        return {each.name: dict(each.columns) for each in self.connection.resources}

    def _is_there(self, resource: Resource) -> bool:
        among = self.models_with_history if self.options[resource.name].history else self.models
        return self._model(resource) in among

    def _model(self, resource: Resource) -> str:
        name: str = self.options[resource.name].model or resource.name.replace("_", ".")
        return name

    def _pages(self, resource: Resource, since: datetime | None) -> Iterator[list[Row]]:
        if not self._is_there(resource):
            return
        options, fields = self.options[resource.name], self._fields(resource)
        if options.history:
            yield from self._history(resource, fields, since)
            return
        domain = _changed(since)
        named = self._named(resource, domain, fields) if options.by_record else [domain]
        for each in named:
            for page in self.transport.pages(self._model(resource), each, fields, CONTEXT):
                yield [_with_changed_at(row) for row in page]

    def _fields(self, resource: Resource) -> list[str]:
        """The declared columns the model has; one of a module that is not installed is left out."""
        wanted = [name for name in resource.columns if name not in COMPUTED]
        asked = list(dict.fromkeys([*wanted, "create_date", "write_date"]))
        there = self.transport.call(self._model(resource), "fields_get", fields_names=asked)
        return [name for name in asked if name in there or name == "id"]

    def _named(self, resource: Resource, domain: Domain, fields: list[str]) -> Iterable[Domain]:
        """The searches to make: one, or, for a user who is no administrator, some that name the records they are about."""
        try:
            next(self.transport.pages(self._model(resource), [["id", "=", 0]], ["id"], CONTEXT), None)
        except TrytonRefusal:
            return ([*domain, ["resource", "in", names]] for names in self._records())
        return [domain]

    def _records(self) -> Iterator[list[str]]:
        """The names of all records of the connection's other resources, some at a time."""
        others = [each for each in self.connection.resources if not self.options[each.name].by_record]
        for resource in others:
            if self._is_there(resource) and not self.options[resource.name].history:
                model = self._model(resource)
                ids = [row["id"] for page in self.transport.pages(model, [], ["id"], CONTEXT) for row in page]
                for at in range(0, len(ids), self.transport.batch):
                    yield [f"{model},{number}" for number in ids[at : at + self.transport.batch]]

    def _history(self, resource: Resource, fields: list[str], since: datetime | None) -> Iterator[list[Row]]:
        """Every version of the records changed since, each as it was at its own moment."""
        model = self._model(resource)
        ids = [row["id"] for page in self.transport.pages(model, _changed(since), ["id"], CONTEXT) for row in page]
        for at in range(0, len(ids), self.transport.batch):
            told = self.transport.call(model, "history_revisions", ids=ids[at : at + self.transport.batch])
            versions: dict[datetime, list[int]] = defaultdict(list)
            for moment, number, _ in told:
                if since is None or decoded(moment) >= since:
                    versions[decoded(moment)].append(number)
            for moment, numbers in sorted(versions.items()):
                context = {**CONTEXT, "_datetime": encoded(moment)}
                for page in self.transport.pages(model, [["id", "in", numbers]], fields, context):
                    yield [_with_revision(_with_changed_at(row)) for row in page]


def _changed(since: datetime | None) -> Domain:
    """A domain: written since then, or created since then and never written."""
    if since is None:
        return []
    moment = encoded(since)
    return [["OR", ["write_date", ">=", moment], [["write_date", "=", None], ["create_date", ">=", moment]]]]


def _with_changed_at(row: Row) -> Row:
    return {**row, CHANGED_AT: row.get("write_date") or row.get("create_date")}


def _with_revision(row: Row) -> Row:
    """The row with a number that grows with its moment, in microseconds since 1970."""
    since_1970 = row[CHANGED_AT] - datetime(1970, 1, 1, tzinfo=UTC)
    return {**row, REVISION: (since_1970.days * 86_400 + since_1970.seconds) * MICROSECOND + since_1970.microseconds}
