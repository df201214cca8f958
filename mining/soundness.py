"""Whether every run of a net can end properly, and in words what is wrong where it cannot.

What belongs here: the structure of a workflow net and its state space, explored up to a bound. What does not: how well a log
fits a net (`mining.conformance`).

A workflow net is sound if from every marking that can be reached the final one can be reached, no token is left behind when it
is, and every transition can fire (van der Aalst, «The Application of Petri Nets to Workflow Management», 1998).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from mining.petri_net import PetriNet, Transition

STATES = 50_000  # markings explored before the answer is «not decided»
_Marking = tuple[int, ...]
_Part = TypeVar("_Part")


@dataclass(frozen=True)
class Soundness:
    """What is known of a net.

    Attributes:
        is_sound: None if the state space was larger than the bound and nothing wrong was seen within it.
        problems: What is wrong, one sentence each; what was left open, if it was not decided.
        states: Markings explored.
    """

    is_sound: bool | None
    problems: tuple[str, ...]
    states: int


def check_soundness(net: PetriNet, *, states: int = STATES) -> Soundness:
    """Checks a net's structure, then its markings.

    Args:
        net: The net with its initial and final marking.
        states: Bound on the markings that are explored; about 50,000 take some seconds.
    """
    structure = tuple(_structure(net))
    if structure:
        return Soundness(False, structure, 0)
    space = _Space(net, states)
    problems = tuple(space.problems())
    if problems:
        return Soundness(False, problems, len(space.edges))
    if space.is_cut:
        left = f"Not decided: there are more than {states:,} markings, and none of those looked at is wrong."
        return Soundness(None, (left,), len(space.edges))
    return Soundness(True, (), len(space.edges))


def _structure(net: PetriNet) -> Iterator[str]:
    """What is wrong with the net as a graph."""
    if not net.transitions:
        yield "The net has no transitions."
        return
    if not net.initial:
        yield "The net has no initial marking: nothing can begin."
    if not net.final:
        yield "The net has no final marking: nothing can end."
    after: dict[str, list[str]] = {}
    before: dict[str, list[str]] = {}
    for source, target in net.arcs:
        after.setdefault(source, []).append(target)
        before.setdefault(target, []).append(source)
    labels = {t.id: _named(t) for t in net.transitions}
    begun, ended = _reached(net.initial, after), _reached(net.final, before)
    cut_off = set(labels) - begun
    if cut_off and net.initial:
        yield f"No way leads from the start to {_listed(labels[part] for part in cut_off)}."
    dead_ends = set(labels) - cut_off - ended
    if dead_ends and net.final:
        yield f"No way leads from {_listed(labels[part] for part in dead_ends)} to the end."
    free = [labels[part] for part in labels if part not in before]
    if free:
        yield f"{_listed(free)} can happen at any time and any number of times: nothing comes before."


def _reached(sources: Iterable[_Part], near: dict[_Part, list[_Part]]) -> set[_Part]:
    seen = set(sources)
    waiting = list(seen)
    while waiting:
        for part in near.get(waiting.pop(), ()):
            if part not in seen:
                seen.add(part)
                waiting.append(part)
    return seen


def _named(transition: Transition) -> str:
    return f"silent step {transition.id}" if transition.label is None else f"«{transition.label}»"


def _listed(names: Iterable[str], most: int = 5) -> str:
    ordered = sorted(set(names))
    more = f" and {len(ordered) - most} more" if len(ordered) > most else ""
    return ", ".join(ordered[:most]) + more


class _Space:
    """The markings of a net as far as the bound allows, and what fires between them."""

    def __init__(self, net: PetriNet, limit: int) -> None:
        self.net = net
        index = {place: number for number, place in enumerate(net.places)}
        inputs: dict[str, list[int]] = {t.id: [] for t in net.transitions}
        outputs: dict[str, list[int]] = {t.id: [] for t in net.transitions}
        for source, target in net.arcs:
            if source in index:
                inputs[target].append(index[source])
            else:
                outputs[source].append(index[target])
        self.steps = [(number, inputs[t.id], outputs[t.id]) for number, t in enumerate(net.transitions)]
        self.initial = tuple(net.initial.get(place, 0) for place in net.places)
        self.final = tuple(net.final.get(place, 0) for place in net.places)
        self.edges: dict[_Marking, list[tuple[int, _Marking]]] = {}
        self.growing: _Marking | None = None
        self.is_cut = False
        self._explore(limit)

    def _explore(self, limit: int) -> None:
        parents: dict[_Marking, _Marking | None] = {self.initial: None}
        waiting = [self.initial]
        for marking in waiting:
            if len(self.edges) >= limit:
                self.is_cut = True
                return
            self.edges[marking] = list(self._fired(marking))
            for _, reached in self.edges[marking]:
                if reached in parents:
                    continue
                parents[reached] = marking
                if self._grows(reached, parents):
                    self.growing = reached
                    return
                waiting.append(reached)

    def _fired(self, marking: _Marking) -> Iterator[tuple[int, _Marking]]:
        for number, inputs, outputs in self.steps:
            if all(marking[place] for place in inputs):
                tokens = list(marking)
                for place in inputs:
                    tokens[place] -= 1
                for place in outputs:
                    tokens[place] += 1
                if min(tokens) >= 0:
                    yield number, tuple(tokens)

    @staticmethod
    def _grows(marking: _Marking, parents: dict[_Marking, "_Marking | None"]) -> bool:
        """Whether a marking on the way here is contained in this one, so that tokens pile up without end."""
        size, earlier = sum(marking), parents[marking]
        while earlier is not None:
            if sum(earlier) < size and all(few <= many for few, many in zip(earlier, marking, strict=True)):
                return True
            earlier = parents[earlier]
        return False

    def problems(self) -> Iterator[str]:
        """What is wrong with the markings, one sentence each."""
        if self.growing is not None:
            yield f"Tokens pile up without end: {self._tokens(self.growing)} can be reached again and again with more."
            return
        left = [m for m in self.edges if m != self.final and all(a >= b for a, b in zip(m, self.final, strict=True))]
        if left:
            yield f"A run can reach its end with work left over: {self._tokens(left[0])}."
        if self.is_cut:
            return
        can_end = self._can_end()
        stuck = [m for m in self.edges if m not in can_end]
        if stuck:
            last = min(stuck, key=lambda m: (len(self.edges[m]), m))
            what = "A run can get stuck" if not self.edges[last] else "A run can go on for ever without reaching the end"
            yield f"{what}: with {self._tokens(last)} the end can no longer be reached."
        fired = {number for steps in self.edges.values() for number, _ in steps}
        dead = [_named(t) for number, t in enumerate(self.net.transitions) if number not in fired]
        if dead:
            yield f"These can never happen: {_listed(dead)}."

    def _can_end(self) -> set[_Marking]:
        before: dict[_Marking, list[_Marking]] = {}
        for marking, steps in self.edges.items():
            for _, reached in steps:
                before.setdefault(reached, []).append(marking)
        return _reached([self.final], before)

    def _tokens(self, marking: _Marking) -> str:
        """The marking as the activities that may come next, or its places where there are none."""
        nexts = [_named(self.net.transitions[number]) for number, _ in self._fired(marking)]
        places = [place for place, tokens in zip(self.net.places, marking, strict=True) if tokens]
        return f"tokens in {_listed(places)}" + (f" (next: {_listed(nexts)})" if nexts else " (nothing can follow)")
