"""Overview: how the process is doing, how fresh and how sound the data is that says so.

What belongs here: the page's layout. What does not: its figures (`figures`, `health`, `mined`).
"""

import streamlit as st

from apps.streamlit import as_of, cards, charts, figures, health, look, worth_a_look
from apps.streamlit.choices import chosen_process
from apps.streamlit.evidence import evidence
from apps.streamlit.exports import Part
from apps.streamlit.mined import throughput
from apps.streamlit.pages import View, about_process
from apps.streamlit.reading import Rows, noted, snapshot_id
from apps.streamlit.wording import age, count, day, moment, safe
from lake.registry import Process


def main() -> None:
    process = chosen_process()
    about_process(process_figures, title="Overview", kicker="Overview")
    if process is not None:
        key_figures(process)
    data_state(process)


def key_figures(process: Process) -> None:
    at = as_of.chosen()
    with noted() as asked:
        found = figures.domain_cards(process, as_of=at)
    if not found:
        return
    period = figures.kpi_period(as_of=at)[0]
    st.subheader("Key figures", anchor=False)
    st.html(cards.cards(found))
    days = f"Days from {day(period['first'])} to {day(period['last'])}; the dashed line is the forecast with its 80 % band."
    read = f"Of the whole domain: no filter applies. Read from lake snapshot {snapshot_id() if at is None else at}."
    st.html(f'<div class="gr-asof">{safe(days)} {read}</div>')
    evidence(asked, key="evidence_key_figures")


def process_figures(view: View) -> None:
    with noted() as asked:
        ends = view.definition.definition.get("end_activities") or ()
        found = figures.process_cards(view.kept, view.stack, ends=ends, as_of=view.as_of)
        slas = worth_a_look.agreements(view.process, view.stack, view.definition.definition)
        looks = worth_a_look.findings(view.kept, view.stack, slas)
        weeks = throughput(view.process, view.stack, as_of=view.as_of)
    points: Rows = []
    st.subheader("The process", anchor=False)
    found += worth_a_look.agreement_cards(slas)
    st.html(cards.cards(found))
    worth(looks)
    if len(weeks) > 1:
        kinds = (("Started", "started"), ("Completed", "completed"), ("Open", "open_cases"))
        points = [
            {"period": f"{w['period']:%Y-%m-%d}", "what": what, "cases": w[name]} for w in weeks[-520:] for what, name in kinds
        ]
        charts.show(points, charts.throughput(), key="throughput")
        st.caption(
            "A case counts as open from its first event to its last in the log, so the last weeks look emptier than they are."
        )
    look.as_of(view.log.computed_at, view.log.snapshot_id, what="Mined")
    with st.container(horizontal=True):
        evidence(asked, key="evidence_process")
        view.export(
            Part("Key figures", [{"figure": card.title, "value": f"{card.value} {card.unit}".strip()} for card in found]),
            Part("Worth a look", [{"what": finding.kind, "found": finding.sentence} for finding in looks]),
            Part("Cases per week", points, charts.throughput()),
            kicker="Overview",
        )


def worth(looks: list[worth_a_look.Finding]) -> None:
    """What is worth a look, each with the way to the page that shows more."""
    if not looks:
        return
    st.subheader("Worth a look", anchor=False)
    for number, finding in enumerate(looks):
        with st.container(key=f"look_{number}", horizontal=True, vertical_alignment="center"):
            st.html(f'<div class="gr-look"><b>{safe(finding.kind)}</b> {safe(finding.sentence)}</div>')
            to = finding.entry
            st.page_link(to.path, label=to.title, icon=to.icon)


def data_state(process: Process | None) -> None:
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader("Data freshness", anchor=False)
        sources(process)
    with right:
        st.subheader("Checks", anchor=False)
        checks()


def sources(process: Process | None) -> None:
    if process and process.origin == "file":
        look.line(f"This event log was imported <b>{safe(age(process.registered_at))}</b>.", note=moment(process.registered_at))
    found = health.freshness()
    if not found and not (process and process.origin == "file"):
        st.caption("Nothing has been loaded yet.")
    if not found:
        return
    cells = [
        [
            health.dot(health.status(row["loaded_at"])) + safe(row["source"]),
            safe(age(row["loaded_at"])),
            count(row["tables"]),
            count(row["rows_landed"]),
            count(row["all_rows"]),
            count(row["rows_quarantined"]),
        ]
        for row in found
    ]
    look.table(
        [("Source", False), ("Last load", False), ("Tables", True), ("New rows", True), ("Rows ever", True), ("Quarantined", True)],
        cells,
    )
    last = max(found, key=lambda row: row["loaded_at"])
    look.as_of(last["loaded_at"], last["snapshot_id"], what="Loaded")


def checks() -> None:
    found = health.latest_checks()
    if not found:
        st.caption("No check has run yet.")
        return
    tally = health.tally(found)
    look.badges((tally["passed"], "passed", "good"), (tally["warnings"], "warnings", "warn"), (tally["errors"], "failed", "bad"))
    failing = [check for check in found if not check["passed"]][:6]
    if failing:
        cells = [
            [health.dot("warn" if check["severity"] == "warning" else "bad") + safe(f"{check['layer']}.{check['subject']}"),
             safe(check["check_name"]), count(check["rows_failed"])]
            for check in failing
        ]  # fmt: skip
        look.table([("Table", False), ("Check", False), ("Rows failed", True)], cells)
    newest = max(found, key=lambda check: check["checked_at"])
    look.as_of(newest["checked_at"], newest["snapshot_id"], what="Checked")
    st.page_link("app_pages/data_quality.py", label="All checks and quarantined rows", icon=":material/arrow_forward:")


main()
