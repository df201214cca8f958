"""Both sides of the models benchmark, each to be run in a process of its own.

What belongs here: discovering and aligning, ours and pm4py's. What does not: measuring (`bench.mining_models`).
"""

import warnings
from typing import Any

NOISE = 0.2
NAMES = {"case:concept:name": "case_id", "concept:name": "activity", "time:timestamp": "timestamp"}


def imports() -> None:
    """What both sides import: our miner is pm4py's, on the variants."""
    import duckdb
    import pandas  # noqa: F401
    import pm4py  # noqa: F401
    import pytz  # noqa: F401
    import r4pm.bindings  # noqa: F401
    from pm4py.algo.discovery.inductive.variants import im, imf  # noqa: F401
    from pm4py.objects.conversion.process_tree.variants import to_petri_net  # noqa: F401

    import mining  # noqa: F401

    duckdb.connect().close()


def to_parquet(*, xes: str, path: str) -> int:
    """Writes a log as Parquet: case_id, activity, timestamp, in its order; returns its events."""
    import r4pm

    frame, _ = r4pm.df.import_xes(xes)
    frame = frame.select(list(NAMES)).rename(NAMES)
    frame.write_parquet(path)
    return len(frame)


def discover(*, path: str) -> dict[str, int]:
    """Ours: the inductive miner on the variants."""
    from mining import EventLog, discover

    with EventLog.from_parquet(path, timestamp="timestamp") as log:
        net = discover(log, noise=NOISE).net
    return {"places": len(net.places), "transitions": len(net.transitions), "arcs": len(net.arcs)}


def discover_by_pm4py(*, path: str) -> dict[str, int]:
    """The peer: pm4py's inductive miner on the whole log."""
    import pandas
    import pm4py

    warnings.simplefilter("ignore")
    frame = pandas.read_parquet(path)
    frame = pm4py.format_dataframe(frame, case_id="case_id", activity_key="activity", timestamp_key="timestamp")
    net, _, _ = pm4py.discover_petri_net_inductive(frame, noise_threshold=NOISE)
    return {"places": len(net.places), "transitions": len(net.transitions), "arcs": len(net.arcs)}


def save_model(*, path: str, model: str) -> None:
    """Discovers a model and keeps it, for aligning alone to be measured."""
    import pickle
    from pathlib import Path

    from mining import EventLog, discover

    with EventLog.from_parquet(path, timestamp="timestamp") as log:
        Path(model).write_bytes(pickle.dumps(discover(log, noise=NOISE)))


def align(*, path: str, model: str) -> dict[str, Any]:
    """Ours: exact alignments of every variant."""
    import pickle
    from pathlib import Path

    from mining import EventLog, align

    with EventLog.from_parquet(path, timestamp="timestamp") as log:
        found = align(log, pickle.loads(Path(model).read_bytes()), seconds=600)  # noqa: S301 — written by `save_model`
    fitness = None if found.average_fitness is None else round(found.average_fitness, 5)
    return {"average_fitness": fitness, "aligned": found.variants_aligned, "unfinished": found.variants_unfinished}
