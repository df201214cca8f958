"""The morning brief on a page: its lines, each with its weight, its threshold and the way to its evidence.

What belongs here: showing a brief. What does not: what stands in it and why (`models.brief`).
"""

from datetime import UTC, datetime

import streamlit as st

from apps.streamlit import look
from apps.streamlit.as_of import snapshot
from apps.streamlit.contents import entry
from apps.streamlit.filter_bar import FILTERS
from apps.streamlit.reading import Asked, Rows, home, snapshot_id, with_connection
from apps.streamlit.stack import Stack
from apps.streamlit.wording import count, number, plain, safe
from mining.filters import filters_from_json
from models.brief import Brief, Line, Looked, Section, brief

HEADINGS: dict[Section, str] = {"changed": "What changed", "at risk": "What is at risk", "to decide": "What to decide"}


def made(at: int | None) -> Brief:
    """The brief, made once an hour for each state of the lake; of an earlier state its ages are counted to that time."""
    then = snapshot(at) if at is not None else None
    now = then.committed_at if then else datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return _made(home(), snapshot_id() if at is None else at, at, now)


@st.cache_data(max_entries=8, show_spinner="Reading what happened …")
def _made(home_folder: str, newest: int, at: int | None, now: datetime) -> Brief:
    return with_connection(lambda connection: brief(connection, now=None if at is None else now), as_of=at)


def section(found: Brief, name: Section) -> tuple[str, Rows]:
    """Shows the lines of one section; its heading and its rows, for files."""
    lines = found.of(name)
    st.subheader(f"{HEADINGS[name]} · {len(lines)}" if lines else HEADINGS[name], anchor=False)
    if not lines:
        st.caption("A quiet day: nothing that is watched passed its threshold.")
    with st.container(key=f"brief_{name.replace(' ', '_')}"):
        for place, line in enumerate(lines):
            _line(line, found.currency, place)
    return HEADINGS[name], [
        {"line": line.text, "money": line.money, "cases": line.cases, "threshold": line.threshold, "read from": list(line.tables)}
        for line in lines
    ]


def _line(line: Line, currency: str, place: int) -> None:
    """One line: the sentence with its weight before it, why it stands here, and the page that shows it."""
    page, tables = entry(line.page), ", ".join(line.tables)
    with st.container(horizontal=True, vertical_alignment="top", key=f"brief_line_{line.section.replace(' ', '_')}_{place}"):
        st.html(
            f'<div class="gr-brief"><span class="gr-badge">{safe(_weight(line, currency))}</span><div>{safe(line.text)}'
            f'<div class="gr-asof">{safe(line.about)}: {safe(line.threshold)}. From {safe(tables)}.</div></div></div>'
        )
        if page is not None:
            st.page_link(page.path, label=f"{page.title}", icon=page.icon, query_params=_query(line))


def _weight(line: Line, currency: str) -> str:
    """What the line concerns: money, else how many of what, else what was watched."""
    if line.money is not None:
        return f"{number(line.money)} {currency}"
    if not line.cases:
        return line.about
    return f"{count(line.cases)} {line.counted.removesuffix('s') if line.cases == 1 else line.counted}"


def _query(line: Line) -> dict[str, str]:
    packed = Stack(filters_from_json(line.filters)).packed() if line.filters else ""
    return {**line.query, **({FILTERS: packed} if packed else {})}


def quiet(found: Brief) -> None:
    """What was watched and stayed quiet, and what could not be watched for want of data."""
    st.subheader("What stayed quiet", anchor=False)
    if not found.quiet:
        st.caption("Nothing: every watch has something to say.")
    for one in found.quiet:
        st.caption(f"{plain(one.about)}: no line, which takes {plain(one.threshold)}.")
    if found.blind:
        st.subheader("What cannot be watched yet", anchor=False)
        for remedy, about in _by_remedy(found.blind).items():
            look.line(safe("; ".join(about)) + ".", note=f"Run: {remedy}")


def _by_remedy(blind: tuple[Looked, ...]) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for one in blind:
        told.setdefault(one.remedy, []).append(one.about)
    return told


def asked(found: Brief) -> list[Asked]:
    """The statements of the brief's lines, for the evidence."""
    return [Asked(line.sql, (), line.tables) for line in found.lines]
