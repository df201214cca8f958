"""Forms that make filters: for each of the kinds the widgets that fit, with the values the log has.

What belongs here: widgets and the filter made of them. What does not: where it goes (`filter_bar`), what filters mean
(`mining.filters`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import streamlit as st

from apps.streamlit import mined
from apps.streamlit.filter_words import ATTRIBUTES, TIMEFRAMES
from apps.streamlit.mined import MinedLog
from apps.streamlit.reading import Rows, rows
from apps.streamlit.wording import DAY, HOUR, MINUTE, count
from lake import quote
from lake.errors import DataError
from mining import filters as f

MOST_VALUES = 200
UNITS = {"seconds": 1.0, "minutes": MINUTE, "hours": HOUR, "days": DAY}
NO_VALUE = "(no value)"
_OWN = ("case_id", "activity", "occurred_at", "source_row")


@dataclass(frozen=True)
class Offer:
    """What a form can offer: the log, its activities and its attributes with their types."""

    log: MinedLog
    as_of: int | None = None

    @property
    def activities(self) -> list[str]:
        """Names, the most frequent first."""
        return [activity.activity for activity in mined.activities(self.log.process, as_of=self.as_of)]

    @property
    def columns(self) -> dict[str, str]:
        """Attributes of the case view and their types."""
        found = rows(
            """select column_name, data_type from information_schema.columns where table_catalog = 'lake'
               and table_schema = 'event_logs' and table_name = ? order by ordinal_position""",
            self.log.process,
            as_of=self.as_of,
        )
        return {row["column_name"]: row["data_type"] for row in found if row["column_name"] not in _OWN}

    def values(self, column: str) -> Rows:
        """The most frequent values of an attribute: value, events."""
        table = f"event_logs.{quote(self.log.process)}"
        return rows(
            f"select {quote(column)} as value, count(*) as events from {table} group by 1 order by 2 desc, 1 limit {MOST_VALUES}",
            needs=(f"event_logs.{self.log.process}",),
            as_of=self.as_of,
        )

    def variants(self) -> Rows:
        """The most frequent variants."""
        return mined.variants(self.log.process, limit=MOST_VALUES, as_of=self.as_of)


def form(kind: str, offer: Offer) -> Callable[[], f.Filter]:
    """Shows the widgets of a kind of filter; what it returns makes the filter of what they hold.

    Raises (by what it returns):
        DataError: What was entered makes no filter.
    """
    return _FORMS[kind](offer)


def _key(what: str) -> str:
    return f"form_{what}"


def _several(label: str, offer: Offer, *, nothing: str = "Any activity") -> tuple[str, ...] | None:
    chosen = st.multiselect(label, offer.activities, placeholder=nothing, key=_key(label))
    return tuple(chosen) or None


def _needed(label: str, chosen: tuple[Any, ...] | None) -> tuple[Any, ...]:
    if not chosen:
        raise DataError(f"“{label}” is empty.", remedy="Choose at least one.")
    return chosen


def _choice(label: str, options: dict[str, str]) -> Any:
    return st.selectbox(label, list(options), format_func=options.__getitem__, key=_key(label))


def _keep() -> bool:
    return bool(st.toggle("Leave these out instead", key=_key("keep")) is False)


def _between(what: str, *, whole: bool = False) -> tuple[Any, Any]:
    left, right = st.columns(2)
    settings: dict[str, Any] = {"step": 1, "min_value": 0} if whole else {"min_value": 0.0}
    low = left.number_input(f"{what}, at least", value=None, key=_key(f"{what} least"), **settings)
    high = right.number_input(f"{what}, at most", value=None, key=_key(f"{what} most"), **settings)
    return low, high


def _time() -> tuple[float | None, float | None]:
    unit = st.segmented_control("Time in", list(UNITS), default="days", required=True, key=_key("unit"))
    low, high = _between("Time")
    size = UNITS[unit or "days"]
    return (None if low is None else low * size), (None if high is None else high * size)


def _some(low: Any, high: Any) -> tuple[Any, Any]:
    """The two bounds, of which there must be one."""
    if low is None and high is None:
        raise DataError("Neither bound is given.", remedy="Give the least, the most, or both.")
    if low is not None and high is not None and low > high:
        raise DataError("The least is more than the most.", remedy="Swap the two bounds.")
    return low, high


def _days(offer: Offer) -> Any:
    first, last = offer.log.first_event, offer.log.last_event
    ends = (first.date(), last.date()) if first and last else (date.today(), date.today())
    return st.date_input("Days, both included (UTC)", ends, min_value=ends[0], max_value=ends[1], key=_key("days"))


def timeframe(first: date, last: date, mode: Any = "intersecting") -> f.Timeframe:
    """The filter of two days in UTC, both included."""
    start, end = (datetime.combine(day, time.min, tzinfo=UTC) for day in (first, last + timedelta(days=1)))
    return f.Timeframe(start, end - timedelta(microseconds=1), mode=mode)


def _timeframe(offer: Offer) -> Callable[[], f.Filter]:
    mode = _choice("Which cases", {key: TIMEFRAMES[key] for key in ("intersecting", "contained", "started", "completed", "trim")})
    days = _days(offer)

    def make() -> f.Filter:
        if not (isinstance(days, tuple) and len(days) == 2):
            raise DataError("Only one of the two days is given.", remedy="Choose the first and the last day.")
        return timeframe(days[0], days[1], mode)

    return make


def _variants(offer: Offer) -> Callable[[], f.Filter]:
    ways = {
        "top": "The most frequent",
        "coverage": "Those that cover a share",
        "cases": "By number of cases",
        "chosen": "Chosen ones",
    }
    way = _choice("Variants", ways)
    if way == "chosen":
        listed = offer.variants()
        label = {row["rank"]: f"{row['rank']}: {' → '.join(row['activities'])}" for row in listed}
        paths = {row["rank"]: tuple(row["activities"]) for row in listed}
        ranks = st.multiselect("Which", list(label), format_func=label.__getitem__, key=_key("ranks"))
        keep = _keep()
        return lambda: f.Variants(activities=_needed("Which", tuple(paths[rank] for rank in ranks)), keep=keep)
    if way == "top":
        top = st.number_input("How many", min_value=1, value=10, step=1, key=_key("top"))
        keep = _keep()
        return lambda: f.Variants(top=int(top), keep=keep)
    if way == "coverage":
        covered = st.slider("Share of cases, per cent", 1, 100, 80, key=_key("coverage"))
        keep = _keep()
        return lambda: f.Variants(coverage=covered / 100, keep=keep)
    low, high = _between("Cases", whole=True)
    keep = _keep()
    return lambda: f.Variants(**dict(zip(("minimum", "maximum"), _some(low, high), strict=True)), keep=keep)


def _endpoints(offer: Offer) -> Callable[[], f.Filter]:
    starts, ends = _several("Starts with", offer), _several("Ends with", offer)
    keep = _keep()
    return lambda: (_needed("Starts with or ends with", (starts or ()) + (ends or ())), f.Endpoints(starts, ends, keep))[1]


def _duration(_: Offer) -> Callable[[], f.Filter]:
    low, high = _time()
    return lambda: f.Duration(*_some(low, high))


def _length(_: Offer) -> Callable[[], f.Filter]:
    low, high = _between("Events", whole=True)
    return lambda: f.Length(*_some(low, high))


def _cases(_: Offer) -> Callable[[], f.Filter]:
    text = st.text_area("Case ids, one a line", key=_key("ids"))
    keep = _keep()
    return lambda: f.Cases(_needed("Case ids", tuple(line.strip() for line in text.splitlines() if line.strip())), keep)


def _sample(_: Offer) -> Callable[[], f.Filter]:
    way = _choice("How much", {"share": "A share of the cases", "cases": "A number of cases"})
    if way == "share":
        size = st.slider("Share, per cent", 1, 100, 10, key=_key("share"))
    else:
        size = st.number_input("Cases", min_value=1, value=100, step=1, key=_key("sample"))
    seed = st.number_input("Seed; another draws other cases", min_value=0, value=0, step=1, key=_key("seed"))
    return lambda: f.Sample(share=size / 100, seed=int(seed)) if way == "share" else f.Sample(cases=int(size), seed=int(seed))


def _state(offer: Offer) -> Callable[[], f.Filter]:
    did = _several("What they did last", offer)
    is_dated = st.toggle("As of a day", key=_key("dated"))
    last = offer.log.last_event
    day = st.date_input("Day (UTC, its end)", last.date() if last else "today", key=_key("day")) if is_dated else None
    keep = not st.toggle("Those that last did something else", key=_key("other"))
    at = (
        datetime.combine(day + timedelta(days=1), time.min, tzinfo=UTC) - timedelta(microseconds=1)
        if isinstance(day, date)
        else None
    )
    return lambda: f.State(_needed("What they did last", did), at, keep)


def _attribute(offer: Offer) -> Callable[[], f.Filter]:
    columns = {"activity": "VARCHAR", **offer.columns}
    column = st.selectbox("Attribute", list(columns), key=_key("column"))
    mode = _choice("Which", {**{key: ATTRIBUTES[key] for key in ("mandatory", "forbidden", "every", "first", "last")},
                             "keep": ATTRIBUTES["keep"], "drop": ATTRIBUTES["drop"]})  # fmt: skip
    kind = columns[column]
    if (
        kind.startswith(("DECIMAL", "DOUBLE", "FLOAT", "BIGINT", "INTEGER", "HUGEINT", "SMALLINT", "TINYINT", "U"))
        and kind != "UUID"
    ):
        left, right = st.columns(2)
        low = left.number_input("At least", value=None, key=_key("low"))
        high = right.number_input("At most", value=None, key=_key("high"))
        return lambda: f.Attribute(column, (), mode, *_some(low, high))
    if column == "activity":
        activities = _several("Activities", offer)
        return lambda: f.Attribute(column, _needed("Activities", activities), mode)
    if kind.startswith(("DATE", "TIME")):
        days: Any = st.date_input("Days, both included", [], key=_key("range"))
        return lambda: f.Attribute(column, (), mode, *_day_bounds(days, kind))
    found = {NO_VALUE if row["value"] is None else str(row["value"]): (row["value"], row["events"]) for row in offer.values(column)}
    chosen = st.multiselect(
        "Values",
        list(found),
        format_func=lambda value: f"{value} ({count(found[value][1])} events)" if value in found else value,
        accept_new_options=kind == "VARCHAR",
        key=_key(f"values {column}"),
        help=f"The {MOST_VALUES} most frequent are offered; another text can be typed." if kind == "VARCHAR" else None,
    )
    return lambda: f.Attribute(column, _needed("Values", tuple(found[v][0] if v in found else v for v in chosen)), mode)


def _day_bounds(days: Sequence[date], kind: str) -> tuple[str, str]:
    if len(days) != 2:
        raise DataError("Only one of the two days is given.", remedy="Choose the first and the last day.")
    end = "" if kind == "DATE" else " 23:59:59.999999"
    zone = "+00" if end and "ZONE" in kind else ""
    return f"{days[0]}{' 00:00:00' if end else ''}{zone}", f"{days[1]}{end}{zone}"


def _four_eyes(offer: Offer) -> Callable[[], f.Filter]:
    first, second = _several("One activity", offer), _several("The other", offer)
    mode = _choice("Done by", {"same": "The same person: the rule is broken", "different": "Different people"})
    columns = [name for name, kind in offer.columns.items() if kind == "VARCHAR"] or ["resource"]
    column = st.selectbox("Who is in", columns, index=columns.index("resource") if "resource" in columns else 0, key=_key("who"))
    keep = _keep()
    return lambda: f.FourEyes(_needed("One activity", first), _needed("The other", second), mode, column, keep)


def _follows(offer: Offer) -> Callable[[], f.Filter]:
    source = _several("Activity", offer)
    mode = _choice("Is followed", {"eventually": "eventually by", "directly": "directly by", "never": "never by"})
    target = _several("Follower", offer)
    low, high = _time()
    compared = _choice("Compare a value at both", {"": "No", "same": "Must be the same", "different": "Must differ"})
    column = st.selectbox("Value of", list(offer.columns), key=_key("compared")) if compared else None
    keep = _keep()
    told = {compared: column} if compared else {}
    return lambda: f.Follows(
        _needed("Activity", source), _needed("Follower", target), mode, minimum=low, maximum=high, keep=keep, **told
    )


def _path(offer: Offer) -> Callable[[], f.Filter]:
    steps = st.multiselect("Steps, in their order", ["(any activity)", *offer.activities], key=_key("steps"))
    mode = _choice("One after the other", {"directly": "directly", "eventually": "with others between"})
    from_start, to_end = st.toggle("From the case's start", key=_key("from")), st.toggle("To the case's end", key=_key("to"))
    keep = _keep()
    told = tuple(None if step == "(any activity)" else step for step in steps)
    return lambda: f.Path(told, mode, from_start, to_end, keep)


def _performance(offer: Offer) -> Callable[[], f.Filter]:
    source, target = _several("From", offer, nothing="The case's start"), _several("To", offer, nothing="The case's end")
    source_at = _choice("Which of the first", {"first": "the first in the case", "last": "the last in the case"})
    target_at = _choice("Which of the second", {"last": "the last in the case", "first": "the first in the case"})
    low, high = _time()
    return lambda: f.Performance(source, target, *_some(low, high), source_at, target_at)


def _rework(offer: Offer) -> Callable[[], f.Filter]:
    activities = _several("Activity", offer)
    kind = _choice("Counted are", {"any": "all of its events", "self_loop": "immediate repeats", "return": "returns to it"})
    low = st.number_input("Times, at least", min_value=1, value=2, step=1, key=_key("least"))
    high = st.number_input("Times, at most", min_value=1, value=None, step=1, key=_key("most"))
    keep = _keep()
    return lambda: f.Rework(activities, *_some(int(low), high), kind, keep)


def _trim(offer: Offer) -> Callable[[], f.Filter]:
    source, target = _several("From", offer, nothing="The case's start"), _several("To", offer, nothing="The case's end")
    mode = _choice("Up to", {"longest": "the last one", "first": "the first one after"})
    return lambda: (_needed("From or to", (source or ()) + (target or ())), f.Trim(source, target, mode))[1]


def _any_of(offer: Offer) -> Callable[[], f.Filter]:
    parts = _joined(offer, "Cases with any of", "or cases that take")
    return lambda: f.AnyOf(parts())


def _all_but(offer: Offer) -> Callable[[], f.Filter]:
    parts = _joined(offer, "All but the cases with", "that also take")
    return lambda: f.AllBut(parts())


def _joined(offer: Offer, label: str, then: str) -> Callable[[], tuple[f.Filter, ...]]:
    """The two kinds people most often join: what happened, and how long it took."""
    did = _several(label, offer)
    st.caption(then)
    low, high = _time()

    def make() -> tuple[f.Filter, ...]:
        parts: list[f.Filter] = [f.Attribute("activity", (name,), "mandatory") for name in did or ()]
        parts += [f.Duration(low, high)] if low is not None or high is not None else []
        return _needed(label, tuple(parts))

    return make


_FORMS: dict[str, Callable[[Offer], Callable[[], f.Filter]]] = {
    "timeframe": _timeframe,
    "attribute": _attribute,
    "variants": _variants,
    "endpoints": _endpoints,
    "follows": _follows,
    "path": _path,
    "performance": _performance,
    "duration": _duration,
    "length": _length,
    "rework": _rework,
    "four_eyes": _four_eyes,
    "cases": _cases,
    "state": _state,
    "sample": _sample,
    "any_of": _any_of,
    "all_but": _all_but,
    "trim": _trim,
}
TITLES = {
    "timeframe": "Timeframe",
    "attribute": "Attribute or activity",
    "variants": "Variants",
    "endpoints": "Start and end",
    "follows": "What follows what",
    "path": "Path",
    "performance": "Time between two activities",
    "duration": "Case duration",
    "length": "Number of events",
    "rework": "Rework",
    "four_eyes": "Four eyes",
    "cases": "Case ids",
    "state": "State at a moment",
    "sample": "Sample",
    "any_of": "Any of several",
    "all_but": "All but some",
    "trim": "Trim between two activities",
}
