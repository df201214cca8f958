"""What a person has chosen and every page honours: the process and the timeframe, kept across pages and in the address.

What belongs here: the widgets for those choices, and the frame of pages that need a process. What does not: what the choice
selects.
"""

from collections.abc import Callable
from datetime import date
from typing import Any

import streamlit as st

from apps.streamlit import look
from apps.streamlit.mined import TOUCHES, MinedLog, Timeframe, Touch, cases_mined, mined_log
from apps.streamlit.reading import home, snapshot_id, with_connection
from lake.registry import Process, processes

PROCESS = "process"  # the selector's key and the name in the address
WANTED = "wanted_process"  # no widget's key, see `remember_process`


@st.cache_data(max_entries=8, show_spinner=False)
def _known(home_folder: str, snapshot: int) -> list[Process]:
    return with_connection(processes)


def known_processes() -> list[Process]:
    """Every process, products first."""
    return _known(home(), snapshot_id())


def remember_process() -> None:
    """Notes which process is wanted; call it before anything a person could click is sent to the browser.

    At a click on another page Streamlit drops the address's parameters, and the value of every widget the browser has not sent
    back: also the selector's, if the run that made it was cut short. So neither of them can be what the choice is kept in.
    """
    wanted = st.session_state.get(PROCESS) or st.session_state.get(WANTED) or st.query_params.get(PROCESS)
    if wanted:
        st.session_state[WANTED] = wanted


def choose_process() -> Process | None:
    """The selector in the sidebar; None where there is no process yet."""
    known, process = _by_name(), chosen_process()
    if process is None:
        return None
    chosen = st.sidebar.selectbox(
        "Process",
        list(known),
        index=list(known).index(process.name),
        format_func=lambda name: known[name].title if name in known else name,
        key=PROCESS,
        help="Every page is about this process. The address keeps it, so a link leads here.",
    )
    st.session_state[WANTED] = chosen
    st.query_params[PROCESS] = chosen  # not bound: a bound selector would put the title into the address, not the name
    return known[chosen]


def chosen_process() -> Process | None:
    """The process chosen in the sidebar; before that, the most important one."""
    known = _by_name()
    return known.get(st.session_state.get(WANTED, "")) or most_important(known, cases_mined())


def most_important(known: dict[str, Process], cases: dict[str, int]) -> Process | None:
    """The one with the most mined cases, a product before an imported log; of equals the first."""
    return max(known.values(), key=lambda process: (process.origin == "product", cases.get(process.name, 0)), default=None)


def about_mined_process(page: Callable[[str, MinedLog], None], *, title: str, kicker: str) -> None:
    """The frame of a page about the chosen process: its heading, then `page`, or what to run where nothing is mined yet.

    Args:
        page: Gets the process's name and its mined log.
        title: The heading where there is no process.
        kicker: The words above the heading.
    """
    process = chosen_process()
    look.header(process.title if process else title, kicker=kicker)
    log = mined_log(process.name) if process else None
    if process is None:
        look.empty_lake()
    elif log is None:
        look.not_mined(process.name)
    else:
        page(process.name, log)


def _by_name() -> dict[str, Process]:
    return {process.name: process for process in known_processes()}


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
