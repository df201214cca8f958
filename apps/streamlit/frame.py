"""The frame around every page: the look, the list of pages, the process they are about.

What belongs here: what all pages share at every run. What does not: any page's content (`app_pages/`), reading the lake (the
modules beside this one) and what happens once per server (`app`).
"""

import streamlit as st

from apps.streamlit import choices, look
from lake.errors import GrimoireError

PAGES = (
    ("overview", "Overview", ":material/auto_stories:"),
    ("process_map", "Process map", ":material/account_tree:"),
    ("variants", "Variants", ":material/alt_route:"),
    ("conformance", "Conformance", ":material/rule:"),
    ("performance", "Performance", ":material/speed:"),
    ("people", "People", ":material/groups:"),
    ("forecasts", "Forecasts", ":material/trending_up:"),
    ("data_products", "Data products", ":material/inventory_2:"),
    ("data_quality", "Data quality", ":material/verified:"),
    ("connections", "Connections", ":material/cable:"),
    ("sql", "SQL", ":material/terminal:"),
)


def main() -> None:
    choices.remember_process()
    st.set_page_config(page_title="Grimoire", page_icon=look.ICON, layout="wide")
    look.style()
    pages = [st.Page(f"app_pages/{name}.py", title=title, icon=icon, default=name == "overview") for name, title, icon in PAGES]
    page = st.navigation(pages)
    try:
        choices.choose_process()
        page.run()
    except GrimoireError as error:
        look.guidance("The lake cannot be read", error.problem, error.remedy, commands=("grimoire doctor",))


main()
