"""Variants: the ways cases run, how many cases each covers, how long they take and whether they fit the model.

What belongs here: the page's layout. What does not: its figures (`mined`) and the list with its chevrons (`variant_list`).
"""

import streamlit as st

from apps.streamlit import charts, look, mined
from apps.streamlit.choices import about_mined_process, choose_timeframe, timeframe_words
from apps.streamlit.evidence import evidence
from apps.streamlit.mined import MinedLog, Timeframe
from apps.streamlit.reading import Rows, noted
from apps.streamlit.variant_list.component import activity_colours, variant_list, variant_rows
from apps.streamlit.wording import count, duration, moment, safe, share

LISTED = 200


@st.fragment
def page(process: str, log: MinedLog) -> None:
    head, side = st.columns([4, 1], vertical_alignment="bottom")
    with side:
        frame = choose_timeframe(log)
    with noted() as asked:
        number, cases = mined.variant_count(process, frame)
        curve = mined.coverage_curve(process, frame) if number else []
        listed = mined.variants(process, frame, limit=LISTED)
    if not number:
        look.guidance("No case in this timeframe", "Choose other days, or another way of choosing cases.")
        return
    with head:
        says(curve, number, cases, timeframe_words(frame, log))
    charts.show(curve, charts.pareto(), key="pareto")
    colours = activity_colours([activity.activity for activity in mined.activities(process)])
    chosen = variant_list(variant_rows(listed, colours), key=f"variants_{process}", height=min(560, 60 + 46 * len(listed)))
    if number > len(listed):
        st.caption(f"The {len(listed)} most frequent of {number:,} variants are listed.")
    look.as_of(log.computed_at, log.snapshot_id, what="Mined")
    evidence(asked, key="evidence_variants")
    variant = next((variant for variant in listed if variant["rank"] == chosen), None)
    if variant:
        cases_of(process, variant, frame)
    else:
        st.caption("Click a variant to see its cases.")


def says(curve: Rows, number: int, cases: int, when: str) -> None:
    most = next((row for row in curve if row["cumulative_share"] >= 0.8), curve[-1])
    few = "most frequent one covers" if most["rank"] == 1 else f"<b>{count(most['rank'])}</b> most frequent cover"
    look.line(
        f"<b>{count(number)}</b> {'variant' if number == 1 else 'variants'} among <b>{count(cases)}</b> cases. The {few} "
        f"<b>{share(most['cumulative_share'])}</b> of the cases.",
        note=when,
    )


def cases_of(process: str, variant: dict, frame: Timeframe | None) -> None:
    found = mined.cases_of_variant(process, variant["activities"], frame)
    st.subheader(f"Cases of variant {variant['rank']}", anchor=False)
    more = " The 500 longest are listed." if variant["cases"] > len(found) else ""
    st.caption(
        f"{count(variant['cases'])} cases, {variant['length']} events each, median {duration(variant['median_seconds'])}.{more} "
        "Choose one."
    )
    listed = [
        {
            "Case": row["case_id"],
            "Started": moment(row["started_at"]),
            "Ended": moment(row["ended_at"]),
            "Duration": duration(row["seconds"]),
            "Seconds": row["seconds"],
        }
        for row in found
    ]
    chosen = st.dataframe(
        listed,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"cases_{process}_{variant['rank']}",
        height=300,
    )
    picked = chosen["selection"]["rows"]
    if picked and picked[0] < len(found):
        case_id = found[picked[0]]["case_id"]
        look.line(f"Events of case <b>{safe(case_id)}</b>")
        st.dataframe(mined.events_of_case(process, case_id), hide_index=True, key="events")


about_mined_process(page, title="Variants", kicker="Variants")
