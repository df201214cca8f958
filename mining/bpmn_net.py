"""From BPMN diagrams to Petri nets and back.

What belongs here: what each kind of node means in tokens. What does not: files (`mining.bpmn_diagram`, `mining.bpmn_reading`).

A task with several flows out starts all of them, one with several flows in is done once per token, as BPMN 2.0 says. An
inclusive gateway is translated where its branches all meet again in one inclusive gateway: then a branch that is not taken
counts as done at once. Other inclusive gateways, whose meaning depends on the rest of the diagram, are refused.
"""

from itertools import combinations

from lake.errors import ModelError
from mining.bpmn_diagram import Diagram, Node
from mining.petri_net import PetriNet
from mining.wiring import Wiring, fuse, merge_places

BRANCHES = 8  # of an inclusive gateway: every choice of some of them becomes a silent step


def diagram_to_net(diagram: Diagram) -> PetriNet:
    """The Petri net of a diagram; tasks are its labelled transitions, all else is silent.

    Raises:
        ModelError: No node can be the first or the last, or an inclusive gateway has no counterpart or too many branches.
    """
    return _Translation(diagram).net()


class _Translation(Wiring):
    def __init__(self, diagram: Diagram) -> None:
        super().__init__()
        places = {number: self.place() for number in range(len(diagram.flows))}
        self.entering: dict[str, list[int]] = {node.id: [] for node in diagram.nodes}
        self.leaving: dict[str, list[int]] = {node.id: [] for node in diagram.nodes}
        self.target_of: dict[int, str] = {}
        for number, (source, target) in enumerate(diagram.flows):
            self.leaving[source].append(places[number])
            self.entering[target].append(places[number])
            self.target_of[places[number]] = target
        self.nodes = {node.id: node for node in diagram.nodes}
        if all(self.entering.values()):
            raise ModelError("The diagram has no start.", remedy="Add a start event.")
        if all(self.leaving.values()):
            raise ModelError("The diagram has no end: every node leads on to another.", remedy="Add an end event.")
        for node in diagram.nodes:
            self._translate(node)
        merge_places(self)
        fuse(self.steps)

    def _translate(self, node: Node) -> None:
        entering, leaving = self.entering[node.id] or [self.source], self.leaving[node.id] or [self.sink]
        if node.kind in ("exclusiveGateway", "eventBasedGateway"):
            self._choose(entering, leaving)
        elif node.kind == "parallelGateway":
            self.step(None, entering, leaving)
        elif node.kind == "inclusiveGateway":
            self._some(node, entering, leaving)
        else:
            self.step((node.name or None) if node.kind == "task" else None, [self._joined(entering)], leaving)

    def _joined(self, entering: list[int]) -> int:
        """One place for all that enters."""
        if len(entering) == 1:
            return entering[0]
        place = self.place()
        for one in entering:
            self.step(None, [one], [place])
        return place

    def _choose(self, entering: list[int], leaving: list[int]) -> None:
        place = self._joined(entering)
        for one in leaving:
            self.step(None, [place], [one])

    def _some(self, node: Node, entering: list[int], leaving: list[int]) -> None:
        """An inclusive gateway that splits, one that joins, or one that only passes on."""
        if len(entering) == len(leaving) == 1:
            self.step(None, entering, leaving)
        elif len(leaving) == 1:
            self._splitting(node)
            self.step(None, entering, leaving)
        elif len(entering) > 1 or len(leaving) > BRANCHES:
            raise _not_translated(node, f"has {len(entering)} flows in and {len(leaving)} out")
        else:
            arrivals = self._arrivals(node, leaving)
            for size in range(1, len(leaving) + 1):
                for taken in combinations(range(len(leaving)), size):
                    outputs = [leaving[number] if number in taken else arrivals[number] for number in range(len(leaving))]
                    self.step(None, entering, outputs)

    def _splitting(self, join: Node) -> None:
        """Refuses a join that no inclusive gateway splits for."""
        for node in self.nodes.values():
            if node.kind == "inclusiveGateway" and len(self.leaving[node.id]) > 1:
                arrivals = self._arrivals(node, self.leaving[node.id])
                if sorted(arrivals) == sorted(self.entering[join.id]):
                    return
        raise _not_translated(join, "joins branches that no single inclusive gateway has split")

    def _arrivals(self, node: Node, leaving: list[int]) -> list[int]:
        """By branch, the flow by which it reaches the one inclusive gateway where all meet."""
        ways = [self._ends_of(branch) for branch in leaving]
        joins = {self.target_of[place] for way in ways for place in way}
        if any(len(way) != 1 for way in ways) or len(joins) != 1 or len({min(way) for way in ways}) != len(leaving):
            raise _not_translated(node, "splits branches that do not all meet again in one inclusive gateway")
        return [min(way) for way in ways]

    def _ends_of(self, place: int) -> set[int]:
        """The flows into joining inclusive gateways that come first on the ways from a flow; sinks count, too."""
        found, seen, waiting = set(), {place}, [place]
        while waiting:
            flow = waiting.pop()
            target = self.target_of.get(flow)
            if target is None or (self.nodes[target].kind == "inclusiveGateway" and len(self.entering[target]) > 1):
                found.add(flow)
            else:
                new = set(self.leaving[target]) - seen
                seen |= new
                waiting += new
        return found


def _not_translated(node: Node, what: str) -> ModelError:
    return ModelError(
        f"The inclusive gateway {node.name or node.id} {what}, so it has no meaning of its own.",
        remedy="Use exclusive and parallel gateways, or let every inclusive split end in one inclusive join.",
        node=node.id,
    )


def net_to_diagram(net: PetriNet) -> Diagram:
    """The diagram of a net: tasks for labelled transitions, exclusive gateways for places, parallel ones around transitions.

    The diagram does what the net does where choices are free. Where a transition shares some of its places with another, a
    diagram can only show that the choice comes first and the waiting after.
    """
    return _Diagramming(net).diagram()


class _Diagramming:
    """Each place and transition becomes a chain of nodes, perhaps of none; flows join what is left."""

    def __init__(self, net: PetriNet) -> None:
        self.net = net
        self.nodes: list[Node] = []
        self.inputs: dict[str, list[str]] = {}
        self.outputs: dict[str, list[str]] = {}
        for source, target in net.arcs:
            self.outputs.setdefault(source, []).append(target)
            self.inputs.setdefault(target, []).append(source)

    def diagram(self) -> Diagram:
        first: dict[str, str] = {}
        last: dict[str, str] = {}
        for place in self.net.places:
            first[place], last[place] = self._place(place)
        for transition in self.net.transitions:
            first[transition.id], last[transition.id] = self._transition(transition.id, transition.label)
        between = {node.id for node in self.nodes}
        flows = [(node, first[target]) for source, node in last.items() for target in self.outputs.get(source, [])]
        flows += [(a.id, b.id) for a, b in self.chained]
        return _without_passing(Diagram(tuple(self.nodes), tuple(flow for flow in flows if set(flow) <= between)))

    @property
    def chained(self) -> list[tuple[Node, Node]]:
        """Neighbours within the chain of one place or transition."""
        owner = [node.id.rpartition("-")[0] for node in self.nodes]
        return [(a, b) for a, b, mine, other in zip(self.nodes, self.nodes[1:], owner, owner[1:], strict=False) if mine == other]

    def _place(self, place: str) -> tuple[str, str]:
        kinds = ["startEvent"] * bool(self.net.initial.get(place))
        kinds += ["exclusiveGateway"]
        kinds += ["endEvent"] * bool(self.net.final.get(place) and not self.outputs.get(place))
        return self._chain(place, [(kind, "") for kind in kinds], entry="exclusiveGateway")

    def _transition(self, key: str, label: str | None) -> tuple[str, str]:
        before = [("parallelGateway", "")] * (len(self.inputs.get(key, [])) > 1)
        after = [("parallelGateway", "")] * (len(self.outputs.get(key, [])) > 1)
        middle = [("task", label)] if label is not None else [("exclusiveGateway", "")] * (not before and not after)
        return self._chain(key, [*before, *middle, *after])

    def _chain(self, key: str, kinds: list[tuple[str, str]], entry: str = "") -> tuple[str, str]:
        nodes = [Node(f"{key}-{number}", kind, name) for number, (kind, name) in enumerate(kinds, start=1)]
        self.nodes += nodes
        enters = next((node for node in nodes if node.kind == entry), nodes[0])
        leaves = enters if entry else nodes[-1]
        return enters.id, leaves.id


def _without_passing(diagram: Diagram) -> Diagram:
    """Without gateways that have one flow in and one out, or that nothing meets at."""
    flows = list(diagram.flows)
    kept = []
    for node in diagram.nodes:
        entering = [flow for flow in flows if flow[1] == node.id]
        leaving = [flow for flow in flows if flow[0] == node.id]
        passing = node.kind.endswith("Gateway") and len(entering) == len(leaving) == 1 and entering != leaving
        if passing:
            flows[flows.index(entering[0])] = (entering[0][0], leaving[0][1])
            flows.remove(leaving[0])
        elif entering or leaving or not node.kind.endswith("Gateway"):
            kept.append(node)
    return Diagram(tuple(kept), tuple(dict.fromkeys(flows)))
