"""Wiring a Petri net step by step, and making it smaller without changing what it can do.

What belongs here: steps over numbered places, the fusions of silent ones, and the finished net. What does not: what is wired
(`mining.tree_net`, `mining.bpmn_net`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from mining.petri_net import PetriNet, Transition


@dataclass
class Step:
    """A transition that is being wired; places are numbers."""

    label: str | None
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)


class Wiring:
    """Places and steps under construction, between a source and a sink."""

    def __init__(self) -> None:
        self.places = 0
        self.steps: list[Step] = []
        self.source, self.sink = self.place(), self.place()

    def place(self) -> int:
        """A new place."""
        self.places += 1
        return self.places

    def step(self, label: str | None, inputs: list[int], outputs: list[int]) -> None:
        """A new transition; without label it is silent."""
        self.steps.append(Step(label, inputs, outputs))

    def net(self) -> PetriNet:
        """The finished net, its parts numbered in a fixed order."""
        return _numbered(self.steps, self.source, self.sink)


def fuse(steps: list[Step]) -> None:
    """Merges silent steps into what comes right before or after them, where nothing else depends on the place between."""
    while _fuse_once(steps, lambda step: step.inputs, lambda step: step.outputs) or _fuse_once(
        steps, lambda step: step.outputs, lambda step: step.inputs
    ):
        pass


def _fuse_once(steps: list[Step], near: Callable[[Step], list[int]], far: Callable[[Step], list[int]]) -> bool:
    """Merges every silent step whose only `near` place joins it to exactly one other step; says whether there was one."""
    found = False
    for step in [step for step in steps if step.label is None and len(near(step)) == 1]:
        (place,) = near(step)
        users = [other for other in steps if place in near(other)]
        makers = [other for other in steps if place in far(other)]
        if len(users) == 1 and len(makers) == 1 and makers[0] is not step:
            steps.remove(step)
            far(makers[0]).remove(place)
            far(makers[0]).extend(far(step))
            found = True
    return found


def merge_places(wiring: Wiring) -> None:
    """Takes out silent steps from one place to another that nothing else leaves: both places become one."""
    for step in [step for step in wiring.steps if step.label is None and len(step.inputs) == len(step.outputs) == 1]:
        (place,), (target,) = step.inputs, step.outputs
        users = [other for other in wiring.steps if place in other.inputs]
        if len(users) != 1 or place in (wiring.source, target) or any({place, target} <= {*s.outputs} for s in wiring.steps):
            continue
        wiring.steps.remove(step)
        for other in wiring.steps:
            other.outputs[:] = [target if output == place else output for output in other.outputs]


def _numbered(steps: list[Step], source: int, sink: int) -> PetriNet:
    used = sorted({place for step in steps for place in (*step.inputs, *step.outputs)} | {source, sink})
    places = {place: f"p{number}" for number, place in enumerate(used, start=1)}
    ordered = sorted(steps, key=lambda step: (step.label is None, step.label or ""))
    transitions = tuple(Transition(f"t{number}", step.label) for number, step in enumerate(ordered, start=1))
    arcs = [(places[place], t.id) for t, step in zip(transitions, ordered, strict=True) for place in step.inputs]
    arcs += [(t.id, places[place]) for t, step in zip(transitions, ordered, strict=True) for place in step.outputs]
    return PetriNet(tuple(places.values()), transitions, tuple(sorted(arcs)), initial={places[source]: 1}, final={places[sink]: 1})
