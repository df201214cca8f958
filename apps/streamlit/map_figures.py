"""The figures of the interactive process map: activities, paths, coverage, deviations, agreements and moves of a filtered log.

What belongs here: the questions the map asks of an event log under a filter stack, and of the mined tables. What does not: what
is drawn of the answers (`process_map.scene`) and how filters are chosen.

A path over hidden activities is counted and timed as one step; a case's first and last event have paths from `START` and to `END`.
A stack of filters says itself as of which snapshot it is asked (`stack.Stack`); a plain tuple is asked of the newest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from apps.streamlit import mined
from apps.streamlit.asking import ask, of_log
from apps.streamlit.mined import END, START, Activity, Filters
from apps.streamlit.reading import CACHED_RESULTS, Rows, has_tables, home, note, rows, snapshot_id
from mining import kernels

if TYPE_CHECKING:
    from mining.event_log import EventLog

TOKENS = 120_000  # a browser holds so many and draws those under way; of more moves, like ones share a token
TOKEN_MOMENTS = 2_048  # like moves set out in the same of so many equal spans of the log's time, or of half as many, and so on
DRILLED_CASES = 500


@dataclass(frozen=True)
class Path:
    """One activity followed by another; times in seconds."""

    source: str
    target: str
    frequency: int
    cases: int
    mean_seconds: float | None = None
    median_seconds: float | None = None
    p90_seconds: float | None = None

    @property
    def total_seconds(self) -> float | None:
        """What all cases together spend on it."""
        return None if self.mean_seconds is None else self.mean_seconds * self.frequency

    @property
    def ends(self) -> tuple[str, str]:
        """Source and target."""
        return self.source, self.target


@dataclass(frozen=True)
class Moves:
    """Moves along paths in the order of their begin: number of the path, begin and end in whole seconds after `since` (epoch).

    Every move of the `cases` is in it. Where they are more than a browser draws, moves along the same path that set out in the
    same `span_seconds` and take about as long (within a factor of two) are one, at their mean times; `moves` says how many.
    """

    paths: list[int]
    begins: list[int]
    ends: list[int]
    moves: list[int]
    since: int
    cases: int
    span_seconds: int | None


def _at(stack: Filters) -> int | None:
    return getattr(stack, "as_of", None)


def places(process: str, stack: Filters = ()) -> list[Activity]:
    """Activities of the filtered log, the most frequent first."""
    return mined.activities(process, stack, as_of=_at(stack))


def paths(process: str, stack: Filters = (), shown: Sequence[str] | None = None) -> list[Path]:
    """Paths with starts and ends, the most frequent first.

    Args:
        process: Name of the process.
        stack: Filters, applied in their order.
        shown: Activities to look at; the others are skipped over. None: all.
    """
    if shown is not None:
        return [Path(**row) for row in ask(process, stack, _PROJECTED, list(shown), START, END, as_of=_at(stack))]
    if stack:
        found = ask(process, stack, kernels.dfg(), as_of=_at(stack))
    else:
        columns = "source, target, frequency, cases, mean_seconds, median_seconds, p90_seconds"
        found = rows(f"select {columns} from mining.dfg where process = ?", process, needs=("mining.dfg",), as_of=_at(stack))
    between = [Path(**row) for row in found]
    ends = [
        path
        for place in places(process, stack)
        for path in (
            Path(START, place.activity, place.starts, place.starts),
            Path(place.activity, END, place.ends, place.ends),
        )
        if path.frequency
    ]
    return sorted(between + ends, key=lambda path: (-path.frequency, path.source, path.target))


_PROJECTED = """with shown as (
    select activity_id, activity from activities where list_contains($1::varchar[], activity)
), moves as (
    select e.case_no, s.activity as source, coalesce(lead(s.activity) over trace, $3) as target,
        epoch(lead(e.occurred_at) over trace - e.occurred_at) as seconds, row_number() over trace = 1 as is_first
    from events as e join shown as s using (activity_id)
    window trace as (partition by e.case_no order by e.occurred_at, e.source_row)
)
select source, target, count(*) as frequency, count(distinct case_no) as cases, avg(seconds) as mean_seconds,
    median(seconds) as median_seconds, quantile_cont(seconds, 0.9) as p90_seconds
from moves group by source, target
union all
select $2, source, count(*), count(*), null, null, null from moves where is_first group by source
order by frequency desc, source, target"""


def case_count(process: str, stack: Filters = ()) -> int:
    """Cases of the filtered log."""
    found = ask(process, stack, "select coalesce(sum(cases), 0)::bigint as cases from weights", as_of=_at(stack))
    return int(found[0]["cases"]) if found else 0


def coverage(process: str, stack: Filters, drawn: Sequence[Path]) -> list[tuple[int, int]]:
    """How many cases run wholly along the first paths of a list, from start to end.

    Returns:
        (number, cases): so many cases need the first `number` paths, and no fewer. What runs elsewhere is in none of them.
    """
    ends = [path.ends for path in drawn]
    found = ask(process, stack, _COVERAGE, [a for a, _ in ends], [b for _, b in ends], START, END, as_of=_at(stack))
    return [(row["needed"], row["cases"]) for row in found]


_COVERAGE = """with drawn as (
    select unnest($1::varchar[]) as source, unnest($2::varchar[]) as target, unnest(range(1, len($1::varchar[]) + 1)) as place
), moves as (
    select w.variant_id, w.cases, unnest([$3] || v.activities) as source, unnest(v.activities || [$4]) as target
    from weights as w join variants as v using (variant_id)
), needs as (
    select variant_id, any_value(cases) as cases, max(place) as needed, bool_and(place is not null) as is_drawn
    from moves left join drawn using (source, target) group by variant_id
)
select needed, sum(cases)::bigint as cases from needs where is_drawn group by needed order by needed"""


def moves(process: str, stack: Filters, drawn: Sequence[Path], shown: Sequence[str]) -> Moves | None:
    """The moves of all cases along the paths of a list, like ones together where they are many. None where no move takes time.

    Args:
        process: Name of the process.
        stack: Filters.
        drawn: Paths; a move is told by its place in the list. Moves along other paths are left out.
        shown: Activities that are not skipped over.
    """
    is_whole = {place.activity for place in places(process, stack)} <= set(shown)
    question = _MOVES.format(steps=_STEPS if is_whole else _STEPS_OVER_HIDDEN)
    ends = [path.ends for path in drawn]
    drawn_ends = [a for a, _ in ends], [b for _, b in ends], list(range(len(drawn)))
    found = ask(process, stack, question, list(shown), *drawn_ends, TOKENS, TOKEN_MOMENTS, as_of=_at(stack))
    return Moves(**found[0]) if found and found[0]["paths"] else None


_STEPS = """
    select case_no, activity_id as source, next_activity as target, epoch(occurred_at)::bigint as begins,
        (epoch(occurred_at) + seconds_to_next)::bigint as ends
    from events where seconds_to_next > 0"""
_STEPS_OVER_HIDDEN = """
    select e.case_no, e.activity_id as source, lead(e.activity_id) over trace as target, epoch(e.occurred_at)::bigint as begins,
        epoch(lead(e.occurred_at) over trace)::bigint as ends
    from events as e join shown using (activity_id)
    window trace as (partition by e.case_no order by e.occurred_at, e.source_row)"""
_MOVES = """with shown as (
    select activity_id, activity from activities where list_contains($1::varchar[], activity)
), drawn as (
    select s.activity_id as source, t.activity_id as target, place
    from (select unnest($2::varchar[]) as "from", unnest($3::varchar[]) as "to", unnest($4::bigint[]) as place)
    join shown as s on s.activity = "from" join shown as t on t.activity = "to"
), steps as ({steps}
), taken as materialized (
    select place, begins, ends, case_no from steps join drawn using (source, target) where ends > begins
), whole as (
    select count(*) as steps, min(begins) as since, max(begins) - min(begins) + 1 as span from taken
), fine as materialized (
    select place, (begins - since) * $6 // span as moment, floor(log2(ends - begins))::integer as length, count(*) as moves,
        sum(begins - since) as begins, sum(ends - since) as ends
    from taken, whole where whole.steps > $5 group by all
), widths as (
    select 1 << unnest(range(floor(log2($6))::bigint + 1)) as width
), chosen as (
    select coalesce(min(width) filter (tokens <= $5), max(width)) as width from (
        select width, count(distinct (place, moment // width, length)) as tokens from fine, widths group by width
    )
), tokens as (
    select place, begins - since as begins, ends - since as ends, 1 as moves, case_no
    from taken, whole where whole.steps <= $5
    union all
    select place, begins, begins + greatest(1, ((total_ends - total_begins) / moves)::bigint), moves, null from (
        select place, sum(begins)::bigint as total_begins, sum(ends)::bigint as total_ends, sum(moves)::bigint as moves,
            (sum(begins) / sum(moves))::bigint as begins
        from fine, chosen group by place, moment // width, length
    )
)
select list(place order by begins, place, case_no, ends) as paths, list(begins order by begins, place, case_no, ends) as begins,
    list(ends order by begins, place, case_no, ends) as ends, list(moves order by begins, place, case_no, ends) as moves,
    any_value(whole.since) as since, (select count(*) from kept) as cases,
    any_value(case when whole.steps > $5 then ceil(whole.span * (select width from chosen) / $6)::bigint end) as span_seconds
from tokens, whole"""


def cases_of(process: str, stack: Filters) -> Rows:
    """Cases of the filtered log, the longest first, at most 500: case_id, started_at, ended_at, days, events."""
    question = f"""select case_id, started_at, ended_at, round(epoch(ended_at - started_at) / 86400, 2) as days, events
        from kept order by epoch(ended_at - started_at) desc, case_id limit {DRILLED_CASES}"""
    return ask(process, stack, question, as_of=_at(stack))


def deviating(process: str, stack: Filters = ()) -> Rows:
    """Deviations from the model: kind, activity, after_activity and the cases of the filtered log that have them."""
    if not has_tables("mining.deviations", as_of=_at(stack)):
        return []
    if not stack:
        return rows(
            "select kind, activity, after_activity, cases from mining.deviations where process = ? and not is_accepted",
            process,
            needs=("mining.deviations",),
            as_of=_at(stack),
        )
    question = """select kind, activity, after_activity, sum(w.cases)::bigint as cases
        from (select kind, activity, after_activity, unnest(variant_ids) as variant_id from mining.deviations
              where process = $1 and not is_accepted) join weights as w using (variant_id)
        group by kind, activity, after_activity"""
    return ask(process, stack, question, process, as_of=_at(stack))


def agreements(process: str, stack: Filters, definition: dict[str, Any]) -> Rows:
    """How the service-level agreements of the definition were kept in the filtered log; see `mining.deadlines.sla_breaches`."""
    return _of_definition(process, stack, definition, "slas") if definition.get("slas") else []


def unit_costs(process: str, stack: Filters, definition: dict[str, Any]) -> dict[str, float]:
    """Cost of one event by activity, of those of which the definition says one."""
    if not definition.get("costs"):
        return {}
    return {row["activity"]: row["cost"] for row in _of_definition(process, stack, definition, "costs")}


def _of_definition(process: str, stack: Filters, definition: dict[str, Any], what: str) -> Rows:
    import json

    told = f"-- `{what}` of the definition of `{process}`, measured on its filtered event log"
    note(told, (), (f"event_logs.{process}",), _at(stack))
    at, said = _at(stack), json.dumps(definition, sort_keys=True, default=str)
    return _cached(home(), snapshot_id() if at is None else at, at, process, tuple(stack), said, what)


@st.cache_data(max_entries=CACHED_RESULTS, show_spinner=False, hash_funcs={tuple: repr})
def _cached(home_folder: str, snapshot: int, at: int | None, process: str, stack: Filters, definition: str, what: str) -> Rows:
    import json

    from mining.calendars import WorkingCalendar
    from mining.deadlines import sla_breaches
    from mining.deviations import activity_costs

    said = json.loads(definition)

    def work(log: "EventLog") -> Rows:
        if what == "costs":
            return [{"activity": name, "cost": cost} for name, cost in activity_costs(log, said).items()]
        calendar = WorkingCalendar.from_definition(said)
        return sla_breaches(log, said["slas"], calendar=calendar).to_arrow_table().to_pylist()

    return of_log(process, stack, work, as_of=at)


def object_paths(process: str, *, as_of: int | None = None) -> Rows:
    """Paths of every object type: object_type, source, target, events, objects, occurrences, mean_seconds, median_seconds."""
    columns = "object_type, source, target, events, objects, occurrences, mean_seconds, median_seconds"
    return rows(
        f"select {columns} from mining.oc_dfg where process = ? order by occurrences desc, object_type, source, target",
        process,
        needs=("mining.oc_dfg",),
        as_of=as_of,
    )


def object_places(process: str, *, as_of: int | None = None) -> Rows:
    """Activities of every object type: object_type, activity, events, objects, starts, ends."""
    return rows(
        """select object_type, activity, events, objects, starts, ends from mining.oc_activities where process = ?
           order by events desc, activity, object_type""",
        process,
        needs=("mining.oc_activities",),
        as_of=as_of,
    )


def model_svg(process: str, *, as_of: int | None = None) -> str | None:
    """The discovered model as a BPMN diagram in SVG; None where there is none."""
    sql = "select bpmn from mining.models where process = ? and bpmn <> '' order by computed_at desc limit 1"
    found = rows(sql, process, needs=("mining.models",), as_of=as_of)
    return _svg(found[0]["bpmn"]) if found else None


def model_of(process: str, stack: Filters) -> str | None:
    """A model of the cases the filters keep, found by the inductive miner and kept nowhere, in SVG; None where they keep none."""
    at = _at(stack)
    told = f"-- the inductive miner on the variants of the filtered log `{process}`"
    note(told, (), (f"event_logs.{process}",), at)
    return _discovered(home(), snapshot_id() if at is None else at, at, process, tuple(stack))


@st.cache_data(max_entries=16, show_spinner="Discovering a model of these cases …", hash_funcs={tuple: repr})
def _discovered(home_folder: str, snapshot: int, at: int | None, process: str, stack: Filters) -> str | None:
    from mining.discovery import discover_from_variants
    from mining.drawing import bpmn_to_svg
    from mining.earlier import NOISE

    variants = of_log(process, stack, lambda log: {names: cases for _, names, cases in log.variant_multiset()}, as_of=at)
    return bpmn_to_svg(discover_from_variants(variants, noise=NOISE).drawing()) if variants else None


@st.cache_data(max_entries=16, show_spinner=False)
def _svg(bpmn: str) -> str:
    from mining.bpmn_reading import read_bpmn
    from mining.drawing import bpmn_to_svg

    return bpmn_to_svg(read_bpmn(bpmn).placed())
