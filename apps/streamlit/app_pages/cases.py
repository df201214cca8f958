"""Cases: found by id or attribute, listed page by page, and one of them as a timeline with all the lake knows of it.

What belongs here: the page's layout. What does not: its figures (`case_figures`) and its drawings (`case_timeline`).
"""

from typing import Any

import streamlit as st

from apps.streamlit import case_figures, case_timeline, charts, look, mined
from apps.streamlit import moves as alignment_moves
from apps.streamlit.cards import Card, cards
from apps.streamlit.case_figures import DOWN, SORTS, UP, Case, Search
from apps.streamlit.choices import own_key
from apps.streamlit.evidence import evidence
from apps.streamlit.exports import Part
from apps.streamlit.pages import View, about_process
from apps.streamlit.reading import Rows, noted
from apps.streamlit.variant_list.component import REST, activity_colours
from apps.streamlit.wording import count, duration, moment, plain, safe, share
from mining.filters import Cases

PER_PAGE = 50
FEW_COLUMNS = 4  # attributes shown before anybody has chosen


def page(view: View) -> None:
    chosen = st.query_params.get(own_key("case", view.process))
    if chosen is None:
        listing(view)
    else:
        single(view, chosen)


def listing(view: View) -> None:
    known = case_figures.attributes(view.process, as_of=view.as_of)
    search, columns = form(view, known)
    with noted() as asked:
        number = case_figures.found(view.process, view.stack, search, as_of=view.as_of)
        first = (page_number(view, search, number) - 1) * PER_PAGE
        found = case_figures.page(
            view.process, view.stack, search, columns, limit=PER_PAGE, offset=first, as_of=view.as_of
        )  # fmt: skip
    if not found:
        look.guidance("No case is found", "Search for less, or in another attribute; the filters above apply, too.")
        return
    look.line(
        f"<b>{count(first + 1)}</b> to <b>{count(first + len(found))}</b> of <b>{count(number)}</b> "
        f"{'case' if number == 1 else 'cases'}. Choose one to open it."
    )
    table(view, found, columns)
    with st.container(horizontal=True):
        evidence(asked, key="evidence_cases")
        view.export(Part("Cases", found), kicker="Cases")


def form(view: View, known: list[str]) -> tuple[Search, list[str]]:
    """What to list, as the widgets say."""
    process = view.process
    words, where, sort, shown = st.columns([2, 1.2, 1.4, 2.4], vertical_alignment="bottom")
    sorts = [*SORTS, *(f"{name} {way}" for name in known for way in (UP, DOWN))]
    said = words.text_input("Find", placeholder="Part of a case id or value", key=own_key("find", process), bind="query-params")
    column = where.selectbox("In", ["case id", *known], key=own_key("find_in", process), bind="query-params")
    order = sort.selectbox("Sort", sorts, key=own_key("sort", process), bind="query-params")
    columns = shown.multiselect("Attributes", known, default=at_first(view, known), key=own_key("columns", process))
    return Search((said or "").strip(), None if column == "case id" else column, order or next(iter(SORTS))), columns


def at_first(view: View, known: list[str]) -> list[str]:
    """Attributes shown before anybody has chosen: of the case, as the definition names them, or else the log's first."""
    named = [name for name in view.definition.definition.get("case_attributes") or () if name in known]
    return (named or [name for name in known if name not in {"event_id", "started_at"}])[:FEW_COLUMNS]


def page_number(view: View, search: Search, number: int) -> int:
    """The page of the list that is chosen; the first one whenever something else is listed."""
    pages = max(1, -(-number // PER_PAGE))
    if pages == 1:
        return 1
    key = f"page_{view.process}_{hash((search, view.stack, view.as_of))}"
    asked = st.number_input(f"Page, of {count(pages)}", min_value=1, max_value=pages, step=1, key=key, width=190)
    return int(asked or 1)


def table(view: View, found: Rows, columns: list[str]) -> None:
    listed = [
        {
            "Case": row["case_id"],
            "Started": moment(row["started_at"]),
            "Ended": moment(row["ended_at"]),
            "Duration": duration(row["seconds"]),
            "Events": row["events"],
            **{name: shown(row.get(name)) for name in columns},
        }
        for row in found
    ]
    opened = st.session_state.setdefault("cases_opened", 0)
    key = f"cases_{view.process}_{opened}"  # another one when one comes back, or the choice would open it again
    picked = st.dataframe(listed, hide_index=True, on_select="rerun", selection_mode="single-row", key=key, height=560)
    places = picked["selection"]["rows"]
    if places and places[0] < len(found):
        st.session_state["cases_opened"] = opened + 1
        st.query_params[own_key("case", view.process)] = found[places[0]]["case_id"]
        st.rerun(scope="fragment")


def shown(value: Any) -> Any:
    """A value as a table can hold it beside others of its column."""
    return value if value is None or isinstance(value, int | float | str | bool) else str(value)


def single(view: View, case_id: str) -> None:
    with noted() as asked:
        case = case_figures.case(view.process, case_id, view.stack, as_of=view.as_of)
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("All cases", icon=":material/arrow_back:", key="back_to_cases"):
            del st.query_params[own_key("case", view.process)]
            st.rerun(scope="fragment")
        if case and st.button("Only this case", icon=":material/filter_alt:", key="only_case"):
            view.add(Cases((case_id,)))
    if case is None:
        look.guidance("There is no such case", f"The log of {view.title} has no case “{case_id}” at this time.")
        return
    st.subheader(plain(case_id) if case_id.lower().startswith("case") else f"Case {plain(case_id)}", anchor=False)
    if not case.is_kept:
        st.caption("The filters above do not keep this case; it is shown with all its events.")
    st.html(cards(facts(view, case)))
    points = timeline(view, case)
    events = events_table(case)
    alignment(case)
    particulars(case)
    sources(view, case)
    with st.container(horizontal=True):
        evidence(asked, key="evidence_case")
        lanes = len({point["lane"] for point in points})
        chart = case_timeline.chart(lanes, one_moment=case.seconds < 60)
        view.export(Part("Timeline", points, chart), Part("Events", events), kicker="Case")


def facts(view: View, case: Case) -> list[Card]:
    """The case in figures, each beside what the filtered log has."""
    kept = view.kept
    median = f"median of the cases shown {duration(kept.median_case_seconds)}"
    found = [
        Card("Duration", duration(case.seconds), against=median),
        Card("Events", count(case.number_of_events), against=f"of {count(len(set(case.path)))} activities"),
    ]
    if case.rank is not None:
        same = f"{count(case.variant_cases)} of {count(view.log.cases)} cases run like it"
        found.append(Card("Variant", f"{case.rank}", against=same))
    if case.objects:
        kinds = {link["object_type"] for link in case.objects}
        number = len({link["object_id"] for link in case.objects})
        found.append(Card("Objects", count(number), against=f"of {count(len(kinds))} types"))
    if case.alignment and case.alignment["fitness"] is not None:
        wrong = sum(1 for kind, name in moves(case) if kind != "both" and name)
        words = "as the model says" if not wrong else f"{wrong} {'deviation' if wrong == 1 else 'deviations'} from the model"
        found.append(Card("Fitness", share(case.alignment["fitness"]), against=words))
    return found


def moves(case: Case) -> list[tuple[str, str]]:
    """The moves of the alignment: kind and activity, without the model's steps that have no name."""
    found = case.alignment or {}
    all_moves = zip(found.get("move_kinds") or [], found.get("move_activities") or [], strict=True)
    return [(kind, activity) for kind, activity in all_moves if activity]


def timeline(view: View, case: Case) -> Rows:
    """The case along time, to scale; returns what is drawn."""
    colours = activity_colours([activity.activity for activity in mined.activities(view.process, as_of=view.as_of)])
    points, left_out = case_timeline.rows_of(case, colours, REST)
    lanes = len({point["lane"] for point in points})
    st.html(case_timeline.legend(case, colours))
    charts.show(points, case_timeline.chart(lanes, one_moment=case.seconds < 60), key="case_timeline")
    said = "Time is to scale, in UTC; the longest waits are gold."
    more = f" {count(left_out)} more objects have no lane." if left_out else ""
    cut = f" The first {count(len(case.events))} events are shown." if case.number_of_events > len(case.events) else ""
    st.caption(f"{said} One lane is the case, the others are its objects.{more}{cut}" if lanes > 1 else f"{said}{cut}")
    return points


def events_table(case: Case) -> Rows:
    objects: dict[str, list[str]] = {}
    for link in case.objects:
        objects.setdefault(link["event_id"], []).append(link["object_id"])
    constant = set(case.constant)
    names = [name for name in case.events[0] if name not in {"activity", "occurred_at", "source_row", "resource", *constant}]
    varying = [name for name in names if any(event[name] is not None for event in case.events)]
    has_people = any(event.get("resource") is not None for event in case.events)
    listed = [
        {
            "#": number,
            "When": moment(event["occurred_at"]),
            "Activity": event["activity"],
            "After": duration(gap),
            **({"By": event["resource"]} if has_people else {}),
            **({"Objects": ", ".join(objects.get(event["event_id"], []))} if objects else {}),
            **{name: shown(event[name]) for name in varying},
        }
        for number, (event, gap) in enumerate(zip(case.events, case.gaps, strict=True), start=1)
    ]
    st.dataframe(listed, hide_index=True, key="case_events", height="content" if len(listed) <= 16 else 560)
    return listed


def alignment(case: Case) -> None:
    """How the case runs against the model, and which of its deviations others have too."""
    if case.alignment is None and not case.deviations:
        return
    st.subheader("Against the model", anchor=False)
    if case.alignment and moves(case):
        st.html(alignment_moves.picture(moves(case)) + alignment_moves.legend(moves(case)))
    elif case.alignment:
        st.caption(f"The alignment was not finished: {case.alignment['status']}.")
    if case.deviations:
        told = [
            [
                safe(row["kind"]),
                safe(row["activity"]),
                safe(row["after_activity"]),
                f"{count(row['cases'])} ({share(row['share'])})",
                "accepted" if row["is_accepted"] else "",
            ]
            for row in case.deviations
        ]
        look.table([("Deviation", False), ("Activity", False), ("After", False), ("Cases that have it", True), ("", False)], told)


def particulars(case: Case) -> None:
    if not case.constant and not case.objects:
        return
    left, right = st.columns(2, gap="large")
    if case.constant:
        left.subheader("Attributes", anchor=False)
        with left:
            look.table([("", False), ("", False)], [[safe(name), safe(shown(value))] for name, value in case.constant.items()])
    if case.objects:
        right.subheader("Objects", anchor=False)
        number: dict[tuple[str, str], int] = {}
        for link in case.objects:
            number[link["object_type"], link["object_id"]] = number.get((link["object_type"], link["object_id"]), 0) + 1
        with right:
            cells = [[safe(kind), safe(name), count(events)] for (kind, name), events in number.items()]
            look.table([("Type", False), ("Object", False), ("Events here", True)], cells)


def sources(view: View, case: Case) -> None:
    """The landed rows behind the events; they are looked for when they are asked for."""
    where = st.expander("The rows these events were made of", icon=":material/table_rows:", key="case_sources", on_change="rerun")
    if not where.open:
        return
    with where:
        parts = case_figures.source_rows(view.process, case.events, as_of=view.as_of)
        if not parts:
            st.caption("The event log does not say which landed rows its events were made of.")
        for table_, found, hidden in parts:
            masked = f" Masked: {', '.join(hidden)}." if hidden else ""
            st.caption(f"`{table_.key}`: {count(len(found))} {'row' if len(found) == 1 else 'rows'}.{masked}")
            st.dataframe([{name: shown(value) for name, value in row.items()} for row in found], hide_index=True, key=table_.key)


about_process(page, title="Cases", kicker="Cases")
