"""Performance: where the process loses time, waiting against working, queues, the week, deadlines, batches and the spectrum.

What belongs here: the page's layout. What does not: its figures (`analysed`), charts (`process_charts`) and the spectrum's drawing
(`spectrum`).
"""

from collections.abc import Callable
from datetime import timedelta

import streamlit as st

from apps.streamlit import analysed, charts, look, map_figures, mined, process_charts
from apps.streamlit.cards import Card, cards
from apps.streamlit.choices import own_key
from apps.streamlit.evidence import evidence
from apps.streamlit.pages import View, about_process
from apps.streamlit.reading import Rows, noted
from apps.streamlit.spectrum.component import CLASSES, class_colours, spectrum
from apps.streamlit.within_address import only_these
from apps.streamlit.wording import DAY, HOUR, MINUTE, count, duration, plain, safe, share
from lake.errors import GrimoireError
from mining.calendars import WorkingCalendar
from mining.filters import Cases, Follows

SHOWN = 15  # bars of a chart: more nobody compares
LISTED = 200
SHORT_LOG = 16 * 7 * DAY  # seconds; a log as short is looked at by the day
SCALES = (("d", DAY, "Days"), ("h", HOUR, "Hours"), ("min", MINUTE, "Minutes"), ("s", 1.0, "Seconds"))


def page(view: View) -> None:
    with noted() as asked:
        size(view)
        part = st.segmented_control(
            "Look at",
            list(PARTS),
            default="bottlenecks",
            required=True,
            format_func=lambda key: PARTS[key][0],
            key="look_at",
            bind="query-params",
        )
        try:
            PARTS[part or "bottlenecks"][1](view)
        except GrimoireError as error:
            look.guidance("This cannot be told of the process", error.problem, error.remedy)
    look.as_of(view.log.computed_at, view.log.snapshot_id, what="Mined")
    evidence(asked, key="evidence_performance")


def size(view: View) -> None:
    """The figures above all parts."""
    kept = view.kept
    shown = [
        Card("Median case duration", duration(kept.median_case_seconds), against=f"mean {duration(kept.mean_case_seconds)}"),
        Card("90 % of cases within", duration(kept.p90_case_seconds), against=f"of {count(kept.cases)} cases"),
    ]
    times = analysed.table(view, "activity_times")
    waiting, working = (sum(row[f"total_{part}_seconds"] or 0 for row in times) for part in ("waiting", "service"))
    if waiting or working:
        told = share(waiting / (waiting + working))
        words = f"where starts are known: {duration(waiting)} waiting, {duration(working)} working"
        shown.append(Card("Share of time spent waiting", told, against=words))
    weeks = mined.throughput(view.process, view.stack, as_of=view.as_of)
    full = weeks[1:-1] if len(weeks) > 4 else weeks
    if full:
        shown.append(
            Card(
                "Completed per week",
                f"{sum(week['completed'] for week in full) / len(full):,.1f}",
                against=f"started {sum(week['started'] for week in full) / len(full):,.1f}",
                trend=[float(week["completed"]) for week in full[-52:]],
                foot=f"mean of {len(full)} full weeks",
            )
        )
    st.html(cards(shown))


def clock(view: View) -> str:
    """Which time the figures are in, in words."""
    calendar = WorkingCalendar.from_definition(view.definition.definition)
    return "time by the clock" if calendar.is_always else f"working time ({calendar.time_zone})"


def bottlenecks(view: View) -> None:
    found = sorted(analysed.table(view, "bottlenecks"), key=lambda row: row["rank"])[:LISTED]
    if not found:
        st.caption("No case has two events, so nothing waits for anything.")
        return
    measures = {row["measure"] for row in found}
    lost = (
        "the waiting before the target's start"
        if measures == {"waiting"}
        else "the time from end to end, which holds the target's own work, because the log does not know its starts"
        if measures == {"sojourn"}
        else "the waiting where a start is known, else the time from end to end"
    )
    first = found[0]
    look.line(
        f"Most is lost from <b>{safe(first['source'])}</b> to <b>{safe(first['target'])}</b>: "
        f"<b>{duration(first['lost_seconds'])}</b> in all, {count(first['frequency'])} times.",
        note=f"Ranked by the time lost in all, in {clock(view)}: {lost}, beyond what was agreed or what the "
        "quickest quarter needs. What others decide stands last.",
    )
    chosen = st.dataframe(
        [_bottleneck(row) for row in found],
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=own_key("bottlenecks", view.process),
        height=min(460, 38 + 35 * len(found)),
        column_config={
            "Share": st.column_config.ProgressColumn("Of all time lost", format="percent", min_value=0, max_value=1),
            "Times": st.column_config.NumberColumn(format="localized"),
        },
    )
    picked = chosen["selection"]["rows"]
    if not picked or picked[0] >= len(found):
        st.caption("Choose a step to filter to its cases.")
        return
    row = found[picked[0]]
    source, target = (row["source"],), (row["target"],)
    left, right, _ = st.columns([1.2, 1.6, 3])
    if left.button("Only cases with this step", icon=":material/filter_alt:", key="with_step"):
        view.add(Follows(source, target, mode="directly"))
    slow = None if row["is_agreed"] else row["allowed_seconds"] + row["p90_lost_seconds"]
    is_by_clock = row["measure"] == "sojourn" and WorkingCalendar.from_definition(view.definition.definition).is_always
    if is_by_clock and slow and right.button(f"Only those over {duration(slow)}", icon=":material/timer:", key="slow_step"):
        view.add(Follows(source, target, mode="directly", minimum=slow))


def _bottleneck(row: dict) -> dict[str, object]:
    return {
        "Rank": row["rank"],
        "From": row["source"],
        "To": row["target"],
        "Times": row["frequency"],
        "Allowed": duration(row["allowed_seconds"]) + (", agreed" if row["is_agreed"] else ""),
        "Median": duration(row["median_lost_seconds"]),
        "Mean": duration(row["mean_lost_seconds"]),
        "90 % within": duration(row["p90_lost_seconds"]),
        "In all": duration(row["lost_seconds"]),
        "Share": row["share"],
        "Typically": row["typical_rank"],
        "Decided by": "others" if row["is_external"] else "",
    }


def waiting_and_working(view: View) -> None:
    of = st.segmented_control(
        "Of", ["Activities", "Paths"], default="Activities", required=True, key="times_of", bind="query-params"
    )
    is_path = of == "Paths"
    found = analysed.table(view, "edge_times" if is_path else "activity_times")
    found = sorted(found, key=lambda row: -(row["total_sojourn_seconds"] or 0))
    named = [(f"{row['source']} → {row['target']}" if is_path else row["activity"], row) for row in found]
    with_start, events = (
        sum(row["events_with_start"] for row in found),
        sum(row["frequency" if is_path else "events"] for row in found),
    )
    if not with_start:
        st.info("This log does not know when work begins, so waiting and working cannot be told apart.", icon=":material/info:")
    else:
        st.caption(
            f"{share(with_start / events)} of {count(events)} events say when they began; the others count as not told apart."
        )
    top = [(name, row) for name, row in named if row["mean_sojourn_seconds"] is not None][:SHOWN]
    bars = [bar for name, row in top for bar in _parts(name, row)]
    unit, divisor, words = scale(max((bar["seconds"] for bar in bars), default=0.0))
    points = [{"name": bar["name"], "part": bar["part"], "value": bar["seconds"] / divisor, "told": bar["told"]} for bar in bars]
    if points:
        title = f"{words} on average, in {clock(view)}"
        charts.show(
            points,
            process_charts.parts_of_time(title, [name for name, _ in top], [bar["part"] for bar in bars]),
            key=f"times_{unit}",
        )
    st.caption("What takes the most time in all comes first.")
    st.dataframe(
        [_times(name, row, is_path=is_path, has_starts=with_start > 0) for name, row in named[:LISTED]],
        hide_index=True,
        key="times",
        height=min(420, 38 + 35 * len(named)),
    )
    odd = sum(row.get("starts_after_end") or 0 for row in found), sum(row["overlapping"] for row in found)
    if odd[0]:
        st.caption(f"{count(odd[0])} events say that they began after their end; their starts are left out.")
    if odd[1]:
        st.caption(f"{count(odd[1])} events began before the one before them had ended: they waited for nothing.")


def _parts(name: str, row: dict) -> list[dict]:
    waiting, working = row["mean_waiting_seconds"], row["mean_service_seconds"]
    pairs = (
        [("Waiting", waiting), ("Working", working)]
        if row["events_with_start"]
        else [("Not told apart", row["mean_sojourn_seconds"])]
    )
    return [{"name": name, "part": part, "seconds": seconds or 0.0, "told": duration(seconds)} for part, seconds in pairs]


def _times(name: str, row: dict, *, is_path: bool, has_starts: bool) -> dict[str, object]:
    told: dict[str, object] = {"Path" if is_path else "Activity": name, "Events": row["frequency" if is_path else "events"]}
    parts = (("waiting", "Waiting"), ("service", "Working"), ("sojourn", "Both")) if has_starts else (("sojourn", "Both"),)
    for part, title in parts:
        told[f"{title}, median"] = duration(row[f"median_{part}_seconds"])
        told[f"{title}, 90 %"] = duration(row[f"p90_{part}_seconds"])
    return {**told, "In all": duration(row["total_sojourn_seconds"])}


def scale(seconds: float) -> tuple[str, float, str]:
    """The unit in which so many seconds read well: its sign, its seconds, its name."""
    return next((one for one in SCALES if seconds >= 2 * one[1]), SCALES[-1])


def queues(view: View) -> None:
    grain = "day" if view.kept.last_event and _span(view) < SHORT_LOG else "week"
    found = analysed.table(view, "queues") if grain == "week" else analysed.analyse(view, "queues", grain=grain)
    lines: dict[str | None, Rows] = {}
    for row in sorted(found, key=lambda row: row["period"]):
        lines.setdefault(row["target"], []).append(row)
    if not lines:
        st.caption("No case lasts longer than a moment, so nothing is ever in progress.")
        return
    st.html('<div class="gr-side"><h3>Work in progress</h3></div>')
    _queue(lines.get(None, []), key="wip")
    st.caption(
        f"Cases between their first and their last event, per {grain}: the line is the average, the band the highest number."
    )
    waits = {name: rows for name, rows in lines.items() if name is not None}
    if not waits:
        return
    ordered = sorted(waits, key=lambda name: -sum(row["mean_length"] for row in waits[name]))
    chosen = st.selectbox("Waiting for", ordered, key=own_key("queue", view.process), bind="query-params", width=420)
    _queue(waits[chosen], key="queue")
    longest = max(waits[chosen], key=lambda row: row["highest_length"])
    st.caption(
        plain(f"At most {count(longest['highest_length'])} cases waited at once, in the {grain} of {longest['period']:%Y-%m-%d}; ")
        + f"{count(waits[chosen][-1]['length_at_end'])} wait at the end of the log."
    )


def _span(view: View) -> float:
    first, last = view.kept.first_event, view.kept.last_event
    return (last - first).total_seconds() if first and last else 0.0


def _queue(rows: Rows, *, key: str) -> None:
    points = [
        {
            "period": f"{row['period']:%Y-%m-%d}",
            "mean": row["mean_length"],
            "highest": row["highest_length"],
            "arrived": row["arrived"],
            "departed": row["departed"],
        }
        for row in rows
    ]
    charts.show(points, process_charts.queue(), key=key)


def week(view: View) -> None:
    names = [activity.activity for activity in mined.activities(view.process, view.stack, as_of=view.as_of)]
    activity = st.selectbox(
        "Activity",
        [None, *names],
        format_func=lambda name: name or "All activities",
        key=own_key("week_of", view.process),
        bind="query-params",
        width=420,
    )
    found = analysed.analyse(view, "weekday_hours", **({"activity": activity} if activity else {}))
    points = [{**row, "weekday": process_charts.WEEKDAYS[row["weekday"] - 1]} for row in found]
    charts.show(points, process_charts.week(), key="week")
    zone = WorkingCalendar.from_definition(view.definition.definition).time_zone
    said = "the calendar's time zone" if view.definition.definition.get("working_calendar") else "the definition names no other"
    st.caption(f"When events end, by the clock in {plain(zone)} ({said}).")
    events = sum(row["events"] for row in found)
    at_midnight = sum(row["events"] for row in found if row["hour"] == 0)
    if events and at_midnight > 0.5 * events:
        st.caption(f"{share(at_midnight / events)} fall into the hour from midnight: times of this log seem to be days.")


def throughput(view: View) -> None:
    weeks = mined.throughput(view.process, view.stack, as_of=view.as_of)
    kinds = (("Started", "started"), ("Completed", "completed"), ("Open", "open_cases"))
    points = [{"period": f"{w['period']:%Y-%m-%d}", "what": what, "cases": w[name]} for w in weeks[-520:] for what, name in kinds]
    charts.show(points, charts.throughput(), key="throughput")
    st.caption("A case counts as open from its first event to its last in the log, so the last weeks look emptier than they are.")


def deadlines(view: View) -> None:
    slas, due = analysed.table(view, "slas"), analysed.table(view, "due_dates")
    if not slas and not due:
        look.guidance(
            "This process has no deadlines",
            "Its definition names none. Write agreements under `slas`, each with name, from, to and within_hours, and dates that "
            "cases themselves name under `due_dates`.",
        )
        return
    names = {row["name"]: row.get("text") or row["name"] for row in [*slas, *due]}
    kinds = (("met", "Met"), ("open_in_time", "Open, in time"), ("open_late", "Open, late"), ("breached", "Breached"))
    points = [
        {"name": names[row["name"]], "what": what, "cases": row[field], "place": place}
        for row in [*slas, *due]
        for place, (field, what) in enumerate(kinds)
    ]
    charts.show(points, process_charts.met(list(names.values())), key="met")
    if due:
        look.table(
            [("Due date", False), ("Cases", True), ("Without one", True), ("Breached", True), ("Late by, mean", True)],
            [
                [
                    safe(row["name"]),
                    count(row["cases"]),
                    count(row["cases_without"]),
                    share(row["breach_share"]),
                    duration(row["mean_late_seconds"]),
                ]
                for row in due
            ],
        )
    if slas:
        agreements(view, slas)


def agreements(view: View, slas: Rows) -> None:
    ordered = sorted(slas, key=lambda row: -(row["breach_share"] or 0))
    chosen = st.dataframe(
        [
            {
                "Agreement": row["text"],
                "Within": duration(row["within_hours"] * HOUR) + (" of working time" if row["is_working_time"] else ""),
                "Cases": row["cases"],
                "Breached": row["breached"] + row["open_late"],
                "Share": row["breach_share"],
                "Median": duration(row["median_seconds"]),
                "90 % within": duration(row["p90_seconds"]),
                "Late in all": duration(row["late_seconds"]),
            }
            for row in ordered
        ],
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=own_key("slas", view.process),
        column_config={"Share": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)},
    )
    picked = chosen["selection"]["rows"]
    if not picked or picked[0] >= len(ordered):
        st.caption("Choose an agreement for the cases that broke it.")
        return
    row = ordered[picked[0]]
    found = analysed.analyse(view, "late_cases", name=row["name"])
    look.line(f"<b>{count(len(found))}</b> cases broke “{safe(row['text'])}”, the latest first.")
    only_these(view, [one["case_id"] for one in found], lambda some: Cases(some), what="cases", key="only_late")
    st.dataframe(
        [
            {"Case": one["case_id"], "Late by": duration(one["late_seconds"]), "Still open": "yes" if one["is_open"] else ""}
            for one in found[:LISTED]
        ],
        hide_index=True,
        key="late",
        height=min(300, 38 + 35 * max(1, len(found))),
    )


def batching(view: View) -> None:
    found = sorted(analysed.table(view, "batches"), key=lambda row: -row["events"])[:LISTED]
    if not found:
        st.caption("No batch was found: nobody did one activity twice within a quarter of an hour, or the log names nobody.")
    else:
        events = sum(row["events"] for row in found)
        look.line(
            f"<b>{count(sum(row['batches'] for row in found))}</b> batches hold <b>{count(events)}</b> events: "
            "work of one activity by one resource that overlaps, or follows within 15 minutes."
        )
        st.dataframe(
            [
                {
                    "Activity": row["activity"],
                    "Who": row["resource"],
                    "Kind": row["kind"],
                    "Batches": row["batches"],
                    "Events in them": row["events"],
                    "Largest": row["largest"],
                    "Cases": row["cases"],
                }
                for row in found
            ],
            hide_index=True,
            key="batches",
            height=min(420, 38 + 35 * len(found)),
        )
    many = sorted(analysed.table(view, "multitasking"), key=lambda row: -(row["multitasking_seconds"] or 0))[:LISTED]
    if many:
        st.html('<div class="gr-side"><h3>Several things at once</h3></div>')
        st.dataframe(
            [
                {
                    "Who": row["resource"],
                    "Active": duration(row["active_seconds"]),
                    "At two or more": duration(row["multitasking_seconds"]),
                    "Share": row["multitasking_share"],
                    "On average at": round(row["mean_parallel"], 2),
                    "At most at": row["highest_parallel"],
                }
                for row in many
            ],
            hide_index=True,
            key="multitasking",
            height=min(320, 38 + 35 * len(many)),
            column_config={"Share": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)},
        )


def the_spectrum(view: View) -> None:
    edges = [step for step in map_figures.paths(view.process, view.stack) if step.mean_seconds is not None]
    if not edges:
        st.caption("No case has two events, so there is no step to look at.")
        return
    by_name = {f"{step.source} → {step.target}": step for step in edges}
    name = st.selectbox(
        "Step",
        list(by_name),
        key=own_key("spectrum", view.process),
        bind="query-params",
        width=560,
        help="The most frequent first.",
    )
    step = by_name[name]
    lines = analysed.analyse(view, "spectrum_lines", source=step.source, target=step.target)
    spectrum(lines, step.source, step.target, key="spectrum")
    swatches = "".join(
        f'<span><i class="swatch" style="background:{colour}"></i>{safe(words)}</span>'
        for colour, words in zip(class_colours(), CLASSES, strict=True)
    )
    st.html(f'<div class="gr-legend">{swatches}<span>Wheel: zoom in time. Drag: move.</span></div>')
    sampled = f"An even sample of {count(len(lines))} of" if len(lines) < step.frequency else "All"
    st.caption(
        f"{sampled} {count(step.frequency)} times the step was taken, each a line from its start above to its end below. "
        "Parallel lines wait their turn, crossing ones overtake, bundles that end together are batches."
    )
    classes = [row for row in analysed.table(view, "spectrum") if (row["source"], row["target"]) == (step.source, step.target)]
    if classes:
        points = [
            {
                "period": f"{row['period']:%Y-%m-%d}",
                "until": f"{row['period'] + timedelta(days=7):%Y-%m-%d}",
                "speed": CLASSES[row["class"] - 1],
                "class": row["class"],
                "cases": row["cases"],
                "told": duration(row["mean_seconds"]),
            }
            for row in classes
        ]
        charts.show(points, process_charts.speeds(class_colours(), CLASSES), key="speeds")


def synchronisation(view: View) -> None:
    found = sorted(analysed.table(view, "synchronisation"), key=lambda row: -(row["total_synchronisation_seconds"] or 0))
    if not found:
        look.guidance(
            "This log knows cases only",
            "Objects wait for one another where an event concerns several. That is told of object-centric logs (OCEL): the "
            "platform's own processes, and imported OCEL files.",
        )
        return
    waiting = [row for row in found if row["synchronised_events"]]
    look.line(
        f"In <b>{count(len({row['activity'] for row in waiting}))}</b> of {count(len({row['activity'] for row in found}))} "
        "activities some object waits for another.",
        note="Synchronisation: from the first object that is there to the last. Pooling: the same within one type. Lagging: what "
        "one type keeps the others waiting. Waiting: from the last object to the event. Of events in the cases the filters keep.",
    )
    st.dataframe(
        [
            {
                "Activity": row["activity"],
                "Object type": row["object_type"],
                "Events": row["events"],
                "With a wait": row["synchronised_events"],
                "Synchronisation": duration(row["mean_synchronisation_seconds"]),
                "Pooling": duration(row["mean_pooling_seconds"]),
                "Lagging": duration(row["mean_lagging_seconds"]),
                "Waiting": duration(row["mean_waiting_seconds"]),
                "In all": duration(row["total_synchronisation_seconds"]),
            }
            for row in found[:LISTED]
        ],
        hide_index=True,
        key="synchronisation",
        height=min(520, 38 + 35 * len(found)),
    )


PARTS: dict[str, tuple[str, Callable[[View], None]]] = {
    "bottlenecks": ("Bottlenecks", bottlenecks),
    "times": ("Waiting and working", waiting_and_working),
    "queues": ("Queues", queues),
    "week": ("Week", week),
    "throughput": ("Throughput", throughput),
    "deadlines": ("Deadlines", deadlines),
    "batches": ("Batches", batching),
    "spectrum": ("Spectrum", the_spectrum),
    "objects": ("Objects", synchronisation),
}

about_process(page, title="Performance", kicker="Performance")
