"""Who hands work to whom as a picture: people as boxes in a ring, handovers as arrows, in plain values for the map's component.

What belongs here: which people and handovers are drawn, where and how. What does not: counting them (`mining.people`) and the
browser's side (`process_map.component`).

People hand work to nearly everybody, so that layers would be a thicket: in a ring every arrow can be followed.
Those who hand much to one another stand side by side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, hypot, pi, sin
from typing import Any

from apps.streamlit.reading import Rows
from apps.streamlit.wording import count, duration, shortened

MOST_PEOPLE, MOST_HANDOVERS, MOST_LABELS = 40, 90, 12  # beyond that nobody reads a picture; the page says so
_LETTERS, _LETTER, _PAD, _HEIGHT = 26, 8.3, 30.0, 50.0
_FILLS = ("#fdfaf2", "#e6ebef", "#c6d3de", "#9db5c8", "#6c8fac", "#3f6a8f", "#274b6d")  # few events .. many
# few handovers .. many, on a light ground and on a dark one
_ARROWS = (("#c9bfab", "#454d63"), ("#a79c86", "#6b7389"), ("#7f7563", "#99a0b3"), ("#574f41", "#d0d4de"))
_LIGHT, _DARK = "#fffdf7", "#1e2430"
_ROOM, _TALLER = 148.0, 0.85  # px of the ring for a box, and how much lower than wide the ring is
Point = tuple[float, float]


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
    places, size = _ring(in_a_ring(shown))
    return {
        "name": f"handovers-{name}",
        "title": "Handover of work",
        "nodes": [_node(who, row, shown, places[who]) for who, row in shown.people.items()],
        "edges": [
            _edge(row, places, size, row["handovers"] / most, is_labelled=rank < MOST_LABELS)
            for rank, row in reversed(list(enumerate(shown.handovers)))
        ],
        "width": round(size[0], 1),
        "height": round(size[1], 1),
    }


def in_a_ring(shown: Network) -> list[str]:
    """The people in the order they stand: after each the one that it exchanges most work with of those that are left."""
    exchanged: dict[frozenset[str], int] = {}
    for row in shown.handovers:
        pair = frozenset((row["source"], row["target"]))
        exchanged[pair] = exchanged.get(pair, 0) + row["handovers"]
    left = list(shown.people)
    order = left[:1]
    del left[:1]
    while left:
        after = max(left, key=lambda who: exchanged.get(frozenset((order[-1], who)), 0))
        left.remove(after)
        order.append(after)
    return order


def _ring(order: Sequence[str]) -> tuple[dict[str, Point], Point]:
    """Where each box's middle stands, the first at the top, and the size of the whole."""
    across = max(320.0, len(order) * _ROOM / pi)
    size = (across + 280, across * _TALLER + 90)
    places = {}
    for number, who in enumerate(order):
        angle = 2 * pi * number / len(order) - pi / 2
        places[who] = (size[0] / 2 + across / 2 * cos(angle), size[1] / 2 + across * _TALLER / 2 * sin(angle))
    return places, size


def _node(who: str, row: Mapping[str, Any], shown: Network, at: Point) -> dict[str, Any]:
    most = max(other["events"] for other in shown.people.values())
    depth = round((row["events"] / most) ** 0.5 * (len(_FILLS) - 1))
    return {
        "id": who,
        "kind": "activity",
        "x": round(at[0], 1),
        "y": round(at[1], 1),
        "w": _width(who),
        "h": _HEIGHT,
        "lines": [shortened(who, letters=_LETTERS)],
        "note": f"{count(row['events'])} events",
        "fill": _FILLS[depth],
        "ink": _LIGHT if depth >= 4 else _DARK,
        "tip": f"{who}\n{count(row['events'])} events in {count(row['cases'])} cases, {row['activities']} activities",
    }


def _edge(row: Mapping[str, Any], places: Mapping[str, Point], size: Point, weight: float, *, is_labelled: bool) -> dict[str, Any]:
    width = round(1.0 + 6.0 * weight**0.7, 1)
    head = round(6.0 + 0.9 * width, 1)
    start, bend, end = _arc(places[row["source"]], places[row["target"]], size, _width(row["target"]), head)
    label = [0.42 * a + 0.455 * b + 0.125 * c for a, b, c in zip(start, bend, end, strict=True)]  # nearer to who hands over
    colour, dark = _ARROWS[min(len(_ARROWS) - 1, int(weight * len(_ARROWS)))]
    return {
        "id": f"{row['source']}\x1f{row['target']}",
        "source": row["source"],
        "target": row["target"],
        "path": f"M{start[0]:.1f},{start[1]:.1f} Q{bend[0]:.1f},{bend[1]:.1f} {end[0]:.1f},{end[1]:.1f}",
        "width": width,
        "head": head,
        "colour": colour,
        "dark": dark,
        "is_mark": False,
        "label": count(row["handovers"]) if is_labelled else "",
        "lx": round(label[0], 1),
        "ly": round(label[1], 1),
        "tip": f"{row['source']} → {row['target']}\n{count(row['handovers'])} handovers in {count(row['cases'])} cases"
        f"\nmean {duration(row['mean_seconds'])} from end to end",
    }


def _arc(source: Point, target: Point, size: Point, width: float, head: float) -> tuple[Point, Point, Point]:
    """Start, bend and end of an arrow: bent towards the ring's middle and to its own left, so that two ways lie apart."""
    apart = hypot(target[0] - source[0], target[1] - source[1]) or 1.0
    across = ((target[1] - source[1]) / apart, (source[0] - target[0]) / apart)
    middle = ((source[0] + target[0]) / 2, (source[1] + target[1]) / 2)
    inward = ((size[0] / 2 - middle[0]) * 0.45, (size[1] / 2 - middle[1]) * 0.45)
    off = 16 + 0.05 * apart
    bend = (middle[0] + inward[0] + across[0] * off, middle[1] + inward[1] + across[1] * off)
    return source, bend, _before_box(bend, target, width, head)


def _before_box(bend: Point, target: Point, width: float, head: float) -> Point:
    """Where the line to a box must end for the arrow's head to touch it."""
    x, y = bend[0] - target[0], bend[1] - target[1]
    away = hypot(x, y) or 1.0
    reach = min(width / 2 / (abs(x) / away or 1e-9), _HEIGHT / 2 / (abs(y) / away or 1e-9)) + head
    return target[0] + x / away * reach, target[1] + y / away * reach


def _width(who: str) -> float:
    return max(104.0, min(len(who), _LETTERS) * _LETTER + _PAD)
