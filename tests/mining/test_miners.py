"""The miners beside the inductive one: the nets pm4py finds on the full log, each in a process that can be ended."""

import json
import os
import subprocess
import sys

import pytest

from lake.errors import ModelError
from lake.settings import PROJECT_ROOT
from mining import check_soundness
from mining.conformance import align_variants
from mining.discovery import MINERS, discover_from_variants
from mining.miners import count_edges
from mining.petri_net import PetriNet

pytestmark = pytest.mark.filterwarnings("ignore")  # pm4py's, of itself and of what it uses
WEEK = {tuple("abcd"): 6, tuple("acbd"): 5, tuple("aed"): 2}


def variants_of(log):
    return {names: cases for _, names, cases in log.variant_multiset()}


def full_log(variants):
    """Every case, one by one, in the order the miners here see the variants in: alpha+ heeds it."""
    from pandas import DataFrame, Timedelta, Timestamp

    start, rows, case = Timestamp("2024-01-01", tz="UTC"), [], 0
    for names, number in sorted(variants.items(), key=lambda item: (-item[1], item[0])):
        for _ in range(number):
            case += 1
            rows += [(f"{case:06}", name, start + Timedelta(seconds=place)) for place, name in enumerate(names)]
    return DataFrame(rows, columns=["case:concept:name", "concept:name", "time:timestamp"])


def theirs(miner, variants):
    """What pm4py finds on the full log, case by case."""
    import pm4py

    log = full_log(variants)
    if miner == "inductive-dfg":
        from pm4py.algo.discovery.inductive import algorithm

        return pm4py.convert_to_petri_net(algorithm.apply(log, {"multiprocessing": False}, algorithm.Variants.IMd))
    if miner == "split":
        from pm4py.algo.discovery.split_miner import algorithm as split_miner

        return pm4py.convert_to_petri_net(split_miner.apply(log))
    if miner == "powl":
        from pm4py.algo.discovery.powl.inductive.variants.powl_discovery_varaints import POWLDiscoveryVariant

        return pm4py.convert_to_petri_net(pm4py.discover_powl(log, variant=POWLDiscoveryVariant.MAXIMAL))
    known = {
        "heuristics": pm4py.discover_petri_net_heuristics,
        "alpha": pm4py.discover_petri_net_alpha,
        "alpha-plus": pm4py.discover_petri_net_alpha_plus,
        "ilp": pm4py.discover_petri_net_ilp,
    }
    return known[miner](log)


def alpha_plus_of_pm4py(variants):
    """Alpha+ of pm4py goes through sets of texts, so that its net hangs on the hash seed: it runs with the miners' own."""
    code = """
import json, sys, pm4py
from pandas import DataFrame, to_datetime
from mining.petri_net import PetriNet
log = DataFrame(json.load(sys.stdin), columns=["case:concept:name", "concept:name", "time:timestamp"])
log["time:timestamp"] = to_datetime(log["time:timestamp"])
print(PetriNet.from_pm4py(*pm4py.discover_petri_net_alpha_plus(log)).to_pnml())"""
    rows = full_log(variants).astype({"time:timestamp": str}).to_numpy().tolist()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        input=json.dumps(rows),
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONHASHSEED": "0"},
        check=True,
        cwd=PROJECT_ROOT,
    )
    return PetriNet.from_pnml(done.stdout[done.stdout.index("<?xml") :])


def shape(net):
    """What nets that are alike but for the names of places and silent transitions have in common (Weisfeiler-Lehman)."""
    from networkx import Graph, weisfeiler_lehman_graph_hash

    graph = Graph()
    for place in net.places:
        graph.add_node(place, kind=f"place {net.initial.get(place, 0)} {net.final.get(place, 0)}")
    for transition in net.transitions:
        graph.add_node(transition.id, kind=f"transition {transition.label!r}")
    arcs = set(net.arcs)
    for source, target in arcs:
        way = "both" if (target, source) in arcs else "in" if source in net.places else "out"
        graph.add_edge(source, target, way=way)
    return weisfeiler_lehman_graph_hash(graph, node_attr="kind", edge_attr="way", iterations=8)


def size(net):
    return len(net.places), len(net.transitions), sum(t.label is None for t in net.transitions), len(net.arcs)


@pytest.mark.slow
@pytest.mark.parametrize("miner", ["heuristics", "alpha", "alpha-plus", "inductive-dfg", "split", "powl"])
@pytest.mark.parametrize("file", ["running-example.xes", "receipt.xes.gz", "Sepsis.xes.gz"])
def test_the_net_from_the_variants_is_that_of_the_full_log(public_log, miner, file):
    """Not only as large: with the same activities between the same places."""
    with public_log(file) as log:
        variants = variants_of(log)

    ours = discover_from_variants(variants, miner=miner).net
    full = alpha_plus_of_pm4py(variants) if miner == "alpha-plus" else PetriNet.from_pm4py(*theirs(miner, variants))
    assert (size(ours), shape(ours)) == (size(full), shape(full))


@pytest.mark.slow
@pytest.mark.parametrize(("file", "fewest"), [("running-example.xes", 1), ("receipt.xes.gz", 20)])
def test_the_ilp_net_from_the_variants_is_that_of_the_full_log(public_log, file, fewest):
    """Of the receipt log the frequent variants: pm4py needs 150 seconds for all of it, and finds the same net there, too."""
    with public_log(file) as log:
        variants = {names: cases for names, cases in variants_of(log).items() if cases >= fewest}

    ours, full = discover_from_variants(variants, miner="ilp").net, PetriNet.from_pm4py(*theirs("ilp", variants))
    assert (size(ours), shape(ours)) == (size(full), shape(full))


def test_nets_of_one_size_with_an_arc_elsewhere_have_another_shape():
    nets = [
        discover_from_variants(variants, miner="dfg").net for variants in ({("a", "b", "a"): 1}, {("a", "b"): 1, ("b", "a"): 1})
    ]

    assert shape(nets[0]) == shape(discover_from_variants({("a", "b", "a"): 7}, miner="dfg").net)
    assert shape(nets[0]) != shape(nets[1])


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
