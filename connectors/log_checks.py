"""What is asked of every event log before it is mined, beside its suite: order, clocks, precision, ends, volume, links.

What belongs here: the checks, each a sentence with a severity, an advice and the SQL of its offending rows. What does not: running
them and keeping what they find (`connectors.log_quality`), and what must hold of a single column (`connectors.quality`).

A check tells data that cannot be so from business that should not be so: an effect before its cause in a case or two is a matter
of conformance, in many cases it is a matter of clocks. `tolerated` is where one ends and the other begins. A rule with a
`threshold` is a process test (`mining.process_tests`) and no matter of clocks: it is not checked here a second time.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from connectors.quality import EARLIEST, Severity
from lake import quote
from lake.process_rules import rules_of
from lake.registry import case_type
from lake.sql_text import as_text

NULL_WORDS = ("na", "n/a", "nan", "null", "none", "nil", "-", "--", "?", "undefined", "unknown", "#n/a")
PLACEHOLDERS = ("1900-01-01", "1970-01-01", "9999-12-31")  # what systems write where they know no date
CONTRADICTING = 0.02  # of the cases; a rule of the definition may say otherwise with `tolerated`
TIED, DAY_ONLY, NAMELESS, ENDLESS = 0.5, 0.5, 0.5, 0.05
FREQUENT_END = 0.05  # an activity that ends so many cases is an end where the definition names none
WEEKS, FEWEST_WEEKS, FEWEST_EVENTS = 26, 8, 20
TIMES_AS_MANY, DEVIATIONS = 4.0, 2.0  # a week of holidays has a third of the usual
MAD_TO_DEVIATION = 1.4826  # of a normal distribution

NO_DRIFT = "the columns are those of the last check"


@dataclass(frozen=True)
class Log:
    """An event log as its checks see it."""

    process: str
    columns: frozenset[str]
    tables: frozenset[str]  # the event log tables there are, for its object-centric part
    definition: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)  # activity to the source system most of its events are from

    @property
    def view(self) -> str:
        """The case view, for SQL."""
        return f"event_logs.{quote(self.process)}"

    def part(self, name: str) -> str:
        """One of the object-centric tables, for SQL."""
        return f"event_logs.{quote(f'{self.process}__{name}')}"

    @property
    def is_object_centric(self) -> bool:
        """Whether events, objects and what links them are there."""
        return {f"{self.process}__{name}" for name in ("events", "objects", "event_objects")} <= self.tables


@dataclass(frozen=True)
class LogCheck:
    """One check: the SQL of what offends it, as `row_key`, `item` (a struct) and `n`, how many it stands for."""

    name: str  # a sentence that is true of a good log
    severity: Severity
    advice: str
    offenders: str
    whole: str  # SQL that counts what could offend
    noun: str = "events"
    tolerated: float = 0.0  # share of the whole


def checks_of(log: Log) -> list[LogCheck]:
    """The checks that apply to a log: some need its definition, its identities or its objects."""
    return [*_times(log), *_identities(log), *_cases(log), *_order(log), _volume(log), *_objects(log)]


def _times(log: Log) -> Iterator[LogCheck]:
    zone = as_text(log.definition.get("working_calendar", {}).get("time_zone", "UTC"))
    midnight = f"(occurred_at = date_trunc('day', occurred_at) or (occurred_at at time zone {zone})::time = time '00:00')"
    placeholders = ", ".join(f"date {as_text(day)}" for day in PLACEHOLDERS)
    yield _events(
        log, "no event lies in the future", "occurred_at > now() + interval 1 day",
        "Look for a wrong year, a planned date taken for an actual one, or a clock that runs ahead.",
    )  # fmt: skip
    yield _events(
        log, f"no event lies before {EARLIEST[:4]} or bears a placeholder's date",
        f"occurred_at < timestamptz {as_text(EARLIEST)} or occurred_at::date in ({placeholders})",
        "The source writes such a date where it knows none: make it null in staging, or take the event out.",
    )  # fmt: skip
    yield _events(
        log, "most times are finer than days", midnight,
        "Order and durations within a day are unknown: take the time from a change log where the source has one.",
        tolerated=DAY_ONLY,
    )  # fmt: skip
    yield LogCheck(
        "most events have a time of their own in their case", "warning",
        "The recorded order decides between them: see that source_row is the order in which things happened.",
        f"select case_id as row_key, {{'case_id': case_id, 'occurred_at': occurred_at, 'events': count(*)}} as item, count(*) as n"
        f" from {log.view} group by case_id, occurred_at having count(*) > 1",
        f"select count(*) from {log.view}",
        tolerated=TIED,
    )  # fmt: skip


def _identities(log: Log) -> Iterator[LogCheck]:
    same = ["case_id", "activity", "occurred_at", "resource"]
    same += [name for name in log.definition.get("event_attributes", []) if name in log.columns and name not in same]
    listed = ", ".join(map(quote, same))
    item = ", ".join(f"{as_text(name)}: {quote(name)}" for name in same)
    yield LogCheck(
        "no event is there twice", "warning",
        "The same happening was recorded or joined twice: see the key and the joins of the model that makes the log.",
        f"select case_id as row_key, {{{item}, 'times': count(*)}} as item, count(*) - 1 as n from {log.view}"
        f" group by {listed} having count(*) > 1",
        f"select count(*) from {log.view}",
    )  # fmt: skip
    words = ", ".join(map(as_text, NULL_WORDS))
    yield LogCheck(
        "no case or resource is called like a missing value", "warning",
        "It is kept, for it may be a name (NA is Namibia). If it is none, make it null in staging.",
        f"select name as row_key, {{'what': what, 'name': name, 'events': count(*)}} as item, count(*) as n from ("
        f"select 'case' as what, case_id as name from {log.view} union all select 'resource', resource from {log.view})"
        f" where lower(trim(name)) in ({words}) group by what, name",
        f"select count(*) from {log.view}",
    )  # fmt: skip
    yield _events(
        log, "most events name a resource",
        f"nullif(trim(resource), '') is null and activity in (select activity from {log.view} where resource is not null)",
        "Who works on what cannot be told: see that the source's user is read, and joined by the right key.",
        tolerated=NAMELESS,
    )  # fmt: skip


def _cases(log: Log) -> Iterator[LogCheck]:
    ends = _ends(log)
    yield LogCheck(
        "cases that are old enough have reached an end", "warning",
        "The event that ends them is missing or called otherwise; or name what ends a case under `end_activities` of the process.",
        f"with cases as (select case_id, min(occurred_at) as began, max(occurred_at) as last_at,"
        f" max_by(activity, (occurred_at, source_row)) as last_activity, bool_or(activity in ({ends})) as is_ended"
        f" from {log.view} group by case_id),"
        " bounds as (select quantile_cont(epoch(last_at - began), 0.99) filter (is_ended) as usual, max(last_at) as until"
        " from cases) select case_id as row_key,"
        " {'case_id': case_id, 'began': began, 'last_at': last_at, 'last_activity': last_activity}"
        " as item, 1 as n from cases, bounds where not is_ended and epoch(until - began) > usual",
        f"select count(distinct case_id) from {log.view}",
        "cases",
        ENDLESS,
    )  # fmt: skip


def _ends(log: Log) -> str:
    """SQL for the activities that end a case: those declared, else the happy path's last, else the frequent ones."""
    declared = log.definition.get("end_activities") or log.definition.get("happy_path", [])[-1:]
    if declared:
        return ", ".join(map(as_text, declared))
    return (
        f"select last_activity from (select case_id, max_by(activity, (occurred_at, source_row)) as last_activity from {log.view}"
        f" group by case_id) group by last_activity having count(*) >= {FREQUENT_END}"
        f" * (select count(distinct case_id) from {log.view})"
    )


def _order(log: Log) -> Iterator[LogCheck]:
    rules = [rule for rule in rules_of(log.definition, where=log.process) if rule.when is None and rule.threshold is None]
    before = [rule for rule in rules if rule.kind == "precedes"]
    for rule in before:
        yield _follows(log, [(rule.first, rule.then)], f"{rule.then} does not come before {rule.first}",
                       "An effect lies before its cause: see the clocks and the time zones of both, and which time is taken.",
                       CONTRADICTING if rule.tolerated is None else rule.tolerated)  # fmt: skip
    for rule in (rule for rule in rules if rule.kind == "starts_with"):
        yield _begins(log, rule.first, CONTRADICTING if rule.tolerated is None else rule.tolerated)
    path = log.definition.get("happy_path", [])
    pairs = {*pairwise(path), *((rule.first, rule.then) for rule in before)}
    between = sorted(pair for pair in pairs if len({log.sources.get(name) for name in pair} - {None}) == 2)
    if between:
        yield _follows(log, between, "the sources agree on the order of events",
                       "One system's clock, or the time zone its times are read in, is off: compare both for one case.",
                       CONTRADICTING)  # fmt: skip


def _follows(log: Log, pairs: list[tuple[str, str]], name: str, advice: str, tolerated: float) -> LogCheck:
    """Of each pair the second does not come before the first, in cases that have both."""
    both = " union all ".join(
        f"select case_id, {as_text(first)} as cause, {as_text(then)} as effect,"
        f" min(occurred_at) filter (activity = {as_text(first)}) as cause_at,"
        f" min(occurred_at) filter (activity = {as_text(then)}) as effect_at"
        f" from {log.view} where activity in ({as_text(first)}, {as_text(then)}) group by case_id"
        for first, then in pairs
    )
    item = "{'case_id': case_id, 'cause': cause, 'cause_at': cause_at, 'effect': effect, 'effect_at': effect_at}"
    return LogCheck(
        name, "warning", advice,
        f"select case_id as row_key, {item} as item, 1 as n from ({both}) where effect_at < cause_at",
        f"select count(*) from ({both}) where effect_at is not null and cause_at is not null",
        "cases",
        tolerated,
    )  # fmt: skip


def _begins(log: Log, activity: str, tolerated: float) -> LogCheck:
    return LogCheck(
        f"cases begin with {activity}", "warning",
        "What comes before it bears a wrong time, belongs to another case, or the beginning was not read.",
        "select case_id as row_key, {'case_id': case_id, 'began': began, 'first_activity': first_activity} as item, 1 as n"
        f" from (select case_id, min(occurred_at) as began, min_by(activity, (occurred_at, source_row)) as first_activity,"
        f" min(occurred_at) filter (activity = {as_text(activity)}) as should_begin from {log.view} group by case_id)"
        " where should_begin is distinct from began",
        f"select count(distinct case_id) from {log.view}",
        "cases",
        tolerated,
    )  # fmt: skip


def _volume(log: Log) -> LogCheck:
    """The last whole week against the weeks before it, by median and median absolute deviation, which one odd week cannot bend."""
    return LogCheck(
        "last week's volume is like that of the weeks before", "warning",
        "See whether a load failed or was read twice, before asking what happened to the business.",
        "with weeks as (select date_trunc('week', occurred_at) as week, count(*) as events"
        f" from {log.view} group by all),"
        " whole as (select * from weeks where week < (select max(week) from weeks) order by week desc"
        f" limit {WEEKS + 1}),"
        " earlier as (select median(events) as usual, mad(events) as deviation, count(*) as weeks from whole"
        " where week < (select max(week) from whole))"
        " select strftime(week, '%Y-%m-%d') as row_key, {'week': week, 'events': events, 'usual': usual} as item, 1 as n"
        " from whole, earlier where week = (select max(week) from whole)"
        f" and weeks >= {FEWEST_WEEKS} and usual >= {FEWEST_EVENTS}"
        f" and abs(events - usual) > {DEVIATIONS} * {MAD_TO_DEVIATION} * deviation"
        f" and (events > {TIMES_AS_MANY} * usual or events * {TIMES_AS_MANY} < usual)",
        f"select least(count(distinct date_trunc('week', occurred_at)), {WEEKS + 1}) from {log.view}",
        "weeks",
    )  # fmt: skip


def _objects(log: Log) -> Iterator[LogCheck]:
    if not log.is_object_centric:
        return
    events, objects, links = log.part("events"), log.part("objects"), log.part("event_objects")
    yield LogCheck(
        "every event belongs to an object", "error",
        "Such an event is in no case: the document it happened to was not landed, or the link is not made.",
        f"select event_id as row_key, e as item, 1 as n from {events} as e anti join {links} as l using (event_id)",
        f"select count(*) from {events}",
    )  # fmt: skip
    notion = case_type(log.definition)
    yield LogCheck(
        "every case's object has an event", "warning",
        "Nothing is known of what happened to it: its history was not read, or begins before what was read.",
        f"select object_id as row_key, o as item, 1 as n from {objects} as o anti join {links} as l using (object_id)"
        + (f" where object_type = {as_text(notion)}" if notion else ""),
        f"select count(*) from {objects}" + (f" where object_type = {as_text(notion)}" if notion else ""),
        "objects",
    )  # fmt: skip
    yield LogCheck(
        "every link leads to an event and an object", "error",
        "One end is missing: build the log's tables together, from the same rows.",
        f"select concat_ws(' | ', event_id, object_id) as row_key, l as item, 1 as n from {links} as l"
        f" where event_id not in (select event_id from {events}) or object_id not in (select object_id from {objects})",
        f"select count(*) from {links}",
        "links",
    )  # fmt: skip


def _events(log: Log, name: str, predicate: str, advice: str, *, tolerated: float = 0.0) -> LogCheck:
    """A check of single events: those for which the predicate holds offend."""
    return LogCheck(
        name, "warning", advice,
        f"select case_id as row_key, e as item, 1 as n from {log.view} as e where {predicate}",
        f"select count(*) from {log.view}",
        tolerated=tolerated,
    )  # fmt: skip
