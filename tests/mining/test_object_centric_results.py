"""The object-centric tables of a mined process, and the commands that show and save what they hold."""

import csv
import json

import pytest
from typer.testing import CliRunner

import lake
from lake.errors import DataError, FileFormatError, UnknownProcessError
from mining import ObjectCentricLog, mine
from mining.object_centric_results import TABLES

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pm4py.*", "ignore::FutureWarning:pm4py.*")


def ocel():
    """Thirty orders of one to three items, each item picked, the order shipped; every fifth is cancelled and keeps its items."""
    objects, events = [], []

    def event(name, order, hour, *things):
        time = f"2024-01-{1 + order:02d}T{hour:02d}:00:00Z"
        links = [{"objectId": thing, "qualifier": ""} for thing in things]
        events.append({"id": f"e{len(events)}", "type": name, "time": time, "attributes": [], "relationships": links})

    for order in range(30):
        items = [f"i{order}.{number}" for number in range(1 + order % 3)]
        objects += [{"id": f"o{order}", "type": "order"}, *({"id": item, "type": 'item "x"'} for item in items)]
        event("Place", order, 8, f"o{order}", *items)
        for number, item in enumerate(items):
            event("Pick", order, 9 + number, item)
        event("Cancel" if order % 5 == 0 else "Ship", order, 15, f"o{order}", *([] if order % 5 == 0 else items))
    kinds = ("order", 'item "x"')
    return {
        "objectTypes": [{"name": kind, "attributes": []} for kind in kinds],
        "eventTypes": [{"name": kind, "attributes": []} for kind in ("Place", "Pick", "Ship", "Cancel")],
        "objects": [one | {"attributes": [], "relationships": []} for one in objects],
        "events": events,
    }


@pytest.fixture(scope="module")
def mined(module_home):
    from connectors.event_log_files import import_event_log

    path = module_home.parent / "orders.jsonocel"
    path.write_text(json.dumps(ocel()))
    import_event_log(path, object_type="order")
    plain = module_home.parent / "plain.csv"
    plain.write_text("case,activity,time\nNA,a,2024-01-01T08:00:00Z\nNA,b,2024-01-01T09:00:00Z\n")
    import_event_log(plain)
    return mine("orders"), mine("plain")


@pytest.fixture(autouse=True)
def own_home(mined):
    """These tests share one lake, so the folder's other fixture of that name gives way."""


def rows_of(table, process="orders"):
    names = ", ".join(column.split()[0] for column in TABLES[table].split(", "))
    return lake.query(f"select {names} from mining.{table} where process = '{process}'").fetchall()


def grimoire(*words):
    from apps.cli.main import app

    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_the_tables_hold_what_the_log_answers():
    with ObjectCentricLog.from_lake("orders") as log:
        assert sorted(rows_of("oc_dfg")) == sorted(log.dfg().fetchall())
        assert sorted(rows_of("oc_activities")) == sorted(log.activities().fetchall())
        net = log.discover(noise=0.2)
    assert {row[0]: row[3:7] for row in rows_of("oc_nets")} == {
        kind: (len(one.places), len(one.transitions), one.silent, len(one.arcs)) for kind, one in net.nets.items()
    }
    assert {row[0]: row[7] for row in rows_of("oc_nets")} == {'item "x"': ["Place", "Ship"], "order": []}


def test_each_row_says_the_snapshot_it_was_computed_from(mined):
    for table in TABLES:
        found = lake.query(f"select distinct process, snapshot_id from mining.{table}").fetchall()
        assert found == [("orders", mined[0].snapshot_id)]


def test_a_process_that_knows_cases_only_has_no_rows_and_says_so():
    assert [rows_of(table, "plain") for table in TABLES] == [[], [], []]
    with pytest.raises(DataError, match="`plain` knows cases only"):
        ObjectCentricLog.from_lake("plain")
    with pytest.raises(UnknownProcessError):
        ObjectCentricLog.from_lake("nobody")


def test_a_type_whose_net_would_take_long_has_a_row_without_one(monkeypatch):
    from mining import EventLog, object_centric_results
    from mining.discovery import discover
    from mining.sections import Mined

    monkeypatch.setattr(object_centric_results, "NET_WORK", 10)
    with EventLog.from_lake("orders") as log:
        found = object_centric_results.tables(Mined(log, "orders", {}, discover(log), None))

    assert {row["object_type"]: row["pnml"] for row in found["oc_nets"].to_pylist()} == {'item "x"': None, "order": None}
    assert found["oc_nets"].to_pylist()[0]["variable_activities"] == ["Place", "Ship"]


def test_the_command_lists_and_saves_the_graph(tmp_path):
    listed = json.loads(grimoire("objects", "orders", "--json"))
    with ObjectCentricLog.from_lake("orders") as log:
        assert [tuple(row.values()) for row in listed] == log.dfg().fetchall()

    for ending in ("json", "csv", "dot"):
        grimoire("objects", "orders", "--limit", "1", "--output", str(tmp_path / f"graph.{ending}"))
    assert json.loads((tmp_path / "graph.json").read_text()) == listed
    saved = list(csv.DictReader((tmp_path / "graph.csv").read_text().splitlines()))
    assert [row["source"] for row in saved] == [row["source"] for row in listed]
    assert "digraph" in (tmp_path / "graph.dot").read_text()


def test_the_command_lists_and_saves_the_net(tmp_path):
    listed = json.loads(grimoire("objects", "orders", "--net", "--json"))
    assert [row["object_type"] for row in listed] == ['item "x"', "order"]

    grimoire("objects", "orders", "--net", "--output", str(tmp_path / "net.json"))
    assert json.loads((tmp_path / "net.json").read_text())["object_types"] == ['item "x"', "order"]
    with pytest.raises(FileFormatError, match=r"net.csv names no format.* .json, .dot"):
        grimoire("objects", "orders", "--net", "--output", str(tmp_path / "net.csv"))


def test_the_command_finds_rules_and_holds_the_process_against_them(tmp_path):
    found = json.loads(grimoire("declare", "orders", "--min-confidence", "0.7", "--json"))
    assert [row["kept"] for row in found if (row["template"], row["source"]) == ("init", "Place")] == [30]

    path = tmp_path / "rules.json"
    grimoire("declare", "orders", "--template", "response", "--min-confidence", "0.7", "--all", "--output", str(path))
    assert {one["template"] for one in json.loads(path.read_text())["constraints"]} == {"response"}
    broken = json.loads(grimoire("declare", "orders", "--check", str(path), "--json"))
    assert [(row["source"], row["target"], row["broken_cases"]) for row in broken] == [("Place", "Ship", 6)]
    assert "Place" in grimoire("declare", "orders")


def test_rules_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(FileFormatError, match=r"rules.json cannot be read"):
        grimoire("declare", "orders", "--check", str(tmp_path / "rules.json"))
