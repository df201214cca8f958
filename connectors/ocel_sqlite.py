"""Reading OCEL 2.0 in SQLite.

What belongs here: SQLite. What does not: the other formats, and landing.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from connectors.ocel import Ocel, OcelEvent
from lake import quote
from lake.errors import FileFormatError

OWN = ("ocel_id", "ocel_time", "ocel_changed_field")


def read_sqlite(path: Path) -> Ocel:
    """Reads the file without ever writing to it.

    Raises:
        FileFormatError: Damaged, or a table of OCEL 2.0 is missing (names it).
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            return _read(connection)
    except sqlite3.Error as error:
        raise FileFormatError(
            f"{path.name} is no OCEL 2.0 database: {error}.", remedy="Export it again as OCEL 2.0.", file=path.name
        ) from error


def _read(connection: sqlite3.Connection) -> Ocel:
    log = Ocel("2.0")
    for object_id, kind in connection.execute("select ocel_id, ocel_type from object order by rowid"):
        log.objects.setdefault(str(object_id), kind)
    for object_id, time, row in _typed_rows(connection, "object"):
        changed = row.pop("ocel_changed_field", None)
        values = row.items() if changed is None else [(changed, row.get(changed))]
        log.values += [(object_id, name, time, value) for name, value in values if value is not None]
    details = {event_id: (time, row) for event_id, time, row in _typed_rows(connection, "event")}
    for event_id, kind in connection.execute("select ocel_id, ocel_type from event order by rowid"):
        time, row = details.get(str(event_id), ("", {}))
        filled = {name: value for name, value in row.items() if value is not None}
        log.events.append(OcelEvent(str(event_id), kind or "", time, filled))
    log.event_objects += _links(connection, "select ocel_event_id, ocel_object_id, ocel_qualifier from event_object order by rowid")
    log.object_objects += _links(
        connection, "select ocel_source_id, ocel_target_id, ocel_qualifier from object_object order by rowid"
    )
    return log


def _typed_rows(connection: sqlite3.Connection, kind: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The rows of every `<kind>_<type>` table that the map names and the file has."""
    there = {name for (name,) in connection.execute("select name from sqlite_master where type in ('table', 'view')")}
    for (mapped,) in connection.execute(f"select distinct ocel_type_map from {kind}_map_type").fetchall():
        if f"{kind}_{mapped}" not in there:
            continue
        cursor = connection.execute(f"select * from {quote(f'{kind}_{mapped}')}")
        names = [column[0] for column in cursor.description]
        for values in cursor:
            row = dict(zip(names, values, strict=True))
            yield str(row.pop("ocel_id")), str(row.pop("ocel_time") or ""), row


def _links(connection: sqlite3.Connection, sql: str) -> list[tuple[str, str, str]]:
    return [(str(one), str(other), str(qualifier or "")) for one, other, qualifier in connection.execute(sql)]
