"""Questions to a process's event log through its mining layout, answered once per snapshot of the lake.

What belongs here: running a question over `mining.EventLog` and keeping the answer. What does not: the questions (`mined`).
"""

from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from apps.streamlit.reading import CACHED_RESULTS, Rows, has_tables, home, note, snapshot_id, with_connection
from mining.event_log import EventLog
from mining.filters import Filter

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

T = TypeVar("T")


def ask(process: str, filters: tuple[Filter, ...], question: str, *params: Any, as_of: int | None = None) -> Rows:
    """Rows of a question over `events`, `kept`, `weights`, `variants` and `activities` of the filtered log.

    Args:
        process: Name of the process.
        filters: Applied in their order.
        question: A kernel of `mining.kernels`, or SQL over the same names with `$1`, `$2` … for the parameters.
        params: Their values.
        as_of: Snapshot to read the lake as of; None: the newest.
    """
    if not has_tables(f"event_logs.{process}", as_of=as_of):
        return []
    told = f"-- of the filtered log `{process}`, in the names of its mining layout\n{question}"
    note(told, params, (f"event_logs.{process}",), as_of)
    return _cached(home(), snapshot_id() if as_of is None else as_of, as_of, process, tuple(filters), question, params)


@st.cache_data(max_entries=CACHED_RESULTS, show_spinner="Asking the event log …", hash_funcs={tuple: repr})
def _cached(
    home_folder: str,
    snapshot: int,
    as_of: int | None,
    process: str,
    filters: tuple[Filter, ...],
    question: str,
    params: tuple[Any, ...],
) -> Rows:
    return of_log(process, filters, lambda log: _rows(log, question, params), as_of=as_of)


def of_log(process: str, filters: tuple[Filter, ...], work: "Callable[[EventLog], T]", *, as_of: int | None = None) -> "T":
    """What `work` makes of the filtered log, all of it at one snapshot; it is asked every time, so the caller keeps it."""

    def where_kept(connection: "duckdb.DuckDBPyConnection") -> "tuple[T] | None":
        connection.begin()
        try:
            log = EventLog.from_lake(process, connection=connection).filter(*filters)
            return (work(log),) if log.uses_kept_layout else None
        finally:
            connection.rollback()

    if found := with_connection(where_kept, as_of=as_of):
        return found[0]
    with closing(
        EventLog.from_lake(process, as_of=as_of)
    ) as log:  # its layout lives as long as its connection, so not on the pages' own
        return work(log.filter(*filters))


def _rows(log: EventLog, question: str, params: tuple[Any, ...]) -> Rows:
    answer = log.connection.execute(log.sql(question), list(params))
    names = [column[0] for column in answer.description]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
