"""Saving pictures of models and graphs: SVG, PNG or DOT, as the file's ending says.

What belongs here: the formats and the file. What does not: what is drawn (`mining.drawing`).

PNG is drawn by resvg, without a browser. The letters are the machine's own or, where it has none, the ones matplotlib brings.
"""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lake.errors import FileFormatError
from lake.whole_files import written_whole
from mining.drawing import bpmn_to_svg, dfg_to_dot, dfg_to_svg, net_to_dot

if TYPE_CHECKING:
    from mining.discovery import Model
    from mining.event_log import EventLog

_SHARPNESS = 2.0  # picture dots per point, so that letters stay legible when it is enlarged
_MOST_DOTS = 120_000_000  # of a PNG: 480 MB while it is drawn; a larger picture is drawn less sharp


def save_model(model: "Model", path: str | Path) -> Path:
    """Saves a model's picture: its BPMN diagram as `.svg` or `.png`, its Petri net as `.dot`.

    Raises:
        FileFormatError: The ending names no format.
        StorageError: The file cannot be written.
    """
    drawing = model.drawing
    return _save(Path(path), {".svg": lambda: bpmn_to_svg(drawing()), ".dot": lambda: net_to_dot(model.net)})


def save_dfg(log: "EventLog", path: str | Path) -> Path:
    """Saves the picture of a log's directly-follows graph as `.svg`, `.png` or `.dot`; errors as for `save_model`."""
    edges = [(source, target, frequency) for source, target, frequency, _ in log.dfg(times=False).fetchall()]

    def drawn() -> str:
        return dfg_to_svg(edges, dict(log.start_activities().fetchall()), dict(log.end_activities().fetchall()))

    return _save(Path(path), {".svg": drawn, ".dot": lambda: dfg_to_dot(edges)})


def png_of(svg: str) -> bytes:
    """An SVG picture as PNG."""
    import resvg_py

    letters: dict[str, Any] = {"font_files": _letters(), "sans_serif_family": "DejaVu Sans"}
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=_zoom(svg), background="#ffffff", **letters))


def _zoom(svg: str) -> float:
    from xml.etree import ElementTree

    root = ElementTree.fromstring(svg)  # noqa: S314 — drawn by this package
    dots = float(root.get("width", 1)) * float(root.get("height", 1))
    return float(min(_SHARPNESS, (_MOST_DOTS / max(dots, 1.0)) ** 0.5))


def _letters() -> list[str]:
    found = find_spec("matplotlib")
    places = [] if found is None else list(found.submodule_search_locations or [])
    files = [Path(place) / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf" for place in places]
    return [str(file) for file in files if file.is_file()]


def _save(path: Path, forms: Mapping[str, Callable[[], str]]) -> Path:
    ending = path.suffix.lower()
    if ending != ".png" and ending not in forms:
        raise FileFormatError(
            f"The ending of {path.name} names no picture.", remedy="End it with .svg, .png or .dot.", file=str(path)
        )
    content = png_of(forms[".svg"]()) if ending == ".png" else forms[ending]().encode()
    with written_whole(path) as partial:
        partial.write_bytes(content)
    return path
