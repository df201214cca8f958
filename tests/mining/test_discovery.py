"""Discovery: models of small logs known by heart, their files, and the bound on large ones."""

import os
import subprocess
import sys
from collections import Counter
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lake.errors import FileFormatError, ModelError
from mining import PetriNet, align, discover
from mining.conformance import align_variants
from mining.discovery import discover_from_variants
from mining.process_tree import ProcessTree
from mining.soundness import check_soundness

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pm4py.*", "ignore::FutureWarning:pm4py.*")
ABCD = {("a", "b", "c", "d"): 6, ("a", "c", "b", "d"): 5, ("a", "e", "d"): 2}
LOOPS = {("a", "b", "c"): 4, ("a", "b", "b", "c"): 3, ("a", "b", "b", "b", "c"): 1, ("d",): 2}


def leaf(name):
    return ProcessTree(label=name)


def block(operator, *children):
    return ProcessTree(operator=operator, children=children)


def test_the_inductive_miner_finds_choice_parallel_and_sequence():
    model = discover_from_variants(ABCD, noise=0)

    parallel = block("parallel", leaf("b"), leaf("c"))
    assert model.tree.operator == "sequence"
    assert model.tree.children[0] == leaf("a")
    assert model.tree.children[2] == leaf("d")
    assert set(model.tree.children[1].children) == {parallel, leaf("e")}
    assert (model.miner, model.noise, model.is_sound) == ("inductive", 0.0, True)
    assert model.net.labels == set("abcde")


def test_a_filtered_log_is_what_gets_discovered(log_of):
    from mining import Endpoints

    log = log_of([("1", "a", 0), ("1", "b", 1), ("2", "x", 0), ("2", "y", 1)])
    model = discover(log.filter(Endpoints(starts=("a",))))

    assert model.net.labels == {"a", "b"}
    assert str(model.tree) == "sequence(a, b)"


def test_the_order_of_variants_does_not_change_the_model():
    backwards = dict(reversed(LOOPS.items()))

    assert discover_from_variants(LOOPS, noise=0.1) == discover_from_variants(backwards, noise=0.1)


def test_the_model_does_not_depend_on_the_hash_seed_of_the_process():
    program = (
        "from mining.discovery import discover_from_variants as d; "
        "print(d({tuple('abcd'): 2, tuple('acbd'): 2, tuple('aed'): 1, tuple('abbd'): 1}).to_pnml())"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", program], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in "123"
    }
    assert len(texts) == 1


def test_a_net_survives_its_pnml():
    net = discover_from_variants(LOOPS, noise=0).net

    assert PetriNet.from_pnml(net.to_pnml()) == net
    assert net.silent > 0


def test_pm4py_reads_the_pnml_as_the_same_net(tmp_path):
    from pm4py.objects.petri_net.importer.variants import pnml

    net = discover_from_variants(LOOPS, noise=0).net
    (tmp_path / "net.pnml").write_text(net.to_pnml(), encoding="utf-8")
    read, initial, final = pnml.import_net(str(tmp_path / "net.pnml"))

    assert (len(read.places), len(read.transitions), len(read.arcs)) == (len(net.places), len(net.transitions), len(net.arcs))
    assert Counter(t.label for t in read.transitions) == Counter(t.label for t in net.transitions)
    assert sum(initial.values()) == sum(final.values()) == 1


@pytest.mark.parametrize("variants", [ABCD, LOOPS, {("a",): 1}, {("a", "b", "a", "c", "a"): 3, ("c", "a"): 2}])
def test_the_bpmn_says_the_same_as_the_net(tmp_path, variants):
    """pm4py turns the diagram back into a net; both must cost the same for traces inside and outside the model."""
    from pm4py.objects.bpmn.importer.variants import lxml
    from pm4py.objects.conversion.bpmn.variants import to_petri_net

    model = discover_from_variants(variants, noise=0)
    (tmp_path / "model.bpmn").write_text(model.to_bpmn(), encoding="utf-8")
    back = PetriNet.from_pm4py(*to_petri_net.apply(lxml.apply(str(tmp_path / "model.bpmn"))))

    traces = [*variants, ("a",), ("b", "b", "c"), ("d", "a"), ("c", "b", "a"), ("x",), ("a", "b", "c", "d", "e")]
    asked = [(number, trace, 1) for number, trace in enumerate(dict.fromkeys(traces), start=1)]
    costs = [[v.cost for v in align_variants(asked, net).variants] for net in (model.net, back)]
    assert costs[0] == costs[1]


def test_every_shape_of_the_bpmn_has_its_place_and_none_overlaps_another():
    text = discover_from_variants({**ABCD, **LOOPS}, noise=0).to_bpmn()
    root = ElementTree.fromstring(text)
    boxes = [
        tuple(float(bounds.attrib[key]) for key in ("x", "y", "width", "height"))
        for bounds in root.iter("{http://www.omg.org/spec/DD/20100524/DC}Bounds")
    ]
    drawn = {shape.attrib["bpmnElement"] for shape in root.iter("{http://www.omg.org/spec/BPMN/20100524/DI}BPMNShape")}

    nodes = {node.attrib["id"] for node in root[0] if not node.tag.endswith("sequenceFlow")}
    assert drawn == nodes
    for number, (x, y, width, height) in enumerate(boxes):
        for other_x, other_y, other_width, other_height in boxes[number + 1 :]:
            apart = x + width <= other_x or other_x + other_width <= x or y + height <= other_y or other_y + other_height <= y
            assert apart


def test_the_shortest_run_of_a_tree_takes_the_cheapest_branches():
    loop = block("loop", block("choice", block("sequence", leaf("a"), leaf("b")), leaf("c")), leaf("again"))

    assert block("parallel", loop, leaf("d"), block("choice", leaf("e"), ProcessTree())).shortest_run == 2


def test_a_log_of_very_many_activities_is_bounded_and_says_so():
    names = [f"activity {number}" for number in range(624)]
    variants = {tuple(names[start:] + names[:start]): 1 for start in range(0, 624, 104)}
    model = discover_from_variants(variants)

    assert model.miner == "inductive without all fall-throughs (624 activities)"
    assert model.net.labels == set(names)


def test_a_case_of_3000_events_is_mined():
    trace = ("start", *("work", "check") * 1499, "end")
    model = discover_from_variants({trace: 1}, noise=0)

    assert str(model.tree) == "sequence(start, loop(sequence(work, check), τ), end)"
    assert check_soundness(model.net).is_sound


@pytest.mark.parametrize(
    ("options", "told"), [({"miner": "magic"}, "no miner `magic`"), ({"noise": 1.5}, "noise threshold of 1.5")]
)
def test_settings_that_make_no_sense_are_refused(options, told):
    with pytest.raises(ModelError, match=told):
        discover_from_variants(ABCD, **options)


def test_a_log_without_cases_has_no_model(log_of):
    from mining import Length

    with pytest.raises(ModelError, match="no cases"):
        discover(log_of([("1", "a", 0)]).filter(Length(minimum=5)))


def test_a_file_that_is_no_net_is_refused():
    with pytest.raises(FileFormatError, match="not XML"):
        PetriNet.from_pnml("{}")
    with pytest.raises(FileFormatError, match="holds no net"):
        PetriNet.from_pnml("<pnml/>")


def test_a_model_without_noise_fits_every_case(log_of):
    log = log_of([("1", "a", 0), ("1", "b", 1), ("2", "b", 0), ("2", "a", 1), ("3", "c", 0), ("4", "a", 0), ("4", "a", 1)])
    result = align(log, discover(log, noise=0))

    assert (result.average_fitness, result.perfectly_fitting) == (1.0, 1.0)


names = st.lists(st.sampled_from('abé"'), min_size=1, max_size=4).map(tuple)


@given(st.dictionaries(names, st.integers(1, 9), min_size=1, max_size=4))
@settings(max_examples=20, deadline=None)
def test_a_model_comes_back_from_its_texts(variants):
    model = discover_from_variants(variants)

    assert ProcessTree.from_json(model.tree.to_json()) == model.tree
    assert PetriNet.from_pnml(model.to_pnml()).to_pnml() == model.to_pnml()
