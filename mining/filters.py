"""Filters over an event log: small frozen values with a JSON form, each compiled to one SQL predicate.

What belongs here: the list of the filters and their JSON form. What does not: what each means (`mining.case_filters`,
`mining.attribute_filters`, `mining.order_filters`) and applying them in order (`mining.event_log`).

Filters are applied in the order they are given: each sees what the ones before it left.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from lake.errors import DataError
from mining.attribute_filters import Attribute, FourEyes
from mining.case_filters import AllBut, AnyOf, Cases, Duration, Endpoints, Length, Sample, State, Timeframe, Variants
from mining.filter_base import Filter, Stage, settings_of
from mining.order_filters import Follows, Path, Performance, Rework, Trim

__all__ = [
    "KINDS",
    "AllBut",
    "AnyOf",
    "Attribute",
    "Cases",
    "Duration",
    "Endpoints",
    "Filter",
    "Follows",
    "FourEyes",
    "Length",
    "Path",
    "Performance",
    "Rework",
    "Sample",
    "Stage",
    "State",
    "Timeframe",
    "Trim",
    "Variants",
    "filters_from_json",
    "filters_to_json",
]

_CASE = (Timeframe, Variants, Endpoints, Duration, Length, Cases, Sample, State, AnyOf, AllBut)
KINDS: dict[str, type[Filter]] = {
    kind.name: kind for kind in (*_CASE, Attribute, FourEyes, Follows, Path, Performance, Rework, Trim)
}


def filters_to_json(filters: Iterable[Filter]) -> list[dict[str, Any]]:
    """A filter stack as JSON can hold it, in its order."""
    return [part.to_json() for part in filters]


def filters_from_json(stack: Iterable[Mapping[str, Any]]) -> list[Filter]:
    """The filter stack of a JSON form.

    Raises:
        DataError: No such filter, or a setting it does not have or cannot use.
    """
    if isinstance(stack, str | Mapping) or not isinstance(stack, Iterable) or not all(isinstance(part, Mapping) for part in stack):
        text = "It is text: read it with `json.loads` first. " if isinstance(stack, str) else ""
        raise DataError(
            "The filter stack is no list of objects.", remedy=text + 'Write it like [{"filter": "endpoints", "ends": ["Ship"]}].'
        )
    return [_from_json(part) for part in stack]


def _from_json(part: Mapping[str, Any]) -> Filter:
    kind = KINDS.get(str(part.get("filter")))
    if kind is None:
        raise DataError(f"There is no filter {part.get('filter')!r}.", remedy=f"Use one of {', '.join(KINDS)}.")
    settings = {key: tuple(value) if isinstance(value, list) else value for key, value in part.items() if key != "filter"}
    if kind in (AnyOf, AllBut) and "filters" in settings:
        settings["filters"] = tuple(filters_from_json(settings["filters"]))
    try:
        return kind(**settings)
    except TypeError as error:
        known = ", ".join(part.name for part in settings_of(kind))
        raise DataError(f"The filter {kind.name} cannot be read: {error}.", remedy=f"Its settings are {known}.") from error
