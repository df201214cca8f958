"""What of a process is worth a look: its largest deviation, the step that costs most time, broken agreements, the newest change.

What belongs here: finding these and saying them. What does not: layout and the pages they lead to.

Under filters, deviations, steps and agreements are those of the cases kept; steps are then ranked by the clock, for working time is
counted when a log is mined. Changes are always the whole log's, and said to be.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from apps.streamlit import contents, map_figures
from apps.streamlit.cards import Card
from apps.streamlit.mined import MinedLog
from apps.streamlit.reading import Rows, rows
from apps.streamlit.stack import Stack
from apps.streamlit.wording import count, day, duration, number, share

MOST_SLAS = 3


@dataclass(frozen=True)
class Finding:
    """One thing worth a look: what kind it is, the sentence, and the name of the page that shows more."""

    kind: str
    sentence: str
    page: str

    @property
    def entry(self) -> contents.Entry:
        """The page, or the map where there is none of that name."""
        return contents.entry(self.page) or contents.entry("process_map") or contents.PAGES[0]


def findings(log: MinedLog, stack: Stack, slas: Rows) -> list[Finding]:
    """What is worth a look, at most one of each kind.

    Args:
        log: The size of what the filters keep.
        stack: The filters.
        slas: The agreements, as `agreements` gives them.
    """
    parts = (_deviation(log, stack), _bottleneck(log, stack), _breach(slas), _change(log.process, stack))
    return [finding for part in parts for finding in part]


def _deviation(log: MinedLog, stack: Stack) -> Iterator[Finding]:
    found = map_figures.deviating(log.process, stack)
    if not found:
        return
    worst = max(found, key=lambda row: (row["cases"], row["activity"]))
    after = f" after {worst['after_activity']}" if worst["after_activity"] else ""
    part = share(worst["cases"] / log.cases if log.cases else None)
    what = f"{worst['activity']} is {worst['kind']}{after} in {count(worst['cases'])} cases ({part})"
    yield Finding("Largest deviation", f"{what}; the model differs in {count(len(found))} ways.", "conformance")


def _bottleneck(log: MinedLog, stack: Stack) -> Iterator[Finding]:
    sql = """select source, target, frequency, lost_seconds, share, median_lost_seconds from mining.bottlenecks
             where process = ? order by rank limit 1"""
    found = [] if stack else rows(sql, log.process, needs=("mining.bottlenecks",), as_of=stack.as_of)
    if found:
        (worst,) = found
        part = f"{share(worst['share'])} of all working time that is lost"
        times = f"{count(worst['frequency'])} times, median {duration(worst['median_lost_seconds'])}"
        yield Finding("Bottleneck", f"{worst['source']} → {worst['target']} takes {part}: {times} of working time.", "performance")
        return
    paths = [path for path in map_figures.paths(log.process, stack) if path.total_seconds]
    if paths:
        slowest = max(paths, key=lambda path: path.total_seconds or 0.0)
        of_all = (slowest.total_seconds or 0.0) / sum(path.total_seconds or 0.0 for path in paths)
        times = f"{count(slowest.frequency)} times, median {duration(slowest.median_seconds)}"
        step = f"{slowest.source} → {slowest.target}"
        yield Finding("Bottleneck", f"{step} takes {share(of_all)} of all time: {times}.", "performance")


def _breach(slas: Rows) -> Iterator[Finding]:
    known = [row for row in slas if row["breach_share"]]
    if known:
        worst = max(known, key=lambda row: row["breach_share"])
        cases = worst["breached"] + worst["open_late"]
        yield Finding("Broken agreement", f"{_name(worst)}: {share(worst['breach_share'])}, {count(cases)} cases.", "performance")


def _change(process: str, stack: Stack) -> Iterator[Finding]:
    sql = """select changed_at, kind, source, target, before, after from mining.changes where process = ?
             order by changed_at desc, abs(effect) desc nulls last limit 1"""
    for row in rows(sql, process, needs=("mining.changes",), as_of=stack.as_of):
        about = f"; most of all {_changed(row)}" if row["kind"] else ""
        whole = " That is of the whole log, whatever is filtered." if stack else ""
        yield Finding("Change", f"Around {day(row['changed_at'])} the process changed{about}.{whole}", "compare")


def _changed(row: dict[str, Any]) -> str:
    told = duration if row["kind"] in {"time", "service"} else number if row["kind"] == "arrivals" else share
    source, target = row["source"], row["target"]
    what = {
        "time": f"the time from {source} to {target}",
        "service": f"the time {source} takes",
        "follows": f"how often {target} follows {source}",
        "without resource": f"the share of {source} without a resource",
        "arrivals": "how many cases begin",
    }.get(row["kind"], " ".join(filter(None, (row["kind"], source, target))))
    return f"{what}, from {told(row['before'])} to {told(row['after'])}"


def agreements(process: str, stack: Stack, definition: dict[str, Any]) -> Rows:
    """How the agreements of the definition were kept by the cases that the filters keep; empty where it names none."""
    if stack or not definition.get("slas"):
        return map_figures.agreements(process, stack, definition)
    found = rows("select * from mining.slas where process = ? order by name", process, needs=("mining.slas",), as_of=stack.as_of)
    return found or map_figures.agreements(process, stack, definition)


def agreement_cards(slas: Rows) -> list[Card]:
    """The agreements as cards, the most often broken first."""
    ordered = sorted(slas, key=lambda row: -(row["breach_share"] or 0.0))[:MOST_SLAS]
    return [
        Card(
            _name(row),
            share(1 - row["breach_share"]) if row["breach_share"] is not None else "–",
            unit="kept",
            against=f"{count(row['breached'] + row['open_late'])} late of {count(row['cases'])} · within {duration(_limit(row))}",
            foot=f"median {duration(row['median_seconds'])}",
        )
        for row in ordered
    ]


def _limit(row: dict[str, Any]) -> float | None:
    return row["within_hours"] * 3600.0 if row.get("within_hours") is not None else None


def _name(row: dict[str, Any]) -> str:
    return str(row.get("text") or str(row["name"]).replace("_", " "))
