"""The process map: what it shows, where it draws it, and what it says of itself."""

import random
from collections import Counter
from datetime import UTC, date, datetime
from itertools import pairwise

import pytest

import lake
from apps.streamlit import case_figures, map_figures, mined, reading
from apps.streamlit.filter_forms import timeframe
from apps.streamlit.map_figures import Path
from apps.streamlit.mined import END, START
from apps.streamlit.process_map import scene as scenes
from apps.streamlit.process_map.flow import order_of_flow
from apps.streamlit.process_map.layered import Box, Link, draw, spread
from apps.streamlit.process_map.plan import PLACED_AT_ONCE, in_order, lines, plan
from apps.streamlit.process_map.scene import Figures
from lake.registry import register_process
from mining.attribute_filters import Attribute
from mining.case_filters import Timeframe as Days
from mining.filters import filters_from_json

DEFINITION = {
    "slas": [{"name": "ship", "from": "Create order", "to": "Ship goods", "within_hours": 20, "text": "Ships within 20 h"}],
    "costs": {"activities": {"Check credit": 12.5}, "currency": "EUR"},
}


def map_of(process, *, stack=(), shown=None, other=None, **parts):
    """The scene of a process, as the page makes it."""
    places = map_figures.places(process, stack)
    names = [place.activity for place in places[: shown or len(places)]]
    paths = map_figures.paths(process, stack, names if len(names) < len(places) else None)
    figures = Figures(places, paths, map_figures.case_count(process, stack), **parts)
    if other:
        figures = scenes.united(figures, other)
    ordered, _ = in_order(figures.paths)
    where = plan([place.activity for place in map_figures.places(process)], map_figures.paths(process))
    return scenes.scene(where, figures, shown=len(names), covered=map_figures.coverage(process, stack, ordered), other=other)


def some_graph(boxes: int, links: int, seed: int) -> tuple[list[Box], list[Link]]:
    chance = random.Random(seed)
    pairs = {}
    while len(pairs) < links:
        source, target = chance.sample(range(boxes), 2)
        pairs[source, target] = chance.random() ** 3
    return (
        [Box(f"b{i}", 100 + chance.random() * 80, 50) for i in range(boxes)],
        [Link(f"b{source}", f"b{target}", weight, 40) for (source, target), weight in pairs.items()],
    )


@pytest.mark.parametrize(("boxes", "links"), [(1, 0), (2, 2), (12, 20), (40, 90), (80, 220)])
def test_no_two_boxes_overlap_and_every_edge_is_drawn(boxes, links):
    nodes, edges = some_graph(boxes, links, seed=boxes)
    drawing = draw(nodes, edges)
    places = [(*drawing.boxes[box.key], box) for box in nodes]
    for i, (x, y, box) in enumerate(places):
        for other_x, other_y, other in places[i + 1 :]:
            apart = abs(x - other_x) >= (box.width + other.width) / 2 or abs(y - other_y) >= (box.height + other.height) / 2
            assert apart, (box, other)
    assert set(drawing.routes) == {(link.source, link.target) for link in edges}


def test_an_edge_starts_at_its_source_and_ends_at_its_target_whichever_way_it_runs():
    nodes = [Box("a", 100, 50), Box("b", 100, 50)]
    drawing = draw(nodes, [Link("a", "b", 1.0), Link("b", "a", 0.1)])
    down, up = drawing.routes["a", "b"], drawing.routes["b", "a"]
    assert down[0][1] < down[-1][1]
    assert up[0][1] > up[-1][1]


def test_start_stands_above_and_end_below_everything():
    nodes, edges = some_graph(10, 20, seed=3)
    drawing = draw(nodes, [*edges, Link("b4", "b7", 0.5)], first="b7", last="b2")
    heights = {key: y for key, (_, y) in drawing.boxes.items()}
    assert heights["b2"] == max(heights.values())
    assert min(heights, key=lambda key: heights[key]) == "b7"


def test_the_heavy_way_goes_down_and_the_rare_way_back_goes_up():
    links = [Link("a", "b", 1.0), Link("b", "c", 0.9), Link("c", "a", 0.1), Link("c", "b", 0.2)]
    assert order_of_flow(["c", "b", "a"], links) == ["a", "b", "c"]


def test_the_same_graph_is_always_drawn_the_same_way():
    nodes, edges = some_graph(20, 40, seed=5)
    assert draw(nodes, edges) == draw(nodes, edges[::-1])


@pytest.mark.parametrize("wanted", [[0.0], [-200.0, -100.0, 0.0], [0.0, 0.0, 0.0, 0.0], [-3.0, 500.0]])
def test_ports_keep_to_the_box_and_apart_and_the_anchor_has_its_place(wanted):
    places = spread(wanted, len(wanted) - 1, room=50)
    assert all(-50.001 <= place <= 50.001 for place in places)
    assert all(b - a > 1 for a, b in pairwise(places))


def test_every_shown_activity_keeps_a_way_in_and_a_way_out_however_few_paths_are_wanted():
    taken = {"ab": 90, "bc": 80, "ac": 5, "ca": 4, "bd": 1, "dc": 1}
    ordered, least = in_order([Path(*ends, times, times) for ends, times in taken.items()])
    assert ["".join(path.ends) for path in ordered[:least]] == ["ab", "bc", "ca", "bd", "dc"]
    assert len(ordered) == 6


def test_a_long_name_is_broken_into_lines_and_nothing_but_its_end_is_lost():
    assert lines("Confirmation of receipt") == ["Confirmation of", "receipt"]
    assert lines("x" * 80)[0].endswith("…")
    assert len(lines("many words " * 20)) == 3
    assert lines("") == [""]


def test_one_activity_alone_is_a_map_with_start_and_end(filled_home):
    drawn = map_of("single")
    assert {node["kind"] for node in drawn["nodes"]} == {"start", "activity", "end"}
    assert [(edge["n"], len(edge["route"])) for edge in drawn["edges"]] == [(3, 8), (3, 8)]
    assert drawn["covered"] == [[2, 3]]


def test_an_empty_log_is_a_map_without_anything_in_it(filled_home):
    nobody = (Attribute("activity", ("No such activity",), mode="mandatory"),)
    drawn = map_of("order_to_cash", stack=nobody)
    assert [node["kind"] for node in drawn["nodes"]] == ["start", "end"]
    assert (drawn["edges"], drawn["cases"], drawn["covered"]) == ([], 0, [])
    assert drawn["overlays"][0]["key"] == "frequency"
    assert map_figures.moves("order_to_cash", nobody, [], []) is None


def test_names_stay_what_they_are(filled_home):
    names = {node["name"] for node in map_of("bestellung")["nodes"]}
    assert {"<script>alert(1)</script>", "受注を確認する · Größe prüfen", "Start", "End"} <= names


def test_four_hundred_activities_all_have_a_place_and_none_stands_on_another(filled_home):
    names = [place.activity for place in map_figures.places("wide")]
    where = plan(names, map_figures.paths("wide"))
    boxes = [(*where.drawing.boxes[name], *where.sizes[name]) for name in names]
    assert len(boxes) == 400 > PLACED_AT_ONCE
    by_row = sorted(boxes, key=lambda box: (box[1], box[0]))
    for (x, y, w, _), (other_x, other_y, other_w, _) in pairwise(by_row):
        assert y != other_y or other_x - x >= (w + other_w) / 2


def test_boxes_stay_where_they_are_whatever_is_hidden_or_filtered(filled_home):
    whole = {node["id"]: (node["x"], node["y"]) for node in map_of("order_to_cash")["nodes"]}
    few = map_of("order_to_cash", shown=3)
    some = map_of("order_to_cash", stack=(Attribute("activity", ("Cancel order",), mode="mandatory"),))
    assert len(few["edges"]) < len(map_of("order_to_cash")["edges"])
    for node in few["nodes"] + some["nodes"]:
        assert (node["x"], node["y"]) == whole[node["id"]]


def covered(drawn, number):
    return sum(cases for needed, cases in drawn["covered"] if needed <= number)


def test_all_paths_together_cover_every_case(filled_home):
    drawn = map_of("order_to_cash")
    assert covered(drawn, len(drawn["edges"])) == drawn["cases"] == 300


@pytest.mark.parametrize("shown", [None, 5])
def test_the_first_paths_cover_exactly_the_cases_that_take_no_other(filled_home, shown):
    drawn = map_of("order_to_cash", shown=shown)
    for number in range(1, len(drawn["edges"]) + 1):
        kept = {(edge["s"], edge["t"]) for edge in drawn["edges"][:number]}
        expected = 0
        for variant in mined.variants("order_to_cash"):
            steps = pairwise([START, *variant["activities"], END])
            expected += variant["cases"] if set(steps) <= kept else 0
        assert covered(drawn, number) == expected


def test_a_hidden_activity_is_bridged_and_its_time_is_counted(filled_home):
    names = [place.activity for place in map_figures.places("order_to_cash") if place.activity != "Check credit"]
    paths = {path.ends: path for path in map_figures.paths("order_to_cash", (), names)}
    assert paths["Create order", "Confirm order"].frequency == 270
    direct = {path.ends: path for path in map_figures.paths("order_to_cash")}
    assert paths["Create order", "Confirm order"].mean_seconds > direct["Create order", "Confirm order"].mean_seconds
    assert sum(path.frequency for path in paths.values() if path.source == START) == 300


@pytest.mark.parametrize("process", ["order_to_cash", "bestellung"])  # with a layout kept in the lake, and without
def test_what_goes_into_an_activity_in_a_timeframe_comes_out_of_it(filled_home, process):
    stack = (Days(datetime(2024, 1, 20, tzinfo=UTC), datetime(2024, 3, 2, tzinfo=UTC), mode="started"),)
    paths, cases = map_figures.paths(process, stack), map_figures.case_count(process, stack)
    assert 0 < cases < 80
    assert sum(path.frequency for path in paths if path.source == START) == cases
    assert sum(path.frequency for path in paths if path.target == END) == cases
    for place in map_figures.places(process, stack):
        assert sum(path.frequency for path in paths if path.target == place.activity) == place.events


def test_overlays_are_those_the_process_has_figures_for(filled_home):
    plain = map_of("order_to_cash")
    assert [overlay["key"] for overlay in plain["overlays"]] == ["frequency", "cases", "mean", "median", "p90", "total"]
    full = map_of(
        "order_to_cash",
        costs=map_figures.unit_costs("order_to_cash", (), DEFINITION),
        agreements=map_figures.agreements("order_to_cash", (), DEFINITION),
        deviations=[{"kind": "inserted", "activity": "Check credit", "after_activity": "Check credit", "cases": 60}],
    )
    assert [overlay["key"] for overlay in full["overlays"]][6:] == ["cost", "deviations", "sla"]
    boxes = {node["id"]: node["v"] for node in full["nodes"]}
    assert boxes["Check credit"]["cost"] == boxes["Check credit"]["frequency"] * 12.5
    assert boxes["Check credit"]["deviations"] == 60
    assert 0 < boxes["Ship goods"]["sla"] < 1
    loop = next(edge for edge in full["edges"] if edge["s"] == edge["t"] == "Check credit")
    assert loop["v"]["deviations"] == 60


def test_total_time_is_what_all_cases_together_spend_on_a_path(filled_home):
    drawn = map_of("order_to_cash")
    for edge in drawn["edges"]:
        if "mean" in edge["v"]:
            assert edge["v"]["total"] == pytest.approx(edge["v"]["mean"] * edge["n"], rel=1e-6)


def test_a_comparison_shows_differences_and_what_only_the_other_has(filled_home):
    cancelled = (Attribute("activity", ("Cancel order",), mode="mandatory"),)
    whole = Figures(map_figures.places("order_to_cash"), map_figures.paths("order_to_cash"), 300)
    drawn = map_of("order_to_cash", stack=cancelled, other=whole)
    more = {node["id"]: node["v"].get("more") for node in drawn["nodes"]}
    assert more["Cancel order"] == pytest.approx(1 - 30 / 300)
    assert more["Send invoice"] == pytest.approx(-0.9)
    edges = {(edge["s"], edge["t"]): edge for edge in drawn["edges"]}
    assert edges["Ship goods", "Send invoice"]["n"] == 0
    assert edges["Check credit", "Cancel order"]["v"]["slower"] == pytest.approx(1.0)
    assert covered(drawn, len(drawn["edges"])) == 30


def test_a_log_compared_with_itself_shows_no_difference(filled_home):
    whole = Figures(map_figures.places("order_to_cash"), map_figures.paths("order_to_cash"), 300)
    drawn = map_of("order_to_cash", other=whole)
    assert {edge["v"]["more"] for edge in drawn["edges"]} == {0}
    assert {edge["v"].get("slower", 1) for edge in drawn["edges"]} == {1}


def test_every_case_is_replayed_along_the_paths_it_took_when_it_took_them(filled_home):
    paths, _ = in_order(map_figures.paths("order_to_cash"))
    names = [place.activity for place in map_figures.places("order_to_cash")]
    found = map_figures.moves("order_to_cash", (), paths, names)
    assert (found.cases, found.span_seconds, set(found.moves)) == (300, None, {1})
    assert found.begins == sorted(found.begins) and found.begins[0] == 0
    for number, path in enumerate(paths):
        taken = [end - begin for of, begin, end in zip(found.paths, found.begins, found.ends, strict=True) if of == number]
        is_inner = path.source != START and path.target != END
        assert len(taken) == (path.frequency if is_inner else 0)
        if taken:
            assert sum(taken) / len(taken) == pytest.approx(path.mean_seconds)


def test_steps_over_hidden_activities_are_replayed_as_the_paths_count_them(filled_home):
    names = [place.activity for place in map_figures.places("order_to_cash")][::2]
    paths = map_figures.paths("order_to_cash", (), names)
    found = map_figures.moves("order_to_cash", (), paths, names)
    taken = Counter(found.paths)
    timed = [path for path in paths if path.mean_seconds]
    assert len(timed) > 3
    for path in timed:
        number = paths.index(path)
        lasting = [e - b for of, b, e in zip(found.paths, found.begins, found.ends, strict=True) if of == number]
        assert sum(lasting) / path.frequency == pytest.approx(path.mean_seconds)  # moves that take no time are not replayed
        assert taken[number] <= path.frequency


@pytest.mark.parametrize("most", [500, 60])
def test_of_many_cases_all_are_replayed_and_like_moves_share_a_token(filled_home, monkeypatch, most):
    paths, _ = in_order(map_figures.paths("order_to_cash"))
    names = [place.activity for place in map_figures.places("order_to_cash")]
    each = map_figures.moves("order_to_cash", (), paths, names)
    monkeypatch.setattr(map_figures, "TOKENS", most)
    found = map_figures.moves("order_to_cash", (), paths, names)

    assert len(found.paths) <= most < len(each.paths)
    assert found.cases == 300 and found.since == each.since
    assert found.begins == sorted(found.begins)
    lasting, apart, together = found.span_seconds, totals(each), totals(found)
    assert together.keys() == apart.keys()
    for path, (moves, seconds) in apart.items():
        assert together[path] == (moves, pytest.approx(seconds, abs=moves))  # means are whole seconds
    assert 0 < lasting < max(each.begins)
    assert found == map_figures.moves("order_to_cash", (), paths, names)


def test_under_filters_a_model_of_the_cases_kept_is_discovered(filled_home):
    without = (Attribute("activity", ("Check credit",), mode="forbidden"),)
    drawn = map_figures.model_of("order_to_cash", without)
    assert "Create order" in drawn and "Check" not in drawn
    assert "Check" in map_figures.model_of("order_to_cash", (Attribute("activity", ("Check credit",)),))
    assert map_figures.model_of("order_to_cash", (Attribute("activity", ("No such activity",)),)) is None
    of_events = map_figures.model_of("order_to_cash", (Attribute("activity", ("Create order",), mode="keep"),))
    assert "Create order" in of_events and "Ship" not in of_events


def totals(found):
    """Moves and their seconds by path."""
    sums = {}
    for path, begin, end, moves in zip(found.paths, found.begins, found.ends, found.moves, strict=True):
        before = sums.get(path, (0, 0))
        sums[path] = (before[0] + moves, before[1] + moves * (end - begin))
    return sums


def test_every_type_of_object_has_paths_in_its_own_colour():
    places = [
        {"object_type": kind, "activity": name, "events": events, "objects": objects, "starts": 0, "ends": 0}
        for kind, name, events, objects in (("order", "Create", 9, 9), ("order", "Ship", 7, 7), ("item", "Ship", 7, 20))
    ]
    step = {"source": "Create", "target": "Ship", "events": 7, "mean_seconds": 5.0, "median_seconds": 5.0}
    paths = [step | {"object_type": kind, "objects": n, "occurrences": n} for kind, n in (("item", 20), ("order", 7))]
    where = plan(["Create", "Ship"], scenes.merged_paths(paths))
    drawn = scenes.object_scene(where, places, paths)
    assert [kind["name"] for kind in drawn["types"]] == ["item", "order"]
    assert len({edge["colour"] for edge in drawn["edges"]}) == 2
    assert [node["n"] for node in drawn["nodes"]] == [9, 7]


CLICKS = [
    ({"action": "with", "kind": "activity", "activity": "Cancel order"}, 30),
    ({"action": "without", "kind": "activity", "activity": "Cancel order"}, 270),
    ({"action": "starts", "kind": "activity", "activity": "Create order"}, 300),
    ({"action": "ends", "kind": "activity", "activity": "Cancel order"}, 30),
    ({"action": "with", "kind": "path", "source": "Ship goods", "target": "Ship goods"}, 60),
    ({"action": "without", "kind": "path", "source": "Ship goods", "target": "Ship goods"}, 240),
    ({"action": "cases", "kind": "path", "source": "Cancel order", "target": END}, 30),
    ({"action": "without", "kind": "path", "source": START, "target": "Create order"}, 0),
]


@pytest.mark.parametrize(("click", "cases"), CLICKS)
def test_a_click_is_a_filter_that_keeps_the_cases_it_says(filled_home, click, cases):
    made = scenes.filter_of(click)
    assert filters_from_json([made.to_json()]) == [made]
    assert map_figures.case_count("order_to_cash", (made,)) == cases
    assert len(map_figures.cases_of("order_to_cash", (made,))) == cases


def test_the_last_day_of_a_timeframe_belongs_to_it(filled_home):
    whole = (timeframe(date(2024, 1, 8), date(2025, 1, 30), "contained"),)
    assert mined.variant_count("order_to_cash", whole)[1] == 300


def test_the_cases_of_a_variant_are_those_that_run_so(filled_home):
    cancelled = ["Create order", "Check credit", "Cancel order"]
    cases = mined.cases_of_variant("order_to_cash", cancelled)
    assert len(cases) == 30
    one = case_figures.case("order_to_cash", cases[0]["case_id"])
    assert one is not None and one.path == cancelled


def test_a_shared_token_takes_time(monkeypatch, module_home):
    """Means of begins and ends, each rounded by itself, could be the same second, and a token of no length is never drawn."""

    def fill(connection):
        connection.execute("create schema if not exists event_logs")
        connection.execute(
            """create table event_logs.short as select c as case_id, a as activity,
                   timestamptz '2024-01-01 00:00:00+00' + to_seconds(s) as occurred_at, row_number() over () as source_row
               from (values ('1', 'x', 1), ('1', 'y', 2), ('2', 'x', 2), ('2', 'y', 3), ('3', 'y', 0), ('3', 'z', 9000))
                   v(c, a, s)"""
        )
        register_process(connection, "short", title="Short", origin="file", definition=None)

    lake.in_transaction(fill)
    monkeypatch.setattr(map_figures, "TOKENS", 2)
    paths = [Path("x", "y", 2, 2), Path("y", "z", 1, 1)]
    found = map_figures.moves("short", (), paths, ["x", "y", "z"])

    assert sorted(zip(found.paths, found.moves, strict=True)) == [(0, 2), (1, 1)]
    assert all(end > begin for begin, end in zip(found.begins, found.ends, strict=True))


def test_a_question_under_a_filter_of_events_leaves_nothing_on_the_pages_connection(filled_home):
    of_events = (Attribute("activity", ("Create order", "Ship goods"), mode="keep"),)
    assert map_figures.model_of("order_to_cash", of_events)
    left = reading.with_connection(
        lambda cursor: cursor.execute("select table_name from duckdb_tables() where temporary").fetchall()
    )
    assert left == []
