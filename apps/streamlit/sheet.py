"""The parts of a product's sheet: badges and facts, columns, lineage, checks, rows, SQL.

What belongs here: showing what the catalog knows of one table. What does not: the list of products (page Data products), reading
the catalog (`catalogue`) and drawing lineage (`lineage`).
"""

from pathlib import Path

import streamlit as st

from apps.streamlit import catalogue, health, look
from apps.streamlit.cards import Card
from apps.streamlit.choices import own_key
from apps.streamlit.lineage import PAGE, SYSTEM, legend, lineage, picture
from apps.streamlit.process_map.component import process_map
from apps.streamlit.reading import snapshot_id
from apps.streamlit.standing import CLASSES
from apps.streamlit.wording import age, count, moment, plain, safe, shortened
from lake.catalog import Catalog, Check, Table

PRODUCT = "product"  # in the address
_PAGES = Path(__file__).parent / "app_pages"


def open_product(known: Catalog, table: Table | None) -> None:
    """Goes to a table's sheet, or back to the list."""
    st.session_state["opened"] = st.session_state.get("opened", 0) + 1  # forgets what was chosen in list and picture
    if table is None:
        st.query_params.pop(PRODUCT, None)
    else:
        st.query_params[PRODUCT] = catalogue.short_name(table, known)
    st.rerun()


def badge(words: str, kind: str = "") -> str:
    return f'<span class="gr-badge {kind}">{safe(words)}</span>'


def badges(table: Table) -> None:
    owner = f"Owned by <b>{safe(table.owner)}</b> ({safe(table.owner_email)})" if table.owner else "No owner is named"
    found = [
        badge(table.classification or "not classified", CLASSES.get(table.classification or "", "")),
        badge("contract enforced", "good") if table.is_contract_enforced else badge("no contract"),
        badge(table.materialization),
    ]
    look.line(f"{owner} &ensp; {' '.join(found)}")


def facts(known: Catalog, table: Table) -> list[Card]:
    sources = len(known.sources(table.key))
    readers = [reader.title for reader in table.readers]
    failed = table.failed[0].name if table.failed else "none has run" if not table.passed else "the newest of each"
    return [
        Card("Rows", count(table.rows) if table.rows is not None else "–", against="a view" if table.rows is None else ""),
        Card("Last changed", age(table.built_at), against=moment(table.built_at)),
        Card(
            "Oldest load it rests on",
            age(table.loaded_at),
            against=f"of {counted(sources, 'landed table')}; {moment(table.loaded_at)}",
        ),
        Card("Checks", f"{len(table.failed)} failed" if table.failed else f"{len(table.passed)} passed", against=failed),
        Card("Read by", counted(len(table.downstream), "table"), against=f"and {', '.join(readers)}" if readers else ""),
    ]


def counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def columns(known: Catalog, table: Table) -> None:
    if not table.columns:
        st.caption("Nothing is known of its columns yet.")
        return
    cells = [
        [
            f"<b>{safe(column.name)}</b>",
            safe(column.type.replace("timestamp with time zone", "timestamptz")),
            badge(column.classification, CLASSES[column.classification]) if column.classification else badge("not said"),
            safe(", ".join(column.tests)),
            safe(column.description),
        ]
        for column in table.columns
    ]
    look.table([(head, False) for head in ("Column", "Type", "Class", "Tested", "Description")], cells)


def lineage_part(known: Catalog, table: Table) -> None:
    column = st.selectbox(
        "Follow a column",
        [None, *(one.name for one in table.columns)],
        format_func=lambda name: name or "the whole table",
        key=own_key("column", table.name),
        bind="query-params",
        width=340,
    )
    shown, way = lineage(known, table), catalogue.follow(table.key, column) if column else None
    drawn = picture(shown, known, of=table.key, columns=way.columns() if way else None)
    height = int(min(720, max(260, drawn["height"] + 60)))
    clicked = process_map(drawn, key=picture_key(table), height=height)
    swatches = "".join(
        f'<span><i class="swatch" style="background:{colour}"></i>{safe(words)}</span>' for colour, words in legend(shown)
    )
    st.html(f'<div class="gr-legend">{swatches}<span>Click a table to go to it, a page to open it.</span></div>')
    if shown.left_out:
        st.caption(f"{shown.left_out} tables further away are not drawn; `grimoire catalog lineage {table.name}` lists all.")
    if way:
        lost = ", ".join(f"{key}.{name}" for key, name in way.unresolved[:5])
        above, below = {one for one, _ in way.upstream}, {two for _, two in way.downstream}
        ways = f"It is made from {len(above)} columns, and {len(below)} are made from it."
        st.caption(ways + (f" Not resolved: what {plain(lost)} is made from." if lost else ""))
    if clicked and clicked["kind"] == "activity":
        follow_click(known, table, clicked["id"])


def picture_key(table: Table) -> str:
    """Another one each time a sheet is opened, so that no click is heard twice; a component's key may not hold two underscores."""
    return f"lineage-{table.key}-{st.session_state.get('opened', 0)}".replace("__", "-")


def follow_click(known: Catalog, table: Table, clicked: str) -> None:
    if clicked.startswith(PAGE):
        name = clicked.removeprefix(PAGE)
        if (_PAGES / f"{name}.py").exists():
            st.switch_page(f"app_pages/{name}.py")
    elif not clicked.startswith(SYSTEM) and clicked != table.key and clicked in known.tables:
        open_product(known, known.tables[clicked])


def checks(known: Catalog, table: Table) -> None:
    if not table.checks:
        st.caption("This table has no check of its own; those of the tables it is made from hold for it.")
        return
    cells = [
        [
            health.dot(kind_of(check)) + safe(check.name),
            unbroken(result_of(check)),
            count(check.rows_failed) if check.passed is False else "",
            safe(shortened(check.detail, letters=300)),
            unbroken(moment(check.checked_at)),
        ]
        for check in table.checks
    ]
    look.table([("Check", False), ("Result", False), ("Rows failed", True), ("Detail", False), ("Checked", False)], cells)


def unbroken(words: str) -> str:
    return f'<span style="white-space: nowrap">{safe(words)}</span>'


def kind_of(check: Check) -> str:
    if check.passed:
        return "ok"
    return "warn" if check.passed is None or check.severity == "warning" else "bad"


def result_of(check: Check) -> str:
    if check.passed is None:
        return "has not run"
    return "passed" if check.passed else "warning" if check.severity == "warning" else "failed"


def sample(known: Catalog, table: Table) -> None:
    if not table.is_there:
        st.caption("There are no rows yet.")
        return
    found, hidden = catalogue.sample(table)
    st.dataframe(found, hide_index=True, key="sample")
    masked = f" Masked as sensitive: {', '.join(hidden)}." if hidden else ""
    total = catalogue.row_count(table)
    st.caption(plain(f"{len(found)} of {total:,} rows, as they lie in the lake.{masked}"))
    st.html(f'<div class="gr-asof">Read from lake snapshot {snapshot_id()}.</div>')


def sql(known: Catalog, table: Table) -> None:
    if not table.source_sql and not table.compiled_sql:
        st.caption("This table is not made by SQL: it is landed, mined or forecast.")
        return
    if table.file:
        st.caption(f"dbt_project/{table.file}" if table.file.startswith("models/") else "Generated from a connection's file.")
    if table.source_sql and table.compiled_sql:
        kind = st.segmented_control("Form", ["As written", "As run"], default="As written", required=True, key="sql_form")
        st.code(table.source_sql if kind == "As written" else table.compiled_sql, language="sql")
        return
    st.code(table.source_sql or table.compiled_sql, language="sql")
    if not table.compiled_sql:
        st.caption("What dbt makes of it is known after the first build.")


PARTS = {"Columns": columns, "Lineage": lineage_part, "Checks": checks, "Rows": sample, "SQL": sql}
