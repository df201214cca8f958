"""Nets of trees: pm4py's, part by part, and sound."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mining.petri_net import PetriNet
from mining.process_tree import ProcessTree
from mining.soundness import check_soundness
from mining.tree_net import tree_to_net

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pm4py.*", "ignore::FutureWarning:pm4py.*")
leaves = st.one_of(st.sampled_from("abcdef").map(ProcessTree), st.just(ProcessTree()))
operators = st.sampled_from(["sequence", "choice", "parallel", "loop"])
trees = st.recursive(
    leaves,
    lambda inner: st.builds(lambda o, c: ProcessTree(None, o, tuple(c)), operators, st.lists(inner, min_size=2, max_size=3)),
    max_leaves=9,
).map(lambda tree: tree.folded())


def pm4py_net(tree):
    from pm4py.objects.conversion.process_tree.variants import to_petri_net
    from pm4py.objects.process_tree.obj import Operator
    from pm4py.objects.process_tree.obj import ProcessTree as Theirs

    known = {"sequence": Operator.SEQUENCE, "choice": Operator.XOR, "parallel": Operator.PARALLEL, "loop": Operator.LOOP}

    def theirs(node, parent=None):
        made = Theirs(operator=known.get(node.operator), label=node.label, parent=parent)
        made.children = [theirs(child, made) for child in node.children]
        return made

    return PetriNet.from_pm4py(*to_petri_net.apply(theirs(tree)))


def shape(net):
    """The net without names: every part by what surrounds it, twelve steps far."""
    said = {t.id: ("t", t.label) for t in net.transitions} | {
        p: ("p", net.initial.get(p, 0), net.final.get(p, 0)) for p in net.places
    }
    marks = {part: hash(str(what)) for part, what in said.items()}
    for _ in range(12):
        before, after = {part: [] for part in marks}, {part: [] for part in marks}
        for source, target in net.arcs:
            after[source].append(marks[target])
            before[target].append(marks[source])
        marks = {part: hash((mark, *sorted(before[part]), "|", *sorted(after[part]))) for part, mark in marks.items()}
    return Counter(marks.values())


@settings(max_examples=150, deadline=None)
@given(trees)
def test_the_net_of_a_tree_is_that_of_pm4py(tree):
    assert shape(tree_to_net(tree)) == shape(pm4py_net(tree))


@settings(max_examples=40, deadline=None)
@given(trees)
def test_the_net_of_a_tree_is_sound(tree):
    assert check_soundness(tree_to_net(tree)).is_sound is not False
