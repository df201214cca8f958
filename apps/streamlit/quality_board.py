"""The score board and the suites of the Data quality page: how good each product and event log is, by which checks, and since when.

What belongs here: layout of these two parts. What does not: their figures (`health`) and the formula (`connectors.scores`).
"""

from typing import Any

import streamlit as st

from apps.streamlit import health, look
from apps.streamlit.cards import Card, cards
from apps.streamlit.reading import Rows
from apps.streamlit.wording import age, count, moment, safe

MOST_CARDS = 24
WORDS = {"products": "data product", "event_logs": "event log"}


def scores() -> None:
    """A card for each product and event log, the worst first."""
    found = health.scores()
    if not found:
        st.caption("Nothing has been scored yet. Products are scored when they are built, event logs when they are checked.")
        return
    st.html(cards([card(row) for row in found[:MOST_CARDS]]))
    if len(found) > MOST_CARDS:
        st.caption(f"{len(found) - MOST_CARDS} more, none with a lower score; the tab Suites shows each.")
    st.caption(
        "0 to 100: the weighted mean of the latest checks. One that passes counts whole, one that fails half the share of its rows"
        " that are right; an error weighs three times as much as a warning."
    )
    newest = max(found, key=lambda row: row["scored_at"])
    look.as_of(newest["scored_at"], newest["snapshot_id"], what="Scored")


def card(row: dict[str, Any]) -> Card:
    """One subject's score, against the one before."""
    history = [float(value) for value in row["history"]]
    before = history[-2] if len(history) > 1 else None
    change = (row["score"] - before) / before if before else None
    return Card(
        title=row["subject"].replace("__", " · ").replace("_", " "),
        value=f"{row['score']:.1f}",
        unit="of 100",
        change=change,
        higher_is_better=True,
        against="since the last check" if change is not None else "",
        trend=history,
        foot=f"{WORDS.get(row['layer'], row['layer'])}, {count(row['failed'])} of {count(row['checks'])} checks failed",
    )


def suites(checks: Rows) -> None:
    """One subject's checks, each with its last result and a sample of the rows that break it."""
    if not checks:
        st.caption("No check has run here yet. Checks run with every load, every build and before every mining.")
        return
    subjects = sorted({(check["layer"], check["subject"]) for check in checks}, key=lambda one: (not _failing(checks, one), one))
    layer, subject = st.selectbox(
        "Suite of", subjects, format_func=lambda one: f"{one[0]}.{one[1]}", key="suite_of", help="Those with failed checks first."
    )
    own = [check for check in checks if (check["layer"], check["subject"]) == (layer, subject)]
    score = next((row for row in health.scores() if (row["layer"], row["subject"]) == (layer, subject)), None)
    if score:
        st.html(cards([card(score)]))
    for check in (one for one in own if not one["passed"]):
        _sample(check)
    look.table(
        [("Check", False), ("Result", False), ("Checked", True), ("Failed", True), ("What was found", False), ("When", False)],
        [_line(check) for check in own],
    )


def _failing(checks: Rows, subject: tuple[str, str]) -> bool:
    return any(not check["passed"] for check in checks if (check["layer"], check["subject"]) == subject)


def _line(check: dict[str, Any]) -> list[str]:
    kind = "ok" if check["passed"] else "warn" if check["severity"] == "warning" else "bad"
    said = "passed" if check["passed"] else "warning" if check["severity"] == "warning" else "failed"
    return [
        safe(check["check_name"]),
        _unbroken(health.dot(kind) + said + (", blocks" if check["blocking"] and not check["passed"] else "")),
        count(check["rows_checked"]),
        count(check["rows_failed"]),
        safe(check["detail"] or ""),
        _unbroken(safe(age(check["checked_at"])), title=moment(check["checked_at"])),
    ]


def _unbroken(html: str, *, title: str = "") -> str:
    """A cell's content on one line."""
    return f'<span class="gr-unbroken" title="{safe(title)}">{html}</span>'


def _sample(check: dict[str, Any]) -> None:
    found = health.sample(check["layer"], check["subject"], check["check_name"])
    if not found:
        return
    with st.expander(f"Rows that break “{check['check_name']}”"):
        look.table([("Key", False), ("Row", False)], [[safe(row["row_key"]), safe(row["row_json"])] for row in found])
        st.caption(f"{len(found)} of the rows kept; all of them under “Quarantined rows”.")
