"""The Grimoire look: ink on parchment, one heading style, one way to say where a figure comes from and what to do next.

What belongs here: style and the small parts every page shares. What does not: any page's own content.
"""

from datetime import datetime
from functools import lru_cache
from pathlib import Path

import streamlit as st

from apps.streamlit import palette
from apps.streamlit.wording import moment, safe

_STYLE = Path(__file__).parent / "style"
ICON = str(_STYLE / "sigil.svg")  # a Material icon would be fetched from the internet


@lru_cache(maxsize=1)
def _css() -> str:
    return palette.variables() + (_STYLE / "grimoire.css").read_text(encoding="utf-8")


def style() -> None:
    """The style sheet and the name above the pages."""
    st.html(f"<style>{_css()}</style>")
    st.logo(str(_STYLE / "grimoire.svg"), size="large", icon_image=ICON)


def header(title: str, *, kicker: str, sub: str = "") -> None:
    words = f'<div class="kicker">{safe(kicker)}</div><h1>{safe(title)}</h1><div class="sub">{safe(sub)}</div>'
    st.html(f'<div class="gr-head">{words}</div>')


def as_of(computed_at: datetime | None, snapshot_id: int | None, *, what: str = "Computed") -> None:
    """Where the figures above come from: when they were computed and from which snapshot of the lake."""
    snapshot = f" from lake snapshot {snapshot_id}" if snapshot_id is not None else ""
    st.html(f'<div class="gr-asof">{safe(what)} as of {safe(moment(computed_at))}{safe(snapshot)}.</div>')


def line(html: str, *, note: str = "") -> None:
    """A sentence that may hold `<b>`, and a quiet note below it; whoever calls has made the sentence's parts safe."""
    below = f'<div class="gr-asof">{safe(note)}</div>' if note else ""
    st.html(f'<div class="gr-line">{html}</div>{below}')


def standing(parts: list[str]) -> None:
    """What figures stand on, in one line; whoever calls has made the parts safe."""
    st.html(f'<div class="gr-standing">{"".join(parts)}</div>')


def badges(*counts: tuple[int, str, str]) -> None:
    """Counts as badges: (number, words, kind); a kind other than good shows only where the number is not 0."""
    parts = [
        f'<span class="gr-badge {kind if number or kind == "good" else ""}">{number:,} {safe(words)}</span>'
        for number, words, kind in counts
    ]
    st.html(f'<div class="gr-line">{" ".join(parts)}</div>')


def guidance(title: str, *sentences: str, commands: tuple[str, ...] = ()) -> None:
    """What a person sees where there is nothing to see yet: why, and what to run."""
    paragraphs = "".join(f"<p>{safe(sentence)}</p>" for sentence in sentences)
    block = f"<pre>{safe(chr(10).join(commands))}</pre>" if commands else ""
    st.html(f'<div class="gr-guide"><h3>{safe(title)}</h3>{paragraphs}{block}</div>')


def empty_lake() -> None:
    guidance(
        "This Grimoire is still blank",
        "The lake holds no process yet. Bring up the demo company and let it run through, or bring an event log of your own:",
        commands=("grimoire run", "grimoire import FILE"),
    )


def not_mined(process: str) -> None:
    guidance(
        "Not mined yet",
        f"The event log of “{process}” is in the lake, but nothing has been mined from it. Run:",
        commands=(f"grimoire mine {process}",),
    )


def table(columns: list[tuple[str, bool]], rows: list[list[str]]) -> None:
    """A small table; `columns` are (heading, is it a number), cells are HTML that whoever calls has made safe."""
    kinds = [' class="num"' if is_number else "" for _, is_number in columns]
    titles = "".join(f"<th{kind}>{safe(title)}</th>" for kind, (title, _) in zip(kinds, columns, strict=True))
    head = f"<thead><tr>{titles}</tr></thead>" if any(title for title, _ in columns) else ""
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds, row, strict=True)) + "</tr>" for row in rows
    )
    st.html(f'<div class="gr-scroll"><table class="gr-table">{head}<tbody>{body}</tbody></table></div>')


def bars(items: list[tuple[str, float, str, str]]) -> None:
    """Things with a share of one as bars: (what, share, words at the left, words at the right)."""
    parts = "".join(
        f'<div>{safe(what)}<div class="bar"><i style="width:{100 * min(1.0, max(0.0, part)):.1f}%"></i></div>'
        f'<div class="how"><span>{safe(left)}</span><span>{safe(right)}</span></div></div>'
        for what, part, left, right in items
    )
    st.html(f'<div class="gr-ways">{parts}</div>')
