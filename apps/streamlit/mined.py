"""What was mined from a process, as the pages need it: activities, variants, cases.

What belongs here: reading queries over schema `mining`, questions to event logs. What does not: mining itself (package `mining`),
paths between activities (`map_figures`), drawing.

Without a filter the figures are the mined tables'. With a filter stack they are asked of the event log's mining layout anew. Every
function takes the filter stack and `as_of`, the snapshot to read the lake as of (None: the newest).
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from apps.streamlit.asking import ask
from apps.streamlit.reading import Rows, rows
from mining import filters, kernels

START, END = "\x02start", "\x03end"  # no activity can be called so: an event log's text holds no control characters

Filters = tuple[filters.Filter, ...]


@dataclass(frozen=True)
class MinedLog:
    """The size of a mined event log and the snapshot it was mined from."""

    process: str
    cases: int
    events: int
    activities: int
    variants: int
    dfg_edges: int
    first_event: datetime | None
    last_event: datetime | None
    mean_case_seconds: float | None
    median_case_seconds: float | None
    p90_case_seconds: float | None
    computed_at: datetime | None
    snapshot_id: int | None


@dataclass(frozen=True)
class Activity:
    """How often an activity happens, and how often first and last in a case."""

    activity: str
    events: int
    cases: int
    starts: int = 0
    ends: int = 0


def mined_log(process: str, *, as_of: int | None = None) -> MinedLog | None:
    """Size of the process's mined log; None where it has not been mined."""
    found = rows(
        """select process, cases, events, activities, variants, dfg_edges, first_event, last_event, mean_case_seconds,
                  median_case_seconds, p90_case_seconds, computed_at, snapshot_id
           from mining.logs where process = ? order by computed_at desc limit 1""",
        process,
        needs=("mining.logs",),
        as_of=as_of,
    )
    return MinedLog(**found[0]) if found else None


def cases_mined() -> dict[str, int]:
    """Cases per process, of those that have been mined."""
    return {row["process"]: row["cases"] for row in rows("select process, cases from mining.logs", needs=("mining.logs",))}


def summary(log: MinedLog, stack: Filters, *, as_of: int | None = None) -> MinedLog:
    """The size of what the filters keep of a mined log; the log itself without a filter."""
    if not stack:
        return log
    found = ask(log.process, stack, kernels.summary(), as_of=as_of)
    return replace(log, **found[0]) if found else log


def kept(process: str, stack: Filters, *, as_of: int | None = None) -> tuple[int, int]:
    """Cases and events that the filters keep."""
    found = ask(process, stack, "select count(*) as cases, coalesce(sum(events), 0)::bigint as events from kept", as_of=as_of)
    return (found[0]["cases"], found[0]["events"]) if found else (0, 0)


def model(process: str, *, as_of: int | None = None) -> dict[str, Any] | None:
    """Figures of the discovered net; None where there is none."""
    found = rows(
        """select miner, noise, places, transitions, silent, arcs, is_sound, average_fitness, perfectly_fitting,
                  computed_at, snapshot_id
           from mining.models where process = ? order by computed_at desc limit 1""",
        process,
        needs=("mining.models",),
        as_of=as_of,
    )
    return found[0] if found else None


def throughput(process: str, stack: Filters = (), *, as_of: int | None = None) -> Rows:
    """Cases started, completed and open per week, oldest first."""
    if stack:
        return ask(process, stack, kernels.throughput(), as_of=as_of)
    return rows(
        "select period, started, completed, open_cases from mining.throughput where process = ? order by period",
        process,
        needs=("mining.throughput",),
        as_of=as_of,
    )


def activities(process: str, stack: Filters = (), *, as_of: int | None = None) -> list[Activity]:
    """Activities of the chosen cases, the most frequent first."""
    sql = "select activity, events, cases, starts, ends from mining.activities where process = ? order by events desc, activity"
    if stack:
        found = ask(process, stack, kernels.activities(), as_of=as_of)
    else:
        found = rows(sql, process, needs=("mining.activities",), as_of=as_of)
    return [Activity(**row) for row in found]


def variant_count(process: str, stack: Filters = (), *, holding: tuple[str, ...] = (), as_of: int | None = None) -> tuple[int, int]:
    """Number of variants and of cases among the chosen cases, of those that have all of these activities."""
    question = " select count(*) as variants, coalesce(sum(cases), 0)::bigint as cases from listed"
    found = _of_variants(process, stack, f"{question} {_HOLDING}", list(holding), as_of=as_of)
    return (found[0]["variants"], found[0]["cases"]) if found else (0, 0)


_HOLDING = "where list_has_all(activities, $1::varchar[])"


def variants(
    process: str,
    stack: Filters = (),
    *,
    limit: int = 200,
    offset: int = 0,
    holding: tuple[str, ...] = (),
    as_of: int | None = None,
) -> Rows:
    """The most frequent variants: rank, activities, length, cases, share, cumulative_share, times and fitness.

    Args:
        process: Name of the process.
        stack: Filters of the log. Empty: all of it.
        limit: How many at most.
        offset: How many of the most frequent to pass over.
        holding: Activities that each of them has.
        as_of: Snapshot to read the lake as of; None: the newest.
    """
    question = f" select * from listed {_HOLDING} order by rank limit {limit:d} offset {offset:d}"
    found = _of_variants(process, stack, question, list(holding), as_of=as_of)
    fits = _fitness(process, [row["activities"] for row in found], as_of=as_of)
    unknown: dict[str, Any] = {"fitness": None, "is_fitting": None}
    return [{**row, **fits.get(tuple(row["activities"]), unknown)} for row in found]


def variant(process: str, path: list[str], stack: Filters = (), *, as_of: int | None = None) -> dict[str, Any] | None:
    """The variant of these activities, such as the happy path, among the chosen cases; None where no case runs so."""
    found = _of_variants(process, stack, " select * from listed where activities = $1::varchar[]", list(path), as_of=as_of)
    return found[0] if found else None


def _fitness(process: str, paths: list[list[str]], *, as_of: int | None) -> dict[tuple[str, ...], dict[str, Any]]:
    """Fitness of variants, which is theirs whatever is filtered."""
    found = rows(
        """select activities, fitness, is_fitting from mining.variants
           where process = ? and fitness is not null and list_contains(?::varchar[][], activities)""",
        process,
        paths,
        needs=("mining.variants",),
        as_of=as_of,
    )
    return {tuple(row["activities"]): row for row in found}


def coverage_curve(process: str, stack: Filters = (), *, points: int = 400, as_of: int | None = None) -> Rows:
    """Share of cases covered by the most frequent variants: some hundred points of rank, cases and cumulative_share."""
    question = """, numbered as (select rank, cases, cumulative_share, count(*) over () as variants from listed)
        select rank, cases, cumulative_share from numbered
        where rank <= 50 or rank = variants or rank % greatest(1, variants // $1) = 0 order by rank"""
    return _of_variants(process, stack, question, points, as_of=as_of)


def cases_of_variant(process: str, path: list[str], stack: Filters = (), *, limit: int = 500, as_of: int | None = None) -> Rows:
    """Cases whose activities are exactly these, the longest first."""
    question = f"""with path as (
            select list(a.activity_id order by p.n) as ids
            from unnest($1::varchar[]) with ordinality as p(activity, n) join activities as a using (activity))
        select k.case_id, k.started_at, k.ended_at, epoch(k.ended_at - k.started_at) as seconds, k.events
        from kept as k join variants as v using (variant_id) join path on path.ids = v.activity_ids
        order by seconds desc, case_id limit {int(limit)}"""
    return ask(process, stack, question, list(path), as_of=as_of)


def path_of_case(process: str, case_id: str, stack: Filters = (), *, as_of: int | None = None) -> tuple[str, ...] | None:
    """What a case does, in its order; None where the filters keep no such case."""
    question = """select list_transform(v.activity_ids, lambda id: n.names[id]) as path
        from kept as k join variants as v using (variant_id),
            (select list(activity order by activity_id) as names from activities) as n where k.case_id = $1"""
    found = ask(process, stack, question, case_id, as_of=as_of)
    return tuple(found[0]["path"]) if found else None


def _of_variants(process: str, stack: Filters, question: str, *params: Any, as_of: int | None) -> Rows:
    """A question over `listed`: the variants with rank, activities, length, cases, shares and times, mined or filtered."""
    if stack:
        return ask(process, stack, f"with listed as ({kernels.variants()}){question}", *params, as_of=as_of)
    own = len(params) + 1
    mined = f"""select rank, activities, length, cases, share, cumulative_share, mean_seconds, median_seconds
                from mining.variants where process = ${own}"""
    return rows(f"with listed as ({mined}){question}", *params, process, needs=("mining.variants",), as_of=as_of)
