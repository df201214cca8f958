"""Layouts: nothing overlaps, lines are at right angles, and the same graph gets the same picture."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from mining.layered import place

graphs = st.integers(1, 9).flatmap(
    lambda size: st.tuples(
        st.just(size), st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=20, unique=True)
    )
)


def laid_out(graph):
    size, edges = graph
    sizes = {f"n{number}": (60.0 + 10 * number, 30.0) for number in range(size)}
    return sizes, [(f"n{a}", f"n{b}") for a, b in edges]


@settings(max_examples=150, deadline=None)
@given(graphs)
def test_no_box_overlaps_another(graph):
    boxes = list(place(*laid_out(graph)).boxes.values())

    for number, one in enumerate(boxes):
        for other in boxes[number + 1 :]:
            beside = one.x + one.width <= other.x or other.x + other.width <= one.x
            assert beside or one.y + one.height <= other.y or other.y + other.height <= one.y


@settings(max_examples=150, deadline=None)
@given(graphs)
def test_edges_run_at_right_angles_from_box_to_box_and_through_none(graph):
    sizes, edges = laid_out(graph)
    placement = place(sizes, edges)

    for (source, target), route in zip(edges, placement.routes, strict=True):
        for end, (x, y) in ((source, route[0]), (target, route[-1])):
            box = placement.boxes[end]
            assert box.x <= x <= box.x + box.width
            assert box.y <= y <= box.y + box.height
        for (x1, y1), (x2, y2) in pairwise(route):
            assert abs(x1 - x2) < 0.6 or abs(y1 - y2) < 0.6
            for name, box in placement.boxes.items():
                inside = max(x1, x2) > box.x + 1 and min(x1, x2) < box.x + box.width - 1
                inside = inside and max(y1, y2) > box.y + 1 and min(y1, y2) < box.y + box.height - 1
                assert not inside, (source, target, name)


@settings(max_examples=30, deadline=None)
@given(graphs)
def test_the_same_graph_gets_the_same_picture(graph):
    assert place(*laid_out(graph)) == place(*laid_out(graph))


def test_a_graph_of_hundreds_of_nodes_is_laid_out():
    names = {f"n{number}": (80.0, 36.0) for number in range(400)}
    edges = [(f"n{a}", f"n{(a * step + step) % 400}") for a in range(400) for step in (1, 3, 7, 11, 13)]
    placement = place(names, edges)

    assert len(placement.boxes) == 400
    assert len(placement.routes) == 2000
