"""Whether the dbt project need be built: only if a landed table or a file of the project has changed since it last was.

What belongs here: the memory of the last build. What does not: building (`orchestration.defs.transform`).
"""

import hashlib
from typing import TYPE_CHECKING

from connectors.connections import connections
from connectors.dbt_files import plain_tables
from lake import connect, get_settings, quote
from lake.versions import relation_version
from orchestration.dbt_manifest import project_key

if TYPE_CHECKING:
    import duckdb

MISSING = "missing"  # in place of the version of a table that has never been landed


def build_key() -> str:
    """What a build now would be made from."""
    words = [project_key(), *(f"{source}.{table} {version}" for (source, table), version in landed_versions().items())]
    words += [f"{table} {version}" for table, version in declared_versions().items()]
    return hashlib.sha256("|".join(words).encode()).hexdigest()


def unlanded() -> list[tuple[str, str]]:
    """Source and table of what has never been landed: nothing can be built from it yet."""
    return [name for name, version in landed_versions().items() if version == MISSING]


def landed_versions() -> dict[tuple[str, str], str]:
    """The version of every table of every connection, by source and table."""
    with connect(read_only=True) as connection:
        return {
            (source.name, table.name): _version(connection, source.raw_schema, table.name)
            for source in connections().values()
            for table in source.resources
        }


def declared_versions() -> dict[str, str]:
    """The version of every table that declared event logs read and dbt does not make, by schema.table."""
    tables = plain_tables()
    if not tables:
        return {}
    with connect(read_only=True) as connection:
        return {table: _version(connection, *table.split(".", 1)) for table in tables}


def _version(connection: "duckdb.DuckDBPyConnection", schema: str, table: str) -> str:
    import duckdb

    try:
        return relation_version(connection, f"lake.{quote(schema)}.{quote(table)}") or MISSING
    except duckdb.CatalogException:
        return MISSING


def is_built(key: str) -> bool:
    """Whether the last complete build was made from just this."""
    path = get_settings().folder("dbt") / "built_from"
    return path.exists() and path.read_text() == key


def remember_build(key: str | None) -> None:
    """To be called when a build has succeeded; None forgets, and belongs before it begins."""
    path = get_settings().folder("dbt") / "built_from"
    if key is None:
        path.unlink(missing_ok=True)
    else:
        path.write_text(key)
