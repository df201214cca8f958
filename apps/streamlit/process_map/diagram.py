"""A model's diagram on the page: an SVG picture that one can zoom, move and save.

What belongs here: showing a picture that is drawn already. What does not: drawing it (`mining.drawing`).

The picture is shown as an image, in which no script runs.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

_FOLDER = Path(__file__).parent


@lru_cache(maxsize=1)
def _component() -> Any:
    return st.components.v2.component(
        "grimoire_diagram",
        html='<div class="diagram" tabindex="0" role="group"></div>',
        css=(_FOLDER / "diagram.css").read_text(encoding="utf-8"),
        js=(_FOLDER / "diagram.js").read_text(encoding="utf-8"),
    )


def diagram(svg: str, *, key: str, name: str, title: str, height: int = 700) -> None:
    """Shows an SVG picture; `name` is that of the files it is saved as, `title` is read to people who do not see it."""
    _component()(data={"svg": svg, "name": name, "title": title, "height_px": height}, key=key, height=height)
