"""Starts and completions become one event with its start, as a naive queue and pm4py pair them; nothing is lost."""

import csv
import random
from collections import Counter, deque
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import lake
from connectors.event_log_files import import_event_log
from lake.registry import get_process

pytestmark = pytest.mark.usefixtures("module_home")

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
Row = dict[str, Any]


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def written(folder: Path, name: str, events: list[Row]) -> Path:
    path = folder / f"{name}.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(events[0]))
        writer.writeheader()
        writer.writerows({key: value.isoformat() if key == "time" else value for key, value in one.items()} for one in events)
    return path


def event(minute: int, transition: str, *, case: str = "c", activity: str = "a", user: str = "", instance: str = "") -> Row:
    return {
        "case_id": case, "activity": activity, "time": BEGIN + timedelta(minutes=minute), "user": user,
        "lifecycle:transition": transition, "concept:instance": instance,
    }  # fmt: skip


def paired_naively(events: list[Row]) -> tuple[list[tuple[Any, ...]], int]:
    """(case, activity, start or None, time) of every event that is left, and how many pairs there are, by queues."""
    waiting: dict[tuple[str, str, str], deque[Row]] = {}
    left: list[tuple[Any, ...]] = []
    pairs = 0
    for one in sorted(events, key=lambda one: (one["case_id"], one["time"])):
        queue = waiting.setdefault((one["case_id"], one["activity"], one["concept:instance"]), deque())
        what = one["lifecycle:transition"].lower()
        if what == "start":
            queue.append(one)
            continue
        begun = queue.popleft() if what == "complete" and queue else None
        pairs += begun is not None
        left.append((one["case_id"], one["activity"], begun and begun["time"], one["time"]))
    left += [(one["case_id"], one["activity"], None, one["time"]) for queue in waiting.values() for one in queue]
    return left, pairs


def test_pairs_are_those_of_a_queue_per_case_activity_and_instance(tmp_path: Path):
    dice = random.Random(5)
    events = [
        event(dice.randrange(40), dice.choice(["start", "START", "complete", "Complete", "suspend"]), case=f"c{dice.randrange(60)}",
              activity=dice.choice("ab"), instance=dice.choice(["", "i", "j"]))
        for _ in range(4_000)
    ]  # fmt: skip
    report = import_event_log(written(tmp_path, "dice", events), lifecycle="pair")
    expected, pairs = paired_naively(events)
    found = rows("select case_id, activity, started_at, occurred_at from event_logs.dice")
    assert Counter(found) == Counter(expected)
    assert (report.events, report.lifecycle["paired"]) == (len(expected), pairs)
    assert pairs > 500
    assert sum(report.lifecycle.values()) + pairs == len(events)


def test_the_outcome_says_what_was_paired_and_the_raw_rows_are_all_kept(tmp_path: Path):
    events = [
        event(0, "schedule"), event(1, "start", user="Ann"), event(5, "complete"), event(6, "complete"),
        event(7, "start", activity="b"), event(7, "complete", activity="d", user="Bob"),
    ]  # fmt: skip
    report = import_event_log(written(tmp_path, "small", events), lifecycle="pair")
    assert report.lifecycle == {"paired": 1, "starts_alone": 1, "completions_alone": 2, "other_transitions": 1}
    note = next(note for note in report.notes if "lifecycle" in note)
    assert "1 starts were paired" in note
    assert "1 starts and 2 completions without counterpart and 1 events of other transitions" in note
    assert rows("select activity, minute(started_at), minute(occurred_at), resource from event_logs.small order by source_row") == [
        ("a", None, 0, None), ("a", 1, 5, "Ann"), ("a", None, 6, None), ("b", None, 7, None), ("d", None, 7, "Bob"),
    ]  # fmt: skip
    assert rows("select count(*) from raw_files.small") == [(6,)]
    assert rows("select source_row from raw_files.small where _completed_by = 3") == [(2,)]
    with lake.connect(read_only=True) as connection:
        assert get_process(connection, "small").definition["lifecycle"] == report.lifecycle


def test_every_event_is_kept_as_it_is_unless_pairing_is_asked_for(tmp_path: Path):
    report = import_event_log(written(tmp_path, "kept", [event(0, "start"), event(5, "complete")]))
    assert (report.events, report.lifecycle) == (2, {})
    assert rows("select count(started_at), count(*) from event_logs.kept") == [(0, 2)]
    assert any("1 starts and 1 completions" in note and "--lifecycle pair" in note for note in report.notes)


@pytest.mark.parametrize("transitions", [("complete", "complete"), ("start", "start"), ("schedule", "resume"), ("", "")])
def test_a_log_without_both_starts_and_completions_stays_as_it_is(tmp_path: Path, transitions: tuple[str, str]):
    events = [event(minute, transition) for minute, transition in enumerate(transitions)]
    report = import_event_log(written(tmp_path, "one_sided", events), lifecycle="pair")
    assert (report.events, report.lifecycle) == (2, {})
    assert rows("select count(*) from event_logs.one_sided where started_at is null") == [(2,)]


def test_a_log_with_a_column_of_starts_has_its_pairs_already(tmp_path: Path):
    events = [{**event(minute, what), "start_time": BEGIN.isoformat()} for minute, what in ((1, "start"), (2, "complete"))]
    report = import_event_log(written(tmp_path, "starts_told", events), lifecycle="pair")
    assert (report.events, report.lifecycle) == (2, {})


def test_a_completion_before_its_start_is_not_paired_with_it(tmp_path: Path):
    report = import_event_log(written(tmp_path, "turned", [event(5, "start"), event(2, "complete")]), lifecycle="pair")
    assert report.lifecycle == {"paired": 0, "starts_alone": 1, "completions_alone": 1, "other_transitions": 0}
    assert report.events == 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:pm4py.*", "ignore::FutureWarning:pm4py.*")
@pytest.mark.parametrize("file", ["Production.xes.gz", "PurchasingExample.xes.gz", "bpic2012.xes.gz"])
def test_starts_of_public_logs_are_those_of_pm4py(shared_data: Path, file: str):
    import pm4py
    import r4pm
    from pm4py.objects.log.util import interval_lifecycle

    path = shared_data / "event_logs" / file
    report = import_event_log(path, lifecycle="pair")
    frame, _ = r4pm.df.import_xes(str(path))
    columns = ["case:concept:name", "concept:name", "lifecycle:transition", "time:timestamp"]
    log = pm4py.convert_to_event_log(frame.select(columns).to_pandas())
    theirs = Counter(
        (
            trace.attributes["concept:name"],
            one["concept:name"],
            one["start_timestamp"].timestamp(),
            one["time:timestamp"].timestamp(),
        )
        for trace in interval_lifecycle.to_interval(log)
        for one in trace
    )
    # pm4py leaves out all but completions, and lets those without a start begin when they end
    ours = rows(
        "select case_id, activity, epoch(coalesce(started_at, occurred_at)), epoch(occurred_at)"
        f" from event_logs.{report.process} where lower(lifecycle_transition) = 'complete'"
    )
    assert Counter(ours) == theirs
    counts = report.lifecycle
    assert sum(counts.values()) + counts["paired"] == frame.height
    assert report.events == frame.height - counts["paired"]
    assert rows(f"select count(started_at) from event_logs.{report.process}") == [(counts["paired"],)]
