"""Holding a log against constraints between activities: which variants, and so which cases, break which of them.

What belongs here: what a template is, the SQL that says of a variant whether it breaks one, and the answer. What does not: the
templates and how they are discovered (`mining.declare`, `mining.log_skeleton`), and limits of time (`mining.temporal_profile`).

A constraint says something of the cases that activate it, those in which its activity, or one of its two, occurs; the others
neither keep nor break it. All is counted from variants: no event is read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Literal

from mining.relations import ALTERNATIONS, DIRECT, GAPS, OCCURRENCES
from mining.sql_text import literals

if TYPE_CHECKING:
    import duckdb

    from mining.event_log import EventLog

Activation = Literal["always", "source", "target", "either"]
Rule = tuple[str, str, str | None]  # template, source, target
ACTIVE = {
    "always": "true",
    "source": "source_times > 0",
    "target": "target_times > 0",
    "either": "source_times > 0 or target_times > 0",
}
_numbers = count(1)


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

    def kept(self) -> str:
        """SQL, true where a variant that activates the constraint keeps it."""
        if self.is_unary:
            return self.holds
        alone = "true" if self.is_negative else "false"
        return f"case when source_times > 0 and target_times > 0 then {self.holds} else {alone} end"


def violations(log: "EventLog", rules: Iterable[Rule], templates: Mapping[str, Template]) -> "duckdb.DuckDBPyRelation":
    """The variants that break a rule: template, source, target, variant_id, cases; the rules in their order.

    Args:
        log: The log; its filters apply.
        rules: Template, source and target of each; an activity the log does not have occurs in none of its cases.
        templates: The templates by name.
    """
    return log.ask(_violations(_table_of(log, rules), templates))


def _table_of(log: "EventLog", rules: Iterable[Rule]) -> str:
    """Puts the rules into a temporary table of the log's connection and returns its name."""
    import pyarrow

    columns = list(zip(*rules, strict=True)) or [(), (), ()]
    texts = [pyarrow.array(column, pyarrow.string()) for column in columns]
    number = next(_numbers)
    name, source = f"temp.main.rules_{number}", f"rules_given_{number}"
    rows = pyarrow.table([pyarrow.array(range(len(texts[0])), pyarrow.int64()), *texts], ["rule", "template", "source", "target"])
    log.connection.register(source, rows)
    log.connection.execute(f"create temp table {name} as from {source}")
    log.connection.unregister(source)
    return name


def _violations(rules: str, templates: Mapping[str, Template]) -> str:
    """Looks only at the variants in which a rule is active: of a log of many activities these are few."""
    broken = "\n        ".join(
        f"when {literals([name])} then ({ACTIVE[template.activation]}) and not {template.kept()}"
        for name, template in templates.items()
    )
    named = {
        activation: literals(name for name, template in templates.items() if template.activation == activation)
        for activation in ACTIVE
    }
    counts = "\n    ".join(
        f"left join occurrences as {side} on {side}.variant_id = w.variant_id and {side}.activity_id = r.{side}_id"
        for side in ("source", "target")
    )
    return f"""with {OCCURRENCES}, {GAPS}, {ALTERNATIONS}, {DIRECT}, lengths as (
    select variant_id, len(activity_ids) as length from variants
), rules as (
    select r.*, s.activity_id as source_id, t.activity_id as target_id
    from {rules} as r left join activities as s on s.activity = r.source left join activities as t on t.activity = r.target
), active as (
    select rule, variant_id from rules join occurrences on activity_id = source_id
    where template in ({named["source"]}, {named["either"]})
    union
    select rule, variant_id from rules join occurrences on activity_id = target_id
    where template in ({named["target"]}, {named["either"]})
    union all
    select rule, variant_id from rules cross join weights where template in ({named["always"]})
), states as (
    select r.rule, r.template, r.source, r.target, w.variant_id, w.cases, l.length,
        coalesce(source.times, 0) as source_times, source.first_at as source_first, source.last_at as source_last,
        coalesce(target.times, 0) as target_times, target.first_at as target_first, target.last_at as target_last,
        coalesce(a.alternations, 0) as alternations, coalesce(d.direct, 0) as direct
    from active join rules as r using (rule) join weights as w using (variant_id) join lengths as l using (variant_id)
    {counts}
    left join alternations as a on (a.variant_id, a.source_id, a.target_id) = (w.variant_id, r.source_id, r.target_id)
    left join direct as d on (d.variant_id, d.source_id, d.target_id) = (w.variant_id, r.source_id, r.target_id)
)
select template, source, target, variant_id, cases
from states
where case template
        {broken}
    end
order by rule, cases desc, variant_id"""
