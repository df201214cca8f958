"""A look into an event-log file before it is imported: its columns, some rows, what each column is taken for, and what is wrong.

What belongs here: reading a file into a database of its own in memory and judging it by the rules of the import. What does not:
landing it (`event_log_landing`); nothing is written to the lake.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from connectors.event_log_columns import GUESSES, guessed_roles
from connectors.event_log_files import file_format
from connectors.event_log_landing import FileOptions
from connectors.staged import ROW, Staged
from connectors.timestamps import read_timestamps, zone_of_times
from lake import quote
from lake.errors import FileFormatError

if TYPE_CHECKING:
    import duckdb

SAMPLE = 8
NEEDED = ("case", "activity", "timestamp")
Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """Something a person should know before the import; an error means that it would be refused."""

    severity: Severity
    words: str


@dataclass(frozen=True)
class Preview:
    """What is in a file, and what an import with these options would make of it.

    Attributes:
        columns: Name to the type its values would have in the lake.
        sample: The first rows as they lie in the file.
        roles: `case`, `activity`, `timestamp`, `start`, `resource` to the column taken for it, or None.
        events, cases, activities: What would be landed.
        rows, incomplete: Rows of the file, and those without case, activity or readable time, which would be set aside.
        first, last: The earliest and latest time.
        findings: What is wrong or guessed.
        object_types: Of an OCEL file: each with its number of objects.
    """

    kind: str
    columns: dict[str, str] = field(default_factory=dict)
    sample: list[dict[str, Any]] = field(default_factory=list)
    roles: dict[str, str | None] = field(default_factory=dict)
    rows: int = 0
    events: int = 0
    cases: int = 0
    activities: int = 0
    incomplete: int = 0
    first: datetime | None = None
    last: datetime | None = None
    findings: list[Finding] = field(default_factory=list)
    object_types: dict[str, int] = field(default_factory=dict)

    @property
    def can_be_imported(self) -> bool:
        """Whether an import with these options would be accepted."""
        return not any(finding.severity == "error" for finding in self.findings)


def preview(path: Path | str, options: FileOptions | None = None) -> Preview:
    """Reads the file and says what an import would make of it.

    Args:
        path: A CSV, XES, Parquet or OCEL file; CSV and XES may be gzipped.
        options: What a person said about it; what is None is guessed.

    Raises:
        FileFormatError: It cannot be read at all; the message names file and line.
    """
    path, options = Path(path), options or FileOptions()
    kind = file_format(path)
    if kind == "ocel":
        return _ocel(path)
    import duckdb

    with duckdb.connect(config={"memory_limit": "1GB"}) as connection:
        connection.execute("set timezone = 'UTC'; set enable_progress_bar = false")
        with zone_of_times(connection, options.time_zone):
            return _table(connection, path, kind, options)


def _ocel(path: Path) -> Preview:
    from connectors.ocel import read_ocel

    log = read_ocel(path)
    types: dict[str, int] = {}
    for object_type in log.objects.values():
        types[object_type] = types.get(object_type, 0) + 1
    findings = [] if log.events else [Finding("error", f"{path.name} holds no event.")]
    sample = [{"event": event.event_id, "activity": event.activity, "time": event.time} for event in log.events[:SAMPLE]]
    found = Preview("ocel", sample=sample, rows=len(log.events), events=len(log.events), findings=findings)
    activities = len({event.activity for event in log.events})
    return replace(found, activities=activities, object_types=dict(sorted(types.items(), key=lambda one: (-one[1], one[0]))))


def _table(connection: "duckdb.DuckDBPyConnection", path: Path, kind: str, options: FileOptions) -> Preview:
    staged = _staged(connection, path, kind, options)
    given = {role: getattr(options, role) for role in GUESSES}
    roles = guessed_roles(list(staged.columns), given, file=path.name)
    notes = [Finding("warning", note) for note in staged.notes]
    rejected = [Finding("warning", f"{len(staged.rejected):,} rows do not fit the header and are set aside.")]
    (rows,) = _row(connection, f"select count(*) from {staged.table}")
    found = Preview(
        kind,
        columns=staged.columns,
        sample=_sample(connection, staged),
        roles=roles,
        rows=rows,
        findings=notes + (rejected if staged.rejected else []),
    )
    lacking = [role for role in NEEDED if roles[role] is None]
    if lacking:
        words = f"Choose the column of the {' and of the '.join(lacking)}: no name tells it."
        return replace(found, findings=[*found.findings, Finding("error", words)])
    return _judged(connection, staged, found, options)


def _staged(connection: "duckdb.DuckDBPyConnection", path: Path, kind: str, options: FileOptions) -> Staged:
    if kind == "csv":
        from connectors.tabular_files import stage_csv

        return stage_csv(connection, path, delimiter=options.delimiter, encoding=options.encoding)
    if kind == "parquet":
        from connectors.tabular_files import stage_parquet

        return stage_parquet(connection, path)
    from connectors.xes_files import stage_xes

    return stage_xes(connection, path)


def _judged(connection: "duckdb.DuckDBPyConnection", staged: Staged, found: Preview, options: FileOptions) -> Preview:
    """The preview with what the chosen columns hold."""
    roles, findings = found.roles, list(found.findings)
    case, activity, time = (str(roles[role]) for role in NEEDED)
    try:
        reading = read_timestamps(connection, staged.table, time, zone=options.time_zone, date_format=options.date_format)
    except FileFormatError as error:
        return replace(found, findings=[*findings, Finding("error", f"{error.problem} Choose another column, or say its form.")])
    if reading.note:
        findings.append(Finding("warning", reading.note))
    parts = (
        f"select nullif(cast({quote(case)} as varchar), '') as c, nullif(cast({quote(activity)} as varchar), '') as a,"
        f" {reading.expression} as t from {staged.table}"
    )
    complete = "c is not null and a is not null and t is not null"
    no_case, no_activity, no_time, events, cases, activities, first, last = _row(
        connection,
        f"select count(*) filter (c is null), count(*) filter (a is null), count(*) filter (t is null),"
        f" count(*) filter ({complete}), count(distinct c) filter ({complete}), count(distinct a) filter ({complete}),"
        f" min(t) filter ({complete}), max(t) filter ({complete}) from ({parts})",
    )
    for number, what in ((no_case, "no case"), (no_activity, "no activity"), (no_time, "no readable time")):
        if number:
            findings.append(Finding("warning", f"{number:,} of {found.rows:,} rows have {what} and are set aside."))
    if not events:
        findings.append(Finding("error", "No row has a case, an activity and a time, so there is no event to import."))
    elif cases == events and events > 1:
        findings.append(Finding("warning", f"Every case has one event only: is `{case}` the case, or a number of the event?"))
    return replace(
        found,
        events=events,
        cases=cases,
        activities=activities,
        incomplete=found.rows - events,
        first=first,
        last=last,
        findings=findings,
    )


def _sample(connection: "duckdb.DuckDBPyConnection", staged: Staged) -> list[dict[str, Any]]:
    answer = connection.execute(f"select * exclude ({quote(ROW)}) from {staged.table} order by {quote(ROW)} limit {SAMPLE}")
    names = [column[0] for column in answer.description]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def _row(connection: "duckdb.DuckDBPyConnection", sql: str) -> tuple[Any, ...]:
    row = connection.execute(sql).fetchone()
    assert row is not None  # noqa: S101 — an aggregate has one row
    return row
