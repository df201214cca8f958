"""The gate in front of the raw tables: what is staged, which of its rows may land, which go to quarantine, and why.

What belongs here: turning a connection's declarations into staged tables, rules and verdicts. What does not: running the rules
(`connectors.quality`) and merging (`lake.landing`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.casts import cast_sql, may_misfit, spelled
from connectors.connection import Connection, Resource
from connectors.exact_casts import WHOLE, is_lost
from connectors.packages import Packages, draft_of, held_path, rejected_records
from connectors.quality import (
    FEW_ROWS,
    MANY_BAD_ROWS,
    Rule,
    Severity,
    Verdict,
    in_set,
    is_true,
    not_null,
    plausible_time_sql,
    unchecked,
    validate,
)
from connectors.staged import ROW, Rejected
from connectors.waivers import DROPPED, Waiver, dropped, lenient, waivers_of
from connectors.widening import EXACT_DOUBLE, widened
from lake import quote
from lake.errors import SchemaChangedError
from lake.journal import QUARANTINE_INTO, CheckResult, insert_rows
from lake.landing import schema_columns
from lake.sql_text import as_text

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

ROW_KEY = "_row_key"  # the key of rows that have none: a digest of the row, and its number among equal ones
FEW_STAGED = 1000  # so few rows are compared at once; to ask whether the lake has any costs as much
BITS_PER_ROW, MOST_BITS = 64, 500_000_000
GONE = "the source no longer has "  # then the columns' names; the data test `source_shows_its_columns` reads them out of it
_PACKAGE = "@package"  # the load a staged row came with; rows held back before come from none
_FILE = "@file"  # the file a staged row lies in; DuckDB's own word for it, `filename`, is a column of many a source
_LOAD_OF_FILE = f"array_to_string(string_split(parse_filename({quote(_FILE)}), '.')[:2], '.')"


def letter_key(resource: Resource) -> str:
    """SQL for what quarantine calls a row's key."""
    return f"concat_ws(' | ', {', '.join(f'cast({quote(name)} as varchar)' for name in resource.key or (ROW_KEY,))})"


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
    there: Mapping[str, str] = field(default_factory=dict)  # the columns the lake's table has; none: there is no such table
    held: Path | None = None  # the file in which the quarantined rows are to wait; a draft until `keep_held`
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
    landed, waived = schema_columns(connection, source.raw_schema), waivers_of(connection, source.name)
    gates = [
        Gate(connection, source, resource, packages, load_id, landed, waived.get(resource.name, ()))
        for resource in source.resources
    ]
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
    landed: Mapping[str, Mapping[str, str]]  # the lake's tables of this connection, and their columns
    waived: Sequence[Waiver] = ()  # what people have decided about rows of this table

    def __post_init__(self) -> None:
        self.fresh = self.packages.files[self.table.name]
        self.held = self.packages.held[self.table.name]
        self.there = self.landed.get(self.table.name, {})
        self.key = self.table.key or (ROW_KEY,)
        self.found = self._parquet_columns()
        self.shown = self.packages.columns.get(self.table.name, {})
        self._refuse_two_spellings()
        self.new = [name for name in {**self.found, **self.shown} if name not in self.there] if self.there else []
        dropped = self.new if self.source.on_schema_change == "discard" else []
        self.staged = {name: kind for name, kind in self.found.items() if name not in dropped}
        shown = {name: kind for name, kind in self.shown.items() if name not in dropped}
        own = {} if self.table.key else {ROW_KEY: "VARCHAR"}
        self.grown = self._grown() if self.source.on_schema_change == "evolve" else {}
        self.columns: dict[str, str] = {**own, **self.staged, **shown, **self.table.columns, **self.there, **self.grown}
        self.staged = {**own, **self.staged} if self.staged else {}
        self.name = staged_name(self.table.name)
        self.extracted = 0
        self.is_straight = False
        self.records = rejected_records(self.packages.rejected.get(self.table.name, ()))

    def _grown(self) -> dict[str, str]:
        """The lake's columns whose type grows, to the types they are to have.

        A key, cursor or reference grows among whole numbers only: written as a text it must stay what it was.
        """
        cursor = [self.table.cursor.column] if self.table.cursor else []
        identifying = {*self.key, *cursor, *self.table.references}
        wider = {name: widened(self.there[name], kind) for name, kind in self._shown_types().items() if name in self.there}
        grown = {name: kind for name, kind in wider.items() if kind and (name not in identifying or kind in WHOLE)}
        return {name: kind for name, kind in grown.items() if kind != "double" or self._is_exact_in_double(name)}

    def _is_exact_in_double(self, name: str) -> bool:
        if spelled(self.there[name]) not in ("bigint", "hugeint"):
            return True
        low, high = self._row(f"select min({quote(name)}), max({quote(name)}) from {self._lake_name()}")
        return low is None or (low >= -EXACT_DOUBLE and high <= EXACT_DOUBLE)

    def _shown_types(self) -> dict[str, str]:
        """The types of the source's columns, those that the connection declares as it says."""
        return {**self.shown, **{name: kind for name, kind in self.table.columns.items() if name in self.shown}}

    def stage(self) -> int:
        """Makes the staged rows that differ from the lake's and tells how many of them were not held back before.

        Where the lake has no rows yet and every key is there once, nothing needs comparing: the rows stay in their files, and the
        staged rows are a view of them.
        """
        self.extracted = self._count(f"select count(*) from {_parquet(self.fresh)}") if self.fresh else 0
        if not self.staged:
            self._stage_nothing()
            return len(self.records)
        may_be_first = (not self.there or self.extracted > FEW_STAGED) and not self.waived
        self.is_straight = may_be_first and not self.held and self._is_empty_in_lake() and self._stage_straight()
        return (self.extracted if self.is_straight else self._stage_rows()) + len(self.records)

    def _is_empty_in_lake(self) -> bool:
        return not self.there or self._count(f"select count(*) from (from {self._lake_name()} limit 1)") == 0

    def _stage_straight(self) -> bool:
        """Makes the view, and tells whether it may stay: each key is filled and there once."""
        rows = self._typed(self.fresh, is_alone=True)
        self.connection.execute(
            f"create or replace temp view {quote(f'staged_{self.table.name}')} as"
            f" select * exclude ({quote(_PACKAGE)}), 0 as {quote(ROW)}, false as _is_bad from ({rows})"
        )
        filled = " and ".join(f"{quote(name)} is not null" for name in self.key)
        rows, whole = self._row(f"select count(*), count(*) filter ({filled}) from {self.name}")
        alone = bool(rows == whole == self._distinct_keys(rows))
        if not alone:
            self._drop_view()
        return alone

    def _distinct_keys(self, rows: int) -> int:
        """How many different keys there are; of whole numbers that lie close together, one bit each tells."""
        if len(self.key) > 1:
            return self._count(f"select count(distinct ({self._names(self.key)})) from {self.name}")
        key = quote(self.key[0])
        if spelled(self.columns[self.key[0]]) in ("bigint", "integer", "smallint"):
            low, high = self._row(f"select min({key}), max({key}) from {self.name}")
            if low is not None and high - low < min(BITS_PER_ROW * rows, MOST_BITS):
                return self._count(f"select bit_count(bitstring_agg({key}, {low}, {high})) from {self.name}")
        return self._count(f"select count(distinct {key}) from {self.name}")

    def _drop_view(self) -> None:
        self.connection.execute(f"drop view temp.main.{quote(f'staged_{self.table.name}')}")

    def _stage_rows(self) -> int:
        """Makes the temporary table of rows that differ from the lake's.

        Of each key the newest version stays: the one read last, and within one reading that with the latest cursor; two different
        ones of the same cursor both stay, so that the suite sees them. A value that does not fit the lake's type becomes null,
        `_misfit` names its column and `_raw` keeps the row as it came.
        """
        names = self._names(self.staged)
        known = f" anti join there on {self._equals('there')}" if self._comparable() else ""
        self.connection.execute(
            f"create or replace temp table {self.name} as with read as ({self._typed((*self.fresh, *self.held))}),"
            f" newest as materialized (select distinct on ({names}, _misfit) * from (from read qualify rank() over"
            f" (partition by {self._names(self.key)} order by {self._newest_first()}) = 1 or {self._keyless()})),"
            f" {self._like_them() if known else ''} changed as (select newest.* from newest{known} where true)"
            f" select * exclude ({quote(_PACKAGE)}), row_number() over () - 1 as {quote(ROW)}, false as _is_bad from changed"
        )
        if gone := dropped(self.waived):
            self.connection.execute(
                f"delete from {self.name} where {self._row_json()} in (select unnest($rows::varchar[]))", {"rows": gone}
            )
        return self._count_new()

    def _count_new(self, condition: str = "true") -> int:
        """How many of the staged rows were not held back before."""
        if not self.staged:
            return 0
        names = self._names(self.staged)
        held = f" except select {names}, _misfit from ({self._typed(self.held)})" if self.held else ""
        return self._count(f"select count(*) from (select {names}, _misfit from {self.name} where {condition}{held})")

    def _like_them(self) -> str:
        """The lake's rows with the keys of the new ones: a few of many, mostly, so that only these are compared whole."""
        same = " and ".join(f"whole.{quote(name)} = newest.{quote(name)}" for name in self.key)
        names = ", ".join(f"whole.{quote(name)}" for name in self.staged)
        by_column = self.table.deletions is not None and self.table.deletions.column is not None
        marked = (
            "" if by_column else " where whole._deleted_at is null"
        )  # an equal row that came back is news, unless it says it is gone
        return f"there as materialized (select {names} from {self._lake_name()} as whole semi join newest on {same}{marked}),"

    def _comparable(self) -> bool:
        return bool(self.there) and set(self.staged) <= set(self.there)

    def _equals(self, other: str) -> str:
        same = [f"newest.{quote(name)} is not distinct from {other}.{quote(name)}" for name in self.staged]
        return " and ".join([*same, "newest._misfit = ''"])

    def _newest_first(self) -> str:
        cursor = self.table.cursor.column if self.table.cursor else None
        latest = [f"{quote(cursor)} desc nulls last"] if cursor in self.staged else []
        return ", ".join([f"{quote(_PACKAGE)} desc", *latest])

    def _keyless(self) -> str:
        return " or ".join(f"{quote(name)} is null" for name in self.key)

    def _names(self, columns: Iterable[str]) -> str:
        return ", ".join(quote(name) for name in columns)

    def idle(self) -> Judged:
        """The verdict when nothing new came: every rule stands, over no rows, and what is held back stays so."""
        if self.is_straight:
            self._drop_view()
            self.is_straight = False
            self._stage_nothing()
        self.connection.execute(f"delete from {self.name}")
        rules, _ = suite(self.source, self.table, self.columns, self._known_sql)
        results = unchecked(rules, layer=self.source.raw_schema, subject=self.table.name)
        return replace(self._judged(0, 0, results, self._not_poisoned(0, 0)), is_judged=False)

    def judge(self) -> Judged:
        """Runs the suite, quarantines the rows that break an error rule and marks them."""
        rules, expressions = suite(self.source, self.table, self.columns, self._known_sql)
        if self.is_straight:
            verdict = self._verdict(rules, self._groups_alone({**expressions, "_key_unique": "true"}))
            if not any(rule.severity == "error" and rule.name in verdict.failing for rule in rules):
                return self._judged(self.extracted, 0, verdict.results, self._not_poisoned(self.extracted, 0))
            self._drop_view()
            self.is_straight = False
            self._stage_rows()
        rows = self._count(f"select count(*) from {self.name}")
        frame = self._groups(lenient(rules, expressions, self.waived, row_json=self._row_json()))
        verdict = self._verdict(rules, frame)
        for rule in rules:
            if rule.severity == "error" and rule.name in verdict.failing:
                self._quarantine(rule, frame["_group"].iloc[verdict.failing[rule.name]].tolist())
        bad = self._count(f"select count(*) from {self.name} where _is_bad")
        return self._judged(rows, bad, verdict.results, self._not_poisoned(self._count_new(), self._count_new("_is_bad")))

    def _verdict(self, rules: list[Rule], frame: "pd.DataFrame") -> Verdict:
        return validate(frame, rules, layer=self.source.raw_schema, subject=self.table.name, weights="_rows")

    def _judged(self, rows: int, bad: int, results: list[CheckResult], poisoned: CheckResult) -> Judged:
        self._note_rejected()
        checks = [*results, self._columns_present(), self._columns_known(), poisoned]
        written = {column: self.columns[column] for column in self.staged}
        quarantined = bad + len(self.records)
        held = self._hold() if bad else None
        return Judged(self.table.name, self.extracted, rows, quarantined, self.columns, written, checks, self.there, held)

    def _groups_alone(self, expressions: Mapping[str, str]) -> "pd.DataFrame":
        """The same as `_groups`, where nobody needs to know which rows stand behind a group."""
        named = ", ".join(f"{expression} as {quote(name)}" for name, expression in expressions.items())
        read = self.connection.execute(f"select {named}, count(*) as _rows from {self.name} group by all order by all")
        return read.to_arrow_table().to_pandas()

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
        draft = draft_of(path)  # a closed gate has held nothing back: its rows stay in their packages, and count again
        kept = [name for name in self.staged if name != ROW_KEY]
        columns = self._names([*kept, *([ROW_KEY] if ROW_KEY in self.staged else []), "_misfit", "_raw"])
        self.connection.execute(f"copy (select {columns} from {self.name} where _is_bad) to {as_text(draft)} (format parquet)")
        return path

    def _parquet_columns(self) -> dict[str, str]:
        if not self.fresh and not self.held:
            return {}
        rows = self.connection.execute(f"describe from {_parquet((*self.fresh, *self.held))}").fetchall()
        own = {"_misfit", "_raw", ROW_KEY}
        columns = {name: kind for name, kind, *_ in rows if not name.startswith("_dlt_") and name not in own}
        missing = [name for name in self.table.key if name not in columns]
        if missing:
            raise SchemaChangedError(
                f"The rows read of {self.source.name}.{self.table.name} have no column {', '.join(missing)}, which is its key.",
                remedy=f"They wait; correct `key` of {self.table.name} in {self.source.name}.yaml, or mend the source.",
                found=sorted(columns),
            )
        return columns

    def _refuse_two_spellings(self) -> None:
        """To the lake `Name` and `name` are one column: two of them, or one that became the other, would write over each other."""
        spellings: dict[str, str] = {}
        for name in (*self.there, *self.shown):
            first = spellings.setdefault(name.lower(), name)
            if first != name:
                raise SchemaChangedError(
                    f"{self.source.name}.{self.table.name} has a column {name} beside {first}, which are one to the lake.",
                    remedy="What was read waits. Name it as before in the source, or read it under another resource name.",
                )

    def _typed(self, files: Sequence[Path], *, is_alone: bool = False) -> str:
        """A query for the files' rows in the lake's types, with `_misfit`, `_raw` and the package they came with.

        `is_alone` promises that no two rows are equal, so that those without a key need not be counted.
        """
        fresh, held = [one for one in files if one not in self.held], [one for one in files if one in self.held]
        return " union all by name ".join(self._read(part, is_alone) for part in (fresh, held) if part)

    def _read(self, files: Sequence[Path], is_alone: bool) -> str:
        described = self.connection.execute(f"describe from {_parquet(files)}").fetchall()
        there = {row[0] for row in described}
        given = [name for name in self.staged if name != ROW_KEY]
        absent = "".join(f", null as {quote(name)}" for name in given if name not in there)
        is_held = "_misfit" in there
        package = "''" if is_held else _LOAD_OF_FILE
        kinds = {row[0]: row[1] for row in described}
        cast = {name: self._cast(name, kinds.get(name, self.found[name])) for name in given}
        casts = ", ".join(f"{cast[name]} as {quote(name)}" for name in given)
        before = "nullif(_misfit, '')" if is_held else "null"  # a held row's value is gone, but not that it did not fit
        misfit = before + "".join(
            f", case when {quote(name)} is not null and {self._is_misfit(name, kinds[name], cast[name])}"
            f" then {as_text(name)} || ' ' || {quote(name)}::varchar end"
            for name in given
            if name in there and may_misfit(kinds[name], self.columns[name])
        )
        fields = ", ".join(f"{as_text(name)}: {quote(name)}" for name in given)
        misfits, raw = f"concat_ws(', ', {misfit})", "_raw" if is_held else f"to_json({{{fields}}})::varchar"
        row_key = f", {self._row_key(given, is_held, is_alone)} as {quote(ROW_KEY)}" if ROW_KEY in self.staged else ""
        return (
            f"select {casts}{row_key}, {misfits} as _misfit, case when {misfits} <> '' then {raw} end as _raw,"
            f" {package} as {quote(_PACKAGE)} from (select *{absent} from {_parquet(files, named=not is_held)})"
        )

    def _is_misfit(self, name: str, found: str, cast: str) -> str:
        lost = f"{is_lost(name, self.columns[name])} or " if spelled(found) == "varchar" else ""
        return f"({lost}{cast} is null)"

    def _cast(self, name: str, found: str) -> str:
        return cast_sql(name, found, self.columns[name], zone=self.source.time_zone)

    def _row_key(self, columns: Sequence[str], is_held: bool, is_alone: bool) -> str:
        """A digest of the row and its number among the equal rows of one reading; a column not yet there counts as empty."""
        if is_held:
            return quote(ROW_KEY)
        filled = [
            f"case when {quote(name)} is not null then [{as_text(name)}, {quote(name)}::varchar] end" for name in sorted(columns)
        ]
        digest = f"md5(to_json(list_filter([{', '.join(filled)}], lambda pair: pair is not null))::varchar)"
        if is_alone:
            return f"{digest} || '-1'"
        return f"{digest} || '-' || row_number() over (partition by {digest}, {_LOAD_OF_FILE})"

    def _stage_nothing(self) -> None:
        empty = ", ".join(f"cast(null as {kind}) as {quote(column)}" for column, kind in self.columns.items())
        self.connection.execute(
            f"create or replace temp table {self.name} as"
            f" select {empty or 'null as _nothing'}, '' as _misfit, '' as _raw, 0 as {quote(ROW)}, false as _is_bad limit 0"
        )

    def _known_sql(self, column: str, parent: str) -> str:
        """A condition: the column is empty, or holds the key of a row of `parent` that is in the lake or about to be."""
        key_name = self.source.resource(parent).key[0]
        key, name = quote(key_name), quote(column)
        landed = key_name in self.landed.get(parent, {})
        in_lake = f" or {name} in (select {key} from {quote(self.source.raw_schema)}.{quote(parent)})" if landed else ""
        there = {row[0] for row in self.connection.execute(f"describe {staged_name(parent)}").fetchall()}
        good = f"select {key} from {staged_name(parent)} where not _is_bad and {key} is not null"
        about_to_be = good if key_name in there else "select null where false"  # nothing ever came of it, not even its columns
        return f"({name} is null or {name} in ({about_to_be}){in_lake})"

    def _quarantine(self, rule: Rule, groups: list[int]) -> None:
        """Notes each row once, with the rule it breaks; the same row in a later run is not noted again."""
        value = f"coalesce(cast({quote(rule.about)} as varchar), 'empty')" if rule.about else "'not so'"
        broken = (
            f"{quote(ROW)} in (select {quote(ROW)} from {self._verdicts()} where _group in (select unnest($groups::ubigint[])))"
        )
        known = {"source": self.source.name, "table": self.table.name, "rule": rule.name, "load": self.load_id, "groups": groups}
        key = letter_key(self.table)
        self.connection.execute(
            f"insert into {QUARANTINE_INTO} with bad as (select nullif({key}, '') as row_key,"
            f" {value} as what, {self._row_json()} as row_json from {self.name} where {broken})"
            " select now(), $source, $table, row_key, $rule, $rule || ', but is: ' || what, row_json, $load from bad"
            " where not exists (select 1 from quarantine.rows there where there.source = $source and there.table_name = $table"
            " and there.rule = $rule and there.row_json = bad.row_json and there.resolved_at is null)",
            known,
        )
        self.connection.execute(f"update {self.name} set _is_bad = true where {broken}", {"groups": groups})

    def _row_json(self) -> str:
        """SQL for a staged row as quarantine keeps it: as it came."""
        fields = ", ".join(f"{as_text(name)}: {quote(name)}" for name in self.staged if name != ROW_KEY)
        return f"coalesce(_raw, to_json({{{fields}}})::varchar)"

    def _note_rejected(self) -> None:
        """Writes the records that could not become rows to quarantine, as they came; each once, however often it is read."""
        known = set(
            self.connection.execute(
                "select rule, row_key, row_json from quarantine.rows where source = ? and table_name = ?"
                f" and (resolved_at is null or resolution = '{DROPPED}')",
                [self.source.name, self.table.name],
            ).fetchall()
            if self.records
            else ()
        )
        identified = {(each.rule, each.row, each.text): each for each in self.records}  # equal lines of two files are two
        fresh = {identity: each for identity, each in identified.items() if identity not in known}
        insert_rows(self.connection, QUARANTINE_INTO, [self._dead_letter(record) for record in fresh.values()])

    def _dead_letter(self, record: Rejected) -> tuple[object, ...]:
        now = datetime.now(UTC)
        return (now, self.source.name, self.table.name, record.row, record.rule, record.reason, record.text, self.load_id)

    def _never_filled(self, declared: Sequence[str]) -> set[str]:
        """Those of the declared columns that hold no value in the lake: a source that never had them has lost nothing."""
        if not declared:
            return set()
        counts = self._row(f"select {', '.join(f'count({quote(name)})' for name in declared)} from {self._lake_name()}")
        return {name for name, count in zip(declared, counts, strict=True) if not count}

    def _columns_present(self) -> CheckResult:
        missing = [name for name in self.there if name not in self.shown and name != ROW_KEY] if self.shown else []
        never = self._never_filled([name for name in missing if name in self.table.columns])
        gone = [name for name in missing if name not in never]
        cursor = [self.table.cursor.column] if self.table.cursor else []
        needed = {*self.table.key, *cursor, *self.table.required, *self.table.references}
        blocking = bool(needed & set(gone))
        detail = f"{GONE}{', '.join(gone)}" if gone else ""
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
        retyped = {
            name: f"{name} is {kind.lower()}, was {self.there[name].lower()}"
            for name, kind in self._shown_types().items()
            if name in self.there and self._is_another_type(kind, self.there[name])
        }
        grown = [words for name, words in retyped.items() if name in self.grown]
        other = [words for name, words in retyped.items() if name not in self.grown]
        added = [f"{name} is new" for name in self.new]
        changes = [*added, *grown, *other]
        blocking = contract == "freeze" and bool(changes)
        done = {"evolve": "added to the lake", "freeze": "the contract freezes the columns", "discard": "left out"}[contract]
        kept = "what fits the lake's type lands, the rest is held back"
        parts = ((added, done), (grown, "widened in the lake"), (other, done if blocking else kept))
        said = [f"{', '.join(part)}: {words}" for part, words in parts if part]
        detail = "; ".join(said)
        severity: Severity = "error" if blocking else "warning"
        name = "columns are those known"
        return CheckResult(
            self.source.raw_schema, self.table.name, name, not changes, severity, blocking, len(self.columns), len(changes), detail
        )

    def _is_another_type(self, shown: str, there: str) -> bool:
        """Whether the change matters: to a contract that freezes every one does, to the others one that can lose a value."""
        return spelled(shown) != spelled(there) if self.source.on_schema_change == "freeze" else may_misfit(shown, there)

    def _not_poisoned(self, rows: int, bad: int) -> CheckResult:
        """Whether few of the rows are bad; those held back by a load that landed were counted then, and only wait."""
        passed = bad < FEW_ROWS or bad <= MANY_BAD_ROWS * rows
        detail = "" if passed else f"{bad} of {rows} rows break a rule"
        name = f"no more than {MANY_BAD_ROWS:.0%} of the rows are bad"
        return CheckResult(self.source.raw_schema, self.table.name, name, passed, "error", True, rows, bad, detail)

    def _lake_name(self) -> str:
        return f"{quote(self.source.raw_schema)}.{quote(self.table.name)}"

    def _row(self, sql: str) -> tuple[Any, ...]:
        return self.connection.execute(sql).fetchone() or ()

    def _count(self, sql: str) -> int:
        row = self.connection.execute(sql).fetchone()
        return int(row[0]) if row else 0


def suite(
    source: Connection, table: Resource, columns: Mapping[str, str], known_sql: Callable[[str, str], str]
) -> tuple[list[Rule], dict[str, str]]:
    """A table's rules, and the columns of the frame they run on as SQL over the staged table."""
    key, cursor = table.key or (ROW_KEY,), (table.cursor.column,) if table.cursor else ()
    filled: dict[str, Severity] = {
        column: "error" if column in (*key, *table.required) else "warning" for column in (*key, *cursor, *table.required)
    }
    rules = [not_null(column, severity=severity) for column, severity in filled.items() if column in columns]
    closed = {*table.kinds, *table.states}
    expressions = {rule.column: _filled(rule.column) for rule in rules if rule.column not in closed}

    def add(rule: Rule, expression: str) -> None:
        rules.append(rule)
        expressions[rule.column] = expression

    together = ", ".join(quote(name) for name in key)
    unique = is_true("_key_unique", f"{', '.join(key)} is unique", about=key[0])
    add(unique, f"count(*) over (partition by {together}) = 1" if set(key) <= set(columns) else "true")  # nothing has come yet
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


def _parquet(files: Sequence[Path], *, named: bool = False) -> str:
    listed = ", ".join(as_text(path) for path in files)
    return f"read_parquet([{listed}], union_by_name = true{f', filename = {as_text(_FILE)}' if named else ''})"
