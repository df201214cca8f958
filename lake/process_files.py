"""Process definitions: the `<log>.process.yaml` files beside the event logs of dbt_project, read, checked and registered.

What belongs here: what a definition file must say, and telling the registry of it. What does not: the event logs themselves
(dbt_project), imported files' processes (connectors) and what is made of a definition (mining, pages).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lake.dbt_environment import DBT_PROJECT
from lake.errors import ProcessFileError
from lake.registry import register_process

if TYPE_CHECKING:
    import duckdb

EVENT_LOGS = DBT_PROJECT / "models" / "event_logs"
SUFFIX = ".process.yaml"
REQUIRED = ("name", "title", "event_log", "case_notion", "object_types", "happy_path")


def product_definitions(folder: Path = EVENT_LOGS) -> list[dict[str, Any]]:
    """The definitions of the processes that dbt makes, by name.

    Raises:
        ProcessFileError: A file is not YAML or lacks something every definition must say; the message names the file.
    """
    return [_read(path) for path in sorted(folder.glob(f"*{SUFFIX}"))]


def register_products(connection: "duckdb.DuckDBPyConnection", *, folder: Path = EVENT_LOGS) -> list[str]:
    """Registers every process that dbt makes and returns their names; call it in a transaction once their logs are built.

    Args:
        connection: A writing connection to the lake.
        folder: Where the definitions lie.
    """
    definitions = product_definitions(folder)
    for definition in definitions:
        register_process(connection, definition["name"], title=definition["title"], origin="product", definition=definition)
    return [definition["name"] for definition in definitions]


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        definition = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ProcessFileError(f"{path.name} is not YAML: {error}", remedy="Mend the file at that line.", path=str(path)) from error
    if not isinstance(definition, dict):
        raise ProcessFileError(f"{path.name} holds no definition.", remedy="Write one `key: value` per line.", path=str(path))
    missing = [key for key in REQUIRED if not definition.get(key)]
    if missing:
        raise ProcessFileError(f"{path.name} does not say: {', '.join(missing)}.", remedy="Add it.", path=str(path))
    expected = path.name.removesuffix(SUFFIX)
    if definition["name"] != expected:
        raise ProcessFileError(
            f"{path.name} defines `{definition['name']}`.",
            remedy=f"Call the process {expected}, or the file after it.",
            path=str(path),
        )
    return definition
