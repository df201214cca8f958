"""Charts of the pages Conformance, Performance and People, as Vega-Lite.

What belongs here: specifications over rows that are aggregated already. What does not: the frame and showing them (`charts`).
"""

from collections.abc import Sequence

from apps.streamlit import palette
from apps.streamlit.charts import Spec, framed
from apps.streamlit.palette import ACCENT, GOLD, GREEN, INK, MUTED, series

_NAMES = {"labelLimit": 320, "labelOverlap": False}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def fitness() -> Spec:
    """Cases by fitness; fields low, high, is_exact, cases, label."""
    colour = {"condition": {"test": "datum.is_exact", "value": series(GREEN)}, "value": series(INK)}
    bars = {
        "mark": {"type": "bar", "binSpacing": 1},
        "encoding": {
            "x": {
                "field": "low",
                "bin": {"binned": True, "step": 0.05},
                "type": "quantitative",
                "title": "Fitness; the last bar fits exactly",
                "axis": {"format": "%", "values": [0, 0.2, 0.4, 0.6, 0.8, 1], "grid": False},
            },
            "x2": {"field": "high"},
            "y": {"field": "cases", "type": "quantitative", "title": "Cases"},
            "color": colour,
            "tooltip": [{"field": "label", "title": "Fitness"}, {"field": "cases", "type": "quantitative", "format": ","}],
        },
    }
    return framed(bars, height=210)


def parts_of_time(unit: str, names: Sequence[str], shown: Sequence[str]) -> Spec:
    """Time in parts, stacked; fields name, part, value, told. `names` from top to bottom; `shown` are the parts there are."""
    colours = {"Waiting": series(GOLD), "Working": series(GREEN), "Not told apart": series(MUTED)}
    there = [part for part in colours if part in shown]
    parts = {"domain": there, "range": [colours[part] for part in there]}
    return framed(
        {
            "mark": {"type": "bar"},
            "encoding": {
                "y": {"field": "name", "type": "nominal", "sort": list(names), "title": None, "axis": _NAMES},
                "x": {"field": "value", "type": "quantitative", "title": unit, "stack": "zero", "axis": {"tickCount": 8}},
                "color": {"field": "part", "type": "nominal", "scale": parts, "legend": {"orient": "top", "title": None}},
                "tooltip": [
                    {"field": "name", "title": " "},
                    {"field": "part", "title": "Part"},
                    {"field": "told", "title": "Time"},
                ],
            },
        },
        height=130 + 20 * len(names),
    )


def queue() -> Spec:
    """A queue over time: its mean as a line, its highest as a band; fields period, mean, highest, arrived, departed."""
    x = {"field": "period", "type": "temporal", "title": None, "axis": {"grid": False}}
    tooltip = [
        {"field": "period", "type": "temporal", "title": "From"},
        {"field": "mean", "type": "quantitative", "title": "On average", "format": ",.1f"},
        {"field": "highest", "type": "quantitative", "title": "At most", "format": ","},
        {"field": "arrived", "type": "quantitative", "title": "Came", "format": ","},
        {"field": "departed", "type": "quantitative", "title": "Went", "format": ","},
    ]
    most = {
        "mark": {"type": "area", "color": series(GOLD), "opacity": 0.25, "interpolate": "step-after"},
        "encoding": {
            "x": x,
            "y": {"field": "highest", "type": "quantitative", "title": "Cases: average and highest"},
            "tooltip": tooltip,
        },
    }
    mean = {
        "mark": {"type": "line", "color": series(INK), "strokeWidth": 2},
        "encoding": {"x": x, "y": {"field": "mean", "type": "quantitative"}, "tooltip": tooltip},
    }
    return framed({"layer": [most, mean]}, height=240)


def week() -> Spec:
    """Events by weekday and hour; fields weekday (its name), hour, events, cases."""
    return framed(
        {
            "mark": {"type": "rect", "stroke": palette.token("page"), "strokeWidth": 1},
            "encoding": {
                "x": {
                    "field": "hour",
                    "type": "ordinal",
                    "title": "Hour of the day",
                    "scale": {"domain": list(range(24))},
                    "axis": {"labelAngle": 0, "grid": False},
                },
                "y": {"field": "weekday", "type": "ordinal", "title": None, "scale": {"domain": list(WEEKDAYS)}},
                "color": _shade("events", "Events"),
                "tooltip": [
                    {"field": "weekday", "title": "Day"},
                    {"field": "hour", "title": "Hour"},
                    {"field": "events", "type": "quantitative", "format": ","},
                    {"field": "cases", "type": "quantitative", "format": ","},
                ],
            },
        },
        height=260,
    )


def speeds(colours: Sequence[str], names: Sequence[str]) -> Spec:
    """Cases by when they began a step and how quick they were; fields period, until, speed, class, cases, told."""
    scale = {"domain": list(names), "range": list(colours)}
    return framed(
        {
            "transform": [{"stack": "cases", "groupby": ["period"], "sort": [{"field": "class"}], "as": ["below", "above"]}],
            "mark": {"type": "rect", "stroke": palette.token("page"), "strokeWidth": 0.5},
            "encoding": {
                "x": {"field": "period", "type": "temporal", "title": None, "axis": {"grid": False, "format": "%d %b %Y"}},
                "x2": {"field": "until"},
                "y": {"field": "below", "type": "quantitative", "title": "Cases per week"},
                "y2": {"field": "above"},
                "color": {"field": "speed", "type": "nominal", "scale": scale, "legend": None},
                "tooltip": [
                    {"field": "period", "type": "temporal", "title": "Week from"},
                    {"field": "speed", "title": "Speed"},
                    {"field": "cases", "type": "quantitative", "format": ","},
                    {"field": "told", "title": "On average"},
                ],
            },
        },
        height=190,
    )


def workload(names: Sequence[str], field: str, title: str) -> Spec:
    """Who worked how much when; fields resource, period, events, cases, utilisation; `field` decides the shade."""
    share = field == "utilisation"
    return framed(
        {
            "mark": {"type": "rect"},
            "encoding": {
                "x": {
                    "field": "period",
                    "type": "temporal",
                    "timeUnit": "yearweek",
                    "title": None,
                    "axis": {"grid": False, "format": "%d %b %Y", "labelOverlap": "greedy"},
                },
                "y": {"field": "resource", "type": "nominal", "sort": list(names), "title": None, "axis": _NAMES},
                "color": _shade(field, title, form=".0%" if share else ",.0f"),
                "tooltip": [
                    {"field": "resource", "title": "Who"},
                    {"field": "period", "type": "temporal", "title": "From"},
                    {"field": "events", "type": "quantitative", "format": ","},
                    {"field": "cases", "type": "quantitative", "format": ","},
                    {"field": "told", "title": "Utilisation"},
                ],
            },
        },
        height=80 + 18 * len(names),
    )


def met(names: Sequence[str]) -> Spec:
    """How agreements were kept; fields name, what, cases, share. `names` in the order from top to bottom."""
    domain = ["Met", "Open, in time", "Open, late", "Breached"]
    scale = {"domain": domain, "range": [series(GREEN), series(MUTED), series(GOLD), series(ACCENT)]}
    return framed(
        {
            "mark": {"type": "bar"},
            "encoding": {
                "y": {"field": "name", "type": "nominal", "sort": list(names), "title": None, "axis": _NAMES},
                "x": {"field": "cases", "type": "quantitative", "title": "Cases", "stack": "normalize", "axis": {"format": "%"}},
                "color": {"field": "what", "type": "nominal", "scale": scale, "legend": {"orient": "top", "title": None}},
                "order": {"field": "place"},
                "tooltip": [{"field": "name", "title": " "}, {"field": "what", "title": "Kept"}, {"field": "cases", "format": ","}],
            },
        },
        height=150 + 28 * len(names),
    )


def _shade(field: str, title: str, *, form: str = ",.0f") -> Spec:
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "scale": {"range": [palette.token("sunken"), series(INK)], "domainMin": 0, "interpolate": "lab"},
        "legend": {"title": title, "format": form, "titleColor": palette.token("soft")},
    }
