"""The performance spectrum in the browser: thousands of cases as lines on a canvas, drawn by our own code.

What belongs here: registering and mounting the component, and its values. What does not: the cases and their classes of speed
(`mining.spectrum`).

The browser's side sets every text as text, so a case's or an activity's name is never read as HTML.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

from apps.streamlit import palette
from apps.streamlit.reading import Rows

_FOLDER = Path(__file__).parent
CLASSES = ("quickest quarter", "second quarter", "third quarter", "slowest quarter")


@lru_cache(maxsize=1)
def _component() -> Any:
    return st.components.v2.component(
        "grimoire_spectrum",
        html='<div class="spectrum"></div>',
        css=(_FOLDER / "spectrum.css").read_text(encoding="utf-8"),
        js=(_FOLDER / "spectrum.js").read_text(encoding="utf-8"),
    )


def spectrum(lines: Rows, source: str, target: str, *, key: str, height: int = 420) -> None:
    """Shows the cases of a step.

    Args:
        lines: case_id, begin_at, seconds, class (1 quick to 4 slow); at least one.
        source: The activity they come from.
        target: The activity they go to.
        key: Of the component.
        height: In px.
    """
    _component()(data=values(lines, source, target) | {"height_px": height}, key=key, height=height)


def values(lines: Rows, source: str, target: str) -> dict[str, Any]:
    """What the browser draws: one list per column, which is a quarter of the size of a list of objects."""
    begins = [round(row["begin_at"].timestamp(), 3) for row in lines]
    seconds = [round(row["seconds"], 3) for row in lines]
    ends = [begin + took for begin, took in zip(begins, seconds, strict=True)]
    return {
        "source": source,
        "target": target,
        "title": f"{len(lines)} cases from {source} to {target}, each a line over time",
        "cases": [row["case_id"] for row in lines],
        "begins": begins,
        "seconds": seconds,
        "classes": [row["class"] for row in lines],
        "bounds": [min(begins), max(ends)],
        "colours": {
            "ground": palette.token("raised"),
            "hair": palette.token("hair"),
            "soft": palette.token("soft"),
            "ink": palette.token("body"),
            "classes": class_colours(),
        },
    }


def class_colours() -> list[str]:
    """Colours of the four classes of speed, quick to slow, in the visitor's mode."""
    return [palette.series(place) for place in (palette.INK, palette.GREEN, palette.GOLD, palette.ACCENT)]
