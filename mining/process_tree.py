"""Process trees as plain values: block-structured models, from which nets and BPMN diagrams are made.

What belongs here: the tree and what can be said of it without a log. What does not: finding one (`mining.discovery`) and
drawing one (`mining.bpmn`).
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

Operator = Literal["sequence", "choice", "parallel", "loop"]
_OPERATORS: dict[str, Operator] = {"->": "sequence", "X": "choice", "+": "parallel", "*": "loop"}


@dataclass(frozen=True)
class ProcessTree:
    """A leaf (an activity, or without label a silent step) or an operator over children.

    A loop's first child is done, then any number of times one of the others and the first again.
    """

    label: str | None = None
    operator: Operator | None = None
    children: tuple["ProcessTree", ...] = ()

    @classmethod
    def from_pm4py(cls, tree: Any) -> "ProcessTree":
        """The tree of pm4py's object."""
        operator = None if tree.operator is None else _OPERATORS[str(tree.operator)]
        return cls(tree.label, operator, tuple(cls.from_pm4py(child) for child in tree.children))

    @classmethod
    def from_json(cls, text: str) -> "ProcessTree":
        """The tree that `to_json` wrote."""
        return cls._from_lists(json.loads(text))

    @classmethod
    def _from_lists(cls, node: Any) -> "ProcessTree":
        if not isinstance(node, list):
            return cls(node)
        operator, *children = node
        return cls(None, operator, tuple(map(cls._from_lists, children)))

    def to_json(self) -> str:
        """The tree as JSON: an activity is its name, a silent step null, an operator a list of its name and its children."""
        return json.dumps(self._to_lists(), ensure_ascii=False)

    def _to_lists(self) -> Any:
        return self.label if self.operator is None else [self.operator, *(child._to_lists() for child in self.children)]

    @property
    def shortest_run(self) -> int:
        """The fewest activities any run of the model does: what aligning an empty trace costs."""
        if self.operator is None:
            return int(self.label is not None)
        lengths = [child.shortest_run for child in self.children]
        if self.operator == "choice":
            return min(lengths)
        return lengths[0] if self.operator == "loop" else sum(lengths)

    def folded(self) -> "ProcessTree":
        """The same language in fewer nodes, branches whose order means nothing in the order of their texts.

        Silent steps beside others, operators over one child and operators below themselves go.
        """
        if self.operator is None:
            return self
        children = [part for child in self.children for part in child.folded()._within(self.operator)]
        children = _without_silent(children, self.operator)
        if len(children) == 1:
            return children[0]
        if self.operator in ("choice", "parallel"):
            children.sort(key=str)
        elif self.operator == "loop":
            children[1:] = sorted(children[1:], key=str)
        return ProcessTree(None, self.operator, tuple(children))

    def _within(self, operator: Operator) -> tuple["ProcessTree", ...]:
        return self.children if self.operator == operator != "loop" else (self,)

    def __str__(self) -> str:
        if self.operator is None:
            return "τ" if self.label is None else self.label
        return f"{self.operator}({', '.join(map(str, self.children))})"


_SILENT = ProcessTree()


def _without_silent(children: list[ProcessTree], operator: Operator) -> list[ProcessTree]:
    """Without the silent steps that say nothing; one is left where nothing else is."""
    if operator == "loop":
        return [_SILENT] if children == [_SILENT, _SILENT] else children
    silent = operator == "choice" and _SILENT in children
    loud = [child for child in children if child != _SILENT]
    return [*loud, _SILENT] if silent or not loud else loud
