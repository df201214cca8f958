"""BPMN diagrams as plain values: nodes, flows, where they are drawn, and the BPMN 2.0 document.

What belongs here: the diagram, placing it in layers, and its file. What does not: reading files (`mining.bpmn_reading`),
diagrams of trees (`mining.bpmn`) and of nets (`mining.bpmn_net`).
"""

from dataclasses import dataclass
from xml.etree import ElementTree

from mining.layered import Placement, place
from mining.petri_net import XML_HEAD

TASK, GATEWAY, EVENT = (110, 60), (40, 40), (32, 32)  # width and height in BPMN's pixels
_NAMESPACES = {
    "": "http://www.omg.org/spec/BPMN/20100524/MODEL",
    "bpmndi": "http://www.omg.org/spec/BPMN/20100524/DI",
    "dc": "http://www.omg.org/spec/DD/20100524/DC",
    "di": "http://www.omg.org/spec/DD/20100524/DI",
}


@dataclass(frozen=True)
class Node:
    """A node; its kind is its BPMN element: task, exclusiveGateway, parallelGateway, inclusiveGateway, startEvent, endEvent …"""

    id: str
    kind: str
    name: str = ""

    @property
    def size(self) -> tuple[float, float]:
        """Width and height it is drawn with."""
        return GATEWAY if self.kind.endswith("Gateway") else EVENT if self.kind.endswith("Event") else TASK


@dataclass(frozen=True)
class Diagram:
    """Nodes and the sequence flows between them, by id."""

    nodes: tuple[Node, ...]
    flows: tuple[tuple[str, str], ...]

    def placed(self) -> "Drawing":
        """The diagram laid out in layers from start to end."""
        return Drawing(self, place({node.id: node.size for node in self.nodes}, self.flows))

    def to_bpmn(self, *, name: str = "process") -> str:
        """The diagram as a BPMN 2.0 document, laid out in layers."""
        return write_bpmn(self.placed(), name=name)


@dataclass(frozen=True)
class Drawing:
    """A diagram and the place of its every part."""

    diagram: Diagram
    placement: Placement


def write_bpmn(drawing: Drawing, *, name: str = "process") -> str:
    """The diagram as a BPMN 2.0 document with shapes and edges, readable by bpmn.io, Camunda and pm4py."""
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


def _write_nodes(drawing: Drawing, process: ElementTree.Element, plane: ElementTree.Element) -> None:
    incoming: dict[str, list[str]] = {node.id: [] for node in drawing.diagram.nodes}
    outgoing: dict[str, list[str]] = {node.id: [] for node in drawing.diagram.nodes}
    for number, (source, target) in enumerate(drawing.diagram.flows, start=1):
        outgoing[source].append(f"flow_{number}")
        incoming[target].append(f"flow_{number}")
    for node in drawing.diagram.nodes:
        key, box = node.id, drawing.placement.boxes[node.id]
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
        ElementTree.SubElement(shape, _tag("dc", "Bounds"), _numbers(x=box.x, y=box.y, width=box.width, height=box.height))


def _write_flows(drawing: Drawing, process: ElementTree.Element, plane: ElementTree.Element) -> None:
    for number, (source, target) in enumerate(drawing.diagram.flows, start=1):
        key = f"flow_{number}"
        ends = {"sourceRef": source, "targetRef": target}
        ElementTree.SubElement(process, _tag("", "sequenceFlow"), {"id": key, **ends})
        edge = ElementTree.SubElement(plane, _tag("bpmndi", "BPMNEdge"), {"id": f"{key}_di", "bpmnElement": key})
        for x, y in drawing.placement.routes[number - 1]:
            ElementTree.SubElement(edge, _tag("di", "waypoint"), _numbers(x=x, y=y))


def _numbers(**values: float) -> dict[str, str]:
    return {name: f"{value:g}" for name, value in values.items()}


def _tag(prefix: str, name: str) -> str:
    return f"{{{_NAMESPACES[prefix]}}}{name}"
