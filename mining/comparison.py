"""Two cohorts side by side: every measure of both, the difference, and whether it may be chance.

What belongs here: what is measured of two logs, and counting it. What does not: the tests themselves (`mining.significance`) and
finding out what to compare (`mining.drift` finds moments).

Tests treat cases as independent of one another, and so the times of one edge. Where cases stand in both cohorts the tests do not
hold; how many do is said. A p-value is corrected for all tests of the comparison.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from lake.errors import DataError
from mining.deadlines import sla_breaches
from mining.significance import CORRECTIONS, UNTESTED, Correction, Tested, adjusted, distributions, mann_whitney, proportions
from mining.sql_text import literal

if TYPE_CHECKING:
    import pyarrow

    from mining.calendars import WorkingCalendar
    from mining.event_log import EventLog

_CASE_SECONDS = "(epoch_us(ended_at) - epoch_us(started_at)) / 1e6"
_SIDES = ", ".join(f"coalesce(sum(n) filter (side = {side}), 0)::bigint as {name}" for side, name in ((0, "a"), (1, "b")))
_VALUES = f"""select 'case seconds' as measure, null::varchar as source, null::varchar as target, {_CASE_SECONDS} as value,
    count(*) as n
from kept group by all
union all select 'events per case', null, null, events, count(*) from kept group by all
union all
select 'edge seconds', s.activity, t.activity, e.seconds_to_next, count(*)
from events as e join activities as s using (activity_id) join activities as t on t.activity_id = e.next_activity group by all"""
_SHARES = """with placed as (
    select variant_id, w.cases, unnest(v.activity_ids) as source_id, unnest(list_append(v.activity_ids[2:], null)) as target_id
    from weights as w join variants as v using (variant_id)
), per_variant as (
    select 'cases with activity' as measure, variant_id, any_value(cases) as cases, source_id, null::integer as target_id,
        count(*) as times
    from placed group by variant_id, source_id
    union all
    select 'cases with edge', variant_id, any_value(cases), source_id, target_id, count(*)
    from placed where target_id is not null group by variant_id, source_id, target_id
), reworked as (
    select sum(cases) filter (most > 1) as cases from (
        select variant_id, any_value(cases) as cases, max(times) as most from per_variant where target_id is null
        group by variant_id)
)
select measure, s.activity as source, t.activity as target, sum(p.cases)::bigint as n
from per_variant as p join activities as s on s.activity_id = p.source_id left join activities as t on t.activity_id = p.target_id
group by all
union all select 'cases with rework', null, null, coalesce(cases, 0)::bigint from reworked"""
_VARIANTS = """select list_transform(v.activity_ids, lambda id: names.name[id]) as activities, w.cases as n
from weights as w join variants as v using (variant_id),
    (select list(activity order by activity_id) as name from activities) as names"""
_RANKED = """with sides as (
    select measure, source, target, value, sum(n) filter (side = 0) as n_a, sum(n) filter (side = 1) as n_b
    from both_sides group by all
), filled as (
    select * exclude (n_a, n_b), coalesce(n_a, 0)::double as n_a, coalesce(n_b, 0)::double as n_b,
        sum(coalesce(n_a, 0) + coalesce(n_b, 0)) over in_order as reached, sum(coalesce(n_a, 0)) over in_order as reached_a,
        sum(coalesce(n_b, 0)) over in_order as reached_b
    from sides window in_order as (partition by measure, source, target order by value)
)
select measure, source, target, sum(n_a)::bigint as n_a, sum(n_b)::bigint as n_b,
    sum(n_a * (reached - (n_a + n_b - 1) / 2)) as rank_sum_a, sum((n_a + n_b) ** 3 - (n_a + n_b)) as ties,
    (min(value) filter (reached_a * 2 >= total_a) + min(value) filter (reached_a >= total_a // 2 + 1)) / 2 as median_a,
    (min(value) filter (reached_b * 2 >= total_b) + min(value) filter (reached_b >= total_b // 2 + 1)) / 2 as median_b
from (select *, max(reached_a) over one as total_a, max(reached_b) over one as total_b from filled
    window one as (partition by measure, source, target))
group by all order by measure, source, target"""


@dataclass(frozen=True)
class ComparedMeasure:
    """One measure of both cohorts.

    Attributes:
        measure: `cases`, `variants` (numbers); `case seconds`, `events per case`, `edge seconds`, `step seconds` (medians); `cases
            with activity`, `cases with edge`, `cases with rework`, `cases on the happy path`, `breaches of` an agreement (shares);
            `variants` also as a distribution, whose effect is Cramér's V.
        source: The activity, or the agreement's name.
        target: The edge's or step's other activity.
        a: The value of the first cohort; None where it has none.
        b: That of the second.
        n_a: Cases or events it is of.
        n_b: The same of the second.
        test: `Mann-Whitney`, `chi-square`, `Fisher`, or nothing for numbers that are not tested.
        statistic: Its statistic.
        effect: Cliff's delta for medians, Cohen's h for shares; above 0 where the first is larger.
        p_value: Of the test alone.
        p_adjusted: Corrected for all tests.
        is_significant: Whether that is at most the level.
    """

    measure: str
    source: str | None
    target: str | None
    a: float | None
    b: float | None
    n_a: int
    n_b: int
    test: str = ""
    statistic: float | None = None
    effect: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    is_significant: bool = False


@dataclass(frozen=True)
class Comparison:
    """Two cohorts side by side.

    Attributes:
        measures: All measures; those of the whole first, then by how sure the difference is.
        shared_cases: Cases that stand in both cohorts of one log.
        level: Level of significance.
        correction: How p-values were corrected.
    """

    measures: tuple[ComparedMeasure, ...]
    shared_cases: int
    level: float
    correction: str

    @property
    def significant(self) -> tuple[ComparedMeasure, ...]:
        """The measures whose difference is significant, the largest effect first."""
        return tuple(sorted((one for one in self.measures if one.is_significant), key=lambda one: -abs(one.effect or 0)))

    def of(self, measure: str, source: str | None = None, target: str | None = None) -> ComparedMeasure:
        """One of the measures; KeyError if there is none of that name."""
        for one in self.measures:
            if (one.measure, one.source, one.target) == (measure, source, target):
                return one
        raise KeyError((measure, source, target))

    def to_arrow_table(self) -> "pyarrow.Table":
        """A row per measure with its attributes as columns."""
        import pyarrow

        return pyarrow.Table.from_pylist([asdict(one) for one in self.measures])


def compare(
    a: "EventLog",
    b: "EventLog",
    *,
    steps: Iterable[tuple[str, str]] = (),
    slas: Iterable[Mapping[str, Any]] = (),
    happy_path: Iterable[str] = (),
    calendar: "WorkingCalendar | None" = None,
    level: float = 0.05,
    correction: Correction = "holm",
) -> Comparison:
    """Compares two logs, such as one log under two filter stacks, in every measure.

    Args:
        a: The first cohort.
        b: The second; if it is on another connection its values are counted there and the counts are copied.
        steps: Pairs of activities whose time from the first to the last of them is compared, too.
        slas: Agreements as in a process definition, whose breaches are compared.
        happy_path: Activities of the ideal variant.
        calendar: For agreements in working time.
        level: Level of significance, 0 to 1.
        correction: `holm`: the probability of any false alarm is at most the level; `bh`: the share of false ones among those found
            is; `none`.

    Raises:
        DataError: A cohort has no cases, or the level or correction makes no sense.
    """
    if correction not in CORRECTIONS or not 0 < level < 1:
        raise DataError(
            f"A comparison at level {level} with correction {correction!r} makes no sense.",
            remedy=f"Use a level between 0 and 1 and one of {', '.join(CORRECTIONS)}.",
        )
    cases = _cases(a), _cases(b)
    if not all(cases):
        raise DataError(
            f"The {'first' if not cases[0] else 'second'} cohort has no cases.",
            remedy="Loosen its filters: `sql` shows what they keep.",
        )
    measures = [
        *_variants(a, b, cases),
        *_shares(a, b, cases, tuple(happy_path)),
        *_agreements(a, b, list(slas), calendar),
        *_values(a, b, list(steps)),
    ]
    return Comparison(_judged(measures, level, correction), _shared(a, b), level, correction)


def _cases(log: "EventLog") -> int:
    return int(log.ask("select count(*) from kept").fetchall()[0][0])


def _variants(a: "EventLog", b: "EventLog", cases: tuple[int, int]) -> Iterator[ComparedMeasure]:
    counts = _both(a, b, _VARIANTS).aggregate(f"activities, {_SIDES}")
    pairs = [(of_a, of_b) for _, of_a, of_b in counts.fetchall()]
    numbers = [sum(1 for pair in pairs if pair[side]) for side in (0, 1)]
    yield ComparedMeasure("cases", None, None, cases[0], cases[1], *cases)
    yield _tested(ComparedMeasure("variants", None, None, numbers[0], numbers[1], *cases), distributions(pairs))


def _shares(a: "EventLog", b: "EventLog", cases: tuple[int, int], happy_path: tuple[str, ...]) -> Iterator[ComparedMeasure]:
    question = _SHARES
    if happy_path:
        listed = ", ".join(literal(name) for name in happy_path)
        question += f"""
union all select 'cases on the happy path', null, null, coalesce(sum(n), 0)::bigint
from ({_VARIANTS}) where activities = [{listed}]"""
    counted = _both(a, b, question).aggregate(f"measure, source, target, {_SIDES}")
    for measure, source, target, of_a, of_b in counted.fetchall():
        shares = of_a / cases[0], of_b / cases[1]
        yield _tested(ComparedMeasure(measure, source, target, *shares, *cases), proportions(of_a, cases[0], of_b, cases[1]))


def _agreements(
    a: "EventLog", b: "EventLog", slas: list[Mapping[str, Any]], calendar: "WorkingCalendar | None"
) -> Iterator[ComparedMeasure]:
    kept = [sla_breaches(log, slas, calendar=calendar).to_arrow_table().to_pylist() for log in (a, b)]
    for of_a, of_b in zip(*kept, strict=True):
        late = [row["breached"] + row["open_late"] for row in (of_a, of_b)]
        known = [count + row["met"] for count, row in zip(late, (of_a, of_b), strict=True)]
        measure = ComparedMeasure("breaches of", of_a["name"], None, of_a["breach_share"], of_b["breach_share"], known[0], known[1])
        yield _tested(measure, proportions(late[0], known[0], late[1], known[1]))


def _values(a: "EventLog", b: "EventLog", steps: list[tuple[str, str]]) -> Iterator[ComparedMeasure]:
    question = "\nunion all\n".join([_VALUES, *(_step(first, last) for first, last in steps)])
    both = _both(a, b, question)
    for row in both.query("both_sides", _RANKED).to_arrow_table().to_pylist():
        measure = ComparedMeasure(
            row["measure"], row["source"], row["target"], row["median_a"], row["median_b"], row["n_a"], row["n_b"]
        )
        yield _tested(measure, mann_whitney(row["n_a"], row["n_b"], row["rank_sum_a"], row["ties"]))


def _step(first: str, last: str) -> str:
    """The times from a case's first event of one activity to its last of another, where that is not before."""
    return f"""select 'step seconds', {literal(first)}, {literal(last)},
    (epoch_us(end_at) - epoch_us(begin_at)) / 1e6, count(*) from (
    select min(occurred_at) filter (activity = {literal(first)}) as begin_at,
        max(occurred_at) filter (activity = {literal(last)}) as end_at
    from events join activities using (activity_id) where activity in ({literal(first)}, {literal(last)}) group by case_no
) where begin_at <= end_at group by all"""


def _both(a: "EventLog", b: "EventLog", question: str) -> Any:
    """The answers of both logs in one relation, told apart by `side`."""
    if a.connection is b.connection:
        second = f"({b.sql(question)})"
        return a.connection.sql(f"select 0 as side, * from ({a.sql(question)}) union all select 1, * from {second}")
    name = f"second_{id(b)}_{abs(hash(question))}"
    a.connection.register(name, b.ask(question).to_arrow_table())
    return a.connection.sql(f"select 0 as side, * from ({a.sql(question)}) union all select 1, * from {name}")


def _shared(a: "EventLog", b: "EventLog") -> int:
    if a.events is not b.events:
        return 0
    question = f"select count(*) from ({a.cases_sql()}) semi join ({b.cases_sql()}) using (case_id)"
    return int(a.connection.sql(question).fetchall()[0][0])


def _tested(measure: ComparedMeasure, tested: Tested) -> ComparedMeasure:
    if tested is UNTESTED:
        return measure
    return replace(measure, test=tested.test, statistic=tested.statistic, p_value=tested.p_value, effect=tested.effect)


def _judged(measures: list[ComparedMeasure], level: float, correction: Correction) -> tuple[ComparedMeasure, ...]:
    p_values = adjusted([float("nan") if one.p_value is None else one.p_value for one in measures], correction)
    judged = [
        one if one.p_value is None else replace(one, p_adjusted=float(p), is_significant=bool(p <= level))
        for one, p in zip(measures, p_values, strict=True)
    ]
    of_parts = {"cases with activity": 1, "edge seconds": 2, "cases with edge": 3}

    def place(one: ComparedMeasure) -> tuple[int, float, float, str, str, str]:
        p_value = one.p_adjusted or 0.0
        return of_parts.get(one.measure, 0), p_value, -abs(one.effect or 0.0), one.measure, one.source or "", one.target or ""

    return tuple(sorted(judged, key=place))
