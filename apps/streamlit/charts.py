"""Charts as Vega-Lite: small specifications over rows already aggregated in the lake.

What belongs here: specifications in the Grimoire's colours. What does not: reading the lake. Written as plain specifications
because importing altair alone costs a page half a second of its first paint.
"""

from datetime import date
from itertools import pairwise
from typing import Any

from apps.streamlit import palette
from apps.streamlit.palette import ACCENT, GOLD, GREEN, INK, MUTED, VIOLET, series

_WHEN = {
    "field": "period",
    "type": "temporal",
    "title": None,
    "axis": {"format": "%b %Y", "grid": False, "tickCount": {"interval": "month", "step": 2}},
}
FEW_PERIODS = 8
SEVERITIES = {"critical": VIOLET, "high": ACCENT, "medium": GOLD, "low": MUTED}
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
        # without anomalies it would be announced as a picture of nothing; the table below the chart names each
        "mark": {"type": "point", "filled": True, "size": 70, "color": palette.token("dot_bad"), "opacity": 1, "aria": False},
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
    axis = {"tickMinStep": 1, "tickCount": 12, "format": ",d", "grid": False}
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


def done_within(one: str, other: str) -> Spec:
    """How many cases of two groups are done within how many days; fields group, days, share."""
    days = {"field": "days", "type": "quantitative", "title": "Days from first to last event", "scale": {"nice": False}}
    part = {"field": "share", "type": "quantitative", "title": "Cases done within", "axis": {"format": "%"}}
    groups = {"domain": [one, other], "range": [series(ACCENT), series(INK)]}
    tips = [
        {"field": "group", "title": " "},
        {"field": "days", "type": "quantitative", "title": "Days", "format": ",.2f"},
        {"field": "share", "type": "quantitative", "title": "Done", "format": ".0%"},
    ]
    return framed(
        {
            "mark": {"type": "line", "strokeWidth": 2, "interpolate": "step-after"},
            "encoding": {
                "x": days,
                "y": part,
                "color": {
                    "field": "group",
                    "type": "nominal",
                    "scale": groups,
                    "legend": {"orient": "top", "title": None, "labelLimit": 400},
                },
                "tooltip": tips,
            },
        },
        height=280,
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


def bars(values: list[dict[str, Any]], what: str, value: str, unit: str, *, in_order: bool = False) -> Spec:
    """One bar per row, its value at its end, the largest first or in the rows' order; a click chooses the row (as `chosen`)."""
    most = max((float(row[value] or 0) for row in values), default=0)
    form = ".3~s" if most >= 100_000 else ",.3~r" if most < 1000 else ",.0f"
    y = {
        "field": what,
        "type": "nominal",
        "sort": None if in_order else "-x",
        "title": None,
        "axis": {"labelLimit": 170, "labelOverlap": False, "ticks": False, "domain": False},
    }
    scale = {"domain": [0, most * 1.26 or 1], "nice": False}
    x = {
        "field": value,
        "type": "quantitative",
        "title": unit,
        "scale": scale,
        "axis": {"grid": False, "format": "~s", "tickCount": 4},
    }
    tooltip = [
        {"field": what, "title": " "},
        {"field": value, "type": "quantitative", "title": unit, "format": ",.4~r" if most < 1000 else ",.0f"},
    ]
    bar = {
        "params": [_chosen(what)],
        "mark": {"type": "bar", "color": series(INK), "height": {"band": 0.68}, "cursor": "pointer"},
        "encoding": {"opacity": _DIMMED, "tooltip": tooltip},
    }
    label = {
        "mark": {"type": "text", "align": "left", "dx": 4, "color": palette.token("body")},
        "encoding": {"text": {"field": value, "type": "quantitative", "format": form}},
    }
    return framed({"encoding": {"x": x, "y": y}, "layer": [bar, label]}, height=27 * len(values) + 70)


def columns(values: list[dict[str, Any]], period: str, value: str, unit: str, colour: str | None = None) -> Spec:
    """Columns over time, stacked by `colour` where there is one; a click chooses the period (parameter `chosen`)."""
    days = sorted({date.fromisoformat(row[period]).toordinal() for row in values})
    gap = min((after - before for before, after in pairwise(days)), default=1)
    width = max(2, min(24, int(400 * gap / (days[-1] - days[0] + gap)))) if days else 2
    axis: Spec = {"format": "%-d %b %Y", "grid": False, "labelOverlap": True}
    if len(days) <= FEW_PERIODS:  # else the axis would name some of them twice, at midnight and at noon
        moments = map(date.fromordinal, days)
        axis["values"] = [{"year": one.year, "month": one.month, "date": one.day, "utc": True} for one in moments]
    x = {"field": period, "type": "temporal", "title": None, "axis": axis}
    y = {"field": value, "type": "quantitative", "title": unit, "axis": {"format": "~s", "tickCount": 5}}
    tooltip = [
        {"field": period, "type": "temporal", "title": "From", "format": "%-d %b %Y"},
        {"field": value, "type": "quantitative", "title": unit, "format": ",.0f"},
    ]
    encoding: Spec = {"x": x, "y": y, "opacity": _DIMMED, "tooltip": tooltip}
    if colour:
        encoding["color"] = {"field": colour, "type": "nominal", "legend": {"orient": "top", "title": None}}
        if (seen := {row[colour] for row in values}) <= set(SEVERITIES):
            known = {word: series(place) for word, place in SEVERITIES.items() if word in seen}
            encoding["color"]["scale"] = {"domain": list(known), "range": list(known.values())}
        tooltip.insert(1, {"field": colour, "title": " "})
    else:
        encoding["color"] = {"value": series(INK)}
    return framed(
        {
            "params": [_chosen(period)],
            "mark": {"type": "bar", "width": width, "cursor": "pointer"},
            "encoding": encoding,
        },
        height=230,
    )


def lines(period: str, value: str, unit: str, colour: str) -> Spec:
    """Lines over time, one per `colour`, each with its name at its end."""
    x = {"field": period, "type": "temporal", "title": None, "axis": {"format": "%b %Y", "grid": False, "labelOverlap": True}}
    y = {"field": value, "type": "quantitative", "title": unit, "axis": {"format": "~s", "tickCount": 5}}
    encoding = {"x": x, "y": y, "color": {"field": colour, "type": "nominal", "legend": None}}
    tooltip = [
        {"field": period, "type": "temporal", "title": "Day"},
        {"field": colour, "title": " "},
        {"field": value, "type": "quantitative", "title": unit, "format": ",.1f"},
    ]
    line = {"mark": {"type": "line", "strokeWidth": 2, "tooltip": True}, "encoding": {"tooltip": tooltip}}
    last = {"x": {**x, "aggregate": "max"}, "y": {**y, "aggregate": {"argmax": period}}, "text": {"field": colour}}
    name = {"mark": {"type": "text", "align": "left", "dx": 5, "fontWeight": 600}, "encoding": last}
    return framed(
        {"encoding": encoding, "layer": [line, name], "padding": {"right": 76, "left": 5, "top": 5, "bottom": 5}}, height=230
    )


_DIMMED: Spec = {"condition": {"param": "chosen", "value": 1}, "value": 0.35}


def _chosen(field: str) -> Spec:
    return {"name": "chosen", "select": {"type": "point", "fields": [field]}}


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
