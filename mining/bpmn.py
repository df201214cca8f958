"""BPMN 2.0 diagrams of process trees, with a layout made here: no graphviz, no other program.

What belongs here: turning a tree's blocks into tasks, gateways and flows, and placing them. What does not: reading BPMN.

A tree is made of blocks, so its drawing is too: a sequence stands side by side, the branches of a choice or of parallel work
stand one below the other between two gateways, and a loop's way back runs below its body. Every block has a size, and one row
through which flows enter at the left and leave at the right.
"""

from dataclasses import dataclass, field
from itertools import count
from xml.etree import ElementTree

from mining.petri_net import XML_HEAD
from mining.process_tree import ProcessTree

TASK, GATEWAY, EVENT = (110, 60), (40, 40), (32, 32)  # width and height in BPMN's pixels
GAP_X, GAP_Y = 40, 24
_NAMESPACES = {
    "": "http://www.omg.org/spec/BPMN/20100524/MODEL",
    "bpmndi": "http://www.omg.org/spec/BPMN/20100524/DI",
    "dc": "http://www.omg.org/spec/DD/20100524/DC",
    "di": "http://www.omg.org/spec/DD/20100524/DI",
}


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


def tree_to_bpmn(tree: ProcessTree, *, name: str = "process") -> str:
    """The tree as a BPMN 2.0 document with shapes and edges, readable by bpmn.io, Camunda and pm4py."""
    ids = count(1)
    body = _draw(tree, ids)
    start, end = _leaf("startEvent", "", EVENT, ids), _leaf("endEvent", "", EVENT, ids)
    return _document(_in_line([start, body, end]), name)


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


def _document(drawing: _Block, name: str) -> str:
    for prefix, address in _NAMESPACES.items():
        ElementTree.register_namespace(prefix, address)
    root = ElementTree.Element(_tag("", "definitions"), {"targetNamespace": "urn:grimoire", "id": "definitions_1"})
    process = ElementTree.SubElement(root, _tag("", "process"), {"id": "process_1", "name": name, "isExecutable": "false"})
    diagram = ElementTree.SubElement(root, _tag("bpmndi", "BPMNDiagram"), {"id": "diagram_1"})
    plane = ElementTree.SubElement(diagram, _tag("bpmndi", "BPMNPlane"), {"id": "plane_1", "bpmnElement": "process_1"})
    _write_nodes(drawing, process, plane)
    _write_flows(drawing, process, plane)
    ElementTree.indent(root)
    return XML_HEAD + ElementTree.tostring(root, encoding="unicode") + "\n"


def _write_nodes(drawing: _Block, process: ElementTree.Element, plane: ElementTree.Element) -> None:
    incoming: dict[str, list[str]] = {key: [] for key in drawing.nodes}
    outgoing: dict[str, list[str]] = {key: [] for key in drawing.nodes}
    for number, flow in enumerate(drawing.flows, start=1):
        outgoing[flow.source].append(f"flow_{number}")
        incoming[flow.target].append(f"flow_{number}")
    for key, node in drawing.nodes.items():
        attributes = {"id": key, "name": node.name} if node.name else {"id": key}
        if node.kind.endswith("Gateway"):
            attributes["gatewayDirection"] = "Diverging" if len(outgoing[key]) > 1 else "Converging"
            if len(outgoing[key]) > 1 and len(incoming[key]) > 1:
                attributes["gatewayDirection"] = "Mixed"
        element = ElementTree.SubElement(process, _tag("", node.kind), attributes)
        for tag, flows in (("incoming", incoming[key]), ("outgoing", outgoing[key])):
            for name in flows:
                ElementTree.SubElement(element, _tag("", tag)).text = name
        shape = ElementTree.SubElement(plane, _tag("bpmndi", "BPMNShape"), {"id": f"{key}_di", "bpmnElement": key})
        ElementTree.SubElement(shape, _tag("dc", "Bounds"), _numbers(x=node.x, y=node.y, width=node.width, height=node.height))


def _write_flows(drawing: _Block, process: ElementTree.Element, plane: ElementTree.Element) -> None:
    for number, flow in enumerate(drawing.flows, start=1):
        key = f"flow_{number}"
        ends = {"sourceRef": flow.source, "targetRef": flow.target}
        ElementTree.SubElement(process, _tag("", "sequenceFlow"), {"id": key, **ends})
        edge = ElementTree.SubElement(plane, _tag("bpmndi", "BPMNEdge"), {"id": f"{key}_di", "bpmnElement": key})
        for x, y in _bends(drawing.nodes[flow.source], drawing.nodes[flow.target], flow.lane):
            ElementTree.SubElement(edge, _tag("di", "waypoint"), _numbers(x=x, y=y))


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


def _numbers(**values: float) -> dict[str, str]:
    return {name: f"{value:g}" for name, value in values.items()}


def _tag(prefix: str, name: str) -> str:
    return f"{{{_NAMESPACES[prefix]}}}{name}"
