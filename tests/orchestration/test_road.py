"""The whole road on a small company: run, run again with nothing new, run after a week has passed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from connectors.demo import advance, bring_up
from lake import query
from lake.settings import PROJECT_ROOT, get_settings

pytestmark = pytest.mark.slow
TRAININGS = "select count(distinct computed_at) from forecasts.backtests"


def value(sql: str) -> object:
    return query(sql).fetchone()[0]


def run_road() -> tuple[dict[str, Any], list[float]]:
    """The report of a run in a process of its own, as the command line starts it, and the shares done it told of."""
    done = subprocess.run(
        [sys.executable, "-m", "orchestration", "road"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines and "report" in lines[-1], f"{lines[-1:]} {done.stderr[-3000:]}"
    return lines[-1]["report"], [line["done"] for line in lines[:-1]]


def test_the_road_leads_to_forecasts_and_a_second_run_does_only_what_is_new(grimoire_home: Path) -> None:
    bring_up()
    first, told = run_road()

    assert told == sorted(told) and told[-1] == 1.0
    assert not [check for check in first["failed_checks"] if check.endswith(": gate")]
    assert value("select count(distinct process) from mining.models") == 5
    assert value("select count(*) from platform.processes where origin = 'product'") == 5
    assert value("select count(distinct series) from forecasts.forecasts") >= 10
    assert value("select count(*) from platform.check_results where layer = 'event_logs' and not passed and blocking") == 0
    assert not (get_settings().home / "dagster" / "storage").exists(), "Dagster keeps its state in PostgreSQL"

    mined_at = value("select max(computed_at) from mining.models")
    orders = value("select count(*) from raw_erp.sale_orders")
    second, _ = run_road()
    assert value("select max(computed_at) from mining.models") == mined_at, "no event log has changed"
    assert value(TRAININGS) == 1, "nothing is new to learn from"
    assert second["steps"]["transform"] < first["steps"]["transform"] / 3

    advance(7)
    run_road()
    assert value("select count(*) from raw_erp.sale_orders") > orders
    assert value("select max(computed_at) from mining.models") > mined_at
    assert value(TRAININGS) == 2, "champions are trained once a week"
    assert value("select count(distinct computed_at) from forecasts.forecasts") == 1
