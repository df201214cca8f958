"""Reading BPMN 2.0 files that people draw: into the nodes and flows that can be held against a log.

What belongs here: which elements mean something, what is flattened, and what is refused. What does not: their meaning in tokens
(`mining.bpmn_net`).

Tasks of every kind and call activities are tasks. Intermediate events stand for nothing in a log and are passed through.
Embedded subprocesses are flattened. A file that says more than a net can hold is refused with the element that does.
"""

from xml.etree import ElementTree

from lake.errors import FileFormatError
from mining.bpmn_diagram import Diagram, Node

_TASKS = {
    *("task", "userTask", "serviceTask", "sendTask", "receiveTask", "manualTask", "businessRuleTask", "scriptTask"),
    "callActivity",
}
_KINDS = {
    **dict.fromkeys(_TASKS, "task"),
    **{kind: kind for kind in ("startEvent", "endEvent", "exclusiveGateway", "parallelGateway", "inclusiveGateway")},
    "eventBasedGateway": "exclusiveGateway",
    "intermediateThrowEvent": "intermediateThrowEvent",
    "intermediateCatchEvent": "intermediateThrowEvent",
}
_SUBPROCESSES = {"subProcess", "transaction"}
_REFUSED = {
    "boundaryEvent": "an event at the edge of a task interrupts it, which a net does not show",
    "complexGateway": "its rule is free text",
    "adHocSubProcess": "its tasks have no order",
}
_REPEATS = {"standardLoopCharacteristics", "multiInstanceLoopCharacteristics"}


def read_bpmn(text: str) -> Diagram:
    """The diagram of a BPMN 2.0 document with one process; names are freed of line breaks.

    A node that nothing leads to is a start, one that leads to nothing an end, whether an event stands there or not.

    Raises:
        FileFormatError: Not BPMN, no process or several, a flow to nowhere, or an element with no meaning here.
    """
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 — a model file of the user's own; no entities are resolved
    except ElementTree.ParseError as error:
        raise FileFormatError(f"The BPMN is not XML: {error}.", remedy="Give a BPMN 2.0 file.") from error
    processes = [part for part in root.iter() if _tag(part) == "process" and any(_tag(node) in _KINDS for node in part.iter())]
    if _tag(root) != "definitions" or not processes:
        raise FileFormatError("The file holds no BPMN process.", remedy="Give a BPMN 2.0 file with a process that has tasks.")
    if len(processes) > 1:
        names = ", ".join(process.get("name") or str(process.get("id")) for process in processes)
        raise FileFormatError(
            f"The file holds {len(processes)} processes: {names}.", remedy="Save the one you mean in a file of its own."
        )
    reading = _Reading()
    reading.take(processes[0])
    return reading.diagram()


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


class _Reading:
    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.flows: list[tuple[str, str]] = []
        self.entries: dict[str, list[str]] = {}  # of subprocesses
        self.exits: dict[str, list[str]] = {}

    def take(self, scope: ElementTree.Element) -> list[str]:
        """Takes a process's or subprocess's own nodes and flows; returns the ids of its nodes."""
        own = []
        for element in scope:
            kind, key = _tag(element), element.get("id", "")
            if kind in _REFUSED or element.get("triggeredByEvent") == "true":
                raise _refused(element, _REFUSED.get(kind, "it starts whenever an event happens"))
            if any(_tag(part) in _REPEATS for part in element):
                raise _refused(element, "how often it is repeated is not said; draw the loop with gateways")
            if kind in _SUBPROCESSES:
                own.append(key)
                self._flatten(element, key)
            elif kind in _KINDS:
                own.append(key)
                self.nodes[key] = Node(key, _KINDS[kind], " ".join(element.get("name", "").split()))
        for element in scope:
            if _tag(element) == "sequenceFlow":
                self._flow(element, scope)
        return own

    def _flatten(self, element: ElementTree.Element, key: str) -> None:
        inner = self.take(element)
        if not inner:
            self.nodes[key] = Node(key, "task", " ".join(element.get("name", "").split()))
            return
        leads, led = {source for source, _ in self.flows}, {target for _, target in self.flows}
        self.entries[key] = [one for node in inner for one in self.entries.get(node, [node]) if one not in led]
        self.exits[key] = [one for node in inner for one in self.exits.get(node, [node]) if one not in leads]
        if not self.entries[key] or not self.exits[key]:
            raise _refused(element, "nothing in it begins or nothing in it ends")
        self._gate(key)

    def _gate(self, key: str) -> None:
        """Several ways into or out of a subprocess meet in a gateway of their own; its events are passed through."""
        for ends, name in ((self.entries, "in"), (self.exits, "out")):
            for one in ends[key]:
                node = self.nodes[one]
                if node.kind in ("startEvent", "endEvent"):
                    self.nodes[one] = Node(one, "intermediateThrowEvent", node.name)
            if len(ends[key]) > 1:
                gate = f"{key}_{name}"
                self.nodes[gate] = Node(gate, "exclusiveGateway")
                self.flows += [(gate, one) if name == "in" else (one, gate) for one in ends[key]]
                ends[key] = [gate]

    def _flow(self, element: ElementTree.Element, scope: ElementTree.Element) -> None:
        source, target = element.get("sourceRef", ""), element.get("targetRef", "")
        for end in (source, target):
            if end not in self.nodes and end not in self.entries:
                raise FileFormatError(
                    f"The flow {element.get('id')} leads to or from `{end}`, and there is no such node.",
                    remedy="Join the flow to nodes at both ends.",
                )
        leaves = self.exits.get(source, [source])[0]
        conditional = any(_tag(part) == "conditionExpression" for part in element)
        if conditional and self.nodes[leaves].kind == "task" and _outgoing(scope, source) > 1:
            raise _refused(element, "a condition on a flow that leaves a task; draw a gateway")
        self.flows.append((leaves, self.entries.get(target, [target])[0]))

    def diagram(self) -> Diagram:
        if not any(node.kind == "task" for node in self.nodes.values()):
            raise FileFormatError("The process has no task.", remedy="Draw the activities of the log as tasks.")
        return Diagram(tuple(self.nodes.values()), tuple(self.flows))


def _outgoing(scope: ElementTree.Element, source: str) -> int:
    return sum(_tag(part) == "sequenceFlow" and part.get("sourceRef") == source for part in scope)


def _refused(element: ElementTree.Element, why: str) -> FileFormatError:
    name = " ".join(element.get("name", "").split()) or element.get("id", "?")
    return FileFormatError(
        f"{_tag(element)} {name} has no meaning here: {why}.", remedy="Redraw that part with tasks and gateways.", element=name
    )
