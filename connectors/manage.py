"""Everything a person does with connections: add, test, inspect, run, pause, resume, remove; from a command, a page or Python.

What belongs here: these acts, as plain functions. What does not: asking and showing (the faces do), lists (`connectors.standing`)
and the rest of the road, which follows a load (`orchestration`).
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors import states
from connectors.breaker import look
from connectors.connection import Connection, connection_of, read_words
from connectors.connections import broken_connections, connections, get_connection
from connectors.connector import OWN_KINDS, Health, Shape, connector_class, connector_of, foreign_kinds
from connectors.credentials import is_told, without_secrets
from connectors.inbound_spool import forget_deliveries
from connectors.load import LoadReport, load_source, only_one
from connectors.packages import forget
from connectors.proposals import Proposal
from connectors.proposals import propose as proposed
from connectors.staged import Progress
from connectors.standing import ResourceLoad, Standing, file_of, last_load, problem_of, standing_of, standings
from connectors.systems import systems
from lake import in_transaction, quote
from lake.errors import ConnectionFileError, GrimoireError, SourceUnavailableError
from lake.settings import writable_folder

__all__ = [
    "Added", "Offer", "Removed", "Shown", "add", "add_file", "inspect", "offers", "pause", "propose", "remove", "resume", "run",
    "show", "standings", "test",
]  # fmt: skip


@dataclass(frozen=True)
class Added:
    """A connection whose file has been written."""

    name: str
    path: Path
    next_steps: tuple[str, ...]  # commands, in the order in which they make sense


@dataclass(frozen=True)
class Shown:
    """All there is to say of one connection."""

    standing: Standing
    connection: dict[str, Any]  # its fields; credentials are the references they are
    last_load: list[ResourceLoad] = field(default_factory=list)


@dataclass(frozen=True)
class Removed:
    """What was removed of a connection."""

    name: str
    path: Path
    dropped: tuple[str, ...] = ()  # tables and views of the lake


@dataclass(frozen=True)
class Offer:
    """Something a connection's `type` may be."""

    type: str
    title: str
    is_system: bool  # a ready-made system, rather than a kind of system
    about: str = ""
    proven: str = ""  # of a system: real, or documented
    resources: tuple[str, ...] = ()


def offers() -> list[Offer]:
    """Every ready-made system, then every kind, third parties' included."""
    ready = [
        Offer(name, str(words.get("title", name)), True, str(words.get("about", "")), str(words.get("proven", "")),
              tuple(str(each["name"]) for each in words.get("resources", [])))
        for name, words in systems().items()
    ]  # fmt: skip
    kinds = [name for name in sorted({*OWN_KINDS, *foreign_kinds()}) if not name.startswith("demo_")]
    return [*ready, *(Offer(name, connector_class(name).title, False) for name in kinds)]


def add(words: Mapping[str, Any], *, replace: bool = False) -> Added:
    """Writes a connection file, readable for its owner only, whole or not at all; nothing is contacted.

    Args:
        words: As in a connection file, with `name`.
        replace: Whether a file of that name may be replaced.

    Raises:
        ConnectionFileError: A field is wrong, missing or a plain secret, or there is such a connection; nothing was written.
    """
    import yaml

    text = yaml.safe_dump(dict(words), sort_keys=False, allow_unicode=True)
    return _write(words, text, origin=f"{words.get('name', 'connection')}.yaml", replace=replace)


def add_file(path: Path, *, replace: bool = False) -> Added:
    """Takes over a connection file as it is, comments included; its name is the one it says, or the file's.

    Raises:
        ConnectionFileError: It cannot be used, or there is such a connection; nothing was written.
    """
    words, text = read_words(path, "connection")
    return _write({"name": path.stem, **words}, text, origin=path.name, replace=replace)


def show(name: str) -> Shown:
    """All there is to say of a connection.

    Raises:
        UnknownConnectionError, ConnectionFileError: There is none, or its file cannot be used.
    """
    connection = get_connection(name)
    fields = connection.model_dump(mode="json", exclude_defaults=True)
    return Shown(standing_of(connection), fields, last_load(name))


def test(name: str) -> Health:
    """Takes the connector's cheap look at a system and keeps what it found; a system that is not well is no error."""
    health = look(get_connection(name))
    states.note_test(name, is_well=health.is_well, said=health.said)
    return health


def inspect(name: str) -> list[Shape]:
    """What tables or collections a system has, with types, keys and a few rows.

    Raises:
        SourceUnavailableError: It could not be looked into.
    """
    connection = get_connection(name)
    try:
        return connector_of(connection).inspect()
    except GrimoireError as error:
        if not is_told(error):
            raise
        known = type(error)(without_secrets(error.problem), remedy=without_secrets(error.remedy), name=name)
    except Exception as error:
        said = without_secrets(f"{connection.label} could not be looked into: {type(error).__name__}: {error}")
        known = SourceUnavailableError(said, remedy=f"`grimoire connect test {name}` says whether it answers.", name=name)
    raise known  # not within the handler: it carries nothing of the old one


def propose(name: str, *, only: Sequence[str] = (), case: str = "") -> Proposal:
    """What the connection's file might say besides, from a look into its system; nothing is written.

    Args:
        name: The connection.
        only: Tables to propose; default: those that seem worth it.
        case: The table whose rows are the cases of the proposed event log; default: the likeliest.

    Raises:
        SourceUnavailableError: The system could not be looked into.
        ConnectionFileError: The present file cannot be added to.
    """
    path = file_of(name)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    written = path if path.exists() else None
    return proposed(get_connection(name), inspect(name), before=before, path=written, only=only, case=case)


def run(name: str, *, progress: Progress | None = None) -> LoadReport:
    """Loads one connection; see `connectors.load.load_source` for its errors."""
    return load_source(name, progress=progress)


def pause(name: str) -> None:
    """Leaves a connection alone, whatever its schedule says, until it is resumed."""
    states.pause(get_connection(name).name)


def resume(name: str) -> None:
    """Lets a connection run again and closes its breaker."""
    states.resume(get_connection(name).name)


def remove(name: str, *, drop_rows: bool = False) -> Removed:
    """Removes a connection: file, state, staged rows and cursors. What has landed stays, unless it is to be dropped, too.

    Args:
        name: The connection; one whose file cannot be used may be removed as well.
        drop_rows: Whether to drop schema raw_<name>, the views on it and the connection's rows in quarantine.

    Raises:
        UnknownConnectionError: There is none.
        ConnectionFileError: It is the demo company's, which has no file.
    """
    path = file_of(name)
    if name in broken_connections():
        try:
            connection = Connection(name=name, type="sql")
        except ValueError:  # no connection can have this name, so nothing was ever kept under it
            path.unlink()
            return Removed(name, path)
    else:
        connection = get_connection(name)
    if not path.exists():
        raise ConnectionFileError(
            f"{connection.label} is part of Grimoire and has no file to remove.",
            remedy=f"`grimoire connect pause {name}` rests it.",
        )
    with only_one(connection):
        path.unlink()
        forget(connection)
        forget_deliveries(name)
        dropped = in_transaction(lambda lake: _drop(lake, connection)) if drop_rows else []
        states.forget(name)
    return Removed(name, path, tuple(dropped))


def _write(words: Mapping[str, Any], text: str, *, origin: str, replace: bool) -> Added:
    connection = connection_of(dict(words), origin=origin)
    problem = problem_of(connection)
    if problem is not None:
        raise problem
    path = file_of(connection.name)
    if connection.name in connections() and not path.exists():
        raise ConnectionFileError(f"`{connection.name}` is the demo company's.", remedy="Choose another name.", origin=origin)
    _save(path, text, replace=replace)
    return Added(connection.name, path, _next_steps(connection))


def _save(path: Path, text: str, *, replace: bool) -> None:
    """Writes the file beside its place and then puts it there, so that nobody ever reads half of it."""
    writable_folder(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            draft.replace(path)
        else:
            os.link(draft, path)  # unlike a rename, it refuses where there is such a file
    except FileExistsError:
        raise ConnectionFileError(
            f"There is a connection `{path.stem}` already.", remedy="Choose another name, or say --replace.", path=str(path)
        ) from None
    finally:
        draft.unlink(missing_ok=True)


def _next_steps(connection: Connection) -> tuple[str, ...]:
    steps = [f"grimoire connect test {connection.name}"]
    if not connection.resources:
        steps.append(f"grimoire connect inspect {connection.name}")
    return (*steps, f"grimoire connect run {connection.name}")


def _drop(lake: Any, connection: Connection) -> list[str]:
    """Drops the connection's tables and the views on them; the answer names them as schema.table."""
    own = (f"stg_{connection.name}__", f"int_{connection.name}__")
    views = lake.execute(
        "select schema_name, view_name from duckdb_views() where database_name = 'lake' and not internal"
        " and (starts_with(view_name, $1) or starts_with(view_name, $2)) order by all",
        list(own),
    ).fetchall()
    tables = lake.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'lake' and schema_name = $1 order by all",
        [connection.raw_schema],
    ).fetchall()
    for kind, relations in (("view", views), ("table", tables)):
        for schema, name in relations:
            lake.execute(f"drop {kind} {quote(schema)}.{quote(name)}")
    lake.execute(f"drop schema if exists {quote(connection.raw_schema)}")
    _drop_quarantined(lake, connection.name)
    return [f"{schema}.{name}" for schema, name in (*views, *tables)]


def _drop_quarantined(lake: Any, name: str) -> None:
    from lake.journal import ensure_platform_tables

    ensure_platform_tables(lake)
    lake.execute("delete from quarantine.rows where source = $1", [name])
