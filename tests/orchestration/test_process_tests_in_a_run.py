"""Process tests in a real Dagster run: a breach of severity `error` fails it, one of severity `warning` does not."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

import lake
from lake.registry import register_process
from orchestration.defs.mine import mined
from orchestration.lock import RESOURCE, road_lock_resource

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pm4py.*", "ignore::FutureWarning:pm4py.*")
ROWS = """
    select case_id::varchar as case_id, activity, timestamptz '2024-01-01' + to_hours(case_id * 10 + pos) as occurred_at,
        null::timestamptz as started_at, null::varchar as resource, row_number() over (order by case_id, pos) as source_row
    from (values (1, 'receive', 0), (1, 'pay', 1), (2, 'pay', 0), (2, 'receive', 1)) as v(case_id, activity, pos)"""


def publish(*rules: Any) -> None:
    def work(connection: Any) -> None:
        connection.execute("create schema if not exists event_logs")
        connection.execute(f"create table if not exists event_logs.shop as {ROWS}")
        register_process(connection, "shop", title="Shop", origin="product", definition={"rules": list(rules)})

    lake.in_transaction(work)


def run() -> tuple[bool, dict[str, dg.AssetCheckEvaluation]]:
    """Whether the run succeeded, and what came of the asset's checks."""
    result = dg.materialize([mined("shop")], resources={RESOURCE: road_lock_resource}, raise_on_error=False)
    return result.success, {one.check_name: one for one in result.get_asset_check_evaluations()}


def test_a_breach_of_an_error_threshold_fails_the_run_and_one_of_a_warning_does_not(grimoire_home: Path) -> None:
    rule = {"rule": "receive precedes pay", "threshold": 0}
    publish({**rule, "severity": "warning"})
    succeeded, checks = run()
    assert succeeded
    assert checks["gate"].passed
    assert (checks["watch"].passed, checks["watch"].severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "receive precedes pay: 1 of 2 cases, such as 2; the threshold is 0%" in (checks["watch"].description or "")

    publish({**rule, "severity": "error"})  # the log is as it was: the rule alone is new
    succeeded, checks = run()
    assert not succeeded
    assert (checks["gate"].passed, checks["gate"].severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert lake.query("select count(*) from mining.logs").fetchone() == (1,), "what was mined stays"

    publish({**rule, "severity": "error", "threshold": "50 %"})
    succeeded, checks = run()
    assert (succeeded, checks["gate"].passed, checks["watch"].passed) == (True, True, True)
    found = lake.query("select severity, passed from platform.check_results where layer = 'mining' order by checked_at").fetchall()
    assert found == [("warning", False), ("error", False), ("error", True)]
