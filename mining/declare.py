"""DECLARE: constraints that a log keeps, found, kept as a model, and held against other logs.

What belongs here: the templates, discovery, the model. What does not: holding a log against constraints (`mining.constraints`)
and rules that a person writes in the definition of a process.

Templates and their meaning: M. Pesic, H. Schonenberg, W. van der Aalst, «DECLARE: Full Support for Loosely-Structured Processes»,
EDOC 2007; activation, support and confidence: F. M. Maggi and others, «User-guided discovery of declarative process models», CIDM
2011. Support is the share of the log's cases that activate a constraint, confidence the share of those that keep it.

Everything is one statement over the variants. The counts are those of pm4py on the whole log, where pm4py means the same by a name:
its `nonsuccession` and `nonchainsuccession` are the contraries of (chain) succession, while `not_succession` here is DECLARE's,
target never comes after source, and `not_chain_succession` likewise. `end` and `at_most_one` are beside `init` and `exactly_one`.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lake.connection import quote
from lake.errors import FileFormatError, ModelError
from mining.constraints import Rule, Template, violations
from mining.dot import edge, graph, node
from mining.relations import ALTERNATIONS, DIRECT, GAPS, OCCURRENCES
from mining.sql_text import literal, literals

if TYPE_CHECKING:
    import duckdb

    from mining.event_log import EventLog

SUPPORT, CONFIDENCE = 0.1, 0.9
_AFTER, _BEFORE = "source_last < target_last", "source_first < target_first"

TEMPLATES: dict[str, Template] = {
    "existence": Template("always", "source_times > 0", "{source} happens.", is_unary=True),
    "absence": Template("always", "source_times = 0", "{source} never happens.", is_negative=True, is_unary=True),
    "at_most_one": Template("always", "source_times <= 1", "{source} happens at most once.", is_negative=True, is_unary=True),
    "exactly_one": Template("always", "source_times = 1", "{source} happens exactly once.", is_unary=True),
    "init": Template("always", "coalesce(source_first = 1, false)", "The case starts with {source}.", is_unary=True),
    "end": Template("always", "coalesce(source_last = length, false)", "The case ends with {source}.", is_unary=True),
    "responded_existence": Template("source", "true", "If {source} happens, so does {target}."),
    "coexistence": Template("either", "true", "{source} and {target} happen together or not at all.", is_symmetric=True),
    "response": Template("source", _AFTER, "After {source}, {target} happens sooner or later."),
    "precedence": Template("target", _BEFORE, "Before {target}, {source} has happened."),
    "succession": Template("either", f"{_AFTER} and {_BEFORE}", "{target} follows every {source}, and never comes without one."),
    "alternate_response": Template(
        "source", "alternations = source_times", "After {source}, {target} happens before {source} does again."
    ),
    "alternate_precedence": Template(
        "target", "alternations = target_times", "Before {target}, {source} has happened since the last {target}."
    ),
    "alternate_succession": Template(
        "either", "alternations = source_times and alternations = target_times", "{source} and {target} take turns, {source} first."
    ),
    "chain_response": Template("source", "direct = source_times", "Right after {source}, {target} happens."),
    "chain_precedence": Template("target", "direct = target_times", "Right before {target}, {source} has happened."),
    "chain_succession": Template(
        "either",
        "direct = source_times and direct = target_times",
        "{source} and {target} only happen one right after the other.",
    ),
    "not_coexistence": Template(
        "either", "false", "{source} and {target} never happen in one case.", is_negative=True, is_symmetric=True
    ),
    "not_succession": Template("either", "source_first > target_last", "{target} never comes after {source}.", is_negative=True),
    "not_chain_succession": Template("either", "direct = 0", "{target} never comes right after {source}.", is_negative=True),
}

_IMPLIED: dict[str, tuple[str, ...]] = {  # what follows from each template; «~» exchanges source and target
    "absence": ("at_most_one",),
    "exactly_one": ("existence", "at_most_one"),
    "init": ("existence",),
    "end": ("existence",),
    "coexistence": ("responded_existence", "~responded_existence"),
    "response": ("responded_existence",),
    "precedence": ("~responded_existence",),
    "succession": ("coexistence", "response", "precedence"),
    "alternate_response": ("response",),
    "alternate_precedence": ("precedence",),
    "alternate_succession": ("succession", "alternate_response", "alternate_precedence"),
    "chain_response": ("alternate_response",),
    "chain_precedence": ("alternate_precedence",),
    "chain_succession": ("alternate_succession", "chain_response", "chain_precedence"),
    "not_coexistence": ("not_succession", "~not_succession"),
    "not_succession": ("not_chain_succession",),
}


@dataclass(frozen=True)
class Constraint:
    """A constraint and how a log keeps it.

    Attributes:
        template: Its template's name, a key of `TEMPLATES`.
        source: Its first, or only, activity.
        target: Its second one.
        activated: Cases it says something of.
        kept: Those of them that keep it.
        support: activated / the log's cases.
        confidence: kept / activated.
    """

    template: str
    source: str
    target: str | None
    activated: int
    kept: int
    support: float
    confidence: float

    @property
    def rule(self) -> Rule:
        """Template, source and target."""
        return self.template, self.source, self.target

    @property
    def words(self) -> str:
        """The constraint as a sentence."""
        return TEMPLATES[self.template].words.format(source=f"«{self.source}»", target=f"«{self.target}»")


@dataclass(frozen=True)
class DeclareModel:
    """Constraints, the best kept first, those that forbid something last, and the cases of the log they were found in."""

    constraints: tuple[Constraint, ...]
    cases: int

    def check(self, log: "EventLog") -> "DeclareCheck":
        """Holds a log, this model's or another, against the constraints."""
        return DeclareCheck(log, self, violations(log, [one.rule for one in self.constraints], TEMPLATES), _cases(log))

    def strongest(self) -> "DeclareModel":
        """The model without the constraints that follow from one which is kept by as large a share of its cases."""
        confidence = {one.rule: one.confidence for one in self.constraints}
        said = {rule for one in self.constraints for rule in _implied(one.rule) if confidence.get(rule, 2) <= one.confidence}
        return DeclareModel(tuple(one for one in self.constraints if one.rule not in said), self.cases)

    def to_json(self) -> str:
        """The model as JSON: `cases` and a list `constraints`."""
        return json.dumps({"cases": self.cases, "constraints": self.rows()}, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "DeclareModel":
        """The model that `to_json` wrote.

        Raises:
            FileFormatError: It is no such JSON, or it names a template that is not known.
        """
        try:
            document = json.loads(text)
            rows = [{name: value for name, value in one.items() if name != "words"} for one in document["constraints"]]
            model = cls(tuple(Constraint(**row) for row in rows), int(document["cases"]))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise FileFormatError(f"This is no DECLARE model: {error}.", remedy="Give JSON that `to_json` wrote.") from error
        _known({one.template for one in model.constraints})
        return model

    def rows(self) -> list[dict[str, Any]]:
        """The constraints as rows of a table."""
        return [asdict(one) | {"words": one.words} for one in self.constraints]

    def to_dot(self) -> str:
        """The constraints as a graph for Graphviz: activities are boxes with their own constraints, those of two are edges."""
        own: dict[str, list[str]] = {}
        for one in self.constraints:
            own.setdefault(one.source, []).extend([_label(one)] if one.target is None else [])
            if one.target is not None:
                own.setdefault(one.target, [])
        boxes = [node(name, "\n".join([name, *labels]), shape="box") for name, labels in sorted(own.items())]
        edges = [edge(one.source, one.target, _label(one)) for one in self.constraints if one.target is not None]
        return graph("declare", [*boxes, *edges])


@dataclass(frozen=True)
class DeclareCheck:
    """A log held against a model.

    Attributes:
        violations: template, source, target, variant_id, cases: a row per constraint and variant that breaks it.
        cases: The log's cases.
    """

    log: "EventLog"
    model: DeclareModel
    violations: "duckdb.DuckDBPyRelation"
    cases: int

    @cached_property
    def broken(self) -> dict[Rule, int]:
        """The cases that break each constraint, by template, source and target; those that are kept are left out."""
        counts: Counter[Rule] = Counter()
        for template, source, target, cases in self.violations.project("template, source, target, cases").fetchall():
            counts[template, source, target] += cases
        return dict(counts)

    @cached_property
    def broken_by_variant(self) -> dict[int, list[Rule]]:
        """The constraints each variant breaks, by its variant_id; those that break none are left out."""
        found: dict[int, list[Rule]] = {}
        for template, source, target, variant in self.violations.project("template, source, target, variant_id").fetchall():
            found.setdefault(variant, []).append((template, source, target))
        return found

    def case_ids(self, template: str, source: str, target: str | None = None) -> list[str]:
        """The cases that break a constraint, in the order of their starts."""
        variants = [number for number, rules in self.broken_by_variant.items() if (template, source, target) in rules]
        listed = ", ".join(map(str, variants)) or "null"
        question = f"select case_id from kept where variant_id in ({listed}) order by case_no"
        return [case for (case,) in self.log.ask(question).fetchall()]


def discover_declare(
    log: "EventLog",
    *,
    templates: Collection[str] = tuple(TEMPLATES),
    min_support: float = SUPPORT,
    min_confidence: float = CONFIDENCE,
) -> DeclareModel:
    """Finds the constraints a log keeps well enough.

    Args:
        log: The log; its filters apply.
        templates: Names of `TEMPLATES` to look for.
        min_support: Least share of the cases that activate a constraint, 0 to 1.
        min_confidence: Least share of those that keep it, 0 to 1. With 0, a log of 400 activities has two million constraints.

    Raises:
        ModelError: No such template, or a share outside 0 to 1.
    """
    _known(templates)
    for name, share in (("support", min_support), ("confidence", min_confidence)):
        if not 0 <= share <= 1:
            raise ModelError(f"A least {name} of {share} makes no sense.", remedy="Use a number from 0 to 1, such as 0.9.")
    rows = log.ask(discovery_sql(templates, min_support=min_support, min_confidence=min_confidence)).fetchall()
    return DeclareModel(tuple(Constraint(*row) for row in rows), _cases(log))


def discovery_sql(templates: Collection[str], *, min_support: float, min_confidence: float) -> str:
    """Template, source, target, activated, kept, support, confidence of the constraints that are kept well enough.

    Pairs that never happen together are among them: a cross join of the activities, with the counts of the pairs that do. What
    is forbidden comes after what is demanded and kept as well, because there is always much of it.
    """
    negative = literals(name for name, one in TEMPLATES.items() if one.is_negative)
    unary = {name: one for name, one in TEMPLATES.items() if name in templates and one.is_unary}
    binary = {name: one for name, one in TEMPLATES.items() if name in templates and not one.is_unary}
    return f"""with {OCCURRENCES}, {GAPS}, {ALTERNATIONS}, {DIRECT}, {_SOLOS}, {_PAIRS}, total as (
    select coalesce(sum(cases), 0)::bigint as cases from weights
), alone as (
    select activity_id, any_value(activity) as activity, sum(cases)::bigint as active{_sums(unary)}
    from solos join activities using (activity_id) group by activity_id
), together as (
    select source_id, target_id, sum(cases)::bigint as active{_sums(binary)} from pairs group by source_id, target_id
), couples as (
    select s.activity as source, t.activity as target, s.active as source_active, t.active as target_active,
        coalesce(p.active, 0) as both_active, p.* exclude (source_id, target_id, active)
    from alone as s join alone as t on s.activity_id <> t.activity_id
    left join together as p on p.source_id = s.activity_id and p.target_id = t.activity_id
), counted as (
    {" union all ".join([_NONE, *_of_one(unary), *_of_two(binary)])}
)
select template, source, target, activated, kept, activated / total.cases as support, kept / activated as confidence
from counted cross join total
where activated > 0 and activated >= total.cases * {literal(float(min_support))}
    and kept >= activated * {literal(float(min_confidence))}
order by confidence desc, template in ({negative}), support desc, template, source, target"""


_SOLOS = """solos as (
    select activity_id, cases, length, times as source_times, first_at as source_first, last_at as source_last from occurrences
)"""
_PAIRS = """pairs as (
    select s.activity_id as source_id, t.activity_id as target_id, s.cases, s.length, s.times as source_times,
        s.first_at as source_first, s.last_at as source_last, t.times as target_times, t.first_at as target_first,
        t.last_at as target_last, coalesce(a.alternations, 0) as alternations, coalesce(d.direct, 0) as direct
    from occurrences as s join occurrences as t on t.variant_id = s.variant_id and t.activity_id <> s.activity_id
    left join alternations as a on (a.variant_id, a.source_id, a.target_id) = (s.variant_id, s.activity_id, t.activity_id)
    left join direct as d on (d.variant_id, d.source_id, d.target_id) = (s.variant_id, s.activity_id, t.activity_id)
)"""
_NONE = """
    select null::text as template, null::text as source, null::text as target, 0::bigint as activated, 0::bigint as kept
    where false"""


def _sums(templates: dict[str, Template]) -> str:
    """Cases that keep each template, of those in which all its activities occur."""
    return "".join(
        f", coalesce(sum(cases) filter (where {one.holds}), 0)::bigint as {quote(name)}" for name, one in templates.items()
    )


def _of_one(templates: dict[str, Template]) -> list[str]:
    """Cases without the activity keep what allows that."""
    return [
        f"select {literal(name)}, activity, null, total.cases, "
        f"{quote(name)}{' + total.cases - active' if one.is_negative else ''} from alone cross join total"
        for name, one in templates.items()
    ]


def _of_two(templates: dict[str, Template]) -> list[str]:
    either = "source_active + target_active - both_active"
    activated = {"source": "source_active", "target": "target_active", "either": either}
    return [
        f"select {literal(name)}, source, target, {activated[one.activation]}, "
        f"coalesce({quote(name)}, 0){f' + {either} - both_active' if one.is_negative else ''} from couples"
        f"{' where source < target' if one.is_symmetric else ''}"
        for name, one in templates.items()
    ]


def _implied(rule: Rule) -> Iterator[Rule]:
    """The constraints that follow from one, however many steps away."""
    template, source, target = rule
    for name in _IMPLIED.get(template, ()):
        one, other = (target or "", source) if name.startswith("~") else (source, target)
        if TEMPLATES[name.lstrip("~")].is_symmetric and other is not None:
            one, other = min(one, other), max(one, other)
        yield (found := (name.lstrip("~"), one, other))
        yield from _implied(found)


def _cases(log: "EventLog") -> int:
    (cases,) = log.ask("select coalesce(sum(cases), 0)::bigint as cases from weights").fetchone() or (0,)
    return int(cases)


def _known(templates: Collection[str]) -> None:
    if unknown := sorted(set(templates) - set(TEMPLATES)):
        raise ModelError(f"There is no template `{unknown[0]}`.", remedy=f"Use some of: {', '.join(TEMPLATES)}.")


def _label(one: Constraint) -> str:
    return f"{one.template.replace('_', ' ')} {one.confidence:.0%}"
