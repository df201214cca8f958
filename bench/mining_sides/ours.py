"""Our side of the mining benchmark: the log in the lake, its layout, questions to both.

What belongs here: landing, building, asking, each to be run in a process of its own. What does not: measuring.
"""

from typing import Any

from bench.mining_sides import log as the_log
from bench.mining_sides.log import PROCESS, SOURCE, TARGET, WITHIN_SECONDS, Answer
from mining import EventLog, Follows, Length
from mining.sql_text import literal


def imports() -> None:
    """What our side imports: Python's modules, and the libraries that DuckDB's extensions are."""
    import duckdb
    import psutil  # noqa: F401
    import pytz  # noqa: F401 — DuckDB's times with a zone

    import mining.event_log
    import mining.filters  # noqa: F401
    from lake.extensions import extension_folder
    from lake.settings import get_settings

    config = {"extension_directory": str(extension_folder(get_settings())), "allow_unsigned_extensions": True}
    with duckdb.connect(config=config) as connection:
        connection.execute("load postgres_scanner")
        connection.execute("load ducklake")


def imports_numpy() -> None:
    """The same for an answer that is asked for as an array of NumPy's."""
    import numpy  # noqa: F401

    imports()


def land(*, path: str) -> int:
    """Lands the log in the lake as the table an event log's model makes; returns its events."""
    from lake.transactions import in_transaction

    def work(connection: Any) -> int:
        connection.execute("create schema if not exists event_logs")
        connection.execute(
            f"create or replace table event_logs.{PROCESS} as select case_id, activity, timestamp::timestamptz as occurred_at, "
            f"file_row_number + 1 as source_row from read_parquet({literal(path)}, file_row_number=true)"
        )
        return int(connection.execute(f"select count(*) from event_logs.{PROCESS}").fetchone()[0])

    return in_transaction(work)


def build() -> dict[str, int]:
    """Builds the layout in the lake; its sizes."""
    from mining import build_layout

    report = build_layout(PROCESS, force=True)
    return {"cases": report.cases, "events": report.events, "variants": report.variants}


def ask(*, question: str) -> Answer:
    """One question to the log in the lake, connecting included."""
    with EventLog.from_lake(PROCESS) as log:
        assert log.uses_kept_layout
        return _ASKED[question](log)


def ask_events(*, question: str) -> Answer:
    """The same question to the log behind a filter that every case passes: times are then computed from the events."""
    with EventLog.from_lake(PROCESS) as log:
        return _ASKED[question](log.filter(Length(minimum=1)))


def ask_parquet(*, question: str, path: str) -> Answer:
    """One question to the Parquet file, without a layout beside it."""
    with EventLog.from_parquet(path, timestamp="timestamp") as log:
        return _ASKED[question](log)


def _dfg(log: EventLog) -> Answer:
    edges = log.dfg(times=False).fetchall()
    return lambda: the_log.of_edges(edge[:3] for edge in edges)


def _dfg_times(log: EventLog) -> Answer:
    edges = log.dfg().project("source, target, mean_seconds, median_seconds").fetchall()
    return lambda: the_log.of_edge_times(edges)


def _variants(log: EventLog) -> Answer:
    variants = log.variants().project("activities, cases").fetchall()
    return lambda: the_log.of_variants(variants)


def _durations(log: EventLog) -> Answer:
    seconds = log.case_durations().project("seconds").fetchnumpy()["seconds"]
    return lambda: the_log.of_durations(seconds)


def _endpoints(log: EventLog) -> Answer:
    starts, ends = log.start_activities().fetchall(), log.end_activities().fetchall()
    return lambda: the_log.of_endpoints(starts, ends)


def _follows_within(log: EventLog) -> Answer:
    return _dfg(log.filter(Follows(SOURCE, TARGET, maximum=WITHIN_SECONDS)))


_ASKED = {
    "dfg": _dfg,
    "variants": _variants,
    "durations": _durations,
    "endpoints": _endpoints,
    "dfg_times": _dfg_times,
    "follows_within": _follows_within,
}
