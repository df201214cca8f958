"""The log that the mining benchmark asks about, and answers in a form in which two sides can be compared.

What belongs here: replicating the traffic-fines log, the questions' names, digests. What does not: asking.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from bench.harness import SHARED_DATA

LOG = SHARED_DATA / "event_logs" / "Road_Traffic_Fine_Management_Process.parquet"
PROCESS = "traffic_fines"
SOURCE, TARGET, WITHIN_SECONDS = "Create Fine", "Payment", 2 * 86_400
QUESTIONS = ("dfg", "variants", "durations", "endpoints", "dfg_times", "follows_within")
Answer = Callable[[], dict[str, Any]]


def replicate(*, path: str, scale: int) -> int:
    """Writes the log `scale` times into one Parquet file, case ids prefixed, each copy 52 weeks later; returns its events."""
    import duckdb

    connection = duckdb.connect(config={"memory_limit": "2GB", "temp_directory": str(Path(path).parent / "spill")})
    copies = f"(select copy from range({scale}) as copies(copy))"
    connection.execute(
        f"copy (select copy || '-' || case_id as case_id, activity, timestamp + to_days((copy * 364)::integer) as timestamp "
        f"from {copies} cross join '{LOG}') to '{path}' (format parquet)"
    )
    (events,) = connection.sql(f"select count(*) from '{path}'").fetchone() or (0,)
    return int(events)


def of_edges(edges: Iterable[Any]) -> dict[str, Any]:
    """A directly-follows graph: source, target, frequency."""
    rows = sorted([source, target, int(frequency)] for source, target, frequency in edges)
    return {"edges": len(rows), "frequency": sum(row[2] for row in rows), "digest": digest(rows)}


def of_edge_times(edges: Iterable[Any]) -> dict[str, Any]:
    """Mean and median seconds per edge, to a thousandth."""
    rows = sorted([source, target, round(float(mean), 3), round(float(median), 3)] for source, target, mean, median in edges)
    return {"edges": len(rows), "digest": digest(rows)}


def of_variants(variants: Iterable[Any]) -> dict[str, Any]:
    """Variants: activities, cases."""
    rows = sorted([list(names), int(cases)] for names, cases in variants)
    return {"variants": len(rows), "cases": sum(row[1] for row in rows), "digest": digest(rows)}


def of_endpoints(starts: Iterable[Any], ends: Iterable[Any]) -> dict[str, Any]:
    """Cases per first and last activity."""
    return {"digest": digest([sorted([name, int(cases)] for name, cases in part) for part in (starts, ends)])}


def of_durations(seconds: Any) -> dict[str, Any]:
    """The seconds of every case, to a thousandth, whatever their order."""
    import numpy

    thousandths = numpy.sort(numpy.round(numpy.asarray(seconds, dtype=float) * 1000).astype("int64"))
    return {"cases": len(thousandths), "digest": hashlib.sha256(thousandths.tobytes()).hexdigest()[:16]}


def digest(value: Any) -> str:
    """A short name of a value."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]
