"""Ten public logs imported into one lake with the command a person types, and mined: every count equals the reference."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lake import connect
from lake.settings import PROJECT_ROOT
from mining import mine

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:pm4py.*", "ignore::FutureWarning:pm4py.*"),
]
ALIGNMENT_SECONDS = 5.0  # counts are the point here; fitness has tests of its own


@pytest.fixture(scope="module")
def reference(module_home: Path) -> dict[str, Any]:
    folder = PROJECT_ROOT.parent / "shared" / "data" / "event_logs"
    if not folder.is_dir():
        pytest.skip(f"no public test data in {folder}")
    logs = json.loads((folder / "reference.json").read_text())
    for name, log in logs.items():
        command = ["import", str(folder / log["file"]), "--name", name.lower().replace("-", "_"), "--no-mine"]
        done = subprocess.run([sys.executable, "-m", "apps.cli.main", *command], cwd=PROJECT_ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
    return logs


def test_every_count_equals_the_reference(reference: dict[str, Any]) -> None:
    names = {name: name.lower().replace("-", "_") for name in reference}
    for process in names.values():
        mine(process, alignment_seconds=ALIGNMENT_SECONDS)
    with connect(read_only=True) as lake:
        found = {name: counts(lake, process, asked=reference[name]) for name, process in names.items()}

    assert len(found) == 10
    assert found == {name: expected(log) for name, log in reference.items()}


def counts(lake: Any, process: str, *, asked: dict[str, Any]) -> dict[str, Any]:
    """What was mined, in the reference's form, which lists at most ten starts, ends and edges."""
    where = f"from mining.{{}} where process = '{process}'"
    figures = lake.sql(f"select cases, events, activities, variants, dfg_edges {where.format('logs')}").fetchone()
    (steps,) = lake.sql(f"select sum(frequency)::bigint {where.format('dfg')}").fetchone()
    rows = lake.sql(f"select activity, starts, ends {where.format('activities')}").fetchall()
    edges = {
        (source, target): number
        for source, target, number in lake.sql(f"select source, target, frequency {where.format('dfg')}").fetchall()
    }
    names = ("cases", "events", "activities", "variants", "dfg_edges")
    return {
        **dict(zip(names, figures, strict=True)),
        "dfg_sum": steps,
        "start": {activity: starts for activity, starts, _ in rows if activity in asked["start"]},
        "end": {activity: ends for activity, _, ends in rows if activity in asked["end"]},
        "top_dfg": [[source, target, edges[source, target]] for source, target, _ in asked["top_dfg"]],
    }


def expected(log: dict[str, Any]) -> dict[str, Any]:
    names = ("cases", "events", "activities", "variants", "dfg_edges", "dfg_sum", "start", "end", "top_dfg")
    return {name: log[name] for name in names}
