"""Prefix features in SQL: what was known of a case, and of the cases around it, at each of its events.

What belongs here: the table of prefixes and its feature columns. What does not: what is predicted from them
(`models.cases.targets`) and models.

One row per event is one prefix: the case up to and with that event. Every feature rests on events at or before the prefix's moment,
in this case and in others. In particular the load counts a case as open by what had been seen of it by then: it rests in its last
activity until its next event, until an end activity, or until it has been silent for longer than the settings allow.

Columns: case_no, case_id, position (from 1), occurred_at, started_at (of the case), activity, then the features. Times are seconds.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
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
_QUESTIONS = {  # name: the history that is asked, its place, and as of when
    "open_cases": ("all", "''", "occurred_at"),
    "open_in_activity": ("activity", "activity", "occurred_at"),
    "open_at_resource": ("resource", "resource", "occurred_at"),
    "recent_seconds_in_activity": ("stays", "activity", "occurred_at"),
    "arrived": ("arrivals", "''", "occurred_at"),
    "arrived_before": ("arrivals", "''", "occurred_at - interval 7 day"),
}
_numbers = count(1)


@dataclass(frozen=True)
class Prefixes:
    """A table of prefixes on a log's connection.

    Attributes:
        table: Its name, as SQL.
        categories: Feature columns of type varchar.
        numbers: Feature columns of type double.
        now: Time of the log's last event.
    """

    table: str
    categories: tuple[str, ...]
    numbers: tuple[str, ...]
    now: datetime | None

    @property
    def features(self) -> tuple[str, ...]:
        """All feature columns, categories first."""
        return (*self.categories, *self.numbers)


def prefixes_of(log: "EventLog", settings: "CaseSettings", *, of: str = "true") -> Prefixes:
    """Makes the table of all prefixes of the cases a log keeps, in the connection's temporary schema.

    Args:
        log: The event log.
        settings: What ends a case, the calendar, the attributes known in time, and the activities that are counted.
        of: The cases whose prefixes are wanted, as an SQL condition on `case_no`, `last_event_at` and `now`, the time of the
            log's last event. What is known of the cases around them rests on all.
    """
    number = next(_numbers)
    events, around, table = (f"temp.main.case_{part}_{number}" for part in ("events", "around", "prefixes"))
    read = _kept(log, "read", _events(log, settings))
    histories = _kept(log, "histories", _histories(read, settings))
    wanted = f"""from {read} semi join (select case_no from (
    select case_no, max(occurred_at) as last_event_at, max(max(occurred_at)) over () as now from {read} group by case_no
) where {of}) using (case_no)"""
    log.connection.execute(f"create or replace temp table {events} as {_timed(log, wanted, settings)}")
    log.connection.execute(f"create or replace temp table {around} as {_around(histories, events)}")
    log.connection.execute(f"create or replace temp table {table} as {_features(events, around, settings)}")
    now = log.connection.execute(f"select max(occurred_at) from {read}").fetchone()
    for passing in (events, around):
        log.connection.execute(f"drop table {passing}")
    categories = (*CATEGORIES, *(f"attribute {name}" for name in settings.texts))
    counts = tuple(f"count {activity}" for activity in settings.counted)
    numbers = (*_BASE, *counts, *(f"attribute {name}" for name in settings.numbers))
    return Prefixes(table, categories, numbers, now[0] if now else None)


def _kept(log: "EventLog", name: str, sql: str) -> str:
    """A table of what is known of all cases, made once and kept as long as the log's connection is open; its name."""
    table = f"temp.main.case_{name}_{hashlib.sha256(sql.encode()).hexdigest()[:12]}"
    log.connection.execute(f"create temp table if not exists {table} as {sql}")
    return table


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
    coalesce(a.activity in ({literals(settings.end_activities)}), false) as is_end,
    (count(*) over (order by e.occurred_at range between interval 1 day preceding and current row))::double as events_1_day,
    case when {resource} is not null then (count(*) over (partition by {resource} order by e.occurred_at
        range between interval 7 day preceding and current row))::double end as resource_events_7_days{told}
from ({log.rows_sql()}) as e join {log.events.layout.cases} as c using (case_id)
    join {log.events.layout.activities} as a using (activity)
window in_case as (partition by c.case_no order by e.occurred_at, e.source_row)"""


def _timed(log: "EventLog", wanted: str, settings: "CaseSettings") -> str:
    """The events of the cases that are wanted, with working times.

    A statement of its own, for joins and windows would carry the calendar's lists along.
    """
    time = settings.calendar.on_log(log)
    return f"""select *, {time.seconds_sql("started_at", "occurred_at")} as working_elapsed_seconds,
    {time.seconds_sql("last_at", "occurred_at")} as working_seconds_since_last
{wanted}"""


def _cast(name: str, kind: str) -> str:
    return f"try_cast(e.{quote(name)} as {kind})"


def _histories(events: str, settings: "CaseSettings") -> str:
    """What became known of all cases, in the order of time: load, arrivals, stays. Columns: kind, place, moment, value."""
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
    union all select 'arrivals', '', started_at, count(*) from {events} where position = 1 group by started_at
), stays as (
    select activity, next_at as moment, avg(epoch_us(next_at) - epoch_us(occurred_at)) / 1e6 as seconds
    from {events} where next_at is not null group by activity, next_at
)
select kind, place, moment, (sum(step) over (partition by kind, place order by moment))::double as value from kinds
union all select 'stays', activity, moment, avg(seconds) over (partition by activity order by moment
    rows between 20 preceding and current row) from stays"""


def _around(histories: str, asking: str) -> str:
    """What was last known of the other cases at every event that asks, a row each: load, arrivals, recent stays.

    Each event asks each history for its latest entry. Histories and questions go through one window in the order of time: DuckDB
    1.5 takes minutes for the same as-of joins, which have no or few different keys.
    """
    asked = "\nunion all ".join(
        f"select '{name}', '{kind}', {place}, {moment}, case_no, position, null::double from {asking}"
        for name, (kind, place, moment) in _QUESTIONS.items()
    )
    answers = ", ".join(f"any_value(value) filter (name = '{name}') as {name}" for name in _QUESTIONS)
    return f"""with entries(name, kind, place, moment, case_no, position, value) as (
    select null, kind, place, moment, null, null, value from {histories}
    union all {asked}
), known as (
    select name, case_no, position, last_value(value ignore nulls) over (partition by kind, place
        order by moment, name is not null rows between unbounded preceding and current row) as value
    from entries
)
select case_no, position, {answers} from known where name is not null group by case_no, position"""


def _features(events: str, around: str, settings: "CaseSettings") -> str:
    wall = f"timezone({literal(settings.calendar.time_zone)}, e.occurred_at)"
    counts = "".join(
        f", (count(*) filter (e.activity = {literal(activity)}) over so_far)::double as {quote('count ' + activity)}"
        for activity in settings.counted
    )
    told = "".join(f", e.{quote('attribute ' + name)}" for name in (*settings.texts, *settings.numbers))
    return f"""select e.case_no, e.case_id, e.position, e.occurred_at, e.started_at, e.activity, e.resource,
    e.previous_1, e.previous_2, e.previous_3, e.next_at, e.position::double as prefix_length,
    (epoch_us(e.occurred_at) - epoch_us(e.started_at)) / 1e6 as elapsed_seconds,
    (epoch_us(e.occurred_at) - epoch_us(e.last_at)) / 1e6 as seconds_since_last,
    e.working_elapsed_seconds, e.working_seconds_since_last,
    (epoch_us(e.began_at) - epoch_us(e.last_at)) / 1e6 as waiting_seconds,
    (epoch_us(e.occurred_at) - epoch_us(e.began_at)) / 1e6 as service_seconds,
    epoch({wall}::time)::double as second_of_day, isodow({wall})::double as weekday, month({wall})::double as month,
    (count(*) filter (e.first_here) over so_far)::double as distinct_activities,
    (count(*) filter (not e.first_here) over so_far)::double as repeats,
    coalesce(o.open_cases, 0) as open_cases, coalesce(o.open_in_activity, 0) as open_in_activity, o.open_at_resource,
    o.arrived - coalesce(o.arrived_before, 0) as arrivals_7_days,
    e.events_1_day, e.resource_events_7_days,
    o.recent_seconds_in_activity{counts}{told}
from (select *, row_number() over (partition by case_no, activity order by position) = 1 as first_here from {events}) as e
join {around} as o using (case_no, position)
window so_far as (partition by e.case_no order by e.position rows between unbounded preceding and current row)"""
