"""The filter bar: the filters in force as chips, a form to add one, undo, clear, their SQL, and how much of the log they leave.

What belongs here: showing the stack and changing it, in the session and in the address. What does not: the forms (`filter_forms`),
the chips' words (`filter_words`) and what filters do (`mining.filters`).

Each process has its own stack, which stays from page to page. A stack in the address comes into force when the session has not
had it before; else the session decides, because a browser may send an older address along with a click.
"""

from collections.abc import Callable

import streamlit as st

from apps.streamlit import as_of, look, mined
from apps.streamlit.filter_forms import TITLES, Offer, form
from apps.streamlit.mined import MinedLog
from apps.streamlit.stack import Stack, unpacked
from apps.streamlit.wording import count, safe, share, shortened
from lake.errors import GrimoireError
from mining.filters import Filter

FILTERS = "filters"  # in the address
CHIP_LETTERS = 60
MOST_UNDONE = 50


def bar(process: str, log: MinedLog) -> Stack:
    """Shows the bar of a process and returns the stack in force.

    Args:
        process: Name of the process.
        log: Its mined log: what the forms offer comes from it.

    Returns:
        The stack, which may be one that the log cannot bear: whoever asks under it gets the DataError.
    """
    stack = current(process)
    with st.container(key="filter_bar", horizontal=True, vertical_alignment="center", gap="small"):
        for index, part in enumerate(stack.words()):
            _chip(stack, index, part)
        _add_form(process, log)
        steps = len(_history(process))
        if steps > 1:
            st.button("Undo", icon=":material/undo:", type="tertiary", key=f"undo-{process}", on_click=undo, args=(process,))
        if stack:
            st.button("Clear", icon=":material/close:", type="tertiary", key=f"clear-{process}", on_click=clear, args=(process,))
            _sql(stack)
    _says(stack, log)
    _write(stack)
    return stack


def current(process: str) -> Stack:
    """The stack of a process that is in force, as of the snapshot that is chosen."""
    _adopt_address(process)
    return Stack(_history(process)[-1], process=process, as_of=as_of.chosen())


def add(process: str, filter: Filter) -> None:
    """Puts a filter behind those in force, unless it is the last one already; the page shows it at its next run (`st.rerun()`)."""
    stack = current(process)
    if not stack or stack[-1] != filter:
        put(process, (*stack, filter))


def remove(process: str, index: int) -> None:
    """Takes the filter at a place, from 0, out of the stack; without effect where there is none."""
    stack = current(process)
    if 0 <= index < len(stack):
        put(process, (*stack[:index], *stack[index + 1 :]))


def move(process: str, index: int, places: int) -> None:
    """Moves a filter earlier (negative) or later in the order in which filters are applied."""
    stack = list(current(process))
    if 0 <= index < len(stack) and 0 <= index + places < len(stack):
        stack.insert(index + places, stack.pop(index))
        put(process, tuple(stack))


def undo(process: str) -> None:
    """Goes back to the stack before the last change; without effect where nothing was changed."""
    history = _history(process)
    if len(history) > 1:
        history.pop()


def clear(process: str) -> None:
    """Takes all filters out; undo brings them back."""
    put(process, ())


def put(process: str, filters: tuple[Filter, ...]) -> None:
    """Puts a whole stack in force, such as a saved view's."""
    history = _history(process)
    if tuple(history[-1]) != tuple(filters):
        history.append(tuple(filters))
        del history[: -MOST_UNDONE - 1]
        _seen().add(Stack(filters).packed())


def _history(process: str) -> list[tuple[Filter, ...]]:
    """The stacks there were, the one in force last."""
    return st.session_state.setdefault(f"stacks_{process}", [()])


def _seen() -> set[str]:
    """The packed stacks the session has had, of any process: where another is chosen, the address still has the last one's."""
    return st.session_state.setdefault("stacks_seen", {""})


def _adopt_address(process: str) -> None:
    """Puts the address's stack in force where it is new; what cannot be read is said once and left out."""
    packed = st.query_params.get(FILTERS, "")
    if packed in _seen() or st.query_params.get("process", process) != process:
        return
    _seen().add(packed)
    try:
        put(process, tuple(unpacked(packed)))
    except GrimoireError as error:
        st.session_state["filters_refused"] = (error.problem, error.remedy)


def _write(stack: Stack) -> None:
    packed = stack.packed()
    _seen().add(packed)
    if packed:
        st.query_params[FILTERS] = packed
    else:
        st.query_params.pop(FILTERS, None)


def _chip(stack: Stack, index: int, words: str) -> None:
    process, key = stack.process, f"{index}-{len(_history(stack.process))}-{stack.process}"
    with st.popover(shortened(words, letters=CHIP_LETTERS).replace("$", "\\$"), key=f"chip-{key}", wrap=False):
        st.html(f'<div class="gr-line">{safe(words)}</div>')
        _change("Remove", ":material/delete:", remove, f"remove-{key}", process, index)
        if index > 0:
            _change("Apply earlier", ":material/arrow_back:", move, f"earlier-{key}", process, index, -1)
        if index + 1 < len(stack):
            _change("Apply later", ":material/arrow_forward:", move, f"later-{key}", process, index, 1)


def _change(label: str, icon: str, how: Callable[..., None], key: str, *args: str | int) -> None:
    st.button(label, icon=icon, key=key, on_click=how, args=args, width="stretch")


@st.fragment
def _add_form(process: str, log: MinedLog) -> None:
    """The form, which runs by itself, so that choosing in it does not run the page."""
    key = f"add-{len(_history(process))}-{process}"
    where = st.popover("Add filter", icon=":material/filter_alt:", key=key, on_change="rerun")
    if not where.open:
        return
    with where:
        kind = st.selectbox("Filter by", list(TITLES), format_func=TITLES.__getitem__, key="form_kind")
        make = form(kind, Offer(log, as_of.chosen()))
        if st.button("Add", type="primary", key="form_add"):
            try:
                add(process, make())
            except GrimoireError as error:
                st.error(f"{error.problem} {error.remedy}")
            else:
                st.rerun(scope="app")


def _sql(stack: Stack) -> None:
    where = st.popover("SQL", icon=":material/code:", type="tertiary", key=f"sql-{stack.process}", on_change="rerun")
    if where.open:
        with where:
            try:
                st.code(stack.sql(), language="sql", wrap_lines=True)
                st.caption("The events that these filters keep, over the lake's tables: `grimoire sql` runs it.")
            except GrimoireError as error:
                st.error(f"{error.problem} {error.remedy}")


def _says(stack: Stack, log: MinedLog) -> None:
    """How much of the log is left; and what is wrong with the address's filters."""
    refused = st.session_state.pop("filters_refused", None)
    if refused:
        look.guidance("The filters in the address are left out", *refused)
    if not stack:
        st.html(f'<div class="gr-asof">All {count(log.cases)} cases, {count(log.events)} events.</div>')
        return
    try:
        cases, events = mined.kept(log.process, stack, as_of=stack.as_of)
    except GrimoireError:
        return  # the page says it where its figures would be
    of_all = share(cases / log.cases if log.cases else None)
    words = f"<b>{count(cases)}</b> of {count(log.cases)} cases ({of_all}), <b>{count(events)}</b> of {count(log.events)} events"
    look.line(f"{words} remain.")
