"""The questions asked of a mining layout, as SQL text.

What belongs here: one function per question, returning one `select` over the names `events`, `kept` (cases), `weights`
(cases per variant), `variants`, `activities`, `edge_times` and `variant_times`, which `mining.event_log` defines in front of it.
What does not: running them, filters, and what the questions are (`mining.ibis_kernels`).

The text is written from Ibis expressions, once, and kept in `mining/kernels_duckdb.sql`: importing Ibis costs a CPU-second and
compiling an expression some tens of milliseconds, more than all these questions together need on half a million events.
"""

from functools import cache
from pathlib import Path
from typing import Literal

Grain = Literal["day", "week", "month"]
FILE = Path(__file__).with_name("kernels_duckdb.sql")
_HEAD = "\n-- question: "
_WORTH_KEEPING = ("summary", "dfg", "variants", "throughput_day", "throughput_week", "throughput_month")


def summary() -> str:
    """One row: cases, events, activities, variants, dfg_edges, first_event, last_event, mean/median/p90_case_seconds."""
    return _text("summary")


def dfg(*, times: bool = True) -> str:
    """The directly-follows graph: source, target, frequency, cases, and mean_, median_, p90_seconds from one to the next.

    Args:
        times: Without, the three columns are left out and no event is read.
    """
    return _text("dfg" if times else "dfg_counts")


def variants() -> str:
    """One row per variant: variant_id, rank, activities text[], length, cases, share, cumulative_share, mean/median_seconds."""
    return _text("variants")


def activities() -> str:
    """One row per activity: activity, events, cases it occurs in, and how many cases start and end with it."""
    return _text("activities")


def endpoints(which: Literal["start", "end"]) -> str:
    """The activities that cases start or end with: activity, cases."""
    return _text(which)


def case_durations() -> str:
    """One row per case in the order of their numbers: case_id, variant_id, started_at, ended_at, seconds, events."""
    return _text("case_durations")


def throughput(*, grain: Grain = "week") -> str:
    """Per period, without gaps: period (its first day, UTC; a week's is Monday), started, completed, open_cases at its end.

    A case is open from its first event to its last, as far as the log knows.
    """
    return _text(f"throughput_{grain}")


def variant_multiset() -> str:
    """What discovery and conformance work on: variant_id, activity_ids integer[], cases; the most frequent first."""
    return _text("variant_multiset")


def edge_times() -> str:
    """Times from one event to the next per edge: source_id, target_id, mean_seconds, median_seconds, p90_seconds."""
    return _text("edge_times")


def variant_times() -> str:
    """Durations of the cases per variant: variant_id, mean_seconds, median_seconds."""
    return _text("variant_times")


@cache
def worth_keeping() -> frozenset[str]:
    """The questions that look at cases or events and whose answers are small, and the same whenever they are asked."""
    return frozenset(text for name, text in _texts().items() if name in _WORTH_KEEPING)


def _text(question: str) -> str:
    return _texts()[question]


@cache
def _texts() -> dict[str, str]:
    parts = FILE.read_text(encoding="utf-8").split(_HEAD)[1:]
    return {name: text.strip() for name, _, text in (part.partition("\n") for part in parts)}
