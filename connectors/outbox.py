"""The outbox: every row that is to be written to another system, before, while and after it is, in the platform database.

What belongs here: the table `write_outbox` and its changes, each one statement. What does not: what is sent (`connectors.reverse`).

A row is pending, then sending, then done, failed or doubtful (it was sent, nobody knows whether it arrived, and it must not be sent
twice). What is done for a key is never sent again, until something else has been done for that key. The payload is kept only as
long as it may still have to be sent.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import psycopg

Status = Literal["pending", "sending", "done", "failed", "doubtful"]

TABLE = """
create table if not exists write_outbox (
    idempotency_key text primary key, connection text not null, target text not null, row_key text not null,
    content text not null, generation bigint not null, plan text not null, position bigint not null, payload text,
    status text not null default 'pending', attempts integer not null default 0, said text not null default '',
    reference text not null default '', planned_at timestamptz not null default now(), settled_at timestamptz,
    is_journaled boolean not null default false, unique (connection, target, row_key, generation));
create index if not exists write_outbox_plan on write_outbox (connection, target, plan);
"""


@dataclass(frozen=True)
class Entry:
    """One row of the outbox."""

    idempotency_key: str
    row_key: str
    content: str
    generation: int
    plan: str
    position: int
    payload: str | None
    status: Status
    attempts: int
    said: str
    reference: str
    settled_at: Any = None


_FIELDS = "idempotency_key, row_key, content, generation, plan, position, payload, status, attempts, said, reference, settled_at"


def newest(connection: str, target: str, row_keys: Sequence[str]) -> dict[str, Entry]:
    """What was planned last for each key."""
    rows = _execute(
        f"select distinct on (row_key) {_FIELDS} from write_outbox where connection = %s and target = %s and row_key = any(%s)"
        " order by row_key, generation desc",
        connection,
        target,
        list(row_keys),
    )
    return {entry.row_key: entry for entry in map(_entry, rows)}


def enter(connection: str, target: str, entries: Iterable[Entry]) -> None:
    """Enters rows that are to be sent, all or none; those that are there stay, failed ones become pending again under this plan."""
    with _database() as database, database.transaction(), database.cursor() as cursor:
        cursor.executemany(
            "insert into write_outbox (idempotency_key, connection, target, row_key, content, generation, plan, position, payload)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict (idempotency_key) do update set"
            " plan = excluded.plan, position = excluded.position, payload = excluded.payload, is_journaled = false,"
            " status = case when write_outbox.status = 'failed' then 'pending' else write_outbox.status end"
            " where write_outbox.status <> 'done'",
            [
                (
                    one.idempotency_key,
                    connection,
                    target,
                    one.row_key,
                    one.content,
                    one.generation,
                    one.plan,
                    one.position,
                    one.payload,
                )
                for one in entries
            ],
        )


def of_plan(connection: str, target: str, plan: str) -> list[Entry]:
    """A plan's rows in their order."""
    rows = _execute(
        f"select {_FIELDS} from write_outbox where connection = %s and target = %s and plan = %s order by position",
        connection,
        target,
        plan,
    )
    return [_entry(row) for row in rows]


def unfinished(connection: str, target: str) -> dict[str, int]:
    """The plans that have rows which were not settled, and how many."""
    rows = _execute(
        "select plan, count(*) from write_outbox where connection = %s and target = %s and status in ('pending', 'sending')"
        " group by plan",
        connection,
        target,
    )
    return dict(rows)


def mark_sending(keys: Sequence[str]) -> None:
    """Notes that rows are on their way; durable before they are."""
    _execute("update write_outbox set status = 'sending', attempts = attempts + 1 where idempotency_key = any(%s)", list(keys))


def settle(keys: Sequence[str], status: Status, *, said: str = "", reference: str = "") -> None:
    """Notes what came of rows."""
    _execute(
        "update write_outbox set status = %s, said = %s, reference = %s, is_journaled = false,"
        " settled_at = case when %s = 'pending' then null else now() end,"
        " payload = case when %s = 'done' then null else payload end where idempotency_key = any(%s)",
        status,
        said[:2000].replace("\x00", ""),
        reference[:500].replace("\x00", ""),
        status,
        status,
        list(keys),
    )


def unjournaled(connection: str, target: str) -> list[Entry]:
    """The settled rows that are not in the lake's journal yet."""
    rows = _execute(
        f"select {_FIELDS} from write_outbox where connection = %s and target = %s and not is_journaled"
        " and settled_at is not null and status in ('done', 'failed', 'doubtful')"
        " order by settled_at, position",
        connection,
        target,
    )
    return [_entry(row) for row in rows]


def mark_journaled(entries: Iterable[Entry]) -> None:
    """Notes that rows are in the journal as they stand."""
    with _database() as database, database.transaction(), database.cursor() as cursor:
        cursor.executemany(
            "update write_outbox set is_journaled = true where idempotency_key = %s and settled_at = %s",
            [(entry.idempotency_key, entry.settled_at) for entry in entries],
        )


def _entry(row: tuple[Any, ...]) -> Entry:
    return Entry(*row)


def _execute(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with _database() as connection:
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def _database() -> "Iterator[psycopg.Connection[Any]]":
    """The platform database, with the table in it."""
    import psycopg

    from connectors.credentials import without_secrets
    from lake.addresses import libpq_dsn
    from lake.database import PLATFORM, database_url
    from lake.errors import DatabaseUnavailableError

    address = libpq_dsn(database_url(PLATFORM))
    try:
        with psycopg.connect(address, autocommit=True, connect_timeout=10) as connection:
            if connection.execute("select to_regclass('public.write_outbox') is null").fetchone() == (True,):
                connection.execute("select pg_advisory_lock(4713)")
                connection.execute(TABLE)
                connection.execute("select pg_advisory_unlock(4713)")
            yield connection
    except psycopg.OperationalError as error:
        raise DatabaseUnavailableError(
            f"The platform database does not answer: {without_secrets(str(error)).strip()}", remedy="`grimoire doctor` checks it."
        ) from None
