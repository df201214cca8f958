"""Where the tables of an object-centric log stand: in the lake, or those of what filters keep, beside it.

What belongs here: their names, and making the kept ones so that they agree with each other. What does not: writing them to a file.
"""

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from lake import quote

if TYPE_CHECKING:
    import duckdb

PARTS = ("events", "objects", "event_objects", "object_objects")
HISTORY = "object_values"
_numbers = count(1)


@dataclass(frozen=True)
class LogTables:
    """The tables `<name>__events` and so on, of one schema."""

    name: str
    catalog: str = "lake"
    schema: str = "event_logs"

    def part(self, part: str) -> str:
        """Quoted name of one of them."""
        return f"{self.catalog}.{self.schema}.{quote(f'{self.name}__{part}')}"

    def has(self, connection: "duckdb.DuckDBPyConnection", *parts: str) -> bool:
        """Whether all of these are there."""
        names = [f"{self.name}__{part}" for part in parts]
        found = connection.execute(
            "select count(distinct table_name) from duckdb_columns() where database_name = ? and schema_name = ?"
            " and list_contains(?, table_name)",
            [self.catalog, self.schema, names],
        ).fetchone()
        return found is not None and found[0] == len(names)


def kept_tables(connection: "duckdb.DuckDBPyConnection", whole: LogTables, rows: str) -> LogTables:
    """Temporary tables of what remains of a log.

    An event remains if it stands in the rows; a relation to an object, if its event does; an object, if such a relation leads to
    it; a relation between objects, if both do; and of what is known of how objects changed, what concerns those.

    Args:
        connection: A connection of the lake; a read-only one will do.
        whole: The tables of the whole log.
        rows: SQL of the rows of its case view that remain.
    """
    kept = LogTables(f"kept_{next(_numbers)}", "temp", "main")
    key = "event_id" if "event_id" in connection.sql(rows).columns else "source_row"  # an import's case view has no ids
    objects, links = kept.part("objects"), kept.part("event_objects")
    conditions = {
        "events": f"{key} in (select {key} from ({rows}))",
        "event_objects": f"event_id in (select event_id from {kept.part('events')})",
        "objects": f"object_id in (select object_id from {links})",
        "object_objects": f"source_id in (select object_id from {objects}) and target_id in (select object_id from {objects})",
        HISTORY: f"object_id in (select object_id from {objects})",
    }
    for part, condition in conditions.items():
        if part != HISTORY or whole.has(connection, HISTORY):
            connection.execute(f"create temp table {kept.part(part)} as select * from {whole.part(part)} where {condition}")
    return kept


def drop_tables(connection: "duckdb.DuckDBPyConnection", kept: LogTables) -> None:
    """Drops what `kept_tables` made."""
    for part in (*PARTS, HISTORY):
        connection.execute(f"drop table if exists {kept.part(part)}")
