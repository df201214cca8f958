"""How each connection fares: configured, tested, active or failing; paused or not; its last test, run and error; its breaker.

What belongs here: the table `connection_states` of the platform database. What does not: deciding when a connection is left alone
(`connectors.breaker`) and the history of loads (`lake.journal`).

Every change is one statement, so processes that change the same connection's state at once lose nothing. Error texts come in with
secrets blotted out (`connectors.credentials.without_secrets`).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from connectors.credentials import without_secrets
from lake.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    import psycopg

State = Literal["configured", "tested", "active", "failing"]
BreakerState = Literal["closed", "open", "half-open"]
LONGEST = 2000  # characters of an error that are kept

TABLE = """
create table if not exists connection_states (
    name text primary key, paused_at timestamptz,
    tested_at timestamptz, tested_well boolean, tested_said text,
    run_at timestamptz, run_well boolean, run_seconds double precision,
    error text, error_at timestamptz,
    failures integer not null default 0, opened_at timestamptz, open_until timestamptz)
"""


@dataclass(frozen=True)
class ConnectionState:
    """How one connection fares."""

    name: str
    paused_at: datetime | None = None
    tested_at: datetime | None = None
    tested_well: bool | None = None
    tested_said: str | None = None
    run_at: datetime | None = None
    run_well: bool | None = None
    run_seconds: float | None = None
    error: str | None = None  # of the last run or test that failed; stays when a later one goes well
    error_at: datetime | None = None
    failures: int = 0  # runs in which the system failed, one after the other
    opened_at: datetime | None = None
    open_until: datetime | None = None

    @property
    def state(self) -> State:
        """What the newer of last test and last run says."""
        tested_since = self.tested_at is not None and (self.run_at is None or self.tested_at > self.run_at)
        if (self.tested_well if tested_since else self.run_well) is False:
            return "failing"
        if self.run_well:
            return "active"
        return "tested" if self.tested_well and tested_since else "configured"

    @property
    def is_paused(self) -> bool:
        """Whether a person paused it."""
        return self.paused_at is not None

    @property
    def breaker(self) -> BreakerState:
        """Open: left alone. Half-open: the time is over, and the next run takes a cheap look before it reads."""
        if self.open_until is None:
            return "closed"
        return "open" if self.open_until > datetime.now(UTC) else "half-open"


def state_of(name: str) -> ConnectionState:
    """How a connection fares; one that nothing is known of is configured."""
    return all_states([name])[name]


def all_states(names: list[str]) -> Mapping[str, ConnectionState]:
    """How these connections fare."""
    columns = ", ".join(field.name for field in fields(ConnectionState))
    with _database() as connection:
        rows = connection.execute(f"select {columns} from connection_states where name = any(%s)", (names,)).fetchall()
    known = {row[0]: ConnectionState(*row) for row in rows}
    return {name: known.get(name, ConnectionState(name)) for name in names}


def note_test(name: str, *, is_well: bool, said: str) -> None:
    """Keeps what a test found. A good one lets the next run take a look at once, however long the breaker was to stay open."""
    said = _kept(said)
    _set(name, tested_at=_now(), tested_well=is_well, tested_said=said)
    if is_well:
        _execute("update connection_states set open_until = now() where name = %s and open_until > now()", name)
    else:
        _set(name, error=said, error_at=_now())


def note_success(name: str, *, seconds: float) -> None:
    """Keeps that a run went well; the breaker closes."""
    _set(name, run_at=_now(), run_well=True, run_seconds=seconds, failures=0, opened_at=None, open_until=None)


def note_failure(name: str, *, said: str, seconds: float) -> None:
    """Keeps that a run failed and why."""
    _set(name, run_at=_now(), run_well=False, run_seconds=seconds, error=_kept(said), error_at=_now())


def count_failure(name: str, *, limit: int, seconds: float) -> None:
    """Counts a failure of the system itself; from the `limit`th in a row on the breaker opens for so many seconds."""
    _execute(
        """insert into connection_states as known (name, failures, opened_at, open_until)
           values (%(name)s, 1, case when %(limit)s <= 1 then now() end,
                   case when %(limit)s <= 1 then now() + make_interval(secs => %(seconds)s) end)
           on conflict (name) do update set failures = known.failures + 1,
               opened_at = case when known.failures + 1 >= %(limit)s then coalesce(known.opened_at, now()) end,
               open_until = case when known.failures + 1 >= %(limit)s then now() + make_interval(secs => %(seconds)s) end""",
        {"name": name, "limit": limit, "seconds": seconds},
    )


def claim_probe(known: ConnectionState, *, seconds: float) -> bool:
    """Takes the half-open breaker's one look for this process; False where another was quicker. Open to all others meanwhile."""
    statement = (
        "update connection_states set open_until = now() + make_interval(secs => %s)"
        " where name = %s and open_until is not distinct from %s and open_until <= now()"
    )
    with _database() as connection:
        return connection.execute(statement, (seconds, known.name, known.open_until)).rowcount == 1


def pause(name: str) -> None:
    """Leaves the connection alone until a person resumes it; one that is paused stays so since then."""
    _set(name, paused_at=state_of(name).paused_at or _now())


def resume(name: str) -> None:
    """Lets the connection run again; a person's word closes the breaker, too."""
    _set(name, paused_at=None, failures=0, opened_at=None, open_until=None)


def forget(name: str) -> None:
    """Drops what is known of a connection."""
    _execute("delete from connection_states where name = %s", name)


def _kept(said: str) -> str:
    return without_secrets(said).replace("\x00", "")[:LONGEST]


def _now() -> datetime:
    return datetime.now(UTC)


def _set(name: str, **values: Any) -> None:
    columns, holders = ", ".join(values), ", ".join(["%s"] * len(values))
    changes = ", ".join(f"{column} = excluded.{column}" for column in values)
    _execute(
        f"insert into connection_states (name, {columns}) values (%s, {holders}) on conflict (name) do update set {changes}",
        name,
        *values.values(),
    )


def _execute(statement: str, *values: Any) -> None:
    bound = values[0] if len(values) == 1 and isinstance(values[0], dict) else values
    with _database() as connection:
        connection.execute(statement, bound)


@contextmanager
def _database() -> "Iterator[psycopg.Connection[Any]]":
    """The platform database, with the table in it."""
    import psycopg

    from lake.addresses import libpq_dsn
    from lake.database import PLATFORM, database_url

    address = database_url(PLATFORM)
    try:
        with psycopg.connect(libpq_dsn(address), autocommit=True, connect_timeout=10) as connection:
            _ensure_table(connection)
            yield connection
    except psycopg.OperationalError as error:
        raise DatabaseUnavailableError(
            f"The platform database does not answer: {without_secrets(str(error)).strip()}", remedy="`grimoire doctor` checks it."
        ) from None


def _ensure_table(connection: "psycopg.Connection[Any]") -> None:
    """Makes the table where it is not there yet; processes that make it at the same time would trip over each other."""
    if connection.execute("select to_regclass('public.connection_states') is null").fetchone() == (True,):
        connection.execute("select pg_advisory_lock(4712)")
        connection.execute(TABLE)
        connection.execute("select pg_advisory_unlock(4712)")
