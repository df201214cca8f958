"""The functions of KPI expressions: what each means, as SQL over one row per case.

What belongs here: the functions beside DuckDB's own. What does not: where their columns come from (`mining.kpi_cases`) and reading
expressions (`mining.kpis`).

A function gets the columns of the cases and its arguments as SQL, texts unquoted. It returns SQL.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lake.errors import DataError
from mining.filters import Follows, Path, filters_from_json
from mining.kpi_cases import CaseColumns, id_of, unquoted
from mining.sql_text import literal, literals


class Text(str):
    """An argument that was written as a text in quotes."""

    __slots__ = ()


@dataclass(frozen=True)
class Function:
    """A function of the language: how it is called, what it gives, and its meaning."""

    call: str
    gives: str
    build: Callable[..., str]
    needs: str = "any"  # texts, moments, values, nothing


def _throughput(cases: CaseColumns, start: str, end: str) -> str:
    return f"(case when {end} >= {start} then (epoch_us({end}) - epoch_us({start})) / 1e6 end)"


def _working(cases: CaseColumns, start: str, end: str) -> str:
    return f"(case when {end} >= {start} then {cases.working.seconds_sql(start, end)} end)"


def _next_at(cases: CaseColumns, name: str, after: str) -> str:
    times = cases.time("list", [_text(name)])
    return f"list_min(list_filter({times}, lambda moment: moment >= {after}))"


def _at(function: str) -> Callable[..., str]:
    def build(cases: CaseColumns, name: str, *more: str) -> str:
        return cases.time(function, map(_text, (name, *more)))

    return build


def _occurrences(cases: CaseColumns, name: str, *more: str) -> str:
    names = (name, *more)
    ids = f"(select coalesce(list(activity_id), []) from activities where activity in ({literals(map(_text, names))}))"
    counted = f"(select count(*) from (select unnest(v.activity_ids) as id) where list_contains({ids}, id))"
    return cases.count(f"occurrences {' or '.join(names)}", counted)


def _rework(cases: CaseColumns, *names: str) -> str:
    if not names:
        return cases.count("rework", "len(v.activity_ids) - len(list_distinct(v.activity_ids))")
    return "(" + " + ".join(f"greatest({_occurrences(cases, name)} - 1, 0)" for name in names) + ")"


def _self_loops(cases: CaseColumns, *names: str) -> str:
    pairs = "select unnest(v.activity_ids[:-2]) as a, unnest(v.activity_ids[2:]) as b"
    named = f" and a in (select activity_id from activities where activity in ({literals(map(_text, names))}))" if names else ""
    return cases.count(f"self_loops {' or '.join(names)}".strip(), f"(select count(*) from ({pairs}) where a = b{named})")


def _activity_at(position: int) -> Callable[..., str]:
    def build(cases: CaseColumns) -> str:
        which = "start_activity" if position == 1 else "end_activity"
        return cases.count(which, f"(select activity from activities where activity_id = v.activity_ids[{position}])")

    return build


def _variant(cases: CaseColumns) -> str:
    placed = "select unnest(v.activity_ids) as activity_id, unnest(range(len(v.activity_ids))) as position"
    named = f"({placed}) join activities using (activity_id)"
    return cases.count("variant", f"(select string_agg(activity, ' → ' order by position) from {named})")


def _of(function: str) -> Callable[..., str]:
    def build(cases: CaseColumns, column: str, *names: str) -> str:
        return cases.attribute(function, _name(column), map(_text, names))

    return build


def _follows(mode: str) -> Callable[..., str]:
    def build(cases: CaseColumns, source: str, target: str) -> str:
        part = Follows((_text(source),), (_text(target),), mode=mode)  # type: ignore[arg-type]  # one of its modes
        return cases.truth(f"{source} {mode} followed by {target}", part)

    return build


def _path(cases: CaseColumns, *names: str) -> str:
    return cases.truth(f"path {' → '.join(names)}", Path(tuple(map(_text, names))))


def _meets(cases: CaseColumns, stack: str) -> str:
    import json

    try:
        said = json.loads(_text(stack))
    except ValueError as error:
        raise DataError(
            f"meets was given no JSON: {error}.", remedy='Write meets(\'{"filter": "endpoints", "ends": ["Ship"]}\').'
        ) from error
    parts = filters_from_json(said if isinstance(said, list) and said else [said])
    return "(" + " and ".join(cases.truth(f"meets {part.to_json()}", part) for part in parts) + ")"


def _is_happy(cases: CaseColumns) -> str:
    path = cases.definition.get("happy_path")
    if not path or not isinstance(path, list | tuple):
        raise DataError(
            "The process has no happy path.", remedy="Write its activities under `happy_path` in the process definition."
        )
    return cases.count("is_happy", f"v.activity_ids = [{', '.join(id_of(str(name)) for name in path)}]")


def _sla_seconds(cases: CaseColumns, name: str) -> str:
    sla = _sla(cases, name)
    start = cases.time("min", [sla["from"]])
    return _throughput(cases, start, _next_at(cases, Text(sla["to"]), start))


def _sla_breached(cases: CaseColumns, name: str) -> str:
    """Null while it is open, and where it does not begin: neither kept nor breached."""
    sla = _sla(cases, name)
    limit, start = f"{_amount(name, sla['within_hours'])} * 3600", cases.time("min", [sla["from"]])
    waited = f"(epoch_us((select max(ended_at) from kept)) - epoch_us({start})) / 1e6"
    took = _sla_seconds(cases, name)
    return f"(case when {took} is not null then {took} > {limit} when {waited} > {limit} then true end)"


def _sla(cases: CaseColumns, name: str) -> Mapping[str, Any]:
    slas = {str(sla.get("name")): sla for sla in slas_of(cases.definition)}
    if _text(name) not in slas:
        raise DataError(
            f"The process has no SLA {name!r}.",
            remedy=f"It has: {', '.join(slas) or 'none'}; add it under `slas` in its definition.",
        )
    if lacks := {"from", "to", "within_hours"} - set(slas[name]):
        raise DataError(f"The SLA {name!r} does not say: {', '.join(sorted(lacks))}.", remedy="Add it in the process definition.")
    return slas[name]


def slas_of(definition: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The SLAs of a process definition.

    Raises:
        DataError: One is no object.
    """
    slas = definition.get("slas") or []
    for sla in slas:
        if not isinstance(sla, Mapping):
            raise DataError(
                f"The SLA {sla!r} has no settings.", remedy="Write {name: pay, from: Order, to: Pay, within_hours: 24}."
            )
    return list(slas)


def _automated_events(cases: CaseColumns) -> str:
    """Events of the systems named in the definition, or without anybody; null in a log that never names anybody."""
    cases.require("resource")
    systems = _settings(cases, "automation").get("resources") or []
    done = f"count(*) filter (where e.resource is null or e.resource::varchar in ({literals(map(str, systems))}))"
    nobody = f"not exists (select 1 from ({cases.log.events.sql}) where resource is not null)"
    return cases.of_events("automated_events", f"case when {nobody} then null else {done} end")


def _cost(cases: CaseColumns) -> str:
    costs = _settings(cases, "costs")
    activities, rates = costs.get("activities") or {}, costs.get("resource_hours") or {}
    if not activities and not rates:
        raise DataError(
            "The process has no costs.",
            remedy="Write `costs: {activities: {Ship Goods: 12.5}, resource_hours: {Anna: 55, other: 40}}` in its definition.",
        )
    terms = [f"{_amount(name, cost)} * {_occurrences(cases, Text(name))}" for name, cost in activities.items()]
    if rates:
        cases.require("resource")
        cases.require("started_at")
        ladder = " ".join(
            f"when {literal(str(name))} then {_amount(name, rate)}" for name, rate in rates.items() if name != "other"
        )
        rate = (
            f"case e.resource::varchar {ladder} else {_amount('other', rates.get('other', 0))} end"
            if ladder
            else str(_amount("other", rates["other"]))
        )
        hours = "(epoch_us(e.occurred_at) - epoch_us(e.started_at)) / 3.6e9"
        terms.append(cases.of_events("cost of resources", f"coalesce(sum(({rate}) * {hours}), 0)"))
    return f"({' + '.join(terms)})"


def _settings(cases: CaseColumns, name: str) -> Mapping[str, Any]:
    said = cases.definition.get(name) or {}
    if not isinstance(said, Mapping):
        raise DataError(f"`{name}` of the process definition has no settings.", remedy="docs/kpis.md shows what it looks like.")
    return said


def _amount(name: str, said: Any) -> float:
    try:
        return float(said)
    except (TypeError, ValueError) as error:
        raise DataError(f"{said!r} of {name} is no number.", remedy="Mend it in the process definition.") from error


def _text(argument: str) -> str:
    if not isinstance(argument, Text):
        raise DataError(
            f"{argument} stands where an activity or a name should.", remedy="Write names in single quotes: 'Ship Goods'."
        )
    return str(argument)


def _name(argument: str) -> str:
    """A column's name, written with or without quotes."""
    return str(argument) if isinstance(argument, Text) else unquoted(argument.strip())


FUNCTIONS: dict[str, Function] = {
    "first_at": Function("first_at('A', …)", "moment of the first of these activities", _at("min")),
    "last_at": Function("last_at('A', …)", "moment of the last of these activities", _at("max")),
    "next_at": Function("next_at('A', moment)", "moment of the first A at or after a moment", _next_at),
    "throughput": Function("throughput(start, end)", "seconds between moments; null where the end is earlier", _throughput),
    "working": Function("working(start, end)", "the same in working time of the process's calendar", _working),
    "occurrences": Function("occurrences('A', …)", "events with one of these activities", _occurrences),
    "rework": Function("rework('A', …)", "repetitions of each of these activities, or of all", _rework),
    "self_loops": Function("self_loops('A', …)", "how often one follows directly upon itself", _self_loops),
    "start_activity": Function("start_activity()", "the case's first activity", _activity_at(1)),
    "end_activity": Function("end_activity()", "the case's last activity", _activity_at(-1)),
    "variant": Function("variant()", "the case's activities in order, as text", _variant),
    "first_of": Function("first_of(column, 'A', …)", "first known value, at all events or at these activities", _of("first")),
    "last_of": Function("last_of(column, 'A', …)", "last known value", _of("last")),
    "sum_of": Function("sum_of(column, 'A', …)", "sum", _of("sum")),
    "avg_of": Function("avg_of(column, 'A', …)", "mean", _of("avg")),
    "min_of": Function("min_of(column, 'A', …)", "smallest", _of("min")),
    "max_of": Function("max_of(column, 'A', …)", "largest", _of("max")),
    "count_of": Function("count_of(column, 'A', …)", "number of events with a value", _of("count")),
    "distinct_of": Function("distinct_of(column, 'A', …)", "number of different values", _of("distinct")),
    "follows": Function("follows('A', 'B')", "whether B comes at any time after A", _follows("eventually")),
    "directly_follows": Function("directly_follows('A', 'B')", "whether B comes as the next event after A", _follows("directly")),
    "path": Function("path('A', 'B', …)", "whether these come one right after the other", _path),
    "meets": Function("meets('JSON')", "whether a filter keeps the case", _meets),
    "is_happy": Function("is_happy()", "whether the case is the definition's happy path", _is_happy),
    "sla_seconds": Function("sla_seconds('name')", "seconds an SLA of the definition took", _sla_seconds),
    "sla_breached": Function("sla_breached('name')", "whether it was breached; null while it is open", _sla_breached),
    "automated_events": Function("automated_events()", "events of systems, or without anybody", _automated_events),
    "cost": Function("cost()", "cost by the definition", _cost),
    "hours": Function("hours(seconds)", "in hours", lambda c, x: f"({x} / 3600)"),
    "days": Function("days(seconds)", "in days", lambda c, x: f"({x} / 86400)"),
    "cases": Function("cases()", "number of cases; an aggregate", lambda c: "count(*)"),
    "share": Function(
        "share(condition)", "share of the cases that meet it, of those where it is known", lambda c, x: f"avg(({x})::integer)"
    ),
}
