"""The frame around every page: the look, the pages by section, search, the process they are about, saved views, time travel.

What belongs here: what all pages share at every run. What does not: any page's content (`app_pages/`), reading the lake (the
modules beside this one) and what happens once per server (`app`).
"""

from typing import Any

import streamlit as st

from apps.streamlit import as_of, choices, contents, look, reading, search, views
from apps.streamlit.mishaps import guarded


def main() -> None:
    reading.begin_run()
    choices.remember_process()
    st.set_page_config(page_title="Grimoire", page_icon=look.ICON, layout="wide")
    look.style()
    chapters = {
        section: [st.Page(page.path, title=page.title, icon=page.icon, **_address(page.name)) for page in pages]
        for section, pages in contents.sections().items()
    }
    first = next(iter(chapters.values()))
    first.append(named(first[0]))
    page = st.navigation(chapters, expanded=True)
    with guarded("The lake cannot be read"):
        sidebar(contents.entry(page.url_path or contents.FIRST) or contents.PAGES[0])
        page.run()


def _address(name: str) -> dict[str, Any]:
    """Where a page is: under its name, the first one at the bare address."""
    return {"default": True, "url_path": "start"} if name == contents.FIRST else {"url_path": name}


def named(first: st.Page) -> st.Page:
    """The first page under its name, too, as an address may ask for it."""
    return st.Page(
        lambda: st.switch_page(first, query_params=st.query_params.to_dict()),
        title=first.title,
        url_path=contents.FIRST,
        visibility="hidden",
    )


def sidebar(page: contents.Entry) -> None:
    views.open_named()
    if choices.choose_process() is not None:
        moment, named_views = st.sidebar.columns(2)
        with moment:
            as_of.choose()
        with named_views:
            views.shelf(page)
    search.box(choices.chosen_process())


main()
