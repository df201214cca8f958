"""Staged rows of an event-log file into the lake: base rows, case view, quarantine, registration.

What belongs here: landing, inside a transaction the caller holds. What does not: reading files and choosing readers.
"""

import json
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from connectors.event_log_columns import Roles, assign_roles, attribute_names
from connectors.imported import drop_relations, resolve_held
from connectors.lifecycle import COMPLETED_BY, Lifecycle, could_be_paired, pair_lifecycle
from connectors.staged import ROW, Staged
from connectors.timestamps import read_timestamps
from lake import quote
from lake.errors import FileFormatError
from lake.journal import QUARANTINE_INTO, ensure_platform_tables, insert_rows
from lake.registry import processes, register_process

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class FileOptions:
    """What the user said about a file; None is to be guessed."""

    case: str | None = None
    activity: str | None = None
    timestamp: str | None = None
    start: str | None = None
    resource: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    time_zone: str = "UTC"
    date_format: str | None = None
    object_type: str | None = None
    lifecycle: Lifecycle = "keep"


@dataclass(frozen=True)
class ImportReport:
    """What came of one file."""

    process: str
    cases: int
    events: int
    activities: int
    rows_quarantined: int
    seconds: float
    columns: dict[str, str] = field(default_factory=dict)  # the contract's part to the file's column
    notes: list[str] = field(default_factory=list)  # what was guessed and the reader should know
    load_id: str = ""  # what its rows bear in `_load_id`, and those set aside in `quarantine.rows`
    lifecycle: dict[str, int] = field(default_factory=dict)  # `Pairing`'s counts, where starts and completions were paired


def refuse_taken_name(connection: "duckdb.DuckDBPyConnection", process: str) -> None:
    """A data product's event log is never overwritten by a file."""
    origins = {known.name: known.origin for known in processes(connection)}
    there = connection.execute(
        "select 1 from duckdb_columns() where database_name = 'lake' and schema_name = 'event_logs' and table_name = ?", [process]
    ).fetchone()
    if origins.get(process) == "product" or (there and process not in origins):
        raise FileFormatError(
            f"`{process}` is the event log of a data product and is not replaced by a file.",
            remedy="Give the import another name with --name NAME.",
            process=process,
        )


def land_event_log(
    connection: "duckdb.DuckDBPyConnection", staged: Staged, *, process: str, options: FileOptions, file: str
) -> ImportReport:
    """Writes the staged rows to `raw_files.<process>`, the case view over them, and registers the process."""
    given = {role: getattr(options, role) for role in ("case", "activity", "timestamp", "start", "resource")}
    roles = assign_roles(list(staged.columns), given, file=file)
    contract, notes = _contract_columns(connection, staged, roles, options)
    load_id = uuid.uuid4().hex
    clear_process(connection, process)
    _write_rows(connection, staged, roles, contract, process, load_id)
    rows, cases, events, activities = _count(connection, staged, process)
    quarantined = len(staged.rejected) if rows == events else _quarantine(connection, staged, contract, process, load_id)
    note_rejected(connection, staged, process, load_id)
    if events == 0:
        raise FileFormatError(
            f"{file} holds no event that can be used{_why(connection, load_id)}.",
            remedy="See the columns chosen: --case, --activity, --timestamp.",
            file=file,
        )
    report = publish(
        connection, process, roles, (cases, events, activities), file=file, details=staged.details, lifecycle=options.lifecycle
    )
    notes = [*staged.notes, *notes, *report.notes]
    return replace(report, rows_quarantined=quarantined, notes=notes, load_id=load_id)


def publish(
    connection: "duckdb.DuckDBPyConnection",
    process: str,
    roles: Roles,
    counts: tuple[int, int, int],
    *,
    file: str,
    details: dict[str, Any],
    lifecycle: Lifecycle,
) -> ImportReport:
    """Makes the case view over `raw_files.<process>` and registers the process.

    Args:
        connection: In a transaction.
        process: Name of the process.
        roles: The file's columns that play the contract's parts.
        counts: Cases, events and activities in the table.
        file: Name of the file.
        details: What the file says of itself.
        lifecycle: Whether starts and completions are paired; a file with a column of starts has them already.
    """
    to_pair = lifecycle == "pair" and not roles.start
    pairing = pair_lifecycle(connection, process) if to_pair else None
    hint = None if to_pair or roles.start else could_be_paired(connection, process)
    paired = pairing.paired if pairing else 0
    own, where = (
        ("_loaded_at, _load_id", "") if not paired else (f"_loaded_at, _load_id, {COMPLETED_BY}", f" where {COMPLETED_BY} is null")
    )
    table = f"raw_files.{quote(process)}"
    connection.execute(f"create view event_logs.{quote(process)} as select * exclude ({own}) from {table}{where}")
    parts = {role: column for role, column in roles.__dict__.items() if column}
    told = {"lifecycle": pairing.as_dict()} if pairing else {}
    definition = {"file": file, "columns": parts, **details, **told}
    register_process(connection, process, title=process.replace("_", " ").capitalize(), origin="file", definition=definition)
    cases, events, activities = counts
    return ImportReport(
        process,
        cases,
        events - paired,
        activities,
        rows_quarantined=0,
        seconds=0.0,
        columns=parts,
        notes=[note for note in (pairing.note if pairing else None, hint) if note],
        lifecycle=pairing.as_dict() if pairing else {},
    )


def _contract_columns(
    connection: "duckdb.DuckDBPyConnection", staged: Staged, roles: Roles, options: FileOptions
) -> tuple[dict[str, str], list[str]]:
    """The contract's columns as expressions over the staged table, and what is to be said about them."""
    read = {
        column: read_timestamps(connection, staged.table, column, zone=options.time_zone, date_format=options.date_format)
        for column in (roles.timestamp, roles.start)
        if column
    }
    expressions = {
        "case_id": f"nullif(cast({quote(roles.case)} as varchar), '')",
        "activity": f"nullif(cast({quote(roles.activity)} as varchar), '')",
        "occurred_at": read[roles.timestamp].expression,
        "started_at": read[roles.start].expression if roles.start else "cast(null as timestamptz)",
        "resource": f"cast({quote(roles.resource)} as varchar)" if roles.resource else "cast(null as varchar)",
        "source_row": f"cast({quote(ROW)} as bigint)",
    }
    return expressions, [reading.note for reading in read.values() if reading.note]


COMPLETE = "case_id is not null and activity is not null and occurred_at is not null"


def _write_rows(
    connection: "duckdb.DuckDBPyConnection", staged: Staged, roles: Roles, contract: dict[str, str], process: str, load_id: str
) -> None:
    names = attribute_names(column for column in staged.columns if column not in roles.taken)
    chosen = [f"{expression} as {name}" for name, expression in contract.items()]
    chosen += [f"{_typed(column, staged.columns[column])} as {quote(name)}" for column, name in names.items()]
    table = f"raw_files.{quote(process)}"
    connection.execute(
        f"create table {table} as select *, now() as _loaded_at, '{load_id}' as _load_id"
        f" from (select {', '.join(chosen)} from {staged.table}) where {COMPLETE}"
    )


def _count(connection: "duckdb.DuckDBPyConnection", staged: Staged, process: str) -> tuple[int, int, int, int]:
    """Rows staged; cases, events and activities landed."""
    row = connection.execute(
        f"select (select count(*) from {staged.table}), count(distinct case_id), count(*), count(distinct activity)"
        f" from raw_files.{quote(process)}"
    ).fetchone()
    assert row is not None  # noqa: S101 — an aggregate has one row
    return row


def _typed(column: str, kind: str) -> str:
    return quote(column) if kind == "VARCHAR" else f"try_cast({quote(column)} as {kind})"


def _quarantine(
    connection: "duckdb.DuckDBPyConnection", staged: Staged, contract: dict[str, str], process: str, load_id: str
) -> int:
    """Keeps the rows that lack case, activity or time, each with its reason."""
    parts = ", ".join(f"{contract[name]} as {name}" for name in ("case_id", "activity", "occurred_at"))
    lacking = {"case_id": "case", "activity": "activity", "occurred_at": "timestamp"}
    missing = ", ".join(f"case when ({contract[name]}) is null then '{word}' end" for name, word in lacking.items())
    broken = f"{quote(ROW)} in (select {quote(ROW)} from (select {parts}, {quote(ROW)} from {staged.table}) where not ({COMPLETE}))"
    reason = f"'missing or unreadable: ' || concat_ws(', ', {missing})"
    note_quarantined(
        connection,
        staged.table,
        broken,
        subject=process,
        key=ROW,
        rule="case, activity and time are there",
        reason=reason,
        load_id=load_id,
    )
    row = connection.execute("select count(*) from quarantine.rows where load_id = ?", [load_id]).fetchone()
    return (int(row[0]) if row else 0) + len(staged.rejected)


def note_rejected(connection: "duckdb.DuckDBPyConnection", staged: Staged, process: str, load_id: str) -> None:
    """Writes the rows that could not be parted into columns to `quarantine.rows`."""
    rejected = [(process, item.row, item.rule, item.reason, json.dumps({"line": item.text}), load_id) for item in staged.rejected]
    insert_rows(connection, QUARANTINE_INTO, [(datetime.now(UTC), "file", *values) for values in rejected])


def note_quarantined(
    connection: "duckdb.DuckDBPyConnection",
    table: str,
    broken: str,
    *,
    subject: str,
    key: str,
    rule: str,
    reason: str,
    load_id: str,
) -> None:
    """Copies the rows of a temporary table for which the condition `broken` holds to `quarantine.rows`; `reason` is SQL, too."""
    connection.execute(
        f"insert into {QUARANTINE_INTO} select now(), 'file', ?, cast({quote(key)} as varchar), ?, {reason}, to_json({table}), ?"
        f" from {table} where {broken}",
        [subject, rule, load_id],
    )


def clear_process(connection: "duckdb.DuckDBPyConnection", process: str) -> None:
    """Drops whatever an earlier import of that name left, and makes the schemas an import needs.

    What the earlier import set aside stays in quarantine, but is open no more: the new file is judged as a whole.
    """
    ensure_platform_tables(connection)
    connection.execute("create schema if not exists raw_files; create schema if not exists event_logs")
    drop_relations(connection, process)
    resolve_held(connection, process)


def _why(connection: "duckdb.DuckDBPyConnection", load_id: str) -> str:
    row = connection.execute("select any_value(reason), count(*) from quarantine.rows where load_id = ?", [load_id]).fetchone()
    return f": {row[1]} rows, {row[0]}" if row and row[1] else ": it has no rows"
