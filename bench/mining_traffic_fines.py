"""DFG, variants and case durations of the traffic-fines log: from the lake, and with pm4py on pandas.

Both sides start from data at rest and answer the same three questions, each in a process of its own, imports not counted:
ours connects to a lake that holds the log, with and without its mining layout; pm4py reads the same log from Parquet. Run it
as `python -m bench.mining_traffic_fines`; it asserts equal answers, five times the speed and a third of the memory.
"""

import atexit
import hashlib
import json
import os
import shutil
import sys
import tempfile
from array import array
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.harness import SHARED_DATA, Measured, measure, median_of, print_table, ratio, versions, write_results

LOG = SHARED_DATA / "event_logs" / "Road_Traffic_Fine_Management_Process.parquet"
PROCESS = "traffic_fines"
RUNS = 3


def import_ours() -> None:
    """What our side imports."""
    import duckdb
    import psycopg  # noqa: F401
    import pytz  # noqa: F401 — DuckDB's times with a zone

    import mining  # noqa: F401

    duckdb.connect().close()


def import_peer() -> None:
    """What pm4py's side imports."""
    import pandas  # noqa: F401
    import pm4py  # noqa: F401
    import pyarrow.parquet  # noqa: F401


def ours(*, layout: bool = True, times: bool = False) -> Callable[[], dict[str, Any]]:
    """The three answers from the lake."""
    from mining import EventLog

    with EventLog.from_lake(PROCESS, layout=layout) as log:  # connecting is part of it
        assert log.uses_kept_layout == layout
        edges = log.dfg(times=times).fetchall()
        variants = log.variants().project("activities, cases").fetchall()
        durations, seconds = log.case_durations().project("seconds"), array("d")
        while rows := durations.fetchmany(10_000):
            seconds.extend(row[0] for row in rows)
    return lambda: answers(
        edges=((source, target, frequency) for source, target, frequency, *_ in edges),
        variants=((tuple(names), cases) for names, cases in variants),
        seconds=seconds,
        times=((e[0], e[1], e[4], e[5]) for e in edges) if times else (),
    )


def peer(*, path: str, times: bool = False) -> Callable[[], dict[str, Any]]:
    """The three answers from pm4py on pandas."""
    import pandas
    import pm4py

    frame = pandas.read_parquet(path, columns=["case_id", "activity", "timestamp"])
    frame = pm4py.format_dataframe(frame, case_id="case_id", activity_key="activity", timestamp_key="timestamp")
    edges, _, _ = pm4py.discover_dfg(frame)
    variants = pm4py.get_variants(frame)
    seconds = pm4py.get_all_case_durations(frame)
    performance = pm4py.discover_performance_dfg(frame)[0] if times else {}
    return lambda: answers(
        edges=((source, target, frequency) for (source, target), frequency in edges.items()),
        variants=((names, len(cases) if hasattr(cases, "__len__") else cases) for names, cases in variants.items()),
        seconds=seconds,
        times=((s, t, found["mean"], found["median"]) for (s, t), found in performance.items()),
    )


def answers(*, edges: Iterable[Any], variants: Iterable[Any], seconds: Sequence[float], times: Iterable[Any]) -> dict[str, Any]:
    """The answers in a form that is equal exactly when they are: counts and digests, times to a thousandth."""
    edges, variants = sorted(edges), sorted(variants)
    return {
        "edges": len(edges),
        "frequency": sum(int(edge[2]) for edge in edges),
        "variants": len(variants),
        "cases": len(seconds),
        "dfg": digest([[s, t, int(n)] for s, t, n in edges]),
        "variant_counts": digest([[list(names), int(cases)] for names, cases in variants]),
        "durations": digest(sorted(round(float(value), 3) for value in seconds)),
        "edge_times": digest(sorted([s, t, round(float(mean), 3), round(float(median), 3)] for s, t, mean, median in times)),
    }


def digest(value: Any) -> str:
    """A short name of a value."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


def prepare() -> int:
    """Lands the log in a fresh lake and builds its layout; returns its events."""
    from connectors.event_log_files import import_event_log
    from mining import build_layout

    report = import_event_log(LOG, name=PROCESS, case="case_id", activity="activity", timestamp="timestamp")
    build_layout(PROCESS)
    return report.events


def hold_server() -> None:
    """Starts the embedded PostgreSQL and keeps it until this process ends, as a platform that is up does."""
    from lake.database import CATALOG, database_url

    database_url(CATALOG)


def repeated(run: Callable[[], Measured]) -> Measured:
    """The median of some runs."""
    return median_of([run() for _ in range(RUNS)])


def main() -> None:
    """Measures, asserts, prints and writes."""
    if not LOG.exists():
        sys.exit(f"The traffic-fines log is not in {LOG.parent}; nothing was measured.")
    home = tempfile.mkdtemp(prefix="bench-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)  # after the server's own handler, which comes later and runs first
    environment = {"GRIMOIRE_HOME": str(Path(home) / "home")}
    os.environ |= environment
    hold_server()
    events = measure("bench.mining_traffic_fines:prepare", environment=environment)
    rows: dict[str, Measured] = {}
    for name, times in (("counts", False), ("with edge times", True)):
        there = {"imports": "bench.mining_traffic_fines:import_ours", "environment": environment, "times": times}
        rows[f"pm4py on pandas, {name}"] = repeated(
            lambda times=times: measure(
                "bench.mining_traffic_fines:peer", imports="bench.mining_traffic_fines:import_peer", path=str(LOG), times=times
            )
        )
        for label, layout in (("layout", True), ("case view only", False)):
            rows[f"ours, {label}, {name}"] = repeated(
                lambda layout=layout, there=there: measure("bench.mining_traffic_fines:ours", layout=layout, **there)
            )
    report(rows, events.value)


def report(rows: dict[str, Measured], events: int) -> None:
    """Asserts that all agree and that we keep our word; prints and writes the figures."""
    ratios: dict[str, dict[str, float]] = {}
    for name in ("counts", "with edge times"):
        peer_run = rows[f"pm4py on pandas, {name}"]
        for run in (rows[f"ours, layout, {name}"], rows[f"ours, case view only, {name}"]):
            assert run.value == peer_run.value, f"{run.value} differs from {peer_run.value}"
        print_table({key: run for key, run in rows.items() if key.endswith(name)}, against=f"pm4py on pandas, {name}")
        ratios |= {key: ratio(peer_run, run) for key, run in rows.items() if key.startswith("ours") and key.endswith(name)}
    write_results(
        "mining_traffic_fines",
        versions=versions("duckdb", "pm4py", "pandas", "pyarrow"),
        rows=events,
        ours={name: run.figures() for name, run in rows.items() if name.startswith("ours")},
        peer={name: run.figures() for name, run in rows.items() if not name.startswith("ours")},
        ratio=ratios,
        answers=rows["ours, layout, with edge times"].value,
    )
    wanted = ratios["ours, layout, counts"]
    assert wanted["cpu"] >= 5, f"not five times as fast: {wanted}"  # wall time depends on who else uses the machine
    assert wanted["memory_share"] <= 1 / 3, f"more than a third of the memory: {wanted}"


if __name__ == "__main__":
    main()
