"""Statements that people type: what they give, what is refused, what is stopped, and what a chart makes of the answer."""

import datetime as dt
import time
from decimal import Decimal

import pytest

from apps.streamlit import result_chart
from apps.streamlit.adhoc import Answer, Running
from lake.errors import QueryError, ReadOnlyError
from lake.saved_queries import recent_runs

WRITES = [
    "insert into platform.loads select * from platform.loads",
    "update platform.loads set rows_landed = 0",
    "delete from platform.loads",
    "create table products.mine as select 1 as i",
    "drop table platform.loads",
    "select 1; drop table platform.loads",
    "copy platform.loads to '/tmp/grimoire-probe.csv'",
    "attach '/tmp/grimoire-probe.duckdb' as x",
    "from read_csv('/etc/passwd')",
]
UNKNOWN = ["install httpfs", "from '/etc/passwd'"]  # to a connection that reaches nothing outside these are no names


def outcome(sql, **options):
    running = Running(sql, **options)
    assert running.wait(60)
    return running.outcome


def test_what_writes_or_reaches_outside_is_refused_and_changes_nothing(filled_home):
    before = outcome("select count(*) as n, sum(rows_landed) as s from platform.loads").frame
    for sql in WRITES:
        refused = outcome(sql)
        assert isinstance(refused, ReadOnlyError) and "only reads" in refused.remedy, sql
    for sql in UNKNOWN:
        assert isinstance(outcome(sql), QueryError | ReadOnlyError), sql
    assert outcome("select count(*) as n, sum(rows_landed) as s from platform.loads").frame.equals(before)


def test_several_statements_run_in_order_and_the_last_one_answers(filled_home):
    found = outcome("select 1 as one; select 2 as two;")
    assert isinstance(found, Answer) and found.frame.to_dict("list") == {"two": [2]}


def test_rows_beyond_the_cap_are_left_out_and_said(filled_home):
    found = outcome("from range(100)", row_cap=10)
    assert (len(found.frame), found.is_capped) == (10, True)
    assert not outcome("from range(10)", row_cap=10).is_capped


LONG = "select sum(a.range * b.range) from range(10000000) a, range(10000000) b"


def test_a_statement_is_stopped_when_its_time_is_up(filled_home):
    stopped = outcome(LONG, seconds=0.5)
    assert isinstance(stopped, QueryError) and "stopped after" in stopped.problem


def test_cancelling_stops_the_computation_itself(filled_home):
    running = Running(LONG)
    time.sleep(0.5)
    assert not running.wait(0)
    running.cancel()
    assert running.wait(20)
    assert "Stopped by you" in running.outcome.problem
    assert recent_runs(most=1)[0].outcome == "stopped"


def test_the_history_says_what_became_of_a_statement(filled_home):
    outcome("select 7 as seven")
    outcome("select nonsense")
    outcome("drop table platform.loads")
    assert [run.outcome for run in recent_runs(most=3)] == ["refused", "failed", "answered"]
    assert recent_runs(most=3)[2].result_rows == 1


def test_an_earlier_snapshot_is_read_where_it_is_asked_for(filled_home):
    assert outcome("select 1 as i", as_of=1).snapshot_id == 1


def test_a_chart_is_guessed_from_the_columns():
    rows = [{"month": f"2024-0{m}-01", "kind": k, "n": m * 10} for m in range(1, 4) for k in ("a", "b")]
    assert result_chart.guess(rows) == ("Line", "month", "n", "kind")
    assert result_chart.guess([{"name": "x", "n": 1}, {"name": "y", "n": 2.5}]) == ("Bars", "name", "n", None)
    assert result_chart.guess([{"a": 1, "b": 2}]) == ("Points", "a", "b", None)
    assert result_chart.guess([{"name": "x", "other": "y"}]) is None
    assert result_chart.guess([]) is None


@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.drop")  # DuckDB's own call when it makes a frame with dates
def test_values_of_every_type_become_what_charts_and_files_take(filled_home):
    sql = """select 1::tinyint as i, 1.5::decimal(9,2) as d, timestamptz '2024-01-02 03:04:05+00' as t, date '2024-01-02' as day,
             [1, 2] as l, {'a': 1} as s, null::integer as nothing, true as b, 'x' as w, interval 1 day as v"""
    found = outcome(sql)
    assert isinstance(found, Answer), found
    (row,) = result_chart.plain_rows(found.frame)
    assert (row["i"], row["d"], row["day"][:10], row["t"][:10], row["l"], row["nothing"], row["b"], row["w"]) == (
        1, 1.5, "2024-01-02", "2024-01-02", [1, 2], None, True, "x",
    )  # fmt: skip
    assert result_chart._plain(Decimal("2.5")) == 2.5 and result_chart._plain(dt.date(2024, 1, 2)) == "2024-01-02"


def test_columns_of_one_name_are_all_shown(filled_home):
    frame = outcome("select 1 as a, 2 as a").frame
    assert len(set(frame.columns)) == 2
