"""The inductive miner on BPIC 2012 (noise 0.2): ours from the variants, pm4py's from the whole log.

What belongs here: measuring both, and the bounds. What does not: how either side does it (`bench/mining_sides/models.py`) and
aligning (`bench.alignments`). Both read the same Parquet file, which holds all attributes of the log, in a process each; reading
counts, imports do not, neither in time nor in memory: what is compared is the peak above what was there when they were done.
Python with DuckDB alone is 50 MB, with pandas and pm4py 229 MB; the peaks of the whole processes are written down too, as is
pm4py that reads the log's XES file. The nets must be equal in size; that the trees are equal is a test.
"""

import sys
import tempfile
from pathlib import Path

from bench.harness import SHARED_DATA, Measured, measure, median_of, print_table, ratio, versions, write_results

SIDES = "bench.mining_sides.models"
LOG = SHARED_DATA / "event_logs" / "bpic2012.xes.gz"
FASTER, MEMORY_SHARE, RUNS = 10, 0.2, 3


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
        xes = measure(f"{SIDES}:discover_xes_by_pm4py", imports=f"{SIDES}:imports_pm4py", path=str(LOG))
    rows = {"ours": ours, "pm4py": peer, "pm4py from XES": xes}
    assert all(run.value == ours.value for run in rows.values()), f"other nets: {[run.value for run in rows.values()]}"
    print_table(rows, against="pm4py")
    found, share = ratio(peer, ours), round(above(ours) / above(peer), 3)
    print("above the imports: " + ", ".join(f"{name} {above(run):.0f} MB" for name, run in rows.items()))
    write_results(
        "inductive_miner",
        versions=versions("duckdb", "pm4py"),
        ours={"BPIC 2012": ours.figures()},
        peer={"BPIC 2012, pm4py": peer.figures(), "BPIC 2012, pm4py from XES": xes.figures()},
        ratio={"BPIC 2012": found, "BPIC 2012, against pm4py from XES": ratio(xes, ours)},
        above_imports={"ours_mb": above(ours), "pm4py_mb": above(peer), "pm4py_from_xes_mb": above(xes), "share": share},
        answers={"BPIC 2012": ours.value},
    )
    if found["cpu"] < FASTER or share > MEMORY_SHARE:
        sys.exit(
            f"the inductive miner is to be {FASTER} times as fast as pm4py's in {MEMORY_SHARE:.0%} of the memory: {found}, {share}"
        )


if __name__ == "__main__":
    main()
