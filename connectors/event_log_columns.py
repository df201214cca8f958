"""Which column of a file is the case, the activity, the time; and what its other columns are called in the lake.

What belongs here: guessing and naming columns. What does not: reading their values.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lake.errors import ColumnMissingError

CONTRACT = ("case_id", "activity", "occurred_at", "started_at", "resource", "source_row")

# Names are compared without case and punctuation; the first that a file has wins.
GUESSES: Mapping[str, Sequence[str]] = {
    "case": (
        "case:concept:name", "case_id", "case", "case_number", "trace_id", "trace", "process_instance", "instance_id",
        "case_key", "caseid_name", "order_id", "ticket_id", "incident_id", "number", "id",
    ),
    "activity": (
        "concept:name", "activity", "activity_name", "activity_id", "event_name", "event", "task", "task_name", "action", "step",
        "event_type", "operation", "status", "state",
    ),
    "timestamp": (
        "time:timestamp", "occurred_at", "complete_timestamp", "completion_timestamp", "end_timestamp", "timestamp",
        "completion_time", "complete_time", "end_time", "event_time", "datetime", "date_time", "time", "date", "created_at",
        "start_timestamp", "start_time",
    ),
    "start": ("start_timestamp", "started_at", "start_time", "start_date_time", "start"),
    "resource": ("org:resource", "resource", "user", "user_id", "agent", "employee", "performed_by", "assigned_to"),
}  # fmt: skip


@dataclass(frozen=True)
class Roles:
    """The file's columns that play the contract's parts; None where the file has none."""

    case: str
    activity: str
    timestamp: str
    start: str | None = None
    resource: str | None = None

    @property
    def taken(self) -> set[str]:
        """The columns that play a part."""
        return {column for column in (self.case, self.activity, self.timestamp, self.start, self.resource) if column}


def assign_roles(columns: Sequence[str], given: Mapping[str, str | None], *, file: str) -> Roles:
    """Gives each part a column: the one named by the user, else the first known name the file has.

    Args:
        columns: The file's columns.
        given: Part (`case`, `activity`, `timestamp`, `start`, `resource`) to the column the user named, or None.
        file: For messages.

    Raises:
        ColumnMissingError: A named column is not there, or no column looks like case, activity or timestamp.
    """
    chosen = guessed_roles(columns, given, file=file)
    for role in ("case", "activity", "timestamp"):
        if chosen[role] is None:
            raise ColumnMissingError(
                f"{file} has no column that looks like the {role}; its columns are {_listed(columns)}.",
                remedy=f"Say which it is with --{role} COLUMN.",
                file=file,
                role=role,
            )
    return Roles(**chosen)  # type: ignore[arg-type]  # the three that must be there are


def guessed_roles(columns: Sequence[str], given: Mapping[str, str | None], *, file: str) -> dict[str, str | None]:
    """The same with None where nothing fits: for people who are still choosing.

    Raises:
        ColumnMissingError: A named column is not there.
    """
    chosen: dict[str, str | None] = {}
    for role in GUESSES:
        named = given.get(role)
        chosen[role] = _named(columns, role, named, file) if named else _guess(columns, role, set(filter(None, chosen.values())))
    return chosen


def _named(columns: Sequence[str], role: str, named: str, file: str) -> str:
    exact = [column for column in columns if column == named] or [c for c in columns if c.lower() == named.lower()]
    if not exact:
        raise ColumnMissingError(
            f"{file} has no column `{named}` for the {role}; its columns are {_listed(columns)}.",
            remedy=f"Correct --{role}.",
            file=file,
            column=named,
        )
    return exact[0]


def _guess(columns: Sequence[str], role: str, taken: set[str]) -> str | None:
    for guess in GUESSES[role]:
        for column in columns:
            if column not in taken and _bare(column) == _bare(guess):
                return column
    return None


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def attribute_names(columns: Iterable[str], *, taken: Iterable[str] = CONTRACT) -> dict[str, str]:
    """Each column's name in the lake: lower case, `:` and other marks as underscores, never twice.

    Args:
        columns: The file's columns.
        taken: Names that none of them may get; default: the contract's of a case view.
    """
    names: dict[str, str] = {}
    used = {*taken, "_loaded_at", "_load_id"}
    for column in columns:
        base = re.sub(r"\W+", "_", column.strip().lower()).strip("_") or "column"
        name, number = base, 2
        while name in used:
            name, number = f"{base}_{number}", number + 1
        used.add(name)
        names[column] = name
    return names


def _listed(columns: Sequence[str], most: int = 30) -> str:
    shown = ", ".join(f"`{column}`" for column in columns[:most])
    return shown + (f" and {len(columns) - most} more" if len(columns) > most else "")
