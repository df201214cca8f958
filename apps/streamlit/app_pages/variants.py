"""Variants: the ways cases run, how many cases each covers, how long they take and whether they fit the model.

What belongs here: the page's layout. What does not: its figures (`mined`) and the list with its chevrons (`variant_list`).
"""

from difflib import SequenceMatcher
from typing import Any

import streamlit as st

from apps.streamlit import case_timeline, charts, cohorts, contents, look, mined
from apps.streamlit.choices import own_key
from apps.streamlit.evidence import evidence
from apps.streamlit.exports import Part
from apps.streamlit.pages import View, about_process
from apps.streamlit.reading import Rows, noted
from apps.streamlit.variant_list.component import activity_colours, variant_list, variant_rows
from apps.streamlit.wording import count, duration, moment, safe, share
from mining.filters import Variants

PER_PAGE = 100


def page(view: View) -> None:
    process, stack, at = view.process, view.stack, view.as_of
    with noted() as asked:
        number, cases = mined.variant_count(process, stack, as_of=at)
        curve = mined.coverage_curve(process, stack, as_of=at)
    says(view, curve, number, cases)
    charts.show(curve, charts.pareto(), key="pareto")
    with noted() as asked_list:
        listed, key = listing(view)
    if not listed:
        look.guidance("No variant has all of these activities", "Take one of them out of the search.")
        return
    colours = activity_colours([activity.activity for activity in mined.activities(process, as_of=at)])
    ranks = variant_list(variant_rows(listed, colours), key=key, height=min(560, 60 + 46 * len(listed)))
    look.as_of(view.log.computed_at, view.log.snapshot_id, what="Mined")
    with st.container(horizontal=True):
        evidence([*asked, *asked_list], key="evidence_variants")
        view.export(Part("Coverage", curve, charts.pareto()), Part("Variants", listed), kicker="Variants")
    by_rank = {variant["rank"]: variant for variant in listed}
    chosen = [by_rank[rank] for rank in ranks if rank in by_rank]
    if not chosen:
        st.caption("Click a variant to see its cases, two to compare them, several to filter by them.")
        return
    choose(view, chosen)
    if len(chosen) == 1:
        cases_of(view, chosen[0])
    elif len(chosen) == 2:
        side_by_side(view, *chosen)


def says(view: View, curve: Rows, number: int, cases: int) -> None:
    """How many variants cover how much, and how many cases keep to the happy path."""
    most = next((row for row in curve if row["cumulative_share"] >= 0.8), curve[-1])
    few = "most frequent one covers" if most["rank"] == 1 else f"<b>{count(most['rank'])}</b> most frequent cover"
    look.line(
        f"<b>{count(number)}</b> {'variant' if number == 1 else 'variants'} among <b>{count(cases)}</b> cases. The {few} "
        f"<b>{share(most['cumulative_share'])}</b> of the cases."
    )
    path = [str(name) for name in view.definition.definition.get("happy_path") or ()]
    if not path:
        return
    happy = mined.variant(view.process, path, view.stack, as_of=view.as_of)
    if happy is None:
        look.line("No case runs exactly along the happy path that the process's definition names.")
        return
    look.line(
        f"<b>{share(happy['share'])}</b> of the cases run exactly along the happy path: {count(happy['cases'])} cases, median "
        f"{duration(happy['median_seconds'])}, variant {count(happy['rank'])}."
    )


def listing(view: View) -> tuple[Rows, str]:
    """The page of the list that is chosen, and a key that is another one for another list."""
    process, stack, at = view.process, view.stack, view.as_of
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    names = [activity.activity for activity in mined.activities(process, as_of=at)]
    holding = tuple(
        left.multiselect("With all of", names, placeholder="Search by activity", key=own_key("variants_with", process)) or ()
    )
    number, cases = mined.variant_count(process, stack, holding=holding, as_of=at)
    pages = max(1, -(-number // PER_PAGE))
    sign = f"{process}_{abs(hash((tuple(stack), at, holding)))}".replace("__", "-")
    first = 0
    if pages > 1:
        asked = right.number_input(f"Page, of {count(pages)}", 1, pages, step=1, key=f"variants_page_{sign}")
        first = (int(asked or 1) - 1) * PER_PAGE
    listed = mined.variants(process, stack, limit=PER_PAGE, offset=first, holding=holding, as_of=at)
    if holding:
        st.caption(f"{count(number)} variants with {count(cases)} cases have them.")
    elif pages > 1:
        st.caption(f"Variants {count(first + 1)} to {count(first + len(listed))} of {count(number)}, the most frequent first.")
    return listed, f"variants_{sign}_{first}"


def choose(view: View, chosen: list[dict[str, Any]]) -> None:
    """What is chosen, and the filters that can be made of it."""
    title = f"Variant {chosen[0]['rank']}" if len(chosen) == 1 else f"{len(chosen)} variants"
    st.subheader(title, anchor=False)
    paths = tuple(tuple(variant["activities"]) for variant in chosen)
    with st.container(horizontal=True):
        if st.button("Only these cases", icon=":material/filter_alt:", key="only_variant"):
            view.add(Variants(activities=paths))
        if st.button("Without these cases", icon=":material/filter_alt_off:", key="without_variant"):
            view.add(Variants(activities=paths, keep=False))
    if len(chosen) > 2:
        cases = sum(variant["cases"] for variant in chosen)
        st.caption(f"Together {count(cases)} cases, {share(cases / view.kept.cases if view.kept.cases else None)} of those shown.")


def cases_of(view: View, variant: dict[str, Any]) -> None:
    process = view.process
    found = mined.cases_of_variant(process, variant["activities"], view.stack, as_of=view.as_of)
    more = " The 500 longest are listed." if variant["cases"] > len(found) else ""
    st.caption(
        f"{count(variant['cases'])} cases, {variant['length']} events each, median {duration(variant['median_seconds'])}.{more} "
        "Choose one to open it."
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
    opened = st.session_state.setdefault("variant_cases_opened", 0)
    key = f"cases_{process}_{variant['rank']}_{opened}"
    chosen = st.dataframe(listed, hide_index=True, on_select="rerun", selection_mode="single-row", key=key, height=300)
    picked, cases_page = chosen["selection"]["rows"], contents.entry("cases")
    if picked and picked[0] < len(found) and cases_page is not None:
        st.session_state["variant_cases_opened"] = opened + 1  # or coming back would open it again
        st.switch_page(cases_page.path, query_params={own_key("case", process): found[picked[0]]["case_id"]})


def side_by_side(view: View, one: dict[str, Any], other: dict[str, Any]) -> None:
    """Two variants: what only one of them does, and their figures."""
    match = SequenceMatcher(None, one["activities"], other["activities"], autojunk=False)
    for variant, only in ((one, "delete"), (other, "insert")):
        st.html(f'<div class="gr-asof">Variant {variant["rank"]}; what only it does is red.</div>')
        moves: list[tuple[str, str]] = []
        for kind, a, b, c, d in match.get_opcodes():
            part = one["activities"][a:b] if only == "delete" else other["activities"][c:d]
            moves += [("both" if kind == "equal" else "log", name) for name in part]
        st.html(case_timeline.chevrons(moves))
    times = (
        view.stack.changed((*view.stack, Variants(activities=(tuple(one["activities"]),)))),
        view.stack.changed((*view.stack, Variants(activities=(tuple(other["activities"]),)))),
    )
    whole = cohorts.compared(*times, {}).of("case seconds")
    facts = (
        ("Cases", lambda v: f"{count(v['cases'])} ({share(v['share'])})"),
        ("Events", lambda v: count(v["length"])),
        ("Median duration", lambda v: duration(v["median_seconds"])),
        ("Mean duration", lambda v: duration(v["mean_seconds"])),
        ("Fitness", lambda v: share(v["fitness"])),
    )
    look.table(
        [("", False), (f"Variant {one['rank']}", True), (f"Variant {other['rank']}", True)],
        [[safe(title), safe(words(one)), safe(words(other))] for title, words in facts],
    )
    st.caption(f"Do their durations differ? {cohorts.chance(whole)}, {cohorts.size(whole)} effect ({whole.test or 'no test'}).")


about_process(page, title="Variants", kicker="Variants")
