"""From a process tree to the Petri net of the same language, in pm4py's construction: places, silent steps and all.

What belongs here: that conversion and the fusions of silent steps that end it. What does not: other ways to a net
(`mining.miners`, `mining.bpmn_net`).
"""

from mining.petri_net import PetriNet
from mining.process_tree import ProcessTree
from mining.wiring import Wiring, fuse


def tree_to_net(tree: ProcessTree) -> PetriNet:
    """The net of a tree: sound, with one place at its start and one at its end."""
    builder = _Builder()
    first, last = builder.source, builder.sink
    if _needs_silent_start(tree):
        first = builder.place()
        builder.step(None, [builder.source], [first])
    if _needs_silent_end(tree):
        last = builder.place()
        builder.step(None, [last], [builder.sink])
    builder.add(tree, first, last)
    fuse(builder.steps)
    return builder.net()


class _Builder(Wiring):
    def add(self, tree: ProcessTree, first: int, last: int) -> None:
        """Wires a tree between two places."""
        if tree.operator is None:
            self.step(tree.label, [first], [last])
        elif tree.operator == "choice":
            for child in tree.children:
                self.add(child, first, last)
        elif tree.operator == "sequence":
            ends = [self.place() for _ in tree.children[:-1]] + [last]
            for child, begin, end in zip(tree.children, [first, *ends], ends, strict=False):
                self.add(child, begin, end)
        elif tree.operator == "parallel":
            begins, ends = [self.place() for _ in tree.children], [self.place() for _ in tree.children]
            self.step(None, [first], begins)
            for child, begin, end in zip(tree.children, begins, ends, strict=True):
                self.add(child, begin, end)
            self.step(None, ends, [last])
        else:
            self._loop(tree, first, last)

    def _loop(self, tree: ProcessTree, first: int, last: int) -> None:
        body, *ways_back = tree.children
        begin, end = self.place(), self.place() if ways_back else last
        self.step(None, [first], [begin])
        self.add(body, begin, end)
        back = self.place() if ways_back else last
        for way in ways_back:
            self.add(way, end, back)
        self.step(None, [back], [begin])
        if ways_back:
            self.step(None, [end], [last])


def _needs_silent_start(tree: ProcessTree) -> bool:
    """Whether a silent step has to stand between the source and the rest: where branches or a loop begin.

    As pm4py does, one stands there, too, where the first part of all ends with a loop; nets shall be the same.
    """
    return _needs_silent_end(tree, 0) or (bool(tree.children) and _has_loop_at(tree.children[0], -1))


def _needs_silent_end(tree: ProcessTree, side: int = -1) -> bool:
    return tree.operator in ("choice", "parallel") or _has_loop_at(tree, side)


def _has_loop_at(tree: ProcessTree, side: int) -> bool:
    while tree.children:
        if tree.operator == "loop":
            return True
        tree = tree.children[side]
    return False
