"""The processes the platform knows: one row each in `platform.processes`, whether dbt made the event log or a file did.

What belongs here: registering and finding processes. What does not: their event logs and what is mined from them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from lake.errors import UnknownProcessError
from lake.journal import ensure_platform_tables

if TYPE_CHECKING:
    import duckdb

Origin = Literal["product", "file"]


@dataclass(frozen=True)
class Process:
    """A process with an event log `event_logs.<name>`."""

    name: str
    title: str
    origin: Origin  # "product": a dbt model; "file": an imported event-log file
    registered_at: datetime
    definition: dict[str, Any] = field(default_factory=dict)


def case_type(definition: Mapping[str, Any]) -> str | None:
    """The type of object that is a case, by a process's definition: those of imports say the bare type. None where it says none."""
    said = definition.get("case_notion")
    return said.get("object_type") if isinstance(said, Mapping) else said


def register_process(
    connection: "duckdb.DuckDBPyConnection", name: str, *, title: str, origin: Origin, definition: dict[str, Any] | None = None
) -> None:
    """Makes a process known, or replaces what was known of it. Call it in the transaction that publishes the event log."""
    ensure_platform_tables(connection)
    words = json.dumps(definition or {}, ensure_ascii=False, default=str)
    known = connection.execute(
        "select 1 from platform.processes where process = ? and title = ? and origin = ? and definition = ?",
        [name, title, origin, words],
    )
    if known.fetchone() is None:
        drop_process(connection, name)
        connection.execute("insert into platform.processes values (?, ?, ?, ?, now())", [name, title, origin, words])


def drop_process(connection: "duckdb.DuckDBPyConnection", name: str) -> None:
    """Forgets a process; its event log stays."""
    connection.execute("delete from platform.processes where process = ?", [name])


def processes(connection: "duckdb.DuckDBPyConnection") -> list[Process]:
    """Every known process, products first, by name; an empty list in a new lake."""
    there = connection.execute(
        "select 1 from duckdb_tables() where database_name = 'lake' and schema_name = 'platform' and table_name = 'processes'"
    ).fetchone()
    if there is None:
        return []
    rows = connection.execute(
        "select process, title, origin, registered_at, definition from platform.processes order by origin desc, process"
    ).fetchall()
    return [Process(name, title, origin, moment, json.loads(words)) for name, title, origin, moment, words in rows]


def definition_of(connection: "duckdb.DuckDBPyConnection", name: str) -> dict[str, Any]:
    """What the process's definition says; empty for a name that is no registered process."""
    return next((process.definition for process in processes(connection) if process.name == name), {})


def get_process(connection: "duckdb.DuckDBPyConnection", name: str) -> Process:
    """The process of that name; UnknownProcessError lists those there are."""
    known = processes(connection)
    for process in known:
        if process.name == name:
            return process
    names = ", ".join(process.name for process in known) or "none yet"
    raise UnknownProcessError(
        f"There is no process `{name}`. Known: {names}.",
        remedy="Run `grimoire run` for the demo company's processes, or `grimoire import FILE` for an event log of yours.",
        process=name,
    )
