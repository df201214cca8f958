"""Statements that people keep: named ones, and the last ones run."""

import pytest

from lake.errors import DataError
from lake.saved_queries import MOST_RUNS, delete_query, note_run, recent_runs, save_query, saved_queries


def test_a_statement_is_saved_listed_replaced_and_deleted(grimoire_home):
    save_query("  Late   orders ", "select 1")
    save_query("early", "select 2 -- %s 'Größe'")
    save_query("Late orders", "select 3")
    assert [(one.name, one.sql) for one in saved_queries()] == [("early", "select 2 -- %s 'Größe'"), ("Late orders", "select 3")]
    assert delete_query("early") and not delete_query("early")
    assert [one.name for one in saved_queries()] == ["Late orders"]


@pytest.mark.parametrize(
    ("name", "sql"), [("", "select 1"), ("x" * 121, "select 1"), ("a\x00", "select 1"), ("a", " "), ("a", "\x00")]
)
def test_what_cannot_be_kept_is_refused(grimoire_home, name, sql):
    with pytest.raises(DataError):
        save_query(name, sql)


def test_the_history_holds_each_statement_once_the_newest_first_and_does_not_grow_for_ever(grimoire_home):
    for number in range(4):
        note_run(f"select {number % 2}", outcome="answered", result_rows=number, seconds=0.1)
    assert [(run.sql, run.result_rows) for run in recent_runs()] == [("select 1", 3), ("select 0", 2)]
    note_run("select \x00", outcome="failed", result_rows=None, seconds=0.0)
    assert recent_runs(most=1)[0].sql == "select "
    assert MOST_RUNS == 500
