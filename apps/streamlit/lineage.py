"""The lineage of a table as a picture: from the source systems at the left to the pages at the right.

What belongs here: which tables are drawn and how they look, as plain values for the component. What does not: geometry
(`process_map.layered`), the browser's side (`process_map.component`) and the lineage itself (`lake.catalog`).

The layout draws downward; sizes and positions are turned on their side, because names of tables are long and ways are, too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from apps.streamlit.process_map.layered import Box, Drawing, Link, draw
from apps.streamlit.wording import count, shortened
from lake.catalog import Catalog, Table

MOST_BOXES = 70  # beyond that nobody reads a picture; what is far away is left out, and the page says so
PAGE, SYSTEM = "page:", "system:"
_LETTERS, _LETTER, _PAD, _LINE, _HEIGHT, _HEAD = 24, 8.4, 26.0, 18.0, 32.0, 8.0
_FILLS = {
    "raw": "#e9dcc0",
    "staging": "#f3ecdc",
    "snapshots": "#e9e3cf",
    "intermediate": "#e6ebef",
    "products": "#c6d3de",
    "event_logs": "#d9cfe0",
    "mining": "#dfe9dd",
    "predictions": "#f0dccb",
    "forecasts": "#f5e6c6",
    "lake": "#eee5d3",
    SYSTEM: "#d8d2c4",
    PAGE: "#fffdf7",
}
_WORDS = {"raw": "raw", "event_logs": "event logs", SYSTEM: "source system", PAGE: "page"}
_INK, _FAINT, _OWN, _EDGE, _PATH, _OFF_WAY = "#1e2430", "#b4ab98", "#274b6d", "#a79d88", "#8c2b22", "#ddd2bb"
_IN_THE_DARK = {_PATH: "#f0907c", _OFF_WAY: "#3a4258"}


@dataclass(frozen=True)
class Lineage:
    """What is drawn: titles and kinds of the boxes, the edges, and how many tables were left out."""

    boxes: Mapping[str, tuple[str, str]]  # key to title and kind: a layer, a system or a page
    edges: tuple[tuple[str, str], ...]
    left_out: int = 0


def lineage(known: Catalog, table: Table) -> Lineage:
    """The table with all it is made from and all that is made from it, its source systems and the pages that read it."""
    upper, lower = known.ancestors(table.key), known.descendants(table.key)
    near = sorted([*upper, *lower], key=lambda key: _distances(known, table.key).get(key, 0))
    kept = {table.key, *near[: MOST_BOXES - 1]}
    boxes = {key: (known.tables[key].name, known.tables[key].layer) for key in known.tables if key in kept}
    edges = [(parent, key) for key in boxes for parent in known.tables[key].upstream if parent in kept]
    for key in list(boxes):
        if known.tables[key].layer == "raw" and key in {table.key, *upper}:
            boxes[f"{SYSTEM}{known.tables[key].domain}"] = (known.tables[key].domain, SYSTEM)
            edges.append((f"{SYSTEM}{known.tables[key].domain}", key))
    for key, name, title in _pages(known, [key for key in boxes if key in {table.key, *lower}]):
        boxes[f"{PAGE}{name}"] = (title, PAGE)
        edges.append((key, f"{PAGE}{name}"))
    return Lineage(boxes, tuple(edges), max(0, len(near) + 1 - len(kept)))


def _distances(known: Catalog, key: str) -> dict[str, int]:
    """How many steps away each table is, up or down."""
    found, front = {key: 0}, [key]
    while front:
        one = front.pop(0)
        for other in (*known.tables[one].upstream, *known.tables[one].downstream):
            if other not in found:
                found[other] = found[one] + 1
                front.append(other)
    return found


def _pages(known: Catalog, keys: Iterable[str]) -> Iterable[tuple[str, str, str]]:
    """Table, name and title of each page that reads one of these; of tables made from each other the last one counts."""
    reads: dict[str, dict[str, str]] = {}
    for key in keys:
        for reader in known.tables[key].readers:
            reads.setdefault(reader.name, {})[key] = reader.title
    for name, tables in reads.items():
        for key, title in tables.items():
            if not set(known.descendants(key)) & set(tables):
                yield key, name, title


def picture(shown: Lineage, known: Catalog, *, of: str, columns: Mapping[str, set[str]] | None = None) -> dict[str, Any]:
    """The picture as plain values for the component.

    Args:
        shown: What is drawn.
        known: The catalog, for what the boxes say.
        of: Key of the table it is about.
        columns: By table the columns on a column's way; what is not on it is drawn faintly. Default: no column is followed.
    """
    sizes = {key: _size(title, _note(key, kind, known, columns)) for key, (title, kind) in shown.boxes.items()}
    boxes = [Box(key, height, width) for key, (width, height) in sizes.items()]  # lying on their side
    drawing = draw(boxes, [Link(source, target, 0.3) for source, target in shown.edges])
    return {
        "name": f"lineage-{of}",
        "title": f"Lineage of {of}",
        "focus": of,
        "nodes": [_node(key, shown, known, drawing, sizes, of, columns) for key in shown.boxes],
        "edges": [_edge(edge, shown, drawing, columns) for edge in shown.edges],
        "width": round(drawing.height, 1),
        "height": round(drawing.width, 1),
    }


def legend(shown: Lineage) -> list[tuple[str, str]]:
    """Colour and word of each kind of box that is drawn, in the order of the data's way."""
    kinds = {kind for _, kind in shown.boxes.values()}
    return [(colour, _WORDS.get(kind, kind)) for kind, colour in _FILLS.items() if kind in kinds]


def _node(
    key: str,
    shown: Lineage,
    known: Catalog,
    drawing: Drawing,
    sizes: Mapping[str, tuple[float, float]],
    of: str,
    columns: Mapping[str, set[str]] | None,
) -> dict[str, Any]:
    title, kind = shown.boxes[key]
    y, x = drawing.boxes[key]
    is_faint = columns is not None and key not in columns
    return {
        "id": key,
        "kind": "activity",
        "x": round(x, 1),
        "y": round(y, 1),
        "w": sizes[key][0],
        "h": sizes[key][1],
        "lines": _lines(title),
        "note": _note(key, kind, known, columns),
        "fill": _OWN if key == of else "#fbf7ee" if is_faint else _FILLS[kind],
        "ink": "#fffdf7" if key == of else _FAINT if is_faint else _INK,
        "tip": _tip(key, title, kind, known),
    }


def _note(key: str, kind: str, known: Catalog, columns: Mapping[str, set[str]] | None) -> str:
    if columns and key in columns:
        names = sorted(columns[key])
        return shortened(", ".join(names[:2]) + (f" +{len(names) - 2}" if len(names) > 2 else ""), letters=34)
    rows = known.tables[key].rows if key in known.tables else None
    return _WORDS.get(kind, kind) + (f" · {count(rows)} rows" if rows is not None else "")


def _tip(key: str, title: str, kind: str, known: Catalog) -> str:
    if key not in known.tables:
        return f"{title}\n{_WORDS[kind]}"
    table = known.tables[key]
    return "\n".join(word for word in (table.key, shortened(table.description, letters=140), table.owner) if word)


def _edge(edge: tuple[str, str], shown: Lineage, drawing: Drawing, columns: Mapping[str, set[str]] | None) -> dict[str, Any]:
    source, target = edge
    points = [(x, y) for y, x in drawing.routes[edge]]
    is_on_way = columns is not None and source in columns and target in columns
    colour = _PATH if is_on_way else _OFF_WAY if columns is not None else _EDGE
    return {
        "id": f"{source}\x1f{target}",
        "source": source,
        "target": target,
        "path": _curve([*points[:-1], (points[-1][0] - _HEAD, points[-1][1])]),
        "width": 2.6 if is_on_way else 1.4,
        "head": _HEAD,
        "colour": colour,
        "dark": _IN_THE_DARK.get(colour, colour),
        "is_mark": False,
        "label": "",
        "lx": 0,
        "ly": 0,
        "tip": f"{shown.boxes[source][0]} → {shown.boxes[target][0]}",
    }


def _curve(points: list[tuple[float, float]]) -> str:
    """A path that leaves and enters every column of boxes level."""
    words = [f"M{points[0][0]:.1f},{points[0][1]:.1f}"]
    for (x, y), (next_x, next_y) in pairwise(points):
        middle = (x + next_x) / 2
        words.append(f"C{middle:.1f},{y:.1f} {middle:.1f},{next_y:.1f} {next_x:.1f},{next_y:.1f}")
    return " ".join(words)


def _lines(title: str) -> list[str]:
    """The name in one line or two, broken after its domain."""
    if len(title) <= _LETTERS:
        return [title]
    first, separator, rest = title.partition("__")
    found = [f"{first}__", rest] if separator else [title]
    return [shortened(line, letters=_LETTERS + 8) for line in found]


def _size(title: str, note: str) -> tuple[float, float]:
    found = _lines(title)
    width = max(max(map(len, found)) * _LETTER, len(note) * 7.2)
    return max(96.0, width + _PAD), _HEIGHT + _LINE * len(found)
