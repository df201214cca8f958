"""Mining at scale: the questions of process mining to the traffic-fines log, once, ten times and a hundred times over.

What belongs here: running both sides, comparing, the bounds, the results and their plot. What does not: how each side answers
(`bench/mining_sides`) and models (`bench.inductive_miner`, `bench.alignments`).

Every question is asked in a process of its own, reading included and imports not counted. Ours connects to a lake that holds the
log and its mining layout; the peers read the same log from Parquet. `python -m bench.mining --scale 10 --peers pandas polars`
chooses; what is not chosen keeps the figures of its last run, and the results say of when each is. Answers must be equal. A
hundred times over, only ours is asked: 56 million events.
"""

import argparse
import atexit
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.harness import RESULTS, Measured, measure, median_of, print_table, ratio, versions, write_results
from bench.mining_sides.log import LOG, QUESTIONS
from bench.mining_sides.peers import CANNOT
from bench.mining_sides.plot import draw

OURS, PEERS = "bench.mining_sides.ours", "bench.mining_sides.peers"
BOUNDS = {"dfg": 50, "variants": 50, "durations": 50, "endpoints": 50, "dfg_times": 20, "follows_within": 10}  # at x10
MEMORY_SHARE, LARGE_MB, LARGE_SECONDS = 0.1, 3_000, 5.0
RUNS = {1: 3, 10: 3, 100: 1}
PLOTTED, LARGE = 10, 100
Rows = dict[str, tuple[Measured, str]]  # runs by name, each with the moment it was measured


def main() -> None:
    """Measures, compares, writes, and fails where a bound is broken."""
    parser = argparse.ArgumentParser(prog="bench.mining", description=__doc__)
    parser.add_argument("--scale", type=int, nargs="*", default=[1, 10], choices=sorted(RUNS))
    parser.add_argument("--peers", nargs="*", default=sorted(CANNOT), choices=sorted(CANNOT))
    parser.add_argument("--questions", nargs="*", default=list(QUESTIONS), choices=QUESTIONS)
    chosen = parser.parse_args()
    if not LOG.exists():
        sys.exit(f"The traffic-fines log is not in {LOG.parent}; nothing was measured.")
    broken = [
        complaint
        for scale in chosen.scale
        for complaint in at_scale(scale, peers=chosen.peers if scale < LARGE else [], questions=chosen.questions)
    ]
    sys.exit("\n".join(broken) or None)


def at_scale(scale: int, *, peers: Sequence[str], questions: Sequence[str]) -> list[str]:
    """Measures one size; returns what is beyond its bound."""
    home = tempfile.mkdtemp(prefix="bench-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)  # after the server's own handler, which comes later and runs first
    os.environ["GRIMOIRE_HOME"] = str(Path(home) / "home")
    hold_server()
    path = str(Path(home) / "log.parquet")
    events = measure("bench.mining_sides.log:replicate", path=path, scale=scale).value
    rows = measure_ours(scale, path=path, questions=questions)
    for peer in peers:
        rows |= measure_peer(peer, path=path, questions=questions)
    rows = {**kept_rows(scale), **{name: (run, now()) for name, run in rows.items()}}
    ratios = report(scale, rows, events)
    return list(broken_bounds(scale, {name: run for name, (run, _) in rows.items()}, ratios))


def kept_rows(scale: int) -> Rows:
    """The runs of an earlier time, for what is not measured anew now; each says when it was."""
    path = RESULTS / f"mining_x{scale}.json"
    document = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    figures = {**document.get("ours", {}), **document.get("peer", {})}
    answers, moments = document.get("answers", {}), document.get("measured", {})
    return {
        name: (Measured(**run, value=answers.get(name.partition(",")[0])), moments.get(name, document["measured_at"]))
        for name, run in figures.items()
    }


def now() -> str:
    """This moment as the results show it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def hold_server() -> None:
    """Starts the embedded PostgreSQL and keeps it until this process ends, as a platform that is up does."""
    from lake.database import CATALOG, database_url
    from lake.settings import get_settings

    get_settings.cache_clear()
    database_url(CATALOG)


def measure_ours(scale: int, *, path: str, questions: Sequence[str]) -> dict[str, Measured]:
    """Landing, building the layout, and every question, the median of some runs."""
    told("landing", run(f"{OURS}:land", path=path))
    rows = {"layout, ours": told("layout, ours", run(f"{OURS}:build"))}
    for question in questions:
        imports = f"{OURS}:imports_numpy" if question == "durations" else f"{OURS}:imports"
        runs = [run(f"{OURS}:ask", imports=imports, question=question) for _ in range(RUNS[scale])]
        rows[f"{question}, ours"] = told(f"{question}, ours", median_of(runs))
    if "dfg_times" in questions:
        filtered = "dfg_times, ours behind a filter"
        rows[filtered] = told(filtered, run(f"{OURS}:ask_events", question="dfg_times"))
    if "dfg" in questions:
        without = "dfg, ours without a layout"
        rows[without] = told(without, run(f"{OURS}:ask_parquet", question="dfg", path=path))
    return rows


def measure_peer(peer: str, *, path: str, questions: Sequence[str]) -> dict[str, Measured]:
    """Every question the peer has."""
    rows = {}
    for question in (question for question in questions if question not in CANNOT[peer]):
        name = f"{question}, {peer}"
        rows[name] = told(name, run(f"{PEERS}:{peer}", imports=f"{PEERS}:imports_{peer}", question=question, path=path))
    return rows


def run(target: str, *, imports: str = f"{OURS}:imports", **options: str) -> Measured:
    """One run in a process of its own."""
    return measure(target, imports=imports, **options)


def told(name: str, measured: Measured) -> Measured:
    """The run, shown as it comes: a hundred times the log takes a while."""
    print(f"{name}: {measured.cpu_seconds:.2f} CPU-s, {measured.peak_mb:.0f} MB", file=sys.stderr, flush=True)
    return measured


def report(scale: int, rows: Rows, events: int) -> dict[str, dict[str, float]]:
    """Asserts that all answers are equal; prints and writes the figures; returns our ratios to each peer's run."""
    ratios: dict[str, dict[str, float]] = {}
    for question in QUESTIONS:
        group = {name: run for name, (run, _) in rows.items() if name.startswith(f"{question}, ")}
        ours = group[f"{question}, ours"]
        for name, run in group.items():
            assert run.value == ours.value, f"{name} answers {run.value}, ours {ours.value}"
        print_table(group)
        ratios |= {name: ratio(run, ours) for name, run in group.items() if run is not ours}
    print_table({"layout, ours": rows["layout, ours"][0]})
    write_results(
        f"mining_x{scale}",
        versions=versions("duckdb", "pm4py", "pandas", "pyarrow", "polars", "r4pm"),
        rows=events,
        ours={name: run.figures() for name, (run, _) in rows.items() if ", ours" in name},
        peer={name: run.figures() for name, (run, _) in rows.items() if ", ours" not in name},
        ratio={f"{name.partition(',')[0]}, ours": found for name, found in ratios.items() if name.endswith(", pandas")},
        ratio_to_each_peer=ratios,
        answers={question: rows[f"{question}, ours"][0].value for question in QUESTIONS},
        measured={name: moment for name, (_, moment) in rows.items()},
    )
    if scale == PLOTTED:
        draw()
    return ratios


def broken_bounds(scale: int, rows: dict[str, Measured], ratios: dict[str, dict[str, float]]) -> list[str]:
    """What is slower or larger than it may be."""
    if scale == LARGE:
        large = [f"x100: {name} takes {run.peak_mb:.0f} MB" for name, run in rows.items() if run.peak_mb > LARGE_MB]
        asked = {name: run for name, run in rows.items() if name.endswith(", ours") and not name.startswith("layout")}
        slow = [f"x100: {name} takes {run.cpu_seconds:.1f} s" for name, run in asked.items() if run.cpu_seconds > LARGE_SECONDS]
        return large + slow
    if scale != PLOTTED or not any(name.endswith(", pandas") for name in ratios):
        return []  # once over, half of the time is connecting
    asked = {name: found for name, found in ratios.items() if not name.endswith("without a layout")}
    slower = [f"x{scale}: {name} is ahead of ours: {found}" for name, found in asked.items() if found["cpu"] < 1]
    for question, wanted in BOUNDS.items():
        found = ratios[f"{question}, pandas"]
        if found["cpu"] < wanted or found["memory_share"] > MEMORY_SHARE:
            slower.append(f"x10: {question} is to be {wanted} times as fast in {MEMORY_SHARE:.0%} of the memory: {found}")
    if rows["layout, ours"].cpu_seconds > rows["dfg, pandas"].cpu_seconds:
        slower.append(f"x10: the layout takes {rows['layout, ours'].cpu_seconds:.1f} s, pm4py's reading and graph less")
    return slower


if __name__ == "__main__":
    main()
