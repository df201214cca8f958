"""Connections in Dagster: a file is enough, and one that is paused, failing or broken stops no other."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from connectors import manage, states
from lake import database_url, query
from lake.database import PLATFORM
from lake.settings import PROJECT_ROOT

pytestmark = pytest.mark.slow


def shop(home: Path, name: str, **fields: Any) -> None:
    """A connection to a SQLite file of its own with two orders."""
    home.mkdir(exist_ok=True)
    path = home / f"{name}.db"
    with sqlite3.connect(path) as database:
        database.execute("create table orders (id integer primary key, total real)")
        database.execute("insert into orders values (1, 2.5), (2, 3.5)")
    database.close()
    words = {
        "name": name,
        "type": "sql",
        "address": f"sqlite:///{path}",
        "retries": 0,
        "resources": [{"name": "orders", "key": "id"}],
    }
    manage.add({**words, **fields})


def run(*words: str) -> dict[str, Any]:
    """The last line of a run in a process of its own, as the command line starts it."""
    done = subprocess.run(
        [sys.executable, "-m", "orchestration", "road", *words], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    lines = done.stdout.splitlines()
    assert lines, done.stderr[-3000:]
    last: dict[str, Any] = json.loads(lines[-1])
    return last


def times_made(*key: str) -> int:
    """How often Dagster says that an asset was made."""
    import dagster as dg

    from orchestration.instance import open_instance

    with open_instance() as instance:
        return len(instance.fetch_materializations(dg.AssetKey(list(key)), limit=10).records)


def test_a_new_file_has_its_assets_checks_freshness_job_and_schedule_and_a_broken_one_takes_nothing_down(
    grimoire_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import dagster as dg

    from orchestration.definitions import defs

    shop(grimoire_home, "hourly", schedule="15 * * * *", freshness_hours=2)
    shop(grimoire_home, "daily")
    (grimoire_home / "connections" / "broken.yaml").write_text("type: [sql\n")
    (grimoire_home / "connections" / "bare.yaml").write_text("type: sql\n")
    definitions = defs()
    graph = definitions.resolve_asset_graph()
    hourly = graph.get(dg.AssetKey(["raw", "hourly", "orders"]))
    assert {key.name for key in hourly.check_keys} == {"gate", "watch", "loaded"}
    policy = hourly.freshness_policy
    assert policy.fail_window.to_timedelta().total_seconds() == 2 * 3600
    assert dg.AssetKey(["source", "hourly", "orders"]) in hourly.parent_keys
    assert {str(child) for child in hourly.child_keys} == {str(dg.AssetKey(["staging", "hourly", "stg_hourly__orders"]))}
    schedules = {schedule.name: (schedule.job_name, schedule.cron_schedule) for schedule in definitions.schedules}
    assert schedules["hourly_by_schedule"] == ("run_hourly", "15 * * * *")
    assert "daily_by_schedule" not in schedules

    def steps(job: str) -> set[str]:
        return {node.name for node in definitions.resolve_job_def(job).nodes}

    assert steps("run_daily") == {"load_daily", "loads", "transform", "published"}
    assert "load_daily" in steps("road") and "load_hourly" not in steps("road")
    assert "broken.yaml cannot be read" in caplog.text
    assert "bare names no resources" in caplog.text


def test_a_failing_and_a_paused_connection_stop_no_other_and_the_run_says_which(grimoire_home: Path) -> None:
    database_url(PLATFORM)
    for name in ("good", "away", "resting"):
        shop(grimoire_home, name)
    (grimoire_home / "away.db").unlink()
    manage.pause("resting")
    outcome = run()
    assert "loads: There is no file" in outcome["error"]["problem"]
    assert "away.db" in outcome["error"]["problem"] and "resting" not in outcome["error"]["problem"]
    assert query("select count(*) from staging.stg_good__orders").fetchone() == (2,), "what follows the good one was made"
    assert [times_made("raw", name, "orders") for name in ("good", "away", "resting")] == [1, 0, 0]
    assert times_made("staging", "away", "stg_away__orders") == 0, "nothing is made of what has never been landed"
    assert [states.state_of(name).state for name in ("good", "away", "resting")] == ["active", "failing", "configured"]

    manage.resume("resting")
    assert "error" not in run("resting")
    assert query("select count(*) from staging.stg_resting__orders").fetchone() == (2,)
    assert times_made("raw", "good", "orders") == 1, "the run of one connection leaves the others alone"
    manage.pause("resting")
    assert "resting is paused since" in run("resting")["error"]["problem"]


def test_the_run_of_one_connection_builds_and_mines_its_event_log_even_one_without_links(grimoire_home: Path) -> None:
    log = {
        "name": "ordering",
        "title": "Ordering",
        "case": "order",
        "objects": {"order": {"from": "orders", "id": "id"}},
        "events": [
            {
                "activity": "Order",
                "from": "orders",
                "at": "timestamptz '2026-01-01' + id * interval 1 hour",
                "objects": {"order": "id"},
            }
        ],
    }
    shop(grimoire_home, "kiosk", event_logs=[log])
    last = run("kiosk")
    assert "report" in last, last
    assert query("select cases, events from mining.logs where process = 'kiosk_ordering'").fetchone() == (2, 2)
