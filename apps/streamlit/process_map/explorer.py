"""The interactive process map in the browser, drawn by Cytoscape.js from the server's own files.

What belongs here: registering and mounting the component, handing out its library, and what it says was clicked. What does not:
what it shows (`scene`) and what follows from a click (the page).

The browser's side sets every text as text, so an activity's name is never read as HTML.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import streamlit as st

_FOLDER = Path(__file__).parent
VENDOR = _FOLDER / "vendor"
ADDRESS = "/map-library"  # below which the server hands out the files of `VENDOR`
LIBRARY = "cytoscape.esm.min.mjs"

Action = Literal["with", "without", "starts", "ends", "cases"]
ACTIONS: tuple[tuple[Action, str, tuple[str, ...]], ...] = (
    ("with", "Only cases with it", ("activity", "path")),
    ("without", "Only cases without it", ("activity", "path")),
    ("starts", "Only cases that start with it", ("activity",)),
    ("ends", "Only cases that end with it", ("activity",)),
    ("cases", "List its cases", ("activity", "path")),
)


@dataclass(frozen=True)
class Asked:
    """What a person did on the map.

    Attributes:
        selected: What was clicked: `{"kind": "activity", "activity": …}` or `{"kind": "path", "source": …, "target": …}`.
        action: The same with `"action"`: what was chosen from the menu; None at any other run.
        view: `shown` activities, `paths` per cent and `overlay` as they stand.
    """

    selected: dict[str, str] | None
    action: dict[str, str] | None
    view: dict[str, Any] | None


@lru_cache(maxsize=1)
def _component() -> Any:
    return st.components.v2.component(
        "grimoire_map_explorer",
        html='<div class="explorer"></div>',
        css=(_FOLDER / "explorer.css").read_text(encoding="utf-8"),
        js="\n".join(path.read_text(encoding="utf-8") for path in sorted((_FOLDER / "browser").glob("*.js"))),
    )


def as_it_stands(key: str) -> dict[str, Any]:
    """What the map of that key said at the last run: `view` and `replay`, each where a person has touched it."""
    said = st.session_state.get(key)
    return {part: said.get(part) for part in ("view", "replay")} if said else {"view": None, "replay": None}


def explorer(
    scene: dict[str, Any],
    *,
    key: str,
    scene_id: str,
    name: str,
    title: str,
    view: dict[str, Any],
    tokens: dict[str, Any] | None = None,
    can_act: bool = True,
    height: int = 860,
) -> Asked:
    """Shows the map.

    Args:
        scene: What it shows, as of `scene.scene` or `scene.object_scene`.
        key: Of the component.
        scene_id: Another one for another scene.
        name: Of files it is saved as; another one begins the view anew.
        title: Read to people who do not see it.
        view: `shown`, `paths` and `overlay` to begin with.
        tokens: Moves to replay, once they were asked for.
        can_act: Whether clicks offer filters, and whether cases can be replayed.
        height: In px.
    """
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    data = {
        "scene": scene,
        "scene_id": scene_id,
        "name": name,
        "title": title,
        "view": view,
        "tokens": tokens,
        "tokens_id": f"{scene_id}{tokens is not None}",
        "can_replay": can_act,
        "actions": ACTIONS if can_act else (),
        "library": f"{'/' + base if base else ''}{ADDRESS}/{LIBRARY}",
        "height_px": height,
    }
    told = {f"on_{part}_change": _nothing for part in ("selected", "action", "view", "replay")}
    result = _component()(data=data, key=key, height=height, **told)
    return Asked(result.selected, result.action, result.view)


def _nothing() -> None:
    return None
