"""Process definitions: the `<log>.process.yaml` files beside the event logs that dbt makes, read, checked and registered.

What belongs here: what a definition file must say, and telling the registry of it. What does not: the event logs themselves
(dbt_project, and `connectors.dbt_files` for those of connections), imported files' processes (connectors) and what is made of a
definition (mining, pages).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lake.dbt_environment import DBT_PROJECT, generated_folder
from lake.errors import ProcessFileError
from lake.process_rules import rules_of
from lake.registry import drop_process, processes, register_process

if TYPE_CHECKING:
    import duckdb

EVENT_LOGS = DBT_PROJECT / "models" / "event_logs"
SUFFIX = ".process.yaml"
_LOGS = "select 'event_logs.' || table_name from duckdb_tables() where database_name = 'lake' and schema_name = 'event_logs'"
REQUIRED = ("name", "title", "event_log", "case_notion", "object_types")
PRESENT = ("happy_path",)  # may be empty: a log whose activities come from the rows knows none


def definition_files(folder: Path | None = None) -> list[Path]:
    """The definition files by name: those of the project and of connections, or those in a folder."""
    folders = [EVENT_LOGS, generated_folder() / "event_logs"] if folder is None else [folder]
    return sorted((path for one in folders for path in one.glob(f"*{SUFFIX}")), key=lambda path: path.name)


def product_definitions(folder: Path | None = None) -> list[dict[str, Any]]:
    """The definitions of the processes that dbt makes, by name.

    Raises:
        ProcessFileError: A file is not YAML, lacks something every definition must say, or has a rule that cannot be read; the
            message names the file.
    """
    return [_read(path) for path in definition_files(folder)]


def register_products(connection: "duckdb.DuckDBPyConnection", *, folder: Path | None = None) -> list[str]:
    """Registers every process that dbt has made and returns their names; call it in a transaction once their logs are built.

    A process whose definition is gone, because its connection was removed, is forgotten; one whose log was not built, because its
    source was never read, is not registered yet.

    Args:
        connection: A writing connection to the lake.
        folder: Where the definitions lie; default: those of the project and of connections.
    """
    built = {row[0] for row in connection.execute(_LOGS).fetchall()}
    definitions = [definition for definition in product_definitions(folder) if definition["event_log"] in built]
    names = [definition["name"] for definition in definitions]
    for known in processes(connection):
        if known.origin == "product" and known.name not in names:
            drop_process(connection, known.name)
    for definition in definitions:
        register_process(connection, definition["name"], title=definition["title"], origin="product", definition=definition)
    return names


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        definition = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ProcessFileError(f"{path.name} is not YAML: {error}", remedy="Mend the file at that line.", path=str(path)) from error
    if not isinstance(definition, dict):
        raise ProcessFileError(f"{path.name} holds no definition.", remedy="Write one `key: value` per line.", path=str(path))
    missing = [key for key in REQUIRED if not definition.get(key)] + [key for key in PRESENT if definition.get(key) is None]
    if missing:
        raise ProcessFileError(f"{path.name} does not say: {', '.join(missing)}.", remedy="Add it.", path=str(path))
    expected = path.name.removesuffix(SUFFIX)
    if definition["name"] != expected:
        raise ProcessFileError(
            f"{path.name} defines `{definition['name']}`.",
            remedy=f"Call the process {expected}, or the file after it.",
            path=str(path),
        )
    rules_of(definition, where=path.name)
    return definition
