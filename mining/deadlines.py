"""Which cases were late: service-level agreements between two activities, and due dates that the cases themselves name.

What belongs here: counting what was met, breached and is still open. What does not: where the time was lost
(`mining.performance`) and rules of order.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lake.connection import quote
from lake.errors import DataError
from mining.sql_text import literal, no_rows

if TYPE_CHECKING:
    import duckdb

    from mining.calendars import WorkingCalendar
    from mining.event_log import EventLog

DUE_DATES = (
    "name varchar, attribute varchar, activity varchar, cases bigint, cases_without bigint, met bigint, breached bigint, "
    "open_in_time bigint, open_late bigint, breach_share double, mean_late_seconds double"
)
_KEYS = ("name", "from", "to", "within_hours")


def sla_breaches(
    log: "EventLog", slas: Iterable[Mapping[str, Any]], *, calendar: "WorkingCalendar | None" = None
) -> "duckdb.DuckDBPyRelation":
    """How each agreement was kept: from a case's first `from` to its first `to` at or after that.

    Args:
        log: The event log. It is taken to end with its last event: what is open then is open still, even in a case that
            ended otherwise.
        slas: Agreements as in a process definition: name, from, to, within_hours, text, and `working_time: true` if the hours are
            working hours.
        calendar: The working calendar for those.

    Returns:
        name, text, source, target, within_hours, is_working_time, cases with the source, met, breached, open_in_time, open_late,
        breach_share (breached and open_late, of all cases whose fate is known: all but open_in_time), mean_, median_, p90_seconds
        of those that came to the target, and late_seconds: how long beyond their deadline those were in all.

    Raises:
        DataError: An agreement lacks one of its settings.
    """
    from mining.calendars import WorkingCalendar

    clock = {False: WorkingCalendar().on_log(log), True: (calendar or WorkingCalendar()).on_log(log)}
    parts = [
        _sla(number, checked_agreement(sla), clock[bool(sla.get("working_time"))].seconds_sql) for number, sla in enumerate(slas)
    ] or [_sla(0, _NOTHING, clock[False].seconds_sql, condition="false")]
    return log.ask(f"select * exclude (place) from ({' union all '.join(parts)}) order by place")


def due_date_breaches(log: "EventLog", *, due: str, activity: str | None = None) -> "duckdb.DuckDBPyRelation":
    """How many cases were done by the date they themselves name.

    Args:
        log: The event log.
        due: Column of the case view with the date; a day without a time is over at its end (UTC). Of several values in a case the
            last counts.
        activity: What must have happened by then, at its first time; default: the case's last event.

    Returns:
        One row: cases with a due date, cases_without, met, breached, open_in_time, open_late (the activity has not happened when
        the log ends), breach_share as for `sla_breaches`, mean_late_seconds of those that were done late.

    Raises:
        DataError: The log has no such column.
    """
    if due not in log.events.columns:
        raise DataError(f"The event log has no attribute `{due}`.", remedy=f"It has: {', '.join(log.events.columns)}.", column=due)
    kind = log.connection.sql(f"select {quote(due)} from ({log.events.sql})").types[0]
    day = " + interval 1 day - interval 1 microsecond" if str(kind) == "DATE" else ""
    done = "max(e.occurred_at)" if activity is None else f"min(e.occurred_at) filter (e.activity = {literal(activity)})"
    return log.ask(f"""with dated as (
    select arg_max(try_cast(e.{quote(due)} as timestamptz), e.source_row){day} as due_at, {done} as done_at
    from ({log.events.sql}) as e semi join kept on kept.case_id = e.case_id group by e.case_id
), judged as (select *, (select max(ended_at) from kept) as now, epoch_us(done_at) - epoch_us(due_at) as late from dated)
select count(due_at) as cases, count(*) filter (due_at is null) as cases_without, count(*) filter (done_at <= due_at) as met,
    count(*) filter (done_at > due_at) as breached, count(*) filter (done_at is null and now <= due_at) as open_in_time,
    count(*) filter (done_at is null and now > due_at) as open_late,
    {_share("done_at > due_at or (done_at is null and now > due_at)", "done_at is not null or now > due_at", "due_at is not null")},
    avg(late / 1e6) filter (late > 0) as mean_late_seconds
from judged""")


def due_dates(log: "EventLog", wanted: Iterable[Mapping[str, Any]]) -> "duckdb.DuckDBPyRelation":
    """The same for the due dates of a process definition, a row each: name, attribute, activity and the columns of one.

    Args:
        log: The event log.
        wanted: Due dates like {name: promised, attribute: promised_on, activity: Ship Goods}; else the case must end.

    Raises:
        DataError: One lacks its name or attribute, or the log has no such attribute.
    """
    found = None
    for one in wanted:
        if not one.get("name") or not one.get("attribute"):
            raise DataError(
                f"The due date {dict(one)!r} does not say its name and attribute.",
                remedy="Write {name: promised, attribute: promised_on, activity: Ship Goods}.",
            )
        names = f"{literal(one['name'])} as name, {literal(one['attribute'])} as attribute"
        row = due_date_breaches(log, due=one["attribute"], activity=one.get("activity")).project(
            f"{names}, {literal(one.get('activity'))}::varchar as activity, *"
        )
        found = row if found is None else found.union(row)
    return log.connection.sql(no_rows(DUE_DATES)) if found is None else found


_NOTHING = {"name": "", "from": "", "to": "", "within_hours": 0}


def _sla(number: int, sla: Mapping[str, Any], seconds: Callable[[str, str], str], *, condition: str = "true") -> str:
    source, target = literal(str(sla["from"])), literal(str(sla["to"]))
    hours = f"{float(sla['within_hours'])!r}::double"
    return f"""(with named as (
    select e.case_no, e.occurred_at, e.source_row, a.activity from events as e join activities as a using (activity_id)
    where a.activity in ({source}, {target})
), begun as (
    select case_no, min(occurred_at) as begun_at, arg_min(source_row, (occurred_at, source_row)) as begun_row
    from named where activity = {source} group by case_no
), ended as (
    select b.case_no, any_value(b.begun_at) as begun_at,
        min(n.occurred_at) filter (n.activity = {target} and (n.occurred_at, n.source_row) > (b.begun_at, b.begun_row)) as ended_at
    from begun as b join named as n using (case_no) group by b.case_no
), last as (select max(ended_at) as now from kept),
timed as (
    select ended_at is null as is_open, {seconds("begun_at", "coalesce(ended_at, now)")} as seconds, {hours} * 3600 as allowed
    from ended, last
)
select {number} as place, {literal(str(sla["name"]))} as name, {literal(str(sla.get("text") or sla["name"]))} as "text",
    {source} as source, {target} as target, {hours} as within_hours, {bool(sla.get("working_time"))} as is_working_time,
    count(*) as cases, count(*) filter (not is_open and seconds <= allowed) as met,
    count(*) filter (not is_open and seconds > allowed) as breached,
    count(*) filter (is_open and seconds <= allowed) as open_in_time, count(*) filter (is_open and seconds > allowed) as open_late,
    {_share("seconds > allowed", "not (is_open and seconds <= allowed)", "true")},
    avg(seconds) filter (not is_open) as mean_seconds, median(seconds) filter (not is_open) as median_seconds,
    quantile_cont(seconds, 0.9) filter (not is_open) as p90_seconds,
    coalesce(sum(seconds - allowed) filter (not is_open and seconds > allowed), 0) as late_seconds
from timed having {condition})"""


def _share(part: str, whole: str, among: str) -> str:
    """Share of the rows in `part` of those in `whole`, both among some; null of none."""
    return (
        f"count(*) filter (({among}) and ({part})) / nullif(count(*) filter (({among}) and ({whole})), 0)::double as breach_share"
    )


def checked_agreement(sla: Mapping[str, Any], *, keys: Sequence[str] = _KEYS) -> Mapping[str, Any]:
    """An agreement of a process definition, which must say these keys and a number of hours.

    Raises:
        DataError: It does not.
    """
    missing = [key for key in keys if sla.get(key) is None]
    if missing or isinstance(sla["within_hours"], bool) or not isinstance(sla["within_hours"], int | float):
        raise DataError(
            f"The agreement {dict(sla)!r} does not say {', '.join(missing) or 'within how many hours'}.",
            remedy="Write {name: credit_check, from: Credit Check Hold, to: Release Credit, within_hours: 24}.",
        )
    return sla
