"""Compare: two groups of cases side by side in every measure, what differs most, and whether it may be chance.

What belongs here: choosing the groups and layout. What does not: the groups and their measures (`cohorts`).
"""

from datetime import date
from typing import Any

import streamlit as st

from apps.streamlit import charts, cohorts, contents, filter_bar, look
from apps.streamlit.choices import own_key
from apps.streamlit.cohorts import Cohort
from apps.streamlit.evidence import evidence
from apps.streamlit.exports import Part
from apps.streamlit.filter_forms import NO_VALUE, Offer
from apps.streamlit.pages import View, about_process
from apps.streamlit.reading import noted
from apps.streamlit.wording import count, safe
from lake.errors import GrimoireError

REST, VALUES, PERIODS, STACKS = "These filters and all others", "Two values of an attribute", "Two periods", "A saved view"
ANY_OTHER = "(any other)"
GROUPS = (
    ("The whole", {"cases", "variants", "case seconds", "events per case", "cases with rework", "cases on the happy path",
                   "breaches of", "step seconds"}),
    ("Activities: share of the cases", {"cases with activity"}),
    ("Times between two activities", {"edge seconds"}),
    ("Paths: share of the cases", {"cases with edge"}),
)  # fmt: skip
MOST_ROWS = 12


def page(view: View) -> None:
    pair = groups(view)
    if pair is None:
        return
    try:
        with noted() as asked:
            found = cohorts.compared(pair[0].stack, pair[1].stack, view.definition.definition)
            curves = cohorts.curves(*pair)
    except GrimoireError as error:
        look.guidance("These groups cannot be compared", error.problem, error.remedy)
        return
    says(found, *pair)
    charts.show(curves, charts.done_within(pair[0].name, pair[1].name), key="done_within")
    for title, kinds in GROUPS:
        measures(title, [one for one in found.measures if one.measure in kinds], pair, view)
    with st.container(horizontal=True):
        evidence(asked, key="evidence_compare")
        view.export(
            Part("Measures", cohorts.table(list(found.measures))),
            Part("Done within", curves, charts.done_within(pair[0].name, pair[1].name)),
            kicker="Compare",
        )


def groups(view: View) -> tuple[Cohort, Cohort] | None:
    """The groups that are chosen; None while there is nothing to compare."""
    offer = Offer(view.log, view.as_of)
    ways = [REST, VALUES, PERIODS, STACKS]
    chosen = st.segmented_control(
        "Compare",
        ways,
        default=REST if view.stack else PERIODS,
        required=True,
        key=own_key("compare_by", view.process),
        bind="query-params",
    )
    if chosen == VALUES:
        return values(view, offer)
    if chosen == PERIODS:
        return periods(view)
    if chosen == STACKS:
        return stacks(view)
    if not view.stack:
        look.guidance("No filter is in force", "Add one in the bar above: the cases it keeps are compared with all others.")
        return None
    pair = cohorts.against_rest(view.stack)
    if pair[1].stack == tuple(part for part in view.stack if part.is_of_events):
        look.guidance("Nothing is left to compare with", "The filters only cut events. Add one that chooses cases.")
        return None
    return pair


def values(view: View, offer: Offer) -> tuple[Cohort, Cohort] | None:
    left, middle, right = st.columns(3)
    names = [name for name in offer.columns if name not in {"event_id", "started_at"}]
    if not names:
        look.guidance("No attribute", "The event log has no attribute by which cases could be told apart.")
        return None
    named = [name for name in view.definition.definition.get("case_attributes") or () if name in names]
    column = left.selectbox(
        "Attribute", names, index=names.index(named[-1]) if named else 0, key=own_key("by", view.process), bind="query-params"
    )
    known: dict[str, Any] = {NO_VALUE if row["value"] is None else str(row["value"]): row["value"] for row in offer.values(column)}
    one = middle.selectbox("Cases with", list(known), key=own_key(f"one_{column}", view.process), bind="query-params")
    others = [ANY_OTHER, *(name for name in known if name != one)]
    other = right.selectbox("against cases with", others, key=own_key(f"other_{column}", view.process), bind="query-params")
    if one is None or len(known) < 2:
        look.guidance("Only one value", f"All events have the same {column}. Choose another attribute.")
        return None
    return cohorts.of_values(view.stack, column, known[one], None if other == ANY_OTHER else known[other or ANY_OTHER])


def periods(view: View) -> tuple[Cohort, Cohort] | None:
    first, last = view.kept.first_event, view.kept.last_event
    if first is None or last is None or first.date() == last.date():
        look.guidance("Only one day", "The cases shown all lie within a day; compare values of an attribute instead.")
        return None
    start, end = first.date(), last.date()
    middle = start + (end - start) / 2
    left, right = st.columns(2)
    one = left.date_input(
        "Cases started in",
        (min(end, date.fromordinal(middle.toordinal() + 1)), end),
        start,
        end,
        key=own_key("one", view.process),
        bind="query-params",
    )
    other = right.date_input(
        "against those started in", (start, middle), start, end, key=own_key("other", view.process), bind="query-params"
    )
    if not (isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other) == 2):
        st.caption("Choose the last day, too.")
        return None
    return cohorts.of_periods(view.stack, cohorts.whole_days(*one), cohorts.whole_days(*other))


def stacks(view: View) -> tuple[Cohort, Cohort] | None:
    """The filters in force against those of a saved view of the process."""
    known = cohorts.saved_stacks(view.process, view.as_of)
    if not known:
        look.guidance(
            "No view of this process is saved",
            "Set the filters of the other group, save them as a view in the sidebar, and come back with the filters of this one.",
        )
        return None
    name = st.selectbox(
        "Against the cases of the saved view", list(known), key=own_key("against_view", view.process), bind="query-params"
    )
    return Cohort("The filters in force" if view.stack else "All cases", view.stack), Cohort(f"View {name}", known[name])


def says(found: Any, one: Cohort, other: Cohort) -> None:
    """The groups, what differs most, and what the tests cannot tell."""
    cases = found.of("cases")
    look.line(
        f"<b>A</b>: {safe(one.name)}, <b>{count(cases.a)}</b> cases. <b>B</b>: {safe(other.name)}, <b>{count(cases.b)}</b> cases."
    )
    sentences = "".join(f"<li>{safe(sentence)}</li>" for sentence in cohorts.summary(found))
    st.html(f'<div class="gr-say"><h3>How A differs</h3><ul>{sentences}</ul></div>')
    for warning in cohorts.warnings(found):
        st.warning(warning, icon=":material/help:")
    tested = sum(1 for measure in found.measures if measure.p_value is not None)
    st.caption(
        f"{count(tested)} tests; p-values are corrected for all of them (Holm), at level {found.level:g}: the probability of "
        "any false alarm is at most that. A difference beyond chance need not be caused by what tells the groups apart."
    )


def measures(title: str, found: list[Any], pair: tuple[Cohort, Cohort], view: View) -> None:
    """One table of measures: of the whole all of them, of its parts what differs most."""
    if not found:
        return
    is_whole = title == GROUPS[0][0]
    head, link = st.columns([4, 1.3], vertical_alignment="bottom")
    head.subheader(title, anchor=False)
    if title == GROUPS[3][0] and link.button("On the map", icon=":material/account_tree:", key="to_map", width="stretch"):
        to_map(view, pair)
    shown = cohorts.by_certainty(found)[: len(found) if is_whole else MOST_ROWS]
    cells = [
        [
            safe(cohorts.title(one)),
            cohorts.value(one, one.a),
            cohorts.value(one, one.b),
            cohorts.difference(one),
            cohorts.size(one),
            f"<b>{cohorts.chance(one)}</b>" if one.is_significant else cohorts.chance(one),
        ]
        for one in shown
    ]
    look.table([("", False), ("A", True), ("B", True), ("A against B", True), ("Effect", False), ("Chance?", False)], cells)
    if len(found) > len(shown):
        beyond = sum(1 for one in found if one.is_significant)
        st.caption(f"The {len(shown)} surest of {count(len(found))}; {count(beyond)} differ beyond chance. Export has them all.")


def to_map(view: View, pair: tuple[Cohort, Cohort]) -> None:
    """Opens the map of the first group, coloured by the difference to the second."""
    map_page = contents.entry("process_map")
    filter_bar.put(view.process, tuple(pair[0].stack))
    st.session_state[own_key("kept", view.process)] = pair[1].stack
    st.session_state[own_key("compare", view.process)] = "The cases kept"
    if map_page is not None:
        st.switch_page(map_page.path)


about_process(page, title="Compare", kicker="Compare")
