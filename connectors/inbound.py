"""Kind `webhook`: systems that send rows of their own accord, by HTTP POST to /hooks/<connection>/<resource>.

What belongs here: what a connection file may say of such a system, and its deliveries as dlt resources. What does not: the
endpoint (`connectors.inbound_server`), proofs of origin (`connectors.inbound_signatures`) and the files in between
(`connectors.inbound_spool`).

Every row carries `_delivery_id`, `_position`, `_received_at` and `_sequence`. A resource without a key is identified by delivery
and position: each delivery is a row of its own. With a key, the delivery that came last has the say, unless a cursor says
otherwise.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from connectors.connection import Connection, Resource
from connectors.connector import Connector, Health, Opened, Shape
from connectors.credentials import resolve
from connectors.inbound_signatures import Signature
from connectors.inbound_spool import Delivery, Sequence, Spool
from connectors.kinds.rest_options import EndpointOptions, Step
from connectors.packages import pending, reject, shown_columns
from connectors.staged import Rejected
from lake import get_settings
from lake.errors import ConnectionFileError, GrimoireError

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt.extract import DltResource

    from connectors.kinds.rest_records import Records

SERVICE = "grimoire-inbound"
PATH = "/hooks"
BATCH = 500  # deliveries whose rows are handed over together
SAMPLED = 20
LOOK_SECONDS = 5.0
UNREADABLE = (ValueError, RecursionError, ArithmeticError)  # the last one of a number whose exponent no decimal can hold
IS_JSON, IS_OBJECT = "payload is JSON", "a record is an object"


class HookOptions(BaseModel):
    """What holds for every resource of a sender."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    signature: Signature
    delivery_header: str | None = None  # which header names a delivery; None: equal bodies are one delivery
    largest_bytes: int = Field(default=1_000_000, gt=0)
    remember_days: float = Field(default=30, gt=0)  # a delivery that comes again within them is not landed again


class HookResourceOptions(BaseModel):
    """Where in a payload the rows are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    selector: str | None = None  # JSONPath to the records; None: the payload is one, or a list of them
    records: tuple[Step, ...] = ()
    headers: dict[str, str] = Field(default_factory=dict)  # column to the header whose value it takes


class WebhookConnector(Connector):
    """A system that sends its rows."""

    kind = "webhook"
    title = "Webhook (inbound HTTP)"
    Options = HookOptions
    ResourceOptions = HookResourceOptions

    def __init__(self, connection: Connection) -> None:
        """Takes a connection of this kind; see `Connector`."""
        super().__init__(connection)
        if "secret" not in connection.credentials:
            raise self._refused("credentials: needs `secret`, which the sender signs with")
        if not connection.resources:
            raise self._refused("resources: needs at least one, for its name is part of the address")
        for resource in connection.resources:
            if resource.deletions and resource.deletions.by == "keys":
                raise self._refused(f"resources.{resource.name}.deletions: nobody can be asked for all keys; use `by: column`")

    def spool(self, resource: str) -> Spool:
        """Where a resource's deliveries wait."""
        return Spool(self.connection.name, resource)

    def secrets(self) -> tuple[str, ...]:
        """The secrets that a sender may sign with: `secret`, and `previous_secret` while one is replaced by another.

        Raises:
            CredentialError: A reference leads nowhere.
        """
        given = self.connection.credentials
        return tuple(resolve(given[name]) for name in ("secret", "previous_secret") if name in given)

    @contextmanager
    def opened(self) -> Iterator[Opened]:
        """Opens the spool; sets aside what was read once its rows are staged."""
        if not pending(self.connection).load_ids:  # what an earlier run took has landed, though it could not say so
            self.landed()
        opened = OpenedSpool(self)
        yield opened
        opened.take()

    def landed(self) -> None:
        """Removes the deliveries whose rows are in the lake."""
        for resource in self.connection.resources:
            self.spool(resource.name).forget_taken(remember_days=self.options.remember_days)

    def check(self) -> Health:
        """Whether the secret is there and the endpoint of this platform listens."""
        started = time.monotonic()
        try:
            self.secrets()
            problem = _listening()
        except GrimoireError as error:
            problem = f"{error.problem} {error.remedy}".strip()
        said = problem or f"{address_of(self.connection.name)} listens."
        return Health(not problem, said, time.monotonic() - started)

    def inspect(self) -> list[Shape]:
        """The columns of each resource, and the first deliveries that wait."""
        return [self._shape(resource) for resource in self.connection.resources]

    def rows(self, resource: Resource, delivery: Delivery) -> tuple[list[dict[str, Any]], list[Rejected]]:
        """The rows that a delivery holds, and what of it is none."""
        options: HookResourceOptions = self.resource_options[resource.name]
        found, bad = payloads(delivery, options)
        kept = {column: delivery.headers.get(header.lower()) for column, header in options.headers.items()}
        rows = []
        for position, record in enumerate(found):
            if isinstance(record, dict):
                rows.append({**record, **kept, **_own(delivery, position)})
            else:
                reason, text = f"{IS_OBJECT}, but it is {type(record).__name__}", json.dumps(record, default=str)
                bad.append(Rejected(f"{delivery.id} | {position}", IS_OBJECT, reason, text))
        return rows, bad

    def revived(self, resource: Resource, row: str, text: str) -> list[dict[str, Any]]:
        """The rows of a dead letter; it comes anew, under the delivery it came with. A whole row is taken as it is."""
        identity, _, position = row.rpartition(" | ")
        now, first = datetime.now(UTC).isoformat(), _sequence.next(SAMPLED)
        delivery = Delivery(identity or row, now, first, {}, text.encode())
        given, _ = _parsed(delivery)
        if len(given) == 1 and isinstance(given[0], dict) and "_delivery_id" in given[0]:  # it knows where it came from
            return [{"_position": 0, **given[0], "_received_at": now, "_sequence": first}]
        rows, bad = self.rows(resource, delivery)
        selector = self.resource_options[resource.name].selector
        if bad or (selector and not rows):
            raise ValueError(bad[0].reason if bad else f"it holds no record where `{selector}` leads; write it as it was sent")
        first_position = int(position) if position.isdigit() and identity else 0
        return [{**each, "_position": first_position + at} for at, each in enumerate(rows)]

    def reading(self, resource: Resource) -> "Records":
        """What makes tables of a resource's records and knows their types."""
        from connectors.kinds.rest_records import Records

        known = shown_columns(self.connection).get(resource.name, {})
        return Records(self.connection, resource, EndpointOptions(), lambda raw: (raw,), None, known)

    def _shape(self, resource: Resource) -> Shape:
        records = self.reading(resource)
        for _, (_, delivery) in zip(range(SAMPLED), self.spool(resource.name).deliveries(), strict=False):
            rows, _ = self.rows(resource, delivery)
            if rows:
                records(rows)
        return Shape(resource.name, records.kinds(), resource.key, sample=tuple(records.sample))

    def _refused(self, problem: str) -> ConnectionFileError:
        return ConnectionFileError(
            f"{self.connection.name}.yaml cannot be used: {problem}.", remedy="docs/inbound-and-reverse.md has an example."
        )


class OpenedSpool:
    """Deliveries while they are being read."""

    def __init__(self, connector: WebhookConnector) -> None:
        self.connector = connector
        self.read: dict[str, Records] = {}
        self.done: list[tuple[Spool, Path]] = []

    def resource(self, resource: Resource) -> "DltResource":
        """The rows of every delivery that waits."""
        import dlt

        self.read[resource.name] = self.connector.reading(resource)
        rows = self._rows(resource)
        return dlt.resource(rows, name=resource.name, primary_key=list(resource.key), write_disposition="append")

    def columns(self) -> dict[str, dict[str, str]]:
        """The columns met now or before."""
        return {name: records.kinds() for name, records in self.read.items()}

    def keys(self, resource: Resource) -> "DltResource":
        """Nobody can be asked for all keys."""
        raise NotImplementedError(f"{resource.name}: a sender cannot be asked for all keys")

    def take(self) -> None:
        """Sets aside every delivery that was read."""
        for spool, path in self.done:
            spool.take(path)

    def _rows(self, resource: Resource) -> "Iterator[pa.Table]":
        spool, records = self.connector.spool(resource.name), self.read[resource.name]
        waiting: list[dict[str, Any]] = []
        for path, delivery in spool.deliveries():
            rows, bad = self.connector.rows(resource, delivery)
            if bad:
                reject(self.connector.connection, resource.name, bad, batch=path.name)
            waiting += rows
            self.done.append((spool, path))
            if len(waiting) >= BATCH and (table := records(waiting)) is not None:
                yield table
            waiting = [] if len(waiting) >= BATCH else waiting
        if waiting and (table := records(waiting)) is not None:
            yield table


def payloads(delivery: Delivery, options: HookResourceOptions) -> tuple[list[Any], list[Rejected]]:
    """The records of a delivery: an object is one, a list holds them, and so do lines; and what of it cannot be read."""
    from dlt.common.jsonpath import find_values

    from connectors.kinds.rest_steps import records_of

    values, bad = _parsed(delivery)
    if options.selector:
        values = [found for value in values for found in find_values(options.selector, value)]
    flat = [record for value in values for record in (value if isinstance(value, list) else [value])]
    steps = records_of(options.records)
    records = []
    for record in flat:
        try:
            records += list(steps(record))
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            reason = f"the steps lead to records, but: {type(error).__name__}: {error}"
            bad.append(Rejected(delivery.id, "the steps lead to records", reason, json.dumps(record, default=str)))
    return records, bad


def is_readable(body: bytes) -> str:
    """Why a body is no JSON, neither whole nor in lines; empty where it, or one of its lines, is an object or a list."""
    values, bad = _parsed(Delivery("", "", 0, {}, body))
    if any(isinstance(value, dict | list) for value in values):
        return ""
    return bad[0].reason if bad else "it is JSON, but neither an object nor a list"


def address_of(connection: str, resource: str = "<resource>") -> str:
    """Where a sender posts to, as seen from this machine."""
    settings = get_settings()
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104
    return f"http://{host}:{settings.inbound_port}{PATH}/{connection}/{resource}"


def _parsed(delivery: Delivery) -> tuple[list[Any], list[Rejected]]:
    """The body as one value, or else line by line."""
    try:
        return [_value(delivery.body.decode("utf-8-sig"))], []
    except UNREADABLE as error:
        whole = f"{IS_JSON}, but: {_said(error)}"
    lines = [(at, line) for at, line in enumerate(delivery.body.splitlines()) if line.strip()]
    values, bad = [], []
    for at, line in lines if len(lines) > 1 else []:
        try:
            values.append(_value(line.decode("utf-8-sig")))
        except UNREADABLE as error:
            bad.append(Rejected(f"{delivery.id} | {at}", IS_JSON, f"{IS_JSON}, but line {at + 1}: {_said(error)}", _text(line)))
    if sum(isinstance(value, dict) for value in values) * 2 < len(lines) or len(lines) < 2:  # no lines of objects: one broken whole
        return [], [Rejected(delivery.id, IS_JSON, whole, _text(delivery.body))]
    return values, bad


def _value(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_constant=_no_number)


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number in JSON")


def _said(error: Exception) -> str:
    """What is wrong, without the text at fault."""
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is not UTF-8"
    if isinstance(error, ArithmeticError):
        return "it holds a number beyond all bounds"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="backslashreplace")


def _own(delivery: Delivery, position: int) -> dict[str, Any]:
    return {
        "_delivery_id": delivery.id,
        "_position": position,
        "_received_at": delivery.received_at,
        "_sequence": delivery.sequence + position,
    }


def _listening() -> str:
    """Why the endpoint cannot be reached; empty where it answers."""
    import requests

    url = address_of("x").partition(PATH)[0] + "/health"
    session = requests.Session()
    session.trust_env = False  # it is this machine: no proxy is to be asked
    try:
        answer = session.get(url, timeout=LOOK_SECONDS)
        if answer.json().get("service") == SERVICE:
            return ""
    except (requests.RequestException, ValueError, AttributeError):
        pass
    return f"Nobody listens at {url.removesuffix('/health')}: `grimoire up` or `grimoire connect listen` starts the endpoint."


_sequence = Sequence()
