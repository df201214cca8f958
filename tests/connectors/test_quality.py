"""The gate's judgement over frames, and the suite of every event log."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import lake
from connectors.event_log_files import import_event_log
from connectors.quality import check_event_log, in_set, is_true, not_null, validate
from lake.errors import UnknownProcessError

pytestmark = pytest.mark.usefixtures("module_home")


def test_rows_that_break_a_rule_are_told_by_position():
    frame = pd.DataFrame(
        {"id": [1, None, 3, 4], "kind": ["a", "b", "x", None], "ok": [True, True, False, True]}, index=[9, 9, 8, 7]
    )
    rules = [not_null("id"), in_set("kind", ("a", "b"), severity="warning"), is_true("ok", "all is well")]
    verdict = validate(frame, rules, layer="raw_test", subject="things")
    assert verdict.failing == {"id is filled": [1], "kind is one of a, b": [2], "all is well": [2]}
    assert [(result.passed, result.severity, result.rows_checked, result.rows_failed) for result in verdict.results] == [
        (False, "error", 4, 1),
        (False, "warning", 4, 1),
        (False, "error", 4, 1),
    ]
    assert verdict.results[1].detail == "1 of 4 rows, such as x"


def test_nothing_new_passes_without_being_run():
    verdict = validate(pd.DataFrame({"id": []}), [not_null("id", blocking=True)], layer="raw_test", subject="things")
    assert [(result.passed, result.blocking, result.detail) for result in verdict.results] == [(True, True, "no new rows")]


def test_a_good_event_log_passes_and_tells_how_many_events_tie(tmp_path: Path):
    path = tmp_path / "good.csv"
    path.write_text("case,activity,time\n1,a,2024-01-01\n1,b,2024-01-01\n2,a,2024-01-02\n2,b,2024-01-03\n")
    import_event_log(path)
    results = {result.check_name: result for result in check_event_log("good")}
    assert all(result.passed for result in results.values())
    assert results["case_id is filled"].rows_checked == 4
    assert results["events tied in time (information)"].detail.startswith("50.0% of events share")


def test_a_bad_event_log_fails_by_rule_with_counts():
    def publish(connection: Any) -> None:
        connection.execute("create schema if not exists event_logs")
        connection.execute(
            "create table event_logs.bad as select * from (values"
            " ('1', 'a', timestamptz '2024-01-01', timestamptz '2024-01-02', 1), ('1', 'a', timestamptz '1024-01-01', null, 2),"
            " (null, 'a', timestamptz '2024-01-01', null, 3), ('2', '', null, null, 4),"
            " ('2', 'a', timestamptz '2024-01-01', null, 4)) log(case_id, activity, occurred_at, started_at, source_row)"
        )

    lake.in_transaction(publish)
    failed = {result.check_name: (result.rows_failed, result.blocking) for result in check_event_log("bad") if not result.passed}
    assert failed == {
        "case_id is filled": (1, True),
        "occurred_at is filled": (1, True),
        "activity is not blank": (1, False),
        "occurred_at is plausible (1990 to two years ahead)": (1, False),
        "started_at is not after occurred_at": (1, False),
        "case_id and source_row are unique": (2, True),
    }


def test_an_event_log_that_is_not_there_is_an_unknown_process():
    with pytest.raises(UnknownProcessError, match="nowhere"):
        check_event_log("nowhere")
