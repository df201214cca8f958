"""One connection's failing model keeps its own products, and the others' logs are mined all the same."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from connectors import manage
from lake import query
from lake.settings import PROJECT_ROOT
from orchestration.built import last_build

pytestmark = pytest.mark.slow


def shop(home: Path, name: str) -> Path:
    """A connection to a SQLite file of its own, with one order and an event log that is `<name>_ordering`."""
    home.mkdir(exist_ok=True)
    path = home / f"{name}.db"
    change(path, "create table orders (id integer primary key, day text)", "insert into orders values (1, '2026-01-01')")
    log = {
        "name": "ordering",
        "case": "order",
        "objects": {"order": {"from": "orders", "id": "id"}},
        "events": [{"activity": "Order", "from": "orders", "at": "day::date", "objects": {"order": "id"}}],
    }
    orders = {"name": "orders", "key": "id"}
    manage.add({"name": name, "type": "sql", "address": f"sqlite:///{path}", "resources": [orders], "event_logs": [log]})
    return path


def change(path: Path, *statements: str) -> None:
    with sqlite3.connect(path) as database:
        for statement in statements:
            database.execute(statement)
    database.close()


def run(*words: str) -> dict[str, Any]:
    """The last line of a run in a process of its own, as the command line starts it."""
    done = subprocess.run(
        [sys.executable, "-m", "orchestration", *words], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    lines = done.stdout.splitlines()
    assert lines, done.stderr[-3000:]
    last: dict[str, Any] = json.loads(lines[-1])
    return last


def mined() -> dict[str, int]:
    return dict(query("select process, events from mining.logs").fetchall())


def test_a_failing_model_of_one_connection_stops_neither_the_others_nor_their_mining(grimoire_home: Path) -> None:
    good, bad = shop(grimoire_home, "good"), shop(grimoire_home, "bad")
    assert "report" in run("road")
    assert mined() == {"good_ordering": 1, "bad_ordering": 1}

    change(good, "insert into orders values (2, '2026-01-02')")
    change(bad, "insert into orders values (2, 'some day')")  # no date: the model that casts it fails
    error = run("road")["error"]
    assert error["problem"].startswith("The run failed in published: ") and "some day" in error["problem"], error
    assert "bad_ordering" in error["problem"] and "good_ordering" not in error["problem"]
    assert mined() == {"good_ordering": 2, "bad_ordering": 1}
    kept = last_build().left_out
    assert "bad_ordering" in kept and "good_ordering" not in kept


def test_a_part_that_fails_fails_the_run_of_its_connection_and_the_next_one_heals(grimoire_home: Path) -> None:
    bad = shop(grimoire_home, "bad")
    assert "report" in run("road", "bad")
    change(bad, "insert into orders values (2, 'some day')")
    assert "published: " in run("road", "bad")["error"]["problem"]
    assert "some day" in run("build", json.dumps({"select": "+bad_ordering__events"}))["error"]["problem"]
    assert mined() == {"bad_ordering": 1}

    change(bad, "update orders set day = '2026-01-03' where id = 2")
    assert "report" in run("road", "bad")
    assert mined() == {"bad_ordering": 2}
    assert last_build().left_out == {}
    assert "There is no domain `sale`" in run("build", json.dumps({"domain": "sale"}))["error"]["problem"]
