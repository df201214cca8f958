"""Which process a person has chosen: every page honours it, and it is kept across pages and in the address.

What belongs here: the widget for that choice. What does not: the filters (`filter_bar`), the snapshot (`as_of`), the frame of
pages about a process (`pages`).
"""

import streamlit as st

from apps.streamlit.mined import cases_mined
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


def want(process: str) -> None:
    """Chooses a process in place of a person, from the page's next run on."""
    st.session_state.pop(PROCESS, None)  # what the selector shows is its own until it is made again
    st.session_state[WANTED] = process


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


def _by_name() -> dict[str, Process]:
    return {process.name: process for process in known_processes()}


def own_key(what: str, process: str) -> str:
    """Key of a widget whose value means something for one process only; its name in the address, too."""
    return f"{what}_{process}"
