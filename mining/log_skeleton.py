"""The log skeleton: which activities come equally often, always after, always before, never together, directly after, how often.

What belongs here: finding a skeleton and holding a log against it. What does not: DECLARE (`mining.declare`), which says more.

E. Verbeek, R. Medeiros de Carvalho, «Log Skeletons: A Classification Approach to Process Discovery», 2018. The relations are those
of pm4py, so that skeletons of both can be exchanged: each compares a count with the events of its first activity, less the noise.
An activity that happens twice in a case therefore has fewer relations than one that does not; `response` and `precedence` of
`mining.declare` do not count so. The counts of an activity are the commonest that cover 1 - noise of the *cases*; pm4py compares
with the number of events, so that it drops none of them in most logs.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from lake.errors import FileFormatError, ModelError
from mining.constraints import Template, violations
from mining.relations import DIRECT, OCCURRENCES
from mining.sql_text import literal

if TYPE_CHECKING:
    import duckdb

    from mining.event_log import EventLog

Pair = tuple[str, str]

RELATIONS: dict[str, Template] = {
    "equivalence": Template("source", "source_times = target_times", "{target} happens as often as {source}."),
    "always_after": Template("source", "source_first < target_last", "After {source}, {target} happens."),
    "always_before": Template("source", "target_first < source_last", "Before {source}, {target} happens."),
    "never_together": Template("source", "false", "{source} and {target} never happen in one case.", is_negative=True),
    "directly_follows": Template("source", "direct > 0", "Right after {source}, {target} happens."),
}
_PAIRS = f"""with {OCCURRENCES}, {DIRECT}, totals as (
    select activity_id, sum(cases * times)::bigint as events from occurrences group by activity_id
), together as (
    select s.activity_id as source_id, t.activity_id as target_id,
        coalesce(sum(s.cases * s.times) filter (where s.times = t.times and s.activity_id <> t.activity_id), 0) as equivalence,
        coalesce(sum(s.cases) filter (where s.first_at < t.last_at), 0) as always_after,
        coalesce(sum(s.cases) filter (where t.first_at < s.last_at), 0) as always_before,
        coalesce(sum(s.cases), 0) as together,
        coalesce(sum(s.cases * d.direct), 0) as directly_follows
    from occurrences as s join occurrences as t using (variant_id)
    left join direct as d on (d.variant_id, d.source_id, d.target_id) = (s.variant_id, s.activity_id, t.activity_id)
    group by s.activity_id, t.activity_id
), counted as (
    select s.activity_id as source_id, t.activity_id as target_id, s.events, p.equivalence, p.always_after, p.always_before,
        case when s.activity_id <> t.activity_id then s.events - coalesce(p.together, 0) end as never_together, p.directly_follows
    from totals as s cross join totals as t
    left join together as p on p.source_id = s.activity_id and p.target_id = t.activity_id
)
select s.activity as source, t.activity as target, {{kept}}
from counted as c join activities as s on s.activity_id = c.source_id join activities as t on t.activity_id = c.target_id
where {{any_kept}}"""
_TIMES = f"""with {OCCURRENCES}, total as (select sum(cases) as cases from weights), known as (
    select activity_id, times, sum(cases) as cases from occurrences group by activity_id, times
), never as (
    select activity_id, 0 as times, (select cases from total) - sum(cases) as cases from known group by activity_id
), ranked as (
    select *, sum(cases) over (partition by activity_id order by cases desc, times) - cases as before
    from (from known union all by name from never) where cases > 0
)
select activity, list(times order by times) as times
from ranked join activities using (activity_id) where before < (1 - {{noise}}) * (select cases from total) or before = 0
group by activity order by activity"""
_BROKEN_TIMES = f"""with {OCCURRENCES}, allowed as (select unnest({{allowed}}, recursive := true)), found as (
    select variant_id, any_value(w.cases) as cases, a.activity, coalesce(any_value(o.times), 0) as times
    from weights as w cross join (select activity from activities union select activity from allowed) as a
    left join activities as known on known.activity = a.activity
    left join occurrences as o using (variant_id, activity_id)
    group by variant_id, a.activity
)
select 'activity_frequencies' as relation, f.activity as source, null::text as target, variant_id, cases, f.times
from found as f left join allowed as a on a.activity = f.activity
where not coalesce(list_contains(a.times, f.times), f.times = 0)"""


@dataclass(frozen=True)
class LogSkeleton:
    """What holds between a log's activities; pairs are (source, target), as `RELATIONS` says them.

    Attributes:
        activity_frequencies: How often each activity may happen in a case, 0 included.
    """

    equivalence: frozenset[Pair]
    always_after: frozenset[Pair]
    always_before: frozenset[Pair]
    never_together: frozenset[Pair]
    directly_follows: frozenset[Pair]
    activity_frequencies: Mapping[str, frozenset[int]]

    def check(self, log: "EventLog") -> "duckdb.DuckDBPyRelation":
        """What a log's variants break: relation, source, target, variant_id, cases, times.

        `times` is how often the activity happens where that is not allowed (relation `activity_frequencies`), null elsewhere. Of
        an activity the skeleton does not know, no number but 0 is allowed.
        """
        rules = [(name, source, target) for name in RELATIONS for source, target in sorted(getattr(self, name))]
        broken = violations(log, rules, RELATIONS).project("template as relation, source, target, variant_id, cases, null as times")
        allowed = ", ".join(
            f"{{'activity': {literal(name)}, 'times': {sorted(times)}::bigint[]}}"
            for name, times in sorted(self.activity_frequencies.items())
        )
        typed = f"[{allowed}]::struct(activity text, times bigint[])[]"
        return broken.union(log.ask(_BROKEN_TIMES.format(allowed=typed)))

    def to_json(self) -> str:
        """The skeleton as JSON."""
        document: dict[str, Any] = {name: sorted(getattr(self, name)) for name in RELATIONS}
        document["activity_frequencies"] = {name: sorted(times) for name, times in sorted(self.activity_frequencies.items())}
        return json.dumps(document, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "LogSkeleton":
        """The skeleton that `to_json` wrote.

        Raises:
            FileFormatError: It is no such JSON.
        """
        try:
            document = json.loads(text)
            pairs = {name: frozenset((source, target) for source, target in document[name]) for name in RELATIONS}
            frequencies = {name: frozenset(map(int, times)) for name, times in document[fields(cls)[-1].name].items()}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise FileFormatError(f"This is no log skeleton: {error}.", remedy="Give JSON that `to_json` wrote.") from error
        return cls(**pairs, activity_frequencies=frequencies)


def discover_log_skeleton(log: "EventLog", *, noise: float = 0.0) -> LogSkeleton:
    """The skeleton of a log.

    Args:
        log: The log; its filters apply.
        noise: Share of the events of an activity that may break a relation which is still told, 0 to 1 (1 excluded).

    Raises:
        ModelError: A noise outside 0 to 1.
    """
    if not 0 <= noise < 1:
        raise ModelError(f"A noise threshold of {noise} makes no sense.", remedy="Use a number from 0 to below 1, such as 0.1.")
    needed = f"events * (1 - {literal(float(noise))})"
    tests = [f"coalesce({name} > 0 and {name} >= {needed}, false)" for name in RELATIONS]
    kept = ", ".join(f"{test} as {name}" for test, name in zip(tests, RELATIONS, strict=True))
    rows = log.ask(_PAIRS.format(kept=kept, any_kept=" or ".join(tests))).fetchall()
    pairs = {name: frozenset(row[:2] for row in rows if row[2 + number]) for number, name in enumerate(RELATIONS)}
    times = log.ask(_TIMES.format(noise=literal(float(noise)))).fetchall()
    return LogSkeleton(**pairs, activity_frequencies={name: frozenset(found) for name, found in times})
