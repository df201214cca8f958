"""What a figure rests on: its tables with their checks, the SQL that the page ran, and the newest source rows.

What belongs here: the small part that every page can put below its figures. What does not: noting what was asked (`reading`), the
catalog (`catalogue`) and the sheet of a table (page Data products).

Nothing is looked up before a person opens it, so a page's first paint costs no more for it.
"""

from collections.abc import Iterable, Sequence

import streamlit as st

from apps.streamlit import catalogue, health, look
from apps.streamlit.reading import Asked, tables
from apps.streamlit.wording import age, count, plain, safe
from lake.catalog import Catalog, Table

MOST_TABLES, MOST_STATEMENTS, MOST_SOURCES, ROWS = 6, 8, 3, 5
LOADED_AT = "_loaded_at"


def evidence(asked: Sequence[Asked], *, key: str, label: str = "Where these figures come from") -> None:
    """A popover that says what the figures above rest on; empty until it is opened.

    Args:
        asked: What was read for the figures, as `reading.noted` collects it.
        key: Of the popover, unlike any other of the page.
        label: What stands on it.
    """
    where = st.popover(label, icon=":material/fact_check:", type="tertiary", key=key, on_change="rerun")
    if where.open:
        with where:
            _contents(asked, key)


def tables_of(asked: Iterable[Asked], known: Iterable[str]) -> list[str]:
    """The tables that were read, in the order in which they were: those that were named, and those the statements mention."""
    asked, names = list(asked), sorted(known, key=len, reverse=True)
    found = [name for one in asked for name in (*one.tables, *(name for name in names if _mentions(one.sql, name)))]
    return list(dict.fromkeys(name for name in found if name in set(names)))


def _mentions(sql: str, name: str) -> bool:
    at = sql.find(name)
    return at >= 0 and not sql[at + len(name) : at + len(name) + 1].replace("_", "a").isalnum()


def _contents(asked: Sequence[Asked], key: str) -> None:
    known, names = catalogue.whole(), tables_of(asked, tables())
    found = [known.tables[name] for name in names if name in known.tables]
    if not found:
        st.caption("These figures rest on no table of the lake yet.")
        return
    look.line("<b>Tables</b>")
    for table in found[:MOST_TABLES]:
        _table(known, table, key)
    if len(found) > MOST_TABLES:
        st.caption(f"and {len(found) - MOST_TABLES} more, which the statements name.")
    look.line("<b>SQL</b>", note="As the page ran it. What speaks in the names of a mining layout runs only over that.")
    statements = list(dict.fromkeys(one.statement() for one in asked))
    for statement in statements[:MOST_STATEMENTS]:
        st.code(statement, language="sql")
    _source_rows(known, found)


def _table(known: Catalog, table: Table, key: str) -> None:
    """One table: its checks and age, and the way to its sheet."""
    kind = "bad" if any(check.severity == "error" for check in table.failed) else "warn" if table.failed else "ok"
    passed = f"{len(table.passed)} checks passed" if table.passed else "no check of its own"
    checked = f"{len(table.failed)} checks failed: {table.failed[0].name}" if table.failed else passed
    rows = f"{count(table.rows)} rows, " if table.rows is not None else ""
    st.page_link(
        "app_pages/data_products.py",
        label=plain(table.key),
        icon=":material/arrow_forward:",
        query_params={"product": catalogue.short_name(table, known)},
    )
    dot = health.dot(kind) if table.failed or table.passed else ""
    st.html(f'<div class="gr-asof">{dot}{safe(f"{rows}changed {age(table.built_at)}; {checked}")}</div>')


def _source_rows(known: Catalog, found: Sequence[Table]) -> None:
    """The newest rows of the landed tables that the figures come from."""
    raw = [known.tables[key] for key in dict.fromkeys(key for table in found for key in known.sources(table.key))]
    loaded = [table for table in raw if LOADED_AT in {column.name for column in table.columns}]
    newest = sorted(loaded, key=lambda table: str(table.loaded_at), reverse=True)[:MOST_SOURCES]
    if not newest:
        return
    look.line("<b>Newest source rows</b>", note=f"Of {len(raw)} landed tables; what is sensitive is masked.")
    for table in newest:
        shown, _ = catalogue.sample(table, limit=ROWS, newest_by=LOADED_AT)
        st.caption(plain(table.key))
        st.dataframe(shown, hide_index=True, height=38 + 35 * max(1, len(shown)))
