"""Whether a table or view of the lake still holds what it held: a version that changes with every change of its rows.

What belongs here: reading versions out of DuckLake's own metadata. What does not: what is kept for a version.
"""

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_IDENTITY = """
    select t.table_uuid, s.record_count
    from __ducklake_metadata_lake.ducklake_table t
    join __ducklake_metadata_lake.ducklake_schema c using (schema_id)
    left join __ducklake_metadata_lake.ducklake_table_stats s on s.table_id = t.table_id
    where c.schema_name = {schema} and t.table_name = {name} and t.end_snapshot is null and c.end_snapshot is null"""
_VIEWS = "select view_name, sql from duckdb_views() where database_name = 'lake' order by schema_name, view_name"


def relation_version(connection: "duckdb.DuckDBPyConnection", relation: str) -> str | None:
    """A word that stays the same exactly as long as no row of the relation's tables was added, changed or removed.

    DuckLake counts every record ever written to a table, rewritten ones included; together with the table's identity, the
    rows it has now and the definition of the views on the way, nothing can change unseen. Costs some milliseconds at any size.

    Args:
        connection: A connection of the lake; on one that reads an earlier snapshot the answer never claims too much.
        relation: Quoted name of a table or view, such as `event_logs."sepsis"`.

    Returns:
        The version, or None for a relation that reads something else than the lake's tables.
    """
    words = _definitions(connection, relation)
    tables = _tables(connection, relation, words)
    for table in tables:
        schema, _, name = table.replace('"', "").rpartition(".")
        identity = connection.execute(_IDENTITY.format(schema=_text(schema.removeprefix("lake.")), name=_text(name))).fetchone()
        if identity is None:
            return None
        rows = connection.sql(f"select count(*) from {table}").fetchone()
        words += [str(identity), str(rows)]
    return hashlib.sha256("|".join(words).encode()).hexdigest() if tables else None


def _tables(connection: "duckdb.DuckDBPyConnection", relation: str, definitions: list[str]) -> list[str]:
    """The lake's tables that the relation reads, by quoted name."""
    import duckdb

    try:
        found = connection.get_table_names(f"select * from {relation}", qualified=True)
        return sorted({name.partition(" AS ")[0] for name in found})
    except duckdb.BinderException:  # it cannot resolve `join … using` in a view: take every table that is mentioned
        text = " ".join([relation, *definitions]).replace('"', "")
        known = connection.execute("select schema_name, table_name from duckdb_tables() where database_name = 'lake'").fetchall()
        return sorted(f'"{schema}"."{name}"' for schema, name in known if f"{schema}.{name}" in text)


def _definitions(connection: "duckdb.DuckDBPyConnection", relation: str) -> list[str]:
    """The SQL of the view, if it is one, and of every view that is mentioned on the way."""
    views = dict(connection.execute(_VIEWS).fetchall())
    found: list[str] = []
    text = relation.replace('"', "")
    while mentioned := [name for name in views if name in text]:
        found += (definitions := [views.pop(name) for name in sorted(mentioned)])
        text = " ".join(definitions)
    return found


def _text(value: str) -> str:
    """A literal and no bound value: DuckDB imports pandas (0.8 CPU-seconds) to convert the first bound value of a process."""
    return "'" + value.replace("'", "''") + "'"
