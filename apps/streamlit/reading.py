"""What every page reads the lake through: one read-only database, and results cached until the lake has a new snapshot.

What belongs here: running a reading query, keeping its result and noting what was asked. What does not: the queries (the
modules beside this one) and anything that writes.
"""

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

import lake
from lake.connection import LAKE

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

T = TypeVar("T")
Rows = list[dict[str, Any]]
CACHED_RESULTS = 256  # a result is some thousand rows at most
EARLIER_STATES = 2  # connections to the lake as it was
RENEWED_AFTER = 20_000  # questions on one connection: each whose filter the lake's catalog hears of leaves some 3 kB in it
FRESH_SECONDS = 2.0  # a part of a page that runs by itself looks again after this time
_PARAMETER = re.compile(r"\$(\d+)|\?")
_NOTED: "ContextVar[list[Asked] | None]" = ContextVar("noted", default=None)

_questions = count(1)
_RUN = threading.local()  # Streamlit runs a page in one thread


@dataclass(frozen=True)
class _Known:
    """The newest snapshot of a lake, and when it was asked for."""

    home: str
    asked_at: float
    snapshot: int


@dataclass(frozen=True)
class Asked:
    """A statement that a page's figures were read with, and the tables (`schema.table`) it was known to need."""

    sql: str
    params: tuple[Any, ...] = ()
    tables: tuple[str, ...] = ()
    as_of: int | None = None  # the snapshot it was read as of; None: the newest

    def statement(self) -> str:
        """The statement as it can be run anywhere: with its values in their places and its lines where they were meant."""
        order = iter(self.params)
        text = _PARAMETER.sub(lambda found: literal(self.params[int(found[1]) - 1] if found[1] else next(order)), self.sql)
        lines = text.splitlines()
        indents = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
        head = [f"-- read as of lake snapshot {self.as_of}"] if self.as_of is not None else []
        return "\n".join([*head, lines[0].lstrip(), *(line[min(indents, default=0) :] for line in lines[1:])]) if lines else ""


def literal(value: Any) -> str:
    """A value as SQL text; what is long is cut, for it is meant to be read."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(literal(part) for part in value[:20])}{', …' if len(value) > 20 else ''}]"
    return "'" + str(value).replace("'", "''") + "'"


@contextlib.contextmanager
def noted() -> Iterator[list[Asked]]:
    """Collects what is asked within the block, answers from the cache included: the evidence of the figures made of it."""
    asked: list[Asked] = []
    before = _NOTED.get()
    token = _NOTED.set(asked)
    try:
        yield asked
    finally:
        _NOTED.reset(token)
        if before is not None:
            before.extend(asked)


def note(sql: str, params: tuple[Any, ...], needs: tuple[str, ...], as_of: int | None = None) -> None:
    """Notes a statement for whoever collects them."""
    asked = _NOTED.get()
    if asked is not None:
        asked.append(Asked(sql, params, needs, as_of))


def rows(sql: str, *params: Any, needs: tuple[str, ...] = (), as_of: int | None = None) -> Rows:
    """Rows of a reading query, one dict each; an empty list where a table of `needs` (`schema.table`) is not there yet.

    Args:
        sql: The query.
        params: Its values.
        needs: The tables it needs.
        as_of: Snapshot to read the lake as of; None: the newest.
    """
    if not has_tables(*needs, as_of=as_of):
        return []
    note(sql, params, needs, as_of)
    return _cached_rows(home(), snapshot_id() if as_of is None else as_of, as_of, sql, params)


def frame(sql: str, *params: Any, needs: tuple[str, ...] = ()) -> "pd.DataFrame":
    """The same as a data frame, for tables people read; empty where a table of `needs` is not there yet."""
    import pandas as pd

    if not has_tables(*needs):
        return pd.DataFrame()
    note(sql, params, needs)
    return _cached_frame(home(), snapshot_id(), sql, params)


def has_tables(*names: str, as_of: int | None = None) -> bool:
    """Whether all these `schema.table` are in the lake, or were at a snapshot."""
    return not names or set(names) <= tables(as_of)


def tables(as_of: int | None = None) -> set[str]:
    """Every table and view of the lake as `schema.table`, now or at a snapshot."""
    return _cached_tables(home(), snapshot_id() if as_of is None else as_of, as_of)


def snapshot_id() -> int:
    """Id of the lake's newest snapshot: what every cached result is keyed on.

    A page asks for dozens of results, so the snapshot that was the newest at its first question stands for the whole run.
    """
    if get_script_run_ctx(suppress_warning=True) is None:
        return with_connection(lake.current_snapshot)
    known: _Known | None = getattr(_RUN, "known", None)
    if known is None or known.home != home() or time.monotonic() - known.asked_at > FRESH_SECONDS:
        known = _RUN.known = _Known(home(), time.monotonic(), with_connection(lake.current_snapshot))
    return known.snapshot


def begin_run() -> None:
    """Lets a page's run see the lake as it is now: what the run before knew of the newest snapshot is forgotten."""
    _RUN.known = None


def with_connection(work: "Callable[[duckdb.DuckDBPyConnection], T]", *, as_of: int | None = None) -> T:
    """Runs `work` on a cursor of the pages' connection, beside those of other people; once more on a new connection where the
    old one has lost its server. An old connection lives on until the last cursor that others have on it is closed."""
    import duckdb

    if next(_questions) % RENEWED_AFTER == 0:
        _connection.clear()

    def run() -> T:
        with (_connection(home()) if as_of is None else _connection_as_of(home(), as_of)).cursor() as cursor:
            cursor.execute(f"use {LAKE}")
            return work(cursor)

    try:
        return run()
    except (duckdb.IOException, duckdb.ConnectionException, duckdb.InternalException):
        _connection.clear()
        _connection_as_of.clear()
    return run()


def home() -> str:
    """Which lake this is, for keys of caches."""
    return str(lake.get_settings().home)


def _close(connection: "duckdb.DuckDBPyConnection") -> None:
    connection.close()


@st.cache_resource(max_entries=1, show_spinner=False)
def _connection(home_folder: str) -> "duckdb.DuckDBPyConnection":
    return lake.connect(read_only=True)


@st.cache_resource(max_entries=EARLIER_STATES, show_spinner="Reading the lake as it was …", on_release=_close)
def _connection_as_of(home_folder: str, snapshot: int) -> "duckdb.DuckDBPyConnection":
    return lake.connect(as_of=snapshot)


@st.cache_data(max_entries=CACHED_RESULTS, show_spinner=False)
def _cached_rows(home_folder: str, snapshot: int, as_of: int | None, sql: str, params: tuple[Any, ...]) -> Rows:
    def work(connection: "duckdb.DuckDBPyConnection") -> Rows:
        answer = connection.execute(sql, list(params))
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    return with_connection(work, as_of=as_of)


@st.cache_data(max_entries=CACHED_RESULTS, show_spinner=False)
def _cached_frame(home_folder: str, snapshot: int, sql: str, params: tuple[Any, ...]) -> "pd.DataFrame":
    return with_connection(lambda connection: connection.execute(sql, list(params)).df())


@st.cache_data(max_entries=8, show_spinner=False)
def _cached_tables(home_folder: str, snapshot: int, as_of: int | None) -> set[str]:
    found = with_connection(
        lambda connection: connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables where table_catalog = 'lake'"
        ).fetchall(),
        as_of=as_of,
    )
    return {name for (name,) in found}
