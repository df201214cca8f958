"""Two groups of cases to compare: what they are, their measures side by side, and what of it is worth saying.

What belongs here: the groups as filter stacks, asking `mining.comparison`, and its answer in words. What does not: the tests
(`mining.significance`) and layout (`app_pages/compare`).
"""

from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import streamlit as st

from apps.streamlit.asking import ask
from apps.streamlit.reading import CACHED_RESULTS, Rows, home, note, snapshot_id
from apps.streamlit.stack import Stack, unpacked
from apps.streamlit.wording import NOTHING, count, duration, number, share
from lake.errors import DataError
from lake.saved_views import saved_views
from mining import filters as f

if TYPE_CHECKING:
    from mining.comparison import ComparedMeasure, Comparison

SECONDS, SHARES = {"case seconds", "edge seconds", "step seconds"}, "cases with"
QUANTILES = 40
_EFFECTS = {"Mann-Whitney": (0.147, 0.33, 0.474), "": (0.2, 0.5, 0.8), "chi-square": (0.2, 0.5, 0.8), "Fisher": (0.2, 0.5, 0.8)}
_SIZES = ("negligible", "small", "medium", "large")


@dataclass(frozen=True)
class Cohort:
    """A group of cases: what people call it, and the filters that make it."""

    name: str
    stack: Stack


def against_rest(stack: Stack) -> tuple[Cohort, Cohort]:
    """The cases a stack keeps, and all others of what its filters of events leave."""
    cut = max((place + 1 for place, part in enumerate(stack) if part.is_of_events), default=0)
    parts = tuple(stack[cut:])
    rest = (*stack[:cut], f.AllBut(parts)) if parts else stack[:cut]
    return Cohort("These cases", stack), Cohort("All others", stack.changed(rest))


def of_values(stack: Stack, column: str, one: Any, other: Any | None) -> tuple[Cohort, Cohort]:
    """Cases with one value of an attribute, and those with another or, without it, with any other."""
    first = Cohort(f"{column} = {_told(one)}", stack.changed((*stack, f.Attribute(column, (one,)))))
    if other is None:
        return first, Cohort(
            f"{column} is another", stack.changed((*stack, f.AllBut((f.Attribute(column, (one,)),))))
        )  # fmt: skip
    return first, Cohort(f"{column} = {_told(other)}", stack.changed((*stack, f.Attribute(column, (other,)))))


def of_periods(stack: Stack, one: tuple[datetime, datetime], other: tuple[datetime, datetime]) -> tuple[Cohort, Cohort]:
    """Cases that started in one time, and in another; both ends belong to it."""
    first, second = (Cohort(_period(when), stack.changed((*stack, f.Timeframe(*when, "started")))) for when in (one, other))
    return first, second


def saved_stacks(process: str, as_of: int | None) -> dict[str, Stack]:
    """The filters of the saved views of a process, by the views' names."""
    found = {}
    for view in saved_views():
        query = dict(parse_qsl(view.query))
        if query.get("process") == process:
            with suppress(DataError):
                found[view.name] = unpacked(query.get("filters", ""), process=process, as_of=as_of)
    return found


def _told(value: Any) -> str:
    return "no value" if value is None else str(value)


def _period(when: tuple[datetime, datetime]) -> str:
    return f"started {when[0]:%Y-%m-%d} to {when[1]:%Y-%m-%d}"


def whole_days(first: Any, last: Any) -> tuple[datetime, datetime]:
    """From the first moment of a day to the last of another, in UTC."""
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    return start, datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1, microseconds=-1)


def compared(a: Stack, b: Stack, definition: dict[str, Any]) -> "Comparison":
    """Both groups in every measure; see `mining.comparison.compare`.

    Raises:
        DataError: A group has no cases, or a filter asks for what the log has not.
    """
    import json

    told = f"-- `grimoire compare {a.process}` --a '{json.dumps(a.json)}' --b '{json.dumps(b.json)}'"
    note(told, (), (f"event_logs.{a.process}",), a.as_of)
    at, said = a.as_of, json.dumps(definition, sort_keys=True, default=str)
    return _compared(home(), snapshot_id() if at is None else at, at, a.process, tuple(a), tuple(b), said)


@st.cache_data(max_entries=CACHED_RESULTS // 8, show_spinner="Comparing …", hash_funcs={tuple: repr})
def _compared(
    home_folder: str, snapshot: int, at: int | None, process: str, a: tuple[f.Filter, ...], b: tuple[f.Filter, ...], said: str
) -> "Comparison":
    import json

    from mining.calendars import WorkingCalendar
    from mining.comparison import compare
    from mining.event_log import EventLog

    definition = json.loads(said)
    with closing(EventLog.from_lake(process, as_of=at)) as log:  # on a connection of its own: others need not wait for it
        return compare(
            log.filter(*a),
            log.filter(*b),
            slas=definition.get("slas") or (),
            happy_path=definition.get("happy_path") or (),
            calendar=WorkingCalendar.from_definition(definition),
        )


def curves(one: Cohort, other: Cohort) -> Rows:
    """How many of each group's cases are done within how long: group, days, share; of one point per fortieth of the cases."""
    question = f"""select unnest(quantile_disc(epoch(ended_at - started_at), list_transform(range({QUANTILES + 1}),
            lambda i: i / {QUANTILES}.0))) / 86400 as days, unnest(range({QUANTILES + 1})) / {QUANTILES}.0 as share from kept"""
    return [
        {"group": cohort.name, **row}
        for cohort in (one, other)
        for row in ask(cohort.stack.process, tuple(cohort.stack), question, as_of=cohort.stack.as_of)
        if row["days"] is not None
    ]


def title(one: "ComparedMeasure") -> str:
    """What is measured, as people say it."""
    words = {
        "case seconds": "Case duration, median",
        "events per case": "Events per case, median",
        "cases": "Cases",
        "variants": "Variants",
        "cases with rework": "Cases with rework",
        "cases on the happy path": "Cases on the happy path",
        "breaches of": f"Breaches of {one.source}",
        "cases with activity": f"{one.source}",
    }
    return words.get(one.measure) or f"{one.source} → {one.target}"


def value(one: "ComparedMeasure", side: float | None) -> str:
    """A value of it with its unit."""
    if side is None:
        return NOTHING
    if one.measure in SECONDS:
        return duration(side)
    if one.measure.startswith(SHARES) or one.measure in {"cases on the happy path", "breaches of"}:
        return share(side)
    return count(side) if one.measure in {"cases", "variants"} else number(side)


def difference(one: "ComparedMeasure") -> str:
    """How the first differs from the second: percentage points of shares, the ratio of times and numbers."""
    if one.a is None or one.b is None or one.measure in {"cases", "variants"}:
        return NOTHING
    if value(one, 0.5).endswith("%"):
        return f"{(one.a - one.b) * 100:+.1f} points".replace("+0.0", "0.0").replace("-0.0", "0.0")
    if not one.b:
        return NOTHING if not one.a else "from nothing"
    if one.a == one.b:
        return "the same"
    return f"{(one.a / one.b - 1) * 100:+.1f} %" if one.a / one.b < 10 else f"× {number(one.a / one.b)}"


def size(one: "ComparedMeasure") -> str:
    """The effect in words, after Romano for Cliff's delta and Cohen for h and Cramér's V."""
    if one.effect is None:
        return NOTHING
    limits = _EFFECTS.get(one.test, _EFFECTS[""]) if one.measure != "variants" else (0.1, 0.3, 0.5)
    return _SIZES[sum(abs(one.effect) >= limit for limit in limits)]


def chance(one: "ComparedMeasure") -> str:
    """Whether the difference may be chance."""
    if one.p_adjusted is None:
        return "not tested"
    told = "p < 0.001" if one.p_adjusted < 0.001 else "p = 1" if one.p_adjusted > 0.9995 else f"p = {one.p_adjusted:.3f}"
    return told if one.is_significant else f"may be chance, {told}"


def table(measures: "list[ComparedMeasure]") -> Rows:
    """Measures as rows of plain values, for exports."""
    return [asdict(one) for one in measures]


def by_certainty(measures: "Iterable[ComparedMeasure]") -> "list[ComparedMeasure]":
    """What was tested before what was not, the surest difference first."""
    return sorted(measures, key=lambda one: (one.p_adjusted is None, one.p_adjusted or 0.0, -abs(one.effect or 0.0)))


def summary(found: "Comparison") -> list[str]:
    """Case duration in any case, then what differs most, in sentences about the first group."""
    whole = found.of("case seconds")
    told = [
        _sentence(one)
        for one in found.significant
        if one.measure not in {"variants", "case seconds"} and size(one) != _SIZES[0]
    ]  # fmt: skip
    if not found.significant:
        told = ["Nothing else differs by more than chance may bring about."]
    elif not told:
        told = ["Whatever else differs beyond chance differs by very little."]
    values = f"{value(whole, whole.a)} against {value(whole, whole.b)} in the median"
    first = _sentence(whole) if whole.is_significant else f"That case durations differ may be chance: {values}, {_p(whole)}."
    return [first, *told[:5]]


def _p(one: "ComparedMeasure") -> str:
    return chance(one).removeprefix("may be chance, ")


def _sentence(one: "ComparedMeasure") -> str:
    values = f"{value(one, one.a)} against {value(one, one.b)}"
    higher = (one.effect or 0) > 0
    words = {
        "case seconds": f"Cases take {'longer' if higher else 'less time'}: {values} in the median",
        "events per case": f"Cases have {'more' if higher else 'fewer'} events: {values} in the median",
        "edge seconds": f"From {one.source} to {one.target} takes {'longer' if higher else 'less time'}: {values} in the median",
        "cases with activity": f"{one.source} happens in {'more' if higher else 'fewer'} cases: {values}",
        "cases with edge": f"{one.target} directly follows {one.source} in {'more' if higher else 'fewer'} cases: {values}",
        "cases with rework": f"{'More' if higher else 'Fewer'} cases repeat an activity: {values}",
        "cases on the happy path": f"{'More' if higher else 'Fewer'} cases keep to the happy path: {values}",
        "breaches of": f"“{one.source}” is broken {'more' if higher else 'less'} often: {values}",
    }
    return f"{words.get(one.measure, f'{title(one)}: {values}')} ({size(one)} difference, {chance(one)})."


def warnings(found: "Comparison") -> list[str]:
    """What speaks against trusting the tests."""
    fewest = min(found.of("cases").n_a, found.of("cases").n_b)
    told = []
    if found.shared_cases:
        told.append(f"{count(found.shared_cases)} cases stand in both groups, so the tests do not hold.")
    if fewest < 30:
        told.append(
            f"The smaller group has {count(fewest)} {'case' if fewest == 1 else 'cases'}: only large differences can be told."
        )
    return told
