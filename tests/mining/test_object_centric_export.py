"""What filters keep of an object-centric log, as OCEL: consistent, and the same log when it is read again."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import lake
from apps.cli.main import app
from connectors.event_log_files import import_event_log
from lake.errors import FileFormatError
from lake.registry import register_process
from mining import Attribute, Endpoints, EventLog, Timeframe

TABLES = """
create schema if not exists event_logs;
create table event_logs.orders__events as
    select 'e' || n as event_id, activity, timestamptz '2024-01-01' + to_hours(n) as occurred_at, n::bigint as source_row,
        n * 1.5 as cost
    from (values (1, 'order'), (2, 'order'), (3, 'pack'), (4, 'ship'), (5, 'cancel'), (6, 'count stock')) as e (n, activity);
create table event_logs.orders__objects as
    select * from (values ('o1', 'order', 10::bigint), ('o2', 'order', 20), ('i1', 'item', 1), ('i2', 'item', 2),
        ('lonely', 'item', 3)) as o (object_id, object_type, size);
create table event_logs.orders__event_objects as
    select * from (values ('e1', 'o1', 'opens'), ('e1', 'i1', ''), ('e2', 'o2', ''), ('e2', 'i2', ''), ('e3', 'o1', ''),
        ('e3', 'i1', ''),
        ('e4', 'o1', ''), ('e5', 'o2', ''), ('e6', 'i2', '')) as r (event_id, object_id, qualifier);
create table event_logs.orders__object_objects as
    select * from (values ('o1', 'i1', 'holds'), ('o2', 'i2', 'holds'), ('o1', 'o2', 'follows'))
        as r (source_id, target_id, qualifier);
create view event_logs.orders as
    select object_id as case_id, activity, occurred_at, null::timestamptz as started_at, null::varchar as resource, source_row,
        event_id, cost
    from event_logs.orders__events join event_logs.orders__event_objects using (event_id) where object_id like 'o%'
"""
OCEL = {"ocel-json": "jsonocel", "ocel-xml": "xmlocel", "ocel-sqlite": "sqlite"}


@pytest.fixture(scope="module", autouse=True)
def own_home(module_home: Path) -> None:
    """Of this file instead of the folder's: a lake with one object-centric log."""

    def make(connection: Any) -> None:
        for statement in TABLES.split(";\n"):
            connection.execute(statement)
        register_process(connection, "orders", title="Orders", origin="product", definition={"case_notion": "order"})

    lake.in_transaction(make)


def rows(process: str, part: str, columns: str) -> list[tuple[Any, ...]]:
    return lake.query(f"select {columns} from event_logs.{process}__{part} order by all").fetchall()


def contents(process: str) -> dict[str, list[tuple[Any, ...]]]:
    return {
        "events": rows(process, "events", "event_id, activity, occurred_at, cost::double"),
        "objects": rows(process, "objects", "object_id, object_type, size"),
        "event_objects": rows(process, "event_objects", "event_id, object_id, qualifier"),
        "object_objects": rows(process, "object_objects", "source_id, target_id, qualifier"),
    }


@pytest.mark.parametrize(("form", "ending"), OCEL.items())
def test_the_cases_kept_take_their_objects_along_and_nothing_else(tmp_path: Path, form: str, ending: str) -> None:
    file = tmp_path / f"shipped.{ending}"
    with EventLog.from_lake("orders") as log:
        assert log.filter(Endpoints(ends="ship")).to_ocel(file) == 3
    import_event_log(file, name=f"shipped_{ending}", object_type="order")

    whole, kept = contents("orders"), contents(f"shipped_{ending}")
    assert kept["events"] == [row for row in whole["events"] if row[0] in {"e1", "e3", "e4"}]
    assert kept["objects"] == [row for row in whole["objects"] if row[0] in {"o1", "i1"}]
    assert kept["event_objects"] == [row for row in whole["event_objects"] if row[0] in {"e1", "e3", "e4"}]
    assert kept["object_objects"] == [("o1", "i1", "holds")]


def test_an_import_that_is_filtered_exported_and_read_again_is_the_same(tmp_path: Path) -> None:
    first, second = tmp_path / "first.jsonocel", tmp_path / "second.sqlite"
    with EventLog.from_lake("orders") as log:
        log.filter(Timeframe(end="2024-01-01T04:30:00Z", mode="trim")).to_ocel(first)
    import_event_log(first, name="first", object_type="order")
    with EventLog.from_lake("first") as log:
        log.filter(Attribute("case_id", ("o1", "o2"))).to_ocel(second)
    import_event_log(second, name="second", object_type="order")

    assert [row[0] for row in contents("first")["events"]] == ["e1", "e2", "e3", "e4"]
    assert contents("second") == contents("first")


def test_the_command_takes_a_filter_stack_for_every_format(tmp_path: Path) -> None:
    stack = '[{"filter": "endpoints", "ends": ["cancel"]}]'
    found = {}
    for ending in ("jsonocel", "csv", "xes", "parquet"):
        words = ["export", "orders", "--filters", stack, "--output", str(tmp_path / f"cancelled.{ending}"), "--json"]
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        found[ending] = json.loads(done.stdout)["events"]

    assert found == dict.fromkeys(found, 2)
    said = json.loads((tmp_path / "cancelled.jsonocel").read_text())
    assert {one["id"] for one in said["objects"]} == {"o2", "i2"}


def test_filters_that_keep_nothing_write_an_empty_log(tmp_path: Path) -> None:
    with EventLog.from_lake("orders") as log:
        assert log.filter(Endpoints(ends="order")).to_ocel(tmp_path / "none.jsonocel") == 0
    assert json.loads((tmp_path / "none.jsonocel").read_text())["objects"] == []


def test_a_log_of_cases_alone_and_another_format_are_refused(tmp_path: Path) -> None:
    with EventLog.from_lake("orders") as log, pytest.raises(FileFormatError, match="cannot be written as csv"):
        log.to_ocel(tmp_path / "x.csv")
    frame = lake.query("select case_id, activity, occurred_at from event_logs.orders").to_arrow_table()
    with EventLog.from_frame(frame) as log, pytest.raises(FileFormatError, match="log of cases"):
        log.to_ocel(tmp_path / "x.jsonocel")
    assert list(tmp_path.iterdir()) == []
