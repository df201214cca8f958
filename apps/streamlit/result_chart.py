"""A chart of any result: which columns go where is guessed, and a person may say otherwise.

What belongs here: guessing, the choices, the specification. What does not: running the statement (`adhoc`).
"""

from typing import TYPE_CHECKING, Any

from apps.streamlit import charts
from apps.streamlit.charts import Spec
from apps.streamlit.palette import INK, series
from apps.streamlit.reading import Rows

if TYPE_CHECKING:
    import pandas as pd

KINDS = {"Bars": "bar", "Line": "line", "Area": "area", "Points": "point"}
MOST_COLOURS = 12
NONE = "–"


def plain_rows(frame: "pd.DataFrame") -> Rows:
    """The frame's rows as values a chart and a file take; what is missing is None, times are ISO 8601 text."""
    held = frame.astype(object).where(frame.notna(), None)
    return [{str(name): _plain(value) for name, value in row.items()} for row in held.to_dict("records")]


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "item"):
        return _plain(value.item()) if getattr(value, "ndim", 0) == 0 else [_plain(part) for part in value.tolist()]
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return float(value) if type(value).__name__ == "Decimal" else str(value)


def kind_of(rows: Rows, column: str) -> str:
    """`quantitative`, `temporal` or `nominal`, by the values; vega's words."""
    values = [row[column] for row in rows if row[column] is not None]
    if values and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return "quantitative"
    if values and all(isinstance(value, str) and _is_moment(value) for value in values[:200]):
        return "temporal"
    return "nominal"


def _is_moment(text: str) -> bool:
    return len(text) >= 10 and text[4:5] == "-" and text[7:8] == "-" and text[:4].isdecimal()


def guess(rows: Rows) -> tuple[str, str, str, str | None] | None:
    """Kind of chart, column across, column up and column of the colours; None where no column is a number."""
    kinds = {column: kind_of(rows, column) for column in rows[0]} if rows else {}
    numbers = [column for column, kind in kinds.items() if kind == "quantitative"]
    others = [column for column in kinds if column not in numbers]
    if not numbers or len(kinds) < 2:
        return None
    times = [column for column in others if kinds[column] == "temporal"]
    across = (times or others or numbers)[0]
    up = next((column for column in numbers if column != across), numbers[0])
    few = [column for column in others if column != across and len({row[column] for row in rows}) <= MOST_COLOURS]
    kind = "Line" if times else "Bars" if others else "Points"
    return kind, across, up, few[0] if times and few else None


def specification(rows: Rows, kind: str, across: str, up: str, colour: str | None) -> Spec:
    """The chart of rows; a nominal axis keeps the order of the rows."""
    across_kind, up_kind = kind_of(rows, across), kind_of(rows, up)
    mark: dict[str, Any] = {"type": KINDS[kind], "tooltip": True, "color": series(INK)}
    if kind == "Line":
        mark |= {"strokeWidth": 2, "point": len(rows) <= 60}
    if kind == "Points":
        mark |= {"filled": True, "size": 45, "opacity": 0.75}
    x: dict[str, Any] = {"field": _field(across), "type": across_kind, "title": across}
    if across_kind == "nominal":
        x |= {"sort": None, "axis": {"labelLimit": 180, "labelAngle": -35}}
    encoding: dict[str, Any] = {"x": x, "y": {"field": _field(up), "type": up_kind, "title": up}}
    if colour:
        encoding["color"] = {"field": _field(colour), "type": "nominal", "title": colour, "legend": {"orient": "top"}}
    return charts.framed({"mark": mark, "encoding": encoding}, height=380)


def _field(column: str) -> str:
    """A column's name as vega reads it: dots and brackets would mean parts of it."""
    return "".join(f"\\{letter}" if letter in ".[]'\"\\" else letter for letter in column)


def draw(rows: Rows) -> Spec | None:
    """The choices and the chart; what is drawn, or None where there is nothing to draw."""
    import streamlit as st

    first = guess(rows)
    if first is None:
        st.caption("A chart needs a column of numbers beside another column.")
        return None
    columns = list(rows[0])
    one, two, three, four = st.columns(4)
    kind = one.selectbox("Chart", list(KINDS), index=list(KINDS).index(first[0]), key=f"kind-{columns}")
    across = two.selectbox("Across", columns, index=columns.index(first[1]), key=f"across-{columns}")
    up = three.selectbox("Up", columns, index=columns.index(first[2]), key=f"up-{columns}")
    colours = [NONE, *columns]
    colour = four.selectbox("Colour", colours, index=colours.index(first[3] or NONE), key=f"colour-{columns}")
    spec = specification(rows, kind, across, up, None if colour == NONE else colour)
    charts.show(rows, spec, key="result_chart")
    return spec
