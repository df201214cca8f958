"""Mining processes of a real lake: the layout beside the log, and the result tables."""

import subprocess
import sys

import pytest

import lake
from lake.errors import DataError, ModelError, UnknownProcessError
from mining import EventLog, Follows, build_layout, is_mined, mine, parameters_of
from mining.results import COLUMNS

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pm4py.*", "ignore::FutureWarning:pm4py.*")
ROWS = """
    select * from (values
        ('NA', 'a', timestamptz '2024-01-01 00:00:00.25', 1::bigint, 5),
        ('NA', 'b', timestamptz '2024-01-01 00:00:01', 2, 6),
        ('1', 'a', timestamptz '2024-01-02', 3, 7),
        ('1', 'b', timestamptz '2024-01-02', 4, null),
        ('1', 'c', timestamptz '2024-01-03', 5, 9)
    ) as rows(case_id, activity, occurred_at, source_row, amount)"""


def land(process, rows=ROWS, *, view=True):
    """An event log as importers leave it: a view over raw rows, or as dbt does: a table."""

    def work(connection):
        connection.execute("create schema if not exists event_logs")
        connection.execute("create schema if not exists raw_files")
        if view:
            connection.execute(f"create or replace table raw_files.{process} as {rows}")
        body = f"select * from raw_files.{process}" if view else rows
        connection.execute(f"create or replace {'view' if view else 'table'} event_logs.{process} as {body}")

    lake.in_transaction(work)


def rows_of(table, process="small"):
    return lake.query(
        f"select * exclude (process, computed_at, snapshot_id) from mining.{table} where process = '{process}'"
    ).fetchall()


@pytest.fixture(scope="module")
def mined(module_home):
    land("small")
    return mine("small", noise=0)


@pytest.fixture(autouse=True)
def own_home(module_home):
    """These tests share one lake, so the folder's other fixture of that name gives way."""


def test_mining_reports_what_it_found(mined):
    figures = mined.as_dict()

    assert {name: figures[name] for name in ("cases", "events", "activities", "variants", "dfg_edges")} == {
        "cases": 2,
        "events": 5,
        "activities": 3,
        "variants": 2,
        "dfg_edges": 2,
    }
    assert (mined.average_fitness, mined.perfectly_fitting, mined.variants_unfinished) == (1.0, 1.0, 0)


def test_every_table_says_process_time_and_snapshot(mined):
    for table, columns in COLUMNS.items():
        relation = lake.query(f"select * from mining.{table}")
        assert relation.columns == ["process", *[part.split()[0] for part in columns.split(", ")], "computed_at", "snapshot_id"]
        told = {(row[0], row[-1]) for row in relation.fetchall()}
        assert told == (set() if table == "flattening" else {("small", mined.snapshot_id)}), "a log of cases only is not flattened"


def test_the_tables_hold_the_figures(mined):
    assert rows_of("dfg") == [("a", "b", 2, 2, 0.375, 0.375, 0.675), ("b", "c", 1, 1, 86400.0, 86400.0, 86400.0)]
    assert rows_of("activities") == [("a", 2, 2, 2, 0), ("b", 2, 2, 0, 1), ("c", 1, 1, 0, 1)]
    assert [row[2:5] + row[9:] for row in rows_of("variants")] == [
        (["a", "b"], 2, 1, 1.0, True),
        (["a", "b", "c"], 3, 1, 1.0, True),
    ]
    ((miner, noise, places, transitions, silent, arcs, sound, fitness, fitting, aligned, unfinished, pnml, bpmn, *_),) = rows_of(
        "models"
    )
    assert (miner, noise, sound, fitness, fitting, aligned, unfinished) == ("inductive", 0.0, True, 1.0, 1.0, 2, 0)
    assert (places, transitions, silent, arcs) == (mined.places, mined.transitions, mined.silent, mined.arcs)
    assert pnml.startswith("<?xml")
    assert "BPMNShape" in bpmn


def test_the_layout_is_used_until_the_log_changes(mined):
    land("changing", view=False)
    assert build_layout("changing").rebuilt
    assert not build_layout("changing").rebuilt
    with EventLog.from_lake("changing") as log:
        assert log.uses_kept_layout

    lake.in_transaction(lambda con: con.execute("update event_logs.changing set activity = 'z' where source_row = 5"))
    with EventLog.from_lake("changing") as log:
        assert not log.uses_kept_layout
        assert log.variants().project("activities").fetchall() == [(["a", "b"],), (["a", "b", "z"],)]
    assert build_layout("changing").rebuilt

    lake.in_transaction(lambda con: con.execute("delete from event_logs.changing where source_row = 5"))
    with EventLog.from_lake("changing") as log:
        assert not log.uses_kept_layout
        assert log.summary()["events"] == 4


def test_a_view_that_says_something_else_makes_the_layout_stale(mined):
    land("narrowed")
    build_layout("narrowed")
    lake.in_transaction(
        lambda con: con.execute(
            "create or replace view event_logs.narrowed as select * from raw_files.narrowed where source_row < 3"
        )
    )

    with EventLog.from_lake("narrowed") as log:
        assert not log.uses_kept_layout
        assert log.summary()["cases"] == 1


def test_with_and_without_layout_every_answer_is_the_same(mined):
    with EventLog.from_lake("small") as kept, EventLog.from_lake("small", layout=False) as built:
        assert (kept.uses_kept_layout, built.uses_kept_layout) == (True, False)
        assert kept.summary() == built.summary()
        assert kept.case_durations().fetchall() == built.case_durations().fetchall()
        stack = Follows("b", "c")
        assert kept.filter(stack).variants().fetchall() == built.filter(stack).variants().fetchall()


def test_the_layout_lies_sorted_by_case_time_and_source_row(mined):
    events = lake.query(
        "select case_no, occurred_at, source_row, next_activity, seconds_to_next from layouts.small__events"
    ).fetchall()

    assert [row[:3] for row in events] == sorted(row[:3] for row in events)
    assert [row[3:] for row in events] == [(2, 0.75), (None, None), (2, 0.0), (3, 86400.0), (None, None)]


def test_an_earlier_state_of_the_lake_can_be_asked(mined):
    land("grown")
    before = mine("grown", noise=0).snapshot_id
    land("grown", f"{ROWS} union all select '2', 'd', timestamptz '2024-01-04', 6, 1")

    with EventLog.from_lake("grown", as_of=before) as log:
        assert (log.summary()["cases"], log.snapshot_id) == (2, before)
    with EventLog.from_lake("grown") as log:
        assert log.summary()["cases"] == 3


def test_a_log_stays_at_its_snapshot_while_others_write(mined):
    land("moving")
    with EventLog.from_lake("moving") as log:
        assert log.summary()["cases"] == 2
        lake.in_transaction(lambda con: con.execute("delete from raw_files.moving where case_id = '1'"))
        assert log.variants().aggregate("sum(cases)").fetchone() == (2,)


def test_mining_again_replaces_and_leaves_other_processes_alone(mined):
    land("twice")
    mine("twice", noise=0)
    land("twice", "select '1' as case_id, 'only' as activity, timestamptz '2024-01-01' as occurred_at, 1::bigint as source_row")
    second = mine("twice", noise=0)

    assert rows_of("logs", "twice")[0][:5] == (1, 1, 1, 1, 0)
    assert rows_of("dfg", "twice") == []
    assert len(rows_of("models", "twice")) == 1
    assert len(rows_of("models")) == 1
    assert second.cases == 1


def test_a_process_counts_as_mined_until_its_log_or_the_wish_changes(mined):
    land("settled", view=False)
    assert not is_mined("settled", noise=0)
    mine("settled", noise=0)
    assert is_mined("settled", noise=0)
    assert not is_mined("settled", noise=0.2)

    lake.in_transaction(lambda con: con.execute("update event_logs.settled set activity = 'z' where source_row = 5"))
    assert not is_mined("settled", noise=0)


def test_an_unknown_process_is_refused_with_the_known_ones(mined):
    from lake.registry import register_process

    lake.in_transaction(lambda con: register_process(con, "small", title="Small", origin="file"))
    with pytest.raises(UnknownProcessError, match=r"no event log `smal` in the lake\. Known processes: small"):
        mine("smal")


def test_a_log_with_events_without_time_is_refused_and_nothing_is_written(mined):
    land("holes", f"{ROWS} union all select '9', 'a', null, 9, 1")

    with pytest.raises(DataError, match="1 of the 6 events of `holes`"):
        mine("holes")
    assert rows_of("logs", "holes") == []


def test_a_miner_that_is_not_there_writes_nothing(mined):
    land("untouched")

    with pytest.raises(ModelError, match="no miner `guess`"):
        mine("untouched", miner="guess")
    assert rows_of("models", "untouched") == []


def test_a_log_nobody_closed_does_not_bring_the_process_down(mined):
    """A rolled-back transaction on a server that has stopped made DuckDB abort the interpreter at its end."""
    program = "from mining import EventLog; log = EventLog.from_lake('small'); print(log.summary()['cases'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "2", "")


def test_a_process_remembers_how_it_was_mined():
    land("remembered")
    assert parameters_of("remembered") == ("inductive", 0.2)

    mine("remembered", noise=0.5)
    assert parameters_of("remembered") == ("inductive", 0.5)
    assert is_mined("remembered", noise=0.5) and not is_mined("remembered")


def test_a_model_is_kept_while_its_log_grows_little_and_then_found_anew():
    land("kept", " union all ".join([ROWS, *(f"select '{n}', 'a', timestamptz '2024-03-0{n}', {10 + n}, 1" for n in range(2, 9))]))
    first = mine("kept", noise=0)
    more = "select 'x', 'z', timestamptz '2024-05-01', 90, 1"
    lake.in_transaction(lambda connection: connection.execute(f"insert into raw_files.kept {more}"))

    kept = mine("kept", noise=0, growth=0.2)
    assert (kept.discovered_snapshot_id, kept.discovered_cases) == (first.snapshot_id, first.cases)
    assert kept.snapshot_id > first.snapshot_id
    assert kept.perfectly_fitting == pytest.approx(first.cases / kept.cases), "the new case does what the model does not know"

    anew = mine("kept", noise=0, growth=0.05)
    assert (anew.discovered_snapshot_id, anew.perfectly_fitting) == (anew.snapshot_id, 1.0)


def test_a_longer_log_with_the_same_model_aligns_only_its_new_variants():
    land("grown")
    mine("grown", noise=0)
    event = "union all select 'x', 'b', timestamptz"
    more = f"{ROWS} {event} '2024-02-01', 6, 1 {event} '2024-02-02', 7, 1"
    land("grown", more)
    told = []
    mine("grown", noise=0, progress=lambda said, _: told.append(said))
    asked = [said for said in told if said.startswith("Aligning")]

    land("fresh", more)
    mine("fresh", noise=0)
    assert rows_of("variants", "grown") == rows_of("variants", "fresh")
    assert len(asked) <= 1


def test_an_imported_log_is_checked_as_it_is_mined_and_the_results_name_the_snapshot(tmp_path):
    from connectors.event_log_files import import_event_log

    (tmp_path / "checked.csv").write_text("case,activity,time\n1,a,2024-01-01\n1,b,2024-01-01\n2,a,2024-01-03\n")
    import_event_log(tmp_path / "checked.csv")
    mined = mine("checked", noise=0)
    found = lake.query(
        "select check_name, passed, rows_checked, snapshot_id from platform.check_results where subject = 'checked'"
    ).fetchall()

    assert len(found) > 5 and ("the log has events", True, 3, mined.snapshot_id) in found
    assert {snapshot for *_, snapshot in found} == {mined.snapshot_id}
    assert {rows for _, _, rows, _ in found} == {3, 2, 1, 4}, "events, cases, weeks and columns"
    assert ("most times are finer than days", False, 3, mined.snapshot_id) in found


def test_an_imported_object_centric_log_is_mined(tmp_path):
    # its definition says its cases' bare type, and a check of logs took that for the mapping which products have
    import json

    from connectors.event_log_files import import_event_log

    order = {"id": "o1", "type": "order", "attributes": [], "relationships": []}
    place = {"id": "e1", "type": "place", "time": "2024-01-01T10:00:00Z", "attributes": []}
    links = [{"objectId": "o1", "qualifier": "order"}]
    log = {"objectTypes": [], "eventTypes": [], "objects": [order], "events": [{**place, "relationships": links}]}
    (tmp_path / "orders_told.jsonocel").write_text(json.dumps(log))
    import_event_log(tmp_path / "orders_told.jsonocel", object_type="order")
    assert mine("orders_told", noise=0).cases == 1
    asked = "select passed from platform.check_results where subject = 'orders_told' and check_name like '%object has an event'"
    assert lake.query(asked).fetchall() == [(True,)]


def test_a_measure_that_fails_costs_no_other_figure_and_keeps_the_snapshot():
    # an error while a statement runs ends DuckDB's transaction, and with it the snapshot that is mined
    from lake.registry import register_process

    wrong = [
        {"name": "broken", "expression": "avg(case_id::integer)"},
        {"name": "fine", "expression": "sum(events)", "unit": "events"},
    ]
    definition = {"measures": wrong, "working_calendar": {"weekdays": ["monday"], "from": "08:00", "to": "17:00"}}
    land("measured")
    lake.in_transaction(lambda con: register_process(con, "measured", title="M", origin="product", definition=definition))
    result = mine("measured", noise=0)

    figures = {name: (value, problem) for name, _, _, value, _, problem in rows_of("kpis", "measured")}
    assert figures["fine"] == (5.0, None) and figures["cases"] == (2.0, None)
    assert figures["broken"][0] is None and "cannot be computed" in figures["broken"][1]
    assert figures["median_working_hours"] == (0.0, None)
    assert lake.query("select distinct snapshot_id from mining.kpis where process = 'measured'").fetchall() == [
        (result.snapshot_id,)
    ]
