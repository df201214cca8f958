"""Pages of the CRM's resources, read from PostgreSQL as JSON in the order of their last change.

What belongs here: resources, cursors and the query behind a page. What does not: HTTP (`connectors.demo.crm_server`).
"""

import base64
import binascii
import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from connectors.demo import store
from connectors.demo.crm_records import CRM_TABLES
from connectors.demo.erp_records import MaybeMoment, Moment
from lake.settings import Settings

if TYPE_CHECKING:
    import psycopg

RESOURCES = {kind.table.removeprefix("crm."): kind for kind in CRM_TABLES}
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class CursorError(ValueError):
    """A cursor that this server did not give out."""


@dataclass(frozen=True)
class Cursor:
    """The row after which a page begins."""

    updated_at: datetime
    row_id: str

    def encode(self) -> str:
        """The cursor as opaque text for the client."""
        return base64.urlsafe_b64encode(json.dumps([self.updated_at.isoformat(), self.row_id]).encode()).decode()

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        """The cursor a client gives back; CursorError if it is not one of ours."""
        try:
            moment, row_id = json.loads(base64.b64decode(text, altchars=b"-_", validate=True))
            updated_at = datetime.fromisoformat(moment)
            if updated_at.tzinfo is None or not isinstance(row_id, str) or not row_id.isalnum():
                raise CursorError(text)
        except (binascii.Error, ValueError, TypeError) as error:
            raise CursorError(text) from error
        return cls(updated_at, row_id)


class CrmData:
    """One reading connection to the CRM's tables, opened again when PostgreSQL was restarted."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: psycopg.Connection[Any] | None = None
        self._lock = Lock()

    def page(self, resource: str, *, since: datetime, after: Cursor | None, limit: int) -> str:
        """A page as JSON text: `{"data": [...], "next_cursor": ...}` with at most `limit` rows changed at or after `since`."""
        rows = self._rows(_page_query(resource), (since, *_start(after), limit + 1))
        page, is_last = rows[:limit], len(rows) <= limit
        cursor = None if is_last else Cursor(page[-1][1], page[-1][2]).encode()
        return f'{{"data":[{",".join(row[0] for row in page)}],"next_cursor":{json.dumps(cursor)}}}'

    def is_up(self) -> bool:
        """Whether the database answers and holds a company."""
        return bool(self._rows("select count(*) from demo.company", ())[0][0])

    def seed(self) -> int:
        """The company's seed."""
        return int(self._rows("select seed from demo.company", ())[0][0])

    def _rows(self, query: str, values: tuple[object, ...]) -> list[Any]:
        import psycopg

        with self._lock:
            for attempt in (1, 2):
                if self._connection is None or self._connection.closed:
                    self._connection = store.connect(self._settings)
                    self._connection.autocommit = True
                    self._connection.read_only = True
                try:
                    return self._connection.execute(query.encode(), values).fetchall()
                except psycopg.OperationalError:
                    self._connection.close()
                    if attempt == 2:
                        raise
        raise AssertionError  # the loop returns or raises


def _start(after: Cursor | None) -> tuple[datetime, str]:
    return (after.updated_at, after.row_id) if after else (BEGINNING, "")


def _page_query(resource: str) -> str:
    kind = RESOURCES[resource]
    columns = ", ".join(_column(column.name, column.type) for column in fields(kind))
    return f"""
        select row_to_json(page)::text, page_row.updated_at, page_row.id
        from (
            select * from {kind.table}
            where updated_at >= %s and (updated_at, id) > (%s, %s)
            order by updated_at, id
            limit %s
        ) as page_row
        cross join lateral (select {columns}) as page
        order by page_row.updated_at, page_row.id
    """


def _column(name: str, kind: Any) -> str:
    if kind in (Moment, MaybeMoment):
        return f"""to_char(page_row.{name} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as {name}"""
    return f"page_row.{name}"
