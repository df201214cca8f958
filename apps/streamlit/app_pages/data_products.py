"""Data products: what there is, and of each one who owns it, how far it can be trusted, what is in it and where it comes from.

What belongs here: the page's layout. What does not: reading the catalog (`catalogue`) and the parts of a product's sheet (`sheet`).
"""

import streamlit as st

from apps.streamlit import cards, catalogue, look
from apps.streamlit.choices import own_key
from apps.streamlit.sheet import PARTS, PRODUCT, badges, facts, open_product
from apps.streamlit.wording import age
from lake.catalog import Catalog, Table
from lake.errors import UnknownTableError

SCOPES = {"products": "Data products", "event_logs": "Event logs", "all": "Every table"}


def main() -> None:
    known, wanted = catalogue.whole(), st.query_params.get(PRODUCT)
    if wanted is None:
        browse(known)
        return
    try:
        table = known.find(wanted)
    except UnknownTableError as error:
        look.header("Data products", kicker="Data products")
        look.guidance("No such product", error.problem, "It may have been renamed, or not be built yet.")
        back()
        return
    sheet(known, table)


def browse(known: Catalog) -> None:
    look.header("Data products", kicker="Data products", sub="What others may rely on: who owns it, how fresh and how sound it is")
    if not any(table.is_there for table in known.products()):
        look.guidance(
            "No data product yet",
            "The lake holds no data product and no event log. What the project describes is listed below; run this to build it:",
            commands=("grimoire run",),
        )
    left, middle, right = st.columns([2.2, 1.1, 1.7], vertical_alignment="bottom")
    words = left.text_input(
        "Find", placeholder="A name, a column, an owner, a word of a description", key="find_product", bind="query-params"
    )
    scope = right.segmented_control(
        "Show", list(SCOPES), default="products", required=True, format_func=SCOPES.__getitem__, key="scope", bind="query-params"
    )
    tables = [table for table in known.tables.values() if scope == "all" or table.layer == scope]
    domains = sorted({table.domain for table in tables if table.domain})
    domain = middle.selectbox(
        "Domain", [None, *domains], format_func=lambda name: name or "every domain", key=own_key("domain", scope or "")
    )
    in_domain = [table for table in tables if domain in {None, table.domain}]
    listing(known, catalogue.search(in_domain, words or ""))


def listing(known: Catalog, found: list[tuple[Table, str]]) -> None:
    if not found:
        look.guidance("Nothing found", "No table of this choice has all these words in its name, description, owner or columns.")
        return
    chosen = st.dataframe(
        [
            {
                "Name": table.name,
                "Domain": table.domain,
                "Owner": table.owner,
                "Class": table.classification or "not said",
                "Rows": table.rows,
                "Built": age(table.built_at) if table.is_there else "not built",
                "Oldest load": age(table.loaded_at),
                "Checks": checks_in_words(table),
                "Found in": column,
                "Description": table.description,
            }
            for table, column in found
        ],
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        height=min(640, 38 + 35 * len(found)),
        column_order=[
            "Name", "Domain", "Owner", "Class", "Rows", "Built", "Oldest load", "Checks",
            *(["Found in"] if any(column for _, column in found) else []), "Description",
        ],
        key=f"products_{st.session_state.get('opened', 0)}",
    )  # fmt: skip
    st.caption(f"{len(found)} listed. Choose one for its sheet: the box at the left of its row.")
    picked = chosen["selection"]["rows"]
    if picked and picked[0] < len(found):
        open_product(known, found[picked[0]][0])


def checks_in_words(table: Table) -> str:
    if table.failed:
        return f"{len(table.failed)} of {len(table.failed) + len(table.passed)} failed"
    return f"{len(table.passed)} passed" if table.passed else "none has run"


def back() -> None:
    if st.button("All data products", icon=":material/arrow_back:", type="tertiary", key="back"):
        open_product(catalogue.whole(), None)


def sheet(known: Catalog, table: Table) -> None:
    back()
    kind = catalogue.KINDS.get(table.layer, f"Layer {table.layer}")
    look.header(table.name, kicker=f"{kind} · {table.domain}" if table.domain else kind, sub=table.description)
    badges(table)
    if not table.is_there:
        look.guidance(
            "Not built yet", "The project describes this table, but the lake does not hold it.", commands=("grimoire run",)
        )
    st.html(cards.cards(facts(known, table)))
    part = st.segmented_control(
        "Part", list(PARTS), default="Columns", required=True, key="part", bind="query-params", label_visibility="collapsed"
    )
    PARTS[part or "Columns"](known, table)


main()
