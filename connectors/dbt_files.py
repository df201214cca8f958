"""The files by which dbt knows what is declared: sources, staging models, views, event logs and process definitions.

What belongs here: which files there are and writing them where dbt looks. What does not: their SQL (`connectors.mapping`,
`connectors.event_log_models`) and running dbt.

The files lie below HOME/dbt/project/generated and are never edited by hand. They are made from the files of connections and event
logs alone, without a database; each is replaced whole and only when its text changes, so that dbt parses no more than it must. A
connection or event log that was removed takes its files with it; one that is faulty has none, and `faulty_declarations` says why.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.connection import Connection, Resource
from connectors.declared_event_logs import event_log_files
from connectors.packages import shown_columns
from lake.dbt_environment import DBT_PROJECT, generated_folder
from lake.errors import ConnectionFileError
from lake.settings import Settings, get_settings

if TYPE_CHECKING:
    from connectors.declared_event_logs import DeclaredEventLog
    from connectors.event_log_models import LogModels
    from connectors.lake_tables import LakeTables

OWN_SOURCES = DBT_PROJECT / "models" / "staging"
MADE_BY = (
    "dbt_files.py",
    "dbt_models.py",
    "declared_event_logs.py",
    "event_log_declarations.py",
    "event_log_models.py",
    "event_log_sources.py",
    "expressions.py",
    "lake_tables.py",
    "mapping.py",
)
SHOWN_COLUMNS = "source_shows_its_columns"  # the data test that a column which vanished from the source fails
Columns = Mapping[str, Mapping[str, str]]


def write_dbt_files(
    connections: Iterable[Connection], logs: Iterable[Path] | None = None, *, settings: Settings | None = None
) -> bool:
    """Brings the generated files up to date with connections and declared event logs; tells whether any changed.

    Safe to call from several processes at once, and cheap when nothing changed.

    Args:
        connections: Every connection there is; those that dbt_project has models for itself are left to it.
        logs: The files of event logs over the whole lake; default: the project's and those in HOME/event_logs.
        settings: Default: the process's settings.
    """
    from filelock import FileLock

    settings = settings or get_settings()
    every, paths = list(connections), list(event_log_files(settings) if logs is None else logs)
    folder, key_file = generated_folder(settings), _key_file(settings)
    with FileLock(key_file.with_suffix(".lock")):
        key = _key(every, paths)
        known = _remembered(settings)
        if known.get("key") == key:
            return False
        made = _made_of_all(every, paths)
        changed = _write(folder, made.files)
        _replace(key_file, json.dumps({"key": key, "faulty": made.faulty, "tables": sorted(made.tables)}))
    return changed


def faulty_declarations(settings: Settings | None = None) -> dict[str, str]:
    """The connections, and files of event logs, whose declarations cannot be used, and why; as of the last `write_dbt_files`."""
    faulty: dict[str, str] = _remembered(settings or get_settings()).get("faulty", {})
    return faulty


def declaration_faults(connections: Iterable[Connection], logs: Iterable[Path]) -> dict[str, str]:
    """What `faulty_declarations` would say of these; nothing is written."""
    return _made_of_all(list(connections), list(logs)).faulty


def plain_tables(settings: Settings | None = None) -> list[str]:
    """The tables, as schema.table, that declared event logs read and dbt does not make; as of the last `write_dbt_files`."""
    tables: list[str] = _remembered(settings or get_settings()).get("tables", [])
    return tables


def check_declarations(connection: Connection, columns: Columns | None = None) -> None:
    """Checks a connection's mappings, views and event logs with sqlglot, before anything runs.

    Args:
        connection: The connection.
        columns: By resource its raw columns and their types, where they are known; names are checked against them.

    Raises:
        ConnectionFileError: Something is wrong; every fault is told with its field.
    """
    from connectors.event_log_sources import check_event_logs
    from connectors.expressions import Faults
    from connectors.mapping import check_mapping

    faults = Faults(f"{connection.name}.yaml")
    for resource in connection.resources:
        check_mapping(connection, resource, faults, columns or {})
    if not faults.found:
        check_event_logs(connection, faults, columns or {})
    faults.raise_any()


def dbt_files(connection: Connection, columns: Columns | None = None) -> dict[str, str]:
    """The generated files of one connection: path below the generated folder to text.

    Args:
        connection: The connection.
        columns: By resource its raw columns and their types, as far as they are known.

    Raises:
        ConnectionFileError: A mapping, view or event log cannot be used.
    """
    from connectors.dbt_models import Model
    from connectors.event_log_models import LogModels
    from connectors.event_log_sources import ConnectionRows

    check_declarations(connection)
    known = _typed(connection, columns or {})
    readable = ConnectionRows(connection, known)
    logs = [LogModels(log, readable, name=f"{connection.name}_{log.name}", domain=connection.name) for log in connection.event_logs]
    models: list[Model] = [
        *_staging_models(connection, known),
        *_view_models(connection, readable),
    ]
    files = (
        {f"staging/{connection.name}/{connection.name}__sources.yml": _yaml(_sources(connection))} if connection.resources else {}
    )
    return files | _model_files(models) | {name: words for log in logs for name, words in _log_files(log).items()}


def event_log_dbt_files(log: "DeclaredEventLog", tables: "LakeTables") -> dict[str, str]:
    """The generated files of one event log over the whole lake, which has been checked: path to text, as for `dbt_files`."""
    from connectors.event_log_models import LogModels

    files = _log_files(LogModels(log, tables, name=log.name, domain="event_logs", group=log.answering_group))
    if log.owner is None:
        return files
    group = {"name": log.answering_group, "owner": log.owner.model_dump(exclude_none=True)}
    return {**files, f"event_logs/{log.name}__group.yml": _yaml(_untemplated({"version": 2, "groups": [group]}))}


def _log_files(log: "LogModels") -> dict[str, str]:
    return _model_files(log.models()) | {f"event_logs/{log.name}.process.yaml": _yaml(log.definition())}


def _model_files(models: Iterable[Any]) -> dict[str, str]:
    files: dict[str, str] = {}
    for model in models:
        path = f"{model.folder}/{model.name}"
        files |= {f"{path}.sql": model.sql, f"{path}.yml": _yaml(_properties(model))}
    return files


@dataclass
class _Made:
    """What is generated of all declarations together."""

    files: dict[str, str] = field(default_factory=dict)
    faulty: dict[str, str] = field(default_factory=dict)  # connection, or an event log's file, to what is wrong with it
    tables: set[str] = field(default_factory=set)  # schema.table of what is read and dbt does not make


def _made_of_all(connections: list[Connection], logs: list[Path]) -> _Made:
    made = _Made()
    ours = [connection for connection in connections if not (OWN_SOURCES / connection.name).is_dir()]
    whole = []
    for connection in ours:
        try:
            files = dbt_files(connection, shown_columns(connection))
            _check_free(f"{connection.name}.yaml", files, made.files)
            made.files |= files
            whole.append(connection)
        except ConnectionFileError as error:
            made.faulty[connection.name] = str(error)
    if logs:
        _add_logs(made, connections, whole, logs)
    return made


def _add_logs(made: _Made, connections: list[Connection], whole: list[Connection], logs: list[Path]) -> None:
    """Adds the event logs over the whole lake: they may read what the project and the whole connections make, not each other."""
    from connectors.declared_event_logs import check_declared, read_event_log
    from connectors.lake_tables import connection_models, project_groups, project_models, raw_tables

    raw = raw_tables(connections)
    models = {**project_models(), **{name: one for connection in whole for name, one in connection_models(connection).items()}}
    groups = project_groups()
    for path in logs:
        try:
            log = read_event_log(path)
            tables = check_declared(log, models, raw, groups, origin=path.name)
            files = event_log_dbt_files(log, tables)
            _check_free(path.name, files, made.files)
            made.files |= files
            made.tables |= tables.plain(log.reads())
        except ConnectionFileError as error:
            made.faulty[path.name] = str(error)


def _check_free(origin: str, files: Mapping[str, str], taken: Mapping[str, str]) -> None:
    """Models of all folders share one space of names: `a_b` with log `c` and `a` with log `b_c` would meet."""
    there = {Path(path).name for path in taken} | {path.name for path in (DBT_PROJECT / "models").rglob("*.sql")}
    twice = sorted({Path(path).name for path in files} & there)
    if twice:
        raise ConnectionFileError(
            f"{origin} cannot be used: there is another model {twice[0].split('.')[0]}.",
            remedy="Give the event log or view another name.",
        )


def _typed(connection: Connection, shown: Columns) -> dict[str, dict[str, str]]:
    """What is known of the raw columns: what the source showed and what the file declares."""
    return {
        one.name: {**shown.get(one.name, {}), **one.columns} for one in connection.resources if one.name in shown or one.columns
    }


def _staging_models(connection: Connection, known: Columns) -> list[Any]:
    from connectors.dbt_models import Column, Model, staging_name
    from connectors.event_log_sources import used_columns
    from connectors.mapping import KEYLESS, needed_columns, staging_columns, staging_key, staging_sql

    needed = needed_columns(connection, known, used_columns(connection))
    models = []
    for resource in connection.resources:
        key = staging_key(resource)
        columns = tuple(
            Column(name, _origin(resource, name), tests=("is_key",) if key == (name,) else ())
            for name in sorted(staging_columns(resource, known.get(resource.name, {})) or {}, key=lambda name: name not in key)
        )
        read = sorted(name for name in needed.get(resource.name, {}) if name != KEYLESS)
        shown = ({SHOWN_COLUMNS: {"arguments": {"columns": read}}},) if read else ()
        compound = ({"is_compound_key": {"arguments": {"columns": [f'"{name}"' for name in key]}}},) if len(key) > 1 else ()
        sql = staging_sql(connection, resource, needed)
        description = f"{resource.name} of {connection.label}, as its mapping says; without rows the source has deleted."
        name = staging_name(connection, resource.name)
        models.append(Model(name, f"staging/{connection.name}", sql, description, columns, (*compound, *shown)))
    return models


def _origin(resource: Resource, column: str) -> str:
    mapping = resource.mapping
    renamed = {new: old for old, new in mapping.rename.items()}
    if column in mapping.expression:
        return "Worked out by the connection's mapping."
    if column in mapping.lookup:
        return f"{mapping.lookup[column].take} of {mapping.lookup[column].source}."
    return f"{renamed.get(column, column)} in the source."


def _view_models(connection: Connection, readable: Any) -> list[Any]:
    from connectors.dbt_models import Column, Model, reference, view_name
    from connectors.expressions import PLACEHOLDER

    reads = [name for log in connection.event_logs for name in log.reads()]
    reads += [name for view in readable.views.values() for name in view.reads]
    models = []
    for name, view in readable.views.items():
        sql = PLACEHOLDER.sub(lambda found: reference(connection, found.group(1)), view.text)
        columns = tuple(Column(column, f"{column} of the view.") for column in view.columns() or ())
        kept = "table" if reads.count(name) > 1 else "view"  # what several read is worked out once
        folder, description = f"intermediate/{connection.name}", f"View `{name}` of {connection.label}."
        models.append(Model(view_name(connection, name), folder, f"{sql}\n", description, columns, config={"materialized": kept}))
    return models


def _sources(connection: Connection) -> dict[str, Any]:
    hours = connection.freshness_hours
    freshness = {
        name: {"count": round(60 * hours * times), "period": "minute"} for name, times in (("warn_after", 1), ("error_after", 7))
    }
    return {
        "version": 2,
        "sources": [
            {
                "name": connection.name,
                "description": _untemplated(f"{connection.label}, landed as it is, with `_loaded_at` and `_load_id`."),
                "database": "{{ target.database }}",
                "schema": connection.raw_schema,
                "config": {"loaded_at_field": "_loaded_at", "freshness": freshness},
                "tables": [
                    {"name": one.name, "description": _untemplated(f"{one.name} of {connection.label}.")}
                    for one in connection.resources
                ],
            }
        ],
    }


def _properties(model: Any) -> dict[str, Any]:
    columns = []
    for column in model.columns:
        words: dict[str, Any] = {"name": column.name, "description": column.description, "quote": True}
        words |= {"data_type": column.type} if column.type else {}
        words |= {"constraints": [{"type": "not_null"}]} if column.is_required else {}
        words |= {"data_tests": list(column.tests)} if column.tests else {}
        words |= {"config": {"meta": {"classification": column.classification}}} if column.classification else {}
        columns.append(words)
    words = {"name": model.name, "description": model.description}
    words |= {"config": dict(model.config)} if model.config else {}
    words |= {"data_tests": list(model.tests)} if model.tests else {}
    return {"version": 2, "models": [_untemplated({**words, "columns": columns})]}


def _untemplated(words: Any) -> Any:
    """The same, in which names and titles that look like templates are none: dbt would run them, and fail with every model."""
    from connectors.mapping import untemplated

    if isinstance(words, dict):
        return {name: _untemplated(value) for name, value in words.items()}
    if isinstance(words, list):
        return [_untemplated(value) for value in words]
    return untemplated(words) if isinstance(words, str) else words


def _yaml(words: Mapping[str, Any]) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    return yaml.dump(dict(words), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120)


def _write(folder: Path, wanted: Mapping[str, str]) -> bool:
    """Makes the folder hold just these files; a file with the right text is not touched."""
    gone = [path for path in folder.rglob("*") if path.is_file() and str(path.relative_to(folder)) not in wanted]
    changed = [name for name, words in wanted.items() if not _holds(folder / name, words)]
    for path in gone:
        path.unlink(missing_ok=True)
    for name in changed:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        _replace(folder / name, wanted[name])
    for path in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()
    return bool(gone or changed)


def _holds(path: Path, words: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == words


def _replace(path: Path, words: str) -> None:
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(words, encoding="utf-8")
    fresh.replace(path)


def _key(connections: Iterable[Connection], logs: Iterable[Path]) -> str:
    """A word that changes with all that the files are made from, so that sqlglot is loaded only when there is something to do."""
    here = Path(__file__).parent
    made_by = [hashlib.sha256((here / name).read_bytes()).hexdigest() for name in MADE_BY]
    words = [(connection.model_dump_json(by_alias=True), shown_columns(connection)) for connection in connections]
    read = [(path.name, path.read_bytes()) for path in logs]
    known = [path.read_bytes() for path in sorted((DBT_PROJECT / "models").rglob("*.yml"))] if read else []
    return hashlib.sha256(repr((made_by, words, read, known)).encode()).hexdigest()


def _key_file(settings: Settings) -> Path:
    return settings.folder("dbt") / "generated.json"


def _remembered(settings: Settings) -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads(_key_file(settings).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known
