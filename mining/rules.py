"""Judging a log's cases by the rules of its process: each rule becomes one SQL statement, exact over variants or events.

What belongs here: what each kind of rule means, as SQL, and the violations it finds. What does not: how rules are written
(`lake.process_rules`) and what a breach leads to (`mining.process_tests`).

Rules about order and number are judged once per variant; those about people and time on the events of the activities they name.
A rule is about the cases in which it could be broken: `precedes` about those with the second activity, `responds` and
`never_after` about those with the first, rules of people about those that name the people. The others are about every case.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lake.connection import quote
from lake.errors import DataError
from lake.process_rules import Condition, Rule, read_rule
from mining.sql_text import literal, literals

if TYPE_CHECKING:
    import duckdb

    from mining.event_log import EventLog

SAMPLE = 5  # cases named per rule
_NOT_PRECEDED = {  # occurrences of `b` in the list `t` that no `a` precedes as asked
    "eventually": "len(list_filter({t}[:coalesce(nullif(list_position({t}, {a}), 0), len({t}) + 1) - 1], lambda x: x = {b}))",
    "directly": "len(list_filter(range(1, len({t}) + 1), lambda i: {t}[i] = {b} and (i = 1 or {t}[i - 1] <> {a})))",
}
_FOLLOWS_NEVER = {
    "eventually": "len(list_filter(t[coalesce(nullif(list_position(t, a), 0), len(t)) + 1:], lambda x: x = b))",
    "directly": "len(list_filter(range(2, len(t) + 1), lambda i: t[i] = b and t[i - 1] = a))",
}
_TIMES = "len(list_filter(t, lambda x: x = a))"


@dataclass(frozen=True)
class RuleResult:
    """What judging a log by one rule found.

    Attributes:
        rule: The rule.
        cases_checked: Cases it is about.
        cases_violating: Cases that break it.
        violations: How often it is broken: occurrences of an activity too many, too few, too late or in the wrong place.
        sample_cases: Ids of some violating cases, the first by their text.
        remark: What keeps the rule from being judged, or makes it pointless; empty if nothing does.
    """

    rule: Rule
    cases_checked: int = 0
    cases_violating: int = 0
    violations: int = 0
    sample_cases: tuple[str, ...] = ()
    remark: str = ""

    @property
    def share(self) -> float | None:
        """Share of violating cases; None where the rule is about no case."""
        return self.cases_violating / self.cases_checked if self.cases_checked else None

    @property
    def is_passed(self) -> bool | None:
        """Whether the threshold holds; None for a rule without one."""
        threshold = self.rule.threshold
        return None if threshold is None else threshold.allows(self.cases_violating, self.cases_checked)


def check_rules(
    log: "EventLog", rules: Iterable[Rule | str | Mapping[str, Any]], *, definition: Mapping[str, Any] | None = None
) -> list[RuleResult]:
    """Judges a log by rules.

    Args:
        log: The log; its filters apply.
        rules: Rules, as sentences, mappings or read ones. Names of activities may differ from the log's in upper and lower case.
        definition: The process's definition; its working calendar serves rules in working hours.

    Returns:
        One result per rule, in their order; its remark names activities the log has not, and a column it has not, without which
        no case is judged.

    Raises:
        ProcessFileError: A rule cannot be read.
    """
    names = [name for (name,) in log.ask("select activity from activities").fetchall()]
    return [_result(log, _named(_read(rule), names), names, definition or {}) for rule in rules]


def violating_cases(
    log: "EventLog", rule: Rule | str | Mapping[str, Any], *, definition: Mapping[str, Any] | None = None
) -> "duckdb.DuckDBPyRelation":
    """The cases that break a rule, one row each: case_id, violations; the worst first.

    Raises:
        ProcessFileError: The rule cannot be read.
        DataError: It names a column the log has not.
    """
    names = [name for (name,) in log.ask("select activity from activities").fetchall()]
    judged = _judged(log, _named(_read(rule), names), definition or {})
    return log.ask(f"with {judged} select case_id, broken::bigint as violations from judged where broken > 0 order by 2 desc, 1")


def _read(rule: Rule | str | Mapping[str, Any]) -> Rule:
    return rule if isinstance(rule, Rule) else read_rule(rule)


def _named(rule: Rule, names: Iterable[str]) -> Rule:
    """The rule with its activities called as in the log, where one name alone differs in upper and lower case only."""
    there, alike = set(names), dict[str, list[str]]()
    for name in there:
        alike.setdefault(name.casefold(), []).append(name)

    def called(name: str) -> str:
        found = alike.get(name.casefold(), [])
        return found[0] if name not in there and len(found) == 1 else name

    when = rule.when
    if when is not None and when.activity is not None:
        when = Condition(activity=called(when.activity))
    return replace(rule, first=called(rule.first), then=called(rule.then), when=when)


def _result(log: "EventLog", rule: Rule, names: Iterable[str], definition: Mapping[str, Any]) -> RuleResult:
    unknown = [name for name in rule.activities if name not in names]
    remark = f"The log has no activity {', '.join(unknown)}." if unknown else ""
    try:
        judged = _judged(log, rule, definition)
    except DataError as error:
        return RuleResult(rule, remark=f"{remark} Not judged: {error.problem}".strip())
    row = log.ask(
        f"with {judged} select count(*), count(*) filter (broken > 0), coalesce(sum(broken), 0)::bigint, "
        f"min(case_id, {SAMPLE}) filter (broken > 0) from judged"
    ).fetchone()
    checked, violating, violations, sample = row or (0, 0, 0, None)
    return RuleResult(rule, checked, violating, violations, tuple(sample or ()), remark)


def _judged(log: "EventLog", rule: Rule, definition: Mapping[str, Any]) -> str:
    """Common table expressions, of which the last is `judged`: case_id of the cases the rule is about, and how often broken."""
    ids = ", ".join(
        f"coalesce((select activity_id from activities where activity = {literal(name)}), -1) as {letter}"
        for letter, name in (("a", rule.first), ("b", rule.then))
    )
    if rule.kind in ("four_eyes", "same_person", "only_by"):
        body = _of_people(log, rule)
    elif rule.kind == "holds" and rule.condition is not None:
        body = _of_values(log, rule, rule.condition)
    elif rule.kind == "within_hours":
        body = _of_time(log, rule, definition)
    else:
        body = _of_order(rule)
    return f"ids as (select {ids}), {body}, judged as (select * from about where {_condition(log, rule.when)})"


def _of_order(rule: Rule) -> str:
    """Rules that a variant keeps or breaks; `t` is its list of activities, `r` the same from the end."""
    shaped = "list_filter(v.activity_ids, lambda x: x = a or x = b)" if rule.mode == "alternately" else "v.activity_ids"
    return f"""traces as (
    select w.variant_id, a, b, {shaped} as t, list_reverse({shaped}) as r
    from weights as w join variants as v using (variant_id) cross join ids
), of_variants as (
    select variant_id, {_broken(rule)} as broken from traces where {_applies(rule.kind)}
), about as (select k.case_id, o.broken from kept as k join of_variants as o using (variant_id))"""


def _broken(rule: Rule) -> str:
    """How often a variant breaks the rule."""
    pattern = _NOT_PRECEDED["eventually" if rule.mode == "eventually" else "directly"]
    not_preceded, not_followed = pattern.format(t="t", a="a", b="b"), pattern.format(t="r", a="b", b="a")
    meanings = {
        "precedes": not_preceded,
        "responds": not_followed,
        "succession": f"{not_preceded} + {not_followed}",
        "never_after": _FOLLOWS_NEVER.get(rule.mode, ""),
        "not_together": "case when list_contains(t, a) and list_contains(t, b) then 1 else 0 end",
        "starts_with": "case when t[1] = a then 0 else 1 end",
        "ends_with": "case when t[-1] = a then 0 else 1 end",
        "never": _TIMES,
        "exactly": f"abs({_TIMES} - {rule.times})",
        "at_most": f"greatest({_TIMES} - {rule.times}, 0)",
        "at_least": f"greatest({rule.times} - {_TIMES}, 0)",
    }
    return meanings[rule.kind]


def _applies(kind: str) -> str:
    """Which variants a rule of order is about."""
    return {
        "precedes": "list_contains(t, b)",
        "responds": "list_contains(t, a)",
        "never_after": "list_contains(t, a)",
        "succession": "list_contains(t, a) or list_contains(t, b)",
        "not_together": "list_contains(t, a) or list_contains(t, b)",
    }.get(kind, "true")


def _of_people(log: "EventLog", rule: Rule) -> str:
    """Rules of who does what; an event that names nobody neither keeps nor breaks them."""
    column = _column(log, rule.column)
    said = f"""said as (
    select e.case_id, e.activity = {literal(rule.first)} as is_first, e.activity = {literal(rule.then)} as is_then,
        nullif(trim(e.{column}::varchar), '') as who
    from ({log.events.sql}) as e
    where e.activity in ({literals(name for name in (rule.first, rule.then) if name)}) and e.case_id in (select case_id from kept)
)"""
    if rule.kind == "only_by":
        counts = f"count(*) filter (who not in ({literals(rule.only)}))"
        return f"{said}, about as (select case_id, {counts} as broken from said where who is not null group by case_id)"
    if rule.first == rule.then:
        counts = "count(who) - count(distinct who)" if rule.kind == "four_eyes" else "count(distinct who) - 1"
        return f"{said}, about as (select case_id, {counts} as broken from said group by case_id having count(who) > 1)"
    broken = "list_intersect(firsts, thens)" if rule.kind == "four_eyes" else "list_distinct(list_concat(firsts, thens))[2:]"
    return f"""{said}, sides as (
    select case_id, list(distinct who) filter (is_first and who is not null) as firsts,
        list(distinct who) filter (is_then and who is not null) as thens
    from said group by case_id
), about as (select case_id, len({broken}) as broken from sides where firsts is not null and thens is not null)"""


def _of_values(log: "EventLog", rule: Rule, condition: Condition) -> str:
    """What must be so of each event of an activity; an event without the value neither keeps nor breaks it."""
    return f"""said as (
    select e.case_id, {_compared(log, condition)} as is_so from ({log.events.sql}) as e
    where e.activity = {literal(rule.first)} and e.case_id in (select case_id from kept)
), about as (select case_id, count(*) filter (not is_so) as broken from said where is_so is not null group by case_id)"""


def _of_time(log: "EventLog", rule: Rule, definition: Mapping[str, Any]) -> str:
    """From each first activity to the next occurrence of the second; where none comes, nothing is late."""
    seconds = "(epoch_us(answered_at) - epoch_us(occurred_at)) / 1e6"
    if rule.is_working_time:
        from mining.calendars import WorkingCalendar

        seconds = WorkingCalendar.from_definition(definition).on_log(log).seconds_sql("occurred_at", "answered_at")
    return f"""steps as (
    select e.case_no, e.occurred_at, e.activity_id = a as is_first,
        min(e.occurred_at) filter (e.activity_id = b) over (
            partition by e.case_no order by e.occurred_at, e.source_row rows between 1 following and unbounded following
        ) as answered_at
    from events as e cross join ids where e.activity_id in (a, b)
), waits as (
    select case_no, {seconds} as seconds from steps where is_first and answered_at is not null
), late as (select case_no, count(*) filter (seconds > {rule.hours * 3600!r}::double) as broken from waits group by case_no),
about as (select k.case_id, l.broken from kept as k join late as l using (case_no))"""


def _condition(log: "EventLog", when: Condition | None) -> str:
    if when is None:
        return "true"
    if when.activity is not None:
        wanted = f"(select activity_id from activities where activity = {literal(when.activity)})"
        return (
            "case_id in (select k.case_id from kept as k join variants as v using (variant_id) "
            f"where list_contains(v.activity_ids, {wanted}))"
        )
    return f"case_id in (select e.case_id from ({log.events.sql}) as e where {_compared(log, when)})"


def _compared(log: "EventLog", condition: Condition) -> str:
    """The comparison of an event's column with a value; null where the event has none."""
    return f"e.{_column(log, condition.column or '')} {condition.operator} {literal(condition.value)}"


def _column(log: "EventLog", name: str) -> str:
    if name not in log.events.columns:
        raise DataError(f"The event log has no column `{name}`.", remedy=f"It has: {', '.join(log.events.columns)}.", column=name)
    return quote(name)
