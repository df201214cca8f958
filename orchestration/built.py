"""Whether the dbt project need be built: only if a landed table or a file of the project has changed since it last was.

What belongs here: the memory of the last build: what it was made from, what failed, and which models it left as they were. What
does not: building (`orchestration.defs.transform`).
"""

import hashlib
import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
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


@dataclass(frozen=True)
class LastBuild:
    """What the last build, of the whole project or a part, had to leave as it was."""

    run_id: str = ""
    failures: dict[str, str] = field(default_factory=dict)  # of that build: model or test, and what dbt said
    left_out: dict[str, str] = field(default_factory=dict)  # model that is not as new as it could be, since whichever build: why


def last_build() -> LastBuild:
    """The last build; an empty one if there is none, or if nothing is known of it."""
    try:
        return LastBuild(**json.loads((get_settings().folder("dbt") / "last_build.json").read_text()))
    except (OSError, ValueError, TypeError):
        return LastBuild()


def remember_outcome(build: LastBuild, selected: Collection[str]) -> None:
    """Notes what became of the selected models; of the others what was known before stays true."""
    before = {model: why for model, why in last_build().left_out.items() if model not in selected}
    known = LastBuild(build.run_id, build.failures, {**before, **build.left_out})
    (get_settings().folder("dbt") / "last_build.json").write_text(json.dumps(asdict(known)))


def relations() -> set[tuple[str, str]]:
    """Schema and name of every table and view in the lake."""
    with connect(read_only=True) as connection:
        return set(
            connection.execute(
                "select schema_name, table_name from duckdb_tables() where database_name = 'lake'"
                " union all select schema_name, view_name from duckdb_views() where database_name = 'lake'"
            ).fetchall()
        )
