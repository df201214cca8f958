"""How much there is to do on which day: weekdays, seasons, trend, the demand break, and arrivals drawn from it.

What belongs here: rates and arrival times. What does not: what arrives.
"""

from collections.abc import Callable, Generator
from datetime import date
from functools import lru_cache
from random import Random
from typing import Any

import simpy

from connectors.demo.planted import DEMAND_BREAK_FACTOR, DEMAND_BREAK_ON
from connectors.demo.working_time import FIRST_DAY, OFFICE_HOURS, SECONDS_PER_DAY, days, is_workday, moment_of, working_time

REFERENCE_LAST_DAY = date(2025, 12, 31)  # numbers are stated for these two years
MONTHS = (0.92, 0.95, 1.04, 1.00, 0.97, 0.98, 0.88, 0.84, 1.06, 1.12, 1.18, 1.06)
WEEKDAYS = (1.14, 1.08, 1.00, 0.96, 0.82, 0.0, 0.0)
GROWTH_PER_YEAR = 0.07

Rate = Callable[[date], float]
Place = Callable[[date, float], int]


def season(day: date) -> float:
    """Month and trend, around 1."""
    return MONTHS[day.month - 1] * (1 + GROWTH_PER_YEAR * (day - FIRST_DAY).days / 365)


def office_demand(day: date) -> float:
    """Relative demand that reaches people in the office."""
    return season(day) * WEEKDAYS[day.weekday()] if is_workday(day) else 0.0


def machine_demand(day: date) -> float:
    """Relative demand that reaches machines, which are on at all times."""
    return season(day) * (1.0 if is_workday(day) else 0.25)


def rate(weight: Rate, per_two_years: float, *, with_break: bool = False) -> Rate:
    """Expected arrivals per day so that two years bring `per_two_years` of them before the demand break is applied."""
    per_weight = per_two_years / _two_years(weight)

    def of_day(day: date) -> float:
        factor = DEMAND_BREAK_FACTOR if with_break and day >= DEMAND_BREAK_ON else 1.0
        return weight(day) * per_weight * factor

    return of_day


def in_office_hours(day: date, share: float) -> int:
    """The moment at which that share of the day's office hours has passed."""
    return working_time(OFFICE_HOURS).add(moment_of(day), max(1, int(share * _OFFICE_SECONDS)))


def around_the_clock(day: date, share: float) -> int:
    """The moment at which that share of the day has passed."""
    return moment_of(day) + int(share * (SECONDS_PER_DAY - 3600))  # one day a year has 23 hours


def arrivals(
    env: simpy.Environment, rng: Random, *, of_day: Rate, place: Place, begin: Callable[[], Generator[simpy.Event, Any, Any]]
) -> Generator[simpy.Event, Any, None]:
    """Starts a process for each arrival of a Poisson stream whose rate changes from day to day."""
    for day in days(FIRST_DAY):
        expected = of_day(day)
        position = rng.expovariate(1.0)
        while position < expected:
            yield env.timeout(max(0, place(day, position / expected) - int(env.now)))
            env.process(begin())
            position += rng.expovariate(1.0)


@lru_cache(maxsize=8)
def _two_years(weight: Rate) -> float:
    return sum(weight(day) for day in days(FIRST_DAY, REFERENCE_LAST_DAY))


_OFFICE_SECONDS = sum((end.hour - begin.hour) * 3600 + (end.minute - begin.minute) * 60 for begin, end in OFFICE_HOURS)
