"""The process map as plain values for the browser: boxes with their places, paths in the order they are shown, and every overlay.

What belongs here: turning figures into what the component draws, and a click into the filter it stands for. What does not: asking
for figures (`map_figures`), where things stand (`plan`), colours and drawing (the browser's side).

Everything the sliders and overlays of the map need is in one scene, so that moving them asks the server nothing. Only a new number
of shown activities needs a new scene, because paths over hidden ones are counted and timed anew.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from apps.streamlit.map_figures import Moves, Path
from apps.streamlit.mined import END, START, Activity
from apps.streamlit.process_map.plan import Plan, in_order, lines
from apps.streamlit.reading import Rows
from mining.filters import Attribute, Endpoints, Filter, Follows

READABLE_ACTIVITIES, READABLE_PATHS = 30, 40
NAMES = {START: "Start", END: "End"}
OBJECT_COLOURS = ("#2f6690", "#b3541e", "#4d7c3a", "#8a4f9e", "#a8862a", "#357f86", "#a23e58", "#6b6f7a")


@dataclass(frozen=True)
class Overlay:
    """A figure the map can show: on paths, boxes or both. `unit` and `scale` tell the browser how to write and colour it."""

    key: str
    title: str
    unit: str  # count, time, share, money, points or ratio
    scale: str = "rank"  # rank, or diverging about zero
    help: str = ""


FREQUENCY = Overlay("frequency", "Frequency", "count", help="How often an activity happens and a path is taken.")
OVERLAYS = (
    FREQUENCY,
    Overlay("cases", "Case coverage", "share", help="Share of the cases with the activity or the path."),
    Overlay("mean", "Mean time", "time"),
    Overlay("median", "Median time", "time"),
    Overlay("p90", "90 % within", "time"),
    Overlay("total", "Total time", "time", help="What all cases together spend on a path."),
    Overlay("cost", "Cost", "money", help="Events by the cost of one, as the process definition names it."),
    Overlay("deviations", "Conformance", "count", help="Cases that deviate from the model at an activity or on a path."),
    Overlay("sla", "SLA breaches", "share", help="Share of the cases that were later than an agreement allows."),
)
COMPARED = (
    Overlay(
        "more", "More or less frequent", "points", "diverging", "Percentage points of the cases more or fewer than in the other."
    ),
    Overlay("slower", "Slower or faster", "ratio", "diverging", "Median time against the other's."),
)


@dataclass(frozen=True)
class Figures:
    """What is known of a filtered log; the parts a process does not have are empty."""

    places: Sequence[Activity]
    paths: Sequence[Path]
    cases: int
    costs: Mapping[str, float] = field(default_factory=dict)
    deviations: Rows = field(default_factory=list)
    agreements: Rows = field(default_factory=list)


def name(key: str) -> str:
    """An activity's name, or the words for a case's start and end."""
    return NAMES.get(key, key)


def default_activities(number: int) -> int:
    """How many activities a map shows at first."""
    return min(number, READABLE_ACTIVITIES)


def default_paths(number: int) -> int:
    """Per cent of paths at which a map stays readable, in steps of five."""
    return 100 if number <= READABLE_PATHS else 5 * (100 * READABLE_PATHS // number // 5)


def scene(
    plan: Plan, figures: Figures, *, shown: int, covered: Sequence[tuple[int, int]], other: Figures | None = None
) -> dict[str, Any]:
    """The map of a filtered log.

    Args:
        plan: Where things stand.
        figures: Of the log; its paths are those among the first `shown` activities.
        shown: How many activities are shown.
        covered: As of `map_figures.coverage` for the paths in the order of `plan.in_order`.
        other: The log it is compared with, with paths among the same activities.
    """
    ordered, least = in_order(figures.paths)
    values = _compared(figures, other, ordered) if other else _values(figures, ordered)
    overlays = [overlay for overlay in (COMPARED if other else OVERLAYS) if any(overlay.key in found for found in values.values())]
    marks = [key for key in (START, END) if key in plan.drawing.boxes]
    return {
        "nodes": [
            *(_node(place.activity, place.events, place.cases, plan, values) for place in figures.places),
            *(_node(key, figures.cases, figures.cases, plan, values) for key in marks),
        ],
        "edges": [_edge(path.source, path.target, path.frequency, path.cases, plan, values) for path in ordered],
        "least": least,
        "shown": shown,
        "covered": [list(pair) for pair in covered],
        "cases": figures.cases,
        "overlays": [vars(overlay) for overlay in overlays or [FREQUENCY]],
    }


def united(figures: Figures, other: Figures) -> Figures:
    """Figures with the activities and paths that only the other log has, as never taken: what is missing is a difference, too."""
    known, taken = {place.activity for place in figures.places}, {path.ends for path in figures.paths}
    places = [*figures.places, *(Activity(place.activity, 0, 0) for place in other.places if place.activity not in known)]
    paths = [*figures.paths, *(Path(*path.ends, 0, 0) for path in other.paths if path.ends not in taken)]
    parts = {path.ends: path.cases / (other.cases or 1) for path in other.paths}
    paths.sort(key=lambda path: (-max(path.cases / (figures.cases or 1), parts.get(path.ends, 0.0)), path.ends))
    return replace(figures, places=places, paths=paths)


def object_scene(plan: Plan, places: Rows, paths: Rows) -> dict[str, Any]:
    """The object-centric map: an activity has one box, each type of object its own paths in its own colour."""
    events: dict[str, int] = {}
    for row in places:
        events[row["activity"]] = max(events.get(row["activity"], 0), row["events"])
    kinds = list(dict.fromkeys(row["object_type"] for row in sorted(places, key=lambda row: -row["objects"])))
    colours = {kind: OBJECT_COLOURS[i % len(OBJECT_COLOURS)] for i, kind in enumerate(kinds)}
    edges = []
    for row in paths:
        values = {
            "frequency": row["occurrences"],
            "cases": row["objects"],
            "mean": row["mean_seconds"],
            "median": row["median_seconds"],
        }
        edge = _edge(
            row["source"], row["target"], row["occurrences"], row["objects"], plan, {(row["source"], row["target"]): values}
        )
        edges.append({**edge, "type": row["object_type"], "colour": colours[row["object_type"]]})
    boxes = {activity: {"frequency": number} for activity, number in sorted(events.items(), key=lambda item: (-item[1], item[0]))}
    overlays = (FREQUENCY, Overlay("cases", "Objects", "count"), OVERLAYS[2], OVERLAYS[3])
    return {
        "nodes": [_node(activity, number["frequency"], number["frequency"], plan, boxes) for activity, number in boxes.items()],
        "edges": edges,
        "least": 0,
        "shown": len(boxes),
        "covered": [],
        "cases": 0,
        "overlays": [vars(overlay) for overlay in overlays],
        "types": [{"name": kind, "colour": colour} for kind, colour in colours.items()],
    }


def merged_paths(rows: Rows) -> list[Path]:
    """The paths of all types of objects as one graph to place: the most frequent type's counts."""
    most: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        most[row["source"], row["target"]] += row["occurrences"]
    found = [Path(source, target, times, times) for (source, target), times in most.items()]
    return sorted(found, key=lambda path: (-path.frequency, path.source, path.target))


def tokens(found: Moves) -> dict[str, Any]:
    """Moves for the browser, which plays them back."""
    return vars(found)


def filter_of(action: dict[str, str]) -> Filter:
    """The filter that a click on the map stands for."""
    keep = action["action"] != "without"
    if action["kind"] == "path":
        source, target = action["source"], action["target"]
        if source == START:
            return Endpoints(starts=(target,), keep=keep)
        if target == END:
            return Endpoints(ends=(source,), keep=keep)
        return Follows((source,), (target,), mode="directly", keep=keep)
    activity = (action["activity"],)
    if action["action"] == "starts":
        return Endpoints(starts=activity)
    if action["action"] == "ends":
        return Endpoints(ends=activity)
    return Attribute("activity", activity, mode="mandatory" if keep else "forbidden")


Key = str | tuple[str, str]
Values = dict[Key, dict[str, float]]


def _values(figures: Figures, paths: Iterable[Path]) -> Values:
    values: Values = {}
    whole = figures.cases or 1
    for place in figures.places:
        values[place.activity] = {"frequency": place.events, "cases": place.cases / whole}
        if place.activity in figures.costs:
            values[place.activity]["cost"] = place.events * figures.costs[place.activity]
    for path in paths:
        times = {"mean": path.mean_seconds, "median": path.median_seconds, "p90": path.p90_seconds, "total": path.total_seconds}
        known = {key: time for key, time in times.items() if time is not None and path.target != END}
        values[path.ends] = {"frequency": path.frequency, "cases": path.cases / whole, **known}
    _add_deviations(values, figures.deviations)
    for row in figures.agreements:
        if row["breach_share"] is not None:
            _raise(values, row["target"], "sla", row["breach_share"])
            _raise(values, (row["source"], row["target"]), "sla", row["breach_share"])
    return values


def _add_deviations(values: Values, deviations: Rows) -> None:
    """Cases by activity and, of what is inserted or out of place, by the path that led there."""
    for row in deviations:
        _add(values, row["activity"], "deviations", row["cases"])
        if row["kind"] != "skipped":
            _add(values, (row["after_activity"] or START, row["activity"]), "deviations", row["cases"])


def _compared(figures: Figures, other: Figures, paths: Iterable[Path]) -> Values:
    there = {path.ends: path for path in other.paths}
    boxes = {place.activity: place for place in other.places}
    values: Values = {}
    for place in figures.places:
        of_other = boxes[place.activity].cases / (other.cases or 1) if place.activity in boxes else 0.0
        values[place.activity] = {"more": place.cases / (figures.cases or 1) - of_other}
    for path in paths:
        twin = there.get(path.ends)
        values[path.ends] = {"more": path.cases / (figures.cases or 1) - (twin.cases / (other.cases or 1) if twin else 0.0)}
        if twin and path.median_seconds and twin.median_seconds and path.target != END:
            values[path.ends]["slower"] = path.median_seconds / twin.median_seconds
    return values


def _add(values: Values, key: Key, overlay: str, number: float) -> None:
    if key in values:
        values[key][overlay] = values[key].get(overlay, 0) + number


def _raise(values: Values, key: Key, overlay: str, number: float) -> None:
    if key in values:
        values[key][overlay] = max(values[key].get(overlay, 0), number)


def _node(key: str, events: int, cases: int, plan: Plan, values: Mapping[Any, Mapping[str, float]]) -> dict[str, Any]:
    kind = {START: "start", END: "end"}.get(key, "activity")
    words = {"id": key, "kind": kind, "name": name(key), "lines": lines(name(key))}
    place = {}
    if key in plan.drawing.boxes:  # of a large process only what is shown has one
        (x, y), (width, height) = plan.drawing.boxes[key], plan.sizes[key]
        place = {"x": round(x, 1), "y": round(y, 1), "w": width, "h": height}
    return {**words, **place, "n": events, "cases": cases, "v": _rounded(values.get(key, {}))}


def _edge(
    source: str, target: str, frequency: int, cases: int, plan: Plan, values: Mapping[Any, Mapping[str, float | None]]
) -> dict[str, Any]:
    edge: dict[str, Any] = {"s": source, "t": target, "n": frequency, "cases": cases}
    route = plan.drawing.routes.get((source, target))
    if route:
        edge["route"] = [round(part, 1) for point in route for part in point]
        edge["at"] = [round(part, 1) for part in plan.drawing.labels[source, target]]
    return edge | {"v": _rounded(values.get((source, target), {}))}


def _rounded(values: Mapping[str, float | None]) -> dict[str, float]:
    return {key: round(value, 5) for key, value in values.items() if value is not None}
