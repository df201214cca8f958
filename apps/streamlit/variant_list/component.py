"""The list of variants in the browser: each a row of chevrons one can click.

What belongs here: registering and mounting the component, colours of activities. What does not: reading variants (`mined`).

The browser's side sets every text as text (`textContent`), so an activity's name is never read as HTML.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

from apps.streamlit.reading import Rows
from apps.streamlit.wording import count, duration, share, shortened

_FOLDER = Path(__file__).parent
MOST_CHEVRONS = 48  # of one variant; the rest is said as a number
COLOURS = (
    "#274b6d", "#8c2b22", "#926a17", "#3f6b4b", "#6d4a74", "#47747f",
    "#a5603a", "#6b7a2f", "#8a4f6a", "#4a5a9a", "#7d6a4a", "#2f7a6b",
)  # fmt: skip
REST = "#756f61"


@lru_cache(maxsize=1)
def _component() -> Any:
    return st.components.v2.component(
        "grimoire_variant_list",
        html='<div class="variants" role="listbox" aria-multiselectable="true" aria-label="Variants"></div>',
        css=(_FOLDER / "variant_list.css").read_text(encoding="utf-8"),
        js=(_FOLDER / "variant_list.js").read_text(encoding="utf-8"),
    )


def activity_colours(activities: list[str]) -> dict[str, str]:
    """A colour for each of the most frequent activities; the others share one."""
    return dict(zip(activities, COLOURS, strict=False))


def variant_rows(variants: Rows, colours: dict[str, str]) -> list[dict[str, Any]]:
    """The variants as plain values for the component."""
    return [
        {
            "rank": variant["rank"],
            "cases": count(variant["cases"]),
            "share": share(variant["share"]),
            "part": float(variant["share"] or 0.0),
            "covered": share(variant["cumulative_share"]),
            "median": duration(variant["median_seconds"]),
            "length": variant["length"],
            "fitness": share(variant["fitness"]) if variant["fitness"] is not None else "–",
            "fits": variant["is_fitting"],
            "more": max(0, len(variant["activities"]) - MOST_CHEVRONS),
            "steps": [
                {"label": shortened(name, letters=24), "name": name, "colour": colours.get(name, REST)}
                for name in variant["activities"][:MOST_CHEVRONS]
            ],
        }
        for variant in variants
    ]


def variant_list(variants: list[dict[str, Any]], *, key: str, height: int = 560) -> list[int]:
    """Shows the list; returns the ranks of the variants chosen by clicks, in the order of the clicks."""
    result = _component()(data={"variants": variants, "height_px": height}, key=key, height=height, on_selected_change=_nothing)
    return [int(rank) for rank in result.selected or []]


def _nothing() -> None:
    return None
