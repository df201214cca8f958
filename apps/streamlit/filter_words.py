"""Filters in plain sentences, as the chips of the filter bar show them.

What belongs here: one filter into words. What does not: what filters do (`mining.filters`) and the bar (`filter_bar`).
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Any

from apps.streamlit.wording import count, duration, share, shortened
from mining import filters as f

MOST_NAMES, LETTERS = 3, 34
TIMEFRAMES = {
    "contained": "Wholly within",
    "intersecting": "Active in",
    "started": "Started in",
    "completed": "Completed in",
    "trim": "Only events in",
}
ATTRIBUTES = {
    "keep": "Only events with",
    "drop": "Without the events with",
    "mandatory": "With",
    "forbidden": "Never",
    "every": "Always",
    "first": "First event has",
    "last": "Last event has",
}


def words_of(part: f.Filter) -> str:
    """A filter as a short sentence."""
    return _WORDS[type(part)](part)


def names(values: Iterable[Any] | None, *, nothing: str = "anything", last: str = "or") -> str:
    """Some names as words, the rest as a number."""
    if values is None:
        return nothing
    told = [shortened("no value" if value is None else str(value), letters=LETTERS) for value in values]
    if not told:
        return "nothing"
    if len(told) > MOST_NAMES:
        return f"{', '.join(told[: MOST_NAMES - 1])} {last} {len(told) - MOST_NAMES + 1} more"
    return f" {last} ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)


def bounds(minimum: float | None, maximum: float | None, shown: Callable[[float], str]) -> str:
    """Two bounds as words; either may be open."""
    if minimum is None and maximum is None:
        return "any"
    if minimum is None:
        return f"at most {shown(maximum or 0)}"
    if maximum is None:
        return f"at least {shown(minimum)}"
    return shown(minimum) if minimum == maximum else f"{shown(minimum)} to {shown(maximum)}"


def _moment(value: datetime | None) -> str:
    """A moment in UTC; the first of a day is the day."""
    if value is None:
        return "…"
    value = value.astimezone(UTC)
    return f"{value:%Y-%m-%d}" if value.time() == time.min else f"{value:%Y-%m-%d %H:%M}"


def _until(value: datetime | None) -> str:
    """The same of a timeframe's end, where the last moment of a day is the day."""
    if value is not None and (value + timedelta(microseconds=1)).astimezone(UTC).time() == time.min:
        return f"{value.astimezone(UTC):%Y-%m-%d}"
    return _moment(value)


def _turned(keep: bool, words: str) -> str:
    return words if keep else f"Not: {words[:1].lower()}{words[1:]}"


def _timeframe(part: f.Timeframe) -> str:
    return f"{TIMEFRAMES[part.mode]} {_moment(part.start)} to {_until(part.end)}"


def _variants(part: f.Variants) -> str:
    if part.top is not None:
        words = f"The {count(part.top)} most frequent variants"
    elif part.coverage is not None:
        words = f"The variants that cover {share(part.coverage)} of cases"
    elif part.activities is not None:
        one = part.activities[0] if part.activities else ()
        path = " → ".join(shortened(name, letters=LETTERS) for name in one[:MOST_NAMES]) + (" → …" if len(one) > MOST_NAMES else "")
        words = f"Variant {path}" if len(part.activities) == 1 else f"{len(part.activities)} chosen variants"
    else:
        words = f"Variants of {bounds(part.minimum, part.maximum, count)} cases"
    return _turned(part.keep, words)


def _endpoints(part: f.Endpoints) -> str:
    ways = [f"start with {names(part.starts)}"] if part.starts is not None else []
    ways += [f"end with {names(part.ends)}"] if part.ends is not None else []
    return _turned(part.keep, f"Cases that {' and '.join(ways) or 'start and end with anything'}")


def _cases(part: f.Cases) -> str:
    return _turned(part.keep, f"Case {names(part.ids)}" if len(part.ids) <= MOST_NAMES else f"{count(len(part.ids))} chosen cases")


def _sample(part: f.Sample) -> str:
    drawn = f"{share(part.share)} of cases" if part.share is not None else f"{count(part.cases)} cases"
    return f"{drawn} by chance" + (f", seed {part.seed}" if part.seed else "")


def _state(part: f.State) -> str:
    did = names(part.activities)
    when = f"by {_moment(part.at)}" if part.at else "at the log's end"
    return f"Last did {did} {when}" if part.keep else f"Last did something else than {did} {when}"


def _attribute(part: f.Attribute) -> str:
    ways = [names(part.values)] if part.values else []
    ways += [bounds(part.minimum, part.maximum, str)] if part.minimum is not None or part.maximum is not None else []
    sign = ": " if part.minimum is not None or part.maximum is not None else " = "
    return f"{ATTRIBUTES[part.mode]} {part.column}{sign}{', '.join(ways) or 'nothing'}"


def _four_eyes(part: f.FourEyes) -> str:
    who = "the same" if part.mode == "same" else "different"
    return _turned(part.keep, f"{names(part.first)} and {names(part.second)} by {who} {part.column}")


def _follows(part: f.Follows) -> str:
    how = {"directly": "directly followed by", "eventually": "eventually followed by", "never": "never followed by"}[part.mode]
    words = f"{names(part.source)} {how} {names(part.target)}"
    if part.minimum is not None or part.maximum is not None:
        words += f" in {bounds(part.minimum, part.maximum, duration)}"
    if part.same or part.different:
        words += f", {'same' if part.same else 'different'} {part.same or part.different}"
    return _turned(part.keep, words)


def _path(part: f.Path) -> str:
    steps = [names((step,) if isinstance(step, str) else step) for step in part.steps]
    ends = ["start"] * part.from_start, ["end"] * part.to_end
    return _turned(part.keep, (" → " if part.mode == "directly" else " … ").join([*ends[0], *steps, *ends[1]]))


def _performance(part: f.Performance) -> str:
    ways = names(part.source, nothing="the start"), names(part.target, nothing="the end")
    return f"From {ways[0]} to {ways[1]}: {bounds(part.minimum, part.maximum, duration)}"


def _rework(part: f.Rework) -> str:
    how = {"any": "done", "self_loop": "repeated at once", "return": "come back to"}[part.kind]
    often = bounds(part.minimum, part.maximum, count)
    return _turned(part.keep, f"{names(part.activities, nothing='Some activity')} {how} {often} times")


def _trim(part: f.Trim) -> str:
    until = "the first" if part.mode == "first" and part.target is not None else ""
    ways = names(part.source, nothing="the start"), names(part.target, nothing="the end")
    return f"Only events from {ways[0]} to {f'{until} ' if until else ''}{ways[1]}"


_WORDS: dict[type[f.Filter], Callable[[Any], str]] = {
    f.Timeframe: _timeframe,
    f.Variants: _variants,
    f.Endpoints: _endpoints,
    f.Duration: lambda part: f"Cases that take {bounds(part.minimum, part.maximum, duration)}",
    f.Length: lambda part: f"Cases of {bounds(part.minimum, part.maximum, count)} events",
    f.Cases: _cases,
    f.Sample: _sample,
    f.State: _state,
    f.AllBut: lambda part: "All but: " + "; ".join(words_of(one) for one in part.filters),
    f.AnyOf: lambda part: " or ".join(words_of(one) for one in part.filters),
    f.Attribute: _attribute,
    f.FourEyes: _four_eyes,
    f.Follows: _follows,
    f.Path: _path,
    f.Performance: _performance,
    f.Rework: _rework,
    f.Trim: _trim,
}
