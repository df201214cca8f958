"""Answers that are kept: the same as computed ones, never out of date, bounded."""

import os

import pytest

import lake
from lake.settings import get_settings
from mining import EventLog, Follows, answers, build_layout, event_log
from mining.answers import Answers, forget_answers

ROWS = (
    "select 'c' || (i // 3) as case_id, 'a' || (i % 3) as activity, "
    "timestamptz '2024-01-01' + to_hours(i::integer) as occurred_at, i as source_row from range(30) as r(i)"
)


@pytest.fixture(autouse=True)
def own_home(module_home, monkeypatch):
    """One lake for all; every log counts as large, and no answer is kept from the test before."""
    monkeypatch.setattr(event_log, "LARGE", 1)
    forget_answers("kept")
    lake.in_transaction(lambda connection: connection.execute("create schema if not exists event_logs"))
    lake.in_transaction(lambda connection: connection.execute(f"create or replace table event_logs.kept as {ROWS}"))
    build_layout("kept")


def files():
    return sorted((get_settings().home / "answers").glob("*/*"))


def spoil(path):
    """Puts another answer in a file's place, so that what is read from it is seen."""
    from pyarrow import parquet

    parquet.write_table(parquet.read_table(path).slice(0, 0), path)


def test_a_question_asked_again_is_answered_from_what_was_kept():
    with EventLog.from_lake("kept") as log:
        first = log.dfg().fetchall()
        (path,) = files()
    with EventLog.from_lake("kept") as log:
        relation = log.dfg()
        assert relation.fetchall() == first
        assert relation.types == log.connection.sql(log.sql(event_log.kernels.dfg())).types
        spoil(path)
        assert log.dfg().fetchall() == []
        assert log.variants().project("activities, cases").fetchall() == [(["a0", "a1", "a2"], 10)]


def test_filters_and_parameters_have_answers_of_their_own():
    with EventLog.from_lake("kept") as log:
        narrow = log.filter(Follows("a1", "a0"))
        assert (len(log.dfg().fetchall()), len(narrow.dfg().fetchall())) == (2, 0)
        assert (len(log.variants().fetchall()), len(narrow.variants().fetchall())) == (1, 0)
        assert len(log.throughput(grain="day").fetchall()) != len(log.throughput(grain="month").fetchall())
        assert len(files()) == 6


def test_a_log_that_changed_is_asked_anew():
    with EventLog.from_lake("kept") as log:
        assert log.summary()["events"] == 30
    lake.in_transaction(lambda connection: connection.execute("delete from event_logs.kept where source_row = 29"))
    with EventLog.from_lake("kept") as log:
        assert log.summary()["events"] == 29
    build_layout("kept")
    with EventLog.from_lake("kept") as log:
        assert log.summary()["events"] == 29
        build_layout("kept", force=True)  # ids of variants may be others now
    known = len(files())
    with EventLog.from_lake("kept") as log:
        assert log.summary()["events"] == 29
    assert len(files()) == known + 1


def test_what_is_as_large_as_the_log_is_not_kept(monkeypatch):
    monkeypatch.setattr(answers, "LIMIT_ROWS", 1)
    with EventLog.from_lake("kept") as log:
        assert log.case_durations().aggregate("count(*)").fetchone() == (10,)
        assert len(log.dfg(times=False).fetchall()) == 2  # from variants: no dearer than reading an answer
        assert len(log.dfg().fetchall()) == 2
        assert files() == []
        assert log.ask("select 1 as one", keep=True).fetchall() == [(1,)]
        assert len(files()) == 1


def test_the_oldest_answers_go_when_there_are_too_many(monkeypatch):
    with EventLog.from_lake("kept") as log:
        log.dfg()
        (oldest,) = files()
        log.variants()
        os.utime(oldest, (1, 1))
        monkeypatch.setattr(answers, "LIMIT_BYTES", sum(path.stat().st_size for path in files()))
        log.throughput()
    assert oldest not in files()
    assert files()


def test_a_file_cut_short_is_computed_again():
    with EventLog.from_lake("kept") as log:
        first = log.dfg().fetchall()
        (path,) = files()
        path.write_bytes(path.read_bytes()[:40])
        assert log.dfg().fetchall() == first


def test_a_log_below_the_size_keeps_nothing(monkeypatch):
    monkeypatch.setattr(event_log, "LARGE", 31)
    with EventLog.from_lake("kept") as log:
        log.dfg().fetchall()
    assert files() == []


def test_names_of_processes_cannot_lead_out_of_the_folder():
    import duckdb

    with duckdb.connect() as connection:
        assert Answers("../../x", "state").ask(connection, "select 1").fetchall() == [(1,)]
    assert len(files()) == 1
    forget_answers("../../x")
    assert files() == []
