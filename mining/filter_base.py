"""What all filters share: the stage they are applied to, their JSON form, and the checks of their settings.

What belongs here: the base class, `Stage` and helpers of several filters. What does not: what any one filter means
(`mining.case_filters`, `mining.attribute_filters`, `mining.order_filters`) and the list of them (`mining.filters`).

A filter either keeps whole cases (`case_predicate`, about a row `c` of the log's cases) or keeps events within cases
(`event_predicate`, about a row `e` of the log's events); it has exactly one of the two.
"""

from collections.abc import Iterable
from dataclasses import Field, dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar

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
    types: tuple[str, ...]

    def variants_where(self, condition: str, *activity_sets: Iterable[str]) -> str:
        """Predicate «the case's variant meets the condition» on `ids` (its activity ids) and `a1`, `a2` … (the sets' ids)."""
        return f"c.variant_id in ({self.variants(condition, *activity_sets)})"

    def variants(self, condition: str, *activity_sets: Iterable[str]) -> str:
        """The query behind `variants_where`: the ids of the variants that meet the condition."""
        sets = "".join(
            f", (select coalesce(list(activity_id), []) as a{number} from {self.layout.activities} "
            f"where activity in ({literals(names)})) as set_{number}"
            for number, names in enumerate(activity_sets, start=1)
        )
        inner = f"(select variant_id, activity_ids as ids from {self.layout.variants}) as v{sets}"
        return f"select v.variant_id from {inner} where {condition}"

    def column(self, name: str) -> tuple[str, str]:
        """An attribute of event `e` as SQL, and its type.

        Raises:
            DataError: The log has no such column; the message lists those it has.
        """
        if name not in self.columns:
            raise DataError(f"The event log has no attribute `{name}`.", remedy=f"It has: {', '.join(self.columns)}.", column=name)
        return f"e.{quote(name)}", self.types[self.columns.index(name)]


class Filter:
    """What all filters share: a name, and a JSON form made of it and the fields that differ from their defaults."""

    name: ClassVar[str]

    @property
    def is_of_events(self) -> bool:
        """Whether it keeps events within cases; else it keeps whole cases."""
        return False

    def case_predicate(self, stage: Stage) -> str:
        """SQL about case `c`, of a filter of cases."""
        raise NotImplementedError

    def event_predicate(self, stage: Stage) -> str:
        """SQL about event `e`, of a filter of events."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """The filter as JSON can hold it."""
        told = {part.name: getattr(self, part.name) for part in settings_of(type(self)) if getattr(self, part.name) != part.default}
        return {"filter": self.name, **{name: _plain(value) for name, value in told.items()}}


def settings_of(kind: type[Filter]) -> tuple[Field[Any], ...]:
    """The settings of a kind of filter: its fields."""
    return fields(kind)  # type: ignore[arg-type]  # every filter is a dataclass, the shared class alone is not


def inverted(predicate: str, keep: bool) -> str:
    """The predicate, or what it leaves out."""
    return predicate if keep else f"not ({predicate})"


def between(value: str, minimum: object, maximum: object) -> str:
    """«The value lies within the bounds», both included; None is open."""
    bounds = [f"{value} >= {literal(minimum)}"] if minimum is not None else []
    bounds += [f"{value} <= {literal(maximum)}"] if maximum is not None else []
    return " and ".join(bounds) or "true"


def choose(part: Any, setting: str, choices: tuple[str, ...]) -> None:
    """Refuses a setting that is none of the choices."""
    if getattr(part, setting) not in choices:
        raise DataError(
            f"The filter {part.name} has no {setting} {getattr(part, setting)!r}.", remedy=f"Use one of {', '.join(choices)}."
        )


def check_numbers(part: Any, *settings: str, least: float | None = None) -> None:
    """Refuses settings that are neither None nor numbers, or are below the least."""
    for setting in settings:
        value = getattr(part, setting)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value != value):
            raise DataError(f"{setting} of the filter {part.name} must be a number, not {value!r}.", remedy="Give a number.")
        if value is not None and least is not None and value < least:
            raise DataError(f"{setting} of the filter {part.name} is {value}.", remedy=f"Give at least {least:g}.")


def check_flag(part: Any, setting: str = "keep") -> None:
    """Refuses a setting that is neither true nor false."""
    if not isinstance(getattr(part, setting), bool):
        raise DataError(f"{setting} of the filter {part.name} is {getattr(part, setting)!r}.", remedy="Use true or false.")


def moment(value: datetime | date | str | None, part: Any, setting: str) -> datetime | None:
    """A setting as a moment; one without a zone is taken as UTC."""
    try:
        read = datetime.fromisoformat(value.isoformat() if isinstance(value, date) else value) if value is not None else None
    except (ValueError, TypeError) as error:
        raise DataError(
            f"The {part.name}'s {setting} {value!r} is no time.", remedy="Write it like 2024-01-31T08:00:00Z."
        ) from error
    return read.replace(tzinfo=UTC) if read is not None and read.tzinfo is None else read


def set_moments(part: Any, *settings: str) -> None:
    """Makes moments of settings."""
    for setting in settings:
        object.__setattr__(part, setting, moment(getattr(part, setting), part, setting))


def set_texts(part: Any, *settings: str, needed: bool = False) -> None:
    """Makes tuples of names of settings; None stays None unless a name is needed."""
    for setting in settings:
        value = getattr(part, setting)
        object.__setattr__(part, setting, texts(value, setting) if value is not None or needed else None)
        if needed and not getattr(part, setting):
            raise DataError(f"The filter {part.name} names no {setting}.", remedy=f"Give {setting} an activity's name.")


def texts(value: Any, setting: str) -> tuple[str, ...]:
    """Names as a tuple; one may stand alone."""
    names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list | tuple | set | frozenset) else (value,)
    if not all(isinstance(name, str) for name in names):
        raise DataError(f"{setting} must be activities, not {names!r}.", remedy="Give their names as text.")
    return names


def plain_value(value: Any) -> Any:
    """A value to compare with, as JSON can hold it."""
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Filter):
        return value.to_json()
    if isinstance(value, datetime):
        return value.isoformat()
    return [_plain(part) for part in value] if isinstance(value, tuple) else value
