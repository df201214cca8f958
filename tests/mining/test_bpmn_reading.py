"""BPMN files people draw: read into nets that do what the diagram says, or refused with the element that cannot be."""

import pytest

from lake.errors import FileFormatError, ModelError
from mining import check_soundness, diagram_to_net, discover, net_to_diagram, read_bpmn
from mining.conformance import align_variants
from mining.discovery import discover_from_variants
from mining.precision import measure_precision

HEAD = '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"><process id="p">{}</process></definitions>'


def document(nodes, flows):
    """A file of nodes such as `task:a` and flows such as `a>b`."""
    parts = [f'<{kind} id="{key}" name="{key}"/>' for kind, key in (node.split(":") for node in nodes.split())]
    pairs = [pair for way in flows.split() for pair in zip(way.split(">"), way.split(">")[1:], strict=False)]
    parts += [f'<sequenceFlow id="f{n}" sourceRef="{a}" targetRef="{b}"/>' for n, (a, b) in enumerate(pairs)]
    return HEAD.format("".join(parts))


def runs(text, *traces):
    """Which of these the diagram can do."""
    net = diagram_to_net(read_bpmn(text))
    asked = [(number, tuple(trace), 1) for number, trace in enumerate(traces)]
    return [variant.cost == 0 for variant in sorted(align_variants(asked, net).variants, key=lambda v: v.variant_id)]


def test_choices_and_parallel_work_are_what_they_are():
    text = document(
        "startEvent:s exclusiveGateway:x task:a task:b exclusiveGateway:y parallelGateway:u userTask:c serviceTask:d "
        "parallelGateway:v endEvent:e",
        "s>x>a>y x>b>y y>u>c>v u>d>v v>e",
    )
    assert runs(text, "acd", "bdc", "abcd", "ac") == [True, True, False, False]
    assert check_soundness(diagram_to_net(read_bpmn(text))).is_sound


def test_inclusive_gateways_take_one_branch_or_several():
    text = document("startEvent:s inclusiveGateway:x task:a task:b task:c inclusiveGateway:y endEvent:e", "s>x>a>y x>b>y x>c>y y>e")
    net = diagram_to_net(read_bpmn(text))

    assert runs(text, "a", "ba", "cab", "", "aa") == [True, True, True, False, False]
    assert check_soundness(net).is_sound


def test_an_inclusive_gateway_without_counterpart_is_refused():
    text = document("startEvent:s inclusiveGateway:x task:a task:b exclusiveGateway:y endEvent:e", "s>x>a>y x>b>y y>e")
    with pytest.raises(ModelError, match="inclusive gateway x splits branches that do not all meet"):
        diagram_to_net(read_bpmn(text))


def test_several_starts_are_a_choice_and_ends_need_no_event():
    text = document("startEvent:s startEvent:t task:a task:b task:c", "s>a>c t>b>c")

    assert runs(text, "ac", "bc", "abc") == [True, True, False]


def test_events_between_are_passed_and_several_flows_out_of_a_task_run_in_parallel():
    text = document(
        "startEvent:s task:a intermediateCatchEvent:i task:b task:c parallelGateway:v endEvent:e", "s>a>i>b>v a>c>v v>e"
    )

    assert runs(text, "abc", "acb", "ab") == [True, True, False]


def test_a_subprocess_is_flattened():
    inner = '<subProcess id="sub"><startEvent id="s2"/><task id="b" name="b"/><task id="c" name="c"/><endEvent id="e2"/>'
    inner += "".join(
        f'<sequenceFlow id="g{a}" sourceRef="{a}" targetRef="{b}"/>' for a, b in (("s2", "b"), ("b", "c"), ("c", "e2"))
    )
    text = document("startEvent:s task:a task:d endEvent:e", "s>a>sub>d>e").replace(
        "<sequenceFlow", f"{inner}</subProcess><sequenceFlow", 1
    )

    assert runs(text, "abcd", "ad") == [True, False]


def test_names_lose_their_line_breaks_and_keep_their_letters():
    text = HEAD.format(
        '<startEvent id="s"/><task id="t" name="Prüfung &#10; «A»"/><sequenceFlow id="f" sourceRef="s" targetRef="t"/>'
    )

    assert diagram_to_net(read_bpmn(text)).labels == {"Prüfung «A»"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{}", "not XML"),
        ("<pnml/>", "no BPMN process"),
        (HEAD.format('<startEvent id="s"/>'), "has no task"),
        (document("task:a", "a>b"), "there is no such node"),
        (document("task:a boundaryEvent:b", ""), "boundaryEvent b has no meaning here"),
        (HEAD.format('<task id="a" name="a"><multiInstanceLoopCharacteristics/></task>'), "how often it is repeated"),
        (HEAD.format('<task id="a"/></process><process id="q" name="second"><task id="b"/>'), "2 processes: p, second"),
    ],
)
def test_files_that_mean_nothing_here_are_refused_with_the_reason(text, told):
    with pytest.raises(FileFormatError, match=told):
        read_bpmn(text)


def test_a_diagram_without_any_end_is_refused():
    with pytest.raises(ModelError, match="no end"):
        diagram_to_net(read_bpmn(document("startEvent:s task:a task:b", "s>a>b>a")))


VARIANTS = {tuple("abcd"): 6, tuple("acbd"): 5, tuple("aed"): 2, tuple("abcabcd"): 1}


def test_a_model_survives_its_bpmn():
    model = discover_from_variants(VARIANTS, noise=0)
    back = diagram_to_net(read_bpmn(model.to_bpmn()))

    assert check_soundness(back).is_sound
    assert measure_precision(VARIANTS, back).precision == measure_precision(VARIANTS, model.net).precision


def test_a_net_becomes_a_diagram_that_does_the_same():
    """By way of the net, without the tree: free choices are kept."""
    model = discover_from_variants(VARIANTS, noise=0)
    back = diagram_to_net(net_to_diagram(model.net))

    assert check_soundness(back).is_sound
    assert measure_precision(VARIANTS, back).precision == measure_precision(VARIANTS, model.net).precision
    traces = [*VARIANTS, tuple("ad"), tuple("abd"), tuple("aecd")]
    costs = [[v.cost for v in align_variants([(n, t, 1) for n, t in enumerate(traces)], net).variants] for net in (model.net, back)]
    assert costs[0] == costs[1]


def test_a_log_is_held_against_a_drawn_model(log_of):
    log = log_of([("1", "a", 0), ("1", "b", 1), ("2", "b", 0)])
    net = diagram_to_net(read_bpmn(document("startEvent:s task:a task:b endEvent:e", "s>a>b>e")))

    assert discover(log).net.labels == net.labels
    assert [v.cost for v in align_variants(log.variant_multiset(), net).variants] == [0, 1]
