"""Ad hoc SQL: one reading statement on a connection of its own that cannot write, capped in rows and in time.

What belongs here: running what a person typed, and the lake's schema for them to look at. What does not: the page.
"""

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.streamlit.reading import Rows, rows
from lake.errors import QueryError, ReadOnlyError

if TYPE_CHECKING:
    import pandas as pd

ROW_CAP = 5_000
SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """What a statement gave; `is_capped` where there is more than the page takes."""

    frame: "pd.DataFrame"
    is_capped: bool
    seconds: float
    snapshot_id: int


def run(sql: str) -> Answer:
    """Runs one statement and returns at most 5,000 rows.

    Raises:
        QueryError: DuckDB cannot run it, or it took longer than a minute.
        ReadOnlyError: It would write; nothing was written.
    """
    import lake
    from lake.connection import read, translated_errors

    began, stopped = time.monotonic(), threading.Event()
    with lake.connect(read_only=True) as connection:

        def stop() -> None:
            stopped.set()
            connection.interrupt()

        clock = threading.Timer(SECONDS, stop)
        clock.start()
        try:
            with translated_errors():
                relation = read(connection, sql)
                frame = relation.limit(ROW_CAP + 1).df() if relation is not None else _nothing()
                snapshot = lake.current_snapshot(connection)
        except ReadOnlyError as error:
            raise ReadOnlyError(
                error.problem, remedy="This page only reads; `grimoire sql --write` can change the lake."
            ) from error
        except QueryError as error:
            if stopped.is_set():
                words = f"The statement was stopped after {SECONDS:.0f} seconds."
                raise QueryError(words, remedy="Ask for less, or use `grimoire sql`.") from error
            raise
        finally:
            clock.cancel()
    return Answer(frame.head(ROW_CAP), len(frame) > ROW_CAP, time.monotonic() - began, snapshot)


def schema() -> Rows:
    """Every column of the lake: table_schema, table_name, column_name, data_type."""
    return rows(
        """select table_schema, table_name, column_name, data_type from information_schema.columns
           where table_catalog = 'lake' order by table_schema, table_name, ordinal_position limit 20000"""
    )


def _nothing() -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame()
