"""SQL: ask the lake anything that only reads, keep what is worth asking again, and draw the answer.

What belongs here: the page's layout. What does not: running a statement (`adhoc`), the editor (`sql_editor`), keeping statements
(`lake.saved_queries`) and the drawing (`result_chart`).
"""

from uuid import uuid4

import streamlit as st

from apps.streamlit import adhoc, as_of, look, result_chart
from apps.streamlit.choices import chosen_process
from apps.streamlit.exports import About, Part, exports
from apps.streamlit.mishaps import guarded
from apps.streamlit.sql_editor.component import sql_editor
from apps.streamlit.wording import age, count, duration, safe, shortened
from lake import get_settings, quote
from lake.errors import GrimoireError
from lake.saved_queries import delete_query, recent_runs, save_query, saved_queries

RUNNING, OUTCOME, TEXT, TEXT_ID = "sql_running", "sql_outcome", "sql_text", "sql_text_id"
PATIENCE = 0.6  # seconds to wait for a quick answer before the page says that it is running


def main() -> None:
    process = chosen_process()
    look.header("SQL", kicker="SQL", sub="Reads every table of the lake; can change none of them")
    as_of.banner()
    if TEXT not in st.session_state:
        put(example(process.name if process else None))
    with st.container(horizontal=True):
        history()
        saved()
    wish = sql_editor(
        adhoc.lake_tables(), text=st.session_state[TEXT], text_id=st.session_state[TEXT_ID], key="sql_editor", height=380
    )
    if wish:
        st.session_state[TEXT] = wish.text
    if wish and wish.action == "run" and wish.text.strip():
        run(wish.text)
    elif wish and wish.action == "save":
        keep(wish.text)
    limits = get_settings()
    st.caption(
        f"Read-only. At most {limits.sql_rows:,} rows come back, after at most {limits.sql_seconds} seconds; several statements "
        "run in order and the last one answers. `grimoire sql --output FILE` has no such limits."
    )
    if RUNNING in st.session_state:
        waiting()
    elif OUTCOME in st.session_state:
        with guarded():
            show(st.session_state[OUTCOME])


def example(process: str | None) -> str:
    if process is None:
        return "select table_schema, table_name from information_schema.tables where table_catalog = 'lake'"
    columns = "activity, count(*) as events, count(distinct case_id) as cases"
    return f"select {columns}\nfrom event_logs.{quote(process)}\ngroup by activity\norder by events desc"


def put(text: str) -> None:
    """Puts a text into the editor."""
    st.session_state[TEXT], st.session_state[TEXT_ID] = text, uuid4().hex


def run(sql: str) -> None:
    """Starts a statement; one that still runs is stopped."""
    before = st.session_state.pop(RUNNING, None)
    if before:
        before.cancel()
    running = adhoc.Running(sql, as_of=as_of.chosen())
    if running.wait(PATIENCE):
        st.session_state[OUTCOME] = running.outcome
    else:
        st.session_state[RUNNING] = running


@st.fragment(run_every=0.4)
def waiting() -> None:
    """What the page says while a statement runs; the whole page runs again once it is done."""
    running = st.session_state.get(RUNNING)
    if running is None:
        return
    if running.wait(0):
        st.session_state[OUTCOME] = st.session_state.pop(RUNNING).outcome
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Cancel", icon=":material/stop_circle:", key="sql_cancel"):
            running.cancel()
        look.line(f"Running for <b>{running.seconds:.0f} s</b> of at most {running.most_seconds:.0f} s")


@st.dialog("Save this statement")
def keep(sql: str) -> None:
    with st.form("save_query", border=False):
        name = st.text_input("Name", max_chars=120, placeholder="Orders that waited for credit", key="query_name")
        st.code(shortened(sql, letters=2000), language="sql")
        if st.form_submit_button("Save", type="primary", icon=":material/bookmark_add:"):
            try:
                save_query(name or "", sql)
            except GrimoireError as error:
                st.error(f"{error.problem} {error.remedy}")
            else:
                st.rerun()


def history() -> None:
    where = st.popover("History", icon=":material/history:", key="sql_history", on_change="rerun")
    if not where.open:
        return
    with where, guarded("The history cannot be read"):
        found = recent_runs()
        if not found:
            st.caption("Nothing has been run yet.")
        for place, past in enumerate(found):
            label = shortened(" ".join(past.sql.split()), letters=90) or "…"
            what = f"{count(past.result_rows)} rows" if past.result_rows is not None else past.outcome
            st.button(f"`{label.replace('`', ' ')}`", key=f"past-{place}", on_click=put, args=(past.sql,), width="stretch")
            st.html(f'<div class="gr-asof">{safe(what)} in {safe(duration(past.seconds))}, {safe(age(past.ran_at))}</div>')


def saved() -> None:
    where = st.popover("Saved statements", icon=":material/bookmark:", key="sql_saved", on_change="rerun")
    if not where.open:
        return
    with where, guarded("The saved statements cannot be read"):
        found = saved_queries()
        if not found:
            st.caption("None is saved yet; **Save …** below the editor keeps one for everybody.")
        for one in found:
            left, right = st.columns([4, 1], vertical_alignment="center")
            left.button(
                one.name,
                key=f"query-{one.name}",
                on_click=put,
                args=(one.sql,),
                help=f"Saved {age(one.saved_at)}",
                width="stretch",
            )
            if right.button("Delete", key=f"forget-{one.name}", type="tertiary"):
                delete_query(one.name)
                st.rerun()


def show(outcome: adhoc.Answer | GrimoireError) -> None:
    if isinstance(outcome, GrimoireError):
        stopped = outcome.data.get("is_stopped")
        look.line(f'<span class="gr-badge {"warn" if stopped else "bad"}">{"Stopped" if stopped else "Not run"}</span>')
        st.code(outcome.problem, language=None, wrap_lines=True)
        if outcome.remedy:
            look.line(safe(outcome.remedy))
        return
    if not len(outcome.frame.columns):
        look.line("Done; the statement returns no rows.")
        return
    capped = f" The first {len(outcome.frame):,} are shown; there are more." if outcome.is_capped else ""
    look.line(f"<b>{count(len(outcome.frame))}</b> rows in {outcome.seconds:.2f} s.{capped}")
    rows = result_chart.plain_rows(outcome.frame)
    table, chart = st.tabs(["Table", "Chart"], key="sql_shown", on_change="rerun")
    spec = None
    with table:
        st.dataframe(outcome.frame, hide_index=True, key="result")
    with chart:
        spec = result_chart.draw(rows)
    st.html(f'<div class="gr-asof">Read from lake snapshot {outcome.snapshot_id}.</div>')
    lines = (" ".join(outcome.sql.split()), f"Read from lake snapshot {outcome.snapshot_id}.")
    exports((Part("Result", rows, spec),), About("SQL", "SQL", lines), key="export_sql")


main()
