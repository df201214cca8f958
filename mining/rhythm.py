"""When a process is worked at: events by weekday and hour of the day, by the clock on the wall.

What belongs here: that count. What does not: working hours (`mining.calendars`) and counts over time (`mining.kernels`).
"""

from typing import TYPE_CHECKING

from mining.sql_text import literal

if TYPE_CHECKING:
    import duckdb

    from mining.event_log import EventLog


def weekday_hours(log: "EventLog", *, time_zone: str = "UTC", activity: str | None = None) -> "duckdb.DuckDBPyRelation":
    """How many events end in each hour of the week.

    Args:
        log: The event log.
        time_zone: Whose clock, such as Europe/Berlin; a calendar's `time_zone`.
        activity: Only this activity; default: all.

    Returns:
        weekday (1 Monday to 7), hour (0 to 23), events, cases; hours without an event have no row.
    """
    only = "" if activity is None else f" join activities using (activity_id) where activity = {literal(activity)}"
    return log.ask(f"""with clocked as (
    select case_no, timezone({literal(time_zone)}, occurred_at) as local_at from events{only}
)
select isodow(local_at) as weekday, hour(local_at) as hour, count(*) as events, count(distinct case_no) as cases
from clocked group by all order by weekday, hour""")
