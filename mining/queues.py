"""How much work waits, and how much is in progress, over time.

What belongs here: the sweep over moments at which the number of waiting cases changes. What does not: how long each waits
(`mining.performance`).

A case waits for an activity from the end of the event before it to the activity's start, or to its end where the start is not
known. It is in progress from its first event to its last, as far as the log knows.
"""

from typing import TYPE_CHECKING, Literal

from mining.timeline import ask

if TYPE_CHECKING:
    import duckdb

    from mining.event_log import EventLog
    from mining.kernels import Grain

Scope = Literal["process", "activity", "edge"]
_WAITS = """select {source} as source, t.activity as target, entered_at as begin_at, coalesce(started_at, occurred_at) as end_at
    from timeline as e join activities as t using (activity_id) left join activities as s on s.activity_id = e.previous_activity
    where entered_at < coalesce(started_at, occurred_at)"""
_SPELLS = {
    "process": "select null::varchar as source, null::varchar as target, started_at as begin_at, ended_at as end_at "
    "from kept where started_at < ended_at",
    "activity": _WAITS.format(source="null::varchar"),
    "edge": _WAITS.format(source="s.activity"),
}


def queue_lengths(
    log: "EventLog", *, scope: Scope = "activity", grain: "Grain" = "week", most: int | None = None
) -> "duckdb.DuckDBPyRelation":
    """How many cases wait per activity or edge, or are in progress in the whole process, per period without gaps.

    Args:
        log: The event log.
        scope: `activity`: waiting for each; `edge`: waiting on each; `process`: cases in progress.
        grain: day, week (from Monday) or month, in UTC.
        most: Only so many activities or edges, those with the most waiting time; None for all.

    Returns:
        source (null but for edges), target (null for the process), period (its first day), arrived, departed, mean_length over the
        time of the period that the log covers, highest_length, and length_at_end. A wait of no time is none.
    """
    limit = "" if most is None else f" limit {int(most)}"
    return ask(
        log,
        f"""with spells as ({_SPELLS[scope]}),
bounds as (select min(started_at) as first_at, max(ended_at) as last_at from kept),
marks as (
    select unnest(generate_series(date_trunc('{grain}', first_at), last_at, interval 1 {grain})) as moment from bounds
    union select first_at from bounds union select last_at from bounds
),
queues as (
    select source, target from spells group by all
    order by sum(epoch_us(end_at) - epoch_us(begin_at)) desc, source, target{limit}
),
changes as (
    select source, target, begin_at as moment, 1 as arrived, 0 as gone from spells
    union all select source, target, end_at, 0, 1 from spells
    union all select source, target, moment, 0, 0 from queues cross join marks
),
moments as (
    select c.source, c.target, moment, sum(arrived) as arrived, sum(gone) as gone from changes as c join queues as q
        on q.source is not distinct from c.source and q.target is not distinct from c.target
    group by all
),
levels as (
    select *, sum(arrived - gone) over one_queue as length, epoch_us(lead(moment) over one_queue) - epoch_us(moment) as lasted
    from moments window one_queue as (partition by source, target order by moment)
)
select source, target, date_trunc('{grain}', moment)::date as period, sum(arrived)::bigint as arrived,
    sum(gone)::bigint as departed,
    coalesce(sum(length * lasted)::double / nullif(sum(lasted), 0), 0) as mean_length, max(length)::bigint as highest_length,
    arg_max(length, moment)::bigint as length_at_end
from levels, bounds where moment >= first_at group by all order by source, target, period""",
    )
