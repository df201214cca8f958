"""Models of real logs: exact alignments of Sepsis and BPIC 2012, and the inductive miner on BPIC 2012 against pm4py's.

What belongs here: measuring these, and the bounds. What does not: counting questions (`bench.mining`) and how either side does it
(`bench/mining_sides/models.py`). Logs are read from Parquet on both sides; imports are not counted in time, but in memory.
"""

import sys
import tempfile
from pathlib import Path

from bench.harness import SHARED_DATA, Measured, measure, print_table, ratio, versions, write_results

SIDES = "bench.mining_sides.models"
LOGS = {"Sepsis": "Sepsis.xes.gz", "BPIC 2012": "bpic2012.xes.gz"}
ALIGNMENT_SECONDS = {"Sepsis": 1.5, "BPIC 2012": 60.0}
FITNESS = {"Sepsis": 0.93403}  # pm4py's, to five digits
MEMORY_SHARE = 0.2


def main() -> None:
    """Measures, compares, writes, and fails where a bound is broken."""
    files = {name: SHARED_DATA / "event_logs" / file for name, file in LOGS.items()}
    if missing := [path.name for path in files.values() if not path.exists()]:
        sys.exit(f"no {', '.join(missing)}: nothing was measured.")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        paths = {name: str(Path(folder) / f"{name}.parquet") for name in files}
        for name, path in paths.items():
            measure(f"{SIDES}:to_parquet", xes=str(files[name]), path=path)
        rows = {f"alignments of {name}": _aligned(path, str(Path(folder) / "model")) for name, path in paths.items()}
        bpic = paths["BPIC 2012"]
        ours = measure(f"{SIDES}:discover", imports=f"{SIDES}:imports", path=bpic)
        peer = measure(f"{SIDES}:discover_by_pm4py", imports=f"{SIDES}:imports", path=bpic)
    assert ours.value == peer.value, f"another net than pm4py's: {ours.value}, {peer.value}"
    rows["inductive miner, BPIC 2012"] = ours
    name = "inductive miner, BPIC 2012, pm4py"
    print_table({**rows, name: peer})
    found = ratio(peer, ours)
    write_results(
        "mining_models",
        versions=versions("duckdb", "pm4py", "r4pm"),
        ours={label: run.figures() for label, run in rows.items()},
        peer={name: peer.figures()},
        ratio={"inductive miner, BPIC 2012": found},
        answers={label: run.value for label, run in rows.items()},
    )
    sys.exit("\n".join(_broken(rows, found)) or None)


def _aligned(path: str, model: str) -> Measured:
    measure(f"{SIDES}:save_model", path=path, model=model)
    return measure(f"{SIDES}:align", imports=f"{SIDES}:imports", path=path, model=model)


def _broken(rows: dict[str, Measured], found: dict[str, float]) -> list[str]:
    complaints = []
    for log, bound in ALIGNMENT_SECONDS.items():
        run = rows[f"alignments of {log}"]
        if run.cpu_seconds > bound:
            complaints.append(f"aligning {log} takes {run.cpu_seconds:.1f} CPU-seconds, more than {bound}")
        if FITNESS.get(log, run.value["average_fitness"]) != run.value["average_fitness"]:
            complaints.append(f"{log}: a fitness of {run.value['average_fitness']} is not pm4py's")
    if found["cpu"] < 1 or found["memory_share"] > MEMORY_SHARE:
        complaints.append(f"the inductive miner is to be no slower than pm4py in a fifth of the memory: {found}")
    return complaints


if __name__ == "__main__":
    main()
