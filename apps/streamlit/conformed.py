"""What the page Conformance shows of a process held against a model: figures, deviations and the moves of each variant.

What belongs here: asking for them, in the lake where they were mined, anew where there are filters or another model. What does
not: the search and its figures (package `mining`), the page and its pictures (`moves`).

The process's own model without filters is answered by the tables of schema `mining`, and some of its cases from the alignments the
lake keeps. Everything else is searched by a process beside the server, within bounds. Reports are kept per snapshot, filter stack
and model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from apps.streamlit import mined
from apps.streamlit.beside import Progress, beside
from apps.streamlit.mined import Filters
from apps.streamlit.pages import View
from apps.streamlit.reading import Rows, home, note, snapshot_id

if TYPE_CHECKING:
    from mining.conformance_report import ConformanceReport
    from mining.petri_net import PetriNet

SECONDS = 30.0  # CPU seconds of a search that a page waits for; what is left is said to be unfinished
LONGER = 300.0
KEPT = 8  # reports
BINS = 20  # of the distribution of fitness

Moves = tuple[tuple[str, str], ...]  # who moves (both, log or model), and the activity


@dataclass(frozen=True)
class Aligned:
    """One variant against the model; without a cost its search was not finished, and `status` says why.

    Attributes:
        number: Its place by the number of cases, from 1.
        activities: What its cases do.
        cases: How many they are.
        cost: Moves of log or model alone.
        fitness: 0 to 1.
        status: `finished`, or what kept it from that.
        moves: The alignment.
    """

    number: int
    activities: tuple[str, ...]
    cases: int
    cost: int | None
    fitness: float | None
    status: str
    moves: Moves


@dataclass(frozen=True)
class Held:
    """A filtered log against a model.

    Attributes:
        figures: average_fitness, perfectly_fitting, fitness_after_accepted, fitting_after_accepted, cases, cases_unfinished,
            variants_unfinished.
        deviations: kind, activity, after_activity, cases, share, events, median_seconds_with, median_seconds_without, cost,
            is_accepted and `variants`, the places of the variants that have it.
        variants: All variants, the most frequent first.
        problems: What is wrong with the model, one sentence each.
        only_in_model: Activities the log has not.
        only_in_log: Activities the model has not.
    """

    figures: Mapping[str, Any]
    deviations: Rows
    variants: Sequence[Aligned]
    problems: tuple[str, ...] = ()
    only_in_model: tuple[str, ...] = ()
    only_in_log: tuple[str, ...] = ()


def own(view: View) -> Held | None:
    """The log against the process's own model as it was mined, without filters; None where that was never done."""
    figures = view.rows(
        "select * exclude (process, computed_at, snapshot_id) from mining.conformance where process = ?",
        view.process,
        needs=("mining.conformance",),
    )
    if not figures:
        return None
    found = view.rows(
        """select v.variant_id, v.activities, v.cases, a.cost, v.fitness, a.status, a.move_kinds, a.move_activities
           from mining.variants as v left join (from mining.alignments where process = $1 and model_id = $2) as a
               on a.activities = v.activities
           where v.process = $1 order by v.rank""",
        view.process,
        figures[0]["model_id"],
        needs=("mining.variants", "mining.alignments"),
    )
    places = {row["variant_id"]: number for number, row in enumerate(found, start=1)}
    deviations = view.rows(
        "select * exclude (process, computed_at, snapshot_id) from mining.deviations where process = ? order by cases desc",
        view.process,
        needs=("mining.deviations",),
    )
    listed = [{**row, "variants": [places[number] for number in row["variant_ids"] if number in places]} for row in deviations]
    variants = [_aligned(number, row) for number, row in enumerate(found, start=1)]
    return Held(figures[0], listed, variants, (), *_unmet(view))


def _unmet(view: View) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Activities of the process's own model that the log has not, and those of the log that the model does not know."""
    from mining.petri_net import PetriNet

    found = view.rows("select pnml from mining.models where process = ?", view.process, needs=("mining.models",))
    if not found:
        return (), ()
    known = PetriNet.from_pnml(found[0]["pnml"]).labels
    names = {activity.activity for activity in mined.activities(view.process, as_of=view.as_of)}
    return tuple(sorted(known - names)), tuple(sorted(names - known))


def held(view: View, net: "PetriNet | None", *, name: str, seconds: float = SECONDS, progress: Progress) -> Held:
    """The filtered log against a model, searched beside the server.

    Args:
        view: What the page is about.
        net: The model; None: the process's own.
        name: What it is called.
        seconds: CPU seconds for the search.
        progress: Told how far it is.

    Raises:
        ModelError: The model has no run, or the search ended without an answer.
        DataError: The process has no model yet.
    """
    told = f"-- the log under its filters, aligned with {name} by mining.conformance_report.hold_against"
    note(f"{told}\nfrom event_logs.{view.process}", (), (f"event_logs.{view.process}",), view.as_of)
    at = snapshot_id() if view.as_of is None else view.as_of
    key = (home(), at, view.process, repr(tuple(view.stack)), "" if net is None else net.id, seconds)
    reports = _reports()
    if key not in reports:
        reports[key] = _known(view, net, name) or _searched(view, net, name, seconds, progress)
        for old in list(reports)[:-KEPT]:
            reports.pop(old, None)
    return reports[key]


def _known(view: View, net: "PetriNet | None", name: str) -> Held | None:
    """The report where the lake has all its alignments: for cases of the log as it was mined, against its own model."""
    if net is not None or any(part.is_of_events for part in view.stack):
        return None
    found = hold(view.process, tuple(view.stack), view.as_of, None, name, 0.0, lambda _what, _done: None)
    return None if found.figures["variants_unfinished"] else found


def _searched(view: View, net: "PetriNet | None", name: str, seconds: float, progress: Progress) -> Held:
    function = f"{__name__}.{hold.__name__}"
    found: Held = beside(function, view.process, tuple(view.stack), view.as_of, net, name, seconds, progress=progress)
    return found


@st.cache_resource(max_entries=1, show_spinner=False)
def _reports() -> dict[tuple[Any, ...], Held]:
    """The newest reports of all visitors. A cache of Streamlit's would not let a search show its progress."""
    return {}


def hold(
    process: str,
    filters: Filters,
    as_of: int | None,
    net: "PetriNet | None",
    name: str,
    seconds: float,
    progress: Progress,
) -> Held:
    """Holds a filtered log against a model; where anything must be searched, by a process of its own."""
    from mining.conformance_report import hold_against
    from mining.event_log import EventLog

    with EventLog.from_lake(process, as_of=as_of) as log:
        return _of_report(hold_against(log.filter(*filters), net, name=name, seconds=seconds, progress=progress))


def _of_report(report: "ConformanceReport") -> Held:
    found = report.conformance
    places = {one.variant_id: number for number, one in enumerate(found.variants, start=1)}
    deviations = [
        {
            **{name: getattr(one, name) for name in ("kind", "activity", "cases", "share", "events", "cost", "is_accepted")},
            "after_activity": one.after,
            "median_seconds_with": one.seconds[2],
            "median_seconds_without": one.seconds[3],
            "variants": [places[number] for number in one.variant_ids],
        }
        for one in report.deviations.found
    ]
    figures = {**report.figures(), "cases": sum(one.cases for one in found.variants)}
    variants = [
        Aligned(places[one.variant_id], one.activities, one.cases, one.cost, one.fitness, one.status, one.moves)
        for one in found.variants
    ]
    return Held(figures, deviations, variants, report.problems, report.only_in_model, report.only_in_log)


def _aligned(number: int, row: Mapping[str, Any]) -> Aligned:
    moves = tuple(zip(row["move_kinds"] or (), row["move_activities"] or (), strict=True))
    status = row["status"] or "not searched"
    return Aligned(number, tuple(row["activities"]), row["cases"], row["cost"], row["fitness"], status, moves)


def distribution(variants: Sequence[Aligned]) -> Rows:
    """Cases by fitness in twenty equal classes, those that fit exactly apart: low, high, label, cases."""
    found = dict.fromkeys(range(BINS + 1), 0)
    for one in variants:
        if one.fitness is not None:
            found[BINS if one.cost == 0 else min(BINS - 1, int(one.fitness * BINS))] += one.cases
    return [
        {"low": place / BINS, "high": (place + 1) / BINS, "is_exact": place == BINS, "cases": cases}
        for place, cases in found.items()
    ]


def ranked(deviations: Rows, by: str) -> Rows:
    """The deviations by what they cost: `time` (the median their cases take longer, times the cases), `money` or `cases`."""
    return sorted(deviations, key=lambda row: _NOTHING if (cost := cost_of(row, by)) is None else -cost)


_NOTHING = float("inf")


def cost_of(row: Mapping[str, Any], by: str) -> float | None:
    """A deviation's cost; None where it is not known."""
    if by != "time":
        found = row["cost"] if by == "money" else row["cases"]
        return None if found is None else float(found)
    with_it, without = row["median_seconds_with"], row["median_seconds_without"]
    return None if with_it is None or without is None else (with_it - without) * row["cases"]
