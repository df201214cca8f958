"""The peers of the mining benchmark: pm4py on pandas, pm4py on polars and r4pm, each reading the log from Parquet.

What belongs here: each peer's own way to each question. What does not: comparing.

pm4py on polars has no filter with a time limit (its eventually-follows filter ignores the one it is given); r4pm has neither
times, durations, filters nor first and last activities of an event log.
"""

import warnings
from typing import Any

from bench.mining_sides import log as the_log
from bench.mining_sides.log import SOURCE, TARGET, WITHIN_SECONDS, Answer

NAMES = {"case_id": "case:concept:name", "activity": "concept:name", "timestamp": "time:timestamp"}
CANNOT = {"pandas": (), "polars": ("follows_within",), "r4pm": ("durations", "endpoints", "dfg_times", "follows_within")}


def imports_pandas() -> None:
    """What pm4py on pandas imports."""
    import pandas  # noqa: F401
    import pm4py  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    from pm4py.algo.filtering.pandas.ltl import ltl_checker  # noqa: F401


def imports_polars() -> None:
    """What pm4py on polars imports."""
    import pm4py  # noqa: F401
    import polars  # noqa: F401


def imports_r4pm() -> None:
    """What r4pm imports."""
    import polars  # noqa: F401
    import r4pm.bindings  # noqa: F401


def pandas(*, question: str, path: str) -> Answer:
    """pm4py on pandas."""
    import pandas
    import pm4py

    frame = pandas.read_parquet(path, columns=list(NAMES))
    frame = pm4py.format_dataframe(frame, case_id="case_id", activity_key="activity", timestamp_key="timestamp")
    if question == "follows_within":
        from pm4py.algo.filtering.pandas.ltl import ltl_checker

        bound = {"enable_timestamp": True, "timestamp_diff_boundaries": [[0, WITHIN_SECONDS]]}
        frame, question = ltl_checker.eventually_follows(frame, [SOURCE, TARGET], parameters=bound), "dfg"
    return _pm4py(frame, question)


def polars(*, question: str, path: str) -> Answer:
    """pm4py on polars."""
    import polars

    return _pm4py(polars.scan_parquet(path).select(list(NAMES)).rename(NAMES), question)


def r4pm(*, question: str, path: str) -> Answer:
    """r4pm on its own event log."""
    import polars
    import r4pm
    from r4pm import bindings

    item = r4pm.import_item_from_df("EventLog", polars.read_parquet(path, columns=list(NAMES)).rename(NAMES))
    if question == "dfg":
        edges = bindings.discover_dfg(item)["directly_follows_relations"]
        return lambda: the_log.of_edges((source, target, frequency) for (source, target), frequency in edges)
    found = bindings.get_variants(bindings.log_to_activity_projection(item))
    return lambda: the_log.of_variants((variant["activities"], variant["count"]) for variant in found)


def _pm4py(frame: Any, question: str) -> Answer:
    import pm4py

    warnings.simplefilter("ignore")
    if question == "dfg":
        edges, _, _ = pm4py.discover_dfg(frame)
        return lambda: the_log.of_edges((*edge, frequency) for edge, frequency in edges.items())
    if question == "variants":
        variants = pm4py.get_variants(frame)
        return lambda: the_log.of_variants((names, cases) for names, cases in variants.items())
    if question == "durations":
        seconds = pm4py.get_all_case_durations(frame)
        return lambda: the_log.of_durations(seconds)
    if question == "endpoints":
        starts, ends = pm4py.get_start_activities(frame), pm4py.get_end_activities(frame)
        return lambda: the_log.of_endpoints(starts.items(), ends.items())
    times = pm4py.discover_performance_dfg(frame)[0]
    return lambda: the_log.of_edge_times((*edge, found["mean"], found["median"]) for edge, found in times.items())
