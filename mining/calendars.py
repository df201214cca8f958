"""Working time: the seconds of an interval that fall into working hours, exact to the microsecond, in SQL.

What belongs here: what a working calendar is, reading it from a process definition, and the SQL that counts its time. What does
not: what is measured with it (`mining.kpis` and the analyses of performance).

A moment is working time if the clock on the wall of the calendar's time zone shows working hours of a working day then. So a
night shift lasts an hour longer when the clock is put back, and an hour less when it is put forward.

For SQL the calendar becomes one row of lists, by UTC day: the working time passed before that day and the working intervals of
it. A moment's working time is then two arithmetic steps and no join, an interval's the difference of two moments': 1 million
intervals take about 0.15 CPU-seconds, an as-of join twice as long.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lake.errors import DataError

if TYPE_CHECKING:
    import duckdb

    from mining.event_log import EventLog

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EARLIEST, LATEST = date(1970, 1, 1), date(2100, 12, 31)  # no calendar reaches further: holidays are not known there
_DAY = 86_400
_MARGIN = timedelta(days=366)  # around a log, for moments just outside it such as due dates
_REMEDY = (
    "Write a working calendar like {time_zone: Europe/Berlin, holidays: DE-NW, weekdays: [monday, friday], "
    'from: "08:00", to: "17:00", closed: ["12-24"]}, or hours per weekday as {hours: {monday: ["08:00-12:00", "13:00-17:00"]}}.'
)
_KEYS = {"time_zone", "holidays", "weekdays", "from", "to", "hours", "closed"}

Shift = tuple[int, int]  # seconds since local midnight; beyond 86,400 in the day after


@dataclass(frozen=True)
class WorkingCalendar:
    """Working hours of a week in a time zone, without holidays and days off; the default is always open.

    Attributes:
        time_zone: Name of the zone, such as Europe/Berlin.
        shifts: From Monday to Sunday, the working intervals that begin on that day. None: every moment is working time.
        holidays: Countries whose public holidays are free, such as DE, or DE-NW for a part of one.
        closed: Days off besides: dates (2025-01-02), or days of every year (12-24).
    """

    time_zone: str = "UTC"
    shifts: tuple[tuple[Shift, ...], ...] | None = None
    holidays: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()

    @classmethod
    def from_definition(cls, definition: Mapping[str, Any]) -> "WorkingCalendar":
        """The calendar under `working_calendar` of a process definition; one that is always open where there is none.

        Raises:
            DataError: The calendar cannot be read; the message says what is wrong and shows a right one.
        """
        said = definition.get("working_calendar") or {}
        if not isinstance(said, Mapping):
            raise DataError(f"The working calendar {said!r} has no settings.", remedy=_REMEDY)
        if unknown := sorted(set(said) - _KEYS):
            raise DataError(f"A working calendar has no {', '.join(unknown)}.", remedy=_REMEDY)
        if not set(said) - {"time_zone"}:
            return cls(_zone_name(said.get("time_zone", "UTC")))
        return cls(
            _zone_name(said.get("time_zone", "UTC")),
            _shifts(said),
            _countries(said.get("holidays")),
            tuple(_day_off(day) for day in _listed(said.get("closed"))),
        )

    @property
    def is_always(self) -> bool:
        """Whether every moment is working time, so that working time is time by the clock."""
        return self.shifts is None

    def intervals(self, first: date, last: date) -> list[tuple[int, int]]:
        """The working intervals of the days from `first` to `last` of the zone, as Unix seconds [begin, end), in order.

        An interval in which the clock is put back may appear in two pieces.
        """
        begin, end = (int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) for day in (first, last))
        if self.shifts is None:
            return [(begin, end + _DAY)]
        on_the_wall = _merged(self._on_the_wall(first - timedelta(days=1), last))
        pieces: list[tuple[int, int]] = []
        for since, until, offset in _offsets(ZoneInfo(self.time_zone), begin - 2 * _DAY, end + 3 * _DAY):
            pieces += _cut(on_the_wall, since, until, offset)
        first_second, last_second = _local(first, self.time_zone), _local(last + timedelta(days=1), self.time_zone)
        return [(max(a, first_second), min(b, last_second)) for a, b in sorted(pieces) if a < last_second and b > first_second]

    def on_log(self, log: "EventLog") -> "WorkingTime":
        """This calendar for the connection of a log, over the log's time and a year before and after."""
        bounds = log.connection.execute(f"select min(started_at)::date, max(ended_at)::date from {log.events.layout.cases}")
        first, last = bounds.fetchone() or (None, None)
        return self.on(log.connection, first or EARLIEST, last or EARLIEST)

    def on(self, connection: "duckdb.DuckDBPyConnection", first: date, last: date) -> "WorkingTime":
        """This calendar for a connection, which gets a temporary table and a macro of it unless it has them.

        Args:
            connection: A DuckDB connection; a read-only one will do.
            first: First day of interest. A year before it is covered, too, but none before 1970.
            last: Last day of interest. A year after it is covered, too, but none after 2100.
        """
        if self.is_always:
            return WorkingTime(self, EARLIEST, LATEST, None)
        first = max(min(first, LATEST), EARLIEST + _MARGIN) - _MARGIN
        last = min(max(last, EARLIEST), LATEST - _MARGIN) + _MARGIN
        time = WorkingTime(self, first, last, sha256(repr((self, first, last)).encode()).hexdigest()[:12])
        if not _exists(connection, time.table):
            _register(connection, time)
        return time

    def _on_the_wall(self, first: date, last: date) -> Iterator[tuple[int, int]]:
        """The shifts that begin on these days, in seconds of the zone's own clock since 1970."""
        free, shifts = _days_off(self, first, last), self.shifts or ()
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            if day not in free and f"{day:%m-%d}" not in self.closed and day.isoformat() not in self.closed:
                midnight = (day - EARLIEST).days * _DAY
                yield from ((midnight + begin, midnight + end) for begin, end in shifts[day.weekday()])


@dataclass(frozen=True)
class WorkingTime:
    """A calendar on a connection: what a statement needs to count its time there.

    Attributes:
        calendar: The calendar.
        first: First day covered.
        last: Last day covered.
        key: What tells its table and macro from others; None for a calendar that is always open and needs neither.
    """

    calendar: WorkingCalendar
    first: date
    last: date
    key: str | None

    @property
    def table(self) -> str:
        """The temporary table that holds the calendar."""
        return f"temp.main.calendar_{self.key}"

    def seconds_sql(self, start: str, end: str) -> str:
        """An SQL expression of type double: the working seconds from one moment to another; no join is needed.

        It is negative where the end is before the start, and null where either is null or outside the days covered. It may not
        stand inside a lambda, because DuckDB allows no subquery there.

        Args:
            start: SQL of a `timestamptz`.
            end: SQL of a `timestamptz`.
        """
        if self.key is None:
            return f"((epoch_us({end}) - epoch_us({start})) / 1e6)"
        return f"((working_us_{self.key}({end}) - working_us_{self.key}({start})) / 1e6)"


def _register(connection: "duckdb.DuckDBPyConnection", time: WorkingTime) -> None:
    """Makes the table, one row of lists with an entry per UTC day, and the macro that reads it."""
    import pyarrow

    first = (time.first - EARLIEST).days
    days = _by_utc_day(time.calendar.intervals(time.first, time.last), first, (time.last - EARLIEST).days)
    most = max((len(pieces) for pieces in days), default=0)
    columns: dict[str, list[int]] = {"passed": []}
    columns |= {f"{part}_{n}": [] for n in range(1, most + 1) for part in ("begin", "length")}
    passed = 0
    for pieces in days:
        columns["passed"].append(passed)
        for n in range(most):
            begin, end = pieces[n] if n < len(pieces) else (0, 0)
            columns[f"begin_{n + 1}"].append(begin * 1_000_000)
            columns[f"length_{n + 1}"].append((end - begin) * 1_000_000)
        passed += sum(end - begin for begin, end in pieces) * 1_000_000
    lists = pyarrow.list_(pyarrow.int64())
    connection.register("calendar_row", pyarrow.table({name: pyarrow.array([rows], lists) for name, rows in columns.items()}))
    connection.execute(f"create temp table {time.table} as from calendar_row")
    connection.unregister("calendar_row")
    connection.execute(_macro(time, first * _DAY * 1_000_000, most))


def _macro(time: WorkingTime, first: int, most: int) -> str:
    """A moment's working time since the calendar's first day in microseconds; list positions outside it give null."""
    day, rest = (f"(epoch_us(moment) - {first}) {operator} {_DAY * 1_000_000}" for operator in ("//", "%"))
    position = f"[case when epoch_us(moment) >= {first} then {day} + 1 end]"
    column = f"(select {{}} from {time.table}){position}"
    within = "".join(
        f" + greatest(0, least({rest} - {column.format(f'begin_{n}')}, {column.format(f'length_{n}')}))" for n in range(1, most + 1)
    )
    return f"create or replace temp macro working_us_{time.key}(moment) as ({column.format('passed')}{within})"


def _by_utc_day(intervals: Iterable[tuple[int, int]], first: int, last: int) -> list[list[tuple[int, int]]]:
    """The intervals cut at UTC midnights: per day from `first` to `last` (since 1970), seconds of the day."""
    days: list[list[tuple[int, int]]] = [[] for _ in range(first, last + 1)]
    for begin, end in intervals:
        for day in range(max(begin // _DAY, first), min((end - 1) // _DAY, last) + 1):
            midnight = day * _DAY
            days[day - first].append((max(begin - midnight, 0), min(end - midnight, _DAY)))
    return days


def _cut(on_the_wall: list[tuple[int, int]], since: int, until: int, offset: int) -> Iterator[tuple[int, int]]:
    """The intervals of a clock that is `offset` ahead of UTC, as far as they lie from `since` to `until`, in Unix seconds."""
    from bisect import bisect_right

    index = max(bisect_right(on_the_wall, (since + offset, since + offset)) - 1, 0)
    for begin, end in on_the_wall[index:]:
        if begin - offset >= until:
            return
        if end - offset > since:
            yield max(begin - offset, since), min(end - offset, until)


def _offsets(zone: ZoneInfo, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The stretches between two moments in which the clock is not changed: since, until, seconds ahead of UTC."""

    def ahead(moment: int) -> int:
        return int((datetime.fromtimestamp(moment, zone).utcoffset() or timedelta()).total_seconds())

    since, before = begin, ahead(begin)
    for moment in (*range(begin + _DAY, end, _DAY), end):
        after = ahead(moment)
        if after != before:
            low, high = moment - _DAY, moment
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if ahead(middle) == before else (low, middle)
            yield since, high, before
            since, before = high, after
    yield since, end, before


def _merged(intervals: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same time in intervals that neither overlap nor touch."""
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(intervals):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def _local(day: date, zone: str) -> int:
    """Unix seconds of a day's beginning in a zone."""
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp())


def _exists(connection: "duckdb.DuckDBPyConnection", table: str) -> bool:
    name = table.rpartition(".")[2]
    return bool(connection.execute(f"select 1 from duckdb_tables() where temporary and table_name = '{name}'").fetchone())


def _days_off(calendar: WorkingCalendar, first: date, last: date) -> set[date]:
    days: set[date] = set()
    for said in calendar.holidays:
        days |= set(_public_holidays(said, first.year, last.year))
    return days


def _public_holidays(said: str, first: int, last: int) -> Iterable[date]:
    """The public holidays of a country, or of a part of it after a dash."""
    import holidays

    country, _, part = said.partition("-")
    try:
        return holidays.country_holidays(country, subdiv=part or None, years=range(first, last + 1))
    except NotImplementedError as error:
        raise DataError(
            f"The holidays of {said!r} are not known.",
            remedy="Use a country's two letters, such as DE, with a part of it after a dash where there is one, such as DE-NW.",
        ) from error


def _countries(said: object) -> tuple[str, ...]:
    countries = tuple(str(one) for one in _listed(said))
    for country in countries:
        _public_holidays(country, 2024, 2024)
    return countries


def _shifts(said: Mapping[str, Any]) -> tuple[tuple[Shift, ...], ...]:
    """The shifts of a calendar's settings: `hours` of a weekday, else `from` and `to` on `weekdays`."""
    usual: tuple[Shift, ...] = (_shift(f"{said.get('from', '00:00')}-{said.get('to', '24:00')}"),)
    worked = [_weekday(day) for day in _listed(said.get("weekdays", WEEKDAYS[:5] if "hours" not in said else None))]
    shifts: list[tuple[Shift, ...]] = [usual if day in worked else () for day in WEEKDAYS]
    hours = said.get("hours") or {}
    if not isinstance(hours, Mapping):
        raise DataError(f"The hours {hours!r} name no weekdays.", remedy=_REMEDY)
    for day, spans in hours.items():
        shifts[WEEKDAYS.index(_weekday(day))] = tuple(_shift(span) for span in _listed(spans))
    if not any(shifts):
        raise DataError("The working calendar has no working hours.", remedy=_REMEDY)
    return tuple(shifts)


def _shift(span: object) -> Shift:
    """Seconds since midnight of a span such as 08:00-17:00; one that ends before it begins ends on the next day."""
    begin, dash, end = str(span).partition("-")
    since, until = _seconds(begin), _seconds(end)
    if not dash or since == until or since >= _DAY:
        raise DataError(f"{span!r} is no span of working hours.", remedy=_REMEDY)
    return (since, until) if until > since else (since, until + _DAY)


def _seconds(clock: str) -> int:
    parts = clock.strip().split(":")
    if not (2 <= len(parts) <= 3 and all(part.isdigit() for part in parts)):
        raise DataError(f"{clock!r} is no time of day.", remedy=_REMEDY)
    hours, minutes, seconds = (*map(int, parts), 0)[:3]
    total = hours * 3600 + minutes * 60 + seconds
    if minutes > 59 or seconds > 59 or total > _DAY:
        raise DataError(f"{clock!r} is no time of day.", remedy=_REMEDY)
    return total


def _weekday(said: object) -> str:
    found = [day for day in WEEKDAYS if len(str(said)) >= 2 and day.startswith(str(said).lower())]
    if not found:
        raise DataError(f"There is no weekday {said!r}.", remedy=f"Use {', '.join(WEEKDAYS)}.")
    return found[0]


def _day_off(said: object) -> str:
    text = str(said)
    try:
        date.fromisoformat(text if len(text) > 5 else f"2024-{text}")
    except ValueError as error:
        raise DataError(f"{said!r} is no day off.", remedy="Write 2025-01-02 for a date, 12-24 for a day of every year.") from error
    return text


def _listed(said: Any) -> list[Any]:
    if said is None:
        return []
    return list(said) if isinstance(said, list | tuple) else [said]


def _zone_name(said: object) -> str:
    try:
        ZoneInfo(str(said))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise DataError(f"There is no time zone {said!r}.", remedy="Use a name such as Europe/Berlin or UTC.") from error
    return str(said)
