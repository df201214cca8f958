"""What a person can take away from a page: its figures as CSV or Parquet, its charts as SVG or PNG, the whole of it as a report.

What belongs here: turning a page's parts into files, and the popover that offers them. What does not: the figures and charts.

A page hands over its `Part`s: what it shows anyway, so that a file never says other than the page. Files are made when the popover
is opened. The report is one HTML file that holds everything and fetches nothing; charts are drawn for paper, in light.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

import streamlit as st

from apps.streamlit import palette
from apps.streamlit.mishaps import guarded
from apps.streamlit.reading import CACHED_RESULTS, Rows
from apps.streamlit.wording import NOTHING, count, moment, safe

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS_IN_REPORT = 200
CHART_WIDTH = 900


@dataclass(frozen=True)
class Part:
    """One part of a page: a table, a chart with its rows, or both; `html` stands in place of the table where the page has one."""

    title: str
    rows: Rows
    chart: dict[str, Any] | None = None
    html: str = ""

    @property
    def name(self) -> str:
        """What its files are called."""
        kept = "".join(letter if letter.isalnum() else "_" for letter in self.title.lower())
        return "_".join(filter(None, kept.split("_"))) or "part"


@dataclass(frozen=True)
class About:
    """What a report says above its parts."""

    title: str
    kicker: str
    lines: tuple[str, ...] = ()


def exports(parts: Sequence[Part], about: About, *, key: str) -> None:
    """The popover with everything that can be taken away; empty until it is opened.

    Args:
        parts: What the page shows; parts without rows are left out.
        about: What stands above them in the report.
        key: Of the popover, unlike any other of the page.
    """
    where = st.popover("Export", icon=":material/download:", type="tertiary", key=key, on_change="rerun")
    if not where.open:
        return
    with where, guarded("This cannot be exported"):
        shown = [part for part in parts if part.rows]
        _save("Report of this page, HTML", report(shown, about).encode(), f"{about.title} {about.kicker}.html", "text/html", key)
        for part in shown:
            st.caption(part.title)
            with st.container(horizontal=True):
                _save("CSV", csv(part.rows), f"{part.name}.csv", "text/csv", f"{key}-{part.name}")
                _save("Parquet", parquet(part.rows), f"{part.name}.parquet", "application/vnd.apache.parquet", f"{key}-{part.name}")
                if part.chart:
                    drawn = svg(part)
                    _save("SVG", drawn.encode(), f"{part.name}.svg", "image/svg+xml", f"{key}-{part.name}")
                    _save("PNG", png(part), f"{part.name}.png", "image/png", f"{key}-{part.name}")


def _save(label: str, data: bytes, name: str, mime: str, key: str) -> None:
    st.download_button(label, data, file_name=name, mime=mime, key=f"{key}-{label}", on_click="ignore")


def csv(rows: Rows) -> bytes:
    """Rows as CSV in UTF-8 with a head; lists are joined by arrows, times are ISO 8601."""
    flat = [{name: " → ".join(map(str, v)) if isinstance(v, list | tuple) else v for name, v in row.items()} for row in rows]
    return bytes(_frame(flat).to_csv(index=False).encode())


def parquet(rows: Rows) -> bytes:
    """Rows as Parquet with their types, lists included."""
    held = BytesIO()
    _frame(rows).to_parquet(held, index=False)
    return held.getvalue()


def _frame(rows: Rows) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(rows)


def svg(part: Part) -> str:
    """A part's chart as SVG, in the light colours."""
    return _drawn(_whole(part))


def png(part: Part) -> bytes:
    """The same as PNG, at twice the size for print."""
    return _painted(_whole(part))


@st.cache_data(max_entries=CACHED_RESULTS // 8, show_spinner="Drawing …")
def _drawn(spec: str) -> str:
    import vl_convert

    return str(vl_convert.vegalite_to_svg(spec))


@st.cache_data(max_entries=CACHED_RESULTS // 8, show_spinner="Drawing …")
def _painted(spec: str) -> bytes:
    import vl_convert

    return bytes(vl_convert.vegalite_to_png(spec, scale=2))


def _whole(part: Part) -> str:
    spec = {"width": CHART_WIDTH, **(part.chart or {}), "background": "white", "data": {"values": part.rows}}
    return palette.in_light(json.dumps(spec, default=str))


def report(parts: Sequence[Part], about: About) -> str:
    """The page as one HTML file that fetches nothing: heading, what it is about, charts as SVG, tables."""
    made = f"Made {moment(datetime.now(UTC))}."
    lines = "".join(f"<p>{safe(line)}</p>" for line in (*about.lines, made))
    body = "".join(_section(part) for part in parts)
    head = f'<p class="kicker">{safe(about.kicker)}</p><h1>{safe(about.title)}</h1><div class="about">{lines}</div>'
    title = f"{safe(about.title)} · {safe(about.kicker)}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>{head}{body}</body></html>"
    )


def _section(part: Part) -> str:
    drawn = svg(part) if part.chart else ""
    return f"<h2>{safe(part.title)}</h2>{drawn}{part.html or _table(part.rows)}"


def _table(rows: Rows) -> str:
    names = list(rows[0]) if rows else []
    head = "".join(f"<th>{safe(name.replace('_', ' '))}</th>" for name in names)
    body = "".join("<tr>" + "".join(_cell(row.get(name)) for name in names) + "</tr>" for row in rows[:MOST_ROWS_IN_REPORT])
    rest = f"<p>{count(len(rows) - MOST_ROWS_IN_REPORT)} more rows are in the CSV.</p>" if len(rows) > MOST_ROWS_IN_REPORT else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"


def _cell(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return f"<td>{NOTHING if value is None else 'yes' if value else 'no'}</td>"
    if isinstance(value, int | float):
        return f'<td class="num">{value:,}</td>' if isinstance(value, int) else f'<td class="num">{value:,.4g}</td>'
    if isinstance(value, list | tuple):
        value = " → ".join(map(str, value))
    return f"<td>{safe(moment(value) if isinstance(value, datetime) else value)}</td>"


def _css() -> str:
    light = {name: pair[0] for name, pair in palette.TOKENS.items()}
    return (
        f"body{{font:15px/1.5 Georgia,serif;color:{light['ink']};background:white;max-width:1000px;"
        "margin:2rem auto;padding:0 1rem}"
        f".kicker{{text-transform:uppercase;letter-spacing:.09em;font-size:.76rem;color:{light['accent']};margin:0}}"
        f"h1{{margin:.1rem 0 .4rem}}h2{{margin:1.6rem 0 .4rem;font-size:1.15rem}}.about p{{margin:.1rem 0;color:{light['soft']}}}"
        f"table{{border-collapse:collapse;width:100%;font:13px/1.4 sans-serif}}th{{text-align:left;background:{light['sunken']}}}"
        f"th,td{{padding:.3rem .5rem;border-bottom:1px solid {light['hair']};vertical-align:top;overflow-wrap:anywhere}}"
        "td.num{text-align:right;font-variant-numeric:tabular-nums}svg{max-width:100%;height:auto}"
    )


_STYLE = _css()
