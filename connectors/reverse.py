"""Rows written back to the systems they came from, or to others: planned, looked at, then sent once.

What belongs here: plans, their digests and carrying them out. What does not: what a target is (`connectors.write_targets`), HTTP
(`connectors.reverse_rest`), SQL (`connectors.reverse_sql`) and the book of what was sent (`connectors.outbox`).

Promises: nothing is sent before a person has seen what, and said its digest; a row is entered in the outbox before it is sent and
settled there after, so a crash in between leaves at most one batch in doubt, which is sent again under the same idempotency key, or
not at all where the system knows none; the answer for each row is told, and noted in the lake, in `platform.writes`.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from connectors import outbox
from connectors.breaker import admit
from connectors.connection import Connection
from connectors.connections import get_connection
from connectors.connector import connector_of
from connectors.credentials import without_secrets
from connectors.outbox import Entry
from connectors.staged import Progress, no_progress
from connectors.write_targets import RestTarget, SqlTarget
from lake import connect, get_settings, in_transaction
from lake.errors import AlreadyRunningError, ConnectionFileError, DataError, PlanChangedError
from lake.journal import Write, ensure_platform_tables, record_writes

SAMPLE = 5
JOURNALED_AT_ONCE = 5_000


@dataclass(frozen=True)
class Planned:
    """One row of a plan."""

    row_key: str
    content: str  # digest of the row
    row: Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """What would be sent to a target."""

    connection: str
    target: str
    digest: str  # of target and rows; what `apply` must be told
    rows: int
    to_send: int
    done_before: int  # of the rows: as they are, they were written by an earlier run
    in_doubt: int  # of the rows: they were sent, nobody knows whether they arrived, and the system must not get them twice
    repeated: int  # rows that were there more than once, word for word
    sample: tuple[Mapping[str, Any], ...]  # what would be sent for the first rows
    planned: tuple[Planned, ...] = field(default=(), repr=False)
    known: Mapping[str, Entry] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Outcome:
    """What came of one row."""

    row_key: str
    status: str  # done, failed, doubtful or pending
    said: str
    attempts: int
    reference: str = ""


@dataclass(frozen=True)
class Written:
    """What came of a plan."""

    connection: str
    target: str
    digest: str
    done: int  # by this run
    done_before: int
    failed: int
    in_doubt: int
    pending: int  # not tried, because too many failed
    outcomes: tuple[Outcome, ...]  # of the rows that are not done


@dataclass(frozen=True)
class Sent:
    """What a target answered to one row."""

    status: outbox.Status
    said: str = ""
    reference: str = ""
    is_fatal: bool = False  # no other row would fare better: refused credentials, no such table


class Sender(Protocol):
    """A target while it is being written to."""

    batch: int  # rows that are sent, and may be in doubt, together

    def send(self, entries: Sequence[Entry], rows: Sequence[Mapping[str, Any]]) -> list[Sent]:
        """Sends rows and tells what came of each; raises nothing for what a system says."""

    def preview(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """What would be sent for a row."""


def plan(connection: str, target: str, rows: "str | Iterable[Mapping[str, Any]]", *, is_sampled: bool = True) -> Plan:
    """What would be sent; nothing is.

    Args:
        connection: A connection's name.
        target: One of its `writes`.
        rows: A query over the lake, or the rows.
        is_sampled: Whether to show what would be sent for the first rows.

    Raises:
        ConnectionFileError: The connection has no such target.
        DataError: Rows lack a column, a key is empty, two rows of one key differ, or there are more rows than the target allows.
    """
    source = get_connection(connection)
    aim = _target(source, target)
    planned, repeated = _planned(source, target, aim, _rows_of(rows))
    known = outbox.newest(connection, target, [one.row_key for one in planned])
    status = Counter(_standing(one, known) for one in planned)
    with _sender(source, aim, is_sending=False) as sender:
        sample = tuple(sender.preview(one.row) for one in planned[:SAMPLE]) if is_sampled else ()
        for one in planned[SAMPLE:]:
            sender.preview(one.row)
    return Plan(
        connection, target, _digest(source, target, aim, planned), len(planned), status["new"], status["done"], status["doubtful"],
        repeated, sample, tuple(planned), known,
    )  # fmt: skip


def write(
    connection: str,
    target: str,
    rows: "str | Iterable[Mapping[str, Any]]",
    *,
    apply: "str | bool" = False,
    retry_doubtful: bool = False,
    progress: Progress = no_progress,
) -> "Plan | Written":
    """Plans, and with `apply` carries out just that plan.

    Args:
        connection: A connection's name.
        target: One of its `writes`.
        rows: A query over the lake, or the rows.
        apply: The digest of the plan to carry out; True: whatever the plan is; False: none, the plan is returned.
        retry_doubtful: Send rows again of which nobody knows whether they arrived.
        progress: Called with a description and the share done.

    Raises:
        PlanChangedError: The rows or the target are no longer those of that digest; nothing was sent.
        ConnectionPausedError: The connection is paused or left alone.
        AlreadyRunningError: Another process writes to this target.
        ConnectionFileError, DataError: See `plan`.
    """
    found = plan(connection, target, rows)
    if apply is False:
        return found
    if isinstance(apply, str) and apply != found.digest:
        raise PlanChangedError(
            f"The plan is {found.digest}, not {apply}: rows or target have changed since. Nothing was sent.",
            remedy="Look at the new plan, and apply that one.",
            digest=found.digest,
        )
    source = get_connection(connection)
    aim = _target(source, target)
    with _only_one(source, target):
        admit(source)
        return _apply(source, target, aim, found, retry_doubtful, progress)


def _apply(
    source: Connection, target: str, aim: RestTarget | SqlTarget, found: Plan, retry_doubtful: bool, progress: Progress
) -> Written:
    known = outbox.newest(source.name, target, [one.row_key for one in found.planned])  # again: now nobody else writes
    entered = list(_entries(source, target, found, known))
    keys = {entry.idempotency_key for entry in entered}
    outbox.enter(source.name, target, entered)
    _note_doubts(aim, _of(source, target, found, keys), retry_doubtful)
    ready = [entry for entry in _of(source, target, found, keys) if entry.status in ("pending", "sending")]
    try:
        _send_all(source, aim, ready, progress)
    finally:
        _journal(source.name, target)
    return _told(target, found, source, _of(source, target, found, keys))


def _of(source: Connection, target: str, found: Plan, keys: set[str]) -> list[Entry]:
    """The rows that this run entered, as they stand now."""
    return [entry for entry in outbox.of_plan(source.name, target, found.digest) if entry.idempotency_key in keys]


def _note_doubts(aim: RestTarget | SqlTarget, entries: Sequence[Entry], retry_doubtful: bool) -> None:
    """Rows that were on their way when a run was killed: sent again where that does no harm, else left to a person."""
    if retry_doubtful:
        for entry in entries:
            if entry.status == "doubtful":
                outbox.settle([entry.idempotency_key], "pending")
    elif isinstance(aim, RestTarget) and not aim.is_repeatable:
        for entry in entries:
            if entry.status == "sending":
                outbox.settle([entry.idempotency_key], "doubtful", said="the run was killed while it was sent")


def _send_all(source: Connection, aim: RestTarget | SqlTarget, entries: Sequence[Entry], progress: Progress) -> None:
    failures = 0
    with _sender(source, aim, is_sending=True) as sender:
        for start in range(0, len(entries), sender.batch):
            batch = entries[start : start + sender.batch]
            progress(f"Writing to {source.label}", start / len(entries))
            outbox.mark_sending([entry.idempotency_key for entry in batch])
            answers = sender.send(batch, [_decoded(entry.payload) for entry in batch])
            _settle(batch, answers)
            for sent in answers:
                failures = 0 if sent.status == "done" else failures + 1
                if sent.is_fatal or failures >= aim.stop_after:
                    return


def _settle(batch: Sequence[Entry], answers: Sequence[Sent]) -> None:
    """Notes what came of a batch, all rows that fared alike at once."""
    alike: dict[Sent, list[str]] = {}
    for entry, sent in zip(batch, answers, strict=True):
        alike.setdefault(sent, []).append(entry.idempotency_key)
    for sent, keys in alike.items():
        outbox.settle(keys, sent.status, said=without_secrets(sent.said), reference=sent.reference)


def _told(target: str, found: Plan, source: Connection, entries: Sequence[Entry]) -> Written:
    status = Counter("pending" if entry.status == "sending" else entry.status for entry in entries)
    outcomes = tuple(
        Outcome(entry.row_key, entry.status, entry.said, entry.attempts, entry.reference)
        for entry in entries
        if entry.status != "done"
    )
    before = found.rows - len(entries)
    return Written(
        source.name, target, found.digest, status["done"], before, status["failed"], status["doubtful"], status["pending"], outcomes
    )


def _planned(
    source: Connection, target: str, aim: RestTarget | SqlTarget, rows: Iterable[Mapping[str, Any]]
) -> tuple[list[Planned], int]:
    """The rows by key, each once, and how many were there again."""
    found: dict[str, Planned] = {}
    count = 0
    for count, row in enumerate(rows, start=1):
        key = _row_key(aim, row, count)
        one = Planned(key, _hash([_encoded(row)]), row)
        if key in found and found[key].content != one.content:
            raise DataError(f"Two rows have the key {key} and differ.", remedy=f"The key is {', '.join(aim.key)}; make it unique.")
        found.setdefault(key, one)
        if len(found) > aim.most_rows:
            raise DataError(
                f"There are more than {aim.most_rows} rows.", remedy=f"Choose fewer, or raise writes.{target}.most_rows."
            )
    return list(found.values()), count - len(found)


def _row_key(aim: RestTarget | SqlTarget, row: Mapping[str, Any], number: int) -> str:
    missing = [name for name in aim.key if row.get(name) is None]
    if missing:
        raise DataError(f"Row {number} has no {', '.join(missing)}, which is its key.", remedy="Leave such rows out.")
    return json.dumps([_encode_one(row[name]) for name in aim.key], ensure_ascii=False)


def _standing(one: Planned, known: Mapping[str, Entry]) -> str:
    """Whether a row is new, was done as it is, or is in doubt."""
    last = known.get(one.row_key)
    if last is None or last.content != one.content:
        return "new"
    return last.status if last.status in ("done", "doubtful") else "new"


def _entries(source: Connection, target: str, found: Plan, known: Mapping[str, Entry]) -> Iterator[Entry]:
    """The rows that are to be in the outbox; one that was done as it is stays there as it is."""
    for position, one in enumerate(found.planned):
        last = known.get(one.row_key)
        is_same = last is not None and last.content == one.content
        if last is not None and is_same and last.status == "done":
            continue
        generation = 0 if last is None else last.generation if is_same else last.generation + 1
        key = _hash([source.name, target, one.row_key, one.content, str(generation)])
        yield Entry(key, one.row_key, one.content, generation, found.digest, position, _encoded(one.row), "pending", 0, "", "")


def _digest(source: Connection, target: str, aim: RestTarget | SqlTarget, planned: Sequence[Planned]) -> str:
    words = [source.name, source.address, target, aim.model_dump_json()]
    return _hash([*words, *sorted(f"{one.row_key} {one.content}" for one in planned)])[:16]


def _hash(words: Sequence[str]) -> str:
    return hashlib.sha256("\x1f".join(words).encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _target(source: Connection, name: str) -> RestTarget | SqlTarget:
    if name not in source.writes:
        known = ", ".join(source.writes) or "none"
        raise ConnectionFileError(
            f"{source.name}.yaml has no target `{name}` under `writes`; there are {known}.",
            remedy="docs/inbound-and-reverse.md has an example.",
        )
    return source.writes[name]


@contextmanager
def _sender(source: Connection, aim: RestTarget | SqlTarget, *, is_sending: bool) -> Iterator[Sender]:
    """The target, opened; without `is_sending` it can only show what it would send."""
    from connectors.kinds.rest import RestConnector
    from connectors.kinds.sql import SqlConnector
    from connectors.reverse_rest import RestSender
    from connectors.reverse_sql import SqlSender

    connector = connector_of(source)
    if isinstance(aim, RestTarget) and isinstance(connector, RestConnector):
        yield RestSender(connector, aim, is_sending=is_sending)
    elif isinstance(aim, SqlTarget) and isinstance(connector, SqlConnector):
        sender = SqlSender(connector, aim)
        try:
            yield sender
        finally:
            sender.close()
    else:
        wanted = "path" if isinstance(connector, RestConnector) else "table"
        raise ConnectionFileError(
            f"{source.name}.yaml: a connection of kind {source.type} cannot be written to in this way.",
            remedy=f"Kinds built on rest take targets with `path`, those on sql with `table`; this one should have `{wanted}`.",
        )


def _rows_of(rows: "str | Iterable[Mapping[str, Any]]") -> Iterable[Mapping[str, Any]]:
    if not isinstance(rows, str):
        return rows
    from lake.connection import read, translated_errors

    with connect(read_only=True) as lake, translated_errors():
        found = read(lake, rows)
        if found is None:
            raise DataError("The statement returns no rows.", remedy="Write a query.")
        names = found.columns
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Rows from a JSON or NDJSON file.

    Raises:
        DataError: The file is neither.
    """
    try:
        text = path.read_text(encoding="utf-8")
        given = json.loads(text, parse_float=Decimal) if text.lstrip()[:1] == "[" else [
            json.loads(line, parse_float=Decimal) for line in text.splitlines() if line.strip()
        ]  # fmt: skip
    except (OSError, ValueError, ArithmeticError) as error:
        raise DataError(f"{path} cannot be read: {error}.", remedy="Write a JSON list of objects, or one per line.") from None
    if not all(isinstance(row, dict) for row in given):
        raise DataError(f"{path} holds something else than objects.", remedy="Write a JSON list of objects, or one per line.")
    return list(given)


def _encoded(row: Mapping[str, Any]) -> str:
    """A row as text from which it comes back as it was, types included."""
    return json.dumps({name: _encode_one(value) for name, value in row.items()}, sort_keys=True, ensure_ascii=True)


def _encode_one(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {"$dict": {str(name): _encode_one(inner) for name, inner in value.items()}}
    if isinstance(value, list | tuple):
        return [_encode_one(inner) for inner in value]
    if isinstance(value, datetime):
        return {"$datetime": (value.astimezone(UTC) if value.tzinfo else value).isoformat()}
    if isinstance(value, Decimal):
        return {"$decimal": str(value)}
    if isinstance(value, date | time):
        return {f"${type(value).__name__}": value.isoformat()}
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    return {"$uuid": str(value)} if isinstance(value, UUID) else str(value)


_DECODERS: Mapping[str, Any] = {
    "$datetime": datetime.fromisoformat, "$date": date.fromisoformat, "$time": time.fromisoformat, "$decimal": Decimal,
    "$bytes": bytes.fromhex, "$uuid": UUID,
}  # fmt: skip


def _decoded(payload: str | None) -> dict[str, Any]:
    return {name: _decode_one(value) for name, value in json.loads(payload or "{}").items()}


def _decode_one(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode_one(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    ((sort, inner),) = value.items()
    if sort == "$dict":
        return {name: _decode_one(each) for name, each in inner.items()}
    return _DECODERS[sort](inner)


def _journal(connection: str, target: str) -> None:
    """Brings what was settled into the lake's journal; what a crash left out comes with the next run."""
    while entries := outbox.unjournaled(connection, target)[:JOURNALED_AT_ONCE]:
        writes = [
            Write(entry.settled_at, connection, target, entry.plan, entry.row_key, entry.idempotency_key, entry.status,
                  entry.attempts, entry.said, entry.reference)
            for entry in entries
        ]  # fmt: skip

        def note(lake: Any, writes: list[Write] = writes) -> None:
            ensure_platform_tables(lake)
            record_writes(lake, writes)

        in_transaction(note)
        outbox.mark_journaled(entries)


@contextmanager
def _only_one(source: Connection, target: str) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(get_settings().folder("locks") / f"write-{source.name}-{hashlib.sha256(target.encode()).hexdigest()[:12]}.lock")
    try:
        with lock.acquire(timeout=1):
            yield
    except Timeout:
        raise AlreadyRunningError(
            f"Another process writes to {source.name}, {target}.", remedy="Wait until it has finished."
        ) from None


def as_sent(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as JSON can hold it: numbers as numbers where they keep every digit, moments in ISO form."""
    return {name: plain(value) for name, value in row.items()}


def plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Decimal):
        if value == value.to_integral_value():
            return int(value)
        return float(value) if Decimal(repr(float(value))) == value else str(value)
    if isinstance(value, Mapping):
        return as_sent(value)
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value.hex() if isinstance(value, bytes) else value.isoformat() if hasattr(value, "isoformat") else str(value)
