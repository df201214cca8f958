"""Places the nodes of any directed graph in layers from left to right and leads its edges around them at right angles.

What belongs here: the method of Sugiyama, Tagawa and Toda (1981): break cycles, layers by longest path, fewer crossings by
barycentres, heights by the neighbours'. What does not: shapes and files (`mining.drawing`, `mining.bpmn_diagram`).

The same graph always gets the same picture. An edge over several layers gets a lane of its own through each, so that it runs
past the nodes between. Where lanes would be more than `LANES`, edges run straight instead; 400 activities take some seconds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

GAP_X, GAP_Y, LANE = 60.0, 30.0, 12.0
LANES = 6_000
_SWEEPS = 12
Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """Where a node stands: its upper left corner and its size, in pixels."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """The height of its middle."""
        return self.y + self.height / 2


@dataclass(frozen=True)
class Placement:
    """A laid-out graph.

    Attributes:
        boxes: By node.
        routes: Points by edge, in the order the edges were given; first and last lie on the nodes' sides.
        width: Of the whole, from 0.
        height: Of the whole, from 0.
    """

    boxes: dict[str, Box]
    routes: list[list[Point]]
    width: float
    height: float


@dataclass
class _Part:
    """A node or, without size, an edge's lane through a layer."""

    layer: int
    width: float = 0.0
    height: float = LANE
    y: float = 0.0  # of its middle
    left: list["_Part"] = field(default_factory=list)
    right: list["_Part"] = field(default_factory=list)
    is_lane: bool = False


def place(sizes: dict[str, tuple[float, float]], edges: Sequence[tuple[str, str]]) -> Placement:
    """Lays a graph out.

    Args:
        sizes: Width and height by node, in the order in which ties are decided.
        edges: From node to node; loops to a node itself and several between the same two are fine.
    """
    back = _backward(sizes, edges)
    forward = [(b, a) if number in back else (a, b) for number, (a, b) in enumerate(edges)]
    layers_of = _layers(sizes, [edge for edge in forward if edge[0] != edge[1]])
    parts = {node: _Part(layers_of[node], *size) for node, size in sizes.items()}
    chains = _chains(parts, forward)
    layers = _ordered(parts, chains)
    _heights(layers)
    return _drawn(sizes, parts, layers, edges, chains, back)


def _backward(nodes: Iterable[str], edges: Sequence[tuple[str, str]]) -> set[int]:
    """The edges that close a cycle when walking from nodes without predecessors, in the given order."""
    out: dict[str, list[tuple[int, str]]] = {node: [] for node in nodes}
    targets = {target for source, target in edges if source != target}
    for number, (source, target) in enumerate(edges):
        out[source].append((number, target))
    back: set[int] = set()
    state: dict[str, int] = {}
    for root in sorted(out, key=lambda node: node in targets):
        if root in state:
            continue
        state[root] = 1
        walk = [(root, iter(out[root]))]
        while walk:
            node, following = walk[-1]
            for number, target in following:
                if state.get(target) == 1 and target != node:
                    back.add(number)
                elif target not in state:
                    state[target] = 1
                    walk.append((target, iter(out[target])))
                    break
            else:
                state[node] = 2
                walk.pop()
    return back


def _layers(nodes: Iterable[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The longest way to each node; nodes that could stand further right without a longer way are drawn to what follows them."""
    out: dict[str, list[str]] = {node: [] for node in nodes}
    waits = dict.fromkeys(out, 0)
    for source, target in edges:
        out[source].append(target)
        waits[target] += 1
    layer = dict.fromkeys(out, 0)
    order = [node for node in out if not waits[node]]
    for node in order:
        for target in out[node]:
            layer[target] = max(layer[target], layer[node] + 1)
            waits[target] -= 1
            if not waits[target]:
                order.append(target)
    has_source = {target for _, target in edges}
    for node in reversed(order):
        if out[node] and node not in has_source:
            layer[node] = max(layer[node], min(layer[target] for target in out[node]) - 1)
    return layer


def _chains(parts: dict[str, _Part], edges: Sequence[tuple[str, str]]) -> list[list[_Part]]:
    """The parts each edge runs through; none between where lanes would be too many."""
    spans = [max(parts[target].layer - parts[source].layer - 1, 0) for source, target in edges]
    with_lanes = sum(spans) <= LANES
    chains = []
    for (source, target), span in zip(edges, spans, strict=True):
        first = parts[source].layer + 1
        lanes = [_Part(layer, is_lane=True) for layer in range(first, first + span)] if with_lanes else []
        chain = [parts[source], *lanes, parts[target]]
        chains.append(chain)
        if source != target:
            for before, after in pairwise(chain):
                before.right.append(after)
                after.left.append(before)
    return chains


def _ordered(parts: dict[str, _Part], chains: list[list[_Part]]) -> list[list[_Part]]:
    """The parts of each layer from top to bottom, in the order with the fewest crossings that was met."""
    layers: list[list[_Part]] = [[] for _ in range(max((part.layer for part in parts.values()), default=-1) + 1)]
    for part in [*parts.values(), *(lane for chain in chains for lane in chain[1:-1])]:
        layers[part.layer].append(part)
    best, fewest = [list(layer) for layer in layers], _crossings(layers)
    for sweep in range(_SWEEPS):
        downwards = sweep % 2 == 0
        rank = _ranks(layers)
        for layer in layers if downwards else reversed(layers):
            _sort_by_neighbours(layer, rank, from_left=downwards)
        crossed = _crossings(layers)
        if crossed < fewest:
            best, fewest = [list(layer) for layer in layers], crossed
    return best


def _ranks(layers: list[list[_Part]]) -> dict[int, int]:
    return {id(part): rank for layer in layers for rank, part in enumerate(layer)}


def _sort_by_neighbours(layer: list[_Part], rank: dict[int, int], *, from_left: bool) -> None:
    def centre(part: _Part) -> float:
        near = part.left if from_left else part.right
        return sum(rank[id(other)] for other in near) / len(near) if near else rank[id(part)]

    layer.sort(key=centre)
    rank.update((id(part), number) for number, part in enumerate(layer))


def _crossings(layers: list[list[_Part]]) -> int:
    """How often edges between neighbouring layers cross."""
    rank, crossed = _ranks(layers), 0
    for layer in layers:
        ends = [rank[id(other)] for part in layer for other in sorted(part.right, key=lambda other: rank[id(other)])]
        crossed += _inversions(ends)
    return crossed


def _inversions(numbers: list[int]) -> int:
    """Pairs in the wrong order, by a binary indexed tree."""
    tree, found = [0] * (max(numbers, default=0) + 2), 0
    for seen, number in enumerate(numbers):
        found += seen
        index = number + 1
        while index:
            found -= tree[index]
            index &= index - 1
        index = number + 1
        while index < len(tree):
            tree[index] += 1
            index += index & -index
    return found


def _heights(layers: list[list[_Part]]) -> None:
    """Draws each part towards its neighbours, as far as those above and below leave room."""
    for layer in layers:
        y = 0.0
        for part in layer:
            part.y = y + part.height / 2
            y += part.height + GAP_Y
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        for layer in layers if forward else reversed(layers):
            wanted = [_wish(part, part.left if forward else part.right) for part in layer]
            for part, y in zip(layer, _spread(layer, wanted), strict=True):
                part.y = y


def _wish(part: _Part, near: list[_Part]) -> float:
    heights = sorted(other.y for other in near)
    if not heights:
        return part.y
    middle = len(heights) // 2
    return heights[middle] if len(heights) % 2 else (heights[middle - 1] + heights[middle]) / 2


def _spread(layer: list[_Part], wanted: list[float]) -> list[float]:
    """The heights closest to the wished ones that keep order and distances: pools of adjacent violators."""
    offsets = [0.0]
    for above, below in pairwise(layer):
        gap = GAP_Y if not (above.is_lane and below.is_lane) else LANE / 2
        offsets.append(offsets[-1] + (above.height + below.height) / 2 + gap)
    pools: list[tuple[float, int]] = []
    for wish, offset in zip(wanted, offsets, strict=False):
        mean, size = wish - offset, 1
        while pools and pools[-1][0] > mean:
            other, count = pools.pop()
            mean, size = (mean * size + other * count) / (size + count), size + count
        pools.append((mean, size))
    free = [mean for mean, size in pools for _ in range(size)]
    return [mean + offset for mean, offset in zip(free, offsets, strict=False)]


def _drawn(
    sizes: dict[str, tuple[float, float]],
    parts: dict[str, _Part],
    layers: list[list[_Part]],
    edges: Sequence[tuple[str, str]],
    chains: list[list[_Part]],
    back: set[int],
) -> Placement:
    """Boxes and routes, moved so that all of it lies right of and below 0."""
    top = min((part.y - part.height / 2 for layer in layers for part in layer), default=0.0) - GAP_Y
    for layer in layers:
        for part in layer:
            part.y -= top
    gaps = _channels(layers, chains)
    lefts, x = [], GAP_X / 2
    for number, layer in enumerate(layers):
        lefts.append(x)
        x += max(part.width for part in layer) + GAP_X + LANE * len(gaps.get(number, {}))
    widths = [max(part.width for part in layer) for layer in layers]
    boxes = {
        node: Box(lefts[part.layer] + (widths[part.layer] - part.width) / 2, part.y - part.height / 2, part.width, part.height)
        for node, part in parts.items()
    }
    routes = []
    for number, (source, target) in enumerate(edges):
        if source == target:
            routes.append(_around(boxes[source]))
            continue
        ends = (boxes[target], boxes[source]) if number in back else (boxes[source], boxes[target])
        route = _route(number, chains[number], ends, lefts, widths, gaps)
        routes.append(route[::-1] if number in back else route)
    height = max((box.y + box.height for box in boxes.values()), default=0.0)
    lowest = max((y for route in routes for _, y in route), default=0.0)
    return Placement(boxes, routes, x, max(height, lowest) + GAP_Y)


def _channels(layers: list[list[_Part]], chains: list[list[_Part]]) -> dict[int, dict[int, int]]:
    """By layer, the place of each edge's upright stretch in the gap to its right: none for edges that run straight on."""
    gaps: dict[int, dict[int, int]] = {}
    crossing: dict[int, list[tuple[float, float, int]]] = {}
    for number, chain in enumerate(chains):
        for before, after in pairwise(chain):
            if before.layer < after.layer and abs(before.y - after.y) > 0.5:
                crossing.setdefault(before.layer, []).append((before.y, after.y, number))
    for layer, stretches in crossing.items():
        falling = sorted((part for part in stretches if part[1] > part[0]), key=lambda part: (-part[0], -part[1], part[2]))
        rising = sorted((part for part in stretches if part[1] <= part[0]), key=lambda part: (part[0], part[1], part[2]))
        gaps[layer] = {number: place for place, (_, _, number) in enumerate([*falling, *rising])}
    return gaps


def _route(
    number: int,
    chain: list[_Part],
    ends: tuple[Box, Box],
    lefts: list[float],
    widths: list[float],
    gaps: dict[int, dict[int, int]],
) -> list[Point]:
    """From the right side of one box to the left side of the other, upright in the gaps only."""
    first, last = ends
    points: list[Point] = [(first.x + first.width, first.middle)]
    for before, after in pairwise(chain):
        if abs(before.y - after.y) > 0.5:
            channel = gaps[before.layer][number]
            x = lefts[before.layer] + widths[before.layer] + GAP_X / 2 + LANE * channel
            points += [(x, before.y), (x, after.y)]
    points.append((last.x, last.middle))
    return points


def _around(box: Box) -> list[Point]:
    """A loop below a node."""
    low = box.y + box.height + GAP_Y / 3
    right, left = box.x + box.width * 0.65, box.x + box.width * 0.35
    return [(right, box.y + box.height), (right, low), (left, low), (left, box.y + box.height)]
