"""Work that is done together: batches of one activity by one resource, resources at several things at once, activities in parallel.

What belongs here: what overlapping or neighbouring intervals of work tell. What does not: queues (`mining.queues`) and who works
with whom (`mining.people`).

Work lasts from an event's start to its end; where the start is not known it is the moment of its end. Events without a resource
are in no batch.
"""

from typing import TYPE_CHECKING

from lake.errors import DataError
from mining.timeline import ask

if TYPE_CHECKING:
    import duckdb

    from mining.event_log import EventLog


def batches(log: "EventLog", *, within_seconds: float = 900, minimum: int = 2) -> "duckdb.DuckDBPyRelation":
    """Batches: events of one activity and resource that overlap or follow one another within some time.

    Kinds as of Martin et al., Batch Processing: Definition and Event Log Identification (2015): `simultaneous` (all begin and end
    together), `begin together`, `end together`, `one after the other` (each begins as the one before it ends) and `overlapping`
    for the rest.

    Args:
        log: The event log, with a column `resource`.
        within_seconds: Longest time between the end of what is in a batch and the start of what comes to it.
        minimum: Events a batch has at least.

    Returns:
        activity, resource, kind, batches, events in them, largest batch, cases in them; those with most events first.
    """
    if within_seconds < 0 or minimum < 2:
        raise DataError(
            f"Batches of {minimum} events within {within_seconds} seconds make no sense.",
            remedy="Use two events or more and a time that is not negative.",
        )
    return ask(
        log,
        f"""with work as (
    select activity_id, resource, case_no, epoch_us(coalesce(started_at, occurred_at)) as begin_us, epoch_us(occurred_at) as end_us
    from timeline where resource is not null
), reached as (
    select *, max(end_us) over (partition by activity_id, resource order by begin_us, end_us, case_no
        rows between unbounded preceding and 1 preceding) as until_us
    from work
), numbered as (
    select *, count(*) filter (until_us is null or begin_us - until_us > {within_seconds * 1_000_000:.0f}) over in_order as batch,
        lag(end_us) over in_order as previous_us
    from reached window in_order as (partition by activity_id, resource order by begin_us, end_us, case_no rows unbounded preceding)
), sized as (
    select activity_id, resource, batch, count(*) as events, count(distinct case_no) as cases,
        case when min(begin_us) = max(begin_us) and min(end_us) = max(end_us) then 'simultaneous'
            when min(begin_us) = max(begin_us) then 'begin together' when min(end_us) = max(end_us) then 'end together'
            when count(*) filter (begin_us = previous_us) = count(*) - 1 then 'one after the other'
            else 'overlapping' end as kind
    from numbered group by all having count(*) >= {int(minimum)}
)
select a.activity, s.resource, s.kind, count(*) as batches, sum(s.events)::bigint as events, max(s.events) as largest,
    sum(s.cases)::bigint as cases
from sized as s join activities as a using (activity_id) group by all order by events desc, activity, resource, kind""",
    )


def multitasking(log: "EventLog") -> "duckdb.DuckDBPyRelation":
    """How far resources work at several events at once; only events that took time count, so starts must be known.

    Returns:
        resource, events, work_seconds (of all events added up), active_seconds (in which it worked at all), multitasking_seconds
        (at two events or more), multitasking_share of the active time, mean_parallel events while active, highest_parallel.
    """
    return ask(
        log,
        """with work as (
    select resource, epoch_us(started_at) as begin_us, epoch_us(occurred_at) as end_us from timeline
    where resource is not null and started_at < occurred_at
), changes as (
    select resource, begin_us as moment, 1 as change from work union all select resource, end_us, -1 from work
), moments as (select resource, moment, sum(change) as change from changes group by all),
levels as (
    select resource, sum(change) over one as busy, (lead(moment) over one - moment) / 1e6 as seconds
    from moments window one as (partition by resource order by moment)
), figures as (
    select resource, sum(busy * seconds)::double as work_seconds, sum(seconds) filter (busy > 0) as active_seconds,
        coalesce(sum(seconds) filter (busy > 1), 0) as multitasking_seconds, max(busy)::bigint as highest_parallel
    from levels group by resource
), counted as (select resource, count(*) as events from work group by resource)
select resource, events, work_seconds, active_seconds, multitasking_seconds,
    multitasking_seconds / active_seconds as multitasking_share, work_seconds / active_seconds as mean_parallel, highest_parallel
from figures join counted using (resource) order by multitasking_seconds desc, resource""",
    )


def concurrent_activities(log: "EventLog", *, strictly: bool = True) -> "duckdb.DuckDBPyRelation":
    """Which activities of a case were worked at together, how often and how long.

    Args:
        log: The event log; events without a start are a moment.
        strictly: Only intervals that have time in common; False: those that touch in a moment, too.

    Returns:
        first, second (in alphabetical order; the same for two events of one activity), times, cases, seconds in common.
    """
    return ask(
        log,
        f"""with work as (
    select case_no, activity_id, position, epoch_us(coalesce(started_at, occurred_at)) as begin_us, epoch_us(occurred_at) as end_us
    from timeline
), pairs as (
    select least(x.activity_id, y.activity_id) as first_id, greatest(x.activity_id, y.activity_id) as second_id, x.case_no,
        (least(x.end_us, y.end_us) - greatest(x.begin_us, y.begin_us)) / 1e6 as seconds
    from work as x join work as y on x.case_no = y.case_no and x.position < y.position
        and y.begin_us {"<" if strictly else "<="} x.end_us and x.begin_us {"<" if strictly else "<="} y.end_us
    {"where x.begin_us < x.end_us and y.begin_us < y.end_us" if strictly else ""}
)
select f.activity as first, s.activity as second, count(*) as times, count(distinct case_no) as cases, sum(seconds) as seconds
from pairs join activities as f on f.activity_id = first_id join activities as s on s.activity_id = second_id
group by all order by times desc, first, second""",
    )
