"""One case drawn: its events along time with a lane for each of its objects, and its alignment with the model as chevrons.

What belongs here: rows and specification of the chart, HTML of the alignment. What does not: reading a case (`case_figures`).
"""

from collections.abc import Mapping
from typing import Any

from apps.streamlit import charts, palette
from apps.streamlit.case_figures import Case
from apps.streamlit.charts import Spec
from apps.streamlit.palette import GOLD
from apps.streamlit.reading import Rows
from apps.streamlit.wording import duration, moment, safe, shortened

LANE = "The case"
MOST_LANES, MOST_LABELS, LEAST_LABELLED = 24, 6, 0.06


def rows_of(case: Case, colours: Mapping[str, str], rest: str) -> tuple[Rows, int]:
    """Rows of the chart and how many objects have no lane because there are too many.

    Each row has kind (`event`, `lane` or `gap`), lane, when, until, label, activity, resource, after, colour.
    """
    lanes = {LANE: list(range(len(case.events)))}
    place = {event.get("event_id"): number for number, event in enumerate(case.events)}
    for link in case.objects:
        if link["event_id"] in place:
            lanes.setdefault(_lane(link), []).append(place[link["event_id"]])
    kept = dict(list(lanes.items())[: MOST_LANES + 1])
    found = [row for lane, numbers in kept.items() for row in _lane_rows(case, lane, sorted(set(numbers)), colours, rest)]
    return found + _gaps(case), len(lanes) - len(kept)


def _lane(link: Mapping[str, Any]) -> str:
    kind, number = str(link["object_type"]), str(link["object_id"])
    return f"{kind.replace('_', ' ')} {shortened(number.removeprefix(f'{kind}:'), letters=24)}"


def _lane_rows(case: Case, lane: str, numbers: list[int], colours: Mapping[str, str], rest: str) -> Rows:
    times = [_iso(case.events[number]["occurred_at"]) for number in numbers]
    found: Rows = [{"kind": "lane", "lane": lane, "when": times[0], "until": times[-1]}]
    for number, when in zip(numbers, times, strict=True):
        event = case.events[number]
        found.append(
            {
                "kind": "event",
                "lane": lane,
                "when": when,
                "activity": event["activity"],
                "told": moment(event["occurred_at"]),
                "resource": event.get("resource"),
                "after": duration(case.gaps[number]),
                "colour": colours.get(event["activity"], rest),
            }
        )
    return found


def _gaps(case: Case) -> Rows:
    """The longest waits between two events, where there is room to say them."""
    whole = case.seconds
    waits = sorted(((gap, number) for number, gap in enumerate(case.gaps) if gap and gap >= LEAST_LABELLED * whole), reverse=True)
    found: Rows = []
    for gap, number in waits[:MOST_LABELS]:
        start, end = case.events[number - 1]["occurred_at"], case.events[number]["occurred_at"]
        found.append(
            {
                "kind": "gap",
                "lane": LANE,
                "when": _iso(start),
                "until": _iso(end),
                "middle": _iso(start + (end - start) / 2),
                "label": duration(gap),
                "activity": f"{case.events[number - 1]['activity']} → {case.events[number]['activity']}",
            }
        )
    return found


def chart(lanes: int, *, one_moment: bool) -> Spec:
    """Lanes of events along time; fields as `rows_of` makes them.

    Args:
        lanes: How many there are.
        one_moment: All events happen at once: the axis tells times of day.
    """
    axis = {"grid": True, "format": "%d %b %Y %H:%M"} if one_moment else {"grid": True}
    x = {"field": "when", "type": "temporal", "title": None, "scale": {"type": "utc"}, "axis": axis}
    lane = {"title": None, "domain": False, "ticks": False, "labelLimit": 190}
    y = {"field": "lane", "type": "nominal", "sort": None, "axis": lane}
    line, gap = {"color": palette.token("rule"), "strokeWidth": 2}, {"color": palette.series(GOLD), "strokeWidth": 5}
    tips = [("activity", "Activity"), ("told", "When"), ("after", "After the event before"), ("resource", "By"), ("lane", "On")]
    layers: list[Spec] = [
        {"transform": [_only("lane")], "mark": {"type": "rule", **line}, "encoding": {"x": x, "x2": {"field": "until"}, "y": y}},
        {
            "transform": [_only("gap")],
            "mark": {"type": "rule", **gap, "opacity": 0.7},
            "encoding": {
                "x": x,
                "x2": {"field": "until"},
                "y": y,
                "tooltip": [{"field": "activity", "title": "Between"}, {"field": "label", "title": "Time"}],
            },
        },
        {
            "transform": [_only("event")],
            "mark": {"type": "circle", "size": 110, "opacity": 1, "stroke": palette.token("raised"), "strokeWidth": 1},
            "encoding": {
                "x": x,
                "y": y,
                "color": {"field": "colour", "type": "nominal", "scale": None},
                "tooltip": [{"field": field, "title": title} for field, title in tips],
            },
        },
        {
            "transform": [_only("gap")],
            "mark": {"type": "text", "dy": -12, "color": palette.token("body"), "fontWeight": 600, "fontSize": 12},
            "encoding": {"x": {**x, "field": "middle"}, "y": y, "text": {"field": "label"}},
        },
    ]
    return charts.framed({"layer": layers}, height=70 + 30 * lanes)


def _only(kind: str) -> dict[str, str]:
    return {"filter": f"datum.kind == '{kind}'"}


def _iso(when: Any) -> str:
    return str(when.isoformat())


def chevrons(steps: list[tuple[str, str]]) -> str:
    """Two ways to run side by side as HTML, a chevron a step: `both`, or only in the `log` or the `model`. Texts are escaped."""
    parts = "".join(
        f'<span class="gr-step {kind}" title="{safe(name)}">{safe(shortened(name, letters=30))}</span>'
        for kind, name in steps
        if name
    )
    return f'<div class="gr-steps">{parts}</div>'


def legend(case: Case, colours: Mapping[str, str]) -> str:
    """The colours of the activities of a case as HTML, as far as they have one of their own."""
    parts = "".join(
        f'<span><i class="swatch" style="background:{colours[name]}"></i>{safe(shortened(name, letters=30))}</span>'
        for name in dict.fromkeys(case.path)
        if name in colours
    )
    return f'<div class="gr-legend">{parts}</div>'
