"""Prefix features in SQL: what was known of a case, and of the cases around it, at each of its events.

What belongs here: the table of prefixes and its feature columns. What does not: what is predicted from them
(`models.cases.targets`) and models.

One row per event is one prefix: the case up to and with that event. Every feature rests on events at or before the prefix's moment,
in this case and in others. In particular the load counts a case as open by what had been seen of it by then: it rests in its last
activity until its next event, until an end activity, or until it has been silent for longer than the settings allow.

Columns: case_no, case_id, position (from 1), occurred_at, started_at (of the case), activity, then the features. Times are seconds.
"""

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from lake.connection import quote
from mining.sql_text import literal, literals

if TYPE_CHECKING:
    from mining.event_log import EventLog
    from models.cases.case_settings import CaseSettings

COUNTED = 40  # activities with a count of their own, the most frequent ones: more would be columns of zeros
CATEGORIES = ("activity", "previous_1", "previous_2", "previous_3", "resource")
_BASE = (
    "prefix_length",
    "elapsed_seconds",
    "seconds_since_last",
    "working_elapsed_seconds",
    "working_seconds_since_last",
    "waiting_seconds",
    "service_seconds",
    "second_of_day",
    "weekday",
    "month",
    "distinct_activities",
    "repeats",
    "open_cases",
    "open_in_activity",
    "open_at_resource",
    "arrivals_7_days",
    "events_1_day",
    "resource_events_7_days",
    "recent_seconds_in_activity",
)
_numbers = count(1)


@dataclass(frozen=True)
class Prefixes:
    """A table of prefixes on a log's connection.

    Attributes:
        table: Its name, as SQL.
        categories: Feature columns of type varchar.
        numbers: Feature columns of type double.
    """

    table: str
    categories: tuple[str, ...]
    numbers: tuple[str, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """All feature columns, categories first."""
        return (*self.categories, *self.numbers)


def prefixes_of(log: "EventLog", settings: "CaseSettings") -> Prefixes:
    """Makes the table of all prefixes of the cases a log keeps, in the connection's temporary schema.

    Args:
        log: The event log.
        settings: What ends a case, the calendar, the attributes known in time, and the activities that are counted.
    """
    number = next(_numbers)
    events, load, table = (f"temp.main.case_{part}_{number}" for part in ("events", "load", "prefixes"))
    log.connection.execute(f"create or replace temp table {events} as {_events(log, settings)}")
    log.connection.execute(f"create or replace temp table {load} as {_load(events, settings)}")
    log.connection.execute(f"create or replace temp table {table} as {_features(log, events, load, settings)}")
    log.connection.execute(f"drop table {events}")
    log.connection.execute(f"drop table {load}")
    categories = (*CATEGORIES, *(f"attribute {name}" for name in settings.texts))
    counts = tuple(f"count {activity}" for activity in settings.counted)
    return Prefixes(table, categories, (*_BASE, *counts, *(f"attribute {name}" for name in settings.numbers)))


def drop(log: "EventLog", prefixes: Prefixes) -> None:
    """Drops the table."""
    log.connection.execute(f"drop table if exists {prefixes.table}")


def _events(log: "EventLog", settings: "CaseSettings") -> str:
    """The events with their neighbours in the case, and the attributes as last told by then."""
    columns = log.events.columns
    began = "try_cast(e.started_at as timestamptz)" if "started_at" in columns else "null::timestamptz"
    resource = "try_cast(e.resource as varchar)" if "resource" in columns else "null::varchar"
    told = "".join(
        f", last_value({_cast(name, kind)} ignore nulls) over in_case as {quote('attribute ' + name)}"
        for kind, names in (("varchar", settings.texts), ("double", settings.numbers))
        for name in names
    )
    return f"""select c.case_no, c.case_id, c.started_at, a.activity, e.occurred_at, {resource} as resource,
    case when {began} <= e.occurred_at then {began} end as began_at, row_number() over in_case as position,
    lag(e.occurred_at) over in_case as last_at, lead(e.occurred_at) over in_case as next_at,
    lag(a.activity) over in_case as previous_1, lag(a.activity, 2) over in_case as previous_2,
    lag(a.activity, 3) over in_case as previous_3,
    coalesce(a.activity in ({literals(settings.end_activities)}), false) as is_end{told}
from ({log.rows_sql()}) as e join {log.events.layout.cases} as c using (case_id)
    join {log.events.layout.activities} as a using (activity)
window in_case as (partition by c.case_no order by e.occurred_at, e.source_row)"""


def _cast(name: str, kind: str) -> str:
    return f"try_cast(e.{quote(name)} as {kind})"


def _load(events: str, settings: "CaseSettings") -> str:
    """How many cases rest where, after every moment at which that changes: in all, per activity and per resource."""
    silent = f"occurred_at + {literal(settings.silent_seconds)} * interval 1 second"
    return f"""with resting as (
    select activity, resource, occurred_at as since, least(coalesce(next_at, {silent}), {silent}) as until
    from {events} where not is_end
), steps as (
    select activity, resource, since as moment, 1 as step from resting
    union all select activity, resource, until, -1 from resting
), kinds as (
    select 'all' as kind, '' as place, moment, sum(step) as step from steps group by moment
    union all select 'activity', activity, moment, sum(step) from steps group by activity, moment
    union all select 'resource', resource, moment, sum(step) from steps where resource is not null group by resource, moment
)
select kind, place, moment, sum(step) over (partition by kind, place order by moment) as load from kinds"""


def _features(log: "EventLog", events: str, load: str, settings: "CaseSettings") -> str:
    time = settings.calendar.on_log(log)
    wall = f"timezone({literal(settings.calendar.time_zone)}, e.occurred_at)"
    counts = "".join(
        f", (count(*) filter (e.activity = {literal(activity)}) over so_far)::double as {quote('count ' + activity)}"
        for activity in settings.counted
    )
    told = "".join(f", e.{quote('attribute ' + name)}" for name in (*settings.texts, *settings.numbers))
    loads = "\n".join(
        f"asof left join (select * from {load} where kind = '{kind}') as {kind}_load "
        f"on {kind}_load.place = {place} and {kind}_load.moment <= e.occurred_at"
        for kind, place in (("all", "''"), ("activity", "e.activity"), ("resource", "e.resource"))
    )
    return f"""with stays as (
    select activity, next_at as moment, avg(epoch_us(next_at) - epoch_us(occurred_at)) / 1e6 as seconds
    from {events} where next_at is not null group by activity, next_at
), recent as (
    select activity, moment, avg(seconds) over (partition by activity order by moment rows between 20 preceding and current
    row) as seconds
    from stays
), arrivals as (
    select started_at as moment, count(*) as cases from {events} where position = 1 group by started_at
), arrived as (
    select moment, sum(cases) over (order by moment) as so_far from arrivals
)
select e.case_no, e.case_id, e.position, e.occurred_at, e.started_at, e.activity, e.previous_1, e.previous_2, e.previous_3,
    e.resource, e.next_at, e.position::double as prefix_length,
    (epoch_us(e.occurred_at) - epoch_us(e.started_at)) / 1e6 as elapsed_seconds,
    (epoch_us(e.occurred_at) - epoch_us(e.last_at)) / 1e6 as seconds_since_last,
    {time.seconds_sql("e.started_at", "e.occurred_at")} as working_elapsed_seconds,
    {time.seconds_sql("e.last_at", "e.occurred_at")} as working_seconds_since_last,
    (epoch_us(e.began_at) - epoch_us(e.last_at)) / 1e6 as waiting_seconds,
    (epoch_us(e.occurred_at) - epoch_us(e.began_at)) / 1e6 as service_seconds,
    epoch({wall}::time)::double as second_of_day, isodow({wall})::double as weekday, month({wall})::double as month,
    (count(*) filter (e.first_here) over so_far)::double as distinct_activities,
    (count(*) filter (not e.first_here) over so_far)::double as repeats,
    coalesce(all_load.load, 0)::double as open_cases, coalesce(activity_load.load, 0)::double as open_in_activity,
    resource_load.load::double as open_at_resource,
    (arrived.so_far - coalesce(before.so_far, 0))::double as arrivals_7_days,
    (count(*) over (order by e.occurred_at range between interval 1 day preceding and current row))::double as events_1_day,
    case when e.resource is not null then (count(*) over (partition by e.resource order by e.occurred_at
        range between interval 7 day preceding and current row))::double end as resource_events_7_days,
    recent.seconds as recent_seconds_in_activity{counts}{told}
from (select *, row_number() over (partition by case_no, activity order by position) = 1 as first_here from {events}) as e
{loads}
asof left join recent on recent.activity = e.activity and recent.moment <= e.occurred_at
asof left join arrived on arrived.moment <= e.occurred_at
asof left join arrived as before on before.moment <= e.occurred_at - interval 7 day
window so_far as (partition by e.case_no order by e.position rows between unbounded preceding and current row)"""
