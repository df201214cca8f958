"""How long objects wait for one another: an event of several objects cannot happen before the last of them is there.

What belongs here: synchronisation, pooling and lagging times of object-centric logs. What does not: logs of cases only, where
nothing waits for anything else (`mining.performance`).

After Park, Adams and van der Aalst, OPerA: object-centric performance analysis (2022). An object is there from the end of its event
before. *Synchronisation time*: from the first object of an event to its last. *Pooling time* of a type: the same among the objects
of that type. *Lagging time* of a type: from the first object of any other type to the last of this type, nothing if that came
before. *Waiting* goes on from the last object to the event. Objects without an earlier event count for nothing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

    from mining.object_centric import ObjectCentricLog

COLUMNS = (
    "activity varchar, object_type varchar, events bigint, synchronised_events bigint, mean_synchronisation_seconds double, "
    "total_synchronisation_seconds double, mean_pooling_seconds double, total_pooling_seconds double, mean_lagging_seconds double, "
    "total_lagging_seconds double, mean_waiting_seconds double"
)
_TIMES = """
    with there as (
        select event_no as event, activity, occurred_at, object_type, epoch_us(since) as since from steps
    ),
    types as (
        select event, activity, object_type, epoch_us(any_value(occurred_at)) as at_us, min(since) as first_us,
            max(since) as last_us
        from there where since is not null group by event, activity, object_type
    ),
    beside as (
        select *, min(first_us) over one_event as all_first, max(last_us) over one_event as all_last,
            min(first_us) over (
                partition by event rows between unbounded preceding and unbounded following exclude current row
            ) as other_first
        from types window one_event as (partition by event)
    ),
    timed as (
        select *, (all_last - all_first) / 1e6 as synchronisation, (last_us - first_us) / 1e6 as pooling,
            greatest(0, last_us - coalesce(other_first, last_us)) / 1e6 as lagging, (at_us - all_last) / 1e6 as waiting
        from beside
    )
    select activity, object_type, count(*) as events, count(*) filter (synchronisation > 0) as synchronised_events,
        avg(synchronisation) as mean_synchronisation_seconds, sum(synchronisation) as total_synchronisation_seconds,
        avg(pooling) as mean_pooling_seconds, sum(pooling) as total_pooling_seconds,
        avg(lagging) as mean_lagging_seconds, sum(lagging) as total_lagging_seconds, avg(waiting) as mean_waiting_seconds
    from timed group by all order by total_synchronisation_seconds desc, activity, object_type"""


def synchronisation_times(log: "ObjectCentricLog") -> "duckdb.DuckDBPyRelation":
    """A row per activity and type of object it concerns.

    Returns:
        activity, object_type, events with objects of that type that were there before, synchronised_events in which something
        waited for something else, and mean_ and total_ of synchronisation_seconds (of the event), pooling_seconds and
        lagging_seconds (of the type), and mean_waiting_seconds of the event once all were there.
    """
    return log.ask(_TIMES.strip())
