"""What a person has chosen and every page honours: the process and the timeframe, kept across pages and in the address.

What belongs here: the widgets for those choices. What does not: what the choice selects.
"""

from datetime import date
from typing import Any

import streamlit as st

from apps.streamlit.mined import TOUCHES, MinedLog, Timeframe, Touch
from apps.streamlit.reading import home, snapshot_id, with_connection
from lake.registry import Process, processes

PROCESS = "process"


@st.cache_data(max_entries=8, show_spinner=False)
def _known(home_folder: str, snapshot: int) -> list[Process]:
    return with_connection(processes)


def known_processes() -> list[Process]:
    """Every process, products first."""
    return _known(home(), snapshot_id())


def choose_process() -> Process | None:
    """The selector in the sidebar; None where there is no process yet."""
    known = {process.name: process for process in known_processes()}
    if not known:
        return None
    if st.session_state.get(PROCESS) not in known:
        st.session_state[PROCESS] = st.query_params.get(PROCESS, "") if st.query_params.get(PROCESS) in known else next(iter(known))
    chosen = st.sidebar.selectbox(
        "Process",
        list(known),
        format_func=lambda name: known[name].title if name in known else name,
        key=PROCESS,
        help="Every page is about this process. The address keeps it, so a link leads here.",
    )
    st.query_params[PROCESS] = chosen  # not bound: a bound selector would put the title into the address, not the name
    return known[chosen]


def chosen_process() -> Process | None:
    """The process chosen in the sidebar, for the pages."""
    known = {process.name: process for process in known_processes()}
    return known.get(st.session_state.get(PROCESS, ""), next(iter(known.values()), None))


def choose_timeframe(log: MinedLog) -> Timeframe | None:
    """Days from and to, and which cases count; None where the whole log is chosen."""
    if log.first_event is None or log.last_event is None:
        return None
    first, last = log.first_event.date(), log.last_event.date()
    with st.popover("Timeframe", icon=":material/date_range:", width="stretch"):
        touch: Touch = st.selectbox("Which cases", list(TOUCHES), format_func=TOUCHES.__getitem__, key="cases", bind="query-params")
        days: Any = st.date_input(
            "Days, both included",
            (first, last),
            min_value=first,
            max_value=last,
            key=own_key("days", log.process),
            bind="query-params",
        )
        st.caption(f"The log runs from {first} to {last} (UTC).")
    if not (isinstance(days, tuple) and len(days) == 2) or tuple(days) == (first, last):
        return None
    return Timeframe(days[0], days[1], touch)


def timeframe_words(frame: Timeframe | None, log: MinedLog) -> str:
    """The chosen timeframe in words."""
    if frame is None:
        first, last = (f"{day:%Y-%m-%d}" if isinstance(day, date) else "–" for day in (log.first_event, log.last_event))
        return f"All cases, {first} to {last}"
    return f"{TOUCHES[frame.touch]} {frame.first:%Y-%m-%d} to {frame.last:%Y-%m-%d}"


def own_key(what: str, process: str) -> str:
    """Key of a widget whose value means something for one process only; its name in the address, too."""
    return f"{what}_{process}"
