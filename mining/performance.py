"""Where a process loses time: waiting, service and sojourn times of activities and edges, and the bottlenecks among the edges.

What belongs here: those times, and the tables that every mining makes of them and of the modules beside this one. What does not:
queues (`mining.queues`), deadlines (`mining.deadlines`), batches and parallel work (`mining.batching`), the spectrum
(`mining.spectrum`) and objects that wait for one another (`mining.synchronisation`).

*Waiting* lasts from the end of the event before it in the case to the event's start, *service* from its start to its end, *sojourn*
is both. An event whose start is not known has a sojourn only. One that starts before the event before it has ended waited for
nothing and is counted as overlapping. Events stand in the order of their ends, as everywhere in the log.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mining.batching import batches, multitasking
from mining.deadlines import DUE_DATES, checked_agreement, due_dates, sla_breaches
from mining.queues import queue_lengths
from mining.spectrum import performance_spectrum
from mining.sql_text import literal, literals, no_rows
from mining.synchronisation import COLUMNS as SYNCHRONISATION
from mining.synchronisation import synchronisation_times
from mining.timeline import ask

if TYPE_CHECKING:
    import duckdb
    import pyarrow

    from mining.calendars import WorkingCalendar
    from mining.event_log import EventLog
    from mining.sections import Mined

_FIGURES = ", ".join(
    f"{figure}_{part}_seconds double" for part in ("waiting", "service", "sojourn") for figure in ("mean", "median", "p90", "total")
)
TABLES = {
    "activity_times": "activity varchar, events bigint, events_with_start bigint, starts_after_end bigint, overlapping bigint, "
    + _FIGURES,
    "edge_times": "source varchar, target varchar, frequency bigint, cases bigint, events_with_start bigint, overlapping bigint, "
    + _FIGURES,
    "bottlenecks": "rank bigint, typical_rank bigint, source varchar, target varchar, frequency bigint, cases bigint, "
    "is_external boolean, measure varchar, allowed_seconds double, is_agreed boolean, lost_seconds double, share double, "
    "mean_lost_seconds double, median_lost_seconds double, p90_lost_seconds double, typical_lost_seconds double, "
    "spent_seconds double, elapsed_seconds double",
    "queues": "target varchar, period date, arrived bigint, departed bigint, mean_length double, highest_length bigint, "
    "length_at_end bigint",
    "slas": "name varchar, text varchar, source varchar, target varchar, within_hours double, is_working_time boolean, "
    "cases bigint, met bigint, breached bigint, open_in_time bigint, open_late bigint, breach_share double, mean_seconds double, "
    "median_seconds double, p90_seconds double, late_seconds double",
    "due_dates": DUE_DATES,
    "batches": "activity varchar, resource varchar, kind varchar, batches bigint, events bigint, largest bigint, cases bigint",
    "multitasking": "resource varchar, events bigint, work_seconds double, active_seconds double, multitasking_seconds double, "
    "multitasking_share double, mean_parallel double, highest_parallel bigint",
    "spectrum": "source varchar, target varchar, period date, class integer, cases bigint, mean_seconds double",
    "synchronisation": SYNCHRONISATION,
}
QUEUES = 50  # activities whose queues are kept for every process
ROWS = 1_000  # batches and resources that are kept
_STEP = "s.activity as source, t.activity as target"
_NAMED = "join activities as s on s.activity_id = e.source_id join activities as t on t.activity_id = e.target_id"
_BEGUN = "least(entered_at, coalesce(started_at, entered_at, occurred_at))"


def activity_times(log: "EventLog", *, calendar: "WorkingCalendar | None" = None) -> "duckdb.DuckDBPyRelation":
    """Waiting, service and sojourn time per activity, the one with the most sojourn time first.

    Args:
        log: The event log; with a column `started_at`, else only sojourn times are known and the others are null.
        calendar: Count working time instead of time by the clock.

    Returns:
        activity, events, events_with_start, starts_after_end, overlapping, and mean_, median_, p90_ and total_ of
        waiting_seconds, service_seconds and sojourn_seconds.
    """
    return ask(
        log,
        f"""with {_spells(log, calendar)}
select a.activity, count(*) as events, count(e.started_at) as events_with_start,
    count(*) filter (e.starts_after_end) as starts_after_end, count(*) filter (e.started_at < e.entered_at) as overlapping,
    {_figures()}
from spells as e join activities as a using (activity_id)
group by a.activity order by coalesce(total_sojourn_seconds, 0) desc, a.activity""",
    )


def edge_times(log: "EventLog", *, calendar: "WorkingCalendar | None" = None) -> "duckdb.DuckDBPyRelation":
    """The same times per edge of the directly-follows graph: those of the target when it comes right after the source.

    Returns:
        source, target, frequency, cases, events_with_start, overlapping, and the times as in `activity_times`.
    """
    return ask(
        log,
        f"""with {_spells(log, calendar)}, edges as (
    select previous_activity as source_id, activity_id as target_id, count(*) as frequency, count(distinct case_no) as cases,
        count(started_at) as events_with_start, count(*) filter (started_at < entered_at) as overlapping, {_figures()}
    from spells where previous_activity is not null group by all
)
select {_STEP}, e.* exclude (source_id, target_id) from edges as e {_NAMED}
order by coalesce(total_sojourn_seconds, 0) desc, source, target""",
    )


def bottlenecks(
    log: "EventLog",
    *,
    calendar: "WorkingCalendar | None" = None,
    external: Iterable[str] = (),
    agreed: Iterable[Mapping[str, Any]] = (),
) -> "duckdb.DuckDBPyRelation":
    """The edges by the time that is lost on them in all cases together, the bottleneck first.

    Time spent on an edge is the waiting time before the target; where its start is not known, the time from end to end, which holds
    its service. Lost is what a pass spends beyond the time it is allowed: the agreed time of the edge, or else what the quickest
    quarter of the passes needs (their first quartile), which shows what the process can do. So benchmarking
    counts a performance gap, against the best quartile. An edge passed once is its own benchmark and loses nothing.

    Args:
        log: The event log.
        calendar: Count working time; without, time by the clock.
        external: Activities that others do, such as a customer's payment: nobody in the process can shorten the wait for them,
            so their edges stand behind all others.
        agreed: Waits that were agreed upon, as {from, to, within_hours}, with `working_time: true` if those are working hours.

    Returns:
        rank, typical_rank, source, target, frequency, cases, is_external, measure (`waiting`, `sojourn` or, if only some starts are
        known, `mixed`), allowed_seconds (by the clock if they were agreed so), is_agreed, lost_seconds (in all), share of the time
        lost on all edges, mean_, median_ and p90_lost_seconds of a pass, typical_lost_seconds (frequency times median, which few
        slow passes do not move; `typical_rank` goes by it), and spent_seconds and elapsed_seconds: all the time spent on the edge,
        and that by the clock.

    Raises:
        DataError: An agreed wait lacks one of its settings.
    """
    between = _working_seconds(log, calendar)
    return ask(
        log,
        f"""with {_spells(log, calendar)}, {_agreements(agreed)}, spent as (
    select previous_activity as source_id, activity_id as target_id, case_no, started_at, entered_at,
        coalesce(started_at, occurred_at) as until_at, coalesce(waiting_seconds, sojourn_seconds) as seconds
    from spells where previous_activity is not null
), allowed as (
    select spent.*, hours is not null as is_agreed, is_working,
        greatest(0, epoch_us(until_at) - epoch_us(entered_at)) / 1e6 as elapsed,
        coalesce(hours * 3600, quantile_cont(seconds, 0.25) over (partition by source_id, target_id)) as allowed_seconds
    from spent left join agreements using (source_id, target_id)
), lost as (
    select *, case when is_agreed and not is_working
        then greatest(0, {between("least(until_at, entered_at + to_microseconds((allowed_seconds * 1e6)::bigint))", "until_at")})
        else greatest(0, seconds - allowed_seconds) end as lost
    from allowed
), edges as (
    select source_id, target_id, count(*) as frequency, count(distinct case_no) as cases, count(started_at) as starts,
        any_value(is_agreed) as is_agreed, any_value(allowed_seconds) as allowed_seconds, sum(lost) as lost_seconds,
        avg(lost) as mean_lost_seconds, median(lost) as median_lost_seconds, quantile_cont(lost, 0.9) as p90_lost_seconds,
        count(*) * median(lost) as typical_lost_seconds, sum(seconds) as spent_seconds, sum(elapsed) as elapsed_seconds
    from lost group by all
), named as (
    select {_STEP}, e.*, coalesce(t.activity in ({literals(external)}), false) as is_external from edges as e {_NAMED}
)
select row_number() over (order by is_external, lost_seconds desc, spent_seconds desc, source, target) as rank,
    row_number() over (order by is_external, typical_lost_seconds desc, lost_seconds desc, source, target) as typical_rank,
    source, target, frequency, cases, is_external,
    case starts when 0 then 'sojourn' when frequency then 'waiting' else 'mixed' end as measure, allowed_seconds, is_agreed,
    lost_seconds, coalesce(lost_seconds / nullif(sum(lost_seconds) over (), 0), 0) as share, mean_lost_seconds,
    median_lost_seconds, p90_lost_seconds, typical_lost_seconds, spent_seconds, elapsed_seconds
from named order by rank""",
    )


def _agreements(agreed: Iterable[Mapping[str, Any]]) -> str:
    """A common table expression: the edges whose time was agreed upon, with the hours."""
    rows = [checked_agreement(one, keys=("from", "to", "within_hours")) for one in agreed]
    told = [
        f"select {literal(str(one['from']))} as source, {literal(str(one['to']))} as target, "
        f"{literal(float(one['within_hours']))} as hours, {literal(bool(one.get('working_time')))} as is_working"
        for one in rows
    ] or [no_rows("source varchar, target varchar, hours double, is_working boolean")]
    return f"""agreements as (
    select s.activity_id as source_id, t.activity_id as target_id, max(hours) as hours, max(is_working) as is_working
    from ({" union all ".join(told)}) as g
    join activities as s on s.activity = g.source join activities as t on t.activity = g.target group by all
)"""


def tables(mined: "Mined") -> dict[str, "pyarrow.Table"]:
    """The result tables of this section, in working time where the definition has a calendar."""
    from mining.calendars import WorkingCalendar

    log, definition = mined.log, mined.definition
    calendar = WorkingCalendar.from_definition(definition)
    external, agreed = definition.get("external_activities") or (), definition.get("agreed_waits") or ()
    waiting = queue_lengths(log, most=QUEUES)
    relations = {
        "activity_times": activity_times(log, calendar=calendar),
        "edge_times": edge_times(log, calendar=calendar),
        "bottlenecks": bottlenecks(log, calendar=calendar, external=external, agreed=agreed),
        "queues": queue_lengths(log, scope="process").union(waiting),
        "slas": sla_breaches(log, definition.get("slas") or (), calendar=calendar),
        "due_dates": due_dates(log, definition.get("due_dates") or ()),
        "batches": batches(log).limit(ROWS),
        "multitasking": multitasking(log).limit(ROWS),
        "spectrum": performance_spectrum(log),
    }
    objects, nothing = mined.objects, log.connection.sql(no_rows(SYNCHRONISATION))
    relations["synchronisation"] = nothing if objects is None else synchronisation_times(objects)
    return {name: relation.to_arrow_table() for name, relation in relations.items()}


def _spells(log: "EventLog", calendar: "WorkingCalendar | None") -> str:
    """A common table expression: the timeline with the three times of each event in seconds."""
    between = _working_seconds(log, calendar)
    waited = "case when started_at is not null and entered_at is not null then greatest(0, {}) end"
    return f"""spells as (
    select *, {waited.format(between("entered_at", "started_at"))} as waiting_seconds,
        {between("started_at", "occurred_at")} as service_seconds,
        case when started_at is not null or entered_at is not null then {between(_BEGUN, "occurred_at")} end as sojourn_seconds
    from timeline
)"""


def _working_seconds(log: "EventLog", calendar: "WorkingCalendar | None") -> Callable[[str, str], str]:
    """Makes the SQL of the seconds between two moments, told as SQL: by that calendar, or by the clock."""
    from mining.calendars import WorkingCalendar

    return (calendar or WorkingCalendar()).on_log(log).seconds_sql


def _figures() -> str:
    """Mean, median, 90 % quantile and total of each of the three times, as columns."""
    columns = []
    for part in ("waiting", "service", "sojourn"):
        seconds = f"{part}_seconds"
        columns += [f"avg({seconds}) as mean_{seconds}", f"median({seconds}) as median_{seconds}"]
        columns += [f"quantile_cont({seconds}, 0.9) as p90_{seconds}", f"sum({seconds}) as total_{seconds}"]
    return ", ".join(columns)
