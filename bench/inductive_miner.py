"""The inductive miner on BPIC 2012 (noise 0.2): ours from the variants, pm4py's from the whole log.

What belongs here: measuring both, and the bounds. What does not: how either side does it (`bench/mining_sides/models.py`) and
aligning (`bench.alignments`). Both read the same Parquet file, in a process each; imports are not counted in time, but in memory.
What the peak is above the imports of each side is shown too: it is what reading and mining take.
The nets must be equal in size; that the trees are equal is a test.
"""

import sys
import tempfile
from pathlib import Path

from bench.harness import SHARED_DATA, Measured, measure, median_of, print_table, ratio, versions, write_results

SIDES = "bench.mining_sides.models"
LOG = SHARED_DATA / "event_logs" / "bpic2012.xes.gz"
FASTER, MEMORY_SHARE, RUNS = 10, 0.5, 3  # Python and DuckDB alone take a fifth of pm4py's peak


def above(run: Measured) -> float:
    """Peak memory above that of the imports, in megabytes."""
    return round(run.peak_mb - (run.imports_mb or 0.0), 1)


def main() -> None:
    """Measures, compares, writes, and fails where a bound is broken."""
    if not LOG.exists():
        sys.exit(f"no {LOG.name}: nothing was measured.")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = str(Path(folder) / "log.parquet")
        measure(f"{SIDES}:to_parquet", xes=str(LOG), path=path)
        ours = median_of([measure(f"{SIDES}:discover", imports=f"{SIDES}:imports", path=path) for _ in range(RUNS)])
        peer = measure(f"{SIDES}:discover_by_pm4py", imports=f"{SIDES}:imports_pm4py", path=path)
    assert ours.value == peer.value, f"another net than pm4py's: {ours.value}, {peer.value}"
    print_table({"ours": ours, "pm4py": peer})
    found = ratio(peer, ours)
    print(f"above the imports: ours {above(ours):.0f} MB, pm4py {above(peer):.0f} MB")
    write_results(
        "inductive_miner",
        versions=versions("duckdb", "pm4py"),
        ours={"BPIC 2012": ours.figures()},
        peer={"BPIC 2012, pm4py": peer.figures()},
        ratio={"BPIC 2012": found},
        above_imports={"ours_mb": above(ours), "pm4py_mb": above(peer), "share": round(above(ours) / above(peer), 3)},
        answers={"BPIC 2012": ours.value},
    )
    if found["cpu"] < FASTER or found["memory_share"] > MEMORY_SHARE:
        sys.exit(f"the inductive miner is to be {FASTER} times as fast as pm4py's in {MEMORY_SHARE:.0%} of the memory: {found}")


if __name__ == "__main__":
    main()
