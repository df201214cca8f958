"""The relation a KPI is computed over: one row per case, with the columns its expression asked for and no other.

What belongs here: collecting those columns, each with the one pass that makes it. What does not: what the functions of the
language mean (`mining.kpi_functions`) and reading expressions (`mining.kpis`).

Columns come from four places, each read only if needed: times from the layout's events, counts from its variants, attributes from
the log's own events, and truths from the predicates of filters.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lake.connection import quote
from lake.errors import DataError
from mining.calendars import WorkingCalendar, WorkingTime
from mining.filter_base import Filter
from mining.sql_text import literal, literals

if TYPE_CHECKING:
    from mining.event_log import EventLog

COLUMNS = ("case_id", "variant_id", "started_at", "ended_at", "events", "duration")  # every case has them
_SECONDS = "(epoch_us(c.ended_at) - epoch_us(c.started_at)) / 1e6"


@dataclass
class CaseColumns:
    """The columns asked for so far; every method returns the name of one, quoted.

    Attributes:
        log: The event log.
        definition: The process's definition; empty where there is none.
    """

    log: "EventLog"
    definition: Mapping[str, Any]
    times: dict[str, str] = field(default_factory=dict)
    counts: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    truths: dict[str, str] = field(default_factory=dict)
    _working: WorkingTime | None = None

    @property
    def working(self) -> WorkingTime:
        """The process's working calendar on the log's connection."""
        if self._working is None:
            self._working = WorkingCalendar.from_definition(self.definition).on_log(self.log)
        return self._working

    def time(self, function: str, names: Iterable[str]) -> str:
        """The first or last time one of the activities occurs (`min`, `max`), or all of them (`list`)."""
        names = tuple(names)
        word = {"min": "first_at", "max": "last_at", "list": "times_of"}[function]
        ids = f"select activity_id from activities where activity in ({literals(names)})"
        return _add(self.times, f"{word} {_told(names)}", f"{function}(e.occurred_at) filter (where e.activity_id in ({ids}))")

    def count(self, what: str, expression: str) -> str:
        """A count over the variant `v.activity_ids`; names in it stand in brackets: {'Ship'} is that activity's id."""
        return _add(self.counts, what, expression)

    def attribute(self, function: str, column: str, names: Iterable[str] = ()) -> str:
        """An aggregate of an attribute over the case's events, or over those of some activities."""
        self.require(column)
        names, value = tuple(names), f"e.{quote(column)}"
        at = "struct_pack(t := e.occurred_at, r := e.source_row)"
        known = f"{value} is not null" + (f" and e.activity in ({literals(names)})" if names else "")
        calls = {"first": f"arg_min({value}, {at})", "last": f"arg_max({value}, {at})", "distinct": f"count(distinct {value})"}
        call = calls.get(function, f"{function}({value})")
        return _add(self.attributes, f"{function} {column} {_told(names)}".strip(), f"{call} filter (where {known})")

    def of_events(self, what: str, expression: str) -> str:
        """An aggregate over the case's events `e` with all their attributes."""
        return _add(self.attributes, what, expression)

    def truth(self, what: str, part: Filter) -> str:
        """Whether a filter keeps the case."""
        if part.is_of_events:
            raise DataError(f"The filter {part.name} keeps events.", remedy="Give it as a filter of the log, in front of the KPI.")
        return _add(self.truths, what, f"coalesce({part.case_predicate(self.log.stage('kept'))}, false)")

    def require(self, column: str) -> None:
        """Raises DataError, naming those there are, if the log has no such attribute."""
        self.log.stage("kept").column(column)

    def sql(self) -> str:
        """Common table expressions that end with `cases`."""
        parts, joins = [], []
        if self.times:
            parts.append(f"times as (select e.case_no, {_listed(self.times)} from events as e group by e.case_no)")
            joins.append("left join times using (case_no)")
        if self.counts:
            parts.append(f"counts as (select v.variant_id, {_listed(self.counts)} from variants as v)")
            joins.append("left join counts using (variant_id)")
        if self.attributes:
            events = f"({self.log.events.sql}) as e where e.case_id in (select case_id from kept)"
            parts.append(f"attributes as (select e.case_id, {_listed(self.attributes)} from {events} group by e.case_id)")
            joins.append("left join attributes using (case_id)")
        columns = f"c.case_id, c.variant_id, c.started_at, c.ended_at, c.events, {_SECONDS} as duration"
        taken = [*self.times, *self.counts, *self.attributes]
        columns += "".join(f", {quote(name)}" for name in taken) + "".join(
            f", {sql} as {quote(n)}" for n, sql in self.truths.items()
        )
        parts.append(f"cases as (select {columns} from kept as c {' '.join(joins)})")
        return ",\n".join(parts)


def id_of(name: str) -> str:
    """The id of an activity, as SQL."""
    return f"(select activity_id from activities where activity = {literal(name)})"


def unquoted(name: str) -> str:
    """A name as it is, of one that may be quoted as SQL."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _add(columns: dict[str, str], name: str, expression: str) -> str:
    columns[name] = expression
    return quote(name)


def _listed(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{expression} as {quote(name)}" for name, expression in columns.items())


def _told(names: Iterable[str]) -> str:
    return " or ".join(names)
