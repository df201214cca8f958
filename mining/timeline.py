"""The events with what the mining layout leaves out: when each began, who did it, and what came before it in its case.

What belongs here: that one table, and asking questions of it. What does not: the questions (`mining.performance`,
`mining.people` and those beside them).

An event log may have the columns `started_at` and `resource`; either may be missing or null. A start after the event's end is no
start: the event counts as one without, and is flagged, so that a figure of it can be shown.
"""

from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

    from mining.event_log import EventLog, Events

_numbers = count(1)


def build(events: "Events") -> str:
    """Makes the timeline of a log's events in the connection's temporary schema and returns its name, as SQL.

    One row per event: case_no, activity_id, position (from 1), occurred_at, started_at (null: unknown), starts_after_end, resource
    (null: nobody is told), and of the event before it in its case previous_activity, previous_resource and entered_at, its end.
    """
    table, layout = f"temp.main.timeline_{next(_numbers)}", events.layout
    start, resource = _column(events, "started_at", "timestamptz"), _column(events, "resource", "varchar")
    events.connection.execute(f"""
        create temp table {table} as
        with source as (
            select case_id, activity, occurred_at, source_row, {start} as started_at, {resource} as resource
            from ({events.sql}) as e
        )
        select c.case_no, a.activity_id, row_number() over in_case as position, s.occurred_at,
            case when s.started_at <= s.occurred_at then s.started_at end as started_at,
            coalesce(s.started_at > s.occurred_at, false) as starts_after_end, s.resource,
            lag(a.activity_id) over in_case as previous_activity, lag(s.resource) over in_case as previous_resource,
            lag(s.occurred_at) over in_case as entered_at
        from source as s join {layout.cases} as c using (case_id) join {layout.activities} as a using (activity)
        window in_case as (partition by c.case_no order by s.occurred_at, s.source_row)""")
    return table


def ask(log: "EventLog", question: str) -> "duckdb.DuckDBPyRelation":
    """Asks a question over `timeline` (see `build`), of the cases the log's filters keep, and over what `EventLog.ask` knows."""
    names = f"with timeline as (select t.* from {log.events.timeline} as t semi join kept on kept.case_no = t.case_no)"
    more = question.removeprefix("with ")
    return log.ask(f"{names}{',' if more != question else ''}\n{more}")


def _column(events: "Events", name: str, kind: str) -> str:
    return f"try_cast(e.{name} as {kind})" if name in events.columns else f"null::{kind}"
