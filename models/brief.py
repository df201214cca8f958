"""The morning brief: what changed, what is at risk and what to decide, as sentences with figures, each with its evidence.

What belongs here: asking the watches, ranking what they find, and saying what stayed quiet or could not be watched. What does not:
the watches (`brief_changes`, `brief_risks`, `brief_decisions`), and showing a brief (apps).

A line stands in the brief only where a watch's threshold is passed; the threshold is part of the watch's own SQL.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from string import Formatter
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import duckdb

Section = Literal["changed", "at risk", "to decide"]
SECTIONS: tuple[Section, ...] = ("changed", "at risk", "to decide")
Row = Mapping[str, Any]
NO_CURRENCY = "in the currency of the books"


@dataclass(frozen=True)
class Watch:
    """One thing that is looked at every morning.

    Attributes:
        section: Where its lines stand.
        about: What is watched, in a few words.
        threshold: When it says something, in words. The SQL holds to the same.
        sql: Rows that pass the threshold, with `money` (in the reporting currency, or null) and `cases` (or null) beside what the
            words need. `{now}`, `{currency}`, `{forecasts}` (the newest forecasts and those before) and, for a watch of each
            process, `{log}` (its name) stand for their values.
        words: The sentence, with the row's columns in braces; `{n:#order}` is a number with its noun,
            `{n:?is/are}` the verb for it.
        needs: Tables (`schema.table`) without which it cannot look; may hold `{log}`.
        remedy: What brings these tables.
        page: The page that shows the evidence: the name of its file.
        query: What the page's address needs, with the row's columns in braces.
        filters: The filter stack of the cases concerned, where the page is one of a process.
        per_process: Ask once for each mined process, as `{log}`.
        counted: What `cases` counts; may hold the row's columns in braces.
        most: Lines at most, the heaviest.
    """

    section: Section
    about: str
    threshold: str
    sql: str
    words: str
    needs: tuple[str, ...]
    page: str
    remedy: str = "grimoire run"
    query: Mapping[str, str] = field(default_factory=dict)
    filters: Callable[[Row], list[dict[str, Any]]] | None = None
    per_process: bool = False
    counted: str = "cases"
    most: int = 3


@dataclass(frozen=True)
class Line:
    """One sentence of the brief, and what it rests on.

    Attributes:
        section: Where it stands.
        text: The sentence.
        money: What is concerned in the reporting currency; None where it is not money.
        cases: How many cases, orders or rows are concerned; None where it is not known.
        counted: What these are.
        about: What was watched.
        threshold: Which threshold was passed.
        page: Page with the evidence.
        query: What its address needs.
        filters: Filter stack of the cases concerned; empty where there is none.
        tables: The tables it was read from.
        sql: The statement it was read with.
    """

    section: Section
    text: str
    money: float | None
    cases: int | None
    counted: str
    about: str
    threshold: str
    page: str
    query: dict[str, str]
    filters: list[dict[str, Any]]
    tables: tuple[str, ...]
    sql: str


@dataclass(frozen=True)
class Looked:
    """A watch without a line: it stayed below its threshold, or its tables are not there (`missing`)."""

    section: Section
    about: str
    threshold: str
    missing: tuple[str, ...] = ()
    remedy: str = ""


@dataclass(frozen=True)
class Brief:
    """The brief of a moment: lines in the order of their weight, what stayed quiet, and what could not be watched."""

    made_at: datetime
    data_until: date | None
    currency: str
    lines: tuple[Line, ...]
    quiet: tuple[Looked, ...]
    blind: tuple[Looked, ...]

    def of(self, section: Section) -> list[Line]:
        """Lines of one section, the heaviest first."""
        return [line for line in self.lines if line.section == section]


def brief(connection: "duckdb.DuckDBPyConnection", *, now: datetime | None = None) -> Brief:
    """The brief of the lake as the connection sees it.

    Args:
        connection: Reads the lake, its newest state or that of a snapshot.
        now: The moment that ages are counted to; default: this one.

    Returns:
        Lines ranked by the money they concern, then by cases. A lake without the tables of a watch is no error.
    """
    from models.brief_changes import CHANGES
    from models.brief_decisions import DECISIONS
    from models.brief_risks import RISKS

    return brief_of(connection, (*CHANGES, *RISKS, *DECISIONS), now=now)


def brief_of(connection: "duckdb.DuckDBPyConnection", watches: Sequence[Watch], *, now: datetime | None = None) -> Brief:
    """The brief of certain watches; see `brief`."""
    now = now or datetime.now(UTC)
    there = {name for (name,) in connection.execute(_TABLES).fetchall()}
    words = {
        "now": f"timestamptz '{now.astimezone(UTC):%Y-%m-%d %H:%M:%S}+00'",
        "currency": f"'{_currency(connection, there)}'",
        "forecasts": _forecasts(connection, there),
    }
    logs = _logs(connection, there)
    lines: list[Line] = []
    quiet: list[Looked] = []
    blind: list[Looked] = []
    for watch in watches:
        missing = _missing(watch, there, logs)
        if missing:
            blind.append(Looked(watch.section, watch.about, watch.threshold, missing, watch.remedy))
            continue
        found = [line for log in (logs if watch.per_process else [""]) for line in _lines(connection, watch, there, log, words)]
        lines += sorted(found, key=_weight)[: watch.most]
        if not found:
            quiet.append(Looked(watch.section, watch.about, watch.threshold))
    return Brief(
        now, _until(connection, there), words["currency"].strip("'"), tuple(sorted(lines, key=_weight)), tuple(quiet), tuple(blind)
    )


class _Sentence(Formatter):
    """Formats as `str.format` does, and knows one from many."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec.startswith("?"):
            one, many = format_spec[1:].split("/")
            return one if value == 1 else many
        if format_spec.startswith("#"):
            one, _, many = format_spec[1:].partition("/")
            return f"{value:,} {one if value == 1 else many or one + 's'}"
        return str(super().format_field(value, format_spec))


_TABLES = "select table_schema || '.' || table_name from information_schema.tables where table_catalog = 'lake'"


def _weight(line: Line) -> tuple[float, int]:
    return -(line.money or 0.0), -(line.cases or 0)


def _missing(watch: Watch, there: set[str], logs: Sequence[str]) -> tuple[str, ...]:
    """Tables a watch lacks; one of each process lacks none where it can look at any."""
    if not watch.per_process:
        return tuple(name for name in watch.needs if name not in there)
    lacking = [tuple(name for name in _needs(watch, log) if name not in there) for log in logs]
    return () if () in lacking else lacking[0] if lacking else ("mining.logs",)


def _needs(watch: Watch, log: str) -> tuple[str, ...]:
    return tuple(name.format(log=log) for name in watch.needs)


def _lines(
    connection: "duckdb.DuckDBPyConnection", watch: Watch, there: set[str], log: str, words: Mapping[str, str]
) -> list[Line]:
    needs = _needs(watch, log)
    if not set(needs) <= there:
        return []
    sql = watch.sql.format(log=log.replace("'", "''"), **words)
    answer = connection.execute(sql)
    names = [column[0] for column in answer.description]
    rows = [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
    return [_line(watch, row, needs, sql, words["currency"].strip("'")) for row in rows]


def _line(watch: Watch, row: dict[str, Any], tables: tuple[str, ...], sql: str, currency: str) -> Line:
    money, cases = row.get("money"), row.get("cases")
    return Line(
        section=watch.section,
        text=_Sentence().format(watch.words, currency=currency, **row),
        money=None if money is None else float(money),
        cases=None if cases is None else int(cases),
        counted=watch.counted.format(**row),
        about=watch.about,
        threshold=watch.threshold,
        page=watch.page,
        query={name: value.format(**row) for name, value in watch.query.items()},
        filters=watch.filters(row) if watch.filters else [],
        tables=tables,
        sql=sql,
    )


def _currency(connection: "duckdb.DuckDBPyConnection", there: set[str]) -> str:
    if "products.shared__currencies" not in there:
        return NO_CURRENCY
    found = connection.execute("select currency_code from products.shared__currencies where is_reporting_currency").fetchone()
    return str(found[0]).replace("'", "''") if found else NO_CURRENCY


def _forecasts(connection: "duckdb.DuckDBPyConnection", there: set[str]) -> str:
    """The newest forecasts and, as the lake remembers them, those before: the newest ones say nothing of a week that is over."""
    import duckdb

    newest = "select * from forecasts.forecasts"
    if "forecasts.forecasts" not in there:
        return newest
    sql = "select max(snapshot_id) from lake.snapshots() where snapshot_time < (select max(computed_at) from forecasts.forecasts)"
    try:
        found = connection.execute(sql).fetchone()
        before = f"select * from forecasts.forecasts at (version => {found[0] if found else None})"
        connection.execute(f"{before} limit 0")
    except duckdb.Error:  # there were none yet, or they have been expired
        return newest
    return f"{newest} union all by name {before}"


def _logs(connection: "duckdb.DuckDBPyConnection", there: set[str]) -> list[str]:
    """Names of the mined processes that the lake still knows."""
    if not {"mining.logs", "platform.processes"} <= there:
        return []
    sql = "select process from mining.logs where process in (select process from platform.processes) order by process"
    return [str(name) for (name,) in connection.execute(sql).fetchall()]


def _until(connection: "duckdb.DuckDBPyConnection", there: set[str]) -> date | None:
    """The last day the key figures cover."""
    if "products.kpis__daily" not in there:
        return None
    found = connection.execute("select max(period) from products.kpis__daily where value is not null").fetchone()
    return found[0] if found else None
