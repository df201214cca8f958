"""Writing the case view, or the part of it that a log's filters leave: CSV and Parquet with its columns, XES with a trace per case.

What belongs here: formats of logs that have cases. What does not: object-centric ones.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.exports.objects import OCEL_TYPES, text_of
from connectors.exports.xml_text import as_xml, escaped, write_rows
from lake import quote

if TYPE_CHECKING:
    import duckdb

ROWS = 100_000  # copied at a time
XES_TYPES = {"boolean": "boolean", "integer": "int", "float": "float", "time": "date", "string": "string"}
XES_KEYS = {"activity": "concept:name", "occurred_at": "time:timestamp", "resource": "org:resource"}
XES_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1.0" xmlns="http://www.xes-standard.org/">
<extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
<extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>
<extension name="Organizational" prefix="org" uri="http://www.xes-standard.org/org.xesext"/>
<classifier name="Activity" keys="concept:name"/>
"""


def write_csv(connection: "duckdb.DuckDBPyConnection", rows: str, path: Path) -> int:
    """Writes a line per case and event, in the order they happened, and returns how many; a null is an empty field."""
    from pyarrow import csv

    reader = _batches(connection, rows, as_text=True)
    count = 0
    with csv.CSVWriter(path, reader.schema, write_options=csv.WriteOptions(quoting_style="needed")) as out:
        for batch in reader:
            out.write_batch(batch)
            count += batch.num_rows
    return count


def write_parquet(connection: "duckdb.DuckDBPyConnection", rows: str, path: Path) -> int:
    """Writes a row per case and event, with the columns' types, and returns how many."""
    from pyarrow import parquet

    reader = _batches(connection, rows, as_text=False)
    count = 0
    with parquet.ParquetWriter(path, reader.schema, compression="zstd") as out:
        for batch in reader:
            out.write_batch(batch)
            count += batch.num_rows
    return count


def write_xes(connection: "duckdb.DuckDBPyConnection", rows: str, path: Path) -> int:
    """Writes a trace per case and returns how many events they have together."""
    columns = _columns(connection, rows)
    event = " || ".join(
        f"""coalesce('<{XES_TYPES[kind]} key="{as_xml(XES_KEYS.get(name, name))}" value="' || """
        f"""{escaped(text_of(quote(name), kind))} || '"/>', '')"""
        for name, kind in columns.items()
        if name not in ("case_id", "source_row")
    )
    events = f"string_agg('<event>' || {event} || '</event>', chr(10) order by occurred_at, source_row)"
    name = f"""'<trace><string key="concept:name" value="' || {escaped("case_id")} || '"/>'"""
    traces = f"select {name} || chr(10) || {events} || '</trace>' from {rows} as log group by case_id order by min(source_row)"
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.write(XES_HEAD)
        write_rows(connection, out, traces, path)
        out.write("</log>\n")
    row = connection.execute(f"select count(*) from {rows} as log").fetchone()
    return int(row[0]) if row else 0


def _batches(connection: "duckdb.DuckDBPyConnection", rows: str, *, as_text: bool) -> Any:
    columns = _columns(connection, rows)
    chosen = [f"{text_of(quote(name), kind)} as {quote(name)}" if as_text else quote(name) for name, kind in columns.items()]
    sql = f"select {', '.join(chosen)} from {rows} as log order by log.occurred_at, log.source_row, log.case_id"
    return connection.execute(sql).to_arrow_reader(ROWS)


def _columns(connection: "duckdb.DuckDBPyConnection", rows: str) -> dict[str, str]:
    described = connection.execute(f"describe select * from {rows} as log").fetchall()
    return {name: OCEL_TYPES.get(str(kind).partition("(")[0], "string") for name, kind, *_ in described}
