"""The KPI series of the lake: read from products.kpis__series, with the calendar their files declare.

What belongs here: which series there are and what is known of each from its declaration. What does not: judging their values
(`models.series_preparation`) and forecasting them.
"""

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from lake.kpi_files import TOTAL, KpiCalendar, kpis
from models.series import HORIZON, Series, on_calendar, period_at, series_key
from models.series_preparation import prepare, without_partial_end

if TYPE_CHECKING:
    import duckdb

ADDITIVE = ("sum", "last")  # aggregations whose members add up to the total
_SERIES = f"""
    select kpi, grain, nullif(dimension, '{TOTAL}'), case when dimension <> '{TOTAL}' then member end, any_value(title),
        any_value(unit), any_value(aggregation), list(period order by period), list(value order by period),
        count(*) filter (is_filled)
    from products.kpis__series
    group by kpi, grain, dimension, member
    order by array_position(['daily', 'weekly', 'monthly'], grain), kpi, dimension <> '{TOTAL}', dimension, member"""


def read_series(connection: "duckdb.DuckDBPyConnection", *, members: bool = True) -> list[Series]:
    """Every series of products.kpis__series, prepared; totals before their members, in order of grain and name.

    Args:
        connection: A connection to the lake.
        members: Whether the members of dimensions are wanted too.

    Raises:
        duckdb.CatalogException: The table is not there.
        KpiFileError: The file of a KPI cannot be used.
    """
    found = [_made(row) for row in connection.execute(_SERIES).fetchall() if members or row[2] is None]
    known_until = {one.name: one.end for one in found if one.grain == "daily" and one.member is None and len(one)}
    first_days = {one.key: one.start for one in found}
    calendars = _closed_days(found)
    return [
        prepare(
            replace(without_partial_end(one, known_until.get(one.name)), closed_days=calendars.get(one.name, frozenset())),
            total_since=first_days.get(one.parent or series_key(one.name, one.grain)),
        )
        for one in found
    ]


def _made(row: tuple[Any, ...]) -> Series:
    name, grain, dimension, member, title, unit, aggregation, periods, values, filled = row
    one = on_calendar(name, periods, values, grain=grain, title=title if member is None else f"{title} · {member}", unit=unit)
    findings = one.findings
    if filled and aggregation != "sum":
        findings = (*findings, f"in {filled} of {len(one)} periods no row fell; the KPI's rule gave their values")
    return replace(
        one,
        dimension=dimension,
        member=member,
        aggregation=aggregation,
        parent=series_key(name, grain) if member is not None and aggregation in ADDITIVE else None,
        missing=one.missing + (filled if aggregation in ("mean", "quantile") else 0),
        findings=findings,
    )


def _closed_days(found: list[Series]) -> dict[str, frozenset[date]]:
    """By KPI the days off of its calendar, from the first period of all to the last of all horizons."""
    if not found:
        return {}
    first = min(one.start for one in found)
    last = max(period_at(one.start, len(one) + HORIZON[one.grain] + 1, grain=one.grain) for one in found)
    declared = {kpi.kpi: kpi.calendar for kpi in kpis() if kpi.calendar is not None}
    by_calendar = {calendar: days_off(calendar, first, last) for calendar in set(declared.values())}
    return {name: by_calendar[calendar] for name, calendar in declared.items()}


def days_off(calendar: KpiCalendar, first: date, last: date) -> frozenset[date]:
    """The days from `first` to `last` on which a calendar's company does not work.

    Raises:
        DataError: Its holidays or closed days cannot be read.
    """
    from datetime import UTC, datetime

    from mining.calendars import WorkingCalendar

    said = {"weekdays": list(calendar.weekdays), "from": "08:00", "to": "17:00"}
    more = {"holidays": calendar.holidays, "closed": list(calendar.closed)}
    working = WorkingCalendar.from_definition({"working_calendar": said | {name: value for name, value in more.items() if value}})
    open_days = {datetime.fromtimestamp(begin, UTC).date() for begin, _ in working.intervals(first, last)}
    every = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return frozenset(day for day in every if day not in open_days)
