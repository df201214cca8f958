"""Search over everything a person may want to go to: pages, processes, data products, key figures, cases.

What belongs here: finding, and the box that shows what was found. What does not: going there (`views`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import streamlit as st

from apps.streamlit import catalogue, contents, views
from apps.streamlit.asking import ask
from apps.streamlit.choices import PROCESS, known_processes, own_key
from apps.streamlit.mishaps import guarded
from apps.streamlit.reading import rows
from apps.streamlit.wording import plain
from lake.registry import Process

MOST_OF_KIND, FEWEST_LETTERS = 6, 2
SHORTCUT = "mod+k"


@dataclass(frozen=True)
class Hit:
    """Something found: what it is, what it is called, and where it leads."""

    kind: str
    title: str
    page: str
    query: dict[str, str] = field(default_factory=dict)
    icon: str = ":material/arrow_forward:"


def box(process: Process | None) -> None:
    """The button in the sidebar, which opens the box; so does its shortcut."""
    if st.sidebar.button("Search", icon=":material/search:", shortcut=SHORTCUT, key="search_open", width="stretch"):
        _dialog(process)


def find(words: str, process: Process | None) -> list[Hit]:
    """What the words lead to, pages first; at most six of each kind.

    Args:
        words: All of them must be found, in any case; a case is found by the beginning of its id.
        process: Whose cases are looked through.
    """
    wanted = words.lower().split()
    if not wanted:
        return []

    def holds(*texts: str) -> bool:
        text = " ".join(texts).lower()
        return all(word in text for word in wanted)

    found = [_pages(holds), _processes(holds), _figures(holds), _products(words), _cases(words.strip(), process)]
    return [hit for hits in found for hit in islice(hits, MOST_OF_KIND)]


def _pages(holds: Callable[..., bool]) -> Iterator[Hit]:
    for page in contents.PAGES:
        if holds(page.title, page.section, page.about):
            yield Hit("Page", page.title, page.name, icon=page.icon)


def _processes(holds: Callable[..., bool]) -> Iterator[Hit]:
    for process in known_processes():
        if holds(process.title, process.name):
            yield Hit("Process", process.title, contents.FIRST, {PROCESS: process.name}, ":material/account_tree:")


def _figures(holds: Callable[..., bool]) -> Iterator[Hit]:
    sql = "select kpi, any_value(title) as title from products.kpis__daily group by kpi order by kpi"
    for row in rows(sql, needs=("products.kpis__daily",)):
        if holds(row["title"], row["kpi"]):
            yield Hit("Key figure", row["title"], "forecasts", {"series": row["kpi"]}, ":material/trending_up:")


def _products(words: str) -> Iterator[Hit]:
    known = catalogue.whole()
    tables = [table for table in known.tables.values() if table.schema in catalogue.KINDS]
    for table, column in catalogue.search(tables, words):
        name = f"{table.key} ({column})" if column else table.key
        query = {"product": catalogue.short_name(table, known)}
        yield Hit(catalogue.KINDS[table.schema], name, "data_products", query, ":material/inventory_2:")


def _cases(words: str, process: Process | None) -> Iterator[Hit]:
    if process is None or len(words) < FEWEST_LETTERS:
        return
    question = f"select case_id from kept where starts_with(case_id, $1) order by case_id limit {MOST_OF_KIND}"
    for row in ask(process.name, (), question, words):
        query = {PROCESS: process.name, own_key("case", process.name): row["case_id"]}
        yield Hit("Case", f"{row['case_id']} of {process.title}", "cases", query, ":material/folder_open:")


@st.dialog("Search", width="medium")
def _dialog(process: Process | None) -> None:
    words = st.text_input(
        "Search",
        placeholder="A page, process, data product, key figure, or how a case's id begins",
        label_visibility="collapsed",
        live=True,
        key="search_words",
    )
    with guarded("The search cannot look everywhere"):
        found = find(words or "", process)
        if words and not found:
            st.caption("Nothing is called so.")
        for number, hit in enumerate(found):
            if st.button(f"{plain(hit.title)} · {hit.kind}", icon=hit.icon, type="tertiary", key=f"hit-{number}"):
                page = contents.entry(hit.page)
                if page is not None:
                    views.go(page, hit.query)
