"""The questions' SQL made by Ibis against the same questions in SQL written by hand, over one layout.

What belongs here: this comparison, on one connection, in turns. What does not: reading and connecting (`bench.mining`).

Each question is asked some times by either side in turn, on the traffic-fines log ten times over; a side's figure is its least
CPU time, because what others do on the machine can only add. Answers must be equal. The bound is a fifth more.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.harness import Measured, peak_memory_mb, print_table, versions, write_results
from bench.mining_sides import by_hand
from bench.mining_sides.log import LOG, replicate
from mining import EventLog, kernels

ROUNDS, BOUND, NOISE_SECONDS = 7, 1.2, 0.01  # differences below a hundredth of a second are the clock's
QUESTIONS: dict[str, tuple[str, str]] = {
    "summary": (kernels.summary(), by_hand.summary()),
    "dfg, counts": (kernels.dfg(times=False), by_hand.dfg(times=False)),
    "dfg, times": (kernels.dfg(), by_hand.dfg()),
    "variants": (kernels.variants(), by_hand.variants()),
    "activities": (kernels.activities(), by_hand.activities()),
    "start": (kernels.endpoints("start"), by_hand.endpoints("start")),
    "end": (kernels.endpoints("end"), by_hand.endpoints("end")),
    "case durations": (kernels.case_durations(), by_hand.case_durations()),
    "throughput": (kernels.throughput(), by_hand.throughput()),
    "variant multiset": (kernels.variant_multiset(), by_hand.variant_multiset()),
}


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Wall and CPU seconds of some work, and what it returned."""
    wall, cpu = time.perf_counter(), time.process_time()
    value = work()
    return time.perf_counter() - wall, time.process_time() - cpu, value


def compared(log: EventLog, made: str, written: str) -> tuple[Measured, Measured]:
    """The least of some rounds for either side; asserts equal answers, floating-point sums to twelve digits."""
    runs: dict[str, list[tuple[float, float, Any]]] = {made: [], written: []}
    for _ in range(ROUNDS):
        for text, found in runs.items():
            found.append(timed(lambda text=text: log.ask(text).to_arrow_table()))
    ours, peer = (min(found, key=lambda run: run[1]) for found in runs.values())
    assert _rounded(ours[2]) == _rounded(peer[2]), "the sides answer differently"
    one, other = (Measured(wall_seconds=run[0], cpu_seconds=run[1], peak_mb=peak_memory_mb()) for run in (ours, peer))
    return one, other


def _rounded(table: Any) -> list[list[Any]]:
    """Some thousand rows of an answer; figures to twelve digits, because sums depend on the order of threads."""
    rows = table.slice(0, 5_000).to_pylist()
    return [[float(f"{value:.12g}") if isinstance(value, float) else value for value in row.values()] for row in rows]


def main() -> None:
    """Compares, prints, writes, and fails where the SQL made by Ibis costs a fifth more."""
    if not LOG.exists():
        sys.exit(f"The traffic-fines log is not in {LOG.parent}; nothing was measured.")
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "log.parquet")
        events = replicate(path=path, scale=10)
        with EventLog.from_parquet(path, timestamp="timestamp") as log:
            log.summary()
            pairs = {name: compared(log, *texts) for name, texts in QUESTIONS.items()}
    rows = {f"{name}, {side}": run for name, pair in pairs.items() for side, run in zip(("Ibis", "by hand"), pair, strict=True)}
    print_table(rows)
    shares = {name: round(made.cpu_seconds / written.cpu_seconds, 3) for name, (made, written) in pairs.items()}
    print(shares)
    write_results(
        "mining_kernels",
        versions=versions("duckdb", "ibis-framework"),
        rows=events,
        ours={name: run.figures() for name, run in rows.items() if name.endswith(", Ibis")},
        peer={name: run.figures() for name, run in rows.items() if name.endswith(", by hand")},
        cost_of_by_hand=shares,
    )
    slower = [
        name
        for name, (made, written) in pairs.items()
        if made.cpu_seconds > BOUND * written.cpu_seconds and made.cpu_seconds - written.cpu_seconds > NOISE_SECONDS
    ]
    sys.exit(f"more than a fifth slower than by hand: {', '.join(slower)}" if slower else None)


if __name__ == "__main__":
    main()
