"""What the lake itself knows of its tables: columns, rows, when they last changed, when they were last loaded, their checks.

What belongs here: a few reading queries over DuckLake's metadata and schema `platform`. What does not: what dbt says of the same
tables (`lake.catalog_project`) and putting both together (`lake.catalog`).
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from lake.catalog_tables import Check, Column

if TYPE_CHECKING:
    import duckdb

_META = "__ducklake_metadata_lake"
_COLUMNS = """
    select schema_name || '.' || table_name, column_name, data_type from duckdb_columns()
    where database_name = 'lake' order by table_oid, column_index"""
_TABLES = f"""
    select c.schema_name || '.' || t.table_name, t.table_id, t.begin_snapshot
    from {_META}.ducklake_table t join {_META}.ducklake_schema c using (schema_id)
    where t.end_snapshot is null and c.end_snapshot is null"""
_ROWS = "select schema_name || '.' || table_name, estimated_size from duckdb_tables() where database_name = 'lake'"  # exact here
_WRITES = f"""
    select table_id, max(begin_snapshot) from (
        select table_id, begin_snapshot from {_META}.ducklake_data_file
        union all select table_id, begin_snapshot from {_META}.ducklake_delete_file) group by table_id"""
_VIEWS = f"""
    select c.schema_name || '.' || v.view_name, v.begin_snapshot, v.sql
    from {_META}.ducklake_view v join {_META}.ducklake_schema c using (schema_id)
    where v.end_snapshot is null and c.end_snapshot is null"""
_TIMES = f"select snapshot_id, snapshot_time from {_META}.ducklake_snapshot"
_LOADS = "select 'raw_' || source || '.' || table_name, max(finished_at) from platform.loads group by all"
_CHECKS = """
    select layer || '.' || subject, check_name, passed, severity, rows_failed, detail, checked_at
    from platform.check_results
    qualify row_number() over (partition by layer, subject, check_name order by checked_at desc) = 1"""
_NAME = re.compile(r'"?(\w+)"?\."?([\w ]+?)"?(?=[\s;),]|$)')


@dataclass
class Facts:
    """All of it, by `schema.table`; what is not known is missing."""

    columns: dict[str, list[Column]] = field(default_factory=lambda: defaultdict(list))
    rows: dict[str, int] = field(default_factory=dict)
    views: dict[str, str] = field(default_factory=dict)  # their SQL
    changed_at: dict[str, datetime] = field(default_factory=dict)
    loaded_at: dict[str, datetime] = field(default_factory=dict)
    checks: dict[str, list[Check]] = field(default_factory=lambda: defaultdict(list))

    def read_by(self, key: str) -> tuple[str, ...]:
        """The tables and views that a view's SQL names."""
        found = {f"{schema}.{name}" for schema, name in _NAME.findall(self.views.get(key, ""))}
        return tuple(sorted(found & set(self.columns) - {key}))


def read_facts(connection: "duckdb.DuckDBPyConnection") -> Facts:
    """Reads it all; some hundredths of a second."""
    facts = Facts()
    for key, name, type_ in connection.execute(_COLUMNS).fetchall():
        facts.columns[key].append(Column(name, type=type_.lower()))
    times = dict(connection.execute(_TIMES).fetchall())
    _tables(connection, facts, times)
    for key, began, sql in connection.execute(_VIEWS).fetchall():
        facts.views[key] = sql
        _note(facts.changed_at, key, times.get(began))
    if "platform.loads" in facts.columns:
        facts.loaded_at |= dict(connection.execute(_LOADS).fetchall())
    if "platform.check_results" in facts.columns:
        for key, *words in connection.execute(_CHECKS).fetchall():
            facts.checks[key].append(_check(*words))
    return facts


def _tables(connection: "duckdb.DuckDBPyConnection", facts: Facts, times: Mapping[int, datetime]) -> None:
    """Rows of the tables and when they last changed: made anew, or a file of rows or of deletions added."""
    facts.rows |= dict(connection.execute(_ROWS).fetchall())
    written = dict(connection.execute(_WRITES).fetchall())
    for key, number, began in connection.execute(_TABLES).fetchall():
        _note(facts.changed_at, key, times.get(max(began, written.get(number, began))))


def _note(where: dict[str, datetime], key: str, moment: datetime | None) -> None:
    if moment is not None:  # the snapshot it was in may have been expired
        where[key] = moment


def _check(name: str, passed: bool, severity: str, rows_failed: int, detail: str, checked_at: datetime) -> Check:
    return Check(name, passed, severity, rows_failed or 0, detail or "", checked_at)
