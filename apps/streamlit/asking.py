"""Questions to a process's event log through its mining layout, answered once per snapshot of the lake.

What belongs here: running a question over `mining.EventLog` and keeping the answer. What does not: the questions (`mined`).
"""

from contextlib import closing
from typing import TYPE_CHECKING, Any

import streamlit as st

from apps.streamlit.reading import CACHED_RESULTS, Rows, has_tables, home, note, snapshot_id, with_connection
from mining.event_log import EventLog
from mining.filters import Filter

if TYPE_CHECKING:
    import duckdb


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
    def work(connection: "duckdb.DuckDBPyConnection") -> Rows | None:
        log = EventLog.from_lake(process, connection=connection).filter(*filters)
        return _rows(log, question, params) if log.uses_kept_layout else None

    found = with_connection(work, as_of=as_of)
    if found is not None:
        return found
    with closing(
        EventLog.from_lake(process, as_of=as_of)
    ) as log:  # its layout lives as long as its connection, so not on the pages' own
        return _rows(log.filter(*filters), question, params)


def _rows(log: EventLog, question: str, params: tuple[Any, ...]) -> Rows:
    answer = log.connection.execute(log.sql(question), list(params))
    names = [column[0] for column in answer.description]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
