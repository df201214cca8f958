"""The process map as a picture: which activities and paths it shows, their sizes, colours and labels.

What belongs here: choosing what is shown and saying it in plain values for the component. What does not: reading the lake
(`mined`), geometry (`layered`), the browser's side (`component`).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from apps.streamlit.mined import END, START, Activity, Step
from apps.streamlit.process_map.layered import Box, Drawing, Link, draw
from apps.streamlit.wording import count, duration, shortened

Measure = Literal["frequency", "mean", "median", "p90"]
MEASURES: dict[Measure, str] = {"frequency": "Frequency", "mean": "Mean time", "median": "Median time", "p90": "90 % time"}

MOST_ACTIVITIES, MOST_PATHS = 80, 220  # beyond that nobody reads a map; the page says so
_LETTER, _SMALL_LETTER = 8.3, 7.4  # px of a box's name and of a path's label
_PAD, _LINE, _BOX_HEIGHT, _MARK = 26.0, 18.0, 32.0, 36.0
_LINE_LETTERS, _MOST_LINES = 22, 3
_TIME_COLOURS = ("#9aa3ad", "#b7a37a", "#c98f45", "#b9602f", "#9a3324", "#6d1420")  # quick .. slow
_FREQUENCY_COLOURS = ("#fdfaf2", "#e6ebef", "#c6d3de", "#9db5c8", "#6c8fac", "#3f6a8f", "#274b6d")  # rare .. common


@dataclass(frozen=True)
class View:
    """What of a process the map shows."""

    activities: list[Activity]
    steps: list[Step]
    all_activities: int
    all_steps: int
    events_share: float
    steps_share: float
    is_capped: bool


def shown_activities(activities: list[Activity], share: float) -> list[Activity]:
    """The most frequent activities, so many that `share` (0..1) of their number is shown; at least one, at most 80."""
    wanted = max(1, round(share * len(activities)))
    return activities[: min(wanted, MOST_ACTIVITIES)]


def default_share(activities: list[Activity], *, readable: int = 18) -> int:
    """Per cent of activities at which a map stays readable, in steps of five."""
    if len(activities) <= readable:
        return 100
    return (
        max(5, 5 * (100 * readable // len(activities) // 5)) if len(activities) < 360 else max(1, 100 * readable // len(activities))
    )


def default_paths(edges: int, *, readable: int = 40) -> int:
    """Per cent of paths at which a map stays readable, in steps of five."""
    return 100 if edges <= readable else 5 * (100 * readable // edges // 5)


def view(activities: list[Activity], shown: list[Activity], steps: list[Step], paths_share: float) -> View:
    """The view: every shown activity keeps its strongest way in and out; the other paths follow by frequency."""
    drawn = shown_steps(steps, paths_share)
    all_events = sum(activity.events for activity in activities)
    all_moves = sum(step.frequency for step in steps)
    return View(
        activities=shown,
        steps=drawn,
        all_activities=len(activities),
        all_steps=len(steps),
        events_share=sum(activity.events for activity in shown) / all_events if all_events else 0.0,
        steps_share=sum(step.frequency for step in drawn) / all_moves if all_moves else 0.0,
        is_capped=len(shown) == MOST_ACTIVITIES < len(activities) or len(drawn) >= MOST_PATHS,
    )


def shown_steps(steps: list[Step], share: float) -> list[Step]:
    """Steps to draw, given all of them with the most frequent first."""
    kept: set[tuple[str, str]] = set()
    entered, left = set(), set()
    for step in steps:
        if step.source == step.target:
            continue
        if step.target not in entered or step.source not in left:
            kept.add((step.source, step.target))
        entered.add(step.target)
        left.add(step.source)
    wanted = min(MOST_PATHS, max(len(kept), round(share * len(steps))))
    for step in steps:
        if len(kept) >= wanted:
            break
        kept.add((step.source, step.target))
    return [step for step in steps if (step.source, step.target) in kept]


def picture(shown: View, *, measure: Measure, cases: int) -> dict[str, Any]:
    """The map as plain values for the component: nodes and edges with place, size, colour, label and hover text."""
    drawing = _drawing(shown, measure)
    common = max((step.frequency for step in shown.steps), default=1)
    colour = _time_colour([time for step in shown.steps if (time := _time(step, measure)) is not None])
    nodes = [_node(activity, shown.activities, drawing) for activity in shown.activities]
    nodes += [_mark(key, drawing, cases) for key in (START, END) if key in drawing.boxes]
    return {
        "nodes": nodes,
        "edges": [_edge(step, drawing, measure, common, colour) for step in reversed(shown.steps)],
        "width": round(drawing.width, 1),
        "height": round(drawing.height, 1),
    }


def label(step: Step, measure: Measure) -> str:
    """What stands on a path."""
    if measure == "frequency" or _time(step, measure) is None:
        return count(step.frequency)
    return duration(_time(step, measure))


def name(key: str) -> str:
    """An activity's name, or the words for a case's start and end."""
    return {START: "Start", END: "End"}.get(key, key)


def legend(shown: View, measure: Measure) -> list[tuple[str, str]]:
    """Colours of the paths with the time each stands for, quick to slow."""
    times = sorted(time for step in shown.steps if (time := _time(step, measure)) is not None)
    if not times:
        return []
    if times[0] == times[-1]:
        return [(_TIME_COLOURS[len(_TIME_COLOURS) // 2], duration(times[0]))]
    last = len(_TIME_COLOURS) - 1
    return [(colour, duration(times[round(i * (len(times) - 1) / last)])) for i, colour in enumerate(_TIME_COLOURS)]


def _drawing(shown: View, measure: Measure) -> Drawing:
    loops = {step.source: step for step in shown.steps if step.source == step.target}
    boxes = [
        Box(
            activity.activity,
            *_box_size(activity.activity),
            loop=30 + _text_width(label(loops[activity.activity], measure)) if activity.activity in loops else 0,
        )
        for activity in shown.activities
    ]
    ends = {key for step in shown.steps for key in (step.source, step.target)}
    boxes += [Box(key, _MARK, _MARK) for key in (START, END) if key in ends]
    common = max((step.frequency for step in shown.steps), default=1)
    links = [Link(s.source, s.target, s.frequency / common, _text_width(label(s, measure)) + 8) for s in shown.steps]
    return draw(boxes, links, first=START if START in ends else None, last=END if END in ends else None)


def _node(activity: Activity, all_shown: list[Activity], drawing: Drawing) -> dict[str, Any]:
    most = max(other.events for other in all_shown)
    depth = round((activity.events / most) ** 0.5 * (len(_FREQUENCY_COLOURS) - 1))
    x, y = drawing.boxes[activity.activity]
    width, height = _box_size(activity.activity)
    return {
        "id": activity.activity,
        "kind": "activity",
        "x": round(x, 1),
        "y": round(y, 1),
        "w": width,
        "h": height,
        "lines": lines(activity.activity),
        "note": count(activity.events),
        "fill": _FREQUENCY_COLOURS[depth],
        "ink": "#fffdf7" if depth >= 4 else "#1e2430",
        "tip": f"{activity.activity}\n{count(activity.events)} events in {count(activity.cases)} cases",
    }


def _mark(key: str, drawing: Drawing, cases: int) -> dict[str, Any]:
    x, y = drawing.boxes[key]
    return {
        "id": key,
        "kind": "start" if key == START else "end",
        "x": round(x, 1),
        "y": round(y, 1),
        "w": _MARK,
        "h": _MARK,
        "label": name(key),
        "tip": f"{name(key)} of {count(cases)} cases",
    }


def _edge(step: Step, drawing: Drawing, measure: Measure, common: int, colour: Callable[[float], str]) -> dict[str, Any]:
    key = (step.source, step.target)
    time = _time(step, measure)
    words = label(step, measure)
    is_mark = step.source == START or step.target == END
    width = round((1.0 if is_mark else 1.2) + (2.5 if is_mark else 7.5) * (step.frequency / common) ** 0.6, 1)
    head = round(6.0 + 0.9 * width, 1)
    if step.source == step.target:
        x, y = drawing.boxes[step.source]
        right = x + _box_size(step.source)[0] / 2
        out = right + 28
        path = f"M{right:.1f},{y - 10:.1f} C{out:.1f},{y - 20:.1f} {out:.1f},{y + 12:.1f} {right + head:.1f},{y + 10:.1f}"
        label_at = (right + 24 + _text_width(words) / 2, y)
    else:
        path, label_at = _curve(_before_head(drawing.routes[key], head)), drawing.labels[key]
    return {
        "id": f"{step.source}\x1f{step.target}",
        "source": step.source,
        "target": step.target,
        "path": path,
        "width": width,
        "head": head,
        "colour": colour(time) if time is not None else "#a79d88",
        "is_mark": step.source == START or step.target == END,
        "label": words,
        "lx": round(label_at[0], 1),
        "ly": round(label_at[1], 1),
        "tip": _tip(step),
    }


def _tip(step: Step) -> str:
    lines = [f"{name(step.source)} → {name(step.target)}", f"{count(step.frequency)} times"]
    if step.mean_seconds is not None:
        lines.append(
            f"median {duration(step.median_seconds)} · mean {duration(step.mean_seconds)} · 90 % {duration(step.p90_seconds)}"
        )
    return "\n".join(lines)


def _before_head(points: list[tuple[float, float]], head: float) -> list[tuple[float, float]]:
    """The points without the last bit, which the arrow's head covers; edges enter a box upright."""
    (_, before), (x, y) = points[-2:]
    return [*points[:-1], (x, y - head if y > before else y + head)]


def _curve(points: list[tuple[float, float]]) -> str:
    """A path that leaves and enters every row upright."""
    (x, y), *rest = points
    words = [f"M{x:.1f},{y:.1f}"]
    for next_x, next_y in rest:
        if abs(next_x - x) < 0.5:
            words.append(f"L{next_x:.1f},{next_y:.1f}")
        else:
            middle = (y + next_y) / 2
            words.append(f"C{x:.1f},{middle:.1f} {next_x:.1f},{middle:.1f} {next_x:.1f},{next_y:.1f}")
        x, y = next_x, next_y
    return " ".join(words)


def _time(step: Step, measure: Measure) -> float | None:
    return step.median_seconds if measure == "frequency" else getattr(step, f"{measure}_seconds")


def _time_colour(times: Iterable[float]) -> Callable[[float], str]:
    """Colour by rank among the shown times, so that the slow ones stand out whatever the unit."""
    ordered = sorted(times)

    def colour(time: float) -> str:
        rank = (bisect_left(ordered, time) + bisect_right(ordered, time)) / 2 / len(ordered)
        return _TIME_COLOURS[min(len(_TIME_COLOURS) - 1, int(rank * len(_TIME_COLOURS)))]

    return colour


def lines(words: str) -> list[str]:
    """A name broken into at most three lines of some 22 letters; what does not fit is cut with an ellipsis."""
    found: list[str] = []
    for word in words.split() or [words]:
        if found and len(found[-1]) + 1 + len(word) <= _LINE_LETTERS:
            found[-1] += f" {word}"
        else:
            found.append(word)
    found = [shortened(line, letters=_LINE_LETTERS + 6) for line in found]
    if len(found) > _MOST_LINES:
        found = [*found[: _MOST_LINES - 1], shortened(" ".join(found[_MOST_LINES - 1 :]), letters=_LINE_LETTERS)]
    return found


def _box_size(name_: str) -> tuple[float, float]:
    broken = lines(name_)
    return max(104.0, max(map(_width, broken)) * _LETTER + _PAD), _BOX_HEIGHT + _LINE * len(broken)


def _text_width(words: str) -> float:
    return _width(words) * _SMALL_LETTER


def _width(words: str) -> float:
    """Width in letters; the ideographs of East Asia are nearly twice as wide."""
    return sum(1.75 if ord(letter) > 0x2E7F else 1.0 for letter in words)
