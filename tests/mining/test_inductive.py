"""The inductive miner: the very trees of pm4py, on any log, and its bounds."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mining.inductive import inductive_tree
from mining.process_tree import ProcessTree

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pm4py.*", "ignore::FutureWarning:pm4py.*")


def pm4py_tree(variants, noise):
    from pm4py.algo.discovery.inductive.dtypes.im_ds import IMDataStructureUVCL
    from pm4py.algo.discovery.inductive.variants.im import IMUVCL
    from pm4py.algo.discovery.inductive.variants.imf import IMFUVCL
    from pm4py.objects.process_tree.utils.generic import fold

    framework, given = (IMFUVCL if noise else IMUVCL), {"noise_threshold": noise, "multiprocessing": False}
    found = framework(given).apply(IMDataStructureUVCL(Counter(variants)), given)
    return in_order(ProcessTree.from_pm4py(fold(found)))


def in_order(tree):
    """Branches whose order means nothing, in the order of their texts."""
    children = [in_order(child) for child in tree.children]
    if tree.operator in ("choice", "parallel"):
        children.sort(key=str)
    elif tree.operator == "loop":
        children[1:] = sorted(children[1:], key=str)
    return ProcessTree(tree.label, tree.operator, tuple(children))


@st.composite
def process_like(draw):
    """Variants of one order of work with steps left out, swapped and repeated, as logs of processes have them."""
    activities = "abcdefg"[: draw(st.integers(1, 7))]
    variants = {}
    for _ in range(draw(st.integers(1, 8))):
        trace = [name for name in activities if draw(st.integers(0, 4))]
        for _ in range(draw(st.integers(0, 2)) if len(trace) > 1 else 0):
            at = draw(st.integers(0, len(trace) - 2))
            trace[at], trace[at + 1] = trace[at + 1], trace[at]
        if trace and draw(st.booleans()):
            at = draw(st.integers(0, len(trace) - 1))
            trace = trace[: at + 1] + trace[max(0, at - 1) :]
        variants[tuple(trace)] = draw(st.integers(1, 30))
    return variants


anything = st.dictionaries(st.lists(st.sampled_from("abcde"), max_size=7).map(tuple), st.integers(1, 30), min_size=1, max_size=8)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(process_like(), anything), st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9]))
def test_the_tree_is_that_of_pm4py(variants, noise):
    assert inductive_tree(variants, noise=noise).tree == pm4py_tree(variants, noise)


LOGS = [
    *("running-example.xes", "Sepsis.xes.gz", "receipt.xes.gz", "helpdesk.xes.gz", "BPI_2020_DomesticDeclarations.xes.gz"),
    *("BPI_2020_RequestForPayment.xes.gz", "PurchasingExample.xes.gz", "Production.xes.gz", "BPIC13_incidents.xes.gz"),
    pytest.param("Road_Traffic_Fine_Management_Process.parquet", marks=pytest.mark.slow),
    pytest.param("bpic2012.xes.gz", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("file", LOGS)
def test_the_trees_of_real_logs_are_those_of_pm4py(public_log, file):
    with public_log(file) as log:
        variants = {names: cases for _, names, cases in log.variant_multiset()}

    for noise in (0.0, 0.2):
        found = inductive_tree(variants, noise=noise)
        assert not found.is_bounded
        assert found.tree == pm4py_tree(variants, noise)


@pytest.mark.parametrize("file", ["running-example.xes", "receipt.xes.gz"])
def test_the_variants_give_the_tree_of_the_full_log(public_log, file):
    """pm4py gets every case here, one by one, as its users give it."""
    from pm4py.algo.discovery.inductive import algorithm
    from pm4py.objects.log.obj import Event, EventLog, Trace

    with public_log(file) as log:
        variants = {names: cases for _, names, cases in log.variant_multiset()}
    cases = EventLog(
        Trace([Event({"concept:name": name}) for name in names]) for names, number in variants.items() for _ in range(number)
    )
    whole = algorithm.apply(cases, {"noise_threshold": 0.2, "multiprocessing": False}, algorithm.Variants.IMf)

    assert inductive_tree(variants, noise=0.2).tree == in_order(ProcessTree.from_pm4py(whole))


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_the_bounded_tree_of_398_activities_is_that_of_pm4py_without_the_one_fall_through(public_log, monkeypatch, noise):
    """With it, pm4py looks for cuts once per activity, at every level; so what is left out at the bound is left out there, too."""
    from pm4py.algo.discovery.inductive.fall_through.activity_concurrent import ActivityConcurrentUVCL
    from pm4py.algo.discovery.inductive.fall_through.factory import FallThroughFactory

    known = FallThroughFactory.get_fall_throughs

    def all_but_one(_class, kind, instance, parameters=None):
        return [one for one in known(kind, instance, parameters) if one is not ActivityConcurrentUVCL]

    monkeypatch.setattr(FallThroughFactory, "get_fall_throughs", classmethod(all_but_one))
    with public_log("BPIC15_1.xes.gz") as log:
        variants = {names: cases for _, names, cases in log.variant_multiset()}
    found = inductive_tree(variants, noise=noise, work_limit=0)

    assert found.is_bounded
    assert found.tree == pm4py_tree(variants, noise)


def test_a_search_beyond_its_bound_is_left_out_and_said():
    variants = {tuple("abc"): 1, tuple("bcacb"): 1, tuple("cabba"): 2, tuple("bbca"): 1}

    assert not inductive_tree(variants).is_bounded
    bounded = inductive_tree(variants, work_limit=0)
    assert bounded.is_bounded
    assert {"a", "b", "c"} <= set(str(bounded.tree))


@pytest.mark.parametrize(
    ("variants", "tree"),
    [
        ({(): 3}, "τ"),
        ({("a",): 1}, "a"),
        ({(): 1, ("a",): 9}, "choice(a, τ)"),
        ({("a", "a", "a"): 1}, "loop(a, τ)"),
        ({("ü\n'\"",): 1, ("NA",): 1}, "choice(NA, ü\n'\")"),
    ],
)
def test_logs_of_next_to_nothing_have_a_tree(variants, tree):
    assert str(inductive_tree(variants).tree) == tree
