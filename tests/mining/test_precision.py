"""Precision: counted by hand, and equal to pm4py's where that counts every activity."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mining.discovery import discover_from_variants
from mining.precision import measure_precision

pytestmark = pytest.mark.filterwarnings("ignore")  # of pm4py, which takes a warning that is an error for an unsound net


def theirs(net):
    from pm4py.objects.petri_net.obj import Marking
    from pm4py.objects.petri_net.obj import PetriNet as Net
    from pm4py.objects.petri_net.utils.petri_utils import add_arc_from_to

    made = Net("net")
    parts = {place: Net.Place(place) for place in net.places} | {t.id: Net.Transition(t.id, t.label) for t in net.transitions}
    made.places.update(parts[place] for place in net.places)
    made.transitions.update(parts[t.id] for t in net.transitions)
    for source, target in net.arcs:
        add_arc_from_to(parts[source], parts[target], made)
    return made, *(Marking({parts[place]: n for place, n in marking.items()}) for marking in (net.initial, net.final))


def visible_after_silent(net, marking):
    """pm4py's own search forgets states where a transition is enabled in two; this one looks at all."""
    from pm4py.objects.petri_net import semantics

    seen, waiting, found = {marking}, [marking], set()
    while waiting:
        reached = waiting.pop()
        for transition in semantics.enabled_transitions(net, reached):
            if transition.label is not None:
                found.add(transition)
            elif (after := semantics.execute(transition, net, reached)) not in seen:
                seen.add(after)
                waiting.append(after)
    return found


def pm4py_precision(monkeypatch, variants, net):
    from pm4py.algo.evaluation.precision.variants import align_etconformance as precision
    from pm4py.objects.log.obj import Event, EventLog, Trace
    from pm4py.objects.petri_net.utils import align_utils

    monkeypatch.setattr(align_utils, "get_visible_transitions_eventually_enabled_by_marking", visible_after_silent)
    monkeypatch.setattr(precision, "get_visible_transitions_eventually_enabled_by_marking", visible_after_silent)
    cases = [names for names, number in variants.items() for _ in range(number)]
    log = EventLog(Trace([Event({"concept:name": name}) for name in names]) for names in cases)
    return precision.apply(log, *theirs(net), {"multiprocessing": False, "show_progress_bar": False})


@pytest.mark.parametrize("file", ["running-example.xes", "receipt.xes.gz", "helpdesk.xes.gz"])
def test_precision_of_real_logs_is_that_of_pm4py(public_log, monkeypatch, file):
    with public_log(file) as log:
        variants = {names: cases for _, names, cases in log.variant_multiset()}
    net = discover_from_variants(variants, noise=0.2).net

    assert measure_precision(variants, net).precision == pytest.approx(pm4py_precision(monkeypatch, variants, net), abs=1e-12)


@pytest.mark.slow
def test_precision_of_sepsis_is_that_of_pm4py(public_log, monkeypatch):
    with public_log("Sepsis.xes.gz") as log:
        variants = {names: cases for _, names, cases in log.variant_multiset()[:120]}
    net = discover_from_variants(variants, noise=0.2).net

    assert measure_precision(variants, net).precision == pytest.approx(pm4py_precision(monkeypatch, variants, net), abs=1e-12)


names = st.lists(st.sampled_from("abcd"), min_size=1, max_size=5).map(tuple)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(*[st.dictionaries(names, st.integers(1, 9), min_size=1, max_size=5)] * 2)
def test_precision_against_any_model_is_that_of_pm4py(mined, measured):
    net = discover_from_variants(mined, noise=0).net
    with pytest.MonkeyPatch.context() as monkeypatch:
        expected = pm4py_precision(monkeypatch, measured, net)

    assert measure_precision(measured, net).precision == pytest.approx(expected, abs=1e-12)


def test_precision_counts_what_the_model_allows_and_the_log_never_does():
    """A choice of a, b and c, of which the log knows a and b: one of three edges escapes."""
    net = discover_from_variants({("a",): 1, ("b",): 1, ("c",): 1}, noise=0).net
    found = measure_precision({("a",): 5, ("b",): 1}, net)

    assert (found.precision, found.coverage) == (pytest.approx(2 / 3), 1.0)


def test_generalisation_is_by_how_often_each_transition_is_used():
    net = discover_from_variants({("a", "b"): 1}, noise=0).net

    assert measure_precision({("a", "b"): 100}, net).generalisation == pytest.approx(0.9)
    assert measure_precision({("b", "a"): 100}, net).generalisation == pytest.approx(0.0)


def test_prefixes_the_model_cannot_do_are_left_out_and_said():
    net = discover_from_variants({("a", "b"): 1}, noise=0).net
    found = measure_precision({("x", "a"): 1, ("a", "b"): 1}, net)

    assert found.coverage == pytest.approx(3 / 4)
    assert found.precision == pytest.approx(1.0)


def test_what_time_does_not_allow_is_not_measured():
    net = discover_from_variants({("a", "b"): 1}, noise=0).net
    found = measure_precision(Counter({("a", "b"): 1}), net, seconds=-1)

    assert found.precision is None
    assert "its time was up" in found.remark
