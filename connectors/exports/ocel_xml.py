"""Writing OCEL 2.0 in XML.

What belongs here: XML. What does not: the other layouts, and reading it (`connectors.ocel_xml`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.exports.log_tables import LogTables
from connectors.exports.objects import object_log, text_of
from connectors.exports.xml_text import as_xml, escaped, write_rows

if TYPE_CHECKING:
    import duckdb


def write_xml(connection: "duckdb.DuckDBPyConnection", tables: LogTables, path: Path) -> int:
    """Writes the log and returns how many events it has."""
    log = object_log(connection, tables)
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.write("<?xml version='1.0' encoding='UTF-8'?>\n<log>\n")
        out.write(_types("object", log.types("objects")) + _types("event", log.types("events")))
        out.write("<objects>\n")
        write_rows(connection, out, _elements(log.object_rows(text_of), "object"), path)
        out.write("</objects>\n<events>\n")
        events = write_rows(connection, out, _elements(log.event_rows(text_of), "event"), path)
        out.write("</events>\n</log>\n")
    return events


def _types(what: str, types: Mapping[str, Mapping[str, str]]) -> str:
    lines = [f"<{what}-types>"]
    for name, known in types.items():
        attributes = "".join(f'<attribute name="{as_xml(one)}" type="{kind}"/>' for one, kind in known.items())
        lines.append(f'<{what}-type name="{as_xml(name)}"><attributes>{attributes}</attributes></{what}-type>')
    return "\n".join([*lines, f"</{what}-types>"]) + "\n"


def _elements(rows: str, what: str) -> str:
    """SQL of one element per row."""
    since = """ || '" time="' || one.time""" if what == "object" else ""
    time = "" if what == "object" else """ || '" time="' || time"""
    attribute = f"""'<attribute name="' || {escaped("one.name")}{since} || '">' || {escaped("one.value")} || '</attribute>'"""
    relation = f"""'<relationship object-id="' || {escaped("one.id")} || '" qualifier="' || {escaped("one.qualifier")} || '"/>'"""
    return (
        f"""select '<{what} id="' || {escaped("id")} || '" type="' || {escaped("type")}{time} || '"><attributes>'"""
        f" || array_to_string(list_transform(attributes, lambda one: {attribute}), '') || '</attributes><objects>'"
        f" || array_to_string(list_transform(relations, lambda one: {relation}), '') || '</objects></{what}>' from ({rows})"
    )
