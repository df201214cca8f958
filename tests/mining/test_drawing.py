"""Pictures: well-formed, complete, and safe with any name."""

from xml.etree import ElementTree

import pytest

from mining.discovery import discover_from_variants
from mining.drawing import bpmn_to_svg, dfg_to_dot, dfg_to_svg, net_to_dot, net_to_svg

NASTY = "Prüfen & <b>\"weiter\"</b> 'jetzt' sofort nochmals und dann ein letztes Mal mit allen Unterlagen"
MODEL = discover_from_variants({("a", NASTY, "b"): 3, ("a", "b"): 1, ("c", "b", "a"): 1}, noise=0)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    "picture", [bpmn_to_svg(MODEL.drawing()), net_to_svg(MODEL.net), dfg_to_svg([("a", NASTY, 3)], {"a": 3}, {NASTY: 3})]
)
def test_a_picture_is_well_formed_and_holds_every_name_whole(picture):
    root = ElementTree.fromstring(picture)

    assert NASTY in {title.text for title in root.iter(f"{SVG}title")}
    assert NASTY in {group.get("data-name") for group in root.iter(f"{SVG}g")}


def test_every_part_of_a_net_is_drawn():
    root = ElementTree.fromstring(net_to_svg(MODEL.net))

    assert len(list(root.iter(f"{SVG}polyline"))) == len(MODEL.net.arcs)
    assert len(list(root.iter(f"{SVG}rect"))) == len(MODEL.net.transitions) + 1, "and the paper"
    assert len(list(root.iter(f"{SVG}circle"))) == len(MODEL.net.places) + 2, "and a token and a ring"


def test_dot_has_every_arc_and_quotes_names():
    text = net_to_dot(MODEL.net)

    assert text.count("->") == len(MODEL.net.arcs)
    assert '\\"weiter\\"' in text
    assert dfg_to_dot([('a"', "b", 2)]) == 'digraph {\n  rankdir=LR;\n  "a\\"" -> "b" [label="2"];\n}\n'


def test_an_empty_graph_has_an_empty_picture():
    assert ElementTree.fromstring(dfg_to_svg([])).tag == f"{SVG}svg"
