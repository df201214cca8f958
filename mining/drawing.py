"""Pictures of models: SVG of BPMN diagrams, Petri nets and directly-follows graphs, and DOT for other programs.

What belongs here: shapes, lines and labels. What does not: where things stand (`mining.layered`, `mining.bpmn`).

A picture is one SVG text without scripts, styles from elsewhere or fonts of its own, so that it opens anywhere and can be put
into a page. Names are people's own texts: they are escaped, and cut to lines that fit.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from textwrap import wrap
from xml.sax.saxutils import escape, quoteattr

from mining import dot
from mining.bpmn_diagram import Drawing, Node
from mining.layered import Box, Placement, Point, place
from mining.petri_net import PetriNet

_INK, _PAPER, _LINE, _FONT = "#1f2937", "#ffffff", "#64748b", "font-family='Helvetica, Arial, sans-serif'"
_MARGIN = 20.0
_CIRCLE, _SILENT = (30.0, 30.0), (14.0, 36.0)
_LETTER, _LINE_HEIGHT = 6.4, 13.0
Edge = tuple[str, str, float]  # source, target, frequency


def bpmn_to_svg(drawing: Drawing) -> str:
    """The diagram as SVG: tasks, gateways with their marks, events, and flows at right angles."""
    boxes = drawing.placement.boxes
    shapes = [_bpmn_node(node, boxes[node.id]) for node in drawing.diagram.nodes]
    return _svg(drawing.placement, [*(_line(route) for route in drawing.placement.routes), *shapes])


def net_to_svg(net: PetriNet) -> str:
    """The net as SVG: circles for places, a dot for each initial token, a double ring for final places, bars for silent steps."""
    sizes: dict[str, tuple[float, float]] = dict.fromkeys(net.places, _CIRCLE)
    sizes |= {t.id: _SILENT if t.label is None else _label_size(t.label) for t in net.transitions}
    placement = place(sizes, net.arcs)
    shapes = [_place(placement.boxes[name], net.initial.get(name, 0), bool(net.final.get(name))) for name in net.places]
    for transition in net.transitions:
        box = placement.boxes[transition.id]
        shapes.append(_rectangle(box, fill=_INK) if transition.label is None else _labelled(box, transition.label, radius=0))
    return _svg(placement, [*(_line(route) for route in placement.routes), *shapes])


def dfg_to_svg(edges: Sequence[Edge], starts: Mapping[str, float] | None = None, ends: Mapping[str, float] | None = None) -> str:
    """The directly-follows graph as SVG; the more often an edge is taken, the stronger it is drawn.

    Args:
        edges: Source, target and frequency.
        starts: Cases by first activity; each gets an arrow from a start point.
        ends: Cases by last activity.
    """
    names = sorted({*(name for a, b, _ in edges for name in (a, b)), *(starts or ()), *(ends or ())})
    ids = {name: f"n{number}" for number, name in enumerate(names)}
    sizes = {"start": _CIRCLE} | {ids[name]: _label_size(name) for name in names} | {"end": _CIRCLE}
    lines = [("start", ids[name], cases) for name, cases in sorted((starts or {}).items())]
    lines += [(ids[a], ids[b], frequency) for a, b, frequency in sorted(edges, key=lambda edge: (-edge[2], edge[0], edge[1]))]
    lines += [(ids[name], "end", cases) for name, cases in sorted((ends or {}).items())]
    sizes = {key: size for key, size in sizes.items() if key not in ("start", "end") or (starts if key == "start" else ends)}
    placement = place(sizes, [(a, b) for a, b, _ in lines])
    most = max((frequency for _, _, frequency in lines), default=1) or 1
    drawn = [_line(route, 1 + 4 * (f / most), f"{f:,.10g}") for route, (_, _, f) in zip(placement.routes, lines, strict=True)]
    shapes = [_labelled(placement.boxes[ids[name]], name, radius=8) for name in names]
    shapes += [_place(placement.boxes[key], 0, key == "end") for key in ("start", "end") if key in placement.boxes]
    return _svg(placement, [*drawn, *shapes])


def net_to_dot(net: PetriNet) -> str:
    """The net in Graphviz's language."""
    lines = [dot.node(name, "●" if net.initial.get(name) else "", shape="circle") for name in net.places]
    for transition in net.transitions:
        style = {"style": "filled", "fillcolor": "black"} if transition.label is None else {}
        lines.append(dot.node(transition.id, transition.label or "", shape="box", **style))
    return dot.graph(net.name, [*lines, *(dot.edge(source, target) for source, target in net.arcs)])


def dfg_to_dot(edges: Sequence[Edge]) -> str:
    """The directly-follows graph in Graphviz's language, edges labelled with their frequency."""
    return dot.graph("dfg", [dot.edge(source, target, f"{frequency:,.10g}") for source, target, frequency in edges])


def _svg(placement: Placement, shapes: Iterable[str]) -> str:
    width, height = placement.width + 2 * _MARGIN, placement.height + 2 * _MARGIN
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:g} {height:g}' width='{width:g}' height='{height:g}'>"
    paper = f"<rect width='100%' height='100%' fill='{_PAPER}'/><g transform='translate({_MARGIN:g} {_MARGIN:g})'>"
    return "\n".join([head, paper, *shapes, "</g>", "</svg>"]) + "\n"


def _line(points: Sequence[Point], width: float = 1.4, label: str = "") -> str:
    """An arrow along the points, as strong as said, with its label over its longest level part."""
    (before_x, before_y), (x, y) = points[-2:]
    length, half = 7 + 1.5 * width, 3 + width
    reach = max(abs(x - before_x), abs(y - before_y), 1e-9)
    dx, dy = (x - before_x) / reach, (y - before_y) / reach
    end = (x - dx * min(length, reach), y - dy * min(length, reach))
    way = " ".join(f"{at_x:g},{at_y:g}" for at_x, at_y in [*points[:-1], end])
    head = f"{x:g},{y:g} {end[0] - dy * half:g},{end[1] + dx * half:g} {end[0] + dy * half:g},{end[1] - dx * half:g}"
    told = f"<title>{escape(label)}</title>" if label else ""
    pen = f"fill='none' stroke='{_LINE}' stroke-width='{width:.3g}' stroke-linejoin='round'"
    return (
        f"<polyline points='{way}' {pen}>{told}</polyline>"
        f"<polygon points='{head}' fill='{_LINE}'/>{_over(points, label, width) if label else ''}"
    )


def _over(points: Sequence[Point], label: str, width: float) -> str:
    start, end = max(pairwise(points), key=lambda part: abs(part[1][0] - part[0][0]) - abs(part[1][1] - part[0][1]))
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2 - width / 2 - 2.5
    halo = f"stroke='{_PAPER}' stroke-width='3' paint-order='stroke'"
    return f"<text x='{x:g}' y='{y:g}' {_FONT} font-size='9.5' fill='{_INK}' {halo} text-anchor='middle'>{escape(label)}</text>"


def _rectangle(box: Box, *, fill: str = _PAPER, radius: float = 0) -> str:
    return (
        f"<rect x='{box.x:g}' y='{box.y:g}' width='{box.width:g}' height='{box.height:g}' rx='{radius:g}' fill='{fill}' "
        f"stroke='{_INK}' stroke-width='1.4'/>"
    )


def _circle(box: Box, *, width: float = 1.4, inset: float = 0, fill: str = _PAPER) -> str:
    x, y, radius = box.x + box.width / 2, box.middle, min(box.width, box.height) / 2 - inset
    return f"<circle cx='{x:g}' cy='{y:g}' r='{radius:g}' fill='{fill}' stroke='{_INK}' stroke-width='{width:g}'/>"


def _place(box: Box, tokens: int, is_final: bool) -> str:
    ring = _circle(box, inset=4) if is_final else ""
    return _circle(box) + ring + (_circle(box, inset=10, fill=_INK) if tokens else "")


def _bpmn_node(node: Node, box: Box) -> str:
    if node.kind == "task":
        return _labelled(box, node.name, radius=8)
    if not node.kind.endswith("Gateway"):
        ring = _circle(box, inset=4) if node.kind.startswith("intermediate") else ""
        return _circle(box, width=3.5 if node.kind == "endEvent" else 1.4) + ring
    x, y = box.x + box.width / 2, box.middle
    corners = f"{x:g},{box.y:g} {box.x + box.width:g},{y:g} {x:g},{box.y + box.height:g} {box.x:g},{y:g}"
    return f"<polygon points='{corners}' fill='{_PAPER}' stroke='{_INK}' stroke-width='1.4'/>" + _mark(node.kind, x, y)


def _mark(kind: str, x: float, y: float) -> str:
    """What stands in a gateway: a cross, a plus, or a ring."""
    if kind == "inclusiveGateway":
        return f"<circle cx='{x:g}' cy='{y:g}' r='9' fill='none' stroke='{_INK}' stroke-width='2.5'/>"
    reach = 9.0 if kind == "parallelGateway" else 7.0
    ends = ((reach, 0), (0, reach)) if kind == "parallelGateway" else ((reach, reach), (reach, -reach))
    lines = (f"M{x - dx:g} {y - dy:g} L{x + dx:g} {y + dy:g}" for dx, dy in ends)
    return f"<path d='{' '.join(lines)}' stroke='{_INK}' stroke-width='2.5'/>"


def _label_size(label: str) -> tuple[float, float]:
    lines = _lines(label)
    return max(60.0, max(map(len, lines), default=0) * _LETTER + 16), max(36.0, len(lines) * _LINE_HEIGHT + 14)


def _lines(label: str) -> list[str]:
    """At most three lines of at most 16 letters; what does not fit ends with dots."""
    lines = wrap(label, 16, break_long_words=True)
    return lines if len(lines) <= 3 else [*lines[:2], lines[2][:15] + "…"]


def _labelled(box: Box, label: str, *, radius: float) -> str:
    lines = _lines(label)
    first = box.middle - (len(lines) - 1) * _LINE_HEIGHT / 2 + 4
    x = f"{box.x + box.width / 2:g}"
    texts = (f"<tspan x='{x}' y='{first + number * _LINE_HEIGHT:g}'>{escape(line)}</tspan>" for number, line in enumerate(lines))
    title = f"<title>{escape(label)}</title>"
    text = f"<text {_FONT} font-size='10.5' fill='{_INK}' text-anchor='middle'>{''.join(texts)}</text>"
    return f"<g data-name={quoteattr(label)}>{title}{_rectangle(box, radius=radius)}{text}</g>"
