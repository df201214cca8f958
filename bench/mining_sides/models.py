"""Both sides of the benchmark of the inductive miner, each to be run in a process of its own.

What belongs here: discovering, ours and pm4py's. What does not: measuring (`bench.inductive_miner`).
"""

import warnings
from typing import Any

NOISE = 0.2
CASE, ACTIVITY, TIME = "case:concept:name", "concept:name", "time:timestamp"


def imports() -> None:
    """What our side imports."""
    import duckdb
    import pytz  # noqa: F401

    import mining.discovery
    import mining.event_log  # noqa: F401

    duckdb.connect().close()


def imports_pm4py() -> None:
    """What the peer imports."""
    import pandas  # noqa: F401
    import pm4py  # noqa: F401
    import pyarrow.parquet  # noqa: F401


def to_parquet(*, xes: str, path: str) -> int:
    """Writes a log as Parquet, with all its attributes and in its order; returns its events."""
    import r4pm

    frame, _ = r4pm.df.import_xes(xes)
    frame.write_parquet(path)
    return len(frame)


def discover(*, path: str) -> dict[str, int]:
    """Ours: the inductive miner on the variants."""
    from mining import EventLog, discover

    with EventLog.from_parquet(path, case_id=CASE, activity=ACTIVITY, timestamp=TIME) as log:
        net = discover(log, noise=NOISE).net
    return {"places": len(net.places), "transitions": len(net.transitions), "arcs": len(net.arcs)}


def discover_by_pm4py(*, path: str) -> dict[str, int]:
    """The peer: pm4py's inductive miner on the whole log, read from Parquet by pandas."""
    import pandas

    return _by_pm4py(pandas.read_parquet(path))


def discover_xes_by_pm4py(*, path: str) -> dict[str, int]:
    """The peer with its own reader of XES."""
    import pm4py

    return _by_pm4py(pm4py.read_xes(path))


def _by_pm4py(frame: Any) -> dict[str, int]:
    import pm4py

    warnings.simplefilter("ignore")
    frame = pm4py.format_dataframe(frame, case_id=CASE, activity_key=ACTIVITY, timestamp_key=TIME)
    net, _, _ = pm4py.discover_petri_net_inductive(frame, noise_threshold=NOISE)
    return {"places": len(net.places), "transitions": len(net.transitions), "arcs": len(net.arcs)}
