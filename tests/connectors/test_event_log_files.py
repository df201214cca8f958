"""Files as people have them, good and bad: each becomes a process, or an error that says what to do, and never half of one."""

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import lake
from connectors.event_log_files import import_event_log
from lake.errors import ColumnMissingError, FileFormatError, UnknownProcessError
from lake.registry import get_process, register_process

pytestmark = pytest.mark.usefixtures("module_home")

ORDERS = """case_id,activity,timestamp,user
1,place,2024-01-01 10:00:00,Ann
1,ship,2024-01-02 10:00:00,Bob
2,place,2024-01-03 10:00:00,Ann
"""


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def exists(table: str) -> bool:
    return bool(rows(f"select 1 from duckdb_columns() where database_name = 'lake' and table_name = '{table}'"))


def test_a_csv_file_becomes_a_process_with_a_case_view(tmp_path: Path):
    heard: list[float] = []
    report = import_event_log(file(tmp_path, "Web Orders.csv", ORDERS), progress=lambda _, done: heard.append(done))
    assert (report.process, report.cases, report.events, report.activities) == ("web_orders", 2, 3, 2)
    assert report.notes == ["Values of `timestamp` that name no time zone were taken as UTC."]
    assert rows("from event_logs.web_orders order by source_row")[0] == (
        "1", "place", datetime(2024, 1, 1, 10, tzinfo=UTC), None, "Ann", 1,
    )  # fmt: skip
    assert rows("select column_name from duckdb_columns() where schema_name = 'raw_files' and table_name = 'web_orders'")[-2:] == [
        ("_loaded_at",),
        ("_load_id",),
    ]
    with lake.connect(read_only=True) as connection:
        known = get_process(connection, "web_orders")
    assert (known.origin, known.definition["file"]) == ("file", "Web Orders.csv")
    assert heard[-1] == 1.0


@pytest.mark.parametrize(("mark", "encoding"), [(";", "utf-8"), ("\t", "utf-8-sig"), ("|", "utf-16"), (",", "cp1252")])
def test_delimiter_and_encoding_are_found_out(tmp_path: Path, mark: str, encoding: str):
    text = 'Fall;Aktivität;Zeit\n"ü;1";Prüfung;2024-01-01\n"ü;1";Größe;2024-01-02\n'.replace('"ü;1"', "ü1").replace(";", mark)
    import_event_log(file(tmp_path, "umlauts.csv", text.encode(encoding)), case="Fall", activity="aktivität", timestamp="Zeit")
    assert rows("select case_id, activity from event_logs.umlauts order by source_row") == [("ü1", "Prüfung"), ("ü1", "Größe")]


def test_gzip_is_unpacked_whatever_the_file_is_called(tmp_path: Path):
    for name in ("packed.csv.gz", "packed.csv"):
        assert import_event_log(file(tmp_path, name, gzip.compress(ORDERS.encode()))).events == 3


def test_cases_called_na_null_and_none_survive(tmp_path: Path):
    words = ["NA", "null", "None", "NaN", "N/A", "nan", "NULL"]
    lines = "".join(f"{word},{word},2024-01-01,{word}\n" for word in words)
    report = import_event_log(file(tmp_path, "words.csv", "case,activity,time,note\n" + lines))
    assert (report.cases, report.rows_quarantined) == (7, 0)
    assert rows("select case_id, activity, note from event_logs.words order by source_row") == [(word,) * 3 for word in words]


def test_rows_without_case_activity_or_time_go_to_quarantine_with_the_reason(tmp_path: Path):
    text = "case,activity,time\n1,a,2024-01-01\n,b,2024-01-02\n2,,2024-01-03\n3,c,\n4,d,soon\n1,e,2024-01-05\n"
    report = import_event_log(file(tmp_path, "holes.csv", text))
    assert (report.events, report.rows_quarantined) == (2, 4)
    found = rows("select row_key, reason, row_json from quarantine.rows where table_name = 'holes' order by row_key")
    assert [(key, reason) for key, reason, _ in found] == [
        ("2", "missing or unreadable: case"),
        ("3", "missing or unreadable: activity"),
        ("4", "missing or unreadable: timestamp"),
        ("5", "missing or unreadable: timestamp"),
    ]
    assert '"time":"soon"' in found[-1][2]
    assert [row for (row,) in rows("select source_row from event_logs.holes order by 1")] == [1, 6]


def test_rows_with_too_many_or_too_few_fields_go_to_quarantine_with_their_line(tmp_path: Path):
    report = import_event_log(file(tmp_path, "ragged.csv", ORDERS + "3,place\n4,place,2024-01-04,Ann,extra\n"))
    assert (report.events, report.rows_quarantined) == (3, 2)
    assert rows("select row_key from quarantine.rows where table_name = 'ragged' order by 1") == [("line 5",), ("line 6",)]


def loads_of(name: str) -> list[tuple[Any, ...]]:
    columns = "rows_extracted, rows_landed, rows_quarantined, rows_inserted, bytes, source"
    return rows(f"select {columns} from platform.loads where table_name = '{name}' order by finished_at")


def test_an_import_is_noted_among_the_loads_with_what_it_landed_and_set_aside(tmp_path: Path):
    path = file(tmp_path, "noted.csv", ORDERS + "3,place\n4,,2024-01-04,Ann\n")
    report = import_event_log(path)
    assert loads_of("noted") == [(5, 3, 2, 3, path.stat().st_size, "file")]
    ((load_id, snapshot_id, seconds),) = rows("select load_id, snapshot_id, seconds from platform.loads where table_name = 'noted'")
    assert load_id == report.load_id and seconds > 0
    assert rows("select distinct _load_id from raw_files.noted") == [(load_id,)]
    with lake.connect(read_only=True, as_of=snapshot_id) as before:
        assert not before.execute("select 1 from duckdb_tables() where table_name = 'noted'").fetchall()


def test_every_import_is_noted_and_one_that_fails_is_not(tmp_path: Path):
    import_event_log(file(tmp_path, "twice.csv", ORDERS))
    import_event_log(file(tmp_path, "twice.csv", ORDERS + "3,place,2024-01-04,Ann\n"))
    with pytest.raises(FileFormatError):
        import_event_log(file(tmp_path, "twice.csv", "case_id,activity,timestamp\n1,a,\n"))
    assert [landed for _, landed, *_ in loads_of("twice")] == [3, 4]


def test_equal_timestamps_keep_the_recorded_order(tmp_path: Path):
    lines = "".join(f"1,step {number:03},2024-01-01\n" for number in range(400))
    report = import_event_log(file(tmp_path, "ties.csv", "case,activity,time\n" + lines))
    assert report.activities == 400
    names = [name for (name,) in rows("select activity from event_logs.ties order by occurred_at, source_row")]
    assert names == [f"step {number:03}" for number in range(400)]


def test_naive_times_take_the_zone_given_and_zoned_ones_keep_theirs(tmp_path: Path):
    times = {"a": "2024-07-01T10:00:00", "b": "2024-07-01T10:00:00Z", "c": "2024-07-01 10:00:00+05:30", "d": "2024-01-01 10:00"}
    text = "case,activity,time\n" + "".join(f"1,{name},{time}\n" for name, time in times.items())
    report = import_event_log(file(tmp_path, "zones.csv", text), time_zone="Europe/Berlin")
    hours = rows("select activity, hour(occurred_at), minute(occurred_at) from event_logs.zones order by source_row")
    assert hours == [("a", 8, 0), ("b", 10, 0), ("c", 4, 30), ("d", 9, 0)]
    assert report.notes == ["Values of `time` that name no time zone were taken as Europe/Berlin."]


@pytest.mark.parametrize(
    ("value", "options"),
    [
        ("31.12.2023 23:15", {}),
        ("31/12/2023 23:15", {}),
        ("12/31/2023 11:15 PM", {}),
        ("1704064500", {}),
        ("1704064500000", {}),
        ("31-Dec-2023 23:15", {}),
        ("2023|31|12 23.15", {"date_format": "%Y|%d|%m %H.%M"}),
    ],
)
def test_common_date_forms_are_read(tmp_path: Path, value: str, options: dict[str, str]):
    import_event_log(file(tmp_path, "dates.csv", f"case;activity;time\n1;a;{value}\n"), **options)
    assert rows("select occurred_at from event_logs.dates") == [(datetime(2023, 12, 31, 23, 15, tzinfo=UTC),)]


def test_a_date_that_could_be_read_both_ways_is_said_to_be(tmp_path: Path):
    report = import_event_log(file(tmp_path, "both.csv", "case,activity,time\n1,a,01/02/2024\n1,b,03/04/2024\n"))
    assert "other way round" in report.notes[0]
    assert rows("select month(occurred_at) from event_logs.both order by source_row") == [(2,), (4,)]


def test_attributes_become_numbers_only_where_nothing_is_lost(tmp_path: Path):
    text = "case,activity,time,amount,code,share,flag,mixed\n1,a,2024-01-01,12,007,0.5,true,NA\n1,b,2024-01-02,,010,1e3,false,5\n"
    import_event_log(file(tmp_path, "types.csv", text))
    assert rows("select amount, code, share, flag, mixed from event_logs.types order by source_row") == [
        (12, "007", 0.5, True, "NA"),
        (None, "010", 1000.0, False, "5"),
    ]


def test_columns_of_one_name_are_told_apart(tmp_path: Path):
    report = import_event_log(file(tmp_path, "twice.csv", "case,activity,time,note,Note\n1,a,2024-01-01,x,y\n"))
    assert rows("select note, note_2 from event_logs.twice") == [("x", "y")]
    assert "more than one column `Note`" in report.notes[0]


def test_start_and_end_of_an_activity_are_both_kept(tmp_path: Path):
    text = "case,activity,start time,end time\n1,a,2024-01-01 10:00,2024-01-01 11:00\n"
    import_event_log(file(tmp_path, "spans.csv", text))
    assert rows("select hour(started_at), hour(occurred_at) from event_logs.spans") == [(10, 11)]


def test_one_event_is_a_log(tmp_path: Path):
    assert import_event_log(file(tmp_path, "one.csv", "case,activity,time\n1,a,2024-01-01\n")).events == 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", "", "empty"),
        ("blank.csv", "\n\n", "empty"),
        ("header.csv", "case,activity,time\n", "no event that can be used: it has no rows"),
        ("narrow.csv", "a\n1\n", "line 1.*--delimiter"),
        ("gone.csv", "activity,time,x\na,2024-01-01,1\n", "looks like the case.*`activity`, `time`, `x`.*--case"),
        ("words.csv", "case,activity,time\n1,a,soon\n", "`time` does not hold timestamps.*`soon`.*--date-format"),
        ("empty.xes", "", "empty"),
        ("plain.xes", "hello", "line 1: not well-formed"),
        ("other.xes", "<a><b/></a>", "no `log` element"),
        ("bare.xes", "<log></log>", "no event"),
        ("open.xes", '<log>\n<trace>\n<event><string key="a"', "line 3: not well-formed"),
        (
            "no_name.xes",
            '<log><trace><event><date key="time:timestamp" value="2024-01-01"/></event></trace></log>',
            "looks like the case",
        ),
        ("text.parquet", "hello", "not a Parquet file"),
        ("log.docx", "hello", "none of the known endings"),
        ("cut.csv.gz", gzip.compress(ORDERS.encode() * 1000, mtime=0)[:200], "damaged gzip"),
        ("cut.xes.gz", gzip.compress(b"<log>" + b"<trace></trace>" * 9000, mtime=0)[:60], "damaged gzip"),
        ("broken.json", '{"ocel:events": ', "line 1: not JSON"),
        ("other.json", '{"a": 1}', "no OCEL"),
        ("broken.xmlocel", "<log>\n<events>", "line 2: not well-formed"),
        ("plain.sqlite", "hello", "neither JSON nor XML nor SQLite"),
    ],
)
def test_a_file_that_is_no_log_says_why_and_leaves_nothing(tmp_path: Path, name: str, content: str | bytes, said: str):
    with pytest.raises(FileFormatError, match=said):
        import_event_log(file(tmp_path, name, content), name="never_there")
    assert not exists("never_there")
    with lake.connect(read_only=True) as connection, pytest.raises(UnknownProcessError):
        get_process(connection, "never_there")


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(FileFormatError, match=r"no file .*missing\.csv"):
        import_event_log(tmp_path / "missing.csv")


def test_a_wrong_encoding_names_line_and_byte(tmp_path: Path):
    path = file(tmp_path, "latin.csv", (ORDERS + "9,Prüfung,2024-01-01,Ann\n").encode("latin-1"))
    with pytest.raises(FileFormatError, match="line 5: byte 0xfc is not utf-8"):
        import_event_log(path, encoding="utf-8")
    assert "Windows-1252" in import_event_log(path).notes[0]


def test_a_column_given_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(ColumnMissingError, match="no column `stage`"):
        import_event_log(file(tmp_path, "orders.csv", ORDERS), activity="stage")


def test_importing_again_replaces_all_and_a_bad_file_replaces_nothing(tmp_path: Path):
    import_event_log(file(tmp_path, "again.csv", ORDERS))
    import_event_log(file(tmp_path, "again.csv", "case,activity,time,extra\n7,a,2024-01-01,1\n"))
    assert rows("select case_id, extra from event_logs.again") == [("7", 1)]
    with pytest.raises(FileFormatError):
        import_event_log(file(tmp_path, "again.csv", "case,activity,time\n"))
    assert rows("select case_id from event_logs.again") == [("7",)]
    assert rows("select count(*) from platform.processes where process = 'again'") == [(1,)]


def test_rows_an_import_set_aside_are_open_only_until_the_log_is_imported_again(tmp_path: Path):
    # Each import of a file added its bad rows to the open ones of the import it replaced, and none ever closed once mended.
    waiting = "select count(*) filter (resolved_at is null), count(*) from quarantine.rows where table_name = 'mended'"
    import_event_log(file(tmp_path, "mended.csv", ORDERS + "3,,2024-01-04,Ann\n"))
    import_event_log(file(tmp_path, "mended.csv", ORDERS + "3,,2024-01-04,Ann\n"))
    assert rows(waiting) == [(1, 2)]
    import_event_log(file(tmp_path, "mended.csv", ORDERS + "3,place,2024-01-04,Ann\n"))
    assert rows(waiting) == [(0, 2)]


def test_a_data_products_log_is_never_replaced(tmp_path: Path):
    def publish(connection: Any) -> None:
        connection.execute("create schema if not exists event_logs; create table event_logs.sold as select '1' as case_id")
        register_process(connection, "sold", title="Sold", origin="product")

    lake.in_transaction(publish)
    with pytest.raises(FileFormatError, match="data product"):
        import_event_log(file(tmp_path, "sold.csv", ORDERS))
    assert rows("from event_logs.sold") == [("1",)]


def test_an_xes_log_keeps_every_attribute_with_its_type_and_both_lifecycle_events(tmp_path: Path):
    text = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1.0"><string key="concept:name" value="My log"/>
<global scope="event"><string key="concept:name" value="x"/></global>
<trace><string key="concept:name" value="NA"/><int key="rank" value="7"/>
<event><string key="concept:name" value="a &amp; b"/><string key="lifecycle:transition" value="start"/>
<date key="time:timestamp" value="2024-01-01T10:00:00.000+01:00"/><float key="cost" value="1.5"/>
<boolean key="ok" value="true"/></event>
<event><string key="concept:name" value="a &amp; b"/><string key="lifecycle:transition" value="complete"/>
<date key="time:timestamp" value="2024-01-01T11:00:00.000+01:00"/><int key="cost" value="2"/></event>
</trace></log>"""
    report = import_event_log(file(tmp_path, "small.xes", text))
    assert (report.cases, report.events, report.activities) == (1, 2, 1)
    found = rows("select case_id, activity, hour(occurred_at), lifecycle_transition, cost, ok, case_rank from event_logs.small")
    assert found == [
        ("NA", "a & b", 9, "start", 1.5, True, 7),
        ("NA", "a & b", 10, "complete", 2.0, None, 7),
    ]
    with lake.connect(read_only=True) as connection:
        assert get_process(connection, "small").definition["log"] == {"concept:name": "My log"}


def test_an_xes_value_that_is_not_what_its_tag_says_is_kept_as_text(tmp_path: Path):
    event = '<event><string key="concept:name" value="a"/>{}<int key="n" value="{}"/></event>'
    events = [event.format('<date key="time:timestamp" value="2024-01-01"/>', value) for value in (1, "many")]
    text = f'<log><trace><string key="concept:name" value="1"/>{"".join(events)}</trace></log>'
    report = import_event_log(file(tmp_path, "odd.xes", text))
    assert rows("select n from event_logs.odd order by source_row") == [("1",), ("many",)]
    assert "`n` is declared as int" in report.notes[0]


def test_an_xes_log_in_another_encoding_or_with_prefixes_is_read(tmp_path: Path):
    body = '<{p}trace><{p}string key="concept:name" value="ü"/><{p}event><{p}string key="concept:name" value="ö"/>'
    body += '<{p}date key="time:timestamp" value="2024-01-01"/></{p}event></{p}trace>'
    latin = '<?xml version="1.0" encoding="ISO-8859-1"?><log>' + body.format(p="") + "</log>"
    prefixed = '<x:log xmlns:x="http://www.xes-standard.org">' + body.format(p="x:") + "</x:log>"
    for name, content in (("latin.xes", latin.encode("latin-1")), ("prefixed.xes", prefixed.encode())):
        assert import_event_log(file(tmp_path, name, content)).events == 1
        assert rows(f"select case_id, activity from event_logs.{name.removesuffix('.xes')}") == [("ü", "ö")]


def test_a_parquet_file_is_read_with_its_types_and_in_its_order(tmp_path: Path):
    import duckdb

    duckdb.execute(
        "copy (select range % 3 as case_id, 'a' || range as activity, timestamp '2024-01-01' as time, range * 1.5 as cost"
        f" from range(9)) to '{tmp_path / 'typed.parquet'}'"
    )
    report = import_event_log(tmp_path / "typed.parquet", time_zone="Europe/Berlin")
    assert (report.cases, report.events) == (3, 9)
    assert rows("select case_id, activity, hour(occurred_at), cost from event_logs.typed order by source_row limit 1") == [
        ("0", "a0", 23, 0)
    ]
