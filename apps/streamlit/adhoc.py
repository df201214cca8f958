"""Ad hoc SQL: reading statements on a connection of their own that cannot write, capped in rows and in time, stopped on demand.

What belongs here: running what a person typed, and the lake's tables for them to look at. What does not: the page, and what the
connection refuses (`lake.connection`).
"""

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from apps.streamlit import catalogue
from apps.streamlit.reading import home, rows, snapshot_id
from lake import get_settings
from lake.errors import GrimoireError, QueryError, ReadOnlyError
from lake.saved_queries import note_run

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

MOST_COLUMNS = 20_000


@dataclass(frozen=True)
class Answer:
    """What a statement gave; `is_capped` where there is more than the page takes."""

    sql: str
    frame: "pd.DataFrame"
    is_capped: bool
    seconds: float
    snapshot_id: int


class Running:
    """A statement on its way, in a thread of its own; several statements run in their order, the last one's rows are the answer.

    Args:
        sql: What a person typed.
        as_of: Snapshot to read the lake as of; None: the newest.
        row_cap: Most rows of the answer; default: GRIMOIRE_SQL_ROWS.
        seconds: After which it is stopped; default: GRIMOIRE_SQL_SECONDS.
    """

    def __init__(self, sql: str, *, as_of: int | None = None, row_cap: int | None = None, seconds: float | None = None) -> None:
        settings = get_settings()
        self.sql, self.as_of = sql, as_of
        self.row_cap = settings.sql_rows if row_cap is None else row_cap
        self.most_seconds = settings.sql_seconds if seconds is None else seconds
        self.outcome: Answer | GrimoireError | None = None
        self._began, self._done, self._stop = time.monotonic(), threading.Event(), threading.Event()
        threading.Thread(target=self._work, name="ad-hoc-sql", daemon=True).start()

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self._began

    def cancel(self) -> None:
        """Stops it, whatever it is computing; `wait` says when it has."""
        self._stop.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Waits for the outcome; whether it is there."""
        return self._done.wait(seconds)

    def _work(self) -> None:
        try:
            self.outcome = self._answer()
        except GrimoireError as error:
            self.outcome = error
        except Exception as error:
            self.outcome = QueryError(str(error) or repr(error), remedy="Mend the statement.")
        with contextlib.suppress(GrimoireError):  # an answer is worth having without its place in the history
            note_run(self.sql, outcome=self._word(), result_rows=self._rows(), seconds=self.seconds)
        self._done.set()

    def _answer(self) -> Answer:
        import lake
        from lake.connection import read, translated_errors

        over = threading.Event()
        with lake.connect(read_only=True, as_of=self.as_of) as connection:
            guard = threading.Thread(target=self._guard, args=(connection, over), daemon=True)
            guard.start()
            try:
                with translated_errors():
                    relation = read(connection, self.sql)
                    frame = relation.limit(self.row_cap + 1).df() if relation is not None else _nothing()
                    snapshot = self.as_of if self.as_of is not None else lake.current_snapshot(connection)
            except GrimoireError as error:
                raise self._in_words(error) from error
            finally:
                over.set()
                guard.join()
        return Answer(self.sql, frame.head(self.row_cap), len(frame) > self.row_cap, self.seconds, snapshot)

    def _guard(self, connection: "duckdb.DuckDBPyConnection", over: threading.Event) -> None:
        """Interrupts when told to or when time is up, again and again: between two statements an interrupt is not heard."""
        while not over.is_set() and not self._stop.wait(0.05):
            if self.seconds > self.most_seconds:
                break
        while not over.wait(0.05):
            connection.interrupt()

    def _in_words(self, error: GrimoireError) -> GrimoireError:
        if isinstance(error, ReadOnlyError):
            return ReadOnlyError(error.problem, remedy="This page only reads; `grimoire sql --write` can change the lake.")
        if self._stop.is_set():
            return QueryError(f"Stopped by you after {self.seconds:.1f} seconds.", is_stopped=True)
        if self.seconds > self.most_seconds:
            words = f"The statement was stopped after {self.most_seconds:.0f} seconds."
            return QueryError(words, remedy="Ask for less, use `grimoire sql`, or raise GRIMOIRE_SQL_SECONDS.", is_stopped=True)
        return error

    def _word(self) -> str:
        if isinstance(self.outcome, Answer):
            return "answered"
        if isinstance(self.outcome, ReadOnlyError):
            return "refused"
        return "stopped" if self.outcome and self.outcome.data.get("is_stopped") else "failed"

    def _rows(self) -> int | None:
        return len(self.outcome.frame) if isinstance(self.outcome, Answer) else None


def lake_tables() -> list[dict[str, Any]]:
    """Every table of the lake as the editor wants it: schema, table, and columns of name, type and classification."""
    return _cached_tables(home(), snapshot_id())


@st.cache_data(max_entries=2, show_spinner=False)
def _cached_tables(home_folder: str, snapshot: int) -> list[dict[str, Any]]:
    known = catalogue.whole().tables
    classes = {
        (table.schema, table.name): {column.name: column.classification for column in table.columns} for table in known.values()
    }
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows(
        f"""select table_schema, table_name, column_name, lower(data_type) as data_type from information_schema.columns
            where table_catalog = 'lake' order by table_schema, table_name, ordinal_position limit {MOST_COLUMNS}"""
    ):
        key = (row["table_schema"], row["table_name"])
        one = found.setdefault(key, {"schema": key[0], "table": key[1], "columns": []})
        kind = row["data_type"].replace("timestamp with time zone", "timestamptz")
        named = classes.get(key, {}).get(row["column_name"])
        one["columns"].append({"name": row["column_name"], "type": kind, "classification": named})
    return list(found.values())


def _nothing() -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame()
