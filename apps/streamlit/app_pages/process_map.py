"""Process map (SigilSight): which activity follows which, how often, and where the time goes.

What belongs here: the controls and what is said of a click. What does not: the map (`process_map`) and its figures (`mined`).
"""

from dataclasses import asdict

import streamlit as st

from apps.streamlit import look, mined
from apps.streamlit.choices import own_key
from apps.streamlit.evidence import evidence
from apps.streamlit.exports import Part
from apps.streamlit.mined import Activity, Step
from apps.streamlit.pages import View, about_process
from apps.streamlit.process_map import picture
from apps.streamlit.process_map.component import process_map
from apps.streamlit.process_map.picture import MEASURES, Measure
from apps.streamlit.reading import Rows, noted
from apps.streamlit.wording import count, duration, safe, share

Chosen = dict[str, str] | None


def page(about: View) -> None:
    process, stack, at = about.process, about.stack, about.as_of
    activities_share, paths_share, measure = controls(process, mined.activities(process, as_of=at), at)
    with noted() as asked:
        activities = mined.activities(process, stack, as_of=at)
        shown = picture.shown_activities(activities, activities_share)
        steps = mined.steps(process, names_of(shown, activities), stack, as_of=at)
        view = picture.view(activities, shown, steps, paths_share)
        drawn = [(step.source, step.target) for step in view.steps]
        covered, cases = mined.covered_cases(process, drawn, stack, as_of=at)
    left, right = st.columns([3.4, 1], gap="medium")
    with left:
        says(view, covered, cases)
        chosen = process_map(picture.picture(view, measure=measure, cases=cases), key=f"map_{process}")
        legend(view, measure)
        look.as_of(about.log.computed_at, about.log.snapshot_id, what="Mined")
        with st.container(horizontal=True):
            evidence(asked, key="evidence_map")
            about.export(Part("Activities", table(activities)), Part("Paths", table(steps)), kicker="Process map")
    with right:
        details(chosen, activities, steps, cases)


def table(figures: list[Activity] | list[Step]) -> Rows:
    """Activities or paths as rows, with start and end in words."""
    named = [asdict(one) for one in figures]
    ends = ("source", "target")
    return [{key: picture.name(value) if key in ends else value for key, value in row.items()} for row in named]


def controls(process: str, activities: list[Activity], at: int | None) -> tuple[float, float, Measure]:
    columns = st.columns([1.25, 1.25, 1.75], gap="medium", vertical_alignment="bottom")
    activities_share = columns[0].slider(
        "Activities, per cent",
        1,
        100,
        picture.default_share(activities),
        key=own_key("activities", process),
        bind="query-params",
        help="The most frequent activities are shown. A path over hidden ones is counted and timed as one step.",
    )
    paths_share = columns[1].slider(
        "Paths, per cent",
        0,
        100,
        picture.default_paths(number_of_steps(process, activities, at)),
        key=own_key("paths", process),
        bind="query-params",
        help="Every activity keeps its strongest way in and out; more paths follow by frequency.",
    )
    measure: Measure = columns[2].segmented_control(
        "On the paths",
        list(MEASURES),
        default="frequency",
        required=True,
        format_func=MEASURES.__getitem__,
        key="measure",
        bind="query-params",
    )
    return activities_share / 100, paths_share / 100, measure or "frequency"


def number_of_steps(process: str, activities: list[Activity], at: int | None) -> int:
    """How many paths there are among the activities shown at first."""
    shown = picture.shown_activities(activities, picture.default_share(activities) / 100)
    return len(mined.steps(process, names_of(shown, activities), as_of=at))


def names_of(shown: list[Activity], activities: list[Activity]) -> tuple[str, ...] | None:
    """The shown activities' names, or None where all are shown."""
    return tuple(sorted(activity.activity for activity in shown)) if len(shown) < len(activities) else None


def says(view: picture.View, covered: int, cases: int) -> None:
    capped = " More than anyone can read is not drawn." if view.is_capped else ""
    look.line(
        f"<b>{len(view.activities)}</b> of {count(view.all_activities)} activities and <b>{len(view.steps)}</b> of "
        f"{count(view.all_steps)} paths: <b>{share(view.events_share)}</b> of events, <b>{share(view.steps_share)}</b> of steps; "
        f"<b>{share(covered / cases if cases else 0)}</b> of {count(cases)} cases run wholly within this view.{capped}"
    )


def legend(view: picture.View, measure: Measure) -> None:
    what = "median" if measure == "frequency" else {"mean": "mean", "median": "median", "p90": "90 %"}[measure]
    swatches = "".join(
        f'<span><i class="swatch" style="background:{colour}"></i>{safe(words)}</span>'
        for colour, words in picture.legend(view, measure)
    )
    colours = f"<span>Path colour: {what} time</span>{swatches}" if swatches else ""
    st.html(f'<div class="gr-legend">{colours}<span>Path width and box shade: frequency</span></div>')


def details(chosen: Chosen, activities: list[Activity], steps: list[Step], cases: int) -> None:
    """What was clicked, in figures; without a click, where the time goes."""
    if chosen and chosen["kind"] == "path":
        source, _, target = chosen["id"].partition("\x1f")
        step = next((step for step in steps if (step.source, step.target) == (source, target)), None)
        if step:
            path_details(step, steps)
            return
    if chosen and chosen["kind"] == "activity":
        activity = next((activity for activity in activities if activity.activity == chosen["id"]), None)
        if activity:
            activity_details(activity, steps, cases)
            return
    slowest(steps)


def path_details(step: Step, steps: list[Step]) -> None:
    left = sum(other.frequency for other in steps if other.source == step.source)
    _title(f"{picture.name(step.source)} → {picture.name(step.target)}", "Path")
    _facts(
        ("Times taken", count(step.frequency)),
        (f"Share of what leaves “{picture.name(step.source)}”", share(step.frequency / left if left else None)),
        ("Median time", duration(step.median_seconds)),
        ("Mean time", duration(step.mean_seconds)),
        ("90 % within", duration(step.p90_seconds)),
    )


def activity_details(activity: Activity, steps: list[Step], cases: int) -> None:
    _title(activity.activity, "Activity")
    _facts(
        ("Events", count(activity.events)),
        ("Cases with it", f"{count(activity.cases)} ({share(activity.cases / cases if cases else None)})"),
        ("Per such case", f"{activity.events / max(1, activity.cases):.2f}"),
    )
    _ways("What comes before", [(s.source, s) for s in steps if s.target == activity.activity])
    _ways("What comes after", [(s.target, s) for s in steps if s.source == activity.activity])


def slowest(steps: list[Step]) -> None:
    """Paths by the time all cases together spend on them."""
    timed = sorted((s for s in steps if s.mean_seconds), key=lambda s: -(s.mean_seconds or 0) * s.frequency)[:8]
    total = sum((s.mean_seconds or 0) * s.frequency for s in steps)
    _title("Where the time goes", "Click an activity or a path for its figures")
    if not timed:
        st.caption("No path takes any time in this view.")
        return
    items = [
        (
            f"{picture.name(s.source)} → {picture.name(s.target)}",
            (s.mean_seconds or 0) * s.frequency / total,
            duration(s.median_seconds),
        )
        for s in timed
    ]
    look.bars([(what, part, f"{share(part)} of all time", f"median {median}") for what, part, median in items])


def _title(words: str, kicker: str) -> None:
    st.html(f'<div class="gr-side"><span class="gr-asof">{safe(kicker)}</span><h3>{safe(words)}</h3></div>')


def _facts(*facts: tuple[str, str]) -> None:
    look.table([("", False), ("", True)], [[safe(what), safe(value)] for what, value in facts])


def _ways(title: str, ways: list[tuple[str, Step]]) -> None:
    total = sum(step.frequency for _, step in ways)
    if total:
        st.html(f'<div class="gr-asof">{safe(title)}</div>')
        look.bars(
            [
                (
                    picture.name(key),
                    step.frequency / total,
                    f"{count(step.frequency)} times",
                    f"median {duration(step.median_seconds)}",
                )
                for key, step in ways[:8]
            ]
        )


about_process(page, title="Process map", kicker="Process map · SigilSight")
