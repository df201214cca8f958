"""SQL: ask the lake anything that only reads.

What belongs here: the form, the answer and the tables to choose from. What does not: running the statement (`adhoc`).
"""

from itertools import groupby

import streamlit as st

from apps.streamlit import adhoc, look
from apps.streamlit.choices import chosen_process
from apps.streamlit.wording import count, safe
from lake import quote
from lake.errors import GrimoireError


def main() -> None:
    process = chosen_process()
    look.header("SQL", kicker="SQL", sub="Reads every table of the lake; can change none of them")
    left, right = st.columns([3, 1.15], gap="large")
    with left:
        ask(example(process.name if process else None))
    with right:
        browse()


def example(process: str | None) -> str:
    if process is None:
        return "select table_schema, table_name from information_schema.tables where table_catalog = 'lake'"
    log = f"event_logs.{quote(process)}"
    columns = "activity, count(*) as events, count(distinct case_id) as cases"
    return f"select {columns}\nfrom {log}\ngroup by activity\norder by events desc"


def ask(start: str) -> None:
    with st.form("statement", border=False):
        sql = st.text_area(
            "Statement", start, height=190, key="statement_text", help="DuckDB's SQL. The statement runs for a minute at most."
        )
        asked = st.form_submit_button("Run", type="primary", icon=":material/play_arrow:")
    st.caption(f"Read-only. At most {adhoc.ROW_CAP:,} rows come back; aggregate, or use `grimoire sql --output FILE` for more.")
    if asked and sql and sql.strip():
        st.session_state["answer"] = answer_to(sql)
    if "answer" in st.session_state:
        show(st.session_state["answer"])


def answer_to(sql: str) -> adhoc.Answer | GrimoireError:
    try:
        return adhoc.run(sql)
    except GrimoireError as error:
        return error


def show(answer: adhoc.Answer | GrimoireError) -> None:
    if isinstance(answer, GrimoireError):
        look.line('<span class="gr-badge bad">Not run</span>')
        st.code(answer.problem, language=None, wrap_lines=True)
        if answer.remedy:
            look.line(safe(answer.remedy))
        return
    capped = f" The first {adhoc.ROW_CAP:,} are shown; there are more." if answer.is_capped else ""
    look.line(f"<b>{count(len(answer.frame))}</b> rows in {answer.seconds:.2f} s.{capped}")
    st.dataframe(answer.frame, hide_index=True, key="result")
    st.html(f'<div class="gr-asof">Read from lake snapshot {answer.snapshot_id}.</div>')
    st.download_button(
        "Download CSV",
        lambda: answer.frame.to_csv(index=False).encode("utf-8"),
        file_name="grimoire.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def browse() -> None:
    st.subheader("Tables", anchor=False)
    words = st.text_input("Find", placeholder="Find a table or column", key="find_table", label_visibility="collapsed").lower()
    columns = adhoc.schema()
    if not columns:
        st.caption("The lake holds no table yet.")
    for schema, in_schema in groupby(columns, key=lambda column: column["table_schema"]):
        tables = [(name, list(found)) for name, found in groupby(in_schema, key=lambda column: column["table_name"])]
        matching = [
            (name, found)
            for name, found in tables
            if words in f"{schema}.{name}".lower() or any(words in column["column_name"].lower() for column in found)
        ]
        if matching:
            with st.expander(f"{schema} ({len(matching)})", expanded=bool(words)):
                st.html("".join(described(name, found) for name, found in matching))


def described(name: str, columns: list[dict]) -> str:
    listed = "".join(
        f'<tr><td>{safe(column["column_name"])}</td><td class="gr-quiet">{safe(column["data_type"].lower())}</td></tr>'
        for column in columns
    )
    return f'<details class="gr-details"><summary>{safe(name)}</summary><table class="gr-table">{listed}</table></details>'


main()
