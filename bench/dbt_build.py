"""The build of all products and event logs of the demo company: full, after a week of trading, and with nothing new.

What belongs here: those builds, what single models and tests take, and the bounds from the design. What does not: the road around
them (`bench.road`). Run as `python -m bench.dbt_build [SCALE]`; needs no other data. Runs in a temporary home, or in
GRIMOIRE_BENCH_HOME if that is set. Another scale than 1 is measured without bounds and written beside it.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.harness import Measured, measure_command, print_table, versions, write_results

MOST_SECONDS = 60.0
MOST_SECONDS_LATER = 25.0
SHOWN = 8
LOAD = "from connectors.load import load_source; [load_source(name) for name in ('erp', 'crm')]"


def grimoire(*words: str, home: str, scale: float) -> Measured:
    """Runs the command and measures it with every process it starts; the embedded PostgreSQL is not one of them."""
    return run("-m", "apps.cli.main", *words, home=home, scale=scale)


def run(*words: str, home: str, scale: float) -> Measured:
    """Runs Python in that home and measures it."""
    return measure_command([sys.executable, *words], environment={"GRIMOIRE_HOME": home, "GRIMOIRE_DEMO_SCALE": str(scale)})


def slowest(home: str) -> dict[str, float]:
    """The models and tests that took longest in the last build, and the sums over both, in seconds."""
    results = json.loads((Path(home) / "dbt" / "target" / "run_results.json").read_text())["results"]
    seconds = {one["unique_id"].split(".")[2]: one["execution_time"] for one in results}
    kinds = {kind: sum(one["execution_time"] for one in results if one["unique_id"].startswith(kind)) for kind in ("model", "test")}
    longest = sorted(seconds.items(), key=lambda item: -item[1])[:SHOWN]
    return {name: round(value, 2) for name, value in [*((f"all {kind}s", value) for kind, value in kinds.items()), *longest]}


def measure_builds(home: str, scale: float) -> tuple[dict[str, Measured], dict[str, Any]]:
    """The builds in their order, and what was slow in them; the first one, unmeasured, warms the files dbt parses."""
    grimoire("demo", "up", home=home, scale=scale)
    run("-c", LOAD, home=home, scale=scale)
    grimoire("build", "--json", home=home, scale=scale)
    full = grimoire("build", "--full-refresh", "--json", home=home, scale=scale)
    slow = {"full": slowest(home)}
    grimoire("demo", "advance", "--days", "7", home=home, scale=scale)
    run("-c", LOAD, home=home, scale=scale)
    later = grimoire("build", "--json", home=home, scale=scale)
    slow["a week later"] = slowest(home)
    return {"full": full, "a week later": later, "nothing new": grimoire("build", "--json", home=home, scale=scale)}, slow


def main(scale: float) -> None:
    """Runs all, prints a table, writes the results, and fails where a bound is broken."""
    with tempfile.TemporaryDirectory(prefix="grimoire-bench-") as folder:
        runs, slow = measure_builds(os.environ.get("GRIMOIRE_BENCH_HOME", str(Path(folder) / "home")), scale)
    print_table(runs)
    builds = {name: round(json.loads(run.value)["steps"].get("transform", 0.0), 1) for name, run in runs.items()}
    print("dbt build, s:", builds)
    write_results(
        "dbt_build" if scale == 1 else f"dbt_build_scale_{scale:g}",
        versions=versions("duckdb", "dbt-core", "dbt-duckdb", "dagster"),
        scale=scale,
        ours={name: run.figures() for name, run in runs.items()},
        dbt_build_seconds=builds,
        seconds=slow,
        bounds={"full_dbt_build_seconds": MOST_SECONDS, "a_week_later_dbt_build_seconds": MOST_SECONDS_LATER},
        note="The whole command: the start of Dagster and dbt, the build, the checks of event logs and columns."
        " The bounds are on the build alone. There is no peer.",
    )
    if scale == 1:
        assert builds["full"] <= MOST_SECONDS, f"{builds['full']:.0f} s for a full build"
        assert builds["a week later"] <= MOST_SECONDS_LATER, f"{builds['a week later']:.0f} s a week later"


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
