"""Process map (SigilSight): which activity follows which, how often, and where the time goes.

What belongs here: which map is shown, what a click leads to, and what is said beside it. What does not: the map (`process_map`) and
its figures (`map_figures`).
"""

from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import streamlit as st

from apps.streamlit import look, map_figures
from apps.streamlit.choices import own_key
from apps.streamlit.evidence import evidence
from apps.streamlit.exports import Part
from apps.streamlit.map_figures import Path
from apps.streamlit.mined import Activity
from apps.streamlit.pages import View, about_process
from apps.streamlit.process_map import scene as scenes
from apps.streamlit.process_map.diagram import diagram
from apps.streamlit.process_map.explorer import Asked, as_it_stands, explorer
from apps.streamlit.process_map.plan import PLACED_AT_ONCE, Plan, in_order, plan
from apps.streamlit.process_map.scene import Figures, filter_of, name
from apps.streamlit.reading import Rows, home, noted, snapshot_id
from apps.streamlit.stack import Stack
from apps.streamlit.wording import count, duration, safe, share

VIEWS = ("Map", "Objects", "Model")
THESE, ALL = "These cases", "All cases"  # whose model is shown under filters


def page(about: View) -> None:
    columns = st.columns([1.6, 1.1, 3], gap="medium", vertical_alignment="bottom")
    kinds = [view for view in VIEWS if view != "Objects" or map_figures.object_paths(about.process, as_of=about.as_of)]
    shown = columns[0].segmented_control(
        "View", kinds, default="Map", required=True, key="map_view", bind="query-params", label_visibility="collapsed"
    )
    if shown == "Objects":
        object_map(about)
    elif shown == "Model":
        model(about)
    else:
        with columns[1]:
            other = compared_with(about.process, about.stack)
        case_map(about, other)


def case_map(about: View, other: Stack | None) -> None:
    process, stack = about.process, about.stack
    key = f"map-{process}".replace("__", "-")
    with noted() as asked:
        places = map_figures.places(process, stack)
        view = wanted_view(key, process, len(places))
        shown = [place.activity for place in places[: view["shown"]]]
        figures = figures_of(about, places, shown)
        beside = other_figures(process, other, shown) if other is not None else None
        if beside:
            figures = scenes.united(figures, beside)
        ordered, _ = in_order(figures.paths)
        view["paths"] = view["paths"] if view["paths"] >= 0 else scenes.default_paths(len(ordered))
        covered = map_figures.coverage(process, stack, ordered) if places else []
    scene = scenes.scene(plan_of(stack, shown), figures, shown=len(shown), covered=covered, other=beside)
    left, right = st.columns([3.6, 1], gap="medium")
    with left:
        scene_id = identity(stack, other, len(shown))
        said = explorer(
            scene,
            key=key,
            scene_id=scene_id,
            name=process,
            title=f"Process map of {process}",
            view=view,
            tokens=tokens(process, stack, ordered, shown) if as_it_stands(key)["replay"] else None,
        )
        look.as_of(about.log.computed_at, about.log.snapshot_id, what="Mined")
        with st.container(horizontal=True):
            evidence(asked, key="evidence_map")
            about.export(Part("Activities", table(places)), Part("Paths", table(figures.paths)), kicker="Process map")
    remember_view(process, said)
    with right:
        details(said.selected, places, figures)
    follow(about, said)


def table(figures: Sequence[Activity | Path]) -> Rows:
    """Activities or paths as rows, with start and end in words."""
    ends = ("source", "target")
    return [{key: name(value) if key in ends else value for key, value in asdict(one).items()} for one in figures]


def figures_of(about: View, places: list[Activity], shown: list[str]) -> Figures:
    """What the map of a filtered log shows."""
    process, stack, definition = about.process, about.stack, about.definition.definition
    return Figures(
        places=places,
        paths=map_figures.paths(process, stack, shown if len(shown) < len(places) else None),
        cases=map_figures.case_count(process, stack),
        costs=map_figures.unit_costs(process, stack, definition) if places else {},
        deviations=map_figures.deviating(process, stack),
        agreements=map_figures.agreements(process, stack, definition) if places else [],
    )


def other_figures(process: str, stack: Stack, shown: list[str]) -> Figures:
    """What a comparison needs of the other log, among the same activities."""
    places = map_figures.places(process, stack)
    needs_all = {place.activity for place in places} <= set(shown)
    return Figures(places, map_figures.paths(process, stack, None if needs_all else shown), map_figures.case_count(process, stack))


def plan_of(stack: Stack, shown: list[str]) -> Plan:
    """Where every activity of the process stands, whatever is filtered or hidden; of a large process, where those shown do."""
    names = [place.activity for place in map_figures.places(stack.process, stack.changed(()))]
    placed = tuple(names if len(names) <= PLACED_AT_ONCE else shown)
    return _plan(home(), snapshot_id() if stack.as_of is None else stack.as_of, stack.process, stack.as_of, placed, len(names))


@st.cache_data(max_entries=32, show_spinner="Laying out the map …")
def _plan(home_folder: str, snapshot: int, process: str, at: int | None, names: tuple[str, ...], activities: int) -> Plan:
    whole = Stack(process=process, as_of=at)
    return plan(names, map_figures.paths(process, whole, names if len(names) < activities else None))


def tokens(process: str, stack: Stack, ordered: list[Path], shown: list[str]) -> dict[str, Any]:
    """What a replay plays; empty where no move takes time."""
    found = map_figures.moves(process, stack, ordered, shown)
    return scenes.tokens(found) if found else {"paths": None}


def identity(stack: Stack, other: Stack | None, shown: int) -> str:
    """Another one for another map."""
    parts = (home(), snapshot_id(), stack.process, stack.as_of, stack.packed(), other is not None and other.packed(), shown)
    return sha256(repr(parts).encode()).hexdigest()[:16]


def wanted_view(key: str, process: str, activities: int) -> dict[str, Any]:
    """Sliders and overlay: as they stand, as the address says, or as a map stays readable; `paths` is -1 where nobody has said."""
    if view := as_it_stands(key)["view"]:
        return {**view, "shown": max(1, min(int(view["shown"]), activities))}
    said = st.query_params
    shown = number_of(said.get(own_key("activities", process)), scenes.default_activities(activities))
    paths = number_of(said.get(own_key("paths", process)), -1)
    return {"shown": max(1, min(shown, activities)), "paths": min(100, paths), "overlay": said.get("overlay", "frequency")}


def number_of(words: str | None, otherwise: int) -> int:
    """A number of the address; what is none counts for nothing."""
    return int(words) if words and words.isdecimal() and len(words) < 9 else otherwise


def remember_view(process: str, said: Asked) -> None:
    """Sliders and overlay in the address, so that a link leads to the same view."""
    if said.view:
        wanted = {own_key("activities", process): said.view["shown"], own_key("paths", process): said.view["paths"]}
        st.query_params.update({**wanted, "overlay": said.view["overlay"]})


def follow(about: View, said: Asked) -> None:
    """What was chosen from a click's menu: a filter, or the cases it stands for."""
    if said.action and said.action["action"] != "cases":
        about.add(filter_of(said.action))
    drilled = own_key("drilled", about.process)
    if said.action:
        st.session_state[drilled] = said.action
    if chosen := st.session_state.get(drilled):
        cases(about.process, about.stack.changed((*about.stack, filter_of(chosen))), chosen, drilled)


def cases(process: str, stack: Stack, chosen: dict[str, str], drilled: str) -> None:
    what = chosen.get("activity") or f"{name(chosen['source'])} → {name(chosen['target'])}"
    found = map_figures.cases_of(process, stack)
    head, close = st.columns([6, 1], vertical_alignment="bottom")
    head.html(f'<div class="gr-side"><h3>Cases with {safe(what)}</h3></div>')
    if close.button("Close", key="close_cases", width="stretch"):
        del st.session_state[drilled]
        st.rerun(scope="fragment")
    whole = map_figures.case_count(process, stack)
    listed = "all of them" if len(found) == whole else f"the {len(found)} longest"
    st.caption(f"{count(whole)} cases; {listed} are listed.")
    st.dataframe(found, hide_index=True, key="drilled_cases")


def compared_with(process: str, stack: Stack) -> Stack | None:
    """The stack the map is compared with: one that was kept before, or the whole log; None without a comparison."""
    kept = own_key("kept", process)
    with st.popover("Compare", icon=":material/compare_arrows:", width="stretch"):
        if st.button("Keep these cases to compare others with", key="keep_cases", width="stretch"):
            st.session_state[kept] = stack
        choices = ["Nothing", "All cases", *(["The cases kept"] if kept in st.session_state else [])]
        chosen = st.radio("Colour the map by the difference to", choices, key=own_key("compare", process))
        st.caption("Orange: more often, or slower, than there. Purple: less often, or faster.")
    others = {"All cases": stack.changed(()), "The cases kept": stack.changed(st.session_state.get(kept, ()))}
    return others.get(chosen or "Nothing")


def object_map(about: View) -> None:
    process, log, at = about.process, about.log, about.as_of
    with noted() as asked:
        paths, places = map_figures.object_paths(process, as_of=at), map_figures.object_places(process, as_of=at)
    scene = scenes.object_scene(_object_plan(home(), snapshot_id() if at is None else at, process, at), places, paths)
    view = {"shown": len(scene["nodes"]), "paths": scenes.default_paths(len(paths)), "overlay": "frequency"}
    explorer(
        scene,
        key=f"objects-{process}".replace("__", "-"),
        scene_id=identity(about.stack.changed(()), None, -1),
        name=f"{process}-objects",
        title=f"Object-centric map of {process}",
        view=view,
        can_act=False,
    )
    look.line(
        "All objects of the log, whatever is filtered: one object's events in their order make a path. An activity counts once, "
        "however many objects take part.",
    )
    look.as_of(log.computed_at, log.snapshot_id, what="Mined")
    evidence(asked, key="evidence_objects")


@st.cache_data(max_entries=16, show_spinner="Laying out the map …")
def _object_plan(home_folder: str, snapshot: int, process: str, at: int | None) -> Plan:
    names = dict.fromkeys(row["activity"] for row in map_figures.object_places(process, as_of=at))
    return plan(names, scenes.merged_paths(map_figures.object_paths(process, as_of=at)))


def model(about: View) -> None:
    process, stack = about.process, about.stack
    of_these = bool(stack) and modelled_cases(process) == THESE
    with noted() as asked:
        svg = map_figures.model_of(process, stack) if of_these else map_figures.model_svg(process, as_of=about.as_of)
        cases = map_figures.case_count(process, stack) if of_these else about.log.cases
    if svg is None and of_these:
        look.guidance("No case passes these filters", "There is nothing to discover a model of. Take a filter out.")
        return
    if svg is None:
        look.guidance("No model", "Mining has kept no model of this process.", commands=(f"grimoire mine {process}",))
        return
    which = f"{process}-these" if of_these else process
    diagram(svg, key=f"model-{which}".replace("__", "-"), name=f"{which}-bpmn", title=f"Discovered model of {process}, as BPMN")
    if of_these:
        from mining.earlier import NOISE

        how = f"by the inductive miner with noise {NOISE}"
        look.line(f"Discovered now, {how}, from the {count(cases)} cases the filters keep.")
    else:
        look.line(f"Discovered from all {count(cases)} cases of the log.")
        look.as_of(about.log.computed_at, about.log.snapshot_id, what="Mined")
    evidence(asked, key="evidence_model")


def modelled_cases(process: str) -> str:
    """Whose model is shown under filters."""
    key = own_key("model_of", process)
    chosen: str = st.segmented_control("Model of", (THESE, ALL), default=THESE, required=True, key=key, bind="query-params")
    return chosen


def details(chosen: dict[str, str] | None, places: list[Activity], figures: Figures) -> None:
    """What was clicked, in figures; without a click, where the time goes."""
    if chosen and chosen["kind"] == "path":
        path = next((path for path in figures.paths if path.ends == (chosen["source"], chosen["target"])), None)
        if path:
            path_details(path, figures)
            return
    if chosen and chosen["kind"] == "activity":
        place = next((place for place in places if place.activity == chosen["activity"]), None)
        if place:
            activity_details(place, figures)
            return
    slowest(figures.paths)


def path_details(path: Path, figures: Figures) -> None:
    left = sum(other.frequency for other in figures.paths if other.source == path.source)
    _title(f"{name(path.source)} → {name(path.target)}", "Path")
    _facts(
        ("Times taken", count(path.frequency)),
        ("Cases with it", f"{count(path.cases)} ({share(path.cases / figures.cases if figures.cases else None)})"),
        (f"Share of what leaves “{name(path.source)}”", share(path.frequency / left if left else None)),
        ("Median time", duration(path.median_seconds)),
        ("Mean time", duration(path.mean_seconds)),
        ("90 % within", duration(path.p90_seconds)),
        ("Total time", duration(path.total_seconds)),
    )


def activity_details(place: Activity, figures: Figures) -> None:
    _title(place.activity, "Activity")
    _facts(
        ("Events", count(place.events)),
        ("Cases with it", f"{count(place.cases)} ({share(place.cases / figures.cases if figures.cases else None)})"),
        ("Per such case", f"{place.events / max(1, place.cases):.2f}"),
    )
    _ways("What comes before", [(path.source, path) for path in figures.paths if path.target == place.activity])
    _ways("What comes after", [(path.target, path) for path in figures.paths if path.source == place.activity])


def slowest(paths: Any) -> None:
    """Paths by the time all cases together spend on them."""
    timed = sorted((path for path in paths if path.total_seconds), key=lambda path: -(path.total_seconds or 0))[:8]
    total = sum(path.total_seconds or 0 for path in paths)
    _title("Where the time goes", "Click an activity or a path for its figures")
    if not timed:
        st.caption("No path takes any time in this view.")
        return
    parts = [(path, (path.total_seconds or 0) / total) for path in timed]
    look.bars(
        [
            (
                f"{name(path.source)} → {name(path.target)}",
                part,
                f"{share(part)} of all time",
                f"median {duration(path.median_seconds)}",
            )
            for path, part in parts
        ]
    )


def _title(words: str, kicker: str) -> None:
    st.html(f'<div class="gr-side"><span class="gr-asof">{safe(kicker)}</span><h3>{safe(words)}</h3></div>')


def _facts(*facts: tuple[str, str]) -> None:
    look.table([("", False), ("", True)], [[safe(what), safe(value)] for what, value in facts])


def _ways(title: str, ways: list[tuple[str, Path]]) -> None:
    total = sum(path.frequency for _, path in ways)
    if total:
        st.html(f'<div class="gr-asof">{safe(title)}</div>')
        look.bars(
            [
                (
                    name(key),
                    path.frequency / total,
                    f"{count(path.frequency)} times",
                    f"median {duration(path.median_seconds)}",
                )
                for key, path in ways[:8]
            ]
        )


about_process(page, title="Process map", kicker="Process map · SigilSight")
