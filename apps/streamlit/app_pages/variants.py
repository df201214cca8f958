"""Variants: the ways cases run, how many cases each covers, how long they take and whether they fit the model.

What belongs here: the page's layout. What does not: its figures (`mined`) and the list with its chevrons (`variant_list`).
"""

import streamlit as st

from apps.streamlit import charts, look, mined
from apps.streamlit.evidence import evidence
from apps.streamlit.exports import Part
from apps.streamlit.pages import View, about_process
from apps.streamlit.reading import Rows, noted
from apps.streamlit.variant_list.component import activity_colours, variant_list, variant_rows
from apps.streamlit.wording import count, duration, moment, safe, share
from mining.filters import Variants

LISTED = 200


def page(view: View) -> None:
    process, stack, at = view.process, view.stack, view.as_of
    with noted() as asked:
        number, cases = mined.variant_count(process, stack, as_of=at)
        curve = mined.coverage_curve(process, stack, as_of=at)
        listed = mined.variants(process, stack, limit=LISTED, as_of=at)
    says(curve, number, cases)
    charts.show(curve, charts.pareto(), key="pareto")
    colours = activity_colours([activity.activity for activity in mined.activities(process, as_of=at)])
    chosen = variant_list(variant_rows(listed, colours), key=f"variants_{process}", height=min(560, 60 + 46 * len(listed)))
    if number > len(listed):
        st.caption(f"The {len(listed)} most frequent of {number:,} variants are listed.")
    look.as_of(view.log.computed_at, view.log.snapshot_id, what="Mined")
    with st.container(horizontal=True):
        evidence(asked, key="evidence_variants")
        view.export(Part("Coverage", curve, charts.pareto()), Part("Variants", listed), kicker="Variants")
    variant = next((variant for variant in listed if variant["rank"] == chosen), None)
    if variant:
        cases_of(view, variant)
    else:
        st.caption("Click a variant to see its cases.")


def says(curve: Rows, number: int, cases: int) -> None:
    most = next((row for row in curve if row["cumulative_share"] >= 0.8), curve[-1])
    few = "most frequent one covers" if most["rank"] == 1 else f"<b>{count(most['rank'])}</b> most frequent cover"
    look.line(
        f"<b>{count(number)}</b> {'variant' if number == 1 else 'variants'} among <b>{count(cases)}</b> cases. The {few} "
        f"<b>{share(most['cumulative_share'])}</b> of the cases."
    )


def cases_of(view: View, variant: dict) -> None:
    process = view.process
    found = mined.cases_of_variant(process, variant["activities"], view.stack, as_of=view.as_of)
    st.subheader(f"Cases of variant {variant['rank']}", anchor=False)
    left, right, _ = st.columns([1, 1, 3])
    path = (tuple(variant["activities"]),)
    if left.button("Only these cases", icon=":material/filter_alt:", key="only_variant"):
        view.add(Variants(activities=path))
    if right.button("Without these cases", icon=":material/filter_alt_off:", key="without_variant"):
        view.add(Variants(activities=path, keep=False))
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
        st.dataframe(mined.events_of_case(process, case_id, as_of=view.as_of), hide_index=True, key="events")


about_process(page, title="Variants", kicker="Variants")
