"""The whole road on the demo company at scale 1: the first run, the one after a week of trading, and one that finds nothing new.

What belongs here: those runs and their bounds from the design. What does not: making the company (`bench.demo_company`).
Run as `python -m bench.road`; needs no other data. Runs in a temporary home, or in GRIMOIRE_BENCH_HOME if that is set.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

from bench.harness import Measured, measure_command, print_table, versions, write_results

SCALE = 1.0
MOST_SECONDS = 180.0
MOST_MB = 2_000.0
MOST_SECONDS_LATER = MOST_SECONDS  # for the run after a week, which mines every process and trains every model again
MOST_SECONDS_STANDING = MOST_SECONDS / 3  # for the run that finds nothing new


def grimoire(*words: str, home: str) -> Measured:
    """Runs the command and measures it with every process it starts; the embedded PostgreSQL is not one of them."""
    return measure_command(
        [sys.executable, "-m", "apps.cli.main", *words], environment={"GRIMOIRE_HOME": home, "GRIMOIRE_DEMO_SCALE": str(SCALE)}
    )


def measure_road(home: str) -> dict[str, Measured]:
    """The runs in their order; before each, the demo company is where it has to be."""
    grimoire("demo", "up", home=home)
    first = grimoire("run", "--json", home=home)
    grimoire("demo", "advance", "--days", "7", home=home)
    week_later = grimoire("run", "--json", home=home)
    return {"first run": first, "a week later": week_later, "nothing new": grimoire("run", "--json", home=home)}


def main() -> None:
    """Runs all, prints a table, writes the results, and fails where a bound is broken."""
    with tempfile.TemporaryDirectory(prefix="grimoire-bench-") as folder:
        runs = measure_road(os.environ.get("GRIMOIRE_BENCH_HOME", str(Path(folder) / "home")))
    steps = {name: json.loads(run.value)["steps"] for name, run in runs.items()}
    first, later, standing = (runs[name] for name in ("first run", "a week later", "nothing new"))
    print_table(runs)
    for name, seconds in steps.items():
        print(f"{name}: {seconds}")
    write_results(
        "road",
        versions=versions("duckdb", "dlt", "dbt-core", "great-expectations", "pm4py", "r4pm", "prophet", "mlflow", "dagster"),
        scale=SCALE,
        ours={name: {**run.figures(), "steps": steps[name]} for name, run in runs.items()},
        share_of_first_run={name: round(run.wall_seconds / first.wall_seconds, 3) for name, run in runs.items()},
        bounds={
            "first_wall_seconds": MOST_SECONDS,
            "peak_mb": MOST_MB,
            "later_wall_seconds": MOST_SECONDS_LATER,
            "standing_wall_seconds": MOST_SECONDS_STANDING,
        },
        note="Peak memory is the sum over all processes, what they share counted once, without PostgreSQL's. There is no peer.",
    )
    assert first.wall_seconds <= MOST_SECONDS, f"{first.wall_seconds:.0f} s for the first run"
    assert later.wall_seconds <= MOST_SECONDS_LATER, f"{later.wall_seconds:.0f} s a week later"
    assert standing.wall_seconds <= MOST_SECONDS_STANDING, f"{standing.wall_seconds:.0f} s with nothing new"
    for name, run in runs.items():
        assert run.peak_mb <= MOST_MB, f"{run.peak_mb:.0f} MB, {name}"


if __name__ == "__main__":
    main()
