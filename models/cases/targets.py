"""Targets in SQL: what became of a case after each of its prefixes, and whether it was already decided.

What belongs here: labels, and which cases have ended. What does not: features (`models.cases.prefixes`).

An outcome of a case is decided at the event from which on it can no longer change to the better: the first event after the
deadline,
the first that cancels, the first that repeats. From there on there is nothing left to predict, and such prefixes are neither learnt
from nor counted.
"""

from typing import TYPE_CHECKING

from mining.sql_text import literal, literals

if TYPE_CHECKING:
    from mining.event_log import EventLog
    from models.cases.case_settings import CaseSettings
    from models.cases.prefixes import Prefixes

OUTCOMES = ("late", "cancelled", "reworked")


def labelled_sql(log: "EventLog", prefixes: "Prefixes", settings: "CaseSettings") -> str:
    """A `select` of one row per prefix: everything of `prefixes`, and what became of its case.

    Besides: events (of the case), ended_at (its last event), has_ended, remaining_days, next_activity (null at the last
    event), and per outcome `<outcome>_at`, the position of the event that decides it (null: it never came to that).
    """
    decided = "\n".join(
        f"left join ({_decided(outcome, log, prefixes, settings)}) as {outcome} using (case_no)" for outcome in OUTCOMES
    )
    return f"""with last as (
    select case_no, max(position) as events, max(occurred_at) as ended_at, arg_max(activity, position) as last_activity
    from {prefixes.table} group by case_no
), cases as (
    select *, coalesce(last_activity in ({literals(settings.end_activities)}), false)
        or ended_at + {literal(settings.silent_seconds)} * interval 1 second < {literal(prefixes.now)} as has_ended
    from last
)
select p.*, c.events, c.ended_at, c.has_ended, (epoch_us(c.ended_at) - epoch_us(p.occurred_at)) / 86400e6 as remaining_days,
    lead(p.activity) over (partition by p.case_no order by p.position) as next_activity,
    {", ".join(f"{outcome}.position as {outcome}_at" for outcome in OUTCOMES)}
from {prefixes.table} as p join cases as c using (case_no)
{decided}"""


def _decided(outcome: str, log: "EventLog", prefixes: "Prefixes", settings: "CaseSettings") -> str:
    """Case and position of the event that decides an outcome."""
    if outcome == "cancelled":
        condition = f"activity in ({literals(settings.cancelled)})"
    elif outcome == "reworked":
        among = "" if settings.reworked is None else f" and activity in ({literals(settings.reworked)})"
        condition = f"before > 0{among}"
    elif settings.slas:
        return _breached(log, prefixes, settings)
    else:
        condition = f"elapsed_seconds > {literal(settings.late_seconds)}"
    return f"""select case_no, min(position) as position from (
    select case_no, position, activity, elapsed_seconds,
        row_number() over (partition by case_no, activity order by position) - 1 as before from {prefixes.table}
) where {condition} group by case_no"""


def _breached(log: "EventLog", prefixes: "Prefixes", settings: "CaseSettings") -> str:
    """The first event after any agreement's deadline, or the late one itself."""
    from mining.calendars import WorkingCalendar

    parts = []
    for sla in settings.slas:
        time = (settings.calendar if sla.get("working_time") else WorkingCalendar()).on_log(log)
        source, target = literal(str(sla["from"])), literal(str(sla["to"]))
        parts.append(f"""select p.case_no, p.position from {prefixes.table} as p join (
    select b.case_no, b.begun_at, b.begun, min(p.position) filter (p.activity = {target} and p.position > b.begun) as done,
        min(p.occurred_at) filter (p.activity = {target} and p.position > b.begun) as done_at
    from (select case_no, min(occurred_at) as begun_at, min(position) as begun from {prefixes.table}
        where activity = {source} group by case_no) as b join {prefixes.table} as p using (case_no) group by all
) as s using (case_no)
where p.position > s.begun and p.position <= coalesce(s.done, p.position)
    and {time.seconds_sql("s.begun_at", "p.occurred_at")} > {float(sla["within_hours"]) * 3600!r}""")
    return f"select case_no, min(position) as position from ({' union all '.join(parts)}) group by case_no"
