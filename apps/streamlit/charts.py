"""Charts as Vega-Lite: small specifications over rows already aggregated in the lake.

What belongs here: specifications in the Grimoire's colours. What does not: reading the lake. Written as plain specifications
because importing altair alone costs a page half a second of its first paint.
"""

from typing import Any

from apps.streamlit import palette
from apps.streamlit.palette import ACCENT, GOLD, GREEN, INK, MUTED, series

_WHEN = {
    "field": "period",
    "type": "temporal",
    "title": None,
    "axis": {"format": "%b %Y", "grid": False, "tickCount": {"interval": "month", "step": 2}},
}
Spec = dict[str, Any]


def throughput() -> Spec:
    """Cases started and completed per week; fields period, what, cases."""
    return framed(
        {
            "mark": {"type": "line", "strokeWidth": 2},
            "encoding": {
                "x": _WHEN,
                "y": {"field": "cases", "type": "quantitative", "title": "Cases per week"},
                "color": {
                    "field": "what",
                    "type": "nominal",
                    "scale": {"domain": ["Started", "Completed", "Open"], "range": [series(INK), series(GREEN), series(GOLD)]},
                    "legend": {"orient": "top", "title": None},
                },
                "tooltip": [
                    {"field": "period", "type": "temporal", "title": "Week from"},
                    {"field": "what", "title": " "},
                    {"field": "cases", "type": "quantitative", "format": ","},
                ],
            },
        },
        height=240,
    )


def forecast(unit: str) -> Spec:
    """History and outlook; fields period, kind ('history', 'forecast' or 'anomaly'), value, lower_80 … upper_95."""

    def band(level: int, opacity: float) -> Spec:
        low, high = {"field": f"lower_{level}", "type": "quantitative", "title": unit}, {"field": f"upper_{level}"}
        return {"mark": {"type": "area", "color": series(GOLD), "opacity": opacity}, "encoding": {"x": _WHEN, "y": low, "y2": high}}

    def curve(kind: str, colour: str, dash: list[int]) -> Spec:
        return {
            "transform": [{"filter": f"datum.kind == '{kind}'"}],
            "mark": {"type": "line", "color": colour, "strokeWidth": 1.8, "strokeDash": dash},
            "encoding": {"x": _WHEN, "y": {"field": "value", "type": "quantitative", "title": unit, "scale": {"zero": False}}},
        }

    fields = [("value", "Value"), ("lower_80", "80 % from"), ("upper_80", "to"), ("lower_95", "95 % from"), ("upper_95", "to ")]
    rule = {
        "mark": {"type": "rule", "color": palette.token("rule"), "strokeWidth": 8, "opacity": 0.001},
        "encoding": {
            "x": _WHEN,
            "tooltip": [
                {"field": "period", "type": "temporal", "title": "Period"},
                *({"field": name, "type": "quantitative", "title": title, "format": ",.2f"} for name, title in fields),
            ],
        },
    }
    odd = {
        "transform": [{"filter": "datum.kind == 'anomaly'"}],
        "mark": {"type": "point", "filled": True, "size": 70, "color": palette.token("dot_bad"), "opacity": 1},
        "encoding": {
            "x": _WHEN,
            "y": {"field": "value", "type": "quantitative"},
            "tooltip": [{"field": "period", "type": "temporal", "title": "Not expected"}, {"field": "note", "title": " "}],
        },
    }
    layers = [
        band(95, 0.16),
        band(80, 0.26),
        curve("history", series(INK), [1, 0]),
        curve("forecast", series(ACCENT), [5, 3]),
        rule,
        odd,
    ]
    return framed({"layer": layers}, height=400)


def came(unit: str) -> Spec:
    """Forecasts made before each period against what came; fields period, value, actual, lower_80, upper_80, is_inside."""
    y = {"field": "actual", "type": "quantitative", "title": unit, "scale": {"zero": False}}
    band = {
        "mark": {"type": "area", "color": series(GOLD), "opacity": 0.26},
        "encoding": {"x": _WHEN, "y": {**y, "field": "lower_80"}, "y2": {"field": "upper_80"}},
    }
    line = {
        "mark": {"type": "line", "color": series(ACCENT), "strokeDash": [5, 3]},
        "encoding": {"x": _WHEN, "y": {**y, "field": "value"}},
    }
    colours = {
        "field": "is_inside",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": [True, False], "range": [series(INK), palette.token("dot_bad")]},
    }
    fields = (("actual", "Came"), ("value", "Forecast"), ("lower_80", "80 % from"), ("upper_80", "to"))
    tooltip = [
        {"field": "period", "type": "temporal", "title": "Period"},
        *({"field": name, "type": "quantitative", "title": title, "format": ",.2f"} for name, title in fields),
    ]
    points = {
        "mark": {"type": "point", "filled": True, "size": 42, "opacity": 1},
        "encoding": {"x": _WHEN, "y": y, "color": colours, "tooltip": tooltip},
    }
    return framed({"layer": [band, line, points]}, height=260)


def scenario(unit: str) -> Spec:
    """Two forecasts of the same periods; fields period, what ('As things are', 'Supposed'), value."""
    colours = {"domain": ["As things are", "Supposed"], "range": [series(INK), series(ACCENT)]}
    return framed(
        {
            "mark": {"type": "line", "strokeWidth": 2, "point": True},
            "encoding": {
                "x": {**_WHEN, "axis": {"format": "%d %b", "grid": False}},
                "y": {"field": "value", "type": "quantitative", "title": unit, "scale": {"zero": False}},
                "color": {"field": "what", "type": "nominal", "scale": colours, "legend": {"orient": "top", "title": None}},
            },
        },
        height=260,
    )


def pareto() -> Spec:
    """Cumulative share of cases by variant rank; fields rank, cumulative_share, cases."""
    axis = {"tickMinStep": 1, "format": ",d", "grid": False}
    x = {"field": "rank", "type": "quantitative", "title": "Variants, most frequent first", "axis": axis, "scale": {"nice": False}}
    share = {"field": "cumulative_share", "type": "quantitative", "title": "Cases covered", "axis": {"format": "%"}}
    tooltip = [
        {"field": "rank", "type": "quantitative", "title": "Variants"},
        {"field": "cumulative_share", "type": "quantitative", "title": "Cases covered", "format": ".1%"},
        {"field": "cases", "type": "quantitative", "title": "Cases of this variant", "format": ","},
    ]
    return framed(
        {
            "mark": {
                "type": "area",
                "line": {"color": series(INK), "strokeWidth": 2},
                "color": series(INK),
                "opacity": 0.12,
                "interpolate": "step-after",
            },
            "encoding": {"x": x, "y": {**share, "scale": {"domain": [0, 1]}}, "tooltip": tooltip},
        },
        height=210,
    )


def backtest_windows() -> Spec:
    """Scaled error per backtest window and model; fields window_start, model, mase."""
    points = {
        "mark": {"type": "line", "point": {"filled": True, "size": 45}, "strokeWidth": 1.6},
        "encoding": {
            "x": {"field": "window_start", "type": "temporal", "title": "Window from"},
            "y": {"field": "mase", "type": "quantitative", "title": "Scaled error (MASE)"},
            "color": {
                "field": "model",
                "type": "nominal",
                "scale": {"range": [series(ACCENT), series(INK), series(GOLD), series(GREEN)]},
                "legend": {"orient": "top"},
            },
        },
    }
    one = {"mark": {"type": "rule", "strokeDash": [4, 4], "color": series(MUTED)}, "encoding": {"y": {"datum": 1}}}
    return framed({"layer": [points, one]}, height=240)


def show(values: list[dict[str, Any]], spec: Spec, *, key: str) -> None:
    """Shows rows as the chart; dates must be text already."""
    import streamlit as st

    st.vega_lite_chart({**spec, "data": {"values": values}}, key=key)


def framed(spec: Spec, *, height: int) -> Spec:
    """A specification in the Grimoire's colours, so many px high."""
    return {"$schema": "https://vega.github.io/schema/vega-lite/v6.json", "height": height, "config": _config(), **spec}


def _config() -> Spec:
    soft, rule = palette.token("soft"), palette.token("rule")
    lines = {"gridColor": palette.token("hair"), "domainColor": rule, "tickColor": rule}
    return {
        "axis": {**lines, "labelColor": soft, "titleColor": soft},
        "view": {"stroke": None},
        "background": "transparent",
        "legend": {"labelColor": palette.token("body"), "title": None},
        "range": {"category": list(palette.SERIES[palette.mode()])},
    }
