"""Which way a process flows: an order of its activities against which as few steps as possible run.

What belongs here: the order. What does not: rows and positions (`layered`, `ordering`).
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Protocol

PASSES = 4


class Weighted(Protocol):
    """An edge with a weight."""

    @property
    def source(self) -> str: ...  # noqa: D102
    @property
    def target(self) -> str: ...  # noqa: D102
    @property
    def weight(self) -> float: ...  # noqa: D102


def order_of_flow(keys: list[str], links: Iterable[Weighted], *, first: str | None = None, last: str | None = None) -> list[str]:
    """The keys so ordered that the heaviest steps run forward and little weight runs backward.

    Steps are taken by weight; one that would close a circle of those already taken runs backward. Then single keys are moved
    as long as that turns weight forward.
    """
    out: dict[str, dict[str, float]] = defaultdict(dict)
    into: dict[str, dict[str, float]] = defaultdict(dict)
    for link in links:
        out[link.source][link.target] = into[link.target][link.source] = link.weight
    inner = [key for key in keys if key not in {first, last}]
    order = _sorted(inner, _forward(inner, out))
    for _ in range(PASSES):
        if not _improve(order, out, into):
            break
    return [*(key for key in keys if key == first), *order, *(key for key in keys if key == last and key != first)]


def _forward(keys: list[str], out: dict[str, dict[str, float]]) -> dict[str, list[str]]:
    """For each key those that must come after it: the steps by weight, without any that would close a circle."""
    rank = {key: i for i, key in enumerate(keys)}
    steps = [(-weight, rank[a], rank[b], a, b) for a in keys for b, weight in out[a].items() if b in rank and a != b]
    after: dict[str, list[str]] = {key: [] for key in keys}
    for *_, source, target in sorted(steps):
        if not _reaches(target, source, after):
            after[source].append(target)
    return after


def _reaches(start: str, goal: str, after: dict[str, list[str]]) -> bool:
    seen, waiting = {start}, [start]
    while waiting:
        key = waiting.pop()
        if key == goal:
            return True
        new = [other for other in after[key] if other not in seen]
        seen.update(new)
        waiting.extend(new)
    return False


def _sorted(keys: list[str], after: dict[str, list[str]]) -> list[str]:
    """The keys in an order in which each comes before those after it."""
    missing = dict.fromkeys(keys, 0)
    for others in after.values():
        for other in others:
            missing[other] += 1
    ready, order = [key for key in keys if not missing[key]], []
    while ready:
        key = ready.pop(0)
        order.append(key)
        for other in after[key]:
            missing[other] -= 1
            if not missing[other]:
                ready.append(other)
    return order


def _improve(order: list[str], out: dict[str, dict[str, float]], into: dict[str, dict[str, float]]) -> bool:
    """Moves each key to where the least weight runs backward; whether anything moved."""
    moved = False
    for key in list(order):
        here = order.index(key)
        rest = order[:here] + order[here + 1 :]
        gain = best = 0.0
        target = here
        for position in range(here - 1, -1, -1):  # past the keys before it: what they send forward would turn back
            gain += out[key].get(rest[position], 0.0) - into[key].get(rest[position], 0.0)
            if gain > best + 1e-12:
                best, target = gain, position
        gain = 0.0
        for position in range(here, len(rest)):
            gain += into[key].get(rest[position], 0.0) - out[key].get(rest[position], 0.0)
            if gain > best + 1e-12:
                best, target = gain, position + 1
        if target != here:
            order[:] = [*rest[:target], key, *rest[target:]]
            moved = True
    return moved
