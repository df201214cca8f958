"""Holding a log against constraints between activities: which variants, and so which cases, break which of them.

What belongs here: what a template is, the SQL that says of a variant whether it breaks one, and the answer. What does not: the
templates and how they are discovered (`mining.declare`, `mining.log_skeleton`), and limits of time (`mining.temporal_profile`).

A constraint says something of the cases that activate it, those in which its activity, or one of its two, occurs; the others
neither keep nor break it. All is counted from variants: no event is read.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mining.relations import ALTERNATIONS, DIRECT, GAPS, OCCURRENCES
from mining.sql_text import literals
from mining.temporary import temporary_table

if TYPE_CHECKING:
    import duckdb
    import pyarrow

    from mining.event_log import EventLog

Activation = Literal["always", "source", "target", "either"]
Rule = tuple[str, str, str | None]  # template, source, target


@dataclass(frozen=True)
class Template:
    """What a constraint of one kind says of a variant.

    Attributes:
        activation: The cases it says something of: all, or those with its source, its target or either.
        holds: SQL, true where a variant keeps it: over length, source_times, source_first, source_last and, where it is of two
            activities that both occur, the same of target, direct and alternations.
        words: What it demands, with {source} and {target}.
        is_negative: It forbids something and is kept where its activity, or one of its two, does not occur.
        is_unary: It is about one activity.
        is_symmetric: It says the same with its activities exchanged.
    """

    activation: Activation
    holds: str
    words: str
    is_negative: bool = False
    is_unary: bool = False
    is_symmetric: bool = False


def violations(log: "EventLog", rules: Iterable[Rule], templates: Mapping[str, Template]) -> "duckdb.DuckDBPyRelation":
    """The variants that break a rule: template, source, target, variant_id, cases; the rules in their order.

    Args:
        log: The log; its filters apply.
        rules: Template, source and target of each; an activity the log does not have occurs in none of its cases.
        templates: The templates by name.
    """
    return log.ask(_violations(temporary_table(log.connection, _arrow(rules)), templates))


def _arrow(rules: Iterable[Rule]) -> "pyarrow.Table":
    import pyarrow

    columns = list(zip(*rules, strict=True)) or [(), (), ()]
    texts = [pyarrow.array(column, pyarrow.string()) for column in columns]
    return pyarrow.table([pyarrow.array(range(len(texts[0])), pyarrow.int64()), *texts], ["rule", "template", "source", "target"])


def _violations(rules: str, templates: Mapping[str, Template]) -> str:
    """Looks only at the variants in which a rule is active, of a log of many activities few, and carries numbers, not texts."""
    kinds = dict(enumerate(templates.values()))
    coded = " ".join(f"when {literals([name])} then {kind}" for kind, name in enumerate(templates))
    holds = "\n        ".join(f"when {kind} then {template.holds}" for kind, template in kinds.items())
    return f"""with {OCCURRENCES}, {GAPS}, {ALTERNATIONS}, {DIRECT}, rules as (
    select r.rule, case r.template {coded} end as kind, s.activity_id as source_id, t.activity_id as target_id
    from {rules} as r left join activities as s on s.activity = r.source left join activities as t on t.activity = r.target
), {_BOTH}, {_SINGLE.format(kinds=_kinds(kinds, lambda one: one.is_unary))}, broken as (
    select rule, variant_id, cases from (from both_occur union all by name from of_one) where not case kind
        {holds}
    end
    union all
    {_alone("source", "target", _kinds(kinds, lambda one: _breaks_alone(one, "source")))}
    union all
    {_alone("target", "source", _kinds(kinds, lambda one: _breaks_alone(one, "target")))}
)
select r.template, r.source, r.target, b.variant_id, b.cases
from broken as b join {rules} as r using (rule)
order by b.rule, b.cases desc, b.variant_id"""


_BOTH = """both_occur as (
    select r.rule, r.kind, s.variant_id, s.cases, s.length, s.times as source_times, s.first_at as source_first,
        s.last_at as source_last, t.times as target_times, t.first_at as target_first, t.last_at as target_last,
        coalesce(a.alternations, 0) as alternations, coalesce(d.direct, 0) as direct
    from rules as r join occurrences as s on s.activity_id = r.source_id
    join occurrences as t on t.activity_id = r.target_id and t.variant_id = s.variant_id
    left join alternations as a on (a.variant_id, a.source_id, a.target_id) = (s.variant_id, r.source_id, r.target_id)
    left join direct as d on (d.variant_id, d.source_id, d.target_id) = (s.variant_id, r.source_id, r.target_id)
)"""
_SINGLE = """of_one as (
    select r.rule, r.kind, w.variant_id, w.cases, len(v.activity_ids) as length, coalesce(s.times, 0) as source_times,
        s.first_at as source_first, s.last_at as source_last
    from rules as r cross join weights as w join variants as v using (variant_id)
    left join occurrences as s on s.activity_id = r.source_id and s.variant_id = w.variant_id
    where r.kind in ({kinds})
)"""


def _alone(side: str, other: str, kinds: str) -> str:
    """Cases with the one activity and without the other, which break what that activates unless it forbids something."""
    return f"""select r.rule, o.variant_id, o.cases
    from rules as r join occurrences as o on o.activity_id = r.{side}_id
    anti join occurrences as missed on missed.activity_id = r.{other}_id and missed.variant_id = o.variant_id
    where r.kind in ({kinds})"""


def _kinds(kinds: Mapping[int, Template], chosen: Callable[[Template], bool]) -> str:
    return literals(kind for kind, template in kinds.items() if chosen(template))


def _breaks_alone(template: Template, side: str) -> bool:
    return not template.is_unary and not template.is_negative and template.activation in (side, "either")
