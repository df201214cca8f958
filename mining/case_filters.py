"""Filters of cases by when they happen, their variant, their ends, size, id, state or chance.

What belongs here: filters that need neither attributes nor the order within a case, and those that put others together. What
does not: `mining.attribute_filters`, `mining.order_filters` and applying filters in order (`mining.event_log`).
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from lake.errors import DataError
from mining.filter_base import (
    Filter,
    Stage,
    between,
    check_flag,
    check_numbers,
    choose,
    inverted,
    set_moments,
    set_texts,
    texts,
)
from mining.sql_text import literal, literals


@dataclass(frozen=True)
class Timeframe(Filter):
    """Cases by when they happen, or with `trim` the events within the time; both ends belong to it, None is open.

    contained: all of the case lies within. intersecting: some of the time from its first to its last event does. started,
    completed: its first, its last event does. trim: keeps the events within and nothing of a case without any.
    `intersecting` with one moment as start and end keeps the cases active then.
    """

    start: datetime | None = None
    end: datetime | None = None
    mode: Literal["contained", "intersecting", "started", "completed", "trim"] = "contained"
    name = "timeframe"

    def __post_init__(self) -> None:
        choose(self, "mode", ("contained", "intersecting", "started", "completed", "trim"))
        set_moments(self, "start", "end")

    @property
    def is_of_events(self) -> bool:
        """Only `trim` is."""
        return self.mode == "trim"

    def case_predicate(self, stage: Stage) -> str:
        """See `Filter.case_predicate`."""
        columns = {
            "contained": ("c.started_at", "c.ended_at"),
            "intersecting": ("c.ended_at", "c.started_at"),
            "started": ("c.started_at", "c.started_at"),
            "completed": ("c.ended_at", "c.ended_at"),
        }
        return self._within(*columns[self.mode])

    def event_predicate(self, stage: Stage) -> str:
        """See `Filter.event_predicate`."""
        return self._within("e.occurred_at", "e.occurred_at")

    def _within(self, after: str, before: str) -> str:
        bounds = [f"{after} >= {literal(self.start)}"] if self.start else []
        bounds += [f"{before} <= {literal(self.end)}"] if self.end else []
        return " and ".join(bounds) or "true"


@dataclass(frozen=True)
class Variants(Filter):
    """Cases of certain variants: the `top` most frequent, the fewest that cover a share of the cases, those named, or by cases.

    Args:
        top: How many, most frequent first.
        coverage: Share of cases to cover at least, above 0 and up to 1.
        activities: The variants themselves, each a sequence of activities.
        minimum: Cases the variant has at least.
        maximum: Cases the variant has at most.
        keep: False drops those cases and keeps the others.
    """

    top: int | None = None
    coverage: float | None = None
    activities: tuple[tuple[str, ...], ...] | None = None
    minimum: int | None = None
    maximum: int | None = None
    keep: bool = True
    name = "variants"

    def __post_init__(self) -> None:
        check_flag(self)
        check_numbers(self, "top", "coverage", "minimum", "maximum", least=0)
        ranges = self.minimum is not None or self.maximum is not None
        if sum((self.top is not None, self.coverage is not None, self.activities is not None, ranges)) != 1:
            raise DataError(
                "A variants filter needs one of top, coverage, activities and a number of cases.",
                remedy="Give exactly one of them.",
            )
        if self.activities is not None:
            object.__setattr__(self, "activities", tuple(texts(names, "activities") for names in self.activities))

    def case_predicate(self, stage: Stage) -> str:
        """See `Filter.case_predicate`."""
        return inverted(self._named(stage) if self.activities is not None else self._most_frequent(stage), self.keep)

    def _named(self, stage: Stage) -> str:
        lists = " or ".join(f"a.names = [{literals(names)}]" for names in self.activities or () if names) or "false"
        return f"""c.variant_id in (select v.variant_id from {stage.layout.variants} as v, (select variant_id, list_transform(
            activity_ids, lambda id: n.names[id]) as names from {stage.layout.variants}, (select list(activity order by activity_id)
            as names from {stage.layout.activities}) as n) as a where a.variant_id = v.variant_id and ({lists}))"""

    def _most_frequent(self, stage: Stage) -> str:
        most_first = "over (order by count(*) desc, variant_id)"
        variants = f"c.variant_id in (select variant_id from {stage.cases} group by variant_id"
        if self.minimum is not None or self.maximum is not None:
            return f"{variants} having {between('count(*)', self.minimum, self.maximum)})"
        if self.top is not None:
            condition = f"row_number() {most_first} <= {int(self.top)}"
        else:  # the cases before this variant do not cover enough yet
            share = literal(float(self.coverage or 0))
            condition = f"(sum(count(*)) {most_first} - count(*)) / sum(count(*)) over () < {share}"
        return f"{variants} qualify {condition})"


@dataclass(frozen=True)
class Endpoints(Filter):
    """Cases that start with one of `starts` and end with one of `ends`; None leaves that end open."""

    starts: tuple[str, ...] | None = None
    ends: tuple[str, ...] | None = None
    keep: bool = True
    name = "endpoints"

    def __post_init__(self) -> None:
        check_flag(self)
        set_texts(self, "starts", "ends")

    def case_predicate(self, stage: Stage) -> str:
        """See `Filter.case_predicate`."""
        starts = "true" if self.starts is None else "list_contains(a1, ids[1])"
        ends = "true" if self.ends is None else "list_contains(a2, ids[-1])"
        return inverted(stage.variants_where(f"{starts} and {ends}", self.starts or (), self.ends or ()), self.keep)


@dataclass(frozen=True)
class Duration(Filter):
    """Cases that take between `minimum` and `maximum` seconds from first to last event, both included; None is open."""

    minimum: float | None = None
    maximum: float | None = None
    name = "duration"

    def __post_init__(self) -> None:
        check_numbers(self, "minimum", "maximum")

    def case_predicate(self, stage: Stage) -> str:
        """See `Filter.case_predicate`."""
        return between("((epoch_us(c.ended_at) - epoch_us(c.started_at)) / 1e6)", self.minimum, self.maximum)


@dataclass(frozen=True)
class Length(Filter):
    """Cases of between `minimum` and `maximum` events, both included; None is open."""

    minimum: int | None = None
    maximum: int | None = None
    name = "length"

    def __post_init__(self) -> None:
        check_numbers(self, "minimum", "maximum", least=0)

    def case_predicate(self, stage: Stage) -> str:
        """See `Filter.case_predicate`."""
        return between("c.events", self.minimum, self.maximum)


@dataclass(frozen=True)
class Cases(Filter):
    """Cases by their ids."""

    ids: tuple[str, ...]
    keep: bool = True
    name = "cases"

    def __post_init__(self) -> None:
        check_flag(self)
        set_texts(self, "ids")

    def case_predicate(self, stage: Stage) -> str:
        """See `Filter.case_predicate`."""
        return inverted(f"c.case_id in ({literals(self.ids)})" if self.ids else "false", self.keep)


@dataclass(frozen=True)
class Sample(Filter):
    """Some cases by chance, always the same ones: a share of them, or so many.

    A case's lot is the lower half of the MD5 of seed, colon and case id, a number below 2^64: a new load changes nothing for the
    cases there were, and a share of a filtered log is the filtered share.

    Args:
        share: Keeps a case with this probability, above 0 and up to 1.
        cases: Keeps that many, or all if there are fewer.
        seed: Another seed draws other cases.
    """

    share: float | None = None
    cases: int | None = None
    seed: int = 0
    name = "sample"

    def __post_init__(self) -> None:
        check_numbers(self, "share", "cases", "seed", least=0)
        if (self.share is None) == (self.cases is None) or (self.share is not None and not 0 < self.share <= 1):
            raise DataError("A sample needs a share above 0 and up to 1, or a number of cases.", remedy="Give exactly one of them.")

    def case_predicate(self, stage: Stage) -> str:
        """See `Filter.case_predicate`."""
        lot = f"md5_number_lower('{int(self.seed)}:' || c.case_id)"
        if self.share is not None:
            return f"{lot} <= {min(int(self.share * 2**64), 2**64 - 1)}::ubigint"
        drawn = f"select c.case_no from {stage.cases} as c order by {lot}, c.case_id limit {int(self.cases or 0)}"
        return f"c.case_no in ({drawn})"


@dataclass(frozen=True)
class State(Filter):
    """Cases whose latest event at a moment is one of these activities; with keep=False, those that had another by then.

    With the activities that end a case and keep=False these are the cases open at that moment. A case that has not begun by then
    is in no state.

    Args:
        activities: What the cases did last.
        at: The moment; None asks for the end of the log.
        keep: See above.
    """

    activities: tuple[str, ...]
    at: datetime | None = None
    keep: bool = True
    name = "state"

    def __post_init__(self) -> None:
        check_flag(self)
        set_moments(self, "at")
        set_texts(self, "activities")

    def case_predicate(self, stage: Stage) -> str:
        """See `Filter.case_predicate`."""
        if self.at is None:
            return inverted(stage.variants_where("list_contains(a1, ids[-1])", self.activities), self.keep)
        at, next_at = f"epoch_us({literal(self.at)})", "epoch_us(e.occurred_at) + round(e.seconds_to_next * 1e6)::bigint"
        ids = f"(select activity_id from {stage.layout.activities} where activity in ({literals(self.activities)}))"
        latest = f"epoch_us(e.occurred_at) <= {at} and (e.next_activity is null or {next_at} > {at})"
        known = f"e.activity_id {'in' if self.keep else 'not in'} {ids}"
        return f"c.case_no in (select e.case_no from {stage.layout.events} as e where {latest} and {known})"


@dataclass(frozen=True)
class AnyOf(Filter):
    """Cases that at least one of these filters of cases keeps."""

    filters: tuple[Filter, ...]
    name = "any_of"

    def __post_init__(self) -> None:
        object.__setattr__(self, "filters", tuple(self.filters))
        if not self.filters or not all(isinstance(part, Filter) and not part.is_of_events for part in self.filters):
            raise DataError(
                "any_of needs filters, and only such as keep whole cases.", remedy="Put filters of events in front of it."
            )

    def case_predicate(self, stage: Stage) -> str:
        """See `Filter.case_predicate`."""
        return " or ".join(f"({part.case_predicate(stage)})" for part in self.filters)


@dataclass(frozen=True)
class AllBut(Filter):
    """Cases that these filters of cases, applied one after the other, do not keep: the rest of the log."""

    filters: tuple[Filter, ...]
    name = "all_but"

    def __post_init__(self) -> None:
        object.__setattr__(self, "filters", tuple(self.filters))
        if not self.filters or not all(isinstance(part, Filter) and not part.is_of_events for part in self.filters):
            raise DataError(
                "all_but needs filters, and only such as keep whole cases.", remedy="Put filters of events in front of it."
            )

    def case_predicate(self, stage: Stage) -> str:
        """See `Filter.case_predicate`."""
        cases = stage.cases
        for part in self.filters:
            cases = f"(select c.* from {cases} as c where {part.case_predicate(replace(stage, cases=cases))})"
        return f"c.case_no not in (select c.case_no from {cases} as c)"
