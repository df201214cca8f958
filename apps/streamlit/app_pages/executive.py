"""The Grimoire of executives: the morning brief.

What belongs here: the page's layout. What does not: what stands in a brief and why (`models.brief`), and its lines (`brief_board`).
"""

import streamlit as st

from apps.streamlit import as_of, brief_board, look
from apps.streamlit.evidence import evidence
from apps.streamlit.exports import About, Part, exports
from apps.streamlit.reading import snapshot_id
from apps.streamlit.wording import day, moment


def main() -> None:
    look.header("Morning brief", kicker="By function · Executive", sub="What changed, what is at risk, what to decide.")
    as_of.banner()
    as_of.write()
    at = as_of.chosen()
    found = brief_board.made(at)
    if not found.lines and not found.quiet:
        look.empty_lake()
        return
    read = f"Read from lake snapshot {snapshot_id() if at is None else at} at {moment(found.made_at)}."
    until = f"Figures to {day(found.data_until)}. " if found.data_until else ""
    st.html(
        f'<div class="gr-asof">{until}{read} A line stands here only where its threshold is passed; the heaviest come first.</div>'
    )
    parts = [brief_board.section(found, name) for name in brief_board.HEADINGS]
    brief_board.quiet(found)
    with st.container(horizontal=True, key="brief_foot"):
        evidence(brief_board.asked(found), key="evidence_brief")
        exports(
            [Part(title, rows) for title, rows in parts], About("Morning brief", "Executive", (until + read,)), key="export-brief"
        )


main()
