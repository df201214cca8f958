"""Writing OCEL 2.0 in SQLite.

What belongs here: SQLite. What does not: the other layouts, and reading it (`connectors.ocel_sqlite`).
"""

import re
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.exports.log_tables import LogTables
from connectors.exports.objects import CASTS, START, ObjectLog, moment, object_log, text_of
from lake import quote
from lake.sql_text import as_text

if TYPE_CHECKING:
    import duckdb

ROWS = 20_000  # copied at a time
COLUMN_TYPES = {"boolean": "BOOLEAN", "integer": "INTEGER", "float": "REAL", "time": "TIMESTAMP", "string": "TEXT"}
TABLES = """
create table event_map_type (ocel_type TEXT primary key, ocel_type_map TEXT);
create table object_map_type (ocel_type TEXT primary key, ocel_type_map TEXT);
create table event (ocel_id TEXT primary key, ocel_type TEXT references event_map_type (ocel_type));
create table object (ocel_id TEXT primary key, ocel_type TEXT references object_map_type (ocel_type));
create table event_object (ocel_event_id TEXT references event (ocel_id), ocel_object_id TEXT references object (ocel_id),
    ocel_qualifier TEXT, primary key (ocel_event_id, ocel_object_id, ocel_qualifier));
create table object_object (ocel_source_id TEXT references object (ocel_id), ocel_target_id TEXT references object (ocel_id),
    ocel_qualifier TEXT, primary key (ocel_source_id, ocel_target_id, ocel_qualifier));
"""


def write_sqlite(connection: "duckdb.DuckDBPyConnection", tables: LogTables, path: Path) -> int:
    """Writes the log and returns how many events it has."""
    log = object_log(connection, tables)
    with closing(sqlite3.connect(path)) as out:
        out.executescript("pragma journal_mode = off; pragma synchronous = off;" + TABLES)  # a file cut short is thrown away
        events = _copy(log, out, "event", f"select event_id, activity from {log.part('events')} order by source_row, event_id")
        _copy(log, out, "object", f"select object_id, object_type from {log.part('objects')} order by object_type, object_id")
        for name, source, target in (("event_object", "event_id", "object_id"), ("object_object", "source_id", "target_id")):
            pairs = f"select distinct {source}, {target}, coalesce(qualifier, '') from {log.part(f'{name}s')} order by all"
            _copy(log, out, name, pairs)
        for what in ("event", "object"):
            _write_types(log, out, what)
        out.commit()
    return events


def _write_types(log: ObjectLog, out: sqlite3.Connection, what: str) -> None:
    """A table per type of event or object, with the attributes that type has."""
    types = log.types(f"{what}s")
    for (kind, known), name in zip(types.items(), mapped(types), strict=True):
        out.execute(f"insert into {what}_map_type values (?, ?)", (kind, name))
        columns = dict(zip(_apart(known, taken=("ocel_id", "ocel_time", "ocel_changed_field")), known.values(), strict=True))
        own = ["ocel_id TEXT", "ocel_time TIMESTAMP", *(["ocel_changed_field TEXT"] if what == "object" else [])]
        own += [f"{quote(column)} {COLUMN_TYPES[one]}" for column, one in columns.items()]
        out.execute(f"create table {quote(f'{what}_{name}')} ({', '.join(own)})")
        _copy(log, out, f"{what}_{name}", _rows(log, what, kind, known))


def _rows(log: ObjectLog, what: str, kind: str, known: Mapping[str, str]) -> str:
    values = "".join(f", {_value(quote(name), one)}" for name, one in known.items())
    if what == "event":
        rows = f"from {log.part('events')} where activity = {as_text(kind)} order by source_row, event_id"
        return f"select event_id, {moment('occurred_at')}{values} {rows}"
    if not log.has_history:
        return (
            f"select object_id, '{START}', null{values} from {log.part('objects')} where object_type = {as_text(kind)} order by 1"
        )
    return _history(log, kind, known)


def _history(log: ObjectLog, kind: str, known: Mapping[str, str]) -> str:
    """A row per object with what it was at the beginning, and one per change after that, with the name of what changed."""
    is_first = f"valid_from is null or valid_from = '{START}'"
    first = "".join(
        f", last(value order by valid_from nulls first) filter (attribute = {as_text(name)} and ({is_first}))" for name in known
    )
    later = "".join(f", case when attribute = {as_text(name)} then value end" for name in known)
    typed = "".join(f", {_read(f'v{at}', one)}" for at, one in enumerate(known.values()))
    names = "".join(f", v{at}" for at in range(len(known)))
    objects = f"(select object_id from {log.part('objects')} where object_type = {as_text(kind)})"
    return (
        f"with first_of_each (object_id, time, changed{names}) as (select object_id, '{START}', null{first} from {objects}"
        f" left join {log.part('object_values')} using (object_id) group by object_id),"
        f" later (object_id, time, changed{names}) as (select object_id, {moment('valid_from')}, attribute{later} from {objects}"
        f" join {log.part('object_values')} using (object_id) where not ({is_first}) and value is not null)"
        f" select object_id, time, changed{typed} from (from first_of_each union all from later) order by object_id, time, changed"
    )


def _value(value: str, kind: str) -> str:
    """SQL of a value as SQLite keeps it; a truth value as the word, for SQLite knows only numbers."""
    return f"cast({value} as {CASTS[kind]})" if kind in ("integer", "float") else text_of(value, kind)


def _read(value: str, kind: str) -> str:
    """SQL of a value that is kept as text."""
    return f"try_cast({value} as {CASTS[kind]})" if kind in ("integer", "float") else value


def _copy(log: ObjectLog, out: sqlite3.Connection, table: str, sql: str) -> int:
    cursor, count = log.connection.execute(sql), 0
    places = ", ".join("?" * len(cursor.description or ()))
    while found := cursor.fetchmany(ROWS):
        out.executemany(f"insert into {quote(table)} values ({places})", found)
        count += len(found)
    return count


def mapped(types: Iterable[str]) -> list[str]:
    """What each type's table is called after `event_` or `object_`: its letters and digits, never as another table is."""
    return _apart((re.sub(r"\W+", "", kind) for kind in types), taken=("object", "map_type", ""))


def _apart(names: Iterable[str], *, taken: Iterable[str]) -> list[str]:
    """The names, told apart as SQLite does, without regard to case."""
    used, found = {name.casefold() for name in taken}, []
    for name in names:
        free, number = name, 2
        while free.casefold() in used:
            free, number = f"{name or 'type'}_{number}", number + 1
        used.add(free.casefold())
        found.append(free)
    return found
