"""Who hands work to whom as a picture: people as boxes, handovers as arrows, in plain values for the map's component.

What belongs here: which people and handovers are drawn and how. What does not: counting them (`mining.people`), geometry
(`process_map.layered`) and the browser's side (`process_map.component`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from apps.streamlit.process_map.layered import Box, Drawing, Link, draw
from apps.streamlit.reading import Rows
from apps.streamlit.wording import count, duration, shortened

MOST_PEOPLE, MOST_HANDOVERS = 40, 120  # beyond that nobody reads a picture; the page says so
_LETTERS, _LETTER, _PAD, _HEIGHT = 26, 8.3, 30.0, 50.0
_FILLS = ("#fdfaf2", "#e6ebef", "#c6d3de", "#9db5c8", "#6c8fac", "#3f6a8f", "#274b6d")  # few events .. many
_ARROW, _LIGHT, _DARK = "#8f8a7c", "#fffdf7", "#1e2430"


@dataclass(frozen=True)
class Network:
    """What is drawn: the busiest people with their rows, the handovers among them, and the share of all handovers that is."""

    people: Mapping[str, Mapping[str, Any]]
    handovers: Sequence[Mapping[str, Any]]
    share: float


def network(resources: Rows, handovers: Rows, *, people: int) -> Network:
    """The busiest people and the most frequent handovers among them; work that somebody keeps is no handover.

    Args:
        resources: Rows of `mining.people.resources`.
        handovers: Rows of `mining.people.handovers`.
        people: How many, at most `MOST_PEOPLE`.
    """
    named = sorted((row for row in resources if row["resource"] is not None), key=lambda row: (-row["events"], row["resource"]))
    shown = {row["resource"]: row for row in named[: min(people, MOST_PEOPLE)]}
    given = sorted((row for row in handovers if row["source"] != row["target"]), key=lambda row: -row["handovers"])
    among = [row for row in given if row["source"] in shown and row["target"] in shown][:MOST_HANDOVERS]
    whole = sum(row["handovers"] for row in given)
    return Network(shown, among, sum(row["handovers"] for row in among) / whole if whole else 0.0)


def picture(shown: Network, *, name: str) -> dict[str, Any]:
    """The picture as plain values for the component; `name` is that of the file it is saved as."""
    most = max((row["handovers"] for row in shown.handovers), default=1)
    boxes = [Box(who, _width(who), _HEIGHT) for who in shown.people]
    links = [Link(row["source"], row["target"], row["handovers"] / most, 40) for row in shown.handovers]
    drawing = draw(boxes, links)
    return {
        "name": f"handovers-{name}",
        "title": "Handover of work",
        "nodes": [_node(who, row, shown, drawing) for who, row in shown.people.items()],
        "edges": [_edge(row, drawing, most) for row in reversed(shown.handovers)],
        "width": round(drawing.width, 1),
        "height": round(drawing.height, 1),
    }


def _node(who: str, row: Mapping[str, Any], shown: Network, drawing: Drawing) -> dict[str, Any]:
    most = max(other["events"] for other in shown.people.values())
    depth = round((row["events"] / most) ** 0.5 * (len(_FILLS) - 1))
    x, y = drawing.boxes[who]
    return {
        "id": who,
        "kind": "activity",
        "x": round(x, 1),
        "y": round(y, 1),
        "w": _width(who),
        "h": _HEIGHT,
        "lines": [shortened(who, letters=_LETTERS)],
        "note": f"{count(row['events'])} events",
        "fill": _FILLS[depth],
        "ink": _LIGHT if depth >= 4 else _DARK,
        "tip": f"{who}\n{count(row['events'])} events in {count(row['cases'])} cases, {row['activities']} activities",
    }


def _edge(row: Mapping[str, Any], drawing: Drawing, most: int) -> dict[str, Any]:
    key = (row["source"], row["target"])
    width = round(1.0 + 6.0 * (row["handovers"] / most) ** 0.6, 1)
    head = round(6.0 + 0.9 * width, 1)
    (_, before), (x, y) = drawing.routes[key][-2:]
    points = [*drawing.routes[key][:-1], (x, y - head if y > before else y + head)]
    label_x, label_y = drawing.labels[key]
    return {
        "id": f"{row['source']}\x1f{row['target']}",
        "source": row["source"],
        "target": row["target"],
        "path": _curve(points),
        "width": width,
        "head": head,
        "colour": _ARROW,
        "is_mark": False,
        "label": count(row["handovers"]),
        "lx": round(label_x, 1),
        "ly": round(label_y, 1),
        "tip": f"{row['source']} → {row['target']}\n{count(row['handovers'])} handovers in {count(row['cases'])} cases"
        f"\nmean {duration(row['mean_seconds'])} from end to end",
    }


def _curve(points: list[tuple[float, float]]) -> str:
    """A path that leaves and enters every row of boxes upright."""
    words = [f"M{points[0][0]:.1f},{points[0][1]:.1f}"]
    for (x, y), (next_x, next_y) in pairwise(points):
        middle = (y + next_y) / 2
        words.append(f"C{x:.1f},{middle:.1f} {next_x:.1f},{middle:.1f} {next_x:.1f},{next_y:.1f}")
    return " ".join(words)


def _width(who: str) -> float:
    return max(104.0, min(len(who), _LETTERS) * _LETTER + _PAD)
