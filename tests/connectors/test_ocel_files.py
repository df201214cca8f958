"""Object-centric logs of both versions and all three formats."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import lake
from connectors.event_log_files import import_event_log
from lake.errors import ColumnMissingError
from lake.registry import get_process

pytestmark = pytest.mark.usefixtures("module_home")

SMALL = {
    "objectTypes": [],
    "eventTypes": [],
    "objects": [
        {"id": "o1", "type": "order", "attributes": [{"name": "total", "time": "1970-01-01T00:00:00Z", "value": 10}],
         "relationships": [{"objectId": "i1", "qualifier": "holds"}, {"objectId": "ghost", "qualifier": "holds"}]},
        {"id": "i1", "type": "item", "attributes": []},
    ],
    "events": [
        {"id": "e1", "type": "place", "time": "2024-01-01T10:00:00Z", "attributes": [{"name": "user", "value": "Ann"}],
         "relationships": [{"objectId": "o1", "qualifier": "order"}, {"objectId": "i1", "qualifier": "item"}]},
        {"id": "e2", "type": "pay", "time": "2024-01-02T10:00:00Z", "relationships": [{"objectId": "o1", "qualifier": "order"}]},
        {"id": "e2", "type": "pay", "time": "2024-01-03T10:00:00Z", "relationships": []},
        {"id": "e3", "type": "pay", "time": "", "relationships": [{"objectId": "o1", "qualifier": "order"}]},
        {"id": "e4", "type": "", "time": "2024-01-03T10:00:00Z", "relationships": [{"objectId": "nobody", "qualifier": ""}]},
    ],
}  # fmt: skip

PARTS = ("events", "objects", "event_objects", "object_objects")


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def counts(process: str) -> list[int]:
    return [rows(f"select count(*) from event_logs.{process}__{part}")[0][0] for part in PARTS]


def test_broken_events_and_loose_links_go_to_quarantine(tmp_path: Path):
    path = tmp_path / "small.jsonocel"
    path.write_text(json.dumps(SMALL))
    report = import_event_log(path, object_type="order")
    assert (report.cases, report.events, report.rows_quarantined) == (1, 2, 6)
    assert counts("small") == [2, 2, 3, 1]
    assert rows("select case_id, activity, resource, case_total from event_logs.small order by source_row") == [
        ("o1", "place", "Ann", 10),
        ("o1", "pay", None, 10),
    ]
    reasons = {reason for (reason,) in rows("select reason from quarantine.rows where table_name like 'small%'")}
    assert {"no time that can be read", "no activity", "unknown event e3", "one of o1 and ghost is unknown"} <= reasons


def test_an_object_type_that_is_not_there_is_named(tmp_path: Path):
    path = tmp_path / "small.json"
    path.write_text(json.dumps(SMALL))
    with pytest.raises(ColumnMissingError, match=r"`invoice`; there are .*order"):
        import_event_log(path, object_type="invoice")


def test_a_log_without_objects_replaces_an_object_centric_one_wholly(tmp_path: Path):
    path = tmp_path / "same.json"
    path.write_text(json.dumps(SMALL))
    import_event_log(path)
    plain = tmp_path / "same.csv"
    plain.write_text("case,activity,time\n1,a,2024-01-01\n")
    import_event_log(plain)
    assert rows("select table_name from duckdb_columns() where table_name like 'same\\_\\_%' escape '\\'") == []
    assert rows("select case_id from event_logs.same") == [("1",)]


@pytest.mark.parametrize("ending", ["sqlite", "jsonocel", "xmlocel"])
def test_the_sample_of_ocel_2_reads_alike_from_each_format(shared_data: Path, ending: str):
    zone = "UTC" if ending == "jsonocel" else "Europe/Berlin"  # the JSON states UTC, the others write local time and no zone
    path = shared_data / "object_centric" / f"ocel20_example.{ending}"
    report = import_event_log(path, name=f"sample_{ending}", object_type="Purchase Order", time_zone=zone)
    assert counts(report.process) == [13, 9, 20, 7]
    assert rows(f"select min(occurred_at), max(occurred_at) from event_logs.{report.process}__events") == [
        (datetime(2022, 1, 9, 14, tzinfo=UTC), datetime(2022, 2, 28, 22, tzinfo=UTC))
    ]
    assert rows(f"select po_quantity from event_logs.{report.process}__objects where object_id = 'PO1'") == [(600,)]
    history = f"select value from event_logs.{report.process}__object_values where object_id = 'PO1' and attribute = 'po_quantity'"
    assert rows(history + " order by valid_from") == [("500",), ("600",)]


def test_a_time_without_a_zone_is_read_as_utc_and_said_to_be(shared_data: Path):
    report = import_event_log(shared_data / "object_centric" / "ocel20_example.sqlite")
    assert rows(f"select min(occurred_at) from event_logs.{report.process}__events") == [(datetime(2022, 1, 9, 15, tzinfo=UTC),)]
    assert any("were taken as UTC" in note for note in report.notes)


@pytest.mark.parametrize(
    ("name", "expected", "case_type"),
    [
        ("order_management_ocel2.sqlite", [18211, 10031, 35857, 25336], "orders"),
        ("recruiting-red.jsonocel", [6607, 1051, 6877, 0], "applications"),
        ("p2p-normal.jsonocel", [720, 781, 3952, 0], "PURCHORD"),
        ("order_process.jsonocel", [2391, 796, 4381, 0], "item"),
    ],
)
def test_public_object_centric_logs_are_read_whole(shared_data: Path, name: str, expected: list[int], case_type: str):
    report = import_event_log(shared_data / "object_centric" / name)
    assert counts(report.process) == expected
    assert report.rows_quarantined == 0
    with lake.connect(read_only=True) as connection:
        assert get_process(connection, report.process).definition["case_notion"] == case_type


XML_1 = """<?xml version='1.0' encoding='UTF-8'?>
<log><global scope="event"><string key="activity" value="x"/></global>
<events><event><string key="id" value="e1"/><string key="activity" value="place"/>
<date key="timestamp" value="2024-01-01T10:00:00+01:00"/>
<list key="omap"><string key="object-id" value="o1"/></list><list key="vmap"><float key="cost" value="1.5"/></list></event></events>
<objects><object><string key="id" value="o1"/><string key="type" value="order"/>
<list key="ovmap"><string key="color" value="red"/></list></object></objects></log>"""


def test_ocel_1_in_xml_is_read(tmp_path: Path):
    path = tmp_path / "one.xmlocel"
    path.write_text(XML_1)
    assert import_event_log(path).events == 1
    assert rows("select case_id, activity, hour(occurred_at), cost, case_color from event_logs.one") == [
        ("o1", "place", 9, 1.5, "red")
    ]
