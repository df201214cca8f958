"""The gate in front of the raw tables: what is staged, which of its rows may land, which go to quarantine, and why.

What belongs here: turning a connection's declarations into staged tables, rules and verdicts. What does not: running the rules
(`connectors.quality`) and merging (`lake.landing`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.connection import Connection, Resource
from connectors.packages import Packages, held_path, rejected_records
from connectors.quality import FEW_ROWS, MANY_BAD_ROWS, Rule, Severity, in_set, is_true, not_null, plausible_time_sql, validate
from connectors.staged import ROW, Rejected
from lake import quote
from lake.journal import QUARANTINE_INTO, CheckResult, insert_rows
from lake.landing import lake_columns

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

ROW_KEY = "_row_key"  # the key of rows that have none: a digest of the row, and its number among equal ones
_PACKAGE = "@package"  # the load a staged row came with; rows held back before come from none


@dataclass(frozen=True)
class Judged:
    """One table's staged rows after the gate; they lie in the temporary table `staged_<name>`."""

    name: str
    extracted: int  # rows read from the source, those read again because of the overlap included
    rows: int  # rows that differ from the lake's
    quarantined: int
    columns: Mapping[str, str]  # every column the lake's table is to have
    staged_columns: Mapping[str, str]  # those of them the staged rows have
    checks: list[CheckResult] = field(default_factory=list)
    held: Path | None = None  # the file in which the quarantined rows wait to be judged again
    is_judged: bool = True  # False: nothing new came, so the suite did not run

    @property
    def good_rows(self) -> str:
        """A subquery over the rows that may land."""
        return f"(from {staged_name(self.name)} where not _is_bad)"


def staged_name(table: str) -> str:
    """The temporary table of a table's staged rows."""
    return f"temp.{quote(f'staged_{table}')}"


def judge(
    connection: "duckdb.DuckDBPyConnection", source: Connection, packages: Packages, *, load_id: str, again: bool = False
) -> list[Judged]:
    """Stages every table's pending rows, validates them and quarantines those that break a rule.

    Nothing is landed here; when a blocking check failed among the results, the caller must not land either. Rows that were
    held back before are judged again when anything new came, for what they lacked may have come with it, or when `again` asks so.
    """
    gates = [Gate(connection, source, resource, packages, load_id) for resource in source.resources]
    is_idle = not sum(gate.stage() for gate in gates) and not again
    return [gate.idle() if is_idle else gate.judge() for gate in gates]


@dataclass
class Gate:
    """The gate of one resource: its staged rows, its rules, its verdict."""

    connection: "duckdb.DuckDBPyConnection"
    source: Connection
    table: Resource
    packages: Packages
    load_id: str

    def __post_init__(self) -> None:
        self.fresh = self.packages.files[self.table.name]
        self.held = self.packages.held[self.table.name]
        self.there = lake_columns(self.connection, self.source.raw_schema, self.table.name)
        self.key = self.table.key or (ROW_KEY,)
        self.found = self._parquet_columns()
        self.shown = self.packages.columns.get(self.table.name, {})
        self.new = [name for name in {**self.found, **self.shown} if name not in self.there] if self.there else []
        dropped = self.new if self.source.on_schema_change == "discard" else []
        self.staged = {name: kind for name, kind in self.found.items() if name not in dropped}
        shown = {name: kind for name, kind in self.shown.items() if name not in dropped}
        own = {} if self.table.key else {ROW_KEY: "VARCHAR"}
        self.columns: dict[str, str] = {**own, **self.staged, **shown, **self.table.columns, **self.there}
        self.staged = {**own, **self.staged} if self.staged else {}
        self.name = staged_name(self.table.name)
        self.extracted = 0
        self.records = rejected_records(self.packages.rejected.get(self.table.name, ()))

    def stage(self) -> int:
        """Makes the temporary table of rows that differ from the lake's and tells how many of them were not held back before.

        Of each key the newest version stays: the one with the latest cursor, and among those the one read last; two different ones
        of the same reading both stay, so that the suite sees them. A value that does not fit the lake's type becomes null,
        `_misfit` names its column and `_raw` keeps the row as it came.
        """
        self.extracted = self._count(f"select count(*) from {_parquet(self.fresh)}") if self.fresh else 0
        if not self.staged:
            self._stage_nothing()
            return len(self.records)
        names = self._names(self.staged)
        known = (
            f" anti join {self._lake_name()} as there on {self._equals('there')} and there._deleted_at is null"
            if self._comparable()
            else ""
        )
        self.connection.execute(
            f"create or replace temp table {self.name} as with read as ({self._typed((*self.fresh, *self.held))}), newest as ("
            f"select distinct on ({names}, _misfit) * from (from read qualify rank() over"
            f" (partition by {self._names(self.key)} order by {self._newest_first()}) = 1 or {self._keyless()})),"
            f" changed as (select newest.* from newest{known} where true)"
            f" select * exclude ({quote(_PACKAGE)}), row_number() over () - 1 as {quote(ROW)}, false as _is_bad from changed"
        )
        held = f" except select {names}, _misfit from ({self._typed(self.held)})" if self.held else ""
        return self._count(f"select count(*) from (select {names}, _misfit from {self.name}{held})") + len(self.records)

    def _comparable(self) -> bool:
        return bool(self.there) and set(self.staged) <= set(self.there)

    def _equals(self, other: str) -> str:
        same = [f"newest.{quote(name)} is not distinct from {other}.{quote(name)}" for name in self.staged]
        return " and ".join([*same, "newest._misfit = ''"])

    def _newest_first(self) -> str:
        cursor = [f"{quote(self.table.cursor.column)} desc nulls last"] if self.table.cursor else []
        return ", ".join([*cursor, f"{quote(_PACKAGE)} desc"])

    def _keyless(self) -> str:
        return " or ".join(f"{quote(name)} is null" for name in self.key)

    def _names(self, columns: Iterable[str]) -> str:
        return ", ".join(quote(name) for name in columns)

    def idle(self) -> Judged:
        """The verdict when nothing new came: every rule stands, over no rows, and what is held back stays so."""
        self.connection.execute(f"delete from {self.name}")
        return replace(self.judge(), is_judged=False)

    def judge(self) -> Judged:
        """Runs the suite, quarantines the rows that break an error rule and marks them."""
        rows = self._count(f"select count(*) from {self.name}")
        rules, expressions = suite(self.source, self.table, self.columns, self._known_sql)
        frame = self._groups(expressions)
        verdict = validate(frame, rules, layer=self.source.raw_schema, subject=self.table.name, weights="_rows")
        for rule in rules:
            if rule.severity == "error" and rule.name in verdict.failing:
                self._quarantine(rule, frame["_group"].iloc[verdict.failing[rule.name]].tolist())
        bad = self._count(f"select count(*) from {self.name} where _is_bad")
        self._note_rejected()
        checks = [*verdict.results, self._columns_present(), self._columns_known(), self._not_poisoned(rows, bad)]
        written = {column: self.columns[column] for column in self.staged}
        quarantined = bad + len(self.records)
        return Judged(
            self.table.name, self.extracted, rows, quarantined, self.columns, written, checks, self._hold() if bad else None
        )

    def _groups(self, expressions: Mapping[str, str]) -> "pd.DataFrame":
        """One row for all that a suite cannot tell apart, with their number `_rows`; the table of verdicts knows whose they are."""
        named = [f"{expression} as {quote(name)}" for name, expression in expressions.items()]
        names = self._names(expressions)
        verdicts = self._verdicts()
        self.connection.execute(
            f"create or replace temp table {verdicts} as select {quote(ROW)}, hash({names}) as _group, {names}"
            f" from (select {quote(ROW)}, {', '.join(named)} from {self.name})"
        )
        values = ", ".join(f"any_value({quote(name)}) as {quote(name)}" for name in expressions)
        read = self.connection.execute(
            f"select _group, count(*) as _rows, {values} from {verdicts} group by _group order by _group"
        )
        return read.to_arrow_table().to_pandas()

    def _verdicts(self) -> str:
        return f"temp.{quote(f'verdicts_{self.table.name}')}"

    def _hold(self) -> Path:
        path = held_path(self.source, self.table.name, self.load_id)
        kept = [name for name in self.staged if name != ROW_KEY]
        columns = self._names([*kept, *([ROW_KEY] if ROW_KEY in self.staged else []), "_misfit", "_raw"])
        self.connection.execute(f"copy (select {columns} from {self.name} where _is_bad) to {_text(str(path))} (format parquet)")
        return path

    def _parquet_columns(self) -> dict[str, str]:
        if not self.fresh and not self.held:
            return {}
        rows = self.connection.execute(f"describe from {_parquet((*self.fresh, *self.held))}").fetchall()
        own = {"_misfit", "_raw", ROW_KEY}
        columns = {name: kind for name, kind, *_ in rows if not name.startswith("_dlt_") and name not in own}
        needed = {*self.table.key, *([self.table.cursor.column] if self.table.cursor else [])}
        return columns if needed <= set(columns) else {}

    def _typed(self, files: Sequence[Path]) -> str:
        """A query for the files' rows in the lake's types, with `_misfit`, `_raw` and the package they came with."""
        fresh, held = [one for one in files if one not in self.held], [one for one in files if one in self.held]
        return " union all by name ".join(self._read(part) for part in (fresh, held) if part)

    def _read(self, files: Sequence[Path]) -> str:
        there = {row[0] for row in self.connection.execute(f"describe from {_parquet(files)}").fetchall()}
        given = [name for name in self.staged if name != ROW_KEY]
        absent = "".join(f", null as {quote(name)}" for name in given if name not in there)
        is_held = "_misfit" in there
        package = "''" if is_held else "array_to_string(string_split(parse_filename(filename), '.')[:2], '.')"
        casts = ", ".join(f"try_cast({quote(name)} as {self.columns[name]}) as {quote(name)}" for name in given)
        before = "nullif(_misfit, '')" if is_held else "null"  # a held row's value is gone, but not that it did not fit
        misfit = before + "".join(
            f", case when {quote(name)} is not null and try_cast({quote(name)} as {self.columns[name]}) is null"
            f" then {_text(name)} || ' ' || {quote(name)} end"
            for name in given
            if self.found[name].lower() != self.columns[name].lower()
        )
        fields = ", ".join(f"{_text(name)}: {quote(name)}" for name in given)
        misfits, raw = f"concat_ws(', ', {misfit})", "_raw" if is_held else f"to_json({{{fields}}})::varchar"
        row_key = f", {self._row_key(given, is_held)} as {quote(ROW_KEY)}" if ROW_KEY in self.staged else ""
        return (
            f"select {casts}{row_key}, {misfits} as _misfit, case when {misfits} <> '' then {raw} end as _raw,"
            f" {package} as {quote(_PACKAGE)} from (select *{absent} from {_parquet(files, filename=not is_held)})"
        )

    def _row_key(self, columns: Sequence[str], is_held: bool) -> str:
        """A digest of the row and its number among the equal rows of one reading."""
        if is_held:
            return quote(ROW_KEY)
        digest = f"md5(to_json([{', '.join(f'{quote(name)}::varchar' for name in sorted(columns))}])::varchar)"
        reading = "array_to_string(string_split(parse_filename(filename), '.')[:2], '.')"
        return f"{digest} || '-' || row_number() over (partition by {digest}, {reading})"

    def _stage_nothing(self) -> None:
        empty = ", ".join(f"cast(null as {kind}) as {quote(column)}" for column, kind in self.columns.items())
        self.connection.execute(
            f"create or replace temp table {self.name} as"
            f" select {empty or 'null as _nothing'}, '' as _misfit, '' as _raw, 0 as {quote(ROW)}, false as _is_bad limit 0"
        )

    def _known_sql(self, column: str, parent: str) -> str:
        """A condition: the column is empty, or holds the key of a row of `parent` that is in the lake or about to be."""
        key, name = quote(self.source.resource(parent).key[0]), quote(column)
        landed = lake_columns(self.connection, self.source.raw_schema, parent)
        in_lake = f" or {name} in (select {key} from {quote(self.source.raw_schema)}.{quote(parent)})" if landed else ""
        about_to_be = f"select {key} from {staged_name(parent)} where not _is_bad and {key} is not null"
        return f"({name} is null or {name} in ({about_to_be}){in_lake})"

    def _quarantine(self, rule: Rule, groups: list[int]) -> None:
        """Notes each row once, with the rule it breaks; the same row in a later run is not noted again."""
        value = f"coalesce(cast({quote(rule.about)} as varchar), 'empty')" if rule.about else "'not so'"
        fields = ", ".join(f"{_text(name)}: {quote(name)}" for name in self.staged if name != ROW_KEY)
        broken = (
            f"{quote(ROW)} in (select {quote(ROW)} from {self._verdicts()} where _group in (select unnest($groups::ubigint[])))"
        )
        known = {"source": self.source.name, "table": self.table.name, "rule": rule.name, "load": self.load_id, "groups": groups}
        key = f"concat_ws(' | ', {', '.join(f'cast({quote(name)} as varchar)' for name in self.key)})"
        self.connection.execute(
            f"insert into {QUARANTINE_INTO} with bad as (select nullif({key}, '') as row_key,"
            f" {value} as what, coalesce(_raw, to_json({{{fields}}})::varchar) as row_json from {self.name} where {broken})"
            " select now(), $source, $table, row_key, $rule, $rule || ', but is: ' || what, row_json, $load from bad"
            " where not exists (select 1 from quarantine.rows there where there.source = $source and there.table_name = $table"
            " and there.rule = $rule and there.row_json = bad.row_json)",
            known,
        )
        self.connection.execute(f"update {self.name} set _is_bad = true where {broken}", {"groups": groups})

    def _note_rejected(self) -> None:
        """Writes the records that could not become rows to quarantine, as they came."""
        rows = [self._dead_letter(record) for record in self.records]
        insert_rows(self.connection, QUARANTINE_INTO, rows)

    def _dead_letter(self, record: Rejected) -> tuple[object, ...]:
        now = datetime.now(UTC)
        return (now, self.source.name, self.table.name, record.row, record.rule, record.reason, record.text, self.load_id)

    def _columns_present(self) -> CheckResult:
        gone = [name for name in self.there if name not in self.shown and name != ROW_KEY] if self.shown else []
        cursor = [self.table.cursor.column] if self.table.cursor else []
        needed = {*self.table.key, *cursor, *self.table.required, *self.table.references}
        blocking = bool(needed & set(gone))
        detail = f"the source no longer has {', '.join(gone)}" if gone else ""
        severity: Severity = "error" if blocking else "warning"
        return CheckResult(
            self.source.raw_schema,
            self.table.name,
            "columns are all there",
            not gone,
            severity,
            blocking,
            len(self.there),
            len(gone),
            detail,
        )

    def _columns_known(self) -> CheckResult:
        """New columns and types, and what the connection's contract makes of them."""
        contract = self.source.on_schema_change
        other = [
            f"{name} is {kind.lower()}, was {self.there[name].lower()}"
            for name, kind in self.shown.items()
            if name in self.there and kind.lower().replace(" ", "") != _spelled(self.there[name])
        ]
        added = [f"{name} is new" for name in self.new]
        changes = [*added, *(other if contract == "freeze" else [])]
        blocking = contract == "freeze" and bool(changes)
        done = {"evolve": "added to the lake", "freeze": "the contract freezes the columns", "discard": "left out"}[contract]
        detail = f"{', '.join(changes)}: {done}" if changes else ""
        severity: Severity = "error" if blocking else "warning"
        name = "columns are those known"
        return CheckResult(
            self.source.raw_schema, self.table.name, name, not changes, severity, blocking, len(self.columns), len(changes), detail
        )

    def _not_poisoned(self, rows: int, bad: int) -> CheckResult:
        passed = bad < FEW_ROWS or bad <= MANY_BAD_ROWS * rows
        detail = "" if passed else f"{bad} of {rows} rows break a rule"
        name = f"no more than {MANY_BAD_ROWS:.0%} of the rows are bad"
        return CheckResult(self.source.raw_schema, self.table.name, name, passed, "error", True, rows, bad, detail)

    def _lake_name(self) -> str:
        return f"{quote(self.source.raw_schema)}.{quote(self.table.name)}"

    def _count(self, sql: str) -> int:
        row = self.connection.execute(sql).fetchone()
        return int(row[0]) if row else 0


def suite(
    source: Connection, table: Resource, columns: Mapping[str, str], known_sql: Callable[[str, str], str]
) -> tuple[list[Rule], dict[str, str]]:
    """A table's rules, and the columns of the frame they run on as SQL over the staged table."""
    key, cursor = table.key or (ROW_KEY,), (table.cursor.column,) if table.cursor else ()
    rules = [not_null(column) for column in dict.fromkeys((*key, *cursor, *table.required)) if column in columns]
    closed = {*table.kinds, *table.states}
    expressions = {rule.column: _filled(rule.column) for rule in rules if rule.column not in closed}

    def add(rule: Rule, expression: str) -> None:
        rules.append(rule)
        expressions[rule.column] = expression

    together = ", ".join(quote(name) for name in key)
    unique = is_true("_key_unique", f"{', '.join(key)} is unique", about=key[0])
    add(unique, f"count(*) over (partition by {together}) = 1")
    add(is_true("_fits", "values fit the lake's types", about="_misfit"), "_misfit = ''")
    moments = [name for name in cursor if "timestamp" in columns.get(name, "").lower() or columns.get(name, "").lower() == "date"]
    for column in filter(columns.__contains__, dict.fromkeys((*table.times, *moments))):
        name = f"{column} is plausible (1990 to two years ahead)"
        add(is_true(f"_{column}_plausible", name, about=column), plausible_time_sql(quote(column)))
    for column, parent in table.references.items():
        if column in columns:
            add(is_true(f"_{column}_known", f"{column} is known in {parent}", about=column), known_sql(column, parent))
    for column, values in table.kinds.items():
        if column in columns:
            add(in_set(column, values), quote(column))
    for column, values in table.states.items():
        if column in columns:
            add(in_set(column, values, severity="warning"), quote(column))
    return rules, expressions


def _filled(column: str) -> str:
    """What tells the rule that a column is filled or not, and nothing more: rows are told apart by as little as the rules need."""
    return f"case when {quote(column)} is not null then true end"


def _spelled(kind: str) -> str:
    """The lake's name of a type as the kinds of systems write it."""
    return kind.lower().replace(" ", "").replace("timestampwithtimezone", "timestamptz")


def _parquet(files: Sequence[Path], *, filename: bool = False) -> str:
    listed = ", ".join(_text(str(path)) for path in files)
    return f"read_parquet([{listed}], union_by_name = true{', filename = true' if filename else ''})"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
