"""Rows that a source has no more: found among the keys it showed or by its own column, and marked in the lake.

What belongs here: what a reading of keys says of one raw table. What does not: reading the keys (`connectors.kinds`), and the SQL
that marks rows (`lake.landing`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.casts import cast_sql
from connectors.connection import Connection, Resource
from connectors.landing_gate import staged_name
from connectors.packages import Packages
from connectors.quality import FEW_ROWS
from lake import quote
from lake.journal import CheckResult
from lake.landing import Presence, Target, mark_deleted, presence
from lake.sql_text import as_text

if TYPE_CHECKING:
    import duckdb

MANY_VANISHED = 0.5  # a larger share of a table's rows than this, gone at once, is worth a warning
ALL_KEYS = "every key of the source is in the lake"


@dataclass(frozen=True)
class Deletions:
    """One raw table and what its source said of the rows there are."""

    connection: "duckdb.DuckDBPyConnection"
    source: Connection
    resource: Resource
    packages: Packages
    target: Target
    columns: Mapping[str, str]  # of the lake's table; none: there is no such table

    def mark(self) -> tuple[int, list[CheckResult]]:
        """Marks what the source has no more, and says so where that is most of a table: a mistake in the source looks like that."""
        if self.resource.deletions is None or not self.columns:
            return 0, []
        keys = self._keys(self.packages.keys.get(self.resource.name, ()))
        condition = self._condition(keys)
        if condition is None:
            return 0, []
        found = presence(self.connection, self.target, is_deleted=condition)
        unseen = self._unseen(keys, found)
        mark_deleted(self.connection, self.target, found, is_deleted=condition)
        return found.gone, [self._vanished(found), *unseen]

    def _vanished(self, found: Presence) -> CheckResult:
        before = found.alive + found.back
        many = found.gone > FEW_ROWS and found.gone > MANY_VANISHED * before
        detail = f"{found.gone} of {before} rows are not in the source any more and were marked as deleted" if many else ""
        name = f"no more than {MANY_VANISHED:.0%} of the rows vanished"
        return self._check(name, not many, before, found.gone, detail)

    def _check(self, name: str, passed: bool, rows: int, failing: int, detail: str) -> CheckResult:
        return CheckResult(self.source.raw_schema, self.resource.name, name, passed, "warning", False, rows, failing, detail)

    def _condition(self, keys: str | None) -> str | None:
        """SQL over the lake's table: the source has the row no more. None where it was not asked."""
        if self.resource.deletions and self.resource.deletions.column:
            column = f"target.{quote(self.resource.deletions.column)}"
            return f"lower(coalesce({column}::varchar, '')) not in ('', 'false', 'f', '0', 'n', 'no')"
        if self.resource.name in self.packages.emptied:
            return "true"
        return f"not exists (from {keys} as there where {self._same('there')})" if keys else None

    def _same(self, other: str) -> str:
        return " and ".join(f"{other}.{quote(name)} = target.{quote(name)}" for name in self.resource.key)

    def _unseen(self, keys: str | None, found: Presence) -> list[CheckResult]:
        """Whether every key of the source is in the lake or held back; where one is not, its cursor lay too far back to be seen.

        So did that of a row which is marked as deleted and is there again without having been read.
        """
        if keys is None or self.resource.cursor is None:
            return []
        there = self._count(f"select count(*) from (select distinct * from {keys})")
        unseen = 0 if there == found.alive - found.gone else self._count_unseen(keys)  # as many: each of them is in the lake
        detail = f"{unseen} rows lie behind the cursor; the next run reads the whole" if unseen else ""
        return [self._check(ALL_KEYS, not unseen, 0, unseen, detail)]

    def _count_unseen(self, keys: str) -> int:
        name = self.resource.name
        waiting = [f"(from {staged_name(name)} where _is_bad)"] if self.packages.files.get(name) else []
        held = self._keys(self.packages.held.get(name, ()))
        alive = f"(from {self.target.name} where _deleted_at is null)"
        places = [alive, *waiting, *([held] if held else [])]
        lacking = [f"not exists (from {place} as target where {self._same('there')})" for place in places]
        return self._count(f"select count(*) from {keys} as there where {' and '.join(lacking)}")

    def _keys(self, files: Sequence[Path]) -> str | None:
        """A subquery over the keys in these files, in the lake's types."""
        if not files:
            return None
        listed = ", ".join(as_text(path) for path in files)
        read = f"read_parquet([{listed}], union_by_name = true)"
        found = {row[0]: row[1] for row in self.connection.execute(f"describe from {read}").fetchall()}
        zone = self.source.time_zone
        cast = [f"{cast_sql(name, found[name], self.columns[name], zone=zone)} as {quote(name)}" for name in self.resource.key]
        return f"(select {', '.join(cast)} from {read})"

    def _count(self, sql: str) -> int:
        row = self.connection.execute(sql).fetchone()
        return int(row[0]) if row else 0
