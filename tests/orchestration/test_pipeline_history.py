"""Dagster's finished runs in the lake: each once, with its steps, whoever started it."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

import lake
from orchestration.pipeline_history import BEGAN, note_ended_runs

pytestmark = pytest.mark.slow


@dg.op
def first() -> int:
    """Works."""
    return 1


@dg.op
def second(given: int) -> int:
    """Fails."""
    raise ValueError(given)


@dg.op
def third(given: int) -> None:
    """Is never reached."""


@dg.job
def broken() -> None:
    """Fails in its second of three steps."""
    third(second(first()))


@dg.job
def sound() -> None:
    """Succeeds."""
    first()


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_every_run_that_has_ended_is_noted_once_with_its_steps(grimoire_home: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert note_ended_runs(instance) == 0
        sound.execute_in_process(instance=instance, tags={BEGAN: "2026-03-01T08:00:00+00:00"})
        broken.execute_in_process(instance=instance, raise_on_error=False, tags={"dagster/schedule_name": "nightly"})
        instance.create_run_for_job(sound)  # not begun
        assert note_ended_runs(instance) == 2
        assert note_ended_runs(instance) == 0
        sound.execute_in_process(instance=instance, tags={"dagster/from_ui": "true"})
        assert note_ended_runs(instance) == 1
    assert rows("select job, status, origin, finished_at >= started_at from platform.runs order by finished_at") == [
        ("sound", "success", "command", True),
        ("broken", "failure", "schedule", True),
        ("sound", "success", "person", True),
    ]
    assert rows("select min(started_at) = '2026-03-01 08:00:00+00' from platform.runs") == [(True,)], "loads begin before the run"
    steps = rows(
        "select step, s.status, attempts, s.finished_at >= s.started_at from platform.run_steps s"
        " join platform.runs using (run_id) where job = 'broken' order by s.started_at nulls last"
    )
    assert steps[:2] == [("first", "success", 1, True), ("second", "failure", 1, True)]
    assert [(step, status) for step, status, *_ in steps[2:]] in ([], [("third", "skipped")])


def test_looking_for_ended_runs_where_there_are_none_writes_nothing(grimoire_home: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        sound.execute_in_process(instance=instance)
        note_ended_runs(instance)
        before = rows("select max(snapshot_id) from lake.snapshots()")
        note_ended_runs(instance)
    assert rows("select max(snapshot_id) from lake.snapshots()") == before
