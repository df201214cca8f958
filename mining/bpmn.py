"""BPMN 2.0 diagrams of process trees, with a layout made here: no graphviz, no other program.

What belongs here: turning a tree's blocks into tasks, gateways and flows, and placing them. What does not: the diagram itself
and its file (`mining.bpmn_diagram`), reading one (`mining.bpmn_reading`), diagrams without a tree (`mining.bpmn_net`).

A tree is made of blocks, so its drawing is too: a sequence stands side by side, the branches of a choice or of parallel work
stand one below the other between two gateways, and a loop's way back runs below its body. Every block has a size, and one row
through which flows enter at the left and leave at the right.
"""

from dataclasses import dataclass, field
from itertools import count

from mining.bpmn_diagram import EVENT, GATEWAY, TASK, Diagram, Drawing, Node
from mining.layered import Box, Placement
from mining.process_tree import ProcessTree

GAP_X, GAP_Y = 40, 24


@dataclass
class _Node:
    kind: str
    name: str
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass
class _Flow:
    """From one node to another; with a lane, the height at which it runs past what lies between them."""

    source: str
    target: str
    lane: float | None = None


@dataclass
class _Block:
    """A drawn part: its nodes and flows, its size, the height of its row, and where flows enter and leave.

    A block without nodes is a mere wire: `first` and `last` are None.
    """

    nodes: dict[str, _Node] = field(default_factory=dict)
    flows: list[_Flow] = field(default_factory=list)
    width: float = 0
    height: float = 0
    row: float = 0
    first: str | None = None
    last: str | None = None

    def take(self, other: "_Block", x: float, y: float) -> None:
        """Takes over another block's parts, moved so that its corner lies at x, y."""
        for key, node in other.nodes.items():
            node.x, node.y = node.x + x, node.y + y
            self.nodes[key] = node
        for flow in other.flows:
            flow.lane = None if flow.lane is None else flow.lane + y
        self.flows += other.flows


def draw_tree(tree: ProcessTree) -> Drawing:
    """The tree as a diagram whose every part has its place."""
    ids = count(1)
    body = _draw(tree, ids)
    start, end = _leaf("startEvent", "", EVENT, ids), _leaf("endEvent", "", EVENT, ids)
    block = _in_line([start, body, end])
    nodes = tuple(Node(key, node.kind, node.name) for key, node in block.nodes.items())
    flows = tuple((flow.source, flow.target) for flow in block.flows)
    boxes = {key: Box(node.x, node.y, node.width, node.height) for key, node in block.nodes.items()}
    routes = [_bends(block.nodes[flow.source], block.nodes[flow.target], flow.lane) for flow in block.flows]
    return Drawing(Diagram(nodes, flows), Placement(boxes, routes, block.width, block.height))


def _draw(tree: ProcessTree, ids: "count[int]") -> _Block:
    if tree.operator is None:
        return _Block(height=GATEWAY[1], row=GATEWAY[1] / 2) if tree.label is None else _leaf("task", tree.label, TASK, ids)
    if tree.operator == "sequence":
        return _in_line([_draw(child, ids) for child in tree.children])
    if tree.operator == "loop":
        return _loop(tree, ids)
    kind = "exclusiveGateway" if tree.operator == "choice" else "parallelGateway"
    return _branches([_draw(child, ids) for child in tree.children], kind, ids)


def _leaf(kind: str, name: str, size: tuple[int, int], ids: "count[int]") -> _Block:
    key = f"{kind}_{next(ids)}"
    width, height = size
    return _Block({key: _Node(kind, name, 0, 0, width, height)}, [], width, height, height / 2, key, key)


def _in_line(blocks: list[_Block]) -> _Block:
    """Blocks side by side, their rows on one line."""
    line = _Block(row=max(block.row for block in blocks))
    for block in blocks:
        if block.first is None:
            line.height = max(line.height, line.row + block.height - block.row)
            continue
        x = line.width + (GAP_X if line.width else 0)
        line.take(block, x, line.row - block.row)
        if line.last is not None:
            line.flows.append(_Flow(line.last, block.first))
        line.first, line.last = line.first or block.first, block.last
        line.width = x + block.width
        line.height = max(line.height, line.row + block.height - block.row)
    return line


def _branches(blocks: list[_Block], kind: str, ids: "count[int]") -> _Block:
    """Blocks one below the other, between a gateway that opens and one that closes."""
    opening, closing = _leaf(kind, "", GATEWAY, ids), _leaf(kind, "", GATEWAY, ids)
    width = max(block.width for block in blocks)
    whole = _Block(width=2 * (GATEWAY[0] + GAP_X) + width, height=sum(block.height for block in blocks) + GAP_Y * (len(blocks) - 1))
    whole.row = whole.height / 2
    whole.first, whole.last = opening.first, closing.last
    whole.take(opening, 0, whole.row - GATEWAY[1] / 2)
    whole.take(closing, whole.width - GATEWAY[0], whole.row - GATEWAY[1] / 2)
    y = 0.0
    for block in blocks:
        whole.take(block, GATEWAY[0] + GAP_X + (width - block.width) / 2, y)
        _connect(whole, block, str(opening.first), str(closing.first), lane=y + block.row)
        y += block.height + GAP_Y
    return whole


def _loop(tree: ProcessTree, ids: "count[int]") -> _Block:
    """A body between two exclusive gateways, and below it the ways back."""
    body, *ways_back = [_draw(child, ids) for child in tree.children]
    enter, leave = _leaf("exclusiveGateway", "", GATEWAY, ids), _leaf("exclusiveGateway", "", GATEWAY, ids)
    inner = max(block.width for block in (body, *ways_back))
    whole = _Block(width=2 * (GATEWAY[0] + GAP_X) + inner, row=max(body.row, GATEWAY[1] / 2), first=enter.first, last=leave.last)
    whole.take(enter, 0, whole.row - GATEWAY[1] / 2)
    whole.take(leave, whole.width - GATEWAY[0], whole.row - GATEWAY[1] / 2)
    whole.take(body, GATEWAY[0] + GAP_X + (inner - body.width) / 2, whole.row - body.row)
    _connect(whole, body, str(enter.first), str(leave.first), lane=whole.row)
    whole.height = whole.row + max(body.height - body.row, GATEWAY[1] / 2)
    for block in ways_back:
        whole.take(block, GATEWAY[0] + GAP_X + (inner - block.width) / 2, whole.height + GAP_Y)
        _connect(whole, block, str(leave.first), str(enter.first), lane=whole.height + GAP_Y + block.row)
        whole.height += GAP_Y + block.height
    return whole


def _connect(whole: _Block, block: _Block, before: str, after: str, *, lane: float) -> None:
    """Flows into and out of a block; past an empty one a single flow, at the height the block would have."""
    if block.first is None or block.last is None:
        whole.flows.append(_Flow(before, after, lane))
    else:
        whole.flows += [_Flow(before, block.first), _Flow(block.last, after)]


def _bends(source: _Node, target: _Node, lane: float | None) -> list[tuple[float, float]]:
    """A right-angled way from one node to another, forwards or back."""
    if lane is not None and lane != source.middle:
        return _through_lane(source, target, lane)
    if target.x >= source.x + source.width:
        start, end = (source.x + source.width, source.middle), (target.x, target.middle)
        if source.middle == target.middle:
            return [start, end]
        splits = source.kind.endswith("Gateway")
        bend = source.x + source.width + GAP_X / 2 if splits else target.x - GAP_X / 2
        return [start, (bend, source.middle), (bend, target.middle), end]
    if source.kind.endswith("Gateway"):  # into a way back, from its right
        right = source.x + source.width / 2
        return [(right, source.y + source.height), (right, target.middle), (target.x + target.width, target.middle)]
    left = target.x + target.width / 2  # out of a way back, to the gateway above
    return [(source.x, source.middle), (left, source.middle), (left, target.y + target.height)]


def _through_lane(source: _Node, target: _Node, lane: float) -> list[tuple[float, float]]:
    """Between two gateways by way of a lane above or below: out at the near corner of one, in at that of the other."""
    leaves = source.y + source.height if lane > source.middle else source.y
    arrives = target.y + target.height if lane > target.middle else target.y
    left, right = source.x + source.width / 2, target.x + target.width / 2
    return [(left, leaves), (left, lane), (right, lane), (right, arrives)]
