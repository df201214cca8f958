"""The catalog as the pages need it: one table's sheet, what a search finds, a few rows that show nothing personal.

What belongs here: reading the catalog and rows of a table through the pages' connection. What does not: the catalog itself
(`lake.catalog`), the picture of its lineage (`lineage`) and layout.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import streamlit as st

from apps.streamlit.reading import CACHED_RESULTS, Rows, home, rows, snapshot_id, with_connection
from apps.streamlit.wording import shortened
from connectors.recognisers import by_name, by_values, masked
from lake import quote
from lake.catalog import Catalog, Column, Table, catalog

if TYPE_CHECKING:
    from lake.column_lineage import Trace

SAMPLE = 50
SHOWN_LETTERS = 200
KINDS = {"products": "Data product", "event_logs": "Event log"}


def whole() -> Catalog:
    """The catalog of the lake's newest snapshot."""
    return with_connection(catalog)


def short_name(table: Table, known: Catalog) -> str:
    """The shortest name that leads to the table: what stands in the address."""
    return table.name if known.find(table.name) is table else table.key


def search(tables: list[Table], words: str) -> list[tuple[Table, str]]:
    """The tables whose name, description, owner or columns hold all the words, each with the column that was found."""
    wanted = words.lower().split()
    found = []
    for table in tables:
        own = f"{table.key} {table.description} {table.owner} {table.classification or ''}".lower()
        columns = [column for column in table.columns if all(word in _words(column) for word in wanted)]
        if all(word in own for word in wanted):
            found.append((table, ""))
        elif columns:
            found.append((table, ", ".join(column.name for column in columns[:3])))
    return found


def _words(column: Column) -> str:
    return f"{column.name} {column.description} {column.classification or ''}".lower()


def follow(key: str, column: str) -> "Trace":
    """The way of a column through the lake."""
    return _cached_trace(home(), snapshot_id(), key, column)


@st.cache_data(max_entries=CACHED_RESULTS, show_spinner="Following the column …")
def _cached_trace(home_folder: str, snapshot: int, key: str, column: str) -> "Trace":
    from lake.column_lineage import trace

    return trace(whole(), key, column)


def row_count(table: Table) -> int:
    """How many rows it has; of a view they are counted."""
    if table.rows is not None:
        return table.rows
    return int(rows(f"select count(*) as n from {_relation(table)}", needs=(table.key,))[0]["n"])


def sample(table: Table, *, limit: int = SAMPLE, newest_by: str | None = None) -> tuple[Rows, list[str]]:
    """Some rows of a table, with what is sensitive masked, and the masked columns' names.

    Args:
        table: The table.
        limit: How many rows.
        newest_by: Column whose highest values come first; default: in whatever order they lie.
    """
    order = f" order by {quote(newest_by)} desc nulls last" if newest_by else ""
    return _masked(table, rows(f"select * from {_relation(table)}{order} limit {limit:d}", needs=(table.key,)))


def rows_by(
    table: Table, column: str, keys: list[str], *, holding: Collection[datetime] | None = None, as_of: int | None = None
) -> tuple[Rows, list[str]]:
    """The rows whose column has one of the values, as text, masked as a sample's; at most 2,000.

    Args:
        table: The table.
        column: Its column.
        keys: The values.
        holding: Times in UTC, one of which a row must hold to count; None: every row does.
        as_of: Snapshot to read the lake as of; None: the newest.
    """
    places = ", ".join("?" * len(keys)) or "null"
    name = quote(column)
    sql = f"select * from {_relation(table)} where cast({name} as varchar) in ({places}) order by {name} limit 2000"
    found = rows(sql, *keys, needs=(table.key,), as_of=as_of)
    return _masked(table, [row for row in found if holding is None or _times(row) & set(holding)])


def _times(row: dict[str, Any]) -> set[datetime]:
    """The times a row holds; one without a zone is taken as UTC."""
    times = (value for value in row.values() if isinstance(value, datetime))
    return {time if time.tzinfo else time.replace(tzinfo=UTC) for time in times}


def _masked(table: Table, found: Rows) -> tuple[Rows, list[str]]:
    hidden = hidden_columns(table, found)
    return [{name: _shown(value, is_hidden=name in hidden) for name, value in row.items()} for row in found], hidden


def hidden_columns(table: Table, found: Rows) -> list[str]:
    """The columns classified as sensitive, and of those that nobody has classified the ones that look it."""
    return [column.name for column in table.columns if _is_hidden(column, [row.get(column.name) for row in found])]


def _is_hidden(column: Column, values: list[Any]) -> bool:
    if column.classification is not None:
        return column.classification == "sensitive"
    texts = sorted({value for value in values if isinstance(value, str) and value.strip()})
    is_text = column.type in {"", "varchar"}
    return by_name(column.name, is_text=is_text)[0] == "sensitive" or (bool(texts) and by_values(column.name, texts) is not None)


def _shown(value: Any, *, is_hidden: bool) -> Any:
    """A value as a sample shows it: masked, cut where it is long, times as text in UTC."""
    if isinstance(value, datetime):
        value = f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if value.tzinfo else f"{value:%Y-%m-%d %H:%M:%S}"
    if value is None or not is_hidden:
        return shortened(value, letters=SHOWN_LETTERS) if isinstance(value, str) else value
    return masked(str(value))


def _relation(table: Table) -> str:
    return f"{quote(table.schema)}.{quote(table.name)}"
