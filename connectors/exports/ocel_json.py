"""Writing OCEL 2.0 in JSON.

What belongs here: JSON. What does not: the other layouts, and reading it (`connectors.ocel_json`).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

from connectors.exports.log_tables import LogTables
from connectors.exports.objects import ObjectLog, object_log, text_of

if TYPE_CHECKING:
    import duckdb

ROWS = 20_000  # made text at a time
RELATIONS = "list_transform(relations, lambda one: {'objectId': one.id, 'qualifier': one.qualifier})"


def write_json(connection: "duckdb.DuckDBPyConnection", tables: LogTables, path: Path) -> int:
    """Writes the log and returns how many events it has."""
    log = object_log(connection, tables)
    with path.open("w", encoding="utf-8") as out:
        for name, what in (("objectTypes", "objects"), ("eventTypes", "events")):
            out.write(f'{"," if what == "events" else "{"}\n"{name}": {_types(log.types(what))}')
        _write_rows(log, out, "objects", log.object_rows(_value), "id, type, attributes, relationships")
        events = _write_rows(log, out, "events", log.event_rows(_value), "id, type, time, attributes, relationships")
        out.write("\n}\n")
    return events


def _types(types: Mapping[str, Mapping[str, str]]) -> str:
    words = [
        {"name": name, "attributes": [{"name": n, "type": kind} for n, kind in known.items()]} for name, known in types.items()
    ]
    return json.dumps(words, ensure_ascii=False)


def _value(value: str, kind: str) -> str:
    """SQL of a value as JSON; a number that is none, which JSON does not know, as text."""
    if kind == "float":
        number = f"cast({value} as double)"
        return f"case when isfinite({number}) then to_json({value}) else to_json(cast({value} as varchar)) end"
    return f"to_json({value})" if kind in ("integer", "boolean") else f"to_json({text_of(value, kind)})"


def _write_rows(log: ObjectLog, out: IO[str], name: str, rows: str, fields: str) -> int:
    chosen = fields.replace("relationships", f"{RELATIONS} as relationships")
    cursor = log.connection.execute(f"select cast(to_json(one) as varchar) from (select {chosen} from ({rows})) as one")
    out.write(f',\n"{name}": [')
    count = 0
    while found := cursor.fetchmany(ROWS):
        out.write(("," if count else "") + "\n" + ",\n".join(line for (line,) in found))
        count += len(found)
    out.write("\n]")
    return count
