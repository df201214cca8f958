"""What a page exports is what it shows: rows as CSV and Parquet, charts as SVG and PNG, the page as one file."""

import io
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pyarrow.parquet
import pytest

from apps.streamlit import charts
from apps.streamlit.exports import MOST_ROWS_IN_REPORT, About, Part, csv, parquet, png, report, svg

EVIL = "<script>alert(1)</script>"
ROWS = [
    {"activities": ["Ship", EVIL], "cases": 1200, "share": 0.25, "fitness": None, "at": datetime(2024, 1, 2, 3, 4, tzinfo=UTC)},
    {"activities": ["受注"], "cases": 3, "share": 0.75, "fitness": 1.0, "at": None},
]
CURVE = [{"rank": i, "cases": 10 - i, "cumulative_share": i / 9} for i in range(1, 10)]


def test_csv_holds_every_row_with_lists_as_arrows():
    lines = csv(ROWS).decode().splitlines()
    assert lines[0] == "activities,cases,share,fitness,at"
    assert lines[1].startswith(f"Ship → {EVIL},1200,0.25,,2024-01-02 03:04:00")
    assert len(lines) == 3


def test_parquet_keeps_types_and_lists():
    table = pyarrow.parquet.read_table(io.BytesIO(parquet(ROWS)))
    assert table.column("activities").to_pylist() == [["Ship", EVIL], ["受注"]]
    assert str(table.schema.field("cases").type) == "int64"
    assert table.column("at").to_pylist()[0] == datetime(2024, 1, 2, 3, 4, tzinfo=UTC)


@pytest.mark.parametrize("rows", [[], [{}], [{"a": None}]])
def test_nothing_can_be_exported_too(rows):
    assert isinstance(csv(rows), bytes) and parquet(rows)[:4] == b"PAR1"


def test_a_chart_is_drawn_as_svg_and_png_with_its_own_values():
    part = Part("Coverage", CURVE, charts.pareto())
    assert "Variants, most frequent first" in svg(part)
    assert png(part)[:8] == b"\x89PNG\r\n\x1a\n"
    assert svg(part) != svg(Part("Coverage", CURVE[:4], charts.pareto()))


class Parts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href"}]


def test_a_report_is_one_file_that_says_everything_fetches_nothing_and_runs_nothing():
    about = About("Order to cash <b>", "Variants", ("Filters: Cases of 2 to 9 events.", "Read as of lake snapshot 7."))
    text = report([Part("Coverage", CURVE, charts.pareto()), Part("Variants", ROWS)], about)
    parts = Parts()
    parts.feed(text)
    assert parts.addresses == [] and "@import" not in text and "script" not in parts.tags
    assert {"h1", "svg", "table"} <= set(parts.tags)
    for said in ("Order to cash &lt;b&gt;", "Cases of 2 to 9 events", "snapshot 7", "1,200", "受注", "&lt;script&gt;"):
        assert said in text
    assert not re.search(r"url\(\s*['\"]?http", text)


def test_a_long_table_is_cut_in_the_report_and_says_so():
    rows = [{"case": f"case {i}"} for i in range(MOST_ROWS_IN_REPORT + 7)]
    text = report([Part("Cases", rows)], About("t", "k"))
    assert text.count("<tr><td>") == MOST_ROWS_IN_REPORT and "7 more rows are in the CSV" in text
