"""The template of a Grimoire by function: a page declared by its key figures, charts, tables, processes and products.

What belongs here: the declaration and how it is shown. What does not: any function's own declaration (`by_function/`).

Every figure, chart and table names the SQL it is read with, which the evidence shows. A part whose source is empty gives way to
one sentence that says what to connect.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import streamlit as st

from apps.streamlit import as_of, cards, charts, figures, look
from apps.streamlit.choices import PROCESS, known_processes
from apps.streamlit.evidence import evidence
from apps.streamlit.exports import About, Part, exports
from apps.streamlit.filter_bar import FILTERS
from apps.streamlit.mishaps import guarded
from apps.streamlit.reading import Asked, Rows, has_tables, noted, rows, snapshot_id
from apps.streamlit.stack import Stack
from apps.streamlit.wording import count, day, moment, number, safe
from mining.attribute_filters import Attribute

CURRENCY = "products.shared__currencies"
MOST_ROWS = 200
Kind = Literal["text", "number", "money", "day", "moment"]


@dataclass(frozen=True)
class Source:
    """Where parts of a page come from: the table they need rows of, and what to do where it has none."""

    title: str
    table: str
    missing: str
    commands: tuple[str, ...] = ("grimoire run",)


@dataclass(frozen=True)
class Figure:
    """One card: SQL of one row with `value`, and `before` where it is compared with an earlier time."""

    title: str
    of: Source
    sql: str
    unit: str = ""  # `money` stands for the reporting currency
    against: str = ""
    higher_is_better: bool | None = None
    foot: str = ""


@dataclass(frozen=True)
class Opens:
    """What a click on a chart leads to: the rows behind what was clicked and, where it is an attribute of one, a process.

    Attributes:
        rows: SQL of the rows, with `$1` for what was clicked.
        process: Name of the process.
        column: The attribute of its cases that has the value.
    """

    rows: str
    process: str = ""
    column: str = ""


@dataclass(frozen=True)
class Chart:
    """One chart over rows of SQL: bars by `what`, columns or lines over `what` (a day), stacked or told apart by `colour`."""

    title: str
    of: Source
    sql: str
    kind: Literal["bars", "columns", "lines"]
    what: str
    value: str
    unit: str
    colour: str = ""
    note: str = ""
    opens: Opens | None = None
    in_order: bool = False  # bars in the rows' order, not by size


@dataclass(frozen=True)
class Listing:
    """One table: SQL of its rows and its columns as (name, heading, kind)."""

    title: str
    of: Source
    sql: str
    columns: tuple[tuple[str, str, Kind], ...]
    note: str = ""


@dataclass(frozen=True)
class Grimoire:
    """A page for a function of the company.

    Attributes:
        title: Its heading.
        about: What it is for, in one sentence.
        domains: The domains whose key figures stand on top.
        figures: Cards of the page's own.
        charts: Two abreast.
        tables: Below them.
        processes: Names of the processes the function runs; those the lake does not know are left out.
        products: The data products it rests on, by short name.
    """

    title: str
    about: str
    domains: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Listing, ...] = ()
    processes: tuple[str, ...] = ()
    products: tuple[str, ...] = ()

    @property
    def sources(self) -> list[Source]:
        """Every source of a part, once, in the order of the page."""
        of = [*(one.of for one in self.figures), *(one.of for one in self.charts), *(one.of for one in self.tables)]
        return list(dict.fromkeys(of))


def show(page: Grimoire) -> None:
    """The page."""
    look.header(page.title, kicker="By function", sub=page.about)
    as_of.banner()
    as_of.write()
    _contents(page, as_of.chosen())


@st.fragment
def _contents(page: Grimoire, at: int | None) -> None:
    with guarded():
        there = [source for source in page.sources if has_rows(source, at)]
        with noted() as asked:
            top = figures.cards_of_domains(page.domains, as_of=at)
            own = [_card(figure, at) for figure in page.figures if figure.of in there]
        if top or own:
            st.html(cards.cards([*top, *own]))
            until = figures.kpi_period(as_of=at) if top else []
            told = f"Key figures to {day(until[0]['last'])}, with the forecast and its 80 % band. " if until else ""
            st.html(f'<div class="gr-asof">{safe(told)}Read from lake snapshot {snapshot_id() if at is None else at}.</div>')
        parts = [
            Part("Key figures", [{"figure": card.title, "value": f"{card.value} {card.unit}".strip()} for card in [*top, *own]])
        ]
        parts += _charts([chart for chart in page.charts if chart.of in there], at, asked)
        parts += [_table(table, at, asked) for table in page.tables if table.of in there]
        for source in page.sources:
            if source not in there:
                look.guidance(f"{source.title}: nothing here yet", source.missing, commands=source.commands)
        _foot(page, parts, asked)


def has_rows(source: Source, at: int | None) -> bool:
    """Whether the source has any."""
    return bool(rows(f"select 1 as there from {source.table} limit 1", needs=(source.table,), as_of=at))


def read(sql: str, *params: Any, at: int | None) -> Rows:
    """Rows of a declared statement; none where a table it names is not there. Decimals become floats, for charts."""
    words = (word.strip("(),;") for word in sql.replace("(", " ").split())
    named = [word for word in words if "." in word and word.split(".")[0] in _SCHEMAS]
    if not has_tables(*named, as_of=at):
        return []
    return [{name: _plain(value) for name, value in row.items()} for row in rows(sql, *params, as_of=at)]


_SCHEMAS = {"products", "mining", "forecasts", "platform", "quarantine"}


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def currency(at: int | None) -> str:
    """The reporting currency; empty where the lake names none."""
    found = rows(f"select currency_code from {CURRENCY} where is_reporting_currency", needs=(CURRENCY,), as_of=at)
    return str(found[0]["currency_code"]) if found else ""


def _unit(words: str, at: int | None) -> str:
    return words.replace("money", currency(at)) if "money" in words else words


def _card(figure: Figure, at: int | None) -> cards.Card:
    found = read(figure.sql, at=at)
    value, before = (found[0].get("value"), found[0].get("before")) if found else (None, None)
    change = value / before - 1 if value is not None and before else None
    return cards.Card(
        figure.title,
        number(value),
        unit=_unit(figure.unit, at),
        change=change,
        against=figure.against if change is not None else "",
        higher_is_better=figure.higher_is_better,
        foot=figure.foot,
    )


def _charts(shown: Sequence[Chart], at: int | None, asked: list[Asked]) -> list[Part]:
    found = []
    for first in range(0, len(shown), 2):
        for place, chart in zip(st.columns(2, gap="large"), shown[first : first + 2], strict=False):
            with place:
                found.append(_chart(chart, at, asked))
    return found


def _chart(chart: Chart, at: int | None, asked: list[Asked]) -> Part:
    with noted() as own:
        values = [{k: f"{v:%Y-%m-%d}" if isinstance(v, date) else v for k, v in row.items()} for row in read(chart.sql, at=at)]
    asked.extend(own)
    st.subheader(chart.title, anchor=False)
    unit = _unit(chart.unit, at)
    if not values:
        st.caption("Nothing to show: no row is concerned.")
        return Part(chart.title, [])
    if chart.kind == "bars":
        spec = charts.bars(values, chart.what, chart.value, unit, in_order=chart.in_order)
    elif chart.kind == "columns":
        spec = charts.columns(values, chart.what, chart.value, unit, chart.colour or None)
    else:
        spec = charts.lines(chart.what, chart.value, unit, chart.colour)
    key = f"chart-{chart.title}"
    if chart.opens is None:
        charts.show(values, spec, key=key)
        _note(chart.note)
    else:
        clicked = st.vega_lite_chart({**spec, "data": {"values": values}}, key=key, on_select="rerun", selection_mode="chosen")
        _note(f"{chart.note} Click for what is behind it.".strip())
        _opened(chart, chart.opens, clicked, at)
    return Part(chart.title, values, spec)


def _note(words: str) -> None:
    if words:
        st.caption(words)


def _opened(chart: Chart, opens: Opens, clicked: Any, at: int | None) -> None:
    """The rows behind what was clicked, and the way to the process with a filter on it."""
    points = clicked["selection"].get("chosen") or []
    if not points:
        return
    value = points[0].get(chart.what)
    if isinstance(value, int | float) and chart.kind != "bars":  # Vega says days in milliseconds
        value = datetime.fromtimestamp(value / 1000).date()
    found = read(opens.rows, value, at=at)
    look.line(f"<b>{safe(value)}</b>", note=f"{count(len(found))} rows, {MOST_ROWS} at most.")
    if opens.process and opens.process in {process.name for process in known_processes()}:
        stack = Stack((Attribute(opens.column, (value,)),))
        query = {PROCESS: opens.process, FILTERS: stack.packed()}
        st.page_link(
            "app_pages/process_map.py", label="All its cases on the process map", icon=":material/account_tree:", query_params=query
        )
    st.dataframe(found, hide_index=True, height=min(38 + 35 * max(1, len(found)), 320))


def _table(table: Listing, at: int | None, asked: list[Asked]) -> Part:
    with noted() as own:
        found = read(table.sql, at=at)
    asked.extend(own)
    st.subheader(table.title, anchor=False)
    if not found:
        st.caption("Nothing to show: no row is concerned.")
        return Part(table.title, [])
    heads = [(_unit(title, at), kind in {"number", "money"}) for _, title, kind in table.columns]
    look.table(heads, [[_cell(row.get(name), kind) for name, _, kind in table.columns] for row in found])
    _note(table.note)
    return Part(table.title, [{title: row.get(name) for name, title, _ in table.columns} for row in found])


def _cell(value: Any, kind: Kind) -> str:
    if value is None:
        return "–"
    if kind == "money":
        return count(value)
    if kind == "number":
        return number(value)
    if kind == "moment":
        return f'<span class="gr-unbroken">{safe(moment(value))}</span>'
    return f'<span class="gr-unbroken">{safe(day(value))}</span>' if kind == "day" else safe(value)


def _foot(page: Grimoire, parts: list[Part], asked: list[Asked]) -> None:
    """The way to the processes and products, the evidence, and the files."""
    titles = {process.name: process.title for process in known_processes()}
    known = [name for name in page.processes if name in titles]
    if known:
        st.subheader("Processes", anchor=False)
        with st.container(horizontal=True, key="function_processes"):
            for name in known:
                st.page_link(
                    "app_pages/overview.py", label=titles[name], icon=":material/account_tree:", query_params={PROCESS: name}
                )
    st.subheader("Data products", anchor=False)
    with st.container(horizontal=True, key="function_products"):
        for name in page.products:
            st.page_link("app_pages/data_products.py", label=name, icon=":material/inventory_2:", query_params={"product": name})
    with st.container(horizontal=True):
        evidence(asked, key="evidence_function")
        exports(parts, About(page.title, "By function", (page.about,)), key="export-function")
