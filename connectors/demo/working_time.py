"""When people work: office and warehouse hours in Europe/Berlin without weekends, German holidays and the days between the years.

What belongs here: calendars and the arithmetic of working time. What does not: who works (`connectors.demo.staff`) and how much
there is to do (`connectors.demo.demand`).

Moments are whole Unix seconds throughout the demo company; they become timestamps only when they are written.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")
FIRST_DAY = date(2024, 1, 1)
LAST_DAY = date(2040, 12, 31)  # the calendars end here, and with them the demo company
SECONDS_PER_DAY = 86_400

OFFICE_HOURS = ((time(8), time(12)), (time(12, 45), time(17)))
WAREHOUSE_HOURS = ((time(6), time(10)), (time(10, 30), time(14, 30)))


@dataclass(frozen=True)
class WorkingTime:
    """A calendar as sorted intervals of working time, with the working seconds passed before each."""

    starts: Sequence[int]
    ends: Sequence[int]
    passed_at_end: Sequence[int]

    def add(self, moment: int, seconds: int) -> int:
        """The moment at which `seconds` (at least 1) of working time have passed since `moment`."""
        index = bisect_right(self.ends, moment)
        begin = max(moment, self.starts[index])
        target = self.passed_at_end[index] - (self.ends[index] - begin) + max(seconds, 1)
        end = bisect_left(self.passed_at_end, target, lo=index)
        return self.ends[end] - (self.passed_at_end[end] - target)

    def is_working(self, moment: int) -> bool:
        """Whether people are at work then; the last second of a shift counts."""
        index = bisect_left(self.ends, moment)
        return index < len(self.ends) and self.starts[index] <= moment


@lru_cache(maxsize=2)
def working_time(hours: tuple[tuple[time, time], ...]) -> WorkingTime:
    """The calendar of these daily hours over every working day."""
    intervals = [(moment_of(day, begin), moment_of(day, end)) for day in days(FIRST_DAY) if is_workday(day) for begin, end in hours]
    passed, total = [], 0
    for begin, end in intervals:
        total += end - begin
        passed.append(total)
    return WorkingTime(starts=[begin for begin, _ in intervals], ends=[end for _, end in intervals], passed_at_end=passed)


def days(first: date, last: date = LAST_DAY) -> Iterator[date]:
    """Every day from `first` to `last`, both included."""
    day = first
    while day <= last:
        yield day
        day += timedelta(days=1)


@lru_cache(maxsize=8192)
def is_workday(day: date) -> bool:
    """Whether the company is open that day (North Rhine-Westphalia; closed on 24 and 31 December)."""
    closed = (day.month, day.day) in {(12, 24), (12, 31)}
    return day.weekday() < 5 and not closed and day not in _holidays()


def moment_of(day: date, at: time = time(0)) -> int:
    """Unix seconds of a local time in Berlin."""
    return int(datetime.combine(day, at, ZONE).timestamp())


def utc_midnight(day: date) -> int:
    """Unix seconds of a day's beginning in UTC: the simulation's horizons."""
    return int(datetime.combine(day, time(0), UTC).timestamp())


def local_date(moment: int) -> date:
    """The date in Berlin at that moment."""
    return datetime.fromtimestamp(moment, ZONE).date()


@lru_cache(maxsize=1)
def _holidays() -> frozenset[date]:
    import holidays

    return frozenset(holidays.country_holidays("DE", subdiv="NW", years=range(FIRST_DAY.year, LAST_DAY.year + 1)))
