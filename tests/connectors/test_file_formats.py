"""Files of every format as rows: what each option does, what becomes of lines that are no rows, and what is refused."""

import gzip
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.connection import connection_of
from connectors.connector import connector_of
from connectors.files.names import column_names
from connectors.files.options import FileOptions
from connectors.files.values import duckdb_types
from connectors.staged import Rejected
from lake.errors import ConnectionFileError, FileFormatError
from lake.settings import get_settings

Row = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("GRIMOIRE_HOME", str(tmp_path / "home"))
    get_settings.cache_clear()
    yield
    assert not list((tmp_path / "home").glob("landing/scratch/*"))  # nothing is left lying about
    get_settings.cache_clear()


class Readings:
    """What came of reading a file."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.types: dict[str, str] = {}
        self.rejected: list[Rejected] = []

    def without(self, *names: str) -> list[Row]:
        return [{name: value for name, value in row.items() if name not in names} for row in self.rows]

    @property
    def plain(self) -> list[Row]:
        return self.without("_file", "_line")


def read(path: Path, **fields: Any) -> Readings:
    """Reads every file of a resource as a load would, without a lake."""
    place = fields.pop("of_connection", {})
    words = {"name": "c", "type": "files", "address": str(path.parent), **place}
    connection = connection_of({**words, "resources": [{"name": "r", "files": path.name, **fields}]}, origin="c.yaml")
    connector, found, evidence = connector_of(connection), Readings(), {}
    (resource,) = connection.resources
    for file in connector.place.listing("r", connector.resource_options["r"]):
        with (
            connector.place.at_hand(file) as copy,
            connector.reading(resource, evidence).read(file, copy, name=file.name) as whole,
        ):
            found.rows += [row for table in whole.tables() for row in table.to_pylist()]
            found.rejected += whole.rejected
            found.types |= duckdb_types(evidence, resource.columns, whole.columns)
    return found


def text(folder: Path, name: str, words: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(words.encode(encoding))
    return path


def test_each_row_says_where_it_stands_and_types_are_the_narrowest_that_lose_nothing(tmp_path: Path):
    found = read(
        text(tmp_path, "a.csv", "Id,Code,Price,When,Open\n1,007,1.5,2024-01-02 10:00,true\n\n2,010,2,2024-01-03 10:00,false\n")
    )
    assert [(row["id"], row["_file"], row["_line"]) for row in found.rows] == [("1", "a.csv", 2), ("2", "a.csv", 4)]
    assert [found.types[name] for name in ("id", "code", "price", "when", "open")] == [
        "bigint",
        "varchar",
        "double",
        "timestamptz",
        "boolean",
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_and_a_quoted_field_may_hold_it_quotes_and_lines(tmp_path: Path, delimiter: str):
    path = text(tmp_path, "a.csv", delimiter.join(["a", "b"]) + f'\n"x{delimiter}y","one ""two""\nthree"\n'.replace(",", delimiter))
    assert read(path).plain == [{"a": f"x{delimiter}y".replace(",", delimiter), "b": 'one "two"\nthree'}]


def test_any_other_delimiter_quote_and_comment_can_be_said(tmp_path: Path):
    path = text(tmp_path, "a.csv", "# made by hand\na~b\n'x~y'~'it''s'\n# end\n")
    assert read(path, delimiter="~", quote="'", comment="#").plain == [{"a": "x~y", "b": "it's"}]
    path = text(tmp_path, "b.csv", 'a,b\n5" pipe,x "y"\n')
    assert read(path, quote="").plain == [{"a": '5" pipe', "b": 'x "y"'}]


def test_header_rows_can_be_several_none_or_below_other_lines(tmp_path: Path):
    path = text(tmp_path, "a.csv", "Report of May\n\nSales,Sales,\nnet,gross,Note\n1,2,x\n")
    assert read(path, skip_rows=2, header_rows=2).plain == [{"sales_net": "1", "sales_gross": "2", "note": "x"}]
    path = text(tmp_path, "b.csv", "1,2\n3,4\n")
    assert read(path, header_rows=0, names=["a", "b"], format="csv").plain == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
    assert [row["_line"] for row in read(path, header_rows=0, names=["a", "b"], format="csv").rows] == [1, 2]
    assert read(path, names=["x", "y"]).plain == [{"x": "3", "y": "4"}]


def test_columns_are_called_by_one_rule_each_once():
    assert column_names(["Order No.", "cveID", "ZBD1T", "Größe", "a", "A", "", "номер", "_file"]) == [
        "order_no",
        "cve_id",
        "zbd1t",
        "grosse",
        "a",
        "a_2",
        "column_7",
        "column_8",
        "file",
    ]


@pytest.mark.parametrize(
    ("encoding", "said"),
    [("utf-8", None), ("utf-8-sig", None), ("cp1252", None), ("latin-1", "latin-1"), ("utf-16", None), ("cp850", "cp850")],
)
def test_the_encoding_is_found_or_said(tmp_path: Path, encoding: str, said: str | None):
    path = text(tmp_path, "a.csv", "Straße,Preis\nAm Römerhof,5\n", encoding)
    assert read(path, **({"encoding": said} if said else {})).plain == [{"strasse": "Am Römerhof", "preis": "5"}]


def test_null_words_hold_for_all_columns_or_for_one(tmp_path: Path):
    path = text(tmp_path, "a.csv", "a,b\n?,?\nNA,-100\n-100,NA\n,x\n")
    assert read(path, null_values={"*": "?", "b": ["-100"]}).plain == [
        {"a": None, "b": None},
        {"a": "NA", "b": None},
        {"a": "-100", "b": "NA"},
        {"a": None, "b": "x"},
    ]
    assert read(path, null_values=["?", "NA"]).plain[1] == {"a": None, "b": "-100"}


def test_numbers_are_read_as_they_are_written_and_others_are_left_for_the_gate(tmp_path: Path):
    path = text(tmp_path, "a.csv", "id;amount;other\n1;1.234,50-;1,5\n2;1.234.567,8;2\n3;-3;x\n4; 12 ;\n5;12,5 EUR;\n6;1,2,3;\n")
    found = read(path, decimal=",", thousands=".", columns={"amount": "decimal(14, 2)"}, numbers=["other"])
    assert [row["amount"] for row in found.rows] == ["-1234.50", "1234567.8", "-3", "12", "12,5 EUR", "1,2,3"]
    assert [row["other"] for row in found.rows][:3] == ["1.5", "2", "x"]
    path = text(tmp_path, "b.csv", "amount,x\n1'234.5,a\n")
    assert read(path, thousands="'", numbers=["amount"]).plain[0]["amount"] == "1234.5"


def test_dates_follow_their_formats_and_a_date_of_zeros_is_none(tmp_path: Path):
    path = text(tmp_path, "a.csv", "d;m;z\n31.12.2024;3/4/2024 17:05;20240131\n00.00.0000;;00000000\nnever;x;20240230\n")
    options = {"d": "%d.%m.%Y", "m": "%m/%d/%Y %H:%M", "z": ["%d.%m.%Y", "%Y%m%d"]}
    found = read(path, dates=options, columns={"d": "date", "z": "date", "m": "timestamptz"})
    assert [row["d"] for row in found.rows] == ["2024-12-31", None, "never"]
    assert [row["z"] for row in found.rows] == ["2024-01-31", None, "20240230"]
    assert found.rows[0]["m"] == "2024-03-04 17:05:00+00"


def moments(found: Readings, name: str) -> list[datetime]:
    return [datetime.fromisoformat(row[name]).astimezone(UTC) for row in found.rows]


def test_times_without_a_zone_are_those_of_the_zone_said_and_others_stay(tmp_path: Path):
    path = text(tmp_path, "a.csv", "at,said,x\n2024-07-01 10:00,01.07.2024 10:00,1\n2024-01-01T10:00:00Z,01.01.2024 10:00,1\n")
    found = read(path, of_connection={"time_zone": "Europe/Berlin"}, dates={"said": "%d.%m.%Y %H:%M"})
    assert moments(found, "at") == [datetime(2024, 7, 1, 8, tzinfo=UTC), datetime(2024, 1, 1, 10, tzinfo=UTC)]
    assert moments(found, "said") == [datetime(2024, 7, 1, 8, tzinfo=UTC), datetime(2024, 1, 1, 9, tzinfo=UTC)]
    own = read(path, of_connection={"time_zone": "Europe/Berlin"}, time_zone="America/New_York", dates={"said": "%d.%m.%Y %H:%M"})
    assert moments(own, "said")[0] == datetime(2024, 7, 1, 14, tzinfo=UTC)


def test_a_day_and_a_time_of_day_become_one_moment(tmp_path: Path):
    path = text(tmp_path, "a.csv", "ERDAT;ERZET\n20240701;101500\n20240701;000000\n00000000;101500\n20240702;\n")
    found = read(
        path,
        dates={"erdat": "%Y%m%d", "erzet": "%H%M%S"},
        moments={"created_at": ["erdat", "erzet"]},
        columns={"erdat": "date", "erzet": "time"},
        of_connection={"time_zone": "Europe/Berlin"},
    )
    assert [row["created_at"] for row in found.rows] == [
        "2024-07-01 10:15:00+02",
        "2024-07-01 00:00:00+02",
        None,
        "2024-07-02 00:00:00+02",
    ]
    assert [row["erzet"] for row in found.rows][:2] == ["10:15:00", "00:00:00"]


def test_blanks_are_kept_unless_they_are_to_be_trimmed_and_types_can_be_left_text(tmp_path: Path):
    path = text(tmp_path, "a.csv", "a,b\n x ,1\n")
    assert read(path).plain == [{"a": " x ", "b": "1"}]
    found = read(path, trim=True, types="text")
    assert (found.plain, found.types["b"]) == ([{"a": "x", "b": "1"}], "varchar")


def test_a_line_that_does_not_fit_is_kept_as_it_stands_with_file_and_line(tmp_path: Path):
    path = text(tmp_path, "a.csv", "a,b\n1,2\n3\n4,5,6\n7,8,\n9,10\n")
    found = read(path)
    assert [row["a"] for row in found.rows] == ["1", "7", "9"]  # empty fields too many are no fault
    assert [(one.row, one.text) for one in found.rejected] == [("a.csv:3", "3"), ("a.csv:4", "4,5,6")]
    assert found.rejected[0].reason == "a.csv: line 3: 1 fields, but the header has 2"


def test_a_quote_that_is_never_closed_costs_its_own_line_only(tmp_path: Path):
    lines = [f"{number},text {number}" for number in range(3_000)]
    lines[10] = '10,"text 10'
    lines[2_995] = '2995,"text 2995'
    found = read(text(tmp_path, "a.csv", "id,words\n" + "\n".join(lines) + "\n"))
    assert [one.row for one in found.rejected] == ["a.csv:12", "a.csv:2997"]
    assert [row["id"] for row in found.rows] == [str(number) for number in range(3_000) if number not in (10, 2_995)]


def test_nul_bytes_and_bytes_of_another_encoding_set_their_line_aside(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1,x\n2,y\0z\n3,\xfc\n\0\0\0\n4,w\n")
    found = read(path, encoding="utf-8")
    assert [row["a"] for row in found.rows] == ["1", "4"]
    assert [(one.row, one.text.strip()) for one in found.rejected] == [("a.csv:3", "2,y\\x00z"), ("a.csv:4", "3,\\xfc")]


def test_empty_files_are_refused_and_one_with_a_header_only_has_columns_and_no_rows(tmp_path: Path):
    with pytest.raises(FileFormatError, match=r"a\.csv is empty"):
        read(text(tmp_path, "a.csv", ""))
    with pytest.raises(FileFormatError, match=r"b\.csv holds no header"):
        read(text(tmp_path, "b.csv", "\n\n"))
    found = read(text(tmp_path, "c.csv", "a,b\n"))
    assert (found.rows, set(found.types)) == ([], {"a", "b", "_file", "_line"})


def test_a_file_that_is_something_else_altogether_is_refused_by_name(tmp_path: Path):
    with pytest.raises(FileFormatError, match=r"more than 10000 lines cannot be read"):
        read(text(tmp_path, "a.csv", "a,b\n" + "x\n" * 10_002))
    for name in ("b.parquet", "c.xlsx"):
        with pytest.raises(FileFormatError, match=f"{name} is no "):
            read(text(tmp_path, name, "hello"))
    with pytest.raises(FileFormatError, match=r"d\.bin has none of the known endings"):
        read(text(tmp_path, "d.bin", "hello"))
    (tmp_path / "e.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 100_000)[:-200])
    with pytest.raises(FileFormatError, match=r"e\.csv\.gz is damaged"):
        read(tmp_path / "e.csv.gz")
    (tmp_path / "f.zip").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(FileFormatError, match=r"f\.zip is a damaged archive"):
        read(tmp_path / "f.zip")


def test_packed_files_and_members_of_archives_are_read_and_named(tmp_path: Path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n"))
    (tmp_path / "b.csv").write_bytes(gzip.compress(b"a,b\n1,2\n"))  # packed, whatever its name says
    assert read(tmp_path / "a.csv.gz").rows == [{"a": "1", "b": "2", "_line": 2, "_file": "a.csv.gz"}]
    assert read(tmp_path / "b.csv").plain == [{"a": "1", "b": "2"}]
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("in/one.csv", "a,b\n1,2\n")
        archive.writestr("in/two.csv", "a,c\n3,4\n")
        archive.writestr("read.me", "nothing")
    both = read(tmp_path / "c.zip", member="*.csv")
    assert both.without("_line") == [
        {"a": "1", "b": "2", "c": None, "_file": "c.zip/in/one.csv"},
        {"a": "3", "b": None, "c": "4", "_file": "c.zip/in/two.csv"},
    ]
    assert len(read(tmp_path / "c.zip", member="*two*").rows) == 1
    with pytest.raises(FileFormatError, match=r"c\.zip holds no file x\*"):
        read(tmp_path / "c.zip", member="x*")


def test_framed_lists_of_sap_are_read_with_their_pages_and_signs_behind(tmp_path: Path):
    page = "-" * 30 + "\n|MANDT|VBELN     |NETWR    |\n" + "-" * 30 + "\n"
    first = "|100  |0000004711|1.234,50-|\n|100  |0000004712|      ,5 |\n"
    words = f"Table: VBAK\n\n{page}{first}{page}|100  |0000004713|a|b|\nstray\n{'-' * 30}\n"
    found = read(
        text(tmp_path, "a.txt", words),
        frame="|",
        decimal=",",
        thousands=".",
        trim=True,
        types="text",
        columns={"netwr": "decimal(14,2)"},
    )
    assert found.plain == [
        {"mandt": "100", "vbeln": "0000004711", "netwr": "-1234.50"},
        {"mandt": "100", "vbeln": "0000004712", "netwr": ".5"},
    ]
    assert [(one.row, one.text) for one in found.rejected] == [("a.txt:11", "|100  |0000004713|a|b|"), ("a.txt:12", "stray")]
    assert read(text(tmp_path, "b.txt", "a;b\n1;2\n"), frame="|").plain == [{"a": "1", "b": "2"}]  # not framed after all


def workbook(path: Path) -> Path:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sales"
    rows = [
        ["Sales of May"],
        [],
        ["Region", "Orders", "Share", "When", None, "Open"],
        ["North", 3, 0.25, datetime(2024, 1, 2, 3, 4), None, True],
        [None, 4, 1, date(2024, 1, 3), "below no header", False],
        [],
        ["South", "007", None, None, None, None],
    ]
    for row in rows:
        sheet.append(row)
    sheet.merge_cells("A4:A5")
    book.create_sheet("Other").append(["x"])
    book.save(path)
    return path


def test_a_sheet_is_read_below_its_header_with_merged_cells_filled_and_blank_rows_left_out(tmp_path: Path):
    path = workbook(tmp_path / "a.xlsx")
    found = read(path, header_row=3)
    assert found.plain == [
        {"region": "North", "orders": "3", "share": "0.25", "when": "2024-01-02 03:04:00", "open": "true"},
        {"region": "North", "orders": "4", "share": "1", "when": "2024-01-03", "open": "false"},
        {"region": "South", "orders": "007", "share": None, "when": None, "open": None},
    ]
    assert [row["_line"] for row in found.rows] == [4, 5, 7]
    assert found.types["orders"] == "varchar"  # 007 would not survive as a number
    assert read(path, header_row=3, merged="first").rows[1]["region"] is None
    assert set(read(path, sheet="Other").types) == {"x", "_file", "_line"}
    assert set(read(path, sheet=2).types) == {"x", "_file", "_line"}
    with pytest.raises(FileFormatError, match=r"a\.xlsx has no sheet `Third`.*It has Sales, Other"):
        read(path, sheet="Third")
    with pytest.raises(FileFormatError, match=r"a\.xlsx holds no header"):
        read(path, header_row=99)


def test_json_arrays_objects_and_lines_keep_what_is_nested_as_json(tmp_path: Path):
    objects = [
        {"Id": 1, "code": "12", "price": 1.10, "ok": True, "at": "2024-01-01T00:00:00Z", "tags": ["a", {"b": 2.5}]},
        {"Id": None, "late": "x"},
    ]
    array, lines = text(tmp_path, "a.json", json.dumps(objects, indent=1)), "\n".join(json.dumps(one) for one in objects)
    expected = [
        {
            "id": "1",
            "code": "12",
            "price": "1.1",
            "ok": "true",
            "at": "2024-01-01T00:00:00Z",
            "tags": '["a", {"b": 2.5}]',
            "late": None,
        },
        {"id": None, "code": None, "price": None, "ok": None, "at": None, "tags": None, "late": "x"},
    ]
    for path in (array, text(tmp_path, "b.ndjson", lines), text(tmp_path, "c.json", lines)):
        found = read(path)
        assert found.plain == expected
        kinds = [found.types[name] for name in ("id", "code", "price", "ok", "at", "tags", "late")]
        assert kinds == ["bigint", "varchar", "double", "boolean", "timestamptz", "json", "varchar"]
    inside = text(tmp_path, "d.json", json.dumps({"count": 2, "data": {"items": objects}, "none": []}))
    assert read(inside, selector="data.items").plain == expected
    assert read(inside, selector="none").rows == []
    assert read(text(tmp_path, "e.json", '{"a": 1}')).plain == [{"a": "1"}]
    with pytest.raises(FileFormatError, match=r"d\.json holds no array at `items`.*Its fields are count, data, none"):
        read(inside, selector="items")


def test_json_that_is_cut_off_is_refused_whole_and_records_that_are_no_objects_are_set_aside(tmp_path: Path):
    with pytest.raises(FileFormatError, match=r"a\.json is no whole JSON: after element 2"):
        read(text(tmp_path, "a.json", '[{"a": 1}, {"a": 2}, {"a": '))
    found = read(text(tmp_path, "b.ndjson", '{"a": 1}\n{"a": \n[1]\n{"a": "\\u0000"}\n{"a": "\\ud800"}\n{"a": 2}\n'))
    assert [row["a"] for row in found.rows] == ["1", "2"]
    assert [(one.row, one.text) for one in found.rejected] == [
        ("b.ndjson:2", '{"a": '),
        ("b.ndjson:3", "[1]"),
        ("b.ndjson:4", '{"a": "\\u0000"}'),
        ("b.ndjson:5", '{"a": "\\ud800"}'),
    ]


def test_parquet_keeps_its_types_and_nested_values_become_json(tmp_path: Path):
    import decimal

    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "Order ID": pa.array([1, 2], pa.int32()),
            "price": pa.array([decimal.Decimal("1.10"), None], pa.decimal128(10, 2)),
            "at": pa.array([datetime(2024, 7, 1, 10), None], pa.timestamp("us")),
            "day": pa.array([date(2024, 1, 1), None]),
            "lines": pa.array([[{"n": 1}], None]),
            "code": ["007", "x"],
            "raw": pa.array([b"\x00\xff", None], pa.binary()),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet", time_zone="Europe/Berlin")
    assert found.plain[0] == {
        "order_id": "1",
        "price": "1.10",
        "at": "2024-07-01 10:00:00+02",
        "day": "2024-01-01",
        "lines": '[{"n":1}]',
        "code": "007",
        "raw": "\\x00\\xFF",
    }
    assert [found.types[name] for name in ("order_id", "price", "at", "day", "lines", "code", "raw")] == [
        "integer",
        "decimal(10,2)",
        "timestamptz",
        "date",
        "json",
        "varchar",
        "blob",
    ]
    assert [row["_line"] for row in found.rows] == [1, 2]


SYSLOG = r"(?P<at>\w{3} [ \d]\d \d\d:\d\d:\d\d) (?P<host>\S+) (?P<message>.*)"


def test_lines_are_taken_apart_by_the_first_pattern_that_fits_and_their_continuations_are_added(tmp_path: Path):
    words = "Dec  9 10:00:00 web Error:\n    at one\n    at two\nsomething else\n2024-01-01 quiet\nDec 10 10:00:00 web end\n"
    found = read(text(tmp_path, "a.log", words), pattern=[SYSLOG, r"(?P<day>\S{10}) (?P<message>.*)"], continuation="message")
    assert [(row["host"], row["day"], row["message"], row["_line"]) for row in found.rows] == [
        ("web", None, "Error:\n    at one\n    at two", 1),
        (None, "2024-01-01", "quiet", 5),
        ("web", None, "end", 6),
    ]
    assert [(one.row, one.text) for one in found.rejected] == [("a.log:4", "something else")]


def test_a_missing_year_is_inferred_from_the_files_date_and_said(tmp_path: Path):
    path = text(tmp_path, "a.log", "Feb 29 10:00:00 web a\nDec 31 23:00:00 web b\nJan  2 10:00:00 web c\n")
    os.utime(path, (datetime(2025, 1, 1, 12, tzinfo=UTC).timestamp(),) * 2)
    found = read(path, pattern=SYSLOG, dates={"at": "%b %d %H:%M:%S"})
    assert [(row["at"], row["at_year_is_inferred"]) for row in found.rows] == [
        ("2024-02-29 10:00:00+00", "true"),
        ("2024-12-31 23:00:00+00", "true"),
        ("2025-01-02 10:00:00+00", "true"),
    ]
    said = read(path, pattern=SYSLOG, dates={"at": "%b %d %H:%M:%S"}, year=2008)
    assert [row["at"][:4] for row in said.rows] == ["2008"] * 3
    assert "at_year_is_inferred" not in said.types


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"format": "xml"}, r"resources\.r\.format"),
        ({"pattern": "("}, "is no regular expression"),
        ({"pattern": "(a)"}, "names no group"),
        ({"format": "text"}, "format: text needs `pattern`"),
        ({"decimal": ",", "thousands": ","}, "same character"),
        ({"moments": {"m": ["d", "t"]}}, "d, t has no format under `dates`"),
        ({"time_zone": "Mars/Base"}, "there is no time zone `Mars/Base`"),
        ({"header_rows": 0, "format": "csv"}, "header_rows: 0 needs `names`"),
        ({"positions": False}, "without a key"),
        ({"colour": "red"}, r"resources\.r\.colour: Extra inputs"),
    ],
)
def test_fields_that_make_no_sense_are_named(tmp_path: Path, fields: dict[str, Any], told: str):
    with pytest.raises(ConnectionFileError, match=told):
        read(tmp_path / "a.csv", **fields)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"address": ""}, "address is missing"),
        ({"address": "exports"}, "depends on where Grimoire was started"),
        ({"address": "/data/[x]"}, "read as a pattern"),
        ({"address": "/data", "time_zone": "x"}, "is no time zone"),
        ({"address": "/data", "drop": True, "resources": [{"name": "r", "key": "a", "deletions": {"by": "keys"}}]}, "drop folder"),
    ],
)
def test_places_that_make_no_sense_are_named(words: dict[str, Any], told: str):
    with pytest.raises(ConnectionFileError, match=told):
        connector_of(connection_of({"name": "c", "type": "files", **words}, origin="c.yaml"))


def test_a_folder_is_checked_and_looked_into_without_a_lake(tmp_path: Path):
    folder = tmp_path / "exports ünïcode"
    folder.mkdir()
    words = {
        "name": "c",
        "type": "files",
        "address": str(folder),
        "resources": [{"name": "orders", "files": "*.csv"}, {"name": "lines"}],
    }
    connector = connector_of(connection_of(words, origin="c.yaml"))
    text(folder, "bestellungen Größe.csv", "Id,At\n1,2024-01-01 10:00\n2,\n")
    found = connector.check()
    assert (found.is_well, found.missing) == (False, ("lines",))
    text(folder, "lines.json", '[{"a": [1]}]')
    assert connector.check().is_well
    shapes = {shape.name: shape for shape in connector.inspect()}
    assert dict(shapes["orders"].columns) == {"id": "bigint", "at": "timestamptz", "_line": "bigint", "_file": "varchar"}
    assert (shapes["orders"].rows, shapes["orders"].sample[0]["id"], shapes["orders"].key) == (2, "1", ("_file", "_line"))
    anything = connector_of(connection_of({**words, "resources": []}, origin="c.yaml")).inspect()
    assert {shape.name for shape in anything} == {"bestellungen_grosse", "lines"}
    gone = connector_of(connection_of({**words, "address": str(tmp_path / "none")}, origin="c.yaml")).check()
    assert (gone.is_well, "there is no folder" in gone.said) == (False, True)


READ_ALL = """
import resource, sys
from connectors.connection import connection_of
from connectors.connector import connector_of
words = {"name": "c", "type": "files", "address": sys.argv[1], "resources": [{"name": "r", "files": sys.argv[2]}]}
connector = connector_of(connection_of(words, origin="c.yaml"))
(file,) = connector.place.listing("r", connector.resource_options["r"])
reading = connector.reading(connector.connection.resources[0], {})
with connector.place.at_hand(file) as copy, reading.read(file, copy, name="r.csv") as whole:
    print(sum(table.num_rows for table in whole.tables()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_a_file_of_a_million_rows_takes_hardly_more_memory_than_a_small_one(tmp_path: Path):
    found = {}
    for rows in (20_000, 1_000_000):
        with gzip.open(tmp_path / f"{rows}.csv", "wt", encoding="utf-8", compresslevel=1) as target:
            target.write("id,name,amount\n")
            target.writelines(f"{number},some text that is not short {number},{number / 100}\n" for number in range(rows))
        done = subprocess.run(
            [sys.executable, "-c", READ_ALL, str(tmp_path), f"{rows}.csv"], capture_output=True, text=True, check=True, cwd=ROOT
        )
        counted, megabytes = map(int, done.stdout.split())
        assert counted == rows
        found[rows] = megabytes
    assert found[1_000_000] - found[20_000] < 100  # its text alone is 47 MB


def test_every_field_of_files_is_in_its_page():
    from connectors.files.options import DropFolder, PlaceOptions
    from connectors.kinds.event_log_files import EventLogOptions

    page = (ROOT / "docs" / "sources-files.md").read_text(encoding="utf-8")
    fields = [name for model in (FileOptions, PlaceOptions, DropFolder, EventLogOptions) for name in model.model_fields]
    assert len(fields) > 40
    assert [name for name in fields if f"`{name}`" not in page] == []
