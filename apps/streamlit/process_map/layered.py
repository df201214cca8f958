"""A layered drawing of a directed graph: where its boxes stand and how its edges run (after Sugiyama; Gansner et al. 1993).

What belongs here: geometry, from sizes and weights to positions. What does not: what boxes and edges mean, colours, HTML.

Ranks and positions are two small linear programmes (network simplex in the literature; HiGHS here), the order within a rank
comes from weighted barycentres. Every edge keeps room for its label on a rank of its own.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from apps.streamlit.process_map.flow import order_of_flow
from apps.streamlit.process_map.ordering import order_ranks

BOX_GAP, BEND_GAP = 34.0, 16.0  # px between neighbours in a rank: boxes, and edges that only pass
ROW_GAP, ROW_GAP_MAX = 15.0, 54.0  # px between rows; more where edges run far sideways
BEND_WIDTH = 8.0
LABEL_HEIGHT = 18.0


@dataclass(frozen=True)
class Box:
    """Something with a size to place; `loop` is room at its right side for an edge to itself."""

    key: str
    width: float
    height: float
    loop: float = 0.0


@dataclass(frozen=True)
class Link:
    """A directed edge; a heavy one is kept short, straight and downward."""

    source: str
    target: str
    weight: float  # share of the heaviest edge, 0..1
    label_width: float = 0.0


@dataclass
class Slot:
    """A place in a rank: a box, a label, or a bend of an edge that passes through. `loop` is more room at its right."""

    width: float
    height: float
    is_box: bool = False
    loop: float = 0.0
    x: float = 0.0


@dataclass
class Drawing:
    """Positions in px: box centres, one list of points per edge (pairs of rows are vertical pieces), label centres, extent."""

    boxes: dict[str, tuple[float, float]] = field(default_factory=dict)
    routes: dict[tuple[str, str], list[tuple[float, float]]] = field(default_factory=dict)
    labels: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    width: float = 0.0
    height: float = 0.0


class Apart(NamedTuple):
    """The demand x[high] - x[low] >= gap, or with `slack` x[high] - x[low] >= gap - x[slack]."""

    low: int
    high: int
    gap: float
    slack: int | None = None


@dataclass
class _Chain:
    link: Link
    slots: list[int]  # from the upper box to the lower one
    label: int
    is_reversed: bool
    upper_port: float = 0.0
    lower_port: float = 0.0


def draw(boxes: list[Box], links: list[Link], *, first: str | None = None, last: str | None = None) -> Drawing:
    """Places boxes in rows along the main flow and routes edges between them.

    Args:
        boxes: In order of importance; ties are broken by it, so the same graph is always drawn the same way.
        links: At most one per pair; edges from a box to itself are left out of `routes`.
        first: Box that stands above all others.
        last: Box that stands below all others.
    """
    if not boxes:
        return Drawing()
    flow = [link for link in links if link.source != link.target]
    place = {key: i for i, key in enumerate(order_of_flow([box.key for box in boxes], flow, first=first, last=last))}
    ranks = _ranks(boxes, flow, place, last)
    slots, rows, chains = _slots(boxes, flow, place, ranks)
    neighbours = _chain_links(chains)
    rows = order_ranks(rows, neighbours)
    _place_across(slots, rows, neighbours)
    return _drawing(boxes, slots, rows, chains)


def _ranks(boxes: list[Box], links: list[Link], place: dict[str, int], last: str | None) -> dict[str, int]:
    """Row of each box (even numbers; the odd rows are for labels): shortest weighted edges that all run downward."""
    index = {box.key: i for i, box in enumerate(boxes)}
    cost = [0.0] * len(boxes)
    apart: list[Apart] = []
    for link in links:
        upper, lower = sorted((link.source, link.target), key=place.__getitem__)
        weight = 1.0 + 12.0 * link.weight
        cost[index[upper]] -= weight
        cost[index[lower]] += weight
        apart.append(Apart(index[upper], index[lower], 1.0))
    if last is not None:
        apart.extend(Apart(index[box.key], index[last], 1.0) for box in boxes if box.key != last)
    solution = _least_cost([c + 1e-4 for c in cost], apart)
    return {box.key: 2 * round(solution[i]) for i, box in enumerate(boxes)}


def _slots(
    boxes: list[Box], links: list[Link], place: dict[str, int], ranks: dict[str, int]
) -> tuple[list[Slot], list[list[int]], list[_Chain]]:
    slots = [Slot(box.width, box.height, is_box=True, loop=box.loop) for box in boxes]
    number = {box.key: i for i, box in enumerate(boxes)}
    rows: list[list[int]] = [[] for _ in range(max(ranks.values()) + 1)]
    for box in sorted(boxes, key=lambda box: place[box.key]):
        rows[ranks[box.key]].append(number[box.key])
    chains = []
    for link in sorted(links, key=lambda link: -link.weight):
        upper, lower = sorted((link.source, link.target), key=place.__getitem__)
        between = range(ranks[upper] + 1, ranks[lower])
        label_row = min((row for row in between if row % 2), key=lambda row: abs(row - (ranks[upper] + ranks[lower]) / 2))
        chain = _Chain(link, [number[upper]], -1, is_reversed=upper != link.source)
        for row in between:
            slots.append(Slot(max(BEND_WIDTH, link.label_width), LABEL_HEIGHT) if row == label_row else Slot(BEND_WIDTH, 0.0))
            rows[row].append(len(slots) - 1)
            chain.slots.append(len(slots) - 1)
            chain.label = len(slots) - 1 if row == label_row else chain.label
        chain.slots.append(number[lower])
        chains.append(chain)
    return slots, rows, chains


def _chain_links(chains: list[_Chain]) -> list[tuple[int, int, float]]:
    pieces: list[tuple[int, int, float]] = []
    for chain in chains:
        weight = 1.0 + 24.0 * chain.link.weight**1.5
        pieces.extend((upper, lower, weight) for upper, lower in pairwise(chain.slots))
    return pieces


def _place_across(slots: list[Slot], rows: list[list[int]], pieces: list[tuple[int, int, float]]) -> None:
    """Sets every slot's x: edges as straight as the order within the rows allows, long ones above all."""
    size = len(slots)
    cost = [1e-5] * size
    apart: list[Apart] = []
    for row in rows:
        for left, right in pairwise(row):
            gap = BOX_GAP if slots[left].is_box and slots[right].is_box else BEND_GAP
            apart.append(Apart(left, right, (slots[left].width + slots[right].width) / 2 + slots[left].loop + gap))
    for upper, lower, weight in pieces:
        ends = slots[upper].is_box + slots[lower].is_box
        cost.append(weight * (8.0, 2.0, 1.0)[ends])
        deviation = len(cost) - 1
        apart.extend((Apart(upper, lower, 0.0, deviation), Apart(lower, upper, 0.0, deviation)))
    for slot, x in zip(slots, _least_cost(cost, apart), strict=False):
        slot.x = x
    edge = min(slot.x - slot.width / 2 for slot in slots)
    for slot in slots:
        slot.x -= edge


def _least_cost(cost: list[float], apart: list[Apart]) -> list[float]:
    """Minimises cost·x over x >= 0 such that all of `apart` holds."""
    import numpy as np
    from scipy.optimize import linprog
    from scipy.sparse import coo_array

    entries = [(i, a.low, 1.0) for i, a in enumerate(apart)] + [(i, a.high, -1.0) for i, a in enumerate(apart)]
    entries += [(i, a.slack, -1.0) for i, a in enumerate(apart) if a.slack is not None]
    if not entries:
        return [0.0] * len(cost)
    rows, columns, values = zip(*entries, strict=True)
    matrix = coo_array((values, (rows, columns)), shape=(len(apart), len(cost))).tocsr()
    result = linprog(np.asarray(cost), A_ub=matrix, b_ub=np.asarray([-a.gap for a in apart]), method="highs-ds")
    return [float(x) for x in result.x]


def _drawing(boxes: list[Box], slots: list[Slot], rows: list[list[int]], chains: list[_Chain]) -> Drawing:
    centres, heights = _row_positions(slots, rows, chains)
    row_of = {slot: i for i, row in enumerate(rows) for slot in row}
    drawing = Drawing(
        width=max(slot.x + slot.width / 2 + slot.loop for slot in slots),
        height=centres[-1] + heights[-1] / 2,
    )
    for number, box in enumerate(boxes):
        drawing.boxes[box.key] = (slots[number].x, centres[row_of[number]])
    _set_ports(chains, slots, boxes)
    for chain in chains:
        key = (chain.link.source, chain.link.target)
        points = _points(chain, slots, row_of, centres, heights)
        drawing.routes[key] = points[::-1] if chain.is_reversed else points
        drawing.labels[key] = (slots[chain.label].x, centres[row_of[chain.label]])
    return drawing


def _row_positions(slots: list[Slot], rows: list[list[int]], chains: list[_Chain]) -> tuple[list[float], list[float]]:
    """Centre and height of each row; rows between which edges run far sideways stand further apart."""
    heights = [max((slots[slot].height for slot in row), default=0.0) for row in rows]
    row_of = {slot: i for i, row in enumerate(rows) for slot in row}
    sideways: dict[int, float] = defaultdict(float)
    for chain in chains:
        for upper, lower in pairwise(chain.slots):
            sideways[row_of[upper]] = max(sideways[row_of[upper]], abs(slots[upper].x - slots[lower].x))
    centres, y = [], 0.0
    for i, height in enumerate(heights):
        centres.append(y + height / 2)
        y += height + min(ROW_GAP_MAX, ROW_GAP + 0.09 * sideways[i])
    return centres, heights


def _set_ports(chains: list[_Chain], slots: list[Slot], boxes: list[Box]) -> None:
    """Where edges leave or enter a box: below or above where they come from, the heaviest exactly, none on another."""
    ends: dict[tuple[int, bool], list[tuple[float, int]]] = defaultdict(list)
    for number, chain in enumerate(chains):
        ends[chain.slots[0], True].append((slots[chain.slots[1]].x, number))
        ends[chain.slots[-1], False].append((slots[chain.slots[-2]].x, number))
    for (box, is_upper), edges in ends.items():
        edges.sort()
        heaviest = max(range(len(edges)), key=lambda i: chains[edges[i][1]].link.weight)
        places = spread([x - slots[box].x for x, _ in edges], heaviest, room=boxes[box].width / 2 - 16.0)
        for (_, number), x in zip(edges, places, strict=True):
            if is_upper:
                chains[number].upper_port = slots[box].x + x
            else:
                chains[number].lower_port = slots[box].x + x


def spread(wanted: list[float], anchor: int, *, room: float, apart: float = 18.0) -> list[float]:
    """Ascending places within ±room near the wanted ones, `apart` where they fit; the anchor gets its place if it can."""
    apart = min(apart, 2 * room / max(1, len(wanted) - 1)) if room > 0 else 0.0
    low, high = -room + anchor * apart, room - (len(wanted) - 1 - anchor) * apart
    places = list(wanted)
    places[anchor] = min(max(wanted[anchor], min(low, high)), max(low, high))
    for i in range(anchor + 1, len(places)):
        places[i] = min(max(wanted[i], places[i - 1] + apart), room - (len(places) - 1 - i) * apart)
    for i in range(anchor - 1, -1, -1):
        places[i] = max(min(wanted[i], places[i + 1] - apart), -room + i * apart)
    return places


def _points(
    chain: _Chain, slots: list[Slot], row_of: dict[int, int], centres: list[float], heights: list[float]
) -> list[tuple[float, float]]:
    """Points from the upper box to the lower one; each row passed is passed straight down, so no box is cut."""
    upper, lower = chain.slots[0], chain.slots[-1]
    points = [(chain.upper_port, centres[row_of[upper]] + slots[upper].height / 2)]
    for bend in chain.slots[1:-1]:
        row = row_of[bend]
        half = heights[row] / 2
        points.extend(((slots[bend].x, centres[row] - half), (slots[bend].x, centres[row] + half)))
    points.append((chain.lower_port, centres[row_of[lower]] - slots[lower].height / 2))
    return points
