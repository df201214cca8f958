"""The miners beside the inductive one: the nets pm4py finds on the full log, each in a process that can be ended."""

import pytest

from lake.errors import ModelError
from mining import check_soundness
from mining.conformance import align_variants
from mining.discovery import MINERS, discover_from_variants
from mining.miners import count_edges

pytestmark = pytest.mark.filterwarnings("ignore")  # pm4py's, of itself and of what it uses
WEEK = {tuple("abcd"): 6, tuple("acbd"): 5, tuple("aed"): 2}


def variants_of(log):
    return {names: cases for _, names, cases in log.variant_multiset()}


def theirs(miner, variants):
    """What pm4py finds on the full log, case by case."""
    import pm4py
    from pandas import DataFrame, Timedelta, Timestamp

    start, rows, case = Timestamp("2024-01-01", tz="UTC"), [], 0
    for names, number in variants.items():
        for _ in range(number):
            case += 1
            rows += [(str(case), name, start + Timedelta(seconds=place)) for place, name in enumerate(names)]
    log = DataFrame(rows, columns=["case:concept:name", "concept:name", "time:timestamp"])
    if miner == "heuristics":
        return pm4py.discover_petri_net_heuristics(log)
    if miner == "alpha":
        return pm4py.discover_petri_net_alpha(log)
    if miner == "inductive-dfg":
        from pm4py.algo.discovery.inductive import algorithm

        return pm4py.convert_to_petri_net(algorithm.apply(log, {"multiprocessing": False}, algorithm.Variants.IMd))
    from pm4py.algo.discovery.split_miner import algorithm as split_miner

    return pm4py.convert_to_petri_net(split_miner.apply(log))


def size(net):
    return len(net.places), len(net.transitions), sum(t.label is None for t in net.transitions), len(net.arcs)


@pytest.mark.slow
@pytest.mark.parametrize("miner", ["heuristics", "alpha", "inductive-dfg", "split"])
@pytest.mark.parametrize("file", ["running-example.xes", "receipt.xes.gz", "Sepsis.xes.gz"])
def test_the_net_from_the_variants_is_that_of_the_full_log(public_log, miner, file):
    with public_log(file) as log:
        variants = variants_of(log)

    assert size(discover_from_variants(variants, miner=miner).net) == size(theirs(miner, variants)[0])


@pytest.mark.slow
@pytest.mark.parametrize("miner", [miner for miner in MINERS if miner != "inductive"])
def test_every_miner_finds_the_activities_and_says_whether_its_net_is_sound(miner):
    model = discover_from_variants(WEEK, miner=miner)

    assert (model.miner, model.net.labels) == (miner, set("abcde"))
    assert model.is_sound == check_soundness(model.net).is_sound
    assert model.to_bpmn().startswith("<?xml")
    assert model.to_pnml().startswith("<?xml")


def test_the_split_miner_finds_choice_and_parallel_work_and_draws_them():
    model = discover_from_variants(WEEK, miner="split", eta=0.4, epsilon=0.3)
    kinds = [node.kind for node in model.diagram.nodes]

    assert model.is_sound
    assert (kinds.count("parallelGateway"), kinds.count("exclusiveGateway"), kinds.count("task")) == (2, 2, 5)
    asked = [(number, names, 1) for number, names in enumerate([*WEEK, tuple("abd"), tuple("abced")])]
    assert [v.cost == 0 for v in sorted(align_variants(asked, model.net).variants, key=lambda v: v.variant_id)] == [
        *(True, True, True),
        *(False, False),
    ]


def test_the_graph_as_a_net_does_every_case_and_has_a_place_per_activity():
    model = discover_from_variants(WEEK, miner="dfg")
    edges, starts, ends = count_edges(WEEK)

    assert model.is_sound
    assert size(model.net) == (5 + 2, len(edges) + len(starts) + len(ends), len(ends), 2 * (len(edges) + 2))
    asked = [(number, names, 1) for number, names in enumerate(WEEK)]
    assert {variant.cost for variant in align_variants(asked, model.net).variants} == {0}


def test_a_miner_whose_time_is_up_is_ended_and_said_to_be():
    with pytest.raises(ModelError, match="The ilp miner did not end within"):
        discover_from_variants(WEEK, miner="ilp", seconds=0.1)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"miner": "alpha", "eta": 0.5}, "has no parameter `eta`. It has: noise"),
        ({"miner": "split", "eta": 7}, "A `eta` of 7 makes no sense"),
    ],
)
def test_parameters_a_miner_does_not_have_are_refused(options, told):
    with pytest.raises(ModelError, match=told):
        discover_from_variants(WEEK, **options)
