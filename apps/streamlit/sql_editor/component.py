"""The SQL editor in the browser: CodeMirror with completion beside the lake's tables, drawn from the server's own files.

What belongs here: registering and mounting the component, handing out its library, and what a person asked of it. What does not:
the tables (`adhoc`) and running a statement (the page).

The browser's side sets every text as text, so a table's or column's name is never read as HTML.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

_FOLDER = Path(__file__).parent
VENDOR = _FOLDER / "vendor"
ADDRESS = "/editor-library"  # below which the server hands out the files of `VENDOR`
LIBRARY = "codemirror.esm.min.mjs"


@dataclass(frozen=True)
class Wish:
    """What a person asked for: `run` or `save`, and the text that stood in the editor."""

    action: str
    text: str


@lru_cache(maxsize=1)
def _component() -> Any:
    return st.components.v2.component(
        "grimoire_sql_editor",
        html='<div class="workbench"></div>',
        css=(_FOLDER / "sql_editor.css").read_text(encoding="utf-8"),
        js=(_FOLDER / "sql_editor.js").read_text(encoding="utf-8"),
    )


def sql_editor(schema: Sequence[dict[str, Any]], *, text: str, text_id: str, key: str, height: int = 360) -> Wish | None:
    """Shows the editor with the tables beside it.

    Args:
        schema: The tables: `schema`, `table` and `columns`, each of name, type and classification.
        text: What stands in it to begin with.
        text_id: Another one puts `text` in the place of what stands there.
        key: Of the component.
        height: In px.
    """
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    data = {
        "schema": list(schema),
        "text": text,
        "text_id": text_id,
        "library": f"{'/' + base if base else ''}{ADDRESS}/{LIBRARY}",
        "height_px": height,
    }
    wish = _component()(data=data, key=key, height=height, on_wish_change=_nothing).wish
    return Wish(wish["action"], wish["text"]) if wish else None


def _nothing() -> None:
    return None
