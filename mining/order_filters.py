"""Filters by the order of events within a case: what follows what, how soon, how often, and trimming between two activities.

What belongs here: filters about sequences and the time between two events. What does not: `mining.case_filters` and
`mining.attribute_filters`.

What the variant alone tells is asked of the variants. What needs times is one pass over the events of the named activities: a
window over the case (and the value), ordered by a number that holds time and position in one, so that equal times keep the
recorded order and a time limit is a range of it. No event is ever joined with another.
"""

from dataclasses import dataclass
from typing import Literal

from lake.errors import DataError
from mining.filter_base import Filter, Stage, between, check_flag, check_numbers, choose, inverted, set_texts, texts
from mining.sql_text import literal, literals

_ROWS = 2**64  # a moment's microseconds count that many, so that the source row decides between events of one moment
_MIDDLE = 2**63  # source rows may be negative


@dataclass(frozen=True)
class Follows(Filter):
    """Cases in which a `target` comes after a `source`: as the very next event, at any time later, or never.

    The limits and the comparison narrow which pairs count: `never` with `maximum=3600` keeps the cases in which no target comes
    within an hour of a source.

    Args:
        source: Activities.
        target: Activities.
        mode: directly, eventually, or never (not even eventually).
        minimum: Seconds from source to target, at least.
        maximum: Seconds from source to target, at most.
        same: A column whose value must be the same at both events; events without a value do not count.
        different: A column whose value must differ; events without a value do not count.
        keep: False keeps the other cases.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    mode: Literal["directly", "eventually", "never"] = "eventually"
    minimum: float | None = None
    maximum: float | None = None
    same: str | None = None
    different: str | None = None
    keep: bool = True
    name = "follows"

    def __post_init__(self) -> None:
        choose(self, "mode", ("directly", "eventually", "never"))
        check_flag(self)
        check_numbers(self, "minimum", "maximum", least=0)
        set_texts(self, "source", "target", needed=True)
        if self.same is not None and self.different is not None:
            raise DataError("The filter follows has both same and different.", remedy="Give one of them, or use two filters.")

    def case_predicate(self, stage: Stage) -> str:
        """See `Filter.case_predicate`."""
        in_order = stage.variants(self._in_order(), self.source, self.target)
        found = f"c.variant_id in ({in_order})"
        if self.same is not None or self.different is not None:
            found += f" and c.case_id in ({self._by_value(stage)})"
        elif self.minimum is not None or self.maximum is not None:
            found += f" and c.case_no in ({self._by_time(stage, in_order)})"
        return inverted(found, (self.mode != "never") == self.keep)

    def _in_order(self) -> str:
        """What the variant must be like, whatever the times."""
        if self.mode == "directly":
            steps = "list_filter(range(1, len(ids)), lambda i: list_contains(a1, ids[i]) and list_contains(a2, ids[i + 1]))"
            return f"len({steps}) > 0"
        first = "list_min(list_filter(range(1, len(ids) + 1), lambda i: list_contains(a1, ids[i])))"
        last = "list_max(list_filter(range(1, len(ids) + 1), lambda i: list_contains(a2, ids[i])))"
        return f"coalesce({first} < {last}, false)"

    def _by_time(self, stage: Stage, in_order: str) -> str:
        """The numbers of the cases with a pair within the limits, from the layout."""
        source, target = (_ids(stage, names) for names in (self.source, self.target))
        if self.mode == "directly":
            gap = between("e.seconds_to_next", self.minimum, self.maximum)
            pairs = f"e.activity_id in ({source}) and e.next_activity in ({target}) and {gap}"
            return f"select e.case_no from {stage.layout.events} as e where {pairs}"
        cases = f"select c.case_no from {stage.cases} as c where c.variant_id in ({in_order})"
        if self.maximum is not None:  # what comes in time cannot come before the next event
            soon = f"e.activity_id in ({source}) and e.seconds_to_next <= {literal(self.maximum)}"
            cases += f" and c.case_no in (select e.case_no from {stage.layout.events} as e where {soon})"
        events = (
            f"select e.case_no, a.is_source, a.is_target, {_KEY} as key, {_POSITION} as position from {stage.layout.events} as e "
            f"join ({_roles(stage.layout.activities, self.source, self.target)}) as a using (activity_id) "
            f"where e.case_no in ({cases})"
        )
        counted = f"select *, count(*) filter (where is_source) over ({self._window('case_no')}) as sources from ({events})"
        return f"select case_no from ({counted}) where is_target and sources > 0"

    def _by_value(self, stage: Stage) -> str:
        """The ids of the cases with a pair of the same or of different values, and within the limits."""
        value, _ = stage.column(self.same or self.different or "")
        roles = f"e.activity in ({literals(self.source)}) as is_source, e.activity in ({literals(self.target)}) as is_target"
        events = (
            f"select e.case_id, {value} as value, {roles}, {_KEY} as key, {_POSITION} as position, e.occurred_at, e.source_row "
            f"from ({stage.source}) as e"
        )
        if self.mode == "directly":
            return self._next_by_value(events)
        named = f"select * from ({events}) where (is_source or is_target) and value is not null"
        parts = "case_id, value" if self.same else "case_id"
        window = self._window(parts)
        if self.same:
            met = f"count(*) filter (where is_source) over ({window}) > 0"
        else:
            least, most = (f"{which}(value) filter (where is_source) over ({window})" for which in ("min", "max"))
            met = f"({least} <> value or {most} <> value)"
        return f"select case_id from (select case_id, is_target, {met} as met from ({named})) where is_target and met"

    def _next_by_value(self, events: str) -> str:
        following = "over (partition by case_id order by occurred_at, source_row)"
        nexts = ", ".join(f"lead({column}) {following} as next_{column}" for column in ("value", "is_target", "occurred_at"))
        gap = between("((epoch_us(next_occurred_at) - epoch_us(occurred_at)) / 1e6)", self.minimum, self.maximum)
        compared = f"value {'=' if self.same else '<>'} next_value"
        return (
            f"select case_id from (select *, {nexts} from ({events})) where is_source and next_is_target and {compared} and {gap}"
        )

    def _window(self, parts: str) -> str:
        """The earlier events of the case that lie within the limits of this one."""
        low = _microseconds(self.minimum or 0)
        since = "unbounded" if self.maximum is None else f"({_microseconds(self.maximum)} * {_ROWS}::hugeint + position)"
        until = f"({low} * {_ROWS}::hugeint + position - {_ROWS - 1}::hugeint)" if low else "1::hugeint"
        return f"partition by {parts} order by key range between {since} preceding and {until} preceding"


@dataclass(frozen=True)
class Path(Filter):
    """Cases that take a path: these activities one after the other, directly or with others between.

    Args:
        steps: At least two; each an activity, several of which one will do, or None for any one activity.
        mode: directly (nothing between) or eventually.
        from_start: The path begins with the case's first event.
        to_end: The path ends with the case's last event.
        keep: False keeps the other cases.
    """

    steps: tuple[str | tuple[str, ...] | None, ...]
    mode: Literal["directly", "eventually"] = "directly"
    from_start: bool = False
    to_end: bool = False
    keep: bool = True
    name = "path"

    def __post_init__(self) -> None:
        choose(self, "mode", ("directly", "eventually"))
        for flag in ("from_start", "to_end", "keep"):
            check_flag(self, flag)
        steps = self.steps if isinstance(self.steps, list | tuple) else ()
        if len(steps) < 2:
            raise DataError("A path has at least two steps.", remedy="For one activity use endpoints or attribute.")
        told = tuple(step if step is None or isinstance(step, str) else texts(step, "steps") for step in steps)
        object.__setattr__(self, "steps", told)

    def case_predicate(self, stage: Stage) -> str:
        """See `Filter.case_predicate`."""
        condition = self._directly() if self.mode == "directly" else self._eventually()
        sets = [texts(step, "steps") if step is not None else () for step in self.steps]
        return inverted(stage.variants_where(condition, *sets), self.keep)

    def _step(self, number: int, activity: str) -> str:
        return "true" if self.steps[number - 1] is None else f"list_contains(a{number}, {activity})"

    def _directly(self) -> str:
        count = len(self.steps)
        steps = " and ".join(self._step(number, f"ids[i + {number - 1}]") for number in range(1, count + 1))
        places = ["i = 1"] * self.from_start + [f"i = len(ids) - {count - 1}"] * self.to_end + [steps]
        found = f"list_filter(range(1, len(ids) - {count - 2}), lambda i: {' and '.join(places)})"
        return f"len(ids) >= {count} and len({found}) > 0"

    def _eventually(self) -> str:
        """Takes each step at its first chance, which finds a path wherever there is one."""
        count = len(self.steps)
        ladder = "".join(f" when {number - 1} then {self._step(number, 'id')}" for number in range(1, count + 1))
        taken = f"list_reduce(ids, lambda done, id: done + (case done{ladder} else false end)::integer, 0::integer)"
        ends = [f"{self._step(1, 'ids[1]')}"] * self.from_start + [f"{self._step(count, 'ids[-1]')}"] * self.to_end
        return " and ".join([f"len(ids) >= {count}", f"{taken} = {count}", *ends])


@dataclass(frozen=True)
class Performance(Filter):
    """Cases by the seconds from one activity to another.

    Cases that lack one of them, or have the target before the source, are dropped.

    Args:
        source: Activities; None stands for the case's start.
        target: Activities; None stands for the case's end.
        minimum: Seconds at least.
        maximum: Seconds at most.
        source_at: Which of the sources, the first or the last of the case.
        target_at: Which of the targets.
    """

    source: tuple[str, ...] | None = None
    target: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    source_at: Literal["first", "last"] = "first"
    target_at: Literal["first", "last"] = "last"
    name = "performance"

    def __post_init__(self) -> None:
        check_numbers(self, "minimum", "maximum")
        set_texts(self, "source", "target")
        for end in ("source_at", "target_at"):
            choose(self, end, ("first", "last"))

    def case_predicate(self, stage: Stage) -> str:
        """See `Filter.case_predicate`."""
        start = self._moment(stage, self.source, self.source_at) if self.source is not None else "min(e.occurred_at)"
        end = self._moment(stage, self.target, self.target_at) if self.target is not None else "max(e.occurred_at)"
        took = f"((epoch_us({end}) - epoch_us({start})) / 1e6)"
        met = f"{took} >= 0 and {between(took, self.minimum, self.maximum)}"
        named = (
            ""
            if self.source is None or self.target is None
            else f" where e.activity_id in ({_ids(stage, (*self.source, *self.target))})"
        )
        return f"c.case_no in (select e.case_no from {stage.layout.events} as e{named} group by e.case_no having {met})"

    @staticmethod
    def _moment(stage: Stage, names: tuple[str, ...], which: str) -> str:
        return f"{'min' if which == 'first' else 'max'}(e.occurred_at) filter (where e.activity_id in ({_ids(stage, names)}))"


@dataclass(frozen=True)
class Rework(Filter):
    """Cases that do an activity several times.

    Counted are, by `kind`: any, its occurrences; self_loop, one and how often it follows directly upon itself; return, the
    stretches of it that others part, so that twice means the case came back to it once.

    Args:
        activities: One of which must be done so often; None for any activity.
        minimum: How often at least, 1 or more.
        maximum: How often at most.
        kind: See above.
        keep: False keeps the other cases.
    """

    activities: tuple[str, ...] | None = None
    minimum: int = 2
    maximum: int | None = None
    kind: Literal["any", "self_loop", "return"] = "any"
    keep: bool = True
    name = "rework"

    def __post_init__(self) -> None:
        choose(self, "kind", ("any", "self_loop", "return"))
        check_flag(self)
        check_numbers(self, "minimum", "maximum", least=1)
        set_texts(self, "activities")

    def case_predicate(self, stage: Stage) -> str:
        """See `Filter.case_predicate`."""
        counted = {"any": "count(*)", "return": "count(*) filter (is_new)", "self_loop": "count(*) filter (not is_new) + 1"}
        placed = (
            "select variant_id, id, id is distinct from ids[position - 1] as is_new from (select variant_id, activity_ids as ids, "
            "unnest(activity_ids) as id, unnest(range(1, len(activity_ids) + 1)) as position "
            f"from {stage.layout.variants})"
        )
        named = "" if self.activities is None else f" where id in ({_ids(stage, self.activities)})"
        often = between(f"({counted[self.kind]})", self.minimum, self.maximum)
        found = f"select variant_id from ({placed}){named} group by variant_id, id having {often}"
        return inverted(f"c.variant_id in ({found})", self.keep)


@dataclass(frozen=True)
class Trim(Filter):
    """The events of each case from one activity to another, both included; nothing of a case that lacks one of them.

    Args:
        source: Activities; the first event with one is where the rest of the case begins. None: the case's start.
        target: Activities; None: the case's end.
        mode: longest ends with the last target of the case, first with the first one after the source.
    """

    source: tuple[str, ...] | None = None
    target: tuple[str, ...] | None = None
    mode: Literal["longest", "first"] = "longest"
    name = "trim"

    def __post_init__(self) -> None:
        choose(self, "mode", ("longest", "first"))
        set_texts(self, "source", "target")

    @property
    def is_of_events(self) -> bool:
        """It is."""
        return True

    def event_predicate(self, stage: Stage) -> str:
        """See `Filter.event_predicate`."""
        is_source, is_target = (self._is(names) for names in (self.source, self.target))
        begun = f"select e.case_id, e.activity, {_KEY} as key from ({stage.source}) as e"
        since = f"min(key) filter (where {is_source}) over (partition by case_id)"
        ends = f"{'min' if self.mode == 'first' else 'max'}(key) filter (where {is_target} and key > since)"
        ends = "max(key)" if self.target is None else ends
        bounds = (
            f"select case_id, any_value(since) as since, {ends} as until "
            f"from (select *, {since} as since from ({begun})) group by case_id"
        )
        inside = f"{_KEY} >= b.since and {_KEY} <= b.until"
        return f"coalesce((select {inside} from ({bounds}) as b where b.case_id = e.case_id), false)"

    @staticmethod
    def _is(names: tuple[str, ...] | None) -> str:
        return "true" if names is None else f"activity in ({literals(names)})"


_POSITION = f"(e.source_row::hugeint + {_MIDDLE}::hugeint)"
_KEY = f"(epoch_us(e.occurred_at)::hugeint * {_ROWS}::hugeint + e.source_row::hugeint + {_MIDDLE}::hugeint)"


def _microseconds(seconds: float) -> int:
    return round(seconds * 1_000_000)


def _ids(stage: Stage, names: tuple[str, ...]) -> str:
    return f"select activity_id from {stage.layout.activities} where activity in ({literals(names)})"


def _roles(activities: str, source: tuple[str, ...], target: tuple[str, ...]) -> str:
    """Which activities are sources, targets or both."""
    is_source, is_target = (f"activity in ({literals(names)})" for names in (source, target))
    return (
        f"select activity_id, {is_source} as is_source, {is_target} as is_target from {activities} where {is_source} or {is_target}"
    )
