"""How much of what a model allows the log really does: escaping edges, on the tree of the variants' prefixes.

What belongs here: replaying prefixes in a net, and the two figures that come from it. What does not: fitness
(`mining.conformance`).

The measure is that of Muñoz-Gama and Carmona, «A Fresh Look at Precision in Process Conformance» (2010), as pm4py's
`precision_alignments` defines it: after each prefix of the log that the net can replay, the activities it then allows are
counted, and those that never follow in the log; the states after a prefix are those reached with the fewest silent steps.
Activities allowed only after silent steps are all counted, where pm4py 2.7.23 forgets some and finds a precision too high.
Prefixes the net cannot replay are left out, and `coverage` says how many are left.

Prefixes are replayed along their tree, each continued from the one before, and what was found for a set of states is kept; so
the work grows with the different situations in the log and not with its events.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import sqrt
from time import process_time

from mining.petri_net import PetriNet

STATES = 20_000  # markings reached by silent steps from one marking
_Marking = tuple[int, ...]
_States = frozenset[tuple[_Marking, int]]  # markings with their numbers of silent steps beyond the fewest


@dataclass(frozen=True)
class Precision:
    """What was measured.

    Attributes:
        precision: 1 - escaping / allowed, weighted by cases; None if the bound was reached.
        coverage: Share of the prefixes, weighted by cases, that the net can replay.
        generalisation: 1 - the mean of 1/√n over the transitions, n being how often each was used by the cases the net
            can replay to their end; one never used counts as 1. None if the bound was reached.
        remark: What was not measured and why; empty if all was.
    """

    precision: float | None
    coverage: float | None
    generalisation: float | None
    remark: str = ""


@dataclass
class _Prefix:
    """A node of the tree of prefixes: cases that go on from here, cases that end here, and what follows."""

    going_on: int = 0
    ending: int = 0
    next: dict[str, "_Prefix"] = field(default_factory=dict)


class _TooLargeError(Exception):
    """A bound was reached."""


def measure_precision(variants: Mapping[tuple[str, ...], int], net: PetriNet, *, seconds: float = 60.0) -> Precision:
    """Replays the variants in a net.

    Args:
        variants: Cases by variant; variants without events are left out.
        net: The net, sound or not.
        seconds: CPU seconds before giving up.
    """
    replay = _Replay(net, process_time() + seconds)
    try:
        return replay.measured(_tree_of(variants))
    except _TooLargeError as error:
        return Precision(None, None, None, str(error))


def _tree_of(variants: Mapping[tuple[str, ...], int]) -> _Prefix:
    root = _Prefix()
    for names, cases in variants.items():
        if not names:
            continue
        node = root
        for name in names:
            node.going_on += cases
            node = node.next.setdefault(name, _Prefix())
        node.ending += cases
    return root


class _Replay:
    """A net that can be moved by activities, with what was found so far."""

    def __init__(self, net: PetriNet, until: float) -> None:
        self.until = until
        index = {place: number for number, place in enumerate(net.places)}
        self.labels = [transition.label for transition in net.transitions]
        numbers = {transition.id: number for number, transition in enumerate(net.transitions)}
        self.inputs: list[Counter[int]] = [Counter() for _ in numbers]
        self.changes: list[Counter[int]] = [Counter() for _ in numbers]
        for source, target in net.arcs:
            if source in index:
                self.inputs[numbers[target]][index[source]] += 1
                self.changes[numbers[target]][index[source]] -= 1
            else:
                self.changes[numbers[source]][index[target]] += 1
        self.fed_by: dict[int, list[int]] = {}
        for number, inputs in enumerate(self.inputs):
            for place in inputs or [-1]:
                self.fed_by.setdefault(place, []).append(number)
        self.initial = tuple(net.initial.get(place, 0) for place in net.places)
        self.final = tuple(net.final.get(place, 0) for place in net.places)
        self.closures: dict[_Marking, _Closure] = {}
        self.moves: dict[tuple[_States, str], _States] = {}
        self.firing: dict[_Marking, list[tuple[int, _Marking]]] = {}

    def measured(self, root: _Prefix) -> Precision:
        allowed = escaping = replayed = total = 0
        start: _States = frozenset({(self.initial, 0)})
        waiting = [(root, start)]
        while waiting:
            prefix, states = waiting.pop()
            total += prefix.going_on
            if not states:
                waiting += [(child, states) for child in prefix.next.values()]
                continue
            if prefix.going_on:
                labels = {label for marking, beyond in states if not beyond for label in self._closure(marking).moves}
                allowed += len(labels) * prefix.going_on
                escaping += len(labels - set(prefix.next)) * prefix.going_on
                replayed += prefix.going_on
            waiting += [(child, self._moved(states, name)) for name, child in prefix.next.items()]
        precision = 1 - escaping / allowed if allowed else 1.0
        return Precision(precision, replayed / total if total else None, self._generalisation(root))

    def _moved(self, states: _States, name: str) -> _States:
        """The states after one more activity."""
        known = self.moves.get((states, name))
        if known is None:
            steps: dict[_Marking, int] = {}
            for marking, beyond in states:
                for after, (silent, _, _) in self._closure(marking).moves.get(name, {}).items():
                    steps[after] = min(steps.get(after, beyond + silent), beyond + silent)
            fewest = min(steps.values(), default=0)
            known = self.moves[states, name] = frozenset((marking, count - fewest) for marking, count in steps.items())
        return known

    def _closure(self, marking: _Marking) -> "_Closure":
        """What can be reached from a marking by silent steps, breadth first, and which activities can come next from there."""
        known = self.closures.get(marking)
        if known is not None:
            return known
        if process_time() > self.until:
            raise _TooLargeError("Precision was not measured: its time was up.")
        closure = _Closure({marking: (0, None)})
        waiting = [marking]
        for reached in waiting:
            steps = closure.came[reached][0]
            for number, after in self._fired(reached):
                label = self.labels[number]
                if label is not None:
                    closure.moves.setdefault(label, {}).setdefault(after, (steps, reached, number))
                elif after not in closure.came:
                    closure.came[after] = steps + 1, (reached, number)
                    waiting.append(after)
            if len(waiting) > STATES:
                raise _TooLargeError(f"Precision was not measured: more than {STATES:,} states by silent steps alone.")
        self.closures[marking] = closure
        return closure

    def _fired(self, marking: _Marking) -> list[tuple[int, _Marking]]:
        """The transitions that can fire and the markings after."""
        known = self.firing.get(marking)
        if known is not None:
            return known
        candidates = set(self.fed_by.get(-1, ()))
        for place, tokens in enumerate(marking):
            if tokens:
                candidates.update(self.fed_by.get(place, ()))
        found = []
        for number in sorted(candidates):
            if all(marking[place] >= tokens for place, tokens in self.inputs[number].items()):
                after = list(marking)
                for place, change in self.changes[number].items():
                    after[place] += change
                found.append((number, tuple(after)))
        self.firing[marking] = found
        return found

    def _generalisation(self, root: _Prefix) -> float:
        """From how often each transition is used on the shortest way through the net of each case it can replay."""
        used: Counter[int] = Counter()
        waiting: list[tuple[_Prefix, dict[_Marking, _Way]]] = [(root, {self.initial: _Way(0)})]
        while waiting:
            prefix, ways = waiting.pop()
            if prefix.ending:
                for number in self._shortest_end(ways):
                    used[number] += prefix.ending
            for name, child in prefix.next.items():
                if moved := self._moved_with_ways(ways, name):
                    waiting.append((child, moved))
        if not self.labels:
            return 1.0
        return 1 - sum(1 / sqrt(used[number]) if used[number] else 1.0 for number in range(len(self.labels))) / len(self.labels)

    def _moved_with_ways(self, ways: dict[_Marking, "_Way"], name: str) -> dict[_Marking, "_Way"]:
        moved: dict[_Marking, _Way] = {}
        for marking, way in ways.items():
            for after, (silent, reached, number) in self._closure(marking).moves.get(name, {}).items():
                if after not in moved or way.steps + silent < moved[after].steps:
                    moved[after] = _Way(way.steps + silent, way, marking, reached, number)
        return moved

    def _shortest_end(self, ways: dict[_Marking, "_Way"]) -> Iterator[int]:
        """The transitions of the shortest way to the final marking, the last one first; none if it cannot be reached."""
        ends = []
        for marking, way in ways.items():
            if (last := self._closure(marking).came.get(self.final)) is not None:
                ends.append((way.steps + last[0], marking))
        if not ends:
            return
        _, marking = min(ends)
        yield from self._closure(marking).back(self.final)
        step: _Way | None = ways[marking]
        while step is not None and step.before is not None:
            yield step.number
            yield from self._closure(step.marking).back(step.reached)
            step = step.before


@dataclass
class _Closure:
    """Markings reached by silent steps with their number and the last of them; by activity, the markings after it."""

    came: dict[_Marking, tuple[int, tuple[_Marking, int] | None]]
    moves: dict[str, dict[_Marking, tuple[int, _Marking, int]]] = field(default_factory=dict)

    def back(self, marking: _Marking) -> Iterator[int]:
        """The silent steps to a marking, the last one first."""
        while (last := self.came[marking][1]) is not None:
            marking, number = last
            yield number


@dataclass(frozen=True)
class _Way:
    """How a marking was reached: from another by silent steps, then by one activity."""

    steps: int
    before: "_Way | None" = None
    marking: _Marking = ()
    reached: _Marking = ()
    number: int = -1
