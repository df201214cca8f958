"""Filters over an event log: small frozen values with a JSON form, each compiled to one SQL predicate.

What belongs here: what each filter means. What does not: applying them in order (`mining.event_log`).

A filter either keeps whole cases (`case_predicate`, about a row `c` of the log's cases) or keeps events within cases
(`event_predicate`, about a row `e` of the log's events); it has exactly one of the two. Filters are applied in the order they
are given: each sees what the ones before it left.
"""

from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, fields
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

from lake.connection import quote
from lake.errors import DataError
from mining.layout import Layout
from mining.sql_text import literal, literals


@dataclass(frozen=True)
class Stage:
    """What a predicate may name: the layout's tables, the cases left so far and the relation the events came from."""

    layout: Layout
    cases: str
    source: str
    columns: tuple[str, ...]

    def variants_where(self, condition: str, *activity_sets: Iterable[str]) -> str:
        """Predicate «the case's variant meets the condition» on `ids` (its activity ids) and `a1`, `a2` … (the sets' ids)."""
        sets = "".join(
            f", (select coalesce(list(activity_id), []) as a{number} from {self.layout.activities} "
            f"where activity in ({literals(names)})) as set_{number}"
            for number, names in enumerate(activity_sets, start=1)
        )
        inner = f"(select variant_id, activity_ids as ids from {self.layout.variants}) as v{sets}"
        return f"c.variant_id in (select v.variant_id from {inner} where {condition})"


class Filter:
    """What all filters share: a name, and a JSON form made of it and the fields that differ from their defaults."""

    name: ClassVar[str]

    def case_predicate(self, stage: Stage) -> str | None:
        """SQL about case `c`, or None for a filter of events."""
        return self._cases(stage)

    def event_predicate(self, stage: Stage) -> str | None:
        """SQL about event `e`, or None for a filter of cases."""
        return self._events(stage)

    def to_json(self) -> dict[str, Any]:
        """The filter as JSON can hold it."""
        told = {part.name: getattr(self, part.name) for part in _settings(type(self)) if getattr(self, part.name) != part.default}
        return {"filter": self.name, **{name: _plain(value) for name, value in told.items()}}

    def _cases(self, stage: Stage) -> str | None:
        return None

    def _events(self, stage: Stage) -> str | None:
        return None


@dataclass(frozen=True)
class Timeframe(Filter):
    """Cases by when they happen, or with `trim` the events within the time; both ends belong to it, None is open.

    contained: all of the case lies within. intersecting: some of the time from its first to its last event does. started,
    completed: its first, its last event does. trim: keeps the events within and nothing of a case without any.
    """

    start: datetime | None = None
    end: datetime | None = None
    mode: Literal["contained", "intersecting", "started", "completed", "trim"] = "contained"
    name = "timeframe"

    def __post_init__(self) -> None:
        _choice(self, "mode", ("contained", "intersecting", "started", "completed", "trim"))
        for part in ("start", "end"):
            object.__setattr__(self, part, _moment(getattr(self, part), part))

    def _cases(self, stage: Stage) -> str | None:
        columns = {
            "contained": ("c.started_at", "c.ended_at"),
            "intersecting": ("c.ended_at", "c.started_at"),
            "started": ("c.started_at", "c.started_at"),
            "completed": ("c.ended_at", "c.ended_at"),
        }
        return None if self.mode == "trim" else self._within(*columns[self.mode])

    def _events(self, stage: Stage) -> str | None:
        return self._within("e.occurred_at", "e.occurred_at") if self.mode == "trim" else None

    def _within(self, after: str, before: str) -> str:
        bounds = [f"{after} >= {literal(self.start)}"] if self.start else []
        bounds += [f"{before} <= {literal(self.end)}"] if self.end else []
        return " and ".join(bounds) or "true"


@dataclass(frozen=True)
class Variants(Filter):
    """Cases of certain variants: the `top` most frequent, the fewest that cover a share of the cases, or those named.

    Args:
        top: How many, most frequent first.
        coverage: Share of cases to cover at least, above 0 and up to 1.
        activities: The variants themselves, each a sequence of activities.
        keep: False drops those cases and keeps the others.
    """

    top: int | None = None
    coverage: float | None = None
    activities: tuple[tuple[str, ...], ...] | None = None
    keep: bool = True
    name = "variants"

    def __post_init__(self) -> None:
        if sum(given is not None for given in (self.top, self.coverage, self.activities)) != 1:
            raise DataError("A variants filter needs one of top, coverage and activities.", remedy="Give exactly one of them.")
        if self.activities is not None:
            object.__setattr__(self, "activities", tuple(_texts(names, "activities") for names in self.activities))

    def _cases(self, stage: Stage) -> str:
        return _kept(self._named(stage) if self.activities is not None else self._most_frequent(stage), self.keep)

    def _named(self, stage: Stage) -> str:
        lists = " or ".join(f"a.names = [{literals(names)}]" for names in self.activities or () if names) or "false"
        return f"""c.variant_id in (select v.variant_id from {stage.layout.variants} as v, (select variant_id, list_transform(
            activity_ids, lambda id: n.names[id]) as names from {stage.layout.variants}, (select list(activity order by activity_id)
            as names from {stage.layout.activities}) as n) as a where a.variant_id = v.variant_id and ({lists}))"""

    def _most_frequent(self, stage: Stage) -> str:
        most_first = "over (order by count(*) desc, variant_id)"
        if self.top is not None:
            condition = f"row_number() {most_first} <= {int(self.top)}"
        else:  # the cases before this variant do not cover enough yet
            share = literal(float(self.coverage or 0))
            condition = f"(sum(count(*)) {most_first} - count(*)) / sum(count(*)) over () < {share}"
        return f"c.variant_id in (select variant_id from {stage.cases} group by variant_id qualify {condition})"


@dataclass(frozen=True)
class Endpoints(Filter):
    """Cases that start with one of `starts` and end with one of `ends`; None leaves that end open."""

    starts: tuple[str, ...] | None = None
    ends: tuple[str, ...] | None = None
    keep: bool = True
    name = "endpoints"

    def __post_init__(self) -> None:
        _normalise_texts(self, "starts", "ends")

    def _cases(self, stage: Stage) -> str:
        starts = "true" if self.starts is None else "list_contains(a1, ids[1])"
        ends = "true" if self.ends is None else "list_contains(a2, ids[-1])"
        return _kept(stage.variants_where(f"{starts} and {ends}", self.starts or (), self.ends or ()), self.keep)


@dataclass(frozen=True)
class Attribute(Filter):
    """Cases or events by the values of a column of the case view; None among the values stands for «no value».

    keep: keeps the events with such a value. mandatory: keeps the cases that have one. forbidden: the cases that have none.

    Args:
        column: Name of the column.
        values: The values, or none to use the bounds alone.
        mode: See above.
        minimum: Smallest value, itself included.
        maximum: Largest value, itself included.
    """

    column: str
    values: tuple[Any, ...] = ()
    mode: Literal["keep", "mandatory", "forbidden"] = "mandatory"
    minimum: Any = None
    maximum: Any = None
    name = "attribute"

    def __post_init__(self) -> None:
        _choice(self, "mode", ("keep", "mandatory", "forbidden"))
        object.__setattr__(self, "values", tuple(self.values))

    def _cases(self, stage: Stage) -> str | None:
        matches = self._matches(stage)
        if self.mode == "keep":
            return None
        return _kept(f"c.case_id in (select e.case_id from ({stage.source}) as e where {matches})", self.mode == "mandatory")

    def _events(self, stage: Stage) -> str | None:
        return self._matches(stage) if self.mode == "keep" else None

    def _matches(self, stage: Stage) -> str:
        if self.column not in stage.columns:
            raise DataError(
                f"The event log has no attribute `{self.column}`.",
                remedy=f"It has: {', '.join(stage.columns)}.",
                column=self.column,
            )
        column, named = f"e.{quote(self.column)}", [value for value in self.values if value is not None]
        choices = [f"{column} in ({literals(named)})"] if named else []
        choices += [f"{column} is null"] if None in self.values else []
        bounds = [f"{column} >= {literal(self.minimum)}"] if self.minimum is not None else []
        bounds += [f"{column} <= {literal(self.maximum)}"] if self.maximum is not None else []
        parts = ([f"({' or '.join(choices)})"] if choices else []) + bounds
        return f"coalesce({' and '.join(parts)}, false)" if parts else "false"


@dataclass(frozen=True)
class Follows(Filter):
    """Cases in which a `target` comes after a `source`: as the very next event, at any time later, or never."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    mode: Literal["directly", "eventually", "never"] = "eventually"
    name = "follows"

    def __post_init__(self) -> None:
        _choice(self, "mode", ("directly", "eventually", "never"))
        _normalise_texts(self, "source", "target")

    def _cases(self, stage: Stage) -> str:
        if self.mode == "directly":
            steps = "list_filter(range(1, len(ids)), lambda i: list_contains(a1, ids[i]) and list_contains(a2, ids[i + 1]))"
            return stage.variants_where(f"len({steps}) > 0", self.source, self.target)
        first = "list_min(list_filter(range(1, len(ids) + 1), lambda i: list_contains(a1, ids[i])))"
        last = "list_max(list_filter(range(1, len(ids) + 1), lambda i: list_contains(a2, ids[i])))"
        found = stage.variants_where(f"coalesce({first} < {last}, false)", self.source, self.target)
        return _kept(found, self.mode == "eventually")


@dataclass(frozen=True)
class Duration(Filter):
    """Cases that take between `minimum` and `maximum` seconds from first to last event, both included; None is open."""

    minimum: float | None = None
    maximum: float | None = None
    name = "duration"

    def _cases(self, stage: Stage) -> str:
        return _between("((epoch_us(c.ended_at) - epoch_us(c.started_at)) / 1e6)", self.minimum, self.maximum)


@dataclass(frozen=True)
class Length(Filter):
    """Cases of between `minimum` and `maximum` events, both included; None is open."""

    minimum: int | None = None
    maximum: int | None = None
    name = "length"

    def _cases(self, stage: Stage) -> str:
        return _between("c.events", self.minimum, self.maximum)


KINDS: dict[str, type[Filter]] = {
    kind.name: kind for kind in (Timeframe, Variants, Endpoints, Attribute, Follows, Duration, Length)
}


def filters_to_json(filters: Iterable[Filter]) -> list[dict[str, Any]]:
    """A filter stack as JSON can hold it, in its order."""
    return [part.to_json() for part in filters]


def filters_from_json(stack: Iterable[Mapping[str, Any]]) -> list[Filter]:
    """The filter stack of a JSON form.

    Raises:
        DataError: No such filter, or a setting it does not have or cannot use.
    """
    return [_from_json(part) for part in stack]


def _from_json(part: Mapping[str, Any]) -> Filter:
    settings = {key: tuple(value) if isinstance(value, list) else value for key, value in part.items() if key != "filter"}
    kind = KINDS.get(str(part.get("filter")))
    if kind is None:
        raise DataError(f"There is no filter {part.get('filter')!r}.", remedy=f"Use one of {', '.join(KINDS)}.")
    try:
        return kind(**settings)
    except TypeError as error:
        known = ", ".join(part.name for part in _settings(kind))
        raise DataError(f"The filter {kind.name} cannot be read: {error}.", remedy=f"Its settings are {known}.") from error


def _settings(kind: type[Filter]) -> tuple[Field[Any], ...]:
    return fields(kind)  # type: ignore[arg-type]  # every filter is a dataclass, the shared class alone is not


def _kept(predicate: str, keep: bool) -> str:
    return predicate if keep else f"not ({predicate})"


def _between(value: str, minimum: float | None, maximum: float | None) -> str:
    bounds = [f"{value} >= {literal(minimum)}"] if minimum is not None else []
    bounds += [f"{value} <= {literal(maximum)}"] if maximum is not None else []
    return " and ".join(bounds) or "true"


def _choice(part: Any, setting: str, choices: tuple[str, ...]) -> None:
    if getattr(part, setting) not in choices:
        raise DataError(
            f"The filter {part.name} has no {setting} {getattr(part, setting)!r}.", remedy=f"Use one of {', '.join(choices)}."
        )


def _moment(value: datetime | str | None, setting: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as error:
        raise DataError(f"The timeframe's {setting} {value!r} is no time.", remedy="Write it like 2024-01-31T08:00:00Z.") from error
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _normalise_texts(part: Any, *settings: str) -> None:
    for setting in settings:
        value = getattr(part, setting)
        object.__setattr__(part, setting, None if value is None else _texts(value, setting))


def _texts(value: str | Iterable[str], setting: str) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else tuple(value)
    if not all(isinstance(name, str) for name in names):
        raise DataError(f"{setting} must be activities, not {names!r}.", remedy="Give their names as text.")
    return names


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return [_plain(part) for part in value] if isinstance(value, tuple) else value
