"""How every connection stands, for lists and pages: its file, its state and what its last load brought, brought together.

What belongs here: reading. What does not: changing a connection (`connectors.manage`) and keeping its state (`connectors.states`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.connection import Connection
from connectors.connections import broken_connections, connections, connections_folder
from connectors.connector import connector_of
from connectors.states import ConnectionState, all_states
from lake import connect, get_settings
from lake.errors import ConnectionFileError, GrimoireError

Reader = Callable[..., list[tuple[Any, ...]]]  # a reading query and its values -> rows; none where there are no such tables yet
BROKEN = "broken"  # the state of a file that cannot be used


@dataclass(frozen=True)
class Standing:
    """One connection, or one file that should be one."""

    name: str
    state: str  # configured, tested, active, failing or broken
    title: str = ""
    type: str = ""
    system: str = ""
    address: str = ""
    paused_at: datetime | None = None
    breaker: str = "closed"
    open_until: datetime | None = None
    failures: int = 0
    schedule: str | None = None
    freshness_hours: float | None = None
    resources: int = 0
    tested_at: datetime | None = None
    tested_said: str | None = None
    run_at: datetime | None = None  # the last attempt, good or bad
    run_seconds: float | None = None
    loaded_at: datetime | None = None  # the last load that landed, were it of no new rows
    rows_landed: int | None = None  # in that load
    dead_letters: int = 0  # rows in quarantine that have not been resolved
    error: str | None = None
    path: Path | None = None  # None: the demo company's own

    @property
    def is_fresh(self) -> bool | None:
        """Whether the last load is younger than the connection asks for; None where there was none."""
        if self.loaded_at is None or self.freshness_hours is None:
            return None
        return datetime.now(UTC) - self.loaded_at < timedelta(hours=self.freshness_hours)


@dataclass(frozen=True)
class ResourceLoad:
    """One resource's line of the newest load in the flow log."""

    resource: str
    finished_at: datetime
    rows_extracted: int
    rows_landed: int
    rows_inserted: int
    rows_updated: int
    rows_deleted: int
    rows_quarantined: int
    bytes: int
    seconds: float
    cursor_before: str
    cursor_after: str


def read_journal(sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Rows of the platform's journal; none where there is no lake or nothing has been loaded yet."""
    import duckdb

    from lake.connection import lake_exists

    if not lake_exists(get_settings()):
        return []
    with connect(read_only=True) as connection:
        try:
            return connection.execute(sql, list(values)).fetchall()
        except duckdb.CatalogException:
            return []


def standings(*, read: Reader = read_journal) -> list[Standing]:
    """Every connection and every broken file, by name.

    Args:
        read: What reads the lake; a page passes its own, which remembers.
    """
    known, broken = connections(), broken_connections()
    states, loads, letters = all_states(list(known)), _last_loads(read), _dead_letters(read)
    whole = [_standing(each, states[name], loads.get(name), letters.get(name, 0)) for name, each in known.items()]
    return sorted([*whole, *(_broken(name, error) for name, error in broken.items())], key=lambda one: one.name)


def standing_of(connection: Connection) -> Standing:
    """How one connection stands."""
    name = connection.name
    loads, letters = _last_loads(read_journal), _dead_letters(read_journal)
    return _standing(connection, all_states([name])[name], loads.get(name), letters.get(name, 0))


def last_load(name: str, *, read: Reader = read_journal) -> list[ResourceLoad]:
    """What the newest load of a connection did, per resource."""
    return [
        ResourceLoad(*row)
        for row in read(
            """select table_name, finished_at, rows_extracted, rows_landed, coalesce(rows_inserted, 0), coalesce(rows_updated, 0),
                      coalesce(rows_deleted, 0), rows_quarantined, coalesce(bytes, 0), coalesce(seconds, 0),
                      coalesce(cursor_before, ''), coalesce(cursor_after, '')
               from platform.loads
               where source = $1 and load_id = (select max_by(load_id, finished_at) from platform.loads where source = $1)
               order by table_name""",
            name,
        )
    ]


def file_of(name: str) -> Path:
    """Where the connection's file is, or would be."""
    return connections_folder() / f"{name}.yaml"


def problem_of(connection: Connection) -> ConnectionFileError | None:
    """What is wrong with a connection whose file can be read: no such kind, or a field of the kind's own."""
    try:
        connector_of(connection)
    except ConnectionFileError as error:
        return error
    except GrimoireError as error:
        return ConnectionFileError(error.problem, remedy=error.remedy)
    except ImportError as error:
        return ConnectionFileError(f"The kind `{connection.type}` cannot be loaded: {error}", remedy="Install what it needs.")
    return None


def _standing(connection: Connection, known: ConnectionState, load: tuple[datetime, int] | None, letters: int) -> Standing:
    problem, path = problem_of(connection), file_of(connection.name)
    loaded_at, rows = load or (None, None)
    return Standing(
        name=connection.name,
        state=BROKEN if problem else known.state,
        title=connection.title,
        type=connection.type,
        system=connection.system,
        address=connection.address,
        paused_at=known.paused_at,
        breaker=known.breaker,
        open_until=known.open_until,
        failures=known.failures,
        schedule=connection.schedule,
        freshness_hours=connection.freshness_hours,
        resources=len(connection.resources),
        tested_at=known.tested_at,
        tested_said=known.tested_said,
        run_at=known.run_at,
        run_seconds=known.run_seconds,
        loaded_at=loaded_at,
        rows_landed=rows,
        dead_letters=letters,
        error=problem.problem if problem else known.error if known.state == "failing" else None,
        path=path if path.exists() else None,
    )


def _broken(name: str, error: ConnectionFileError) -> Standing:
    return Standing(name, BROKEN, error=f"{error.problem} {error.remedy}".strip(), path=file_of(name))


def _last_loads(read: Reader) -> Mapping[str, tuple[datetime, int]]:
    found = read(
        """with last as (
               select source, max_by(load_id, finished_at) as load_id, max(finished_at) as at from platform.loads group by source)
           select last.source, last.at, sum(l.rows_landed)::bigint
           from last join platform.loads l on l.source = last.source and l.load_id = last.load_id group by all"""
    )
    return {source: (moment, rows) for source, moment, rows in found}


def _dead_letters(read: Reader) -> Mapping[str, int]:
    return dict(read("select source, count(*) from quarantine.rows where resolved_at is null group by source"))
