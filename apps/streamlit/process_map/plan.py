"""Where the activities of a process stand on its map, and how its strongest paths run.

What belongs here: sizes of boxes and the choice of the paths that shape the drawing. What does not: geometry (`layered`), figures
(`map_figures`), and what is shown (`scene`).

All activities are placed at once, so that a box stays where it is whatever is hidden or filtered. Of a process with more than
`PLACED_AT_ONCE` activities only those shown are placed, because the few would be lost in the room of the many. Only the paths that
shape a map are given a route: each activity's strongest way in and out, then the most frequent ones. The browser bends the others
itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from apps.streamlit.map_figures import Path
from apps.streamlit.mined import END, START
from apps.streamlit.process_map.layered import Box, Drawing, Link, draw
from apps.streamlit.wording import shortened

PLACED_AT_ONCE = 60  # activities
ROUTED = 90  # paths that are given a route where there are more; every activity's strongest ways are, however many
MARK = 34.0
_LINE_LETTERS, _MOST_LINES = 22, 3
_LETTER, _PAD, _LINE, _BOX_HEIGHT, _LABEL, _LOOP = 8.3, 26.0, 18.0, 32.0, 52.0, 74.0


@dataclass(frozen=True)
class Plan:
    """The drawing, and width and height of its boxes in px."""

    drawing: Drawing
    sizes: dict[str, tuple[float, float]]


def backbone(paths: Sequence[Path]) -> list[Path]:
    """Each activity's strongest way in and out, given the paths with the most frequent first."""
    entered, left = set(), set()
    kept = []
    for path in paths:
        if path.source == path.target:
            continue
        if path.target not in entered or path.source not in left:
            kept.append(path)
        entered.add(path.target)
        left.add(path.source)
    return kept


def in_order(paths: Sequence[Path]) -> tuple[list[Path], int]:
    """The paths in the order in which a map shows them, and how many it shows at least: the backbone, then by frequency."""
    least = backbone(paths)
    known = {path.ends for path in least}
    return [*least, *(path for path in paths if path.ends not in known)], len(least)


def plan(activities: Iterable[str], paths: Sequence[Path]) -> Plan:
    """Places all activities, the most frequent first, in the layers of their main flow."""
    ordered, least = in_order(paths)
    routed = ordered[: max(least, ROUTED)]
    loops = {path.source for path in paths if path.source == path.target}
    sizes = {name: size_of(name) for name in activities}
    boxes = [Box(name, *size, loop=_LOOP if name in loops else 0.0) for name, size in sizes.items()]
    marks = [key for key in (START, END) if any(key in path.ends for path in routed)]
    boxes += [Box(key, MARK, MARK) for key in marks]
    common = max((path.frequency for path in paths), default=1)
    links = [Link(*path.ends, path.frequency / common, _LABEL) for path in routed if path.source != path.target]
    drawing = draw(boxes, links, first=START if START in marks else None, last=END if END in marks else None)
    return Plan(drawing, sizes | dict.fromkeys(marks, (MARK, MARK)))


def size_of(name: str) -> tuple[float, float]:
    """Width and height of an activity's box."""
    broken = lines(name)
    return max(104.0, max(map(_width, broken)) * _LETTER + _PAD), _BOX_HEIGHT + _LINE * len(broken)


def lines(words: str) -> list[str]:
    """A name broken into at most three lines of some 22 letters; what does not fit is cut with an ellipsis."""
    found: list[str] = []
    for word in words.split() or [words]:
        if found and len(found[-1]) + 1 + len(word) <= _LINE_LETTERS:
            found[-1] += f" {word}"
        else:
            found.append(word)
    found = [shortened(line, letters=_LINE_LETTERS + 6) for line in found]
    if len(found) > _MOST_LINES:
        found = [*found[: _MOST_LINES - 1], shortened(" ".join(found[_MOST_LINES - 1 :]), letters=_LINE_LETTERS)]
    return found


def _width(words: str) -> float:
    """Width in letters; the ideographs of East Asia are nearly twice as wide."""
    return sum(1.75 if ord(letter) > 0x2E7F else 1.0 for letter in words)
