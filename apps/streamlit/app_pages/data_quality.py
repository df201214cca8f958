"""Data quality: scores, every check's newest result, the rows held back and why, the loads and their age.

What belongs here: the page's layout. What does not: its figures (`health`), its larger parts (`quality_board`, `quarantine_desk`)
and checking anything.
"""

from typing import Any

import streamlit as st

from apps.streamlit import health, look, quality_board, quarantine_desk
from apps.streamlit.choices import chosen_process, known_processes
from apps.streamlit.evidence import evidence
from apps.streamlit.reading import Rows, noted, snapshot_id
from apps.streamlit.wording import age, count, duration, moment, safe, share

ALL, OWN = "The whole lake", "This process's event log"


def main() -> None:
    process = chosen_process()
    look.header("Data quality", kicker="Data quality", sub=process.title if process else "")
    checks = health.latest_checks()
    if process is None and not checks and not health.freshness():
        look.empty_lake()
        return
    if process:
        scope = st.segmented_control("Checks of", [ALL, OWN], default=ALL, required=True, key="scope", bind="query-params")
        checks = health.of_process(checks, process.name) if scope == OWN else checks
    with noted() as asked:
        health.latest_checks()
        summary(checks)
    evidence(asked, key="evidence_checks")
    quarantine_desk.said()
    tabs = st.tabs(["Scores", "Suites", "Checks", "Quarantined rows", "Loads", "Freshness", "Flattening"])
    parts = (
        quality_board.scores,
        lambda: quality_board.suites(checks),
        lambda: check_table(checks),
        quarantine_desk.quarantine,
        load_table,
        freshness,
        flattening,
    )
    for tab, part in zip(tabs, parts, strict=True):
        with tab:
            part()


def summary(checks: Rows) -> None:
    tally = health.tally(checks)
    reasons = health.quarantine_reasons()
    held = sum(row["rows"] for row in reasons if row["kind"] == "held")
    flagged = sum(row["rows"] for row in reasons if row["kind"] == "flagged")
    look.badges(
        (tally["passed"], "passed", "good"),
        (tally["warnings"], "warnings", "warn"),
        (tally["errors"], "failed", "bad"),
        (held, "rows in quarantine", "warn"),
        (flagged, "rows flagged in event logs", "warn"),
    )


def check_table(checks: Rows) -> None:
    if not checks:
        st.caption("No check has run here yet. Checks run with every load and every import.")
        return
    words = st.text_input(
        "Filter", placeholder="Part of a table's or check's name", key="check_filter", label_visibility="collapsed"
    )
    found = [c for c in checks if not words or words.lower() in f"{c['layer']}.{c['subject']} {c['check_name']}".lower()]
    st.dataframe(
        [
            {
                "Result": "passed" if c["passed"] else "warning" if c["severity"] == "warning" else "failed",
                "Table": f"{c['layer']}.{c['subject']}",
                "Check": c["check_name"],
                "Rows checked": c["rows_checked"],
                "Rows failed": c["rows_failed"],
                "Last with rows": last_with_rows(c),
                "Blocking": c["blocking"],
                "Detail": c["detail"],
                "Checked": moment(c["checked_at"]),
                "Snapshot": c["snapshot_id"],
            }
            for c in found
        ],
        hide_index=True,
        height=min(560, 60 + 35 * max(1, len(found))),
        key="checks",
    )
    st.caption("A load without new rows checks none; “Last with rows” then says what the last check that had some found.")
    newest = max(checks, key=lambda check: check["checked_at"])
    look.as_of(newest["checked_at"], newest["snapshot_id"], what="Checked")


def last_with_rows(check: dict[str, Any]) -> str:
    """What the last result that is about rows said, where the newest one is about none."""
    if check["rows_checked"] or not check["last_rows_checked"]:
        return ""
    return f"{count(check['last_rows_checked'])}, {count(check['last_rows_failed'])} failed, {moment(check['last_rows_at'])}"


def load_table() -> None:
    found = health.loads()
    if not found:
        st.caption("Nothing has been loaded yet.")
        return
    st.dataframe(
        [
            {
                "Finished": moment(r["finished_at"]),
                "Source": r["source"],
                "Table": r["table_name"],
                "Extracted": r["rows_extracted"],
                "Landed": r["rows_landed"],
                "Quarantined": r["rows_quarantined"],
                "Took": duration(r["seconds"]),
                "Load": r["load_id"],
                "Snapshot": r["snapshot_id"],
            }
            for r in found
        ],
        hide_index=True,
        height=min(560, 60 + 35 * len(found)),
        key="loads",
    )
    look.as_of(found[0]["finished_at"], found[0]["snapshot_id"], what="Loaded")


def freshness() -> None:
    found = health.freshness()
    if not found:
        st.caption("Nothing has been loaded yet.")
        return
    cells = [
        [health.dot(health.status(r["loaded_at"])) + safe(r["source"]), safe(age(r["loaded_at"])), safe(moment(r["loaded_at"])),
         count(r["tables"]), count(r["rows_landed"]), count(r["all_rows"])]
        for r in found
    ]  # fmt: skip
    heads = [
        ("Source", False),
        ("Age", False),
        ("Last load", False),
        ("Tables in it", True),
        ("Rows in it", True),
        ("Rows ever", True),
    ]
    look.table(heads, cells)
    st.caption("Green: loaded within a day. Amber: within three days. Red: older.")


def flattening() -> None:
    found = health.flattening()
    if not found:
        st.caption("No object-centric event log has been mined yet.")
        return
    look.line(
        "An event that concerns several objects stands in the case of each: once in the object-centric log, several times in the "
        "case view. <b>Counting rows of a case view counts it that often.</b> And an activity that happens to several objects of "
        "another type stands several times in one case, as if it had been repeated: it diverges."
    )
    others = st.toggle("Also the types of object that are no cases", key="other_notions", bind="query-params")
    titles = {process.name: process.title for process in known_processes()}
    cells = [
        [
            safe(titles.get(row["process"], row["process"])),
            safe(str(row["case_notion"]).replace("_", " ")),
            count(row["events"]),
            count(row["case_events"]),
            f"{count(row['duplicated_events'])} ({safe(share(row['duplicated_events'] / row['events'] if row['events'] else 0))})",
            count(row["extra_copies"]),
            count(row["events_in_no_case"]),
            count(row["diverging_activities"]),
            f"{count(row['diverging_cases'])} ({safe(share(row['diverging_cases'] / row['cases'] if row['cases'] else 0))})",
        ]
        for row in found
        if others or row["is_case_notion"]
    ]
    heads = (
        "Events",
        "Rows of the case view",
        "Events in several cases",
        "Copies too many",
        "Events in no case",
        "Diverging activities",
        "Cases with such",
    )
    look.table([("Process", False), ("Cases are objects of type", False), *((head, True) for head in heads)], cells)
    st.html(f'<div class="gr-asof">Read from lake snapshot {snapshot_id()}.</div>')


main()
