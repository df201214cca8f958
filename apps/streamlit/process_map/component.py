"""The process map in the browser: our own drawing in SVG, for which nothing is fetched from anywhere.

What belongs here: registering and mounting the component. What does not: what it shows (`picture`).

The browser's side sets every text as text (`textContent`), so an activity's name is never read as HTML.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

_FOLDER = Path(__file__).parent


@lru_cache(maxsize=1)
def _component() -> Any:
    return st.components.v2.component(
        "grimoire_process_map",
        html='<div class="map" role="group" aria-label="Process map"></div>',
        css=(_FOLDER / "process_map.css").read_text(encoding="utf-8"),
        js=(_FOLDER / "process_map.js").read_text(encoding="utf-8"),
    )


def process_map(picture: dict[str, Any], *, key: str, height: int = 700) -> dict[str, str] | None:
    """Shows the map; returns what was clicked: `{"kind": "activity" | "path", "id": …}`, or None."""
    result = _component()(data={**picture, "height_px": height}, key=key, height=height, on_selected_change=_nothing)
    return result.selected


def _nothing() -> None:
    return None
