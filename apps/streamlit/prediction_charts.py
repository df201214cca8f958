"""Charts of how good predictions of cases are: error by events known, predicted against observed, what the model looks at.

What belongs here: their specifications. What does not: reading them (`predictions`).
"""

import streamlit as st

from apps.streamlit import charts
from apps.streamlit.charts import Spec
from apps.streamlit.palette import ACCENT, GOLD, INK, MUTED, series
from apps.streamlit.predictions import OUTCOMES
from apps.streamlit.reading import Rows

HEIGHT = 250
ERRORS = {"remaining_time": "Mean absolute error, days", "next_activity": "Share of wrong ones"}


def earliness(target: str) -> Spec:
    """Error by number of events known, model and floor; fields events, who, error, prefixes."""
    title = ERRORS.get(target, "Brier score")
    axis = {"tickMinStep": 1, "format": "d", "grid": False}
    scale = {"domain": ["Model", "Floor"], "range": [series(ACCENT), series(MUTED)]}
    return charts.framed(
        {
            "mark": {"type": "line", "point": {"filled": True, "size": 30}, "strokeWidth": 2},
            "encoding": {
                "x": {"field": "events", "type": "quantitative", "title": "Events known", "axis": axis, "scale": {"zero": False}},
                "y": {"field": "error", "type": "quantitative", "title": title, "scale": {"zero": True}},
                "color": {"field": "who", "type": "nominal", "scale": scale, "legend": {"orient": "top", "title": None}},
                "tooltip": [
                    {"field": "who", "title": " "},
                    {"field": "events", "title": "Events known"},
                    {"field": "error", "type": "quantitative", "title": title, "format": ".3f"},
                    {"field": "prefixes", "type": "quantitative", "title": "Measured on", "format": ","},
                ],
            },
        },
        height=HEIGHT,
    )


def calibration() -> Spec:
    """Observed against predicted shares with the line they should lie on; fields predicted, observed, prefixes."""
    unit = {"type": "quantitative", "scale": {"domain": [0, 1]}, "axis": {"format": "%"}}
    x = {"field": "predicted", "title": "Predicted risk", **unit}
    y = {"field": "observed", "title": "Share that came true", **unit}
    ideal = {
        "data": {"values": [{"predicted": 0, "observed": 0}, {"predicted": 1, "observed": 1}]},
        "mark": {"type": "line", "strokeDash": [4, 4], "color": series(MUTED)},
        "encoding": {"x": x, "y": y},
    }
    line = {"mark": {"type": "line", "color": series(INK), "strokeWidth": 1.6}, "encoding": {"x": x, "y": y}}
    tooltip = [
        {"field": "predicted", "type": "quantitative", "format": ".1%", "title": "Predicted"},
        {"field": "observed", "type": "quantitative", "format": ".1%", "title": "Came true"},
        {"field": "prefixes", "type": "quantitative", "format": ",", "title": "Moments"},
    ]
    size = {"field": "prefixes", "type": "quantitative", "legend": None, "scale": {"range": [20, 220]}}
    points = {
        "mark": {"type": "point", "filled": True, "color": series(INK), "opacity": 0.9},
        "encoding": {"x": x, "y": y, "size": size, "tooltip": tooltip},
    }
    return charts.framed({"layer": [ideal, line, points]}, height=HEIGHT)


def importance() -> Spec:
    """What the model looks at; fields feature, share."""
    shares = {"field": "share", "type": "quantitative", "title": "Share of what moves the prediction"}
    features = {"field": "feature", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 240}}
    return charts.framed(
        {
            "mark": {"type": "bar", "color": series(GOLD)},
            "encoding": {
                "y": features,
                "x": {**shares, "axis": {"format": "%", "grid": False}},
                "tooltip": [{"field": "feature", "title": " "}, {**shares, "format": ".1%"}],
            },
        },
        height=HEIGHT,
    )


def draw(early: Rows, bins: Rows, weights: Rows, target: str) -> None:
    """The charts there are figures for, beside each other."""
    wanted = [
        ("Error by how much is known", early, earliness(target), "earliness"),
        ("Does a risk come true as often as it says?", bins if target in OUTCOMES else [], calibration(), "calibration"),
        ("What it looks at", weights, importance(), "importance"),
    ]
    there = [part for part in wanted if part[1]]
    for where, (title, rows, spec, key) in zip(st.columns(max(2, len(there)), gap="large"), there, strict=False):
        with where:
            st.caption(title)
            charts.show(rows, spec, key=key)
