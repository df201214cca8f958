"""Time travel: the snapshot of the lake that mined pages read, chosen by day, in the session and in the address.

What belongs here: choosing it and saying so. What does not: reading as of it (`reading`, `asking`).
"""

from datetime import UTC, date, datetime, time, timedelta

import streamlit as st

from apps.streamlit.reading import home, snapshot_id, with_connection
from apps.streamlit.wording import moment, safe
from lake.snapshots import Snapshot, first_snapshot, snapshots_between

AS_OF = "as_of"  # in the address and in the session
_SEEN = "as_of_seen"
MOST_SNAPSHOTS = 200


def chosen() -> int | None:
    """The snapshot to read as of; None: the newest."""
    told = st.query_params.get(AS_OF, "")
    if told and told not in st.session_state.setdefault(_SEEN, set()):
        st.session_state[_SEEN].add(told)
        if told.isdecimal() and snapshot(int(told)) is not None:
            st.session_state[AS_OF] = int(told)
        else:
            st.session_state["as_of_refused"] = told
    return st.session_state.get(AS_OF)


def put(snapshot_number: int | None) -> None:
    """Reads as of another snapshot from the next run on; None: the newest."""
    st.session_state[AS_OF] = snapshot_number
    if snapshot_number is not None:
        st.session_state.setdefault(_SEEN, set()).add(str(snapshot_number))


def write() -> None:
    """Puts the choice into the address."""
    number = chosen()
    if number is None:
        st.query_params.pop(AS_OF, None)
    else:
        st.query_params[AS_OF] = str(number)


def snapshot(number: int) -> Snapshot | None:
    """A snapshot that can still be read, by its id."""
    found = _between(home(), snapshot_id(), None, None)
    return next((one for one in found if one.snapshot_id == number), None)


def banner() -> None:
    """Says that the page shows the lake as it was, with a way back; nothing where it shows the newest."""
    number = chosen()  # which is also what notices that the address's snapshot is none
    refused = st.session_state.pop("as_of_refused", None)
    if refused is not None:
        st.warning(
            f"The lake has no snapshot {safe(refused)} that can still be read; the newest is shown.", icon=":material/history:"
        )
    if number is None:
        return
    when = snapshot(number)
    with st.container(key="as_of_banner", horizontal=True, vertical_alignment="center"):
        at = f" of {moment(when.committed_at)}" if when else ""
        st.html(f"<div><b>As it was.</b> Every figure is read as of lake snapshot {number}{safe(at)}.</div>")
        st.button("Back to now", icon=":material/update:", key="as_of_back", on_click=put, args=(None,))


def choose() -> None:
    """The chooser, in a popover: a day, and where it has several snapshots, which."""
    where = st.popover("As of", icon=":material/history:", key="as_of_popover", on_change="rerun", width="stretch")
    if not where.open:
        return
    with where:
        oldest = _first(home(), snapshot_id())
        if oldest is None:
            st.caption("The lake has no snapshot yet.")
            return
        day = st.date_input(
            "Day (UTC)", "today", min_value=oldest.committed_at.astimezone(UTC).date(), max_value="today", key="as_of_day"
        )
        found = of_day(day) if isinstance(day, date) else []
        if not found:
            st.caption("There is no snapshot of that day or before it.")
            return
        labels = {one.snapshot_id: f"{moment(one.committed_at)}, snapshot {one.snapshot_id}" for one in found}
        number = st.selectbox("Snapshot", list(labels), format_func=labels.__getitem__, key=f"as_of_of_{day}")
        st.button("Show the lake as it was", type="primary", key="as_of_go", on_click=put, args=(number,))


def of_day(day: date) -> list[Snapshot]:
    """The snapshots of a day in UTC, the newest first; where it has none, the last one before it."""
    start = datetime.combine(day, time.min, tzinfo=UTC)
    end = start + timedelta(days=1)
    found = _between(home(), snapshot_id(), start, end)
    if found:
        return found[:MOST_SNAPSHOTS]
    return _between(home(), snapshot_id(), None, end)[:1]


@st.cache_data(max_entries=32, show_spinner=False)
def _between(home_folder: str, newest: int, start: datetime | None, end: datetime | None) -> list[Snapshot]:
    return with_connection(lambda connection: snapshots_between(connection, start, end))


@st.cache_data(max_entries=8, show_spinner=False)
def _first(home_folder: str, newest: int) -> Snapshot | None:
    return with_connection(first_snapshot)
