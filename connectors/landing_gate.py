"""The gate in front of the raw tables: what is staged, which of its rows may land, which go to quarantine, and why.

What belongs here: turning a source's declarations into staged tables, rules and verdicts. What does not: running the rules
(`connectors.quality`) and merging (`lake.landing`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.packages import Packages, held_path
from connectors.quality import FEW_ROWS, MANY_BAD_ROWS, Rule, Severity, in_set, is_true, not_null, plausible_time_sql, validate
from connectors.sources import Source, Table
from connectors.staged import ROW
from lake import quote
from lake.journal import CheckResult
from lake.landing import lake_columns

if TYPE_CHECKING:
    import duckdb


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


def judge(connection: "duckdb.DuckDBPyConnection", source: Source, packages: Packages, *, load_id: str) -> list[Judged]:
    """Stages every table's pending rows, validates them and quarantines those that break a rule.

    Nothing is landed here; when a blocking check failed among the results, the caller must not land either. Rows that were
    held back before are judged again when anything new came, for what they lacked may have come with it.
    """
    gates = [Gate(connection, source, table, packages, load_id) for table in source.tables]
    is_idle = not sum(gate.stage() for gate in gates)
    return [gate.idle() if is_idle else gate.judge() for gate in gates]


@dataclass
class Gate:
    """The gate of one table: its staged rows, its rules, its verdict."""

    connection: "duckdb.DuckDBPyConnection"
    source: Source
    table: Table
    packages: Packages
    load_id: str

    def __post_init__(self) -> None:
        self.fresh = self.packages.files[self.table.name]
        self.held = self.packages.held[self.table.name]
        self.there = lake_columns(self.connection, self.source.schema, self.table.name)
        self.staged = self._parquet_columns()
        shown = self.packages.columns.get(self.table.name, {})
        self.columns: dict[str, str] = {**self.staged, **shown, **self.table.columns, **self.there}
        self.name = staged_name(self.table.name)
        self.extracted = 0

    def stage(self) -> int:
        """Makes the temporary table of rows that differ from the lake's and tells how many of them were not held back before.

        Of each key the newest version stays; two different ones with the same cursor both stay, so that the suite sees them. A
        value that does not fit the lake's type becomes null and `_misfit` names its column.
        """
        self.extracted = self._count(f"select count(*) from {_parquet(self.fresh)}") if self.fresh else 0
        if not self.staged:
            self._stage_nothing()
            return 0
        names = ", ".join(quote(column) for column in self.staged)
        known = f" except select {names}, '' from {self._lake_name()}" if self.there else ""
        known = known if set(self.staged) <= set(self.there) else ""
        key, cursor = quote(self.table.key), quote(self.table.cursor)
        self.connection.execute(
            f"create or replace temp table {self.name} as with newest as (select * from ({self._typed((*self.fresh, *self.held))})"
            f" qualify rank() over (partition by {key} order by {cursor} desc nulls last) = 1 or {key} is null),"
            f" changed as (select * from newest{known})"
            f" select *, row_number() over () - 1 as {quote(ROW)}, false as _is_bad from changed"
        )
        held = f" except {self._typed(self.held)}" if self.held else ""
        return self._count(f"select count(*) from (select {names}, _misfit from {self.name}{held})")

    def idle(self) -> Judged:
        """The verdict when nothing new came: every rule stands, over no rows, and what is held back stays so."""
        self.connection.execute(f"delete from {self.name}")
        return replace(self.judge(), is_judged=False)

    def judge(self) -> Judged:
        """Runs the suite, quarantines the rows that break an error rule and marks them."""
        rows = self._count(f"select count(*) from {self.name}")
        rules, expressions = suite(self.source, self.table, self.columns, self._known_sql)
        selected = ", ".join(f"{expression} as {quote(name)}" for name, expression in expressions.items())
        read = self.connection.execute(f"select {selected} from {self.name} order by {quote(ROW)}")
        frame = read.to_arrow_table().to_pandas()
        verdict = validate(frame, rules, layer=self.source.schema, subject=self.table.name)
        for rule in rules:
            if rule.severity == "error" and rule.name in verdict.failing:
                self._quarantine(rule, verdict.failing[rule.name])
        bad = self._count(f"select count(*) from {self.name} where _is_bad")
        checks = [*verdict.results, self._columns_present(), self._not_poisoned(rows, bad)]
        written = {column: self.columns[column] for column in self.staged}
        return Judged(self.table.name, self.extracted, rows, bad, self.columns, written, checks, self._hold() if bad else None)

    def _hold(self) -> Path:
        path = held_path(self.source, self.table.name, self.load_id)
        columns = ", ".join(quote(name) for name in (*self.staged, "_misfit"))
        self.connection.execute(f"copy (select {columns} from {self.name} where _is_bad) to {_text(str(path))} (format parquet)")
        return path

    def _parquet_columns(self) -> dict[str, str]:
        if not self.fresh and not self.held:
            return {}
        rows = self.connection.execute(f"describe from {_parquet((*self.fresh, *self.held))}").fetchall()
        columns = {name: kind for name, kind, *_ in rows if not name.startswith("_dlt_") and name != "_misfit"}
        return columns if self.table.key in columns and self.table.cursor in columns else {}

    def _typed(self, files: Sequence[Path]) -> str:
        casts = ", ".join(f"try_cast({quote(name)} as {self.columns[name]}) as {quote(name)}" for name in self.staged)
        there = {row[0] for row in self.connection.execute(f"describe from {_parquet(files)}").fetchall()}
        absent = "".join(f", null as {quote(name)}" for name in self.staged.keys() - there)
        before = "nullif(_misfit, '')" if "_misfit" in there else "null"  # a held row's value is gone, but not that it did not fit
        misfit = before + "".join(
            f", case when {quote(name)} is not null and try_cast({quote(name)} as {self.columns[name]}) is null"
            f" then {_text(name)} || ' ' || {quote(name)} end"
            for name, kind in self.staged.items()
            if kind.lower() != self.columns[name].lower()
        )
        return f"select distinct {casts}, concat_ws(', ', {misfit}) as _misfit from (select *{absent} from {_parquet(files)})"

    def _stage_nothing(self) -> None:
        empty = ", ".join(f"cast(null as {kind}) as {quote(column)}" for column, kind in self.columns.items())
        self.connection.execute(
            f"create or replace temp table {self.name} as"
            f" select {empty}, '' as _misfit, 0 as {quote(ROW)}, false as _is_bad limit 0"
        )

    def _known_sql(self, column: str, parent: str) -> str:
        """A condition: the column is empty, or holds the key of a row of `parent` that is in the lake or about to be."""
        key, name = quote(self.source.table(parent).key), quote(column)
        landed = lake_columns(self.connection, self.source.schema, parent)
        in_lake = f" or {name} in (select {key} from {quote(self.source.schema)}.{quote(parent)})" if landed else ""
        about_to_be = f"select {key} from {staged_name(parent)} where not _is_bad and {key} is not null"
        return f"({name} is null or {name} in ({about_to_be}){in_lake})"

    def _quarantine(self, rule: Rule, positions: list[int]) -> None:
        """Notes each row once, with the rule it breaks; the same row in a later run is not noted again."""
        value = f"coalesce(cast({quote(rule.about)} as varchar), 'empty')" if rule.about else "'not so'"
        fields = ", ".join(f"{_text(name)}: {quote(name)}" for name in self.staged)
        known = {
            "source": self.source.name,
            "table": self.table.name,
            "rule": rule.name,
            "load": self.load_id,
            "positions": positions,
        }
        self.connection.execute(
            f"insert into quarantine.rows with bad as (select cast({quote(self.table.key)} as varchar) as row_key,"
            f" {value} as what, to_json({{{fields}}})::varchar as row_json from {self.name}"
            f" where {quote(ROW)} in (select unnest($positions::bigint[])))"
            " select now(), $source, $table, row_key, $rule, $rule || ', but is: ' || what, row_json, $load from bad"
            " where not exists (select 1 from quarantine.rows there where there.source = $source and there.table_name = $table"
            " and there.rule = $rule and there.row_json = bad.row_json)",
            known,
        )
        marked = f"update {self.name} set _is_bad = true where {quote(ROW)} in (select unnest(?::bigint[]))"
        self.connection.execute(marked, [positions])

    def _columns_present(self) -> CheckResult:
        shown = self.packages.columns.get(self.table.name)
        gone = [name for name in self.there if name not in shown] if shown else []
        needed = {self.table.key, self.table.cursor, *self.table.required, *self.table.references}
        blocking = bool(needed & set(gone))
        detail = f"the source no longer has {', '.join(gone)}" if gone else ""
        severity: Severity = "error" if blocking else "warning"
        return CheckResult(
            self.source.schema,
            self.table.name,
            "columns are all there",
            not gone,
            severity,
            blocking,
            len(self.there),
            len(gone),
            detail,
        )

    def _not_poisoned(self, rows: int, bad: int) -> CheckResult:
        passed = bad < FEW_ROWS or bad <= MANY_BAD_ROWS * rows
        detail = "" if passed else f"{bad} of {rows} rows break a rule"
        name = f"no more than {MANY_BAD_ROWS:.0%} of the rows are bad"
        return CheckResult(self.source.schema, self.table.name, name, passed, "error", True, rows, bad, detail)

    def _lake_name(self) -> str:
        return f"{quote(self.source.schema)}.{quote(self.table.name)}"

    def _count(self, sql: str) -> int:
        row = self.connection.execute(sql).fetchone()
        return int(row[0]) if row else 0


def suite(
    source: Source, table: Table, columns: Mapping[str, str], known_sql: Callable[[str, str], str]
) -> tuple[list[Rule], dict[str, str]]:
    """A table's rules, and the columns of the frame they run on as SQL over the staged table."""
    rules = [not_null(column) for column in dict.fromkeys((table.key, table.cursor, *table.required)) if column in columns]
    expressions = {rule.column: quote(rule.column) for rule in rules}

    def add(rule: Rule, expression: str) -> None:
        rules.append(rule)
        expressions[rule.column] = expression

    add(is_true("_key_unique", f"{table.key} is unique", about=table.key), f"count(*) over (partition by {quote(table.key)}) = 1")
    add(is_true("_fits", "values fit the lake's types", about="_misfit"), "_misfit = ''")
    for column in filter(columns.__contains__, dict.fromkeys((*table.times, table.cursor))):
        name = f"{column} is plausible (1990 to two years ahead)"
        add(is_true(f"_{column}_plausible", name, about=column), plausible_time_sql(quote(column)))
    for column, parent in table.references.items():
        if column in columns:
            add(is_true(f"_{column}_known", f"{column} is known in {parent}", about=column), known_sql(column, parent))
    for column, values in table.kinds.items():
        add(in_set(column, values), quote(column))
    for column, values in table.states.items():
        add(in_set(column, values, severity="warning"), quote(column))
    return rules, expressions


def _parquet(files: Sequence[Path]) -> str:
    return f"read_parquet([{', '.join(_text(str(path)) for path in files)}], union_by_name = true)"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
