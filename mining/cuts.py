"""The cuts of a directly-follows graph: where it falls into a choice, a sequence, parallel parts or a loop.

What belongs here: graphs as bit sets and the four cuts of the inductive miner, in pm4py's reading of them. What does not:
splitting logs by them (`mining.inductive`).

A set of activities is a whole number with one bit per activity, so that a union or a subset test is one operation.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mining.process_tree import Operator

Groups = list[int]


@dataclass(frozen=True)
class Graph:
    """A directly-follows graph: all activities, those that start and end, and what follows and precedes each."""

    nodes: int
    starts: int
    ends: int
    after: dict[int, int]
    before: dict[int, int]

    @classmethod
    def of(cls, edges: Iterable[tuple[int, int]], starts: Iterable[int], ends: Iterable[int]) -> "Graph":
        """The graph of edges and endpoints, activities being numbers from 0."""
        first, last = _set(starts), _set(ends)
        nodes, after, before = first | last, dict[int, int](), dict[int, int]()
        for source, target in edges:
            nodes |= 1 << source | 1 << target
            after[source] = after.get(source, 0) | 1 << target
            before[target] = before.get(target, 0) | 1 << source
        for node in members(nodes):
            after.setdefault(node, 0)
            before.setdefault(node, 0)
        return cls(nodes, first, last, after, before)


def members(group: int) -> Iterator[int]:
    """The activities of a group."""
    while group:
        lowest = group & -group
        yield lowest.bit_length() - 1
        group ^= lowest


def find_cut(graph: Graph) -> tuple[Operator, Groups] | None:
    """The first cut that holds, of choice, sequence, parallel and loop."""
    if groups := _choice(graph):
        return "choice", groups
    if groups := _sequence(graph):
        return "sequence", groups
    if groups := _parallel(graph):
        return "parallel", groups
    if groups := _loop(graph):
        return "loop", groups
    return None


def _set(numbers: Iterable[int]) -> int:
    group = 0
    for number in numbers:
        group |= 1 << number
    return group


def _union(groups: Iterable[int]) -> int:
    whole = 0
    for group in groups:
        whole |= group
    return whole


def _spread(start: int, near: dict[int, int], within: int) -> int:
    """What can be reached from some activities by a relation without leaving a group, themselves among it."""
    found = frontier = start
    while frontier:
        frontier = _union(near[node] for node in members(frontier)) & within & ~found
        found |= frontier
    return found


def _components(nodes: int, near: dict[int, int]) -> Groups:
    """Groups of activities connected by a symmetric relation, in the order of their first members."""
    groups = []
    while nodes:
        group = _spread(nodes & -nodes, near, nodes)
        groups.append(group)
        nodes &= ~group
    return groups


def _choice(graph: Graph) -> Groups | None:
    near = {node: graph.after[node] | graph.before[node] for node in graph.after}
    groups = _components(graph.nodes, near)
    return groups if len(groups) > 1 else None


def _reachable(after: dict[int, int], before: dict[int, int]) -> dict[int, int]:
    """What can be reached from each activity, itself among it: by strongly connected components, the last ones first."""
    reach: dict[int, int] = {}
    for component in reversed(_strongly_connected(after, before)):
        reached = component
        targets = _union(after[node] for node in members(component)) & ~component
        while targets:
            beyond = reach[(targets & -targets).bit_length() - 1]
            reached |= beyond
            targets &= ~beyond
        reach.update(dict.fromkeys(members(component), reached))
    return reach


def _strongly_connected(after: dict[int, int], before: dict[int, int]) -> Groups:
    """The components in an order in which edges lead forwards only (Kosaraju and Sharir 1981)."""
    left, finished = _set(after), list[int]()
    for root in after:
        walk = [root] if left >> root & 1 else []
        left &= ~(1 << root)
        while walk:
            fresh = after[walk[-1]] & left
            if fresh:
                lowest = fresh & -fresh
                left ^= lowest
                walk.append(lowest.bit_length() - 1)
            else:
                finished.append(walk.pop())
    left, components = _set(after), Groups()
    for root in reversed(finished):
        if left >> root & 1:
            component = _spread(1 << root, before, left)
            components.append(component)
            left &= ~component
    return components


def _sequence(graph: Graph) -> Groups | None:
    """Groups that only ever follow each other in one order; then those are joined that can only be skipped together."""
    later, earlier = _reachable(graph.after, graph.before), _reachable(graph.before, graph.after)
    near = {node: (later[node] & earlier[node]) | (graph.nodes & ~(later[node] | earlier[node])) for node in later}
    groups = _components(graph.nodes, near)
    if len(groups) < 2:
        return None

    def place(group: int) -> int:
        node = (group & -group).bit_length() - 1
        return earlier[node].bit_count() - later[node].bit_count()

    joined = _strict(graph, sorted(groups, key=place))
    return joined if len(joined) > 1 else None


def _strict(graph: Graph, groups: Groups) -> Groups:
    """Joins groups around one that can be skipped, as far as nothing else leads past it (Leemans 2017, page 233)."""
    number = {node: index for index, group in enumerate(groups) for node in members(group)}
    size = len(groups)
    lowest = [-1 if group & graph.starts else min(_numbers(graph.before, group, number), default=size) for group in groups]
    highest = [size if group & graph.ends else max(_numbers(graph.after, group, number), default=-1) for group in groups]
    for index in range(size):
        if not _can_be_skipped(graph, groups, index):
            continue
        left, right = index - 1, index + 1
        while left >= 0 and highest[left] <= index:
            groups[index], groups[left] = groups[index] | groups[left], 0
            left -= 1
        while right < size and lowest[right] >= index:
            groups[index], groups[right] = groups[index] | groups[right], 0
            right += 1
    return [group for group in groups if group]


def _numbers(near: dict[int, int], group: int, number: dict[int, int]) -> Iterator[int]:
    return (number[other] for node in members(group) for other in members(near[node]))


def _can_be_skipped(graph: Graph, groups: Groups, index: int) -> bool:
    left, right = _union(groups[:index]), _union(groups[index + 1 :])
    return bool(right & graph.starts or left & graph.ends or any(graph.after[node] & right for node in members(left)))


def _parallel(graph: Graph) -> Groups | None:
    """Groups whose members follow those of the others in both directions, each able to start and to end."""
    near = {node: graph.nodes & ~(graph.after[node] & graph.before[node]) for node in graph.after}
    groups = sorted(_components(graph.nodes, near), key=int.bit_count)
    index = 0
    while index < len(groups) and len(groups) > 1:
        if groups[index] & graph.starts and groups[index] & graph.ends:
            index += 1
            continue
        group = groups.pop(index)
        groups[max(index - 1, 0)] |= group
    return groups if len(groups) > 1 else None


def _loop(graph: Graph) -> Groups | None:
    """A body that starts and ends, and the parts that lead from its every end to its every start."""
    ends_of_body = graph.starts | graph.ends
    if not any(graph.after.values()):
        return None
    inner = graph.nodes & ~ends_of_body
    near = {node: (graph.after[node] | graph.before[node]) & inner for node in graph.after}
    again = _union(part for part in _components(inner, near) if _leads_back(graph, part))
    return [graph.nodes & ~again, again] if again else None


def _leads_back(graph: Graph, part: int) -> bool:
    only_starts, only_ends = graph.starts & ~graph.ends, graph.ends & ~graph.starts
    for node in members(part):
        after, before = graph.after[node], graph.before[node]
        if before & only_starts or after & only_ends:
            return False
        if after & graph.starts not in (0, graph.starts) or before & graph.ends not in (0, graph.ends):
            return False
    return True
