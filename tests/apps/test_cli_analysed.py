"""`grimoire bottlenecks`, `compare` and `drift` over a small lake: what a person reads and what a script gets."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import lake
from apps.cli.main import app
from lake.errors import DataError, UnknownProcessError
from lake.registry import register_process

ROWS = """select n::varchar as case_id, chr((97 + step)::integer) as activity,
        timestamptz '2024-01-01' + to_days(n) + to_hours(step * (case when n < 150 then 4 else 12 end) + n % 4) as occurred_at,
        n * 3 + step as source_row, n % 2 as lane, case when step < 2 then 'Ann' end as resource
    from (select unnest(range(300)) as n), (select unnest(range(3)) as step)"""


@pytest.fixture(scope="module", autouse=True)
def process(module_home: Path) -> None:
    """A process that changes after 150 days; `c` is done by others."""

    def work(connection):
        connection.execute("create schema event_logs")
        connection.execute(f"create table event_logs.slowing as {ROWS}")
        definition = {"external_activities": ["c"], "working_calendar": {"from": "00:00", "to": "24:00", "weekdays": ["monday"]}}
        register_process(connection, "slowing", title="Slowing", origin="file", definition=definition)

    lake.in_transaction(work)


def grimoire(*words: str) -> str:
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_bottlenecks_are_ranked_in_working_time_and_others_steps_stand_behind():
    rows = json.loads(grimoire("bottlenecks", "slowing", "--json"))
    assert [(row["rank"], row["source"], row["target"], row["is_external"]) for row in rows] == [
        (1, "a", "b", False),
        (2, "b", "c", True),
    ]
    assert rows[0]["lost_seconds"] == rows[0]["spent_seconds"] < rows[0]["elapsed_seconds"] == 3600 * 150 * (4 + 12)
    (elapsed,) = json.loads(grimoire("bottlenecks", "slowing", "--elapsed", "--top", "1", "--json"))
    assert elapsed["spent_seconds"] == elapsed["elapsed_seconds"]
    assert elapsed["lost_seconds"] == 3600 * 150 * (12 - 4)
    assert "others decide" in grimoire("bottlenecks", "slowing")


def test_a_comparison_says_what_differs_and_what_both_cohorts_share():
    early = '[{"filter": "timeframe", "end": "2024-05-29", "mode": "started"}]'
    late = '[{"filter": "timeframe", "start": "2024-05-31", "mode": "started"}]'
    found = json.loads(grimoire("compare", "slowing", "--a", early, "--b", late, "--step", "a..c", "--json"))
    significant = {(one["measure"], one["source"], one["target"]) for one in found["measures"] if one["is_significant"]}
    assert significant == {
        ("case seconds", None, None),
        ("edge seconds", "a", "b"),
        ("edge seconds", "b", "c"),
        ("step seconds", "a", "c"),
    }
    lanes = [f'[{{"filter": "attribute", "column": "lane", "values": [{lane}]}}]' for lane in (0, 1)]
    same = json.loads(grimoire("compare", "slowing", "--a", lanes[0], "--b", lanes[1], "--json"))
    assert (same["shared_cases"], [one for one in same["measures"] if one["is_significant"]]) == (0, [])
    assert "150 cases stand in both cohorts" in CliRunner().invoke(app, ["compare", "slowing", "--a", lanes[0], "--all"]).output


def test_drift_names_the_day_and_what_changed():
    (change,) = json.loads(grimoire("drift", "slowing", "--json"))
    assert change["changed_at"][:7] in {"2024-05", "2024-06"}
    assert {(one["kind"], one["source"], one["target"]) for one in change["differences"]} == {
        ("time", "a", "b"),
        ("time", "b", "c"),
    }
    assert "time" in grimoire("drift", "slowing")
    unchanged = '[{"filter": "timeframe", "end": "2024-05-29", "mode": "started"}]'
    assert "No change was found" in CliRunner().invoke(app, ["drift", "slowing", "--filters", unchanged]).output


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (["drift", "no_such"], UnknownProcessError, "no event log `no_such`"),
        (["bottlenecks", "slowing", "--filters", "x"], DataError, "no JSON"),
        (["bottlenecks", "slowing", "--filters", "[1]"], DataError, "no list of objects"),
        (["compare", "slowing", "--a", "[]", "--step", "a"], DataError, "'a' is no step"),
        (["compare", "slowing", "--a", "[]", "--correction", "x"], DataError, "makes no sense"),
        (["compare", "slowing", "--a", '[{"filter": "length", "minimum": 9}]'], DataError, "first cohort has no cases"),
        (["drift", "slowing", "--level", "2"], DataError, "make no sense"),
    ],
)
def test_what_cannot_be_done_is_told(words, error, said):
    with pytest.raises(error, match=said):
        CliRunner().invoke(app, words, catch_exceptions=False)
