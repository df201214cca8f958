"""Alignments: against costs found by trying every run of small models, and within their bounds."""

from functools import cache
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lake.errors import ModelError
from mining import PetriNet, align, discover, evaluate
from mining.alignments import BOUND_REACHED, FINISHED, OUT_OF_TIME, Alignment
from mining.conformance import align_variants
from mining.discovery import discover_from_variants
from mining.petri_net import Transition
from mining.process_tree import ProcessTree

traces = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(tuple)


def sequence_net(*labels):
    """A net that does these steps one after the other; None is a silent one."""
    places = tuple(f"p{number}" for number in range(len(labels) + 1))
    transitions = tuple(Transition(f"t{number}", label) for number, label in enumerate(labels))
    arcs = [arc for number in range(len(labels)) for arc in pairwise((f"p{number}", f"t{number}", f"p{number + 1}"))]
    return PetriNet(places, transitions, tuple(arcs), {places[0]: 1}, {places[-1]: 1})


def runs_of(tree: ProcessTree, longest: int) -> set[tuple[str, ...]]:
    """Every run of a tree of at most `longest` activities."""
    if tree.operator is None:
        return {()} if tree.label is None else {(tree.label,)}
    parts = [runs_of(child, longest) for child in tree.children]
    if tree.operator == "choice":
        return set().union(*parts)
    if tree.operator == "loop":
        body, again = parts[0], set().union(*parts[1:])
        found, fresh = set(body), set(body)
        while fresh:
            more = {a + b + c for a in fresh for b in again for c in body if len(a + b + c) <= longest}
            fresh = more - found
            found |= fresh
        return found
    whole = {()}
    for part in parts:
        joined = ((a, b) for a in whole for b in part if len(a) + len(b) <= longest)
        whole = {r for a, b in joined for r in ([a + b] if tree.operator == "sequence" else shuffles(a, b))}
    return whole


@cache
def shuffles(a, b):
    if not a or not b:
        return frozenset({a + b})
    return frozenset({(a[0], *rest) for rest in shuffles(a[1:], b)} | {(b[0], *rest) for rest in shuffles(a, b[1:])})


@cache
def distance(trace, run):
    """Insertions and deletions from one to the other."""
    if not trace or not run:
        return len(trace) + len(run)
    if trace[0] == run[0]:
        return distance(trace[1:], run[1:])
    return 1 + min(distance(trace[1:], run), distance(trace, run[1:]))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(traces, st.integers(1, 9), min_size=1, max_size=4), st.lists(traces, min_size=1, max_size=4, unique=True))
def test_costs_are_those_of_trying_every_run(mined, asked):
    model = discover_from_variants(mined, noise=0)
    runs = runs_of(model.tree, 9)
    shortest = min(map(len, runs))
    result = align_variants([(number, trace, 1) for number, trace in enumerate(asked, start=1)], model.net)

    best = {number: min(distance(trace, run) for run in runs) for number, trace in enumerate(asked, start=1)}
    assert {variant.variant_id: variant.cost for variant in result.variants} == best
    assert model.tree.shortest_run == shortest
    assert result.average_fitness == pytest.approx(
        sum(1 - best[number] / (len(trace) + shortest) for number, trace in enumerate(asked, start=1)) / len(asked)
    )


def test_fitness_is_weighted_by_cases():
    result = align_variants([(1, ("a", "b"), 9), (2, ("a", "x", "b"), 1)], sequence_net("a", None, "b"))

    assert [variant.fitness for variant in result.variants] == pytest.approx([1.0, 1 - 1 / 5])
    assert result.average_fitness == pytest.approx(0.98)
    assert result.perfectly_fitting == pytest.approx(0.9)
    assert (result.variants_aligned, result.variants_unfinished, result.cases_unfinished) == (2, 0, 0)


def test_what_time_did_not_allow_is_counted_and_not_guessed():
    result = align_variants([(1, ("a",), 7), (2, ("b",), 3)], sequence_net("a"), seconds=0)

    assert (result.average_fitness, result.perfectly_fitting) == (None, None)
    assert (result.variants_unfinished, result.cases_unfinished) == (2, 10)
    assert [variant.is_fitting for variant in result.variants] == [None, None]
    assert {variant.status for variant in result.variants} == {OUT_OF_TIME}


def test_a_search_that_hits_its_bound_is_unfinished(monkeypatch):
    monkeypatch.setattr("mining.alignments.STATES", (8,))
    result = align_variants([(1, ("a",), 7), (2, tuple("abc" * 20), 3)], sequence_net("a"), shortest_run=1)

    assert result.variants_unfinished == 1
    assert (result.average_fitness, result.cases_unfinished) == (1.0, 3)
    assert [variant.status for variant in result.variants] == [FINISHED, BOUND_REACHED]


def test_a_net_known_to_be_unsound_is_searched_with_the_first_bound_only(monkeypatch):
    monkeypatch.setattr("mining.alignments.STATES", (8, 100_000))
    asked = [(1, ("a",), 7), (2, tuple("abc" * 20), 3)]
    found = {sound: align_variants(asked, sequence_net("a", "b"), shortest_run=2, is_sound=sound) for sound in (False, None, True)}

    assert [variant.status for variant in found[False].variants] == [FINISHED, BOUND_REACHED]
    assert (found[False].cases_unfinished, found[False].average_fitness) == (3, pytest.approx(1 - 1 / 3))
    assert [variant.status for variant in found[None].variants] == [FINISHED, FINISHED]
    assert found[None].average_fitness == found[True].average_fitness


@pytest.mark.slow
def test_an_unsound_net_of_a_public_log_says_what_was_not_aligned_and_why(public_log):
    """Tokens pile up in the split miner's net of this log, so that the search of a variant that does not fit never ends."""
    with public_log("receipt.xes.gz") as log:
        model, variants = discover(log, miner="split"), log.variant_multiset()
        judged = evaluate(log, model, seconds=2)
        result = align_variants(variants[:12], model.net, shortest_run=model.shortest_run, is_sound=model.is_sound, workers=1)

    assert model.is_sound is False
    assert 0 < judged.variants_unfinished < len(variants)
    assert "Tokens pile up without end" in judged.remark
    assert f"{judged.variants_unfinished} of 116 variants were not aligned within their bounds" in judged.remark
    assert 0 <= judged.fitness <= 1
    unfinished = [variant for variant in result.variants if variant.cost is None]
    assert {variant.status for variant in unfinished} == {BOUND_REACHED}
    assert result.cases_unfinished == sum(variant.cases for variant in unfinished) > 0


def test_a_net_whose_end_cannot_be_reached_is_refused():
    stuck = PetriNet(("p", "q"), (Transition("t", "a"),), (("p", "t"),), {"p": 1}, {"q": 1})

    with pytest.raises(ModelError, match="No run through the model"):
        align_variants([(1, ("a",), 1)], stuck)


def test_activities_the_model_does_not_know_cost_one_each(log_of):
    log = log_of([("1", "a", 0), ("1", "b", 1)])
    other = log_of([("1", "a", 0), ("1", "ö", 1), ("1", "b", 2), ("1", "ü", 3)])
    result = align(other, discover(log))

    assert [variant.cost for variant in result.variants] == [2]


def test_progress_tells_how_far_the_alignments_are():
    told = []
    align_variants(
        [(n, ("a",) * n, 1) for n in range(1, 30)], sequence_net("a"), progress=lambda what, done: told.append((what, done))
    )

    assert told[-1] == ("Aligning variants (29 of 29)", 1.0)
    assert [done for _, done in told] == sorted(done for _, done in told)


def test_variants_known_for_this_net_are_not_aligned_again():
    variants = [(1, ("a", "b"), 9), (2, ("a", "x", "b"), 1), (3, ("b",), 2)]
    net = sequence_net("a", None, "b")
    fresh = align_variants(variants, net)
    told = []
    known = {one.activities: Alignment(one.cost, one.status, one.moves) for one in fresh.variants[:1] + fresh.variants[2:]}
    again = align_variants(variants, net, known=known, progress=lambda what, _: told.append(what))

    assert again.variants == fresh.variants
    assert told == ["Aligning variants (3 of 3)"], "only the third needed a search"


def test_nothing_is_aligned_when_everything_is_known():
    result = align_variants(
        [(1, ("a",), 7)], sequence_net("a"), known={("a",): Alignment(0, FINISHED, (("both", "a"),))}, seconds=0
    )

    assert (result.average_fitness, result.variants_unfinished) == (1.0, 0)


def test_a_search_that_reached_its_bound_is_not_begun_again(monkeypatch):
    monkeypatch.setattr("mining.alignments.search", lambda *_: pytest.fail("searched again"))
    known = {("a",): Alignment(None, BOUND_REACHED)}

    assert align_variants([(1, ("a",), 7)], sequence_net("a"), shortest_run=1, known=known).variants_unfinished == 1


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(traces, st.integers(1, 9), min_size=1, max_size=4),
    st.lists(st.lists(st.sampled_from(["a", "b", "c", "ü'", 'x"']), min_size=1, max_size=5).map(tuple), min_size=1, unique=True),
)
def test_moves_read_as_the_trace_and_as_a_run_and_cost_what_is_said(mined, asked):
    model = discover_from_variants(mined, noise=0)
    result = align_variants([(number, trace, 1) for number, trace in enumerate(asked, start=1)], model.net)
    runs = runs_of(model.tree, 12)

    for variant in result.variants:
        assert tuple(name for kind, name in variant.moves if kind != "model") == variant.activities
        assert tuple(name for kind, name in variant.moves if kind != "log") in runs
        assert sum(kind != "both" for kind, _ in variant.moves) == variant.cost


def test_several_processes_find_what_one_finds(monkeypatch):
    monkeypatch.setattr("mining.alignments.WORTH_SECONDS", -1)
    variants = [(n, ("a", *"xyz"[: n % 3], *["b"] * n), n) for n in range(1, 40)]
    net = sequence_net("a", "x", None, "b")
    alone = align_variants(variants, net)
    monkeypatch.setattr("mining.alignments.ALONE_SECONDS", -1)
    monkeypatch.setattr("mining.alignments.os.cpu_count", lambda: 2)
    asked = []
    monkeypatch.setattr("mining.alignments._CHUNK_SECONDS", 0.001)
    together = align_variants(variants, net, progress=lambda *said: asked.append(said))

    assert (together.variants, together.average_fitness) == (alone.variants, alone.average_fitness)
    assert asked[-1] == ("Aligning variants (39 of 39)", 1.0)


def test_a_log_without_cases_has_no_fitness(log_of):
    from mining import Endpoints

    log = log_of([("1", "a", 0), ("1", "b", 1)])
    result = align(log.filter(Endpoints(starts="never")), discover(log))

    assert (result.average_fitness, result.variants, result.cases_unfinished) == (None, (), 0)
