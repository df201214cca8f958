"""The process map: what it shows, where it draws it, and what it says of itself."""

import random
from datetime import date
from itertools import pairwise

import pytest

from apps.streamlit import mined
from apps.streamlit.filter_forms import timeframe
from apps.streamlit.mined import END, START, Activity, Step
from apps.streamlit.process_map.flow import order_of_flow
from apps.streamlit.process_map.layered import Box, Link, draw, spread
from apps.streamlit.process_map.picture import MOST_ACTIVITIES, MOST_PATHS, lines, picture, shown_activities, shown_steps, view


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
    steps = [Step("a", "b", 90), Step("b", "c", 80), Step("a", "c", 5), Step("c", "a", 4), Step("b", "d", 1), Step("d", "c", 1)]
    drawn = {(step.source, step.target) for step in shown_steps(steps, 0.0)}
    assert drawn == {("a", "b"), ("b", "c"), ("c", "a"), ("b", "d"), ("d", "c")}
    assert len(shown_steps(steps, 1.0)) == 6


def test_four_hundred_activities_are_capped_and_the_view_says_so():
    activities = [Activity(f"a{i:03d}", 400 - i, 1) for i in range(400)]
    shown = shown_activities(activities, 1.0)
    steps = [Step(a.activity, b.activity, 5) for a in shown for b in shown]
    found = view(activities, shown, steps, 1.0)
    assert (len(found.activities), len(found.steps)) == (MOST_ACTIVITIES, MOST_PATHS)
    assert found.is_capped


def test_a_long_name_is_broken_into_lines_and_nothing_but_its_end_is_lost():
    assert lines("Confirmation of receipt") == ["Confirmation of", "receipt"]
    assert lines("x" * 80)[0].endswith("…")
    assert len(lines("many words " * 20)) == 3
    assert lines("") == [""]


def test_one_activity_alone_is_a_picture_with_start_and_end(filled_home):
    activities, steps = mined.activities("single"), mined.steps("single")
    drawn = picture(view(activities, activities, steps, 1.0), measure="frequency", cases=3)
    assert {node["kind"] for node in drawn["nodes"]} == {"start", "activity", "end"}
    assert [edge["label"] for edge in drawn["edges"]] == ["3", "3"]


def test_all_paths_together_cover_every_case(filled_home):
    drawn = [(step.source, step.target) for step in mined.steps("order_to_cash")]
    assert mined.covered_cases("order_to_cash", drawn) == (300, 300)


def test_a_missing_path_uncovers_exactly_the_cases_that_take_it(filled_home):
    drawn = [(s.source, s.target) for s in mined.steps("order_to_cash") if (s.source, s.target) != ("Check credit", "Check credit")]
    assert mined.covered_cases("order_to_cash", drawn) == (240, 300)


def test_a_hidden_activity_is_bridged_and_its_time_is_counted(filled_home):
    names = tuple(a.activity for a in mined.activities("order_to_cash") if a.activity != "Check credit")
    steps = {(step.source, step.target): step for step in mined.steps("order_to_cash", names)}
    assert steps["Create order", "Confirm order"].frequency == 270
    direct = {(step.source, step.target): step for step in mined.steps("order_to_cash")}
    assert steps["Create order", "Confirm order"].mean_seconds > direct["Create order", "Confirm order"].mean_seconds
    assert sum(step.frequency for step in steps.values() if step.source == START) == 300


@pytest.mark.parametrize("process", ["order_to_cash", "bestellung"])  # with a layout kept in the lake, and without
def test_what_goes_into_an_activity_in_a_timeframe_comes_out_of_it(filled_home, process):
    stack = (timeframe(date(2024, 1, 20), date(2024, 3, 1), "started"),)
    steps = mined.steps(process, None, stack)
    number, cases = mined.variant_count(process, stack)
    assert 0 < cases < 80
    assert sum(step.frequency for step in steps if step.source == START) == cases
    assert sum(step.frequency for step in steps if step.target == END) == cases
    for activity in mined.activities(process, stack):
        assert sum(step.frequency for step in steps if step.target == activity.activity) == activity.events
    assert number == len(mined.variants(process, stack))


def test_the_last_day_of_a_timeframe_belongs_to_it(filled_home):
    whole = timeframe(date(2024, 1, 8), date(2025, 1, 30), "contained")
    assert mined.variant_count("order_to_cash", (whole,))[1] == 300


def test_the_cases_of_a_variant_are_those_that_run_so(filled_home):
    cancelled = ["Create order", "Check credit", "Cancel order"]
    cases = mined.cases_of_variant("order_to_cash", cancelled)
    assert len(cases) == 30
    assert {event["activity"] for event in mined.events_of_case("order_to_cash", cases[0]["case_id"])} == set(cancelled)
