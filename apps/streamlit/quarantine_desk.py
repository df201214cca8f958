"""The desk of the Data quality page where rows in quarantine are looked at, corrected, waived and played again.

What belongs here: its layout and what its buttons call. What does not: the rows (`health`) and the decisions
(`connectors.quarantine`).
"""

import json
from collections.abc import Callable
from typing import Any

import streamlit as st

from apps.streamlit import health, look
from apps.streamlit.reading import Rows
from apps.streamlit.wording import count, moment, plain, safe
from lake.errors import GrimoireError

SAID = "quarantine_said"
ACCEPT, DROP = "Accept as it is", "Drop for good"
KINDS = {"held": "held back", "flagged": "flagged"}


def said() -> None:
    """What came of the last click, kept over the rerun that shows its effect."""
    kind, words = st.session_state.pop(SAID, ("", ""))
    if words:
        {"good": st.success, "bad": st.error}[kind](plain(words))


def quarantine() -> None:
    """Why rows are in quarantine, which, and what can be done about them."""
    reasons = health.quarantine_reasons()
    if not reasons:
        st.caption("No row is in quarantine.")
        return
    look.table(
        [("Source", False), ("Table", False), ("Rule", False), ("Reason, for one of them", False), ("Kind", False), ("Open", True),
         ("Waived", True)],
        [[safe(r["source"]), safe(r["table_name"]), safe(r["rule"]), safe(r["reason"]), KINDS[r["kind"]], count(r["rows"]),
          count(r["waived"])] for r in reasons[:50]],
    )  # fmt: skip
    source = st.selectbox(
        "Rows of", [None, *sorted({r["source"] for r in reasons})], format_func=lambda s: s or "every source", key="held_of"
    )
    found = health.quarantined(source)
    listed(found)
    desk([row for row in found if row["resolution"] is None])


def listed(found: Rows) -> None:
    """The rows themselves."""
    st.dataframe(
        [
            {
                "Quarantined": moment(r["quarantined_at"]),
                "Table": f"{r['source']}.{r['table_name']}",
                "Key": r["row_key"],
                "Rule": r["rule"],
                "Reason": r["reason"],
                "Decision": f"{r['resolution']} by {r['resolved_by']}: {r['note'] or ''}" if r["resolution"] else "open",
                "Row": r["row_json"],
                "Id": r["id"],
            }
            for r in found
        ],
        hide_index=True,
        height=min(420, 60 + 35 * len(found)),
        key="held",
    )
    st.caption(
        f"The newest {len(found):,} rows. Rows held back have not reached the tables that follow; rows flagged are in an event log."
    )


def desk(found: Rows) -> None:
    """Choosing rows and deciding about them."""
    by_id = {row["id"]: row for row in found}
    st.subheader("Decide")
    chosen = [
        by_id[one]
        for one in st.multiselect(
            "Rows",
            list(by_id),
            format_func=lambda one: words_of(by_id[one]),
            key="chosen",
            placeholder="Choose rows by table or key",
        )
        if one in by_id
    ]
    waiving, correcting, replaying = st.tabs(["Waive", "Correct", "Play again"])
    with waiving:
        waive_form(chosen)
    with correcting:
        correct_form(chosen)
    with replaying:
        replay_form(sorted({row["source"] for row in found if row["kind"] == "held" and row["source"] != "file"}))


def words_of(row: dict[str, Any]) -> str:
    """A row in a list to choose from."""
    return f"{row['source']}.{row['table_name']} {row['row_key']} ({row['rule']})"


def waive_form(chosen: Rows) -> None:
    """Accepting or dropping the chosen rows, with a reason."""
    from connectors.quarantine import who

    kinds = {row["kind"] for row in chosen}
    how = st.radio("Decision", [ACCEPT] if kinds == {"flagged"} else [ACCEPT, DROP], horizontal=True, key="waive_how")
    st.caption(
        "Held rows land although they break their rule, flagged ones count no more." if how == ACCEPT else "They never land."
    )
    note = st.text_input("Why", key="waive_note", placeholder="Kept with the rows")
    by = st.text_input("Who", value=who(), key="waive_by")
    sure = st.checkbox(f"Yes, decide about {len(chosen)} rows", key="waive_sure", disabled=not chosen)
    if st.button("Waive", icon=":material/gavel:", disabled=not (chosen and sure and note.strip()), key="waive"):
        done(lambda: waived(chosen, how, note, by))


def waived(chosen: Rows, how: str, note: str, by: str) -> str:
    """Decides, and says what was decided."""
    from connectors.quarantine import IN_WORDS, How
    from connectors.quarantine import waive as decide

    word: How = "accepted" if how == ACCEPT else "dropped"
    decided = decide([row["id"] for row in chosen], how=word, note=note, by=by)
    return f"{len(decided)} rows are {IN_WORDS[word]}. The next load or check heeds it; “Play again” does so at once."


def correct_form(chosen: Rows) -> None:
    """Editing one row that was held back."""
    if len(chosen) != 1 or chosen[0]["kind"] != "held":
        st.caption("Choose one row that was held back. Rows flagged in an event log are corrected in their source.")
        return
    (row,) = chosen
    words = st.text_area("The row", pretty(row["row_json"]), height=260, key=f"correct_{row['id']}")
    note = st.text_input("Why", key="correct_note", placeholder="Kept with the row")
    sure = st.checkbox("Yes, this is to land in its place", key="correct_sure")
    if st.button("Correct and play again", icon=":material/edit:", disabled=not sure, key="correct"):
        done(lambda: corrected(row["id"], words, note))


def corrected(identity: str, words: str, note: str) -> str:
    """Puts the record in the row's place, and says what came of it."""
    from connectors.quarantine import correct
    from lake.errors import DataError

    try:
        record = json.loads(words)
    except ValueError as error:
        raise DataError(f"What you wrote is no JSON: {error}.", remedy="Mend it there, and try again.") from None
    outcome = correct(identity, record, note=note or None)
    return f"{outcome.resolved} of {outcome.asked} rows are resolved; {outcome.rows_landed} rows landed."


def pretty(words: str) -> str:
    """JSON as people read it; anything else as it is."""
    try:
        return json.dumps(json.loads(words), indent=2, ensure_ascii=False)
    except ValueError:
        return words


def replay_form(sources: list[str]) -> None:
    """Judging a connection's rows again."""
    if not sources:
        st.caption("No connection has rows that wait.")
        return
    name = st.selectbox("Connection", sources, key="replay_of")
    if st.button("Play again", icon=":material/replay:", key="replay"):
        done(lambda: replayed(name))


def replayed(name: str) -> str:
    """Judges all rows of a connection that wait, and says what came of it."""
    from connectors.dead_letters import replay

    outcome = replay(name)
    return f"{outcome.resolved} of {outcome.asked} rows are resolved; {outcome.rows_landed} rows landed."


def done(work: Callable[[], str]) -> None:
    """Does what was clicked and shows the page anew with what came of it."""
    try:
        st.session_state[SAID] = ("good", work())
    except GrimoireError as error:
        st.session_state[SAID] = ("bad", f"{error.problem} {error.remedy}")
    st.rerun()
