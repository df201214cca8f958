"""Conformance: how well the process fits a model or its rules, what deviates, what that costs, and every case's alignment.

What belongs here: the page's layout. What does not: its figures (`conformed`, `analysed`) and the alignment's picture (`moves`).
"""

from typing import TYPE_CHECKING

import streamlit as st

from apps.streamlit import analysed, charts, conformed, look, mined, moves, process_charts
from apps.streamlit.cards import Card, cards
from apps.streamlit.choices import own_key
from apps.streamlit.conformed import Aligned, Held
from apps.streamlit.evidence import evidence
from apps.streamlit.pages import View, about_process
from apps.streamlit.reading import Rows, noted
from apps.streamlit.within_address import only_these
from apps.streamlit.wording import NOTHING, count, duration, number, plain, safe, share
from lake.errors import GrimoireError
from mining.filters import Cases, Variants

if TYPE_CHECKING:
    from mining.petri_net import PetriNet

OWN, PATH, BROUGHT, RULES = "model", "path", "file", "rules"
AGAINST = {OWN: "Discovered model", PATH: "Target path", BROUGHT: "A model of mine", RULES: "Rules"}
BY = {"time": "Time", "money": "Money", "cases": "Cases"}
LISTED, LISTED_DEVIATIONS, LISTED_CASES = 300, 200, 500


def page(view: View) -> None:
    offered = [key for key in AGAINST if key != PATH or view.definition.definition.get("happy_path")]
    chosen = st.segmented_control(
        "Held against",
        offered,
        default=OWN,
        required=True,
        format_func=AGAINST.__getitem__,
        key=own_key("against", view.process),
        bind="query-params",
    )
    with noted() as asked:
        try:
            if chosen == RULES:
                rules(view)
            else:
                against_a_model(view, chosen or OWN)
        except GrimoireError as error:
            look.guidance("This cannot be held against the process", error.problem, error.remedy)
    look.as_of(view.log.computed_at, view.log.snapshot_id, what="Mined")
    evidence(asked, key="evidence_conformance")


def against_a_model(view: View, which: str) -> None:
    found = held(view, which)
    if found is None:
        return
    figures(found)
    unfinished(view, found, which)
    model_says(found)
    st.subheader("Deviations", anchor=False)
    deviations(view, found)
    st.subheader("Alignments", anchor=False)
    alignments(view, found)


def held(view: View, which: str) -> Held | None:
    """The log against the chosen model; None where there is none yet, and the page has said what to do."""
    if which == OWN and not view.stack and not is_longer(view, which):
        as_mined = conformed.own(view)
        if as_mined is not None:
            return as_mined
    net, name = model(view, which)
    if net is None and which == BROUGHT:
        return None
    bar = st.progress(0.0, "Holding the log against the model …")

    def progress(what: str, done: float) -> None:
        bar.progress(min(done, 1.0), what)

    seconds = conformed.LONGER if is_longer(view, which) else conformed.SECONDS
    try:
        return conformed.held(view, net, name=name, seconds=seconds, progress=progress)
    finally:
        bar.empty()


def model(view: View, which: str) -> "tuple[PetriNet | None, str]":
    """The net to hold the log against, and what it is called; None for the process's own."""
    from mining.model_files import read_model, sequence_net

    if which == PATH:
        path = view.definition.definition["happy_path"]
        st.caption(plain(f"The definition's path: {' → '.join(path)}"))
        return sequence_net(path), "the target path"
    if which == BROUGHT:
        file = st.file_uploader("A BPMN or PNML file", type=["bpmn", "pnml", "xml"], key=own_key("model_file", view.process))
        if file is None:
            look.guidance(
                "No model yet",
                "Choose a BPMN 2.0 or PNML file. Its tasks must be called as the log's activities are.",
                "It is read for this visit only.",
            )
            return None, ""
        return read_model(file.getvalue(), name=file.name), file.name
    return None, f"the model of {view.process}"


def is_longer(view: View, which: str) -> bool:
    """Whether a person has asked for a longer search."""
    return st.session_state.get(f"longer_{view.process}_{which}", False)


def figures(found: Held) -> None:
    told = found.figures
    accepted = told.get("fitness_after_accepted"), told.get("fitting_after_accepted")
    shown = [
        Card(
            "Average fitness",
            share(told["average_fitness"]),
            against=_after(accepted[0], told["average_fitness"]) or "of a case; exact, by alignments",
        ),
        Card(
            "Cases that fit exactly",
            share(told["perfectly_fitting"]),
            against=_after(accepted[1], told["perfectly_fitting"]) or f"of {count(told['cases'] - told['cases_unfinished'])} cases",
        ),
        Card("Kinds of deviation", count(len(found.deviations)), against=f"among {count(len(found.variants))} variants"),
    ]
    left, right = st.columns([2, 1], gap="large", vertical_alignment="center")
    left.html(cards(shown))
    points = conformed.distribution(found.variants)
    labels = [{**row, "label": "exact" if row["is_exact"] else f"{row['low']:.0%} to {row['high']:.0%}"} for row in points]
    with right:
        charts.show(labels, process_charts.fitness(), key="fitness")


def _after(value: float | None, before: float | None) -> str:
    return f"{share(value)} once accepted deviations do not count" if value is not None and value != before else ""


def unfinished(view: View, found: Held, which: str) -> None:
    """What the search did not reach, said where the figures stand."""
    left = found.figures["variants_unfinished"]
    if not left:
        return
    st.warning(
        f"Not finished: {count(left)} of {count(len(found.variants))} variants ({count(found.figures['cases_unfinished'])} cases) "
        "were not aligned within the bound. Every figure here is of the others.",
        icon=":material/hourglass_empty:",
    )
    if not is_longer(view, which) and st.button("Search for longer", icon=":material/more_time:", key="longer"):
        st.session_state[f"longer_{view.process}_{which}"] = True
        st.rerun()


def model_says(found: Held) -> None:
    """What is wrong with the model itself, and which names do not meet."""
    for problem in found.problems:
        st.warning(plain(problem), icon=":material/rule:")
    for names, words in (
        (found.only_in_model, "The log has no activity"),
        (found.only_in_log, "The model does not know"),
    ):
        if names:
            more = f" and {len(names) - 8} more" if len(names) > 8 else ""
            st.caption(plain(f"{words} {', '.join(names[:8])}{more}."))


def deviations(view: View, found: Held) -> None:
    if not found.deviations:
        st.caption("No case deviates: every one that was aligned does what the model can do.")
        return
    has_money = any(row["cost"] is not None for row in found.deviations)
    by = st.segmented_control(
        "Ranked by",
        [key for key in BY if key != "money" or has_money],
        default="time",
        required=True,
        format_func=BY.__getitem__,
        key="ranked_by",
        help="Time: how much longer the median case with it takes than one without, times its cases. "
        "It does not say what causes what.",
    )
    ranked = conformed.ranked(found.deviations, by or "time")[:LISTED_DEVIATIONS]
    if not has_money:
        st.caption("Money is not told: the process definition names no `costs`.")
    chosen = st.dataframe(
        [_deviation(row) for row in ranked],
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=own_key(f"deviations_{by}", view.process),
        height=min(420, 38 + 35 * len(ranked)),
        column_config={
            "Share": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
            "Cases": st.column_config.NumberColumn(format="localized"),
        },
    )
    picked = chosen["selection"]["rows"]
    if not picked or picked[0] >= len(ranked):
        st.caption("Choose a deviation to filter to its cases.")
        return
    row = ranked[picked[0]]
    look.line(f"<b>{safe(_name(row))}</b>: {count(row['cases'])} cases in {count(len(row['variants']))} variants.")
    by_place = {one.number: one for one in found.variants}
    having = sorted((by_place[place] for place in row["variants"]), key=lambda one: -one.cases)
    paths = [one.activities for one in having]
    only_these(view, paths, lambda some: Variants(activities=some), what="variants", key="only_deviation")
    drawn(having[0], f"Its most frequent variant, {count(having[0].cases)} cases")


def _deviation(row: dict) -> dict[str, object]:
    cost = conformed.cost_of(row, "time")
    longer = None if row["median_seconds_with"] is None or row["median_seconds_without"] is None else cost / row["cases"]
    told = {
        "What": row["kind"],
        "Activity": row["activity"],
        "After": row["after_activity"] or "(start)",
        "Cases": row["cases"],
        "Share": row["share"],
        "Longer by": NOTHING if longer is None else duration(longer),
        "In all": NOTHING if cost is None else duration(cost),
    }
    money = {} if row["cost"] is None else {"Money": number(row["cost"])}
    return {**told, **money, "Accepted": "yes" if row["is_accepted"] else ""}


def _name(row: dict) -> str:
    return f"{row['kind']} {row['activity']} after {row['after_activity'] or 'the start'}"


def alignments(view: View, found: Held) -> None:
    """Variants and cases against the model; the chosen one is drawn."""
    case_id = st.text_input("A case", placeholder="Its id, or choose a variant below", key=own_key("aligned_case", view.process))
    if case_id:
        of_case(view, found, case_id.strip())
        return
    worst = st.toggle("Worst first", key="worst_first")
    listed = sorted(found.variants, key=lambda one: (one.fitness is None, one.fitness)) if worst else found.variants
    listed = listed[:LISTED]
    chosen = st.dataframe(
        [
            {
                "Variant": one.number,
                "Cases": one.cases,
                "Events": len(one.activities),
                "Fitness": one.fitness,
                "Deviating moves": one.cost,
                "Search": one.status,
            }
            for one in listed
        ],
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=own_key(f"aligned_{worst}", view.process),
        height=min(300, 38 + 35 * len(listed)),
        column_config={"Fitness": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)},
    )
    if len(found.variants) > LISTED:
        st.caption(f"{LISTED} of {count(len(found.variants))} variants are listed.")
    picked = chosen["selection"]["rows"]
    first = next((one for one in listed if one.cost), listed[0])  # one that deviates shows what an alignment is
    one = listed[picked[0]] if picked and picked[0] < len(listed) else first
    drawn(one, f"Variant {one.number}, {count(one.cases)} cases")


def of_case(view: View, found: Held, case_id: str) -> None:
    path = mined.path_of_case(view.process, case_id, view.stack, as_of=view.as_of)
    one = next((one for one in found.variants if one.activities == path), None)
    if one is None:
        look.guidance("No such case", f"No case “{case_id}” is among those the filters keep.", "Ids are case-sensitive.")
        return
    drawn(one, f"Case {case_id}, variant {one.number}")


def drawn(one: Aligned, title: str) -> None:
    if one.cost is None:
        look.line(f"<b>{safe(title)}</b>: {safe(one.status)}, so no alignment can be shown.")
        return
    look.line(f"<b>{safe(title)}</b>: fitness {share(one.fitness)}, {count(one.cost)} deviating moves.")
    st.html(moves.legend(one.moves) + moves.picture(one.moves))
    if len(one.moves) > moves.MOST_MOVES:
        st.caption(f"The first {moves.MOST_MOVES} of {len(one.moves):,} moves are drawn.")


def rules(view: View) -> None:
    """The definition's rules and process tests, each with passed or breached and its cases."""
    found = analysed.table(view, "rule_results")
    if not found:
        look.guidance(
            "This process has no rules",
            "Its definition says none. Write them under `rules`, each a sentence such as “Confirm Order precedes Ship Goods”; "
            "with a `threshold` a rule becomes a test that can fail a run.",
        )
        return
    tests = [row for row in found if row["is_passed"] is not None]
    broken = [row for row in found if row["cases_violating"]]
    judged = sum(row["is_passed"] for row in tests)
    of_tests = ((judged, "tests passed", "good"), (len(tests) - judged, "tests breached", "bad")) if tests else ()
    look.badges(
        *of_tests,
        (len(found) - len(broken), "rules kept by every case", "good"),
        (len(broken), "rules broken by some", "warn"),
    )
    ordered = sorted(found, key=lambda row: (row["is_passed"] is not False, -(row["share"] or 0)))
    chosen = st.dataframe(
        [_rule(row) for row in ordered],
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=own_key("rules", view.process),
        height=min(460, 38 + 35 * len(ordered)),
        column_config={
            "Broken": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
            "Rule": st.column_config.TextColumn(width="large"),
            "Test": st.column_config.TextColumn(width="medium"),
        },
    )
    picked = chosen["selection"]["rows"]
    if picked and picked[0] < len(ordered):
        breaching(view, ordered[picked[0]])
    else:
        st.caption("Choose a rule for the cases that break it.")


def _rule(row: dict) -> dict[str, object]:
    result = {True: "passed", False: "breached"}.get(row["is_passed"], "kept" if not row["cases_violating"] else "broken")
    return {
        "Rule": row["rule"],
        "Result": result if row["cases_checked"] else "about no case",
        "Cases": row["cases_checked"],
        "Breaking it": row["cases_violating"],
        "Broken": row["share"],
        "Times": row["violations"],
        "Test": f"{row['severity']} above {row['threshold']}" if row["threshold"] else "",
        "Remark": row["remark"] or "",
    }


def breaching(view: View, row: dict) -> None:
    if not row["cases_violating"]:
        st.caption("No case breaks it.")
        return
    found: Rows = analysed.analyse(view, "violating_cases", rule=row["rule"])
    look.line(f"<b>{count(len(found))}</b> cases break “{safe(row['rule'])}”, the worst first.")
    only_these(view, [one["case_id"] for one in found], lambda some: Cases(some), what="cases", key="only_breaching")
    st.dataframe(
        [{"Case": one["case_id"], "Times": one["violations"]} for one in found[:LISTED_CASES]],
        hide_index=True,
        key="breaching",
        height=min(300, 38 + 35 * len(found)),
    )


about_process(page, title="Conformance", kicker="Conformance")
