"""Statements that people keep: the ones they gave a name, and the last ones they ran, in the platform database.

What belongs here: keeping, listing and deleting them. What does not: running them, and showing them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lake.errors import DataError
from lake.platform_tables import execute

MOST_LETTERS, MOST_SQL, MOST_RUNS = 120, 100_000, 500
QUERIES = """create table if not exists saved_queries (
    name text primary key, sql text not null, saved_at timestamptz not null default now())"""
RUNS = """create table if not exists query_runs (
    run bigint generated always as identity primary key, sql text not null, outcome text not null, result_rows bigint,
    seconds double precision not null, ran_at timestamptz not null default now())"""


@dataclass(frozen=True)
class SavedQuery:
    """A statement with a name."""

    name: str
    sql: str
    saved_at: datetime


@dataclass(frozen=True)
class QueryRun:
    """A statement that was run. `outcome`: `answered`, `failed`, `refused` or `stopped`; `result_rows`: None without an answer."""

    sql: str
    outcome: str
    result_rows: int | None
    seconds: float
    ran_at: datetime


def save_query(name: str, sql: str) -> SavedQuery:
    """Keeps a statement; one of the same name is replaced.

    Raises:
        DataError: The name is empty or longer than 120 letters, or the statement is empty or longer than 100,000.
        DatabaseUnavailableError: The platform database does not answer.
    """
    name = " ".join(name.split())
    if not name or len(name) > MOST_LETTERS or "\x00" in name:
        raise DataError("A statement's name has 1 to 120 letters.", remedy="Give it a short name.")
    if not sql.strip() or len(sql) > MOST_SQL or "\x00" in sql:
        raise DataError(f"A statement that is kept has 1 to {MOST_SQL:,} letters.", remedy="Write one, or shorten it.")
    row = _of_queries(
        "insert into saved_queries (name, sql) values (%s, %s) on conflict (name) do update"
        " set sql = excluded.sql, saved_at = now() returning name, sql, saved_at",
        (name, sql),
    )
    return SavedQuery(*row[0])


def saved_queries() -> list[SavedQuery]:
    """Every statement with a name, by name."""
    return [SavedQuery(*row) for row in _of_queries("select name, sql, saved_at from saved_queries order by lower(name), name")]


def delete_query(name: str) -> bool:
    """Forgets a statement; whether there was one."""
    return bool(_of_queries("delete from saved_queries where name = %s returning name", (name,)))


def note_run(sql: str, *, outcome: str, result_rows: int | None, seconds: float) -> None:
    """Notes that a statement was run; the 500 newest runs are kept."""
    kept = sql.replace("\x00", "")[:MOST_SQL]
    _of_runs(
        "insert into query_runs (sql, outcome, result_rows, seconds) values (%s, %s, %s, %s)", (kept, outcome, result_rows, seconds)
    )
    _of_runs("delete from query_runs where run <= (select max(run) from query_runs) - %s", (MOST_RUNS,))


def recent_runs(*, most: int = 50) -> list[QueryRun]:
    """The newest run of each statement, the newest first."""
    found = _of_runs(
        "select sql, outcome, result_rows, seconds, ran_at from query_runs where run in"
        " (select max(run) from query_runs group by sql) order by run desc limit %s",
        (most,),
    )
    return [QueryRun(*row) for row in found]


def _of_queries(statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    return execute(statement, values, table="saved_queries", definition=QUERIES)


def _of_runs(statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    return execute(statement, values, table="query_runs", definition=RUNS)
