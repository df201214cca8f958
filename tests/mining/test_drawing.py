"""Pictures: well-formed, complete, and safe with any name."""

from xml.etree import ElementTree

import pandas
import pytest

from lake.errors import FileFormatError
from mining import EventLog
from mining.discovery import discover_from_variants
from mining.drawing import bpmn_to_svg, dfg_to_dot, dfg_to_svg, net_to_dot, net_to_svg
from mining.pictures import png_of

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
    assert dfg_to_dot([('a"', "b", 2)]) == 'digraph "dfg" {\n  rankdir=LR;\n  "a\\"" -> "b" [label="2"];\n}\n'


def test_an_empty_graph_has_an_empty_picture():
    assert ElementTree.fromstring(dfg_to_svg([])).tag == f"{SVG}svg"


def test_pictures_are_saved_in_the_form_the_ending_names(tmp_path):
    log = EventLog.from_frame(
        pandas.DataFrame({"case_id": ["1", "1"], "activity": ["a", NASTY], "occurred_at": pandas.to_datetime([0, 1])})
    )

    assert log.draw(tmp_path / "graph.svg").read_text("utf-8").startswith("<svg")
    assert MODEL.draw(tmp_path / "net.dot").read_text("utf-8").startswith("digraph")
    for picture in (log.draw(tmp_path / "graph.png"), MODEL.draw(tmp_path / "MODEL.PNG")):
        assert picture.read_bytes().startswith(b"\x89PNG\r\n"), "a PNG file's first bytes"
    assert not list(tmp_path.glob(".*"))


def test_a_png_shows_letters_also_where_the_machine_has_none():
    bare, named = (dfg_to_svg([(name, name, 1)]) for name in ("\u200b", "WWWWWWWW"))
    shown = {len(png_of(svg)) for svg in (bare, named)}

    assert len(shown) == 2 and max(shown) > min(shown) + 200


def test_an_ending_that_names_no_picture_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match="names no picture"):
        MODEL.draw(tmp_path / "model.gif")
