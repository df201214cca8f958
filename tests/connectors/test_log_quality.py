"""What comes of checking an event log: results, samples that do not grow, scores with a history, decisions that are heeded."""

from typing import Any

import pytest

import lake
from connectors.dbt_tests import Outcome, results_of
from connectors.dead_letters import dead_letters
from connectors.log_quality import SAMPLE, inspect_log, record_verdict
from connectors.quarantine import waive
from connectors.scores import score
from lake.errors import DataError
from lake.journal import CheckResult
from lake.registry import register_process

DEFINITION = {
    "happy_path": ["a", "b"],
    "rules": [{"kind": "precedes", "first": "a", "then": "b"}, {"kind": "starts_with", "activity": "a", "tolerated": 0.5}],
}
TWICE, LATE = "no event is there twice", "b does not come before a"


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def publish(name: str, events: str, definition: dict[str, Any] | None = None) -> None:
    def work(connection: Any) -> None:
        connection.execute("create schema if not exists event_logs")
        connection.execute(
            f"create or replace table event_logs.{name} as select case_id::varchar as case_id, activity, occurred_at::timestamptz"
            f" as occurred_at, null::timestamptz as started_at, resource, row_number() over () as source_row from ({events})"
        )
        register_process(connection, name, title=name, origin="product", definition=definition or {})

    lake.in_transaction(work)


def check(name: str) -> dict[str, CheckResult]:
    verdict = inspect_log(name)
    lake.in_transaction(lambda connection: record_verdict(connection, verdict, snapshot_id=7))
    return {one.check_name: one for one in verdict.results}


GOOD = """
    select i as case_id, x as activity, timestamp '2024-01-01 08:00:01' + to_hours(i) + to_minutes(n) as occurred_at,
        'ann' as resource
    from range(200) r(i), (values ('a', 1), ('b', 2)) v(x, n)"""


@pytest.mark.usefixtures("grimoire_home")
def test_offending_rows_are_flagged_in_a_sample_that_each_check_replaces() -> None:
    publish("shop", GOOD, DEFINITION)
    assert [one.check_name for one in check("shop").values() if not one.passed] == []
    publish("shop", f"{GOOD} union all {GOOD}", DEFINITION)
    for _ in range(2):
        twice = check("shop")[TWICE]
        assert (twice.passed, twice.rows_failed, twice.severity) == (False, 400, "warning")
        flagged = dead_letters("event_logs", rule=TWICE, limit=None, kind="flagged")
        assert len(flagged) == SAMPLE
        assert {one.reason for one in flagged} == {twice.detail}
    assert "400 of 800 events, such as 0" in twice.detail
    assert "see the key and the joins" in twice.detail
    assert dead_letters("event_logs") == [], "nothing of it was held back"
    scores = [value for (value,) in rows("select score from platform.quality_scores where subject = 'shop' order by scored_at")]
    assert scores[0] == 100.0
    assert scores[0] > scores[1] == scores[2]


@pytest.mark.usefixtures("grimoire_home")
def test_a_flagged_row_that_is_accepted_counts_no_more_and_stays_visible() -> None:
    publish("shop", f"{GOOD} union all (select * from ({GOOD}) where case_id = 5)", DEFINITION)
    assert check("shop")[TWICE].rows_failed == 2
    flagged = dead_letters("event_logs", kind="flagged")
    with pytest.raises(DataError, match="cannot be dropped here"):
        waive([flagged[0].id], how="dropped", note="away")
    waive([one.id for one in flagged], how="accepted", note="entered twice on purpose", by="ann")
    assert check("shop")[TWICE].passed
    kept = dead_letters("event_logs", kind="flagged", is_open=False)
    assert {(one.row_key, one.resolution, one.resolved_by) for one in kept} == {("5", "accepted", "ann")}


@pytest.mark.usefixtures("grimoire_home")
def test_a_rule_broken_by_few_cases_is_tolerated_and_by_many_is_not() -> None:
    late = GOOD.replace("to_minutes(n)", "to_minutes(case when i < {few} and x = 'b' then 0 else n end)")
    publish("few", late.format(few=4), DEFINITION)
    publish("many", late.format(few=50), DEFINITION)
    few, many = check("few"), check("many")
    assert (few[LATE].passed, few[LATE].rows_failed, few[LATE].rows_checked) == (True, 4, 200)
    assert "no more than the 2% that are tolerated" in few[LATE].detail
    assert (many[LATE].passed, many[LATE].rows_failed) == (False, 50)
    assert many["cases begin with a"].passed, "the definition tolerates half of the cases"


@pytest.mark.usefixtures("grimoire_home")
def test_columns_gained_lost_emptied_and_changed_are_told_once() -> None:
    name = "the columns are those of the last check"

    def rebuild(columns: str) -> None:
        lake.in_transaction(
            lambda connection: connection.execute(
                "create or replace table event_logs.shop as select case_id, activity, occurred_at, started_at, resource,"
                f" source_row, {columns} from event_logs.shop"
            )
        )

    publish("shop", GOOD)
    rebuild("1 as lane, 'x' as kind, 'y' as place")
    assert check("shop")[name].passed, "nothing is known before the first check"
    rebuild("'one' as lane, null::varchar as kind, 'red' as colour")
    drifted = check("shop")[name]
    assert (drifted.passed, drifted.rows_failed) == (False, 4)
    assert all(
        words in drifted.detail
        for words in ("colour is new", "kind is gone or empty", "place is gone or empty", "lane is VARCHAR, was INTEGER")
    )
    assert check("shop")[name].passed


def test_a_score_weighs_errors_three_times_and_counts_the_share_of_right_rows() -> None:
    passed, warned = CheckResult("l", "s", "a", True), CheckResult("l", "s", "b", False, "warning", False, 100, 10)
    failed = CheckResult("l", "s", "c", False, "error", False, 0, 3)
    assert score([]) == score([passed]) == 100.0
    assert score([passed, warned]) == pytest.approx(100 * (3 + 0.45) / 4, abs=0.1)
    assert score([passed, failed]) == 50.0


def test_a_test_of_dbts_is_told_in_a_sentence() -> None:
    def test(kind: str, severity: str = "ERROR", **given: Any) -> dict[str, Any]:
        return {
            "attached_node": "model.g.orders", "name": f"{kind}_of_orders", "column_name": given.pop("column", None),
            "config": {"severity": severity, "meta": given.pop("meta", {})}, "test_metadata": {"name": kind, "kwargs": given},
            "depends_on": {"nodes": ["model.g.orders", "model.g.parties"]},
        }  # fmt: skip

    nodes = {
        "model.g.orders": {"schema": "products", "name": "orders"},
        "t1": test("is_key", column="id"),
        "t2": test("relationships", column="party", arguments={"to": "ref('parties')"}),
        "t3": test("accepted_values", "warn", column="state", arguments={"values": ["new", "done"]}),
        "t4": test("holds", "warn", meta={"sentence": "amount is not negative", "advice": "Mend it."}),
        "t5": {**test("holds"), "attached_node": None},
    }
    outcomes = [Outcome(name, "pass" if name == "t1" else "warn", 2) for name in ("t1", "t2", "t3", "t4", "t5", "gone")]
    found = results_of({"nodes": nodes}, outcomes, {("products", "orders"): 9})
    assert [(one.check_name, one.passed, one.severity, one.rows_checked) for one in found] == [
        ("id is a key", True, "error", 9),
        ("party is known in parties", False, "error", 9),
        ("state is one of new, done", False, "warning", 9),
        ("amount is not negative", False, "warning", 9),
    ]
    assert found[-1].detail == "2 rows or values break it. Mend it."
