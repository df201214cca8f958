"""Whether a table or view of the lake still holds what it held: a version that changes with every change of its rows.

What belongs here: reading versions out of DuckLake's own metadata. What does not: what is kept for a version.
"""

import contextlib
import hashlib
import re
from typing import TYPE_CHECKING

from lake.sql_text import as_text

if TYPE_CHECKING:
    import duckdb

_IDENTITY = """
    select t.table_uuid, s.record_count
    from __ducklake_metadata_lake.ducklake_table t
    join __ducklake_metadata_lake.ducklake_schema c using (schema_id)
    left join __ducklake_metadata_lake.ducklake_table_stats s on s.table_id = t.table_id
    where c.schema_name = {schema} and t.table_name = {name} and t.end_snapshot is null and c.end_snapshot is null"""
_IDS = """
    select t.table_id
    from __ducklake_metadata_lake.ducklake_table t join __ducklake_metadata_lake.ducklake_schema c using (schema_id)
    where c.schema_name = {schema} and t.table_name = {name}
        and t.begin_snapshot <= {snapshot} and (t.end_snapshot is null or t.end_snapshot > {snapshot})"""
_CHANGES = """
    select s.snapshot_id, case when s.snapshot_id > {first} then c.changes_made end
    from __ducklake_metadata_lake.ducklake_snapshot s
    left join __ducklake_metadata_lake.ducklake_snapshot_changes c using (snapshot_id)
    where s.snapshot_id between {first} and {last}"""
_PARTS = re.compile(r'(?:[^,"]|"(?:[^"]|"")*")+')  # a list with commas, names in double quotes
_PLAIN_VIEW = re.compile(r"create view \S+ as select \* *(exclude \([^()]*\))? from [^\s()]+;?$", re.IGNORECASE)
_HARMLESS = ("compacted_table", "merge_adjacent", "rewrite_delete", "flushed_inlined")  # the rows stay as they are
_KNOWN_TABLES: dict[tuple[str, ...], list[str]] = {}
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
        identity = connection.execute(_IDENTITY.format(schema=as_text(schema.removeprefix("lake.")), name=as_text(name))).fetchone()
        if identity is None:
            return None
        rows = connection.sql(f"select count(*) from {table}").fetchone()
        words += [str(identity), str(rows)]
    return hashlib.sha256("|".join(words).encode()).hexdigest() if tables else None


def unchanged_between(connection: "duckdb.DuckDBPyConnection", relation: str, first: int, last: int) -> bool:
    """Whether no snapshot after `first` up to `last` changed the relation: its tables' rows, or a table or view it is made of.

    DuckLake says of every snapshot what it changed. Where a snapshot of the time was expired, the answer is no.

    Args:
        connection: A connection of the lake that reads snapshot `last`.
        relation: As for `relation_version`.
        first: Id of a snapshot.
        last: Id of a snapshot, not before `first`.
    """
    words = _definitions(connection, relation)
    tables = [_bare(name) for name in _tables(connection, relation, words)]
    changes = _changes_between(connection, first, last)
    if not tables or changes is None:
        return False
    numbers = {str(number) for name in tables for (number,) in connection.execute(_table_ids(name, last)).fetchall()}
    told = [part.partition(":") for change in changes for part in _PARTS.findall(change)]
    hurt = {name for what, _, name in told if not what.startswith(_HARMLESS)}
    names = {part.replace('"', "") for part in hurt}
    mentioned = " ".join([relation, *words, *tables]).replace('"', "")
    return not (hurt & numbers) and not any("." in name and name in mentioned for name in names)


def changes_of(connection: "duckdb.DuckDBPyConnection", relation: str, first: int, last: int) -> str | None:
    """The rows that came, went or changed after snapshot `first` up to `last`, as a `select` of them before and after.

    Only for a table, or a view that is one table with columns left out; the table must be the one it was, and DuckLake must still
    know every snapshot of the time. None otherwise.

    Args:
        connection: A connection of the lake that reads snapshot `last`.
        relation: As for `relation_version`.
        first: Id of a snapshot.
        last: Id of a snapshot, not before `first`.
    """
    words = _definitions(connection, relation)
    tables = _tables(connection, relation, words)
    if len(tables) != 1 or len(words) > 1 or (words and not _PLAIN_VIEW.match(words[0])):
        return None
    changes, name = _changes_between(connection, first, last), _bare(tables[0])
    then, now = (connection.execute(_table_ids(name, snapshot)).fetchall() for snapshot in (first, last))
    if changes is None or then != now or len(now) != 1:
        return None
    if any(f"altered_table:{now[0][0]}" in change for change in changes):
        return None
    schema, _, table = name.rpartition(".")
    return f"select * from ducklake_table_changes('lake', {as_text(schema)}, {as_text(table)}, {int(first) + 1}, {int(last)})"


def _changes_between(connection: "duckdb.DuckDBPyConnection", first: int, last: int) -> list[str] | None:
    """What DuckLake says each snapshot after `first` up to `last` changed; None where one of the time was expired."""
    changes = connection.execute(_CHANGES.format(first=int(first), last=int(last))).fetchall()
    return [change for _, change in changes if change] if len(changes) == last - first + 1 else None


def _bare(table: str) -> str:
    """The table's name without quotes and without the lake's own."""
    return table.replace('"', "").removeprefix("lake.")


def _table_ids(table: str, snapshot_id: int) -> str:
    schema, _, name = table.rpartition(".")
    return _IDS.format(schema=as_text(schema), name=as_text(name), snapshot=int(snapshot_id))


def _tables(connection: "duckdb.DuckDBPyConnection", relation: str, definitions: list[str]) -> list[str]:
    """The lake's tables that the relation reads, by quoted name.

    They follow from the relation and the definitions of its views, and are asked for once: `get_table_names` leaves views in the
    catalog, where all connections of the database see them, with columns named `__dummy_col0` until they are bound again.
    """
    import duckdb

    key = (relation, *definitions)
    if key in _KNOWN_TABLES:
        return _KNOWN_TABLES[key]
    try:
        found = connection.get_table_names(f"select * from {relation}", qualified=True)
        if definitions:
            with contextlib.suppress(duckdb.Error):  # one whose table is gone has no columns
                connection.sql(f"select * from {relation}")
        _KNOWN_TABLES[key] = sorted({name.partition(" AS ")[0] for name in found})
        return _KNOWN_TABLES[key]
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
