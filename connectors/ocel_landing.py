"""An object-centric event log into the lake: the four tables of OCEL 2.0, the history of object values, and a case view.

What belongs here: landing, inside a transaction the caller holds. What does not: reading files.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from connectors.event_log_columns import GUESSES, attribute_names
from connectors.event_log_landing import FileOptions, ImportReport, clear_process, note_quarantined
from connectors.ocel import Ocel
from connectors.staged import convertible_type
from connectors.timestamps import read_timestamps
from lake import quote
from lake.errors import ColumnMissingError, FileFormatError
from lake.registry import register_process
from lake.sql_text import as_text

if TYPE_CHECKING:
    import duckdb

_EVENT, _OBJECT = ("event_id", "activity", "time"), ("object_id", "object_type")
_TAKEN = ("event_id", "activity", "occurred_at", "source_row")  # what no attribute of an event can be called


def land_ocel(connection: "duckdb.DuckDBPyConnection", log: Ocel, *, process: str, options: FileOptions, file: str) -> ImportReport:
    """Writes base rows to `raw_files.<process>__…`, views over them to `event_logs`, and the case view for one object type.

    Raises:
        FileFormatError: No event that can be used, or no object that could be a case.
        ColumnMissingError: The object type asked for is not in the file.
    """
    clear_process(connection, process)
    load_id = uuid.uuid4().hex
    note = stage_ocel(connection, log, options)
    quarantined = _quarantine(connection, process, load_id)
    attributes = _write_tables(connection, process, load_id)
    kind = _case_type(connection, process, options.object_type, file)
    _write_case_view(connection, process, kind, *attributes)
    counts = connection.execute(
        f"select count(distinct case_id), count(*), count(distinct activity) from event_logs.{quote(process)}"
    ).fetchone()
    assert counts is not None  # noqa: S101 — an aggregate has one row
    kinds = sorted(set(log.objects.values()))
    definition = {"file": file, "ocel": log.version, "case_notion": kind, "object_types": kinds}
    register_process(connection, process, title=process.replace("_", " ").capitalize(), origin="file", definition=definition)
    cases, events, activities = counts
    notes = [f"The cases are the objects of type `{kind}`; others are {', '.join(k for k in kinds if k != kind) or 'none'}."]
    notes += [note] if note else []
    return ImportReport(process, cases, events, activities, quarantined, 0.0, {"case": kind}, notes, load_id)


def stage_ocel(connection: "duckdb.DuckDBPyConnection", log: Ocel, options: FileOptions) -> str:
    """Puts the log into temporary tables of text; returns what is to be said about its times."""
    _load(
        connection,
        "ocel_events",
        _EVENT,
        [(e.event_id, e.activity, e.time) for e in log.events],
        [e.attributes for e in log.events],
    )
    latest = log.latest_values()
    objects = list(log.objects.items())
    _load(connection, "ocel_objects", _OBJECT, objects, [latest.get(object_id, {}) for object_id, _ in objects])
    _load(connection, "ocel_event_objects", ("event_id", "object_id", "qualifier"), log.event_objects)
    _load(connection, "ocel_object_objects", ("source_id", "target_id", "qualifier"), log.object_objects)
    history = [(object_id, name, time, _text(value)) for object_id, name, time, value in log.values]
    _load(connection, "ocel_values", ("object_id", "attribute", "time", "value"), history)
    reading = read_timestamps(connection, "ocel_events", "time", zone=options.time_zone, date_format=options.date_format)
    connection.execute(
        f"alter table ocel_events add column occurred_at timestamptz; update ocel_events set occurred_at = {reading.expression}"
    )
    since = read_timestamps(connection, "ocel_values", "time", zone=options.time_zone)
    connection.execute(
        f"alter table ocel_values add column valid_from timestamptz; update ocel_values set valid_from = {since.expression}"
    )
    return reading.note.replace("`time`", "the events' times")


def _load(
    connection: "duckdb.DuckDBPyConnection",
    table: str,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    attributes: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Makes a temporary table of text columns with `source_row`; attribute columns are called `@<name>` to stay apart."""
    import pyarrow as pa

    names = list(dict.fromkeys(name for values in attributes for name in values))
    data = {column: pa.array([row[number] for row in rows], pa.string()) for number, column in enumerate(columns)}
    data |= {f"@{name}": pa.array([_text(values.get(name)) for values in attributes], pa.string()) for name in names}
    data["source_row"] = pa.array(range(1, len(rows) + 1), pa.int64())
    connection.register("ocel_rows", pa.table(data))
    connection.execute(f"create or replace temp table {table} as from ocel_rows")
    connection.unregister("ocel_rows")


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


EVENT_IS_BROKEN = (
    "nullif(event_id, '') is null or nullif(activity, '') is null or occurred_at is null"
    " or source_row > min(source_row) over (partition by event_id)"
)
_WHAT_IS_MISSING = (
    "concat_ws(', ', case when coalesce(event_id, '') = '' then 'no id' end,"
    " case when coalesce(activity, '') = '' then 'no activity' end,"
    " case when occurred_at is null then 'no time that can be read' end)"
)


def _quarantine(connection: "duckdb.DuckDBPyConnection", process: str, load_id: str) -> int:
    """Takes out unusable events, and links that lead nowhere; each with its reason. Returns how many."""
    known_event, known_object = "(select event_id from ocel_events)", "(select object_id from ocel_objects)"
    connection.execute(
        "create or replace temp table broken_events as select source_row from ocel_events"
        f" qualify {EVENT_IS_BROKEN} or event_id is null"
    )
    checks = (
        ("events", "event_id", "source_row in (from broken_events)", "id, activity and time are there, once", _WHAT_IS_MISSING),
        (
            "event_objects",
            "event_id",
            f"event_id not in {known_event} or object_id not in {known_object}",
            "event and object are known",
            f"case when event_id not in {known_event} then 'unknown event ' || event_id else 'unknown object ' || object_id end",
        ),
        (
            "object_objects",
            "source_id",
            f"source_id not in {known_object} or target_id not in {known_object}",
            "both objects are known",
            "'one of ' || source_id || ' and ' || target_id || ' is unknown'",
        ),
    )
    for part, key, broken, rule, reason in checks:
        table = f"ocel_{part}"
        note_quarantined(
            connection, table, broken, subject=f"{process}__{part}", key=key, rule=rule, reason=reason, load_id=load_id
        )
        connection.execute(f"delete from {table} where {broken}")
    row = connection.execute("select count(*) from quarantine.rows where load_id = ?", [load_id]).fetchone()
    return int(row[0]) if row else 0


def _write_tables(connection: "duckdb.DuckDBPyConnection", process: str, load_id: str) -> tuple[list[str], list[str]]:
    """Writes the OCEL tables and their views; returns the attribute columns of events and of objects."""
    of_events = _attributes(connection, "ocel_events", _TAKEN)
    of_objects = _attributes(connection, "ocel_objects", _OBJECT)
    contents = {
        "events": f"select event_id, activity, occurred_at, source_row{_list(of_events)} from ocel_events",
        "objects": f"select object_id, object_type{_list(of_objects)} from ocel_objects",
        "event_objects": "select distinct event_id, object_id, coalesce(qualifier, '') as qualifier from ocel_event_objects",
        "object_objects": "select distinct source_id, target_id, coalesce(qualifier, '') as qualifier from ocel_object_objects",
        "object_values": "select object_id, attribute, valid_from, value from ocel_values order by source_row",
    }
    for part, sql in contents.items():
        name = quote(f"{process}__{part}")
        connection.execute(f"create table raw_files.{name} as select *, now() as _loaded_at, '{load_id}' as _load_id from ({sql})")
        connection.execute(f"create view event_logs.{name} as select * exclude (_loaded_at, _load_id) from raw_files.{name}")
    return list(of_events.values()), list(of_objects.values())


def _attributes(connection: "duckdb.DuckDBPyConnection", table: str, taken: Iterable[str]) -> dict[str, str]:
    """Attribute columns of a temporary table as typed expressions, each with its name in the lake."""
    described = [row[0] for row in connection.execute(f"describe {table}").fetchall()]
    columns = [name for name in described if name.startswith("@")]
    kinds = convertible_type(connection, table, columns)
    names = attribute_names((column[1:] for column in columns), taken=taken)
    return {f"try_cast({quote(column)} as {kinds[column]})": names[column[1:]] for column in columns}


def _list(attributes: Mapping[str, str]) -> str:
    return "".join(f", {expression} as {quote(name)}" for expression, name in attributes.items())


def _case_type(connection: "duckdb.DuckDBPyConnection", process: str, wanted: str | None, file: str) -> str:
    """The object type asked for; else the one whose objects are most like cases.

    Those meet many of the activities, few of them share an event, and each has a life of several steps that seldom repeat: so an
    employee or a customer, who meets everything all the time, is no case.
    """
    rows = connection.execute(
        f"""
        with linked as (
            select object_type, object_id, event_id, activity
            from event_logs.{quote(f"{process}__event_objects")}
            join event_logs.{quote(f"{process}__objects")} using (object_id)
            join event_logs.{quote(f"{process}__events")} using (event_id)
        ),
        kinds as (
            select object_type, count(distinct activity) as activities, count(*) / count(distinct event_id) as objects_at_once
            from linked group by object_type
        ),
        lives as (
            select object_type, count(distinct activity) as steps, count(*) as events from linked group by object_type, object_id
        ),
        mean_lives as (select object_type, avg(steps) as steps, avg(events) as events from lives group by object_type)
        select object_type from kinds join mean_lives using (object_type)
        order by activities * steps / events * sqrt(least(events, 4)) / objects_at_once desc, object_type
        """
    ).fetchall()
    kinds = [kind for (kind,) in rows]
    if wanted and wanted not in kinds:
        raise ColumnMissingError(
            f"{file} links no events to objects of type `{wanted}`; there are {', '.join(kinds) or 'none'}.",
            remedy="Correct --object-type.",
            file=file,
        )
    if not kinds:
        raise FileFormatError(f"{file} links no event to any object.", remedy="Export it with its relations.", file=file)
    return wanted or kinds[0]


def _write_case_view(
    connection: "duckdb.DuckDBPyConnection", process: str, kind: str, of_events: list[str], of_objects: list[str]
) -> None:
    """The case view: one row per event and object of the type, with the event's attributes, the object's with `case_` before."""
    resource = next((name for guess in GUESSES["resource"] for name in of_events if name == guess.replace(":", "_")), None)
    start = _start(connection, process, of_events)
    others = [name for name in of_events if name not in (resource, start)]
    names = attribute_names([*others, *(f"case_{name}" for name in of_objects)])
    chosen = [f"e.{quote(name)} as {quote(names[name])}" for name in others]
    chosen += [f"o.{quote(name)} as {quote(names[f'case_{name}'])}" for name in of_objects]
    who = f"cast(e.{quote(resource)} as varchar)" if resource else "cast(null as varchar)"
    part = {name: f"event_logs.{quote(f'{process}__{name}')}" for name in ("events", "objects", "event_objects")}
    connection.execute(
        f"create view event_logs.{quote(process)} as select o.object_id as case_id, e.activity, e.occurred_at,"
        f" {f'e.{start}' if start else 'cast(null as timestamptz)'} as started_at, {who} as resource,"
        f" e.source_row{''.join(f', {column}' for column in chosen)}"
        f" from (select distinct event_id, object_id from {part['event_objects']}) r"
        f" join {part['objects']} o using (object_id) join {part['events']} e using (event_id)"
        f" where o.object_type = {as_text(kind)}"
    )


def _start(connection: "duckdb.DuckDBPyConnection", process: str, of_events: list[str]) -> str | None:
    """The attribute that says when an event began, as our own exports call it; None where there is none or it holds no times."""
    if "started_at" not in of_events:
        return None
    kind = connection.sql(f"select started_at from event_logs.{quote(f'{process}__events')}").types[0]
    return "started_at" if str(kind) == "TIMESTAMP WITH TIME ZONE" else None
