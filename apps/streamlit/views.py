"""Saved views in the sidebar: naming what is on the page, opening, sharing and deleting what was named.

What belongs here: those widgets, and putting a view's choices in force. What does not: keeping views (`lake.saved_views`).
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from apps.streamlit import as_of, choices, contents, filter_bar
from apps.streamlit.stack import unpacked
from apps.streamlit.wording import moment
from lake.errors import GrimoireError
from lake.saved_views import SavedView, delete_view, save_view, saved_view, saved_views

VIEW = "view"  # in the address: the name of a saved view
MOST_LISTED = 50


def open_named() -> None:
    """Opens the view that the address names; says so where there is none."""
    name = st.query_params.get(VIEW)
    if name is None:
        return
    del st.query_params[VIEW]
    view = saved_view(name)
    if view is None:
        st.session_state["view_refused"] = name
    else:
        open_view(view)


def open_view(view: SavedView) -> None:
    """Puts a view's choices in force and goes to its page."""
    page = contents.entry(view.page) or contents.PAGES[0]
    go(page, dict(parse_qsl(view.query, keep_blank_values=True)))


def go(page: contents.Entry, query: Mapping[str, str]) -> None:
    """Goes to a page with everything that an address of it says.

    Raises:
        DataError: Its filters cannot be read.
    """
    process = query.get(choices.PROCESS)
    if process:
        stack = tuple(unpacked(query.get(filter_bar.FILTERS, "")))
        choices.want(process)
        filter_bar.put(process, stack)
        number = query.get(as_of.AS_OF, "")
        as_of.put(int(number) if number.isdecimal() else None)
    own = {name: value for name, value in query.items() if name not in {choices.PROCESS, as_of.AS_OF}}
    for name in own:
        st.session_state.pop(name, None)  # a widget bound to the address would keep what it had
    st.switch_page(page.path, query_params=dict(query))


def shelf(page: contents.Entry) -> None:
    """The saved views, in a popover that looks for them when it is opened."""
    refused = st.session_state.pop("view_refused", None)
    if refused is not None:
        st.sidebar.warning(f"There is no saved view “{refused}” any more.")
    where = st.popover("Views", icon=":material/bookmark:", key="views_popover", on_change="rerun", width="stretch")
    if where.open:
        with where:
            try:
                _contents(page)
            except GrimoireError as error:
                st.error(f"{error.problem} {error.remedy}")


def _contents(page: contents.Entry) -> None:
    with st.form("save_view", border=False):
        name = st.text_input("Name this view", placeholder="Late orders of March", max_chars=120, key="view_name")
        if st.form_submit_button("Save", icon=":material/bookmark_add:") and name is not None:
            view = save_view(name, page=page.name, query=query_of(st.query_params.to_dict()))
            st.caption("Saved. This address opens it:")
            st.code(address(view.name), language=None, wrap_lines=True)
    found = saved_views()
    if not found:
        st.caption("None is saved yet. A view keeps the page, the process, the filters, the date and what was chosen on the page.")
    for view in found[:MOST_LISTED]:
        left, right = st.columns([3, 2], vertical_alignment="center")
        title = getattr(contents.entry(view.page), "title", view.page)
        if left.button(view.name, key=f"open-{view.name}", help=f"{title}, saved {moment(view.saved_at)}", width="stretch"):
            open_view(view)
        if right.button("Delete", icon=":material/delete:", key=f"delete-{view.name}", type="tertiary", help="Delete this view"):
            delete_view(view.name)
            st.rerun()


def query_of(query: Mapping[str, str]) -> str:
    """The address's query as it is kept: without a view's name."""
    return urlencode({name: value for name, value in query.items() if name != VIEW})


def address(name: str) -> str:
    """The whole address that opens a view, on whatever host the visitor came by."""
    base = (st.context.url or "").split("?")[0].rstrip("/")
    page = base.rsplit("/", 1)
    root = page[0] if len(page) == 2 and contents.entry(page[1]) else base
    return f"{root}/?{urlencode({VIEW: name})}"
