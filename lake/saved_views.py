"""Saved views: a name for the address of a page with everything that was chosen on it, kept in the platform database.

What belongs here: keeping, listing and deleting them. What does not: what an address means (the pages do) and showing them.

They are the platform's own and not the lake's: a view is no data, and going back to an earlier snapshot must not lose any.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lake.errors import DataError
from lake.platform_tables import execute

MOST_LETTERS, MOST_QUERY = 120, 20_000
TABLE = """create table if not exists saved_views (
    name text primary key, page text not null, query text not null, saved_at timestamptz not null default now())"""


@dataclass(frozen=True)
class SavedView:
    """A page and the query of its address (`process=order_to_cash&filters=…`, without the question mark)."""

    name: str
    page: str
    query: str
    saved_at: datetime


def save_view(name: str, *, page: str, query: str) -> SavedView:
    """Keeps a view; one of the same name is replaced.

    Args:
        name: What people call it, up to 120 letters.
        page: Name of the page's file, such as `variants`.
        query: The address's query, URL-encoded.

    Raises:
        DataError: The name is empty or too long, or the query is.
        DatabaseUnavailableError: The platform database does not answer.
    """
    name = " ".join(name.split())
    if not name or len(name) > MOST_LETTERS or "\x00" in name:
        raise DataError("A view's name has 1 to 120 letters.", remedy="Give it a short name.")
    if len(query) > MOST_QUERY:
        raise DataError(
            "The view's address is too long to be kept.", remedy="Use fewer filters, or filters that name fewer values."
        )
    row = _execute(
        "insert into saved_views (name, page, query) values (%s, %s, %s) on conflict (name) do update"
        " set page = excluded.page, query = excluded.query, saved_at = now() returning name, page, query, saved_at",
        (name, page, query),
    )
    return SavedView(*row[0])


def saved_views() -> list[SavedView]:
    """Every view, by name."""
    return [SavedView(*row) for row in _execute("select name, page, query, saved_at from saved_views order by lower(name), name")]


def saved_view(name: str) -> SavedView | None:
    """The view of that name."""
    found = _execute("select name, page, query, saved_at from saved_views where name = %s", (name,))
    return SavedView(*found[0]) if found else None


def delete_view(name: str) -> bool:
    """Forgets a view; whether there was one."""
    return bool(_execute("delete from saved_views where name = %s returning name", (name,)))


def _execute(statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    return execute(statement, values, table="saved_views", definition=TABLE)
