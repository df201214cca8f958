"""People: who hands work to whom, who works with whom, workload, roles, and duties that should be separate and were not.

What belongs here: the page's layout. What does not: its figures (`analysed`) and the graph (`people_graph`).
"""

from collections.abc import Callable

import streamlit as st

from apps.streamlit import analysed, charts, filter_bar, look, people_graph, process_charts
from apps.streamlit.asking import ask
from apps.streamlit.cards import Card, cards
from apps.streamlit.choices import own_key
from apps.streamlit.evidence import evidence
from apps.streamlit.pages import View, about_process
from apps.streamlit.process_map.component import process_map
from apps.streamlit.reading import Rows, noted
from apps.streamlit.wording import NOTHING, count, duration, safe, share, shortened
from lake.errors import GrimoireError
from mining.filters import Attribute, FourEyes

READABLE_PEOPLE = 15
SHOWN_PEOPLE = 25  # rows of the workload's picture
LISTED = 300


def page(view: View) -> None:
    with noted() as asked:
        try:
            found = analysed.table(view, "resources")
            if any(row["resource"] is not None for row in found):
                of_people(view, found)
            else:
                nobody()
        except GrimoireError as error:
            look.guidance("This cannot be told of the process", error.problem, error.remedy)
    look.as_of(view.log.computed_at, view.log.snapshot_id, what="Mined")
    evidence(asked, key="evidence_people")


def nobody() -> None:
    look.guidance(
        "This log names nobody",
        "No event that the filters keep says who did it, so there is nothing to tell of people.",
        "An imported file tells it by a column:",
        commands=("grimoire import FILE --resource COLUMN",),
    )


def of_people(view: View, found: Rows) -> None:
    size(found)
    part = st.segmented_control(
        "Look at",
        list(PARTS),
        default="handovers",
        required=True,
        format_func=lambda key: PARTS[key][0],
        key="people_part",
        bind="query-params",
    )
    PARTS[part or "handovers"][1](view, found)


def size(found: Rows) -> None:
    named = [row for row in found if row["resource"] is not None]
    without = sum(row["events"] for row in found if row["resource"] is None)
    events = sum(row["events"] for row in found)
    busiest = max(named, key=lambda row: row["events"])
    used = [row["utilisation"] for row in named if row["utilisation"] is not None]
    shown = [
        Card("Resources", count(len(named)), against="people, teams or machines, as the log names them"),
        Card("Busiest", shortened(busiest["resource"], letters=24), against=f"{share(busiest['share'])} of all events"),
        Card("Events that name nobody", count(without), against=f"{share(without / events)} of {count(events)}"),
    ]
    if used:
        shown.append(
            Card("Mean utilisation", share(sum(used) / len(used)), against="of the working time between first and last event")
        )
    st.html(cards(shown))


def handovers(view: View, found: Rows) -> None:
    given = analysed.table(view, "handovers")
    named = sum(row["resource"] is not None for row in found)
    most = min(named, people_graph.MOST_PEOPLE)
    number = (
        st.slider(
            "People shown, the busiest first", 2, most, min(READABLE_PEOPLE, most), key=own_key("people", view.process), width=520
        )
        if most > 2
        else most
    )
    shown = people_graph.network(found, given, people=number)
    look.line(
        f"<b>{len(shown.people)}</b> of {count(named)} resources and <b>{len(shown.handovers)}</b> handovers among them: "
        f"<b>{share(shown.share)}</b> of all work that changes hands."
        + (f" Of the {count(len(given))} most frequent pairs." if len(given) >= 1000 else "")
    )
    left, right = st.columns([3, 1.25], gap="medium")
    with left:
        clicked = process_map(people_graph.picture(shown, name=view.process), key=f"handovers_{view.process}", height=620)
    with right:
        if clicked and clicked["kind"] == "activity":
            of_one(view, clicked["id"], found, given)
        elif clicked:
            of_pair(view, clicked["id"], given)
        else:
            busiest(given)
    over = sum(row["passed_over"] for row in given)
    if over:
        st.caption(f"{count(over)} events between them name nobody and are passed over.")


def busiest(given: Rows) -> None:
    """The most frequent handovers, where nothing is clicked."""
    st.html('<div class="gr-side"><span class="gr-asof">Click a person or an arrow</span><h3>Most handovers</h3></div>')
    others = sorted((row for row in given if row["source"] != row["target"]), key=lambda row: -row["handovers"])[:8]
    if not others:
        st.caption("Nobody hands work to anybody.")
        return
    look.bars(
        [
            (
                f"{row['source']} → {row['target']}",
                row["handovers"] / others[0]["handovers"],
                f"{count(row['handovers'])} times",
                f"mean {duration(row['mean_seconds'])}",
            )
            for row in others
        ]
    )


def of_one(view: View, who: str, found: Rows, given: Rows) -> None:
    row = next((row for row in found if row["resource"] == who), None)
    if row is None:
        busiest(given)
        return
    st.html(f'<div class="gr-side"><span class="gr-asof">Resource</span><h3>{safe(who)}</h3></div>')
    kept = sum(one["handovers"] for one in given if one["source"] == who == one["target"])
    gives = sum(one["handovers"] for one in given if one["source"] == who != one["target"])
    gets = sum(one["handovers"] for one in given if one["target"] == who != one["source"])
    facts = (
        ("Events", count(row["events"])),
        ("Cases", count(row["cases"])),
        ("Activities", count(row["activities"])),
        ("Hands over", count(gives)),
        ("Gets", count(gets)),
        ("Goes on itself", count(kept)),
        ("Days with an event", count(row["active_days"])),
    )
    look.table([("", False), ("", True)], [[safe(what), safe(value)] for what, value in facts])
    if st.button("Only cases with them", icon=":material/filter_alt:", key="with_person"):
        view.add(Attribute("resource", (who,)))


def of_pair(view: View, key: str, given: Rows) -> None:
    source, _, target = key.partition("\x1f")
    row = next((row for row in given if (row["source"], row["target"]) == (source, target)), None)
    if row is None:
        busiest(given)
        return
    st.html(f'<div class="gr-side"><span class="gr-asof">Handover</span><h3>{safe(source)} → {safe(target)}</h3></div>')
    facts = (
        ("Times", count(row["handovers"])),
        ("Cases", count(row["cases"])),
        ("Share of all", share(row["share"])),
        ("Mean time from end to end", duration(row["mean_seconds"])),
    )
    look.table([("", False), ("", True)], [[safe(what), safe(value)] for what, value in facts])
    if st.button("Only cases with both", icon=":material/filter_alt:", key="with_both"):
        with_both(view, source, target)


def with_both(view: View, one: str, other: str) -> None:
    """Filters to the cases that both worked on."""
    filter_bar.add(view.process, Attribute("resource", (one,)))
    view.add(Attribute("resource", (other,)))


def workload(view: View, found: Rows) -> None:
    named = sorted((row for row in found if row["resource"] is not None), key=lambda row: -row["events"])
    names = [row["resource"] for row in named[:SHOWN_PEOPLE]]
    times = [row for row in analysed.analyse(view, "workload") if row["resource"] in set(names)]
    has_starts = any(row["utilisation"] is not None for row in times)
    by = "events"
    if has_starts:
        words = {"events": "Events", "utilisation": "Utilisation"}
        by = st.segmented_control(
            "Shade", list(words), default="events", required=True, format_func=words.__getitem__, key="load_by"
        )
    points = [
        {
            "resource": row["resource"],
            "period": f"{row['period']:%Y-%m-%d}",
            "events": row["events"],
            "cases": row["cases"],
            "utilisation": row["utilisation"],
            "told": share(row["utilisation"]) if row["utilisation"] is not None else NOTHING,
        }
        for row in times
    ]
    title = "Events per week" if by != "utilisation" else "Share of working time"
    charts.show(points, process_charts.workload(names, by or "events", title), key=f"workload_{by}")
    if not has_starts:
        st.caption("How much of their time people work is not known: the log does not say when work begins.")
    if len(named) > len(names):
        st.caption(f"The {len(names)} busiest of {count(len(named))} are drawn.")
    st.dataframe(
        [_load(row, has_starts=has_starts) for row in named[:LISTED]],
        hide_index=True,
        key="resources",
        height=min(380, 38 + 35 * len(named)),
        column_config={
            "Share": st.column_config.ProgressColumn("Of all events", format="percent", min_value=0, max_value=1),
            "Utilisation": st.column_config.NumberColumn(format="percent"),
        },
    )


def _load(row: dict, *, has_starts: bool) -> dict[str, object]:
    told: dict[str, object] = {
        "Who": row["resource"],
        "Events": row["events"],
        "Cases": row["cases"],
        "Activities": row["activities"],
        "Share": row["share"],
        "Days with an event": row["active_days"],
    }
    return told | {"At work": duration(row["active_seconds"]), "Utilisation": row["utilisation"]} if has_starts else told


def together(view: View, found: Rows) -> None:
    pairs = sorted(analysed.table(view, "working_together"), key=lambda row: -row["cases"])
    if not pairs:
        st.caption("No two people ever worked on the same case.")
        return
    first = pairs[0]
    look.line(
        f"<b>{safe(first['first'])}</b> and <b>{safe(first['second'])}</b> share the most cases: {count(first['cases'])}, "
        f"{share(first['share'])} of all."
    )
    chosen = st.dataframe(
        [{"One": row["first"], "Other": row["second"], "Cases": row["cases"], "Share": row["share"]} for row in pairs[:LISTED]],
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=own_key("together", view.process),
        height=min(460, 38 + 35 * len(pairs)),
        column_config={"Share": st.column_config.ProgressColumn("Of all cases", format="percent", min_value=0, max_value=1)},
    )
    picked = chosen["selection"]["rows"]
    if picked and picked[0] < len(pairs):
        row = pairs[picked[0]]
        if st.button("Only cases with both", icon=":material/filter_alt:", key="with_pair"):
            with_both(view, row["first"], row["second"])


def roles(view: View, found: Rows) -> None:
    groups = sorted(analysed.table(view, "roles"), key=lambda row: row["role"])
    if groups:
        look.line(
            f"<b>{count(len(groups))}</b> roles: activities that the same people do.",
            note="After Burattin, Sperduti and Veluscek (2013), at a likeness of 0.65.",
        )
        look.table(
            [("Role", True), ("Activities", False), ("People, the busiest first", False), ("Events", True)],
            [
                [str(row["role"]), safe(", ".join(row["activities"])), safe(_listed(row["resources"])), count(row["events"])]
                for row in groups
            ],
        )
    else:
        st.caption("Roles are looked for in logs of at most 150 activities that name people.")
    alone = [row for row in analysed.table(view, "activity_resources") if row["is_single_resource"]]
    st.html('<div class="gr-side"><h3>Activities that one person alone does</h3></div>')
    if not alone:
        st.caption("There are none: each activity is done by several, or by nobody that the log names.")
        return
    look.table(
        [("Activity", False), ("Who", False), ("Events", True), ("Of them without a name", True)],
        [
            [safe(row["activity"]), safe(row["top_resource"]), count(row["events"]), count(row["events_without_resource"])]
            for row in sorted(alone, key=lambda row: -row["events"])
        ],
    )


def _listed(names: list[str], *, most: int = 12) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def duties(view: View, found: Rows) -> None:
    pairs = sorted(analysed.table(view, "segregation"), key=lambda row: (not row["is_rule"], -row["breaches"]))
    of_rules = [row for row in pairs if row["is_rule"]]
    broken = [row for row in of_rules if row["breaches"]]
    if of_rules:
        look.badges(
            (len(of_rules) - len(broken), "pairs that must be separate are", "good"),
            (len(broken), "pairs that must be separate are not", "bad"),
        )
    else:
        st.caption(
            "The definition names no duties that must be separate (a rule of the kind `four_eyes`); below is every pair of "
            "activities that one person did in a case."
        )
    if not pairs:
        st.caption("No case has two activities of which it is known who did them.")
        return
    pairs = [row for row in pairs if row["is_rule"] or row["breaches"]][:LISTED]
    chosen = st.dataframe(
        [
            {
                "One duty": row["first"],
                "Other duty": row["second"],
                "By rule": "separate" if row["is_rule"] else "",
                "Cases with both": row["cases"],
                "By one person": row["breaches"],
                "Share": row["breach_share"],
                "People": row["resources"],
                "Most often": row["top_resource"] or "",
                "Not known": row["cases_unknown"],
            }
            for row in pairs
        ],
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=own_key("duties", view.process),
        height=min(460, 38 + 35 * max(1, len(pairs))),
        column_config={"Share": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)},
    )
    picked = chosen["selection"]["rows"]
    if not picked or picked[0] >= len(pairs):
        st.caption("Choose a pair for the cases in which one person did both.")
        return
    breaching(view, pairs[picked[0]])


def breaching(view: View, row: dict) -> None:
    if not row["breaches"]:
        st.caption("No case in which one person did both.")
        return
    part = FourEyes((row["first"],), (row["second"],), mode="same")
    cases = cases_of(view, part)
    look.line(f"<b>{count(row['breaches'])}</b> cases in which one person did “{safe(row['first'])}” and “{safe(row['second'])}”.")
    if st.button("Only these cases", icon=":material/filter_alt:", key="only_breaching"):
        view.add(part)
    st.dataframe(
        [{"Case": one["case_id"], "Duration": duration(one["seconds"]), "Events": one["events"]} for one in cases],
        hide_index=True,
        key="breaching",
        height=min(300, 38 + 35 * max(1, len(cases))),
    )
    if row["breaches"] > len(cases):
        st.caption(f"{len(cases)} of {count(row['breaches'])} are listed, the longest.")


def cases_of(view: View, part: FourEyes) -> Rows:
    """The cases that one more filter keeps, the longest first."""
    question = f"""select case_id, epoch(ended_at - started_at) as seconds, events from kept
        order by seconds desc, case_id limit {LISTED}"""
    return ask(view.process, (*view.stack, part), question, as_of=view.as_of)


PARTS: dict[str, tuple[str, Callable[[View, Rows], None]]] = {
    "handovers": ("Handovers", handovers),
    "workload": ("Workload", workload),
    "together": ("Working together", together),
    "roles": ("Roles", roles),
    "duties": ("Separate duties", duties),
}

about_process(page, title="People", kicker="People")
