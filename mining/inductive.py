"""The inductive miner on the variant multiset: IM and IMf, which filters noise; the same trees as pm4py's for less work.

What belongs here: splitting a log by the cuts and fall-throughs of Leemans, «Robust Process Mining with Guarantees» (2017),
chapter 6, in the reading of pm4py 2.7.23. What does not: the cuts of a graph (`mining.cuts`), other miners (`mining.discovery`).

A trace is a text of one character per event, so that a projection is one regular expression. What pm4py spends its time on,
taking each activity out of the whole log to see whether a cut then holds, is here one pass for all activities: without an
activity only the edges around its runs change. That pass is bounded by `WORK_LIMIT`, trees by `DEPTH_LIMIT`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from mining.cuts import Graph, Groups, find_cut
from mining.process_tree import Operator, ProcessTree

Log = dict[str, int]  # cases by trace
WORK_LIMIT = 50_000_000  # activities³ summed over the searches: two CPU seconds; nets of longer ones are too large to align with
DEPTH_LIMIT = 300  # levels of a tree before it is folded
_FIRST = 0x4E00  # characters that mean nothing in a regular expression: 20,000 of them and more


@dataclass
class _Node:
    """A part of the tree that is being made; a leaf without operator."""

    label: int | None = None
    operator: Operator | None = None
    children: list["_Node"] = field(default_factory=list)


@dataclass
class _Counts:
    """The directly-follows graph of a log, with its numbers of cases."""

    edges: Counter[tuple[str, str]]
    starts: Counter[str]
    ends: Counter[str]

    @classmethod
    def of(cls, log: Mapping[str, int]) -> "_Counts":
        counts = cls(Counter(), Counter(), Counter())
        for trace, cases in log.items():
            if not trace:
                continue
            counts.starts[trace[0]] += cases
            counts.ends[trace[-1]] += cases
            for edge in pairwise(trace):
                counts.edges[edge] += cases
        return counts

    def graph(self) -> Graph:
        """The same without numbers."""
        edges = [(_number(source), _number(target)) for source, target in self.edges]
        return Graph.of(edges, map(_number, self.starts), map(_number, self.ends))

    def filtered(self, noise: float) -> "_Counts":
        """Without edges and starts that are rare beside the most frequent one from the same activity."""
        most: dict[str, int] = {}
        for (source, _), cases in self.edges.items():
            most[source] = max(most.get(source, 0), cases, self.ends.get(source, 0))
        edges = {edge: cases for edge, cases in self.edges.items() if cases > noise * most[edge[0]]}
        least = noise * max(self.starts.values())
        return _Counts(Counter(edges), Counter({a: n for a, n in self.starts.items() if n >= least}), self.ends)


@dataclass(frozen=True)
class InductiveResult:
    """A tree, and whether the search for concurrent activities or the depth was cut short by its bound."""

    tree: ProcessTree
    is_bounded: bool


def inductive_tree(variants: Mapping[tuple[str, ...], int], *, noise: float = 0.0, work_limit: int = WORK_LIMIT) -> InductiveResult:
    """The process tree of a log.

    Args:
        variants: Cases by variant; not empty.
        noise: Share of infrequent behaviour to leave out at each step, 0 to 1; with 0 every trace fits the tree.
        work_limit: Bound of the search for concurrent activities, which the number of activities to the power of three counts
            against. The same log always spends the same.
    """
    names = sorted({name for trace in variants for name in trace})
    symbols = {name: chr(_FIRST + number) for number, name in enumerate(names)}
    log = {"".join(symbols[name] for name in trace): cases for trace, cases in variants.items()}
    miner = _Miner(noise, work_limit)
    root = miner.mine(log)
    return InductiveResult(_plain(root, names).folded(), miner.is_bounded)


class _Miner:
    """Splits a log until nothing is left to split; a list of what is to be done stands in for recursion."""

    def __init__(self, noise: float, work_limit: int) -> None:
        self.noise, self.work_left, self.is_bounded = noise, work_limit, False

    def mine(self, log: Log) -> _Node:
        root = _Node()
        waiting = [(root, log, 0)]
        while waiting:
            node, part, depth = waiting.pop()
            for child, rest in self._split(node, part, depth):
                node.children.append(child)
                waiting.append((child, rest, depth + 1))
        return root

    def _split(self, node: _Node, log: Log, depth: int) -> Iterator[tuple[_Node, Log]]:
        """Says what the node is, and gives the logs of its children."""
        if "" in log and len(log) > 1:
            rest = {trace: cases for trace, cases in log.items() if trace}
            if not self.noise or log[""] > self.noise * sum(log.values()):
                yield from _children(node, "choice", [{}, rest])
                return
            log = rest
        if len(log) <= 1 and len(next(iter(log), "")) <= 1:
            trace = next(iter(log), "")
            node.label = _number(trace) if trace else None
            return
        operator, parts = self._parts(log, depth)
        yield from _children(node, operator, parts)

    def _parts(self, log: Log, depth: int) -> tuple[Operator, list[Log]]:
        if depth == DEPTH_LIMIT:  # the branches of what then follows are single activities
            self.is_bounded = True
            return _flower(log)
        counts = _Counts.of(log)
        cut = find_cut(counts.graph())
        if cut is None and self.noise:
            cut = find_cut(counts.filtered(self.noise).graph())
        if cut is not None:
            return cut[0], _PROJECTIONS[cut[0]](log, cut[1])
        return self._fall_through(log, counts)

    def _fall_through(self, log: Log, counts: _Counts) -> tuple[Operator, list[Log]]:
        apart = _once_per_trace(log)
        if apart is None:
            apart = self._concurrent(log, counts)
        if apart is not None:
            return "parallel", [_kept(log, [apart]), _without(log, apart)]
        starts, ends = set(counts.starts), set(counts.ends)
        for strict in (True, False):
            repeated = _restarted(log, starts, ends if strict else None)
            if sum(repeated.values()) > sum(log.values()):
                return "loop", [repeated, {}]
        return _flower(log)

    def _concurrent(self, log: Log, counts: _Counts) -> str | None:
        """The first activity without which a cut holds."""
        activities = sorted(set().union(*log))
        work = len(activities) ** 3
        if work > self.work_left:
            self.is_bounded = True
            return None
        self.work_left -= work
        bridges = _bridges(log)
        for activity in activities:
            edges = {edge for edge in counts.edges if activity not in edge}
            starts, ends = set(counts.starts) - {activity}, set(counts.ends) - {activity}
            for before, after in bridges.get(activity, ()):
                if before and after:
                    edges.add((before, after))
                elif after:
                    starts.add(after)
                elif before:
                    ends.add(before)
            pairs = [(_number(source), _number(target)) for source, target in edges]
            if find_cut(Graph.of(pairs, map(_number, starts), map(_number, ends))) is not None:
                return activity
        return None


def _children(node: _Node, operator: Operator, parts: list[Log]) -> Iterator[tuple[_Node, Log]]:
    node.operator = operator
    yield from ((_Node(), part) for part in parts)


def _number(symbol: str) -> int:
    return ord(symbol) - _FIRST


def _symbols(group: int) -> list[str]:
    """The activities of a group, which is a number with a bit for each."""
    return [chr(_FIRST + number) for number in range(group.bit_length()) if group >> number & 1]


def _bridges(log: Log) -> dict[str, set[tuple[str, str]]]:
    """By activity: what stands before and after its runs, which meet once it is taken out; empty at a trace's end."""
    found: dict[str, set[tuple[str, str]]] = {}
    for trace in log:
        before, run = "", trace[0]
        for symbol in trace[1:]:
            if symbol != run:
                found.setdefault(run, set()).add((before, symbol))
                before, run = run, symbol
        found.setdefault(run, set()).add((before, ""))
    return found


def _kept(log: Log, symbols: Iterable[str]) -> Log:
    """The log of some activities."""
    others = re.compile(f"[^{''.join(symbols)}]+")
    kept: Counter[str] = Counter()
    for trace, cases in log.items():
        kept[others.sub("", trace)] += cases
    return dict(kept)


def _without(log: Log, symbol: str) -> Log:
    left: Counter[str] = Counter()
    for trace, cases in log.items():
        left[trace.replace(symbol, "")] += cases
    return dict(left)


def _once_per_trace(log: Log) -> str | None:
    """The first activity that occurs once in every trace."""
    candidates: set[str] | None = None
    for trace in log:
        once = {symbol for symbol, times in Counter(trace).items() if times == 1}
        candidates = once if candidates is None else candidates & once
        if not candidates:
            return None
    return min(candidates) if candidates else None


def _restarted(log: Log, starts: set[str], ends: set[str] | None) -> Log:
    """Traces cut where they may start anew; with `ends` only where they may have ended just before."""
    parts: Counter[str] = Counter()
    for trace, cases in log.items():
        begun = 0
        for position in range(1, len(trace)):
            if trace[position] in starts and (ends is None or trace[position - 1] in ends):
                parts[trace[begun:position]] += cases
                begun = position
        parts[trace[begun:]] += cases
    return dict(parts)


def _flower(log: Log) -> tuple[Operator, list[Log]]:
    """Anything in any order."""
    return "loop", [{}, dict.fromkeys(sorted(set().union(*log)), 1)]


def _project_choice(log: Log, groups: Groups) -> list[Log]:
    """Each trace goes to the group most of its events belong to, the last of several, without its other events."""
    others = [re.compile(f"[^{''.join(_symbols(group))}]+") for group in groups]
    logs: list[Counter[str]] = [Counter() for _ in groups]
    for trace, cases in log.items():
        kept = [pattern.sub("", trace) for pattern in others]
        index = max(range(len(groups)), key=lambda number: (len(kept[number]), number))
        logs[index][kept[index]] += cases
    return [dict(part) for part in logs]


def _project_sequence(log: Log, groups: Groups) -> list[Log]:
    """Each trace is cut where the fewest events fall on the wrong side."""
    members = [set(_symbols(group)) for group in groups]
    logs: list[Counter[str]] = [Counter() for _ in groups]
    for trace, cases in log.items():
        position, earlier = 0, set[str]()
        for number, group in enumerate(members):
            end = _split_point(trace, group, position, earlier)
            logs[number]["".join(symbol for symbol in trace[position:end] if symbol in group)] += cases
            position, earlier = end, earlier | group
    return [dict(part) for part in logs]


def _split_point(trace: str, group: set[str], start: int, earlier: set[str]) -> int:
    least, best, cost = 0, start, 0
    for position in range(start, len(trace)):
        if trace[position] in group:
            cost -= 1
        elif trace[position] not in earlier:
            cost += 1
        if cost < least:
            least, best = cost, position + 1
    return best


def _project_parallel(log: Log, groups: Groups) -> list[Log]:
    return [_kept(log, _symbols(group)) for group in groups]


def _project_loop(log: Log, groups: Groups) -> list[Log]:
    """Stretches of the body and of the way back; a trace that ends on the way back ends with an empty body."""
    body, again = (set(_symbols(group)) for group in groups)
    logs: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for trace, cases in log.items():
        stretch, side = "", 0
        for symbol in trace:
            now = 0 if symbol in body else 1 if symbol in again else None
            if stretch and now != side:
                logs[side][stretch] += cases
                stretch = ""
            if now is not None:
                stretch, side = stretch + symbol, now
        if stretch and side == 1:
            logs[1][stretch] += cases
            stretch = ""
        logs[0][stretch] += cases
    return [dict(part) for part in logs]


_PROJECTIONS = {
    "choice": _project_choice,
    "sequence": _project_sequence,
    "parallel": _project_parallel,
    "loop": _project_loop,
}


def _plain(node: _Node, names: list[str]) -> ProcessTree:
    if node.operator is None:
        return ProcessTree(None if node.label is None else names[node.label])
    return ProcessTree(None, node.operator, tuple(_plain(child, names) for child in node.children))
