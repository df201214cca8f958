"""Event logs out of the lake and in again: each format gives the same log, and pm4py reads what is written."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

import lake
from connectors.event_log_files import import_event_log
from connectors.exports.event_log import export_event_log
from connectors.exports.ocel_sqlite import mapped
from lake.errors import FileFormatError, StorageError, UnknownProcessError
from lake.registry import register_process

pytestmark = pytest.mark.usefixtures("module_home")
OCEL = {"ocel-json": "jsonocel", "ocel-xml": "xmlocel", "ocel-sqlite": "sqlite"}
PARTS = ("events", "objects", "event_objects", "object_objects")

# A product's log with whatever has broken an exchange of logs before: ids that are null words, quotes, markup and line breaks,
# every type of attribute, an event without an object, an object without an event, ties in time, a fraction of a second.
ODD = """
create schema if not exists event_logs;
create table event_logs.odd__events as
    select event_id, activity, occurred_at, row_number() over ()::bigint as source_row, started_at, resource, cost, amount, times,
           is_late, day, note
    from (values
        ('e1', 'Pläce "Order"', timestamptz '2024-01-01 08:00:00.123456+00', timestamptz '2024-01-01 07:00:00+00', 'Änne <b>',
            1.5::double, 120.50::decimal(14, 2), 3::bigint, true, date '2024-01-05', '007'),
        ('NA', 'pay & go', timestamptz '2024-01-02 08:00:00+00', null, 'null', 2.0, null, null, false, null,
            E'two\nlines\tand ''more'''),
        ('null', 'pay & go', timestamptz '2024-01-02 08:00:00+00', null, null, null, 0.10, -4, null, null, '{{ x }}'),
        ('e4', '注文', timestamptz '1969-12-31 23:59:59+00', null, 'NA', null, null, null, null, null, ' spaced ')
    ) as e (event_id, activity, occurred_at, started_at, resource, cost, amount, times, is_late, day, note);
create table event_logs.odd__objects as
    select * from (values ('order:NA', 'sales order', 'Müller & Söhne', 10::bigint), ('order:"2"', 'sales order', null, null),
        ('item:<3>', 'Item', 'bolt', 7), ('item:lonely', 'Item', null, null), ('x', 'item', 'clash', 1)
    ) as o (object_id, object_type, name, size);
create table event_logs.odd__event_objects as
    select * from (values ('e1', 'order:NA', 'order'), ('e1', 'order:"2"', 'order'), ('e1', 'item:<3>', ''),
        ('NA', 'order:NA', 'paid by'),
        ('NA', 'order:NA', 'paid "for"'), ('null', 'order:"2"', 'order'), ('null', 'x', 'order')
    ) as r (event_id, object_id, qualifier);
create table event_logs.odd__object_objects as
    select * from (values ('order:NA', 'item:<3>', 'holds'), ('order:NA', 'order:"2"', 'follows')
    ) as r (source_id, target_id, qualifier);
create view event_logs.odd as
    select r.object_id as case_id, e.activity, e.occurred_at, e.started_at, e.resource, e.source_row, e.cost, e.is_late, e.note
    from (select distinct event_id, object_id from event_logs.odd__event_objects) r join event_logs.odd__events e using (event_id)
    join event_logs.odd__objects o using (object_id) where o.object_type = 'sales order';
"""


@pytest.fixture(scope="module", autouse=True)
def odd(module_home: Path) -> None:
    def make(connection: Any) -> None:
        for statement in filter(str.strip, ODD.split(";\n")):
            connection.execute(statement)
        register_process(connection, "odd", title="Odd", origin="product", definition={"case_notion": "sales order"})

    lake.in_transaction(make)


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def contents(process: str, part: str) -> tuple[list[str], list[str]]:
    """The columns of a table that hold anything, and its rows; numbers and days in one form, the order of events as their rank."""
    with lake.connect(read_only=True) as connection:
        relation = connection.sql(f"select * from event_logs.{process}__{part}")
        kinds = dict(zip(relation.columns, map(str, relation.types), strict=True))
        filled = [name for name in sorted(kinds) if relation.aggregate(f"count({lake.quote(name)})").fetchone() != (0,)]
        if not filled:
            return [], []
        return filled, sorted(
            repr(row) for row in relation.project(", ".join(_form(name, kinds[name]) for name in filled)).fetchall()
        )


def _form(name: str, kind: str) -> str:
    if name == "source_row":
        return "dense_rank() over (order by source_row)"
    as_one = "double" if kind.startswith("DECIMAL") else "timestamptz" if kind == "DATE" else kind
    return f"cast({lake.quote(name)} as {as_one})"


def cases(process: str) -> list[tuple[Any, ...]]:
    path = "list((activity, occurred_at, started_at, resource) order by occurred_at, source_row)"
    return rows(f"select case_id, {path} from event_logs.{process} group by 1 order by 1")


def assert_same_log(process: str, again: str) -> None:
    for part in PARTS:
        assert contents(again, part) == contents(process, part), part
    assert cases(again) == cases(process)


@pytest.mark.parametrize(("form", "ending"), OCEL.items())
def test_a_log_with_odd_ids_texts_and_types_comes_back_as_it_went(tmp_path: Path, form: str, ending: str) -> None:
    report = export_event_log("odd", tmp_path / f"odd.{ending}")
    assert (report.format, report.events) == (form, 4)
    again = import_event_log(tmp_path / f"odd.{ending}", name=f"odd_{ending}", object_type="sales order")
    assert again.rows_quarantined == 0
    assert_same_log("odd", again.process)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "ocel20_example.jsonocel",
        "ocel20_example.sqlite",
        "ocel20_example.xmlocel",
        "order_management_ocel2.sqlite",
        "recruiting-red.jsonocel",
        "p2p-normal.jsonocel",
        "order_process.jsonocel",
    ],
)
def test_public_object_centric_logs_come_back_as_they_went(shared_data: Path, tmp_path: Path, name: str) -> None:
    zone = "Europe/Berlin" if name in ("ocel20_example.sqlite", "ocel20_example.xmlocel") else "UTC"
    first = import_event_log(shared_data / "object_centric" / name, name="public", time_zone=zone)
    for ending in OCEL.values():
        export_event_log("public", tmp_path / f"log.{ending}")
        again = import_event_log(tmp_path / f"log.{ending}", name="public_again", object_type=first.columns["case"])
        assert (again.cases, again.events, again.rows_quarantined) == (first.cases, first.events, 0)
        assert not any("were taken as" in note for note in again.notes), "the times state their zone"
        assert_same_log("public", "public_again")


@pytest.mark.parametrize("ending", OCEL.values())
def test_how_objects_changed_goes_along(tmp_path: Path, ending: str) -> None:
    values = [
        {"name": "Po Quantity", "time": "1970-01-01T00:00:00Z", "value": 500},
        {"name": "Po Quantity", "time": "2024-01-02T00:00:00Z", "value": 600},
    ]
    log = {
        "objects": [{"id": "o", "type": "order", "attributes": values}],
        "events": [{"id": "e", "type": "a", "time": "2024-01-01T00:00:00Z", "relationships": [{"objectId": "o", "qualifier": ""}]}],
    }
    (tmp_path / "changed.json").write_text(json.dumps(log))
    import_event_log(tmp_path / "changed.json", name="changed")
    export_event_log("changed", tmp_path / f"out.{ending}")
    import_event_log(tmp_path / f"out.{ending}", name="changed_again")
    history = "select * from event_logs.{}__object_values order by valid_from"
    assert rows(history.format("changed_again")) == rows(history.format("changed"))
    assert rows("select po_quantity from event_logs.changed_again__objects") == [(600,)]


@pytest.mark.slow
def test_pm4py_reads_as_many_events_objects_and_relations(tmp_path: Path) -> None:
    import pm4py

    for (form, ending), read in zip(
        OCEL.items(), (pm4py.read_ocel2_json, pm4py.read_ocel2_xml, pm4py.read_ocel2_sqlite), strict=True
    ):
        path = tmp_path / f"odd.{ending}"
        export_event_log("odd", path, format=form)
        found = read(str(path))
        events = 3 if form == "ocel-sqlite" else 4  # its SQLite reader drops events that concern no object
        assert (len(found.events), len(found.relations), len(found.o2o)) == (events, 7, 2), form
        assert set(found.objects["ocel:type"]) == {"sales order", "Item", "item"}, form


def test_the_json_has_the_names_of_the_standard(tmp_path: Path) -> None:
    export_event_log("odd", tmp_path / "odd.json")
    written = json.loads((tmp_path / "odd.json").read_text(encoding="utf-8"))
    assert list(written) == ["objectTypes", "eventTypes", "objects", "events"]
    types = {kind["name"]: kind["attributes"] for kind in written["eventTypes"]}
    assert {"name": "cost", "type": "float"} in types["pay & go"] and types["注文"][0] == {"name": "resource", "type": "string"}
    first = written["events"][0]
    assert (first["id"], first["type"], first["time"]) == ("e1", 'Pläce "Order"', "2024-01-01T08:00:00.123456Z")
    assert {"name": "is_late", "value": True} in first["attributes"]
    assert {"objectId": 'order:"2"', "qualifier": "order"} in first["relationships"]
    assert written["objects"][0]["attributes"][0] == {"name": "name", "value": "bolt", "time": "1970-01-01T00:00:00Z"}


def test_sqlite_tables_of_types_are_told_apart(tmp_path: Path) -> None:
    assert mapped(["Item", "item", "Map_Type", "!?", "注文"]) == ["Item", "item_2", "Map_Type_2", "type_2", "注文"]
    export_event_log("odd", tmp_path / "odd.sqlite")
    db = sqlite3.connect(tmp_path / "odd.sqlite")
    kinds = dict(db.execute("select ocel_type, ocel_type_map from object_map_type"))
    assert kinds == {"Item": "Item", "item": "item_2", "sales order": "salesorder"}
    assert db.execute('select ocel_id, name, ocel_changed_field from "object_item_2"').fetchall() == [("x", "clash", None)]
    db.close()


@pytest.mark.parametrize("ending", ["csv", "parquet", "xes"])
def test_a_case_view_comes_back_as_it_went(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"cases.{ending}"
    assert export_event_log("odd", path).events == 4
    options = {} if ending == "xes" else {"start": "started_at", "timestamp": "occurred_at"}
    again = import_event_log(path, name=f"cases_{ending}", **options)
    assert again.rows_quarantined == 0
    path_of = "list((activity, occurred_at, started_at, resource, note) order by occurred_at, source_row)"
    found, expected = (
        rows(f"select case_id, {path_of} from event_logs.{log} group by 1 order by 1") for log in (again.process, "odd")
    )
    assert found == expected


def test_an_earlier_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "log.xml"
    path.write_text("earlier")
    lake.in_transaction(
        lambda connection: connection.execute("insert into event_logs.odd__objects values ('bell' || chr(7), 'Item', null, null)")
    )
    with pytest.raises(FileFormatError, match=r"U\+0007"):
        export_event_log("odd", path)
    lake.in_transaction(lambda connection: connection.execute("delete from event_logs.odd__objects where object_id like 'bell%'"))
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_exported_is_said_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "plain.csv").write_text("case,activity,time\n1,a,2024-01-01\n")
    import_event_log(tmp_path / "plain.csv")
    with pytest.raises(FileFormatError, match="knows cases only"):
        export_event_log("plain", tmp_path / "plain.json")
    with pytest.raises(FileFormatError, match="names no format"):
        export_event_log("plain", tmp_path / "plain.doc")
    with pytest.raises(UnknownProcessError, match="`plane`"):
        export_event_log("plane", tmp_path / "plane.csv")
    with pytest.raises(StorageError, match="cannot be written"):
        export_event_log("plain", tmp_path / "nowhere" / "plain.csv")
