"""KPI expressions: named measures of a log, written as SQL over one row per case, and their result table.

What belongs here: reading expressions, putting named ones together, grouping, computing and the table `kpis`. What does not: what
the functions mean (`mining.kpi_functions`) and the columns of a case (`mining.kpi_cases`).

An expression is DuckDB's SQL of one value per group of cases, such as `median(hours(throughput(first_at('Order'),
last_at('Ship'))))`. Names in it are columns of a case, other measures, or attributes, which stand for their first known value.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from lake.connection import quote
from lake.errors import DataError
from mining.calendars import WorkingCalendar
from mining.kpi_cases import COLUMNS, CaseColumns, unquoted
from mining.kpi_functions import FUNCTIONS, Text, slas_of
from mining.sql_text import literal

if TYPE_CHECKING:
    import duckdb
    import pyarrow

    from mining.event_log import EventLog
    from mining.sections import Mined

TABLES = {"kpis": "name varchar, grouped_by varchar, group_value varchar, value double, unit varchar, problem varchar"}
PERIODS = ("day", "week", "month", "quarter", "year")


@dataclass(frozen=True)
class Measure:
    """A named KPI.

    Attributes:
        name: What other expressions call it.
        expression: See the module.
        unit: Unit of the value, for people.
        by: What else to group it by, each a period (of the case's start) or an expression of the case.
    """

    name: str
    expression: str
    unit: str = ""
    by: tuple[str, ...] = ()


def measures_of(definition: Mapping[str, Any], *, columns: tuple[str, ...] = ()) -> dict[str, Measure]:
    """The measures of a process by name: those every process has, and those under `measures` of its definition.

    Args:
        definition: The process's definition.
        columns: Columns of its log; without `resource` no automation rate is among the measures.

    Raises:
        DataError: A measure is not an object with a name and an expression.
    """
    measures = {measure.name: measure for measure in _standard(definition, columns)}
    for said in definition.get("measures") or ():
        if not isinstance(said, Mapping) or not said.get("name") or not said.get("expression"):
            raise DataError(
                f"The measure {said!r} lacks a name or an expression.",
                remedy="Write measures like {name: lead_time, expression: avg(days(duration)), unit: days, by: [month]}.",
            )
        by = said.get("by") or ()
        by = (by,) if isinstance(by, str) else tuple(map(str, by))
        measures[said["name"]] = Measure(str(said["name"]), str(said["expression"]), str(said.get("unit", "")), by)
    return measures


def kpi(
    log: "EventLog", expression: str, *, by: str | None = None, definition: Mapping[str, Any] | None = None
) -> "duckdb.DuckDBPyRelation":
    """Computes a KPI: one row with `value`, or one per group with `group` and `value`.

    Args:
        log: The event log, with its filters.
        expression: The expression, or the name of a measure.
        by: A period (day, week, month, quarter, year of the case's start in the calendar's zone), or an expression of the case.
        definition: The process's definition, for calendar, SLAs, costs, happy path and measures.

    Raises:
        DataError: The expression cannot be read or computed; the message says why.
    """
    return _computed(log, {"value": expression}, by, definition or {})


def _computed(
    log: "EventLog", expressions: Mapping[str, str], by: str | None, definition: Mapping[str, Any]
) -> "duckdb.DuckDBPyRelation":
    import duckdb

    sql = _sql(log, expressions, by, definition)
    try:
        return log.connection.sql(sql).execute()
    except duckdb.Error as error:
        said = str(error).split("\n\nLINE", 1)[0].splitlines()[0]
        told = ", ".join(expressions.values())
        raise DataError(f"The KPI {told!r} cannot be computed: {said}.", remedy=_REMEDY) from error


def kpi_sql(log: "EventLog", expression: str, *, by: str | None = None, definition: Mapping[str, Any] | None = None) -> str:
    """The SQL of a KPI, runnable on the log's connection; arguments and errors as for `kpi`."""
    return _sql(log, {"value": expression}, by, definition or {})


def _sql(log: "EventLog", expressions: Mapping[str, str], by: str | None, definition: Mapping[str, Any]) -> str:
    """One statement for several expressions, each a column of that name."""
    cases = CaseColumns(log, definition)
    reader = _Reader(cases, measures_of(definition, columns=log.events.columns))
    values = ", ".join(f"{_aggregate(reader, said)} as {quote(name)}" for name, said in expressions.items())
    if by is None:
        return log.sql(f"with {cases.sql()}\nselect {values} from cases")
    group, is_aggregate = reader.read(_period(by, definition))
    if is_aggregate:
        raise DataError(f"{by!r} has no value per case, so nothing can be grouped by it.", remedy=_REMEDY)
    return log.sql(f'with {cases.sql()}\nselect {group} as "group", {values} from cases group by all order by 1 nulls last')


def _aggregate(reader: "_Reader", expression: str) -> str:
    value, is_aggregate = reader.read(expression)
    if is_aggregate:
        return value
    raise DataError(f"The KPI {expression!r} has a value per case.", remedy=f"Put it into an aggregate, such as avg({expression}).")


def tables(mined: "Mined") -> dict[str, "pyarrow.Table"]:
    """Every measure of the process, over all its cases and by its groups; one that cannot be computed says why."""
    import pyarrow

    try:
        with _log_of(mined) as log:
            measures = measures_of(mined.definition, columns=log.events.columns).values()
            groups = dict.fromkeys([None, *(by for measure in measures for by in measure.by)])
            asked = {by: [measure for measure in measures if by is None or by in measure.by] for by in groups}
            rows = [row for by, several in asked.items() for row in _rows(log, several, by, mined.definition)]
    except DataError as error:  # of the definition's measures as a whole
        rows = [("measures", None, None, None, "", str(error))]
    names = [column.split()[0] for column in TABLES["kpis"].split(", ")]
    types = [pyarrow.float64() if name == "value" else pyarrow.string() for name in names]
    columns = [pyarrow.array([row[number] for row in rows], kind) for number, kind in enumerate(types)]
    return {"kpis": pyarrow.table(columns, names=names)}


@contextmanager
def _log_of(mined: "Mined") -> "Iterator[EventLog]":
    """The log that is mined; for measures of the definition one of its own at the same snapshot, without a transaction.

    An error in such a measure would end the transaction, and what is mined after it would be of another snapshot.
    """
    from mining.event_log import EventLog

    if mined.log.snapshot_id is None or not mined.definition.get("measures"):
        yield mined.log
        return
    with EventLog.from_lake(mined.process, as_of=mined.log.snapshot_id) as log:
        log.connection.commit()
        yield log


def _rows(
    log: "EventLog", measures: Sequence[Measure], by: str | None, definition: Mapping[str, Any]
) -> Iterator[tuple[str, str | None, str | None, float | None, str, str | None]]:
    """The values of measures by one grouping: all in one statement, or where that fails each in one of its own."""
    try:
        found = _computed(log, {measure.name: measure.name for measure in measures}, by, definition).fetchall()
        keys = [str(row[0]) if by and row[0] is not None else None for row in found]
        values = [[_number(measure, value) for measure, value in zip(measures, row[bool(by) :], strict=True)] for row in found]
    except DataError as error:
        if len(measures) == 1:
            yield measures[0].name, by, None, None, measures[0].unit, str(error)
        else:
            yield from (row for measure in measures for row in _rows(log, [measure], by, definition))
        return
    for number, measure in enumerate(measures):
        yield from ((measure.name, by, key, row[number], measure.unit, None) for key, row in zip(keys, values, strict=True))


def _number(measure: Measure, value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"The value of {measure.name} is no number but {value!r}.", remedy="Let the expression give a number."
        ) from error


def _standard(definition: Mapping[str, Any], columns: tuple[str, ...]) -> Iterator[Measure]:
    """What every process is measured by, as far as its log and definition tell it."""
    yield Measure("cases", "cases()", "cases")
    yield Measure("events", "sum(events)", "events")
    yield Measure("median_case_days", "median(days(duration))", "days")
    yield Measure("rework_share", "share(rework() > 0)", "share of cases")
    if definition.get("working_calendar"):
        yield Measure("median_working_hours", "median(hours(working(started_at, ended_at)))", "working hours")
    if definition.get("happy_path"):
        yield Measure("happy_path_share", "share(is_happy())", "share of cases")
    if "resource" in columns:
        yield Measure("automation_rate", "sum(automated_events()) / sum(events)", "share of events")
    if definition.get("costs"):
        yield Measure("mean_cost", "avg(cost())", str(_costs(definition).get("currency", "")))
    for sla in slas_of(definition):
        name = str(sla.get("name"))
        yield Measure(f"{name}_breach_share", f"share(sla_breached({literal(name)}))", "share of cases")


def _costs(definition: Mapping[str, Any]) -> Mapping[str, Any]:
    said = definition["costs"]
    return said if isinstance(said, Mapping) else {}


def _period(by: str, definition: Mapping[str, Any]) -> str:
    if by not in PERIODS:
        return by
    zone = WorkingCalendar.from_definition(definition).time_zone
    return f"date_trunc('{by}', timezone({literal(zone)}, started_at))::date"


class _Reader:
    """Reads expressions against the columns of the cases, which it tells what is needed."""

    def __init__(self, cases: CaseColumns, measures: Mapping[str, Measure]) -> None:
        self.cases, self.measures = cases, measures

    def read(self, expression: str) -> tuple[str, bool]:
        """SQL over `cases`, and whether it holds an aggregate."""
        from sqlglot import exp

        tree = exp.Paren(this=self._parse(expression, ()))
        for node in reversed(list(tree.find_all(exp.Column, bfs=True))):
            if not self._is_argument_of_column_function(node):
                node.replace(exp.column(self._column(node), quoted=True))
        for call in reversed(list(tree.find_all(exp.Anonymous, bfs=True))):
            if call.name.lower() in FUNCTIONS:
                call.replace(self._call(call))
        return tree.this.sql(dialect="duckdb", normalize_functions=False), any(
            self._is_aggregate(node) for node in tree.find_all(exp.Func)
        )

    def _parse(self, expression: str, within: tuple[str, ...]) -> Any:
        """The tree of an expression, with the measures it names put in."""
        import sqlglot
        from sqlglot import exp
        from sqlglot.errors import SqlglotError

        if expression in self.measures:
            within = (*within, expression)
            expression = self.measures[expression].expression
        try:
            tree = exp.Paren(this=sqlglot.parse_one(expression, dialect="duckdb"))
        except SqlglotError as error:
            raise DataError(f"The expression {expression!r} cannot be read.", remedy=_REMEDY) from error
        if any(isinstance(node, exp.Query | exp.Subquery | exp.Command | exp.DDL | exp.DML) for node in tree.walk()):
            raise DataError(f"{expression!r} is a query, not an expression.", remedy="Ask `log.ask` for a query.")
        for node in list(tree.find_all(exp.Column)):
            name = node.name
            if name in self.measures and name not in COLUMNS and node.table == "":
                if name in within:
                    raise DataError(f"The measures {', '.join(within)} are made of each other.", remedy="Let one not name another.")
                node.replace(exp.Paren(this=self._parse(name, within)))
        return tree.this

    def _column(self, node: Any) -> str:
        """The column of a case that a name stands for."""
        if node.table:
            raise DataError(f"{node.sql()} names a table.", remedy="Names are columns of a case, measures or attributes.")
        if node.name in COLUMNS:
            return str(node.name)
        if node.name not in self.cases.log.events.columns:
            known = ", ".join([*COLUMNS, *self.measures, *self.cases.log.events.columns])
            raise DataError(f"There is no {node.name!r}.", remedy=f"There are: {known}. Activities stand in quotes: 'Ship'.")
        return unquoted(self.cases.attribute("first", node.name))

    @staticmethod
    def _is_argument_of_column_function(node: Any) -> bool:
        from sqlglot import exp

        parent = node.parent
        return isinstance(parent, exp.Anonymous) and parent.name.lower().endswith("_of") and parent.expressions[0] is node

    def _call(self, node: Any) -> Any:
        import sqlglot
        from sqlglot import exp

        function = FUNCTIONS[node.name.lower()]
        arguments = [
            Text(one.this) if _is_text(one) else one.sql(dialect="duckdb", normalize_functions=False) for one in node.expressions
        ]
        try:
            sql = function.build(self.cases, *arguments)
        except TypeError as error:
            raise DataError(
                f"{node.sql(dialect='duckdb', normalize_functions=False)} cannot be called so.", remedy=f"Call it {function.call}."
            ) from error
        return exp.Paren(this=sqlglot.parse_one(sql, dialect="duckdb"))

    def _is_aggregate(self, node: Any) -> bool:
        from sqlglot import exp

        return isinstance(node, exp.AggFunc) or bool({node.name.lower(), node.sql_name().lower()} & _aggregates())


@cache
def _aggregates() -> frozenset[str]:
    """The names of DuckDB's aggregates; asked of a database of its own, since a lake's takes long to list its functions."""
    import duckdb

    with duckdb.connect() as connection:
        rows = connection.execute("select distinct function_name from duckdb_functions() where function_type = 'aggregate'")
        return frozenset(name for (name,) in rows.fetchall())


def _is_text(node: Any) -> bool:
    from sqlglot import exp

    return isinstance(node, exp.Literal) and bool(node.is_string)


_REMEDY = "Write it like median(hours(throughput(first_at('Order'), last_at('Ship')))); docs/kpis.md lists the functions."
