"""KPI series: read from the products, put on a gapless calendar, and judged fit for forecasting or not.

What belongs here: values and dates of a series and what is wrong with them. What does not: forecasting them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal
from urllib.parse import quote

import numpy as np

Grain = Literal["daily", "weekly", "monthly"]
Aggregation = Literal["sum", "mean", "last", "quantile"]  # how days make up a longer period, and members a total
GRAINS: tuple[Grain, ...] = ("daily", "weekly", "monthly")
DAYS: dict[Grain, int] = {"daily": 1, "weekly": 7, "monthly": 30}  # roughly: dates are made by `period_at`, months differ
HORIZON: dict[Grain, int] = {"daily": 28, "weekly": 12, "monthly": 6}  # periods
SEASON: dict[Grain, int] = {"daily": 7, "weekly": 52, "monthly": 12}  # periods after which a series is thought to repeat itself
LARGEST_GAP_SHARE = 0.4  # a series with more of its periods missing says too little


def period_at(start: date, index: int, *, grain: Grain) -> date:
    """First day of the period that begins `index` periods after `start`; a month's is the first of the month."""
    if grain != "monthly":
        return start + timedelta(days=DAYS[grain] * index)
    months = start.year * 12 + start.month - 1 + index
    return date(months // 12, months % 12 + 1, 1)


def periods_between(start: date, day: date, *, grain: Grain) -> int:
    """How many periods after the one of `start` the one begins that holds `day`; negative where it lies before."""
    if grain != "monthly":
        return (day - start).days // DAYS[grain]
    return (day.year - start.year) * 12 + day.month - start.month


@dataclass(frozen=True)
class Series:
    """One KPI on a gapless calendar: `values[i]` is the value of the period that begins `i` periods after `start`.

    Attributes:
        dimension, member: What it is a part by, say ("team", "Sales South"); None and None for the total.
        aggregation: Whether periods and members add up ("sum"), or what else makes one of many.
        parent: Key of the series it adds up to; None for a total, and where members do not add up.
        findings: What the preparation found and did, one sentence each, for a person.
        is_intermittent: Whether most periods are empty (Syntetos, Boylan and Croston 2005: mean interval above 1.32).
        closed_days: Days of the history and the horizon on which the company does not work; empty where it never closes.
    """

    name: str
    title: str
    unit: str
    grain: Grain
    start: date
    values: np.ndarray
    missing: int = 0
    dimension: str | None = None
    member: str | None = None
    aggregation: Aggregation = "sum"
    parent: str | None = None
    findings: tuple[str, ...] = ()
    is_intermittent: bool = False
    closed_days: frozenset[date] = frozenset()

    def __len__(self) -> int:
        return len(self.values)

    @property
    def end(self) -> date:
        """First day of the last period."""
        return self.date_of(len(self) - 1)

    @property
    def is_non_negative(self) -> bool:
        """Whether the KPI has never been below zero, as counts, sums of money and durations have not."""
        return bool(self.values.min() >= 0)

    @property
    def key(self) -> str:
        """Name of the series among those of all grains and members, and of its registered model."""
        return series_key(self.name, self.grain, dimension=self.dimension, member=self.member)

    def date_of(self, index: int) -> date:
        """First day of the period at `index`, which may lie beyond the end."""
        return period_at(self.start, index, grain=self.grain)

    def head(self, length: int) -> "Series":
        """The first `length` periods."""
        return replace(self, values=self.values[:length])

    def points_after(self, day: date) -> int:
        """How many periods begin after `day`."""
        return max(0, periods_between(day, self.end, grain=self.grain))


def series_key(name: str, grain: Grain, *, dimension: str | None = None, member: str | None = None) -> str:
    """`daily_orders` for a total, `daily_orders.team.Sales South` for a member; other marks are quoted."""
    total = f"{grain}_{name}"
    return total if dimension is None else f"{total}.{dimension}.{quote(member or '', safe=' ')}"


def on_calendar(
    name: str, periods: Sequence[date], values: Sequence[float | None], *, grain: Grain, title: str = "", unit: str = ""
) -> Series:
    """Puts points on a gapless calendar, whatever their order, and says in `findings` what was amiss.

    Missing, infinite and not-a-number periods are interpolated, those at the ends cut off; of several points of one period the
    last counts.
    """
    made = Series(name, title or name, unit, grain, min(periods, default=date(1970, 1, 1)), np.empty(0))
    if not len(periods):
        return made
    start = made.date_of(0)
    dense = np.full(periods_between(start, max(periods), grain=grain) + 1, np.nan)
    places = np.array([periods_between(start, period, grain=grain) for period in periods])
    given = np.array([np.nan if value is None else value for value in values], dtype=float)
    dense[places] = given
    findings = []
    if twice := len(places) - len(np.unique(places)):
        findings.append(f"{twice} points of periods that have another were left out, the last counts")
    if infinite := int(np.isinf(given).sum()):
        findings.append(f"{infinite} infinite values were taken as missing")
    known = np.flatnonzero(np.isfinite(dense))
    if not len(known):
        return replace(made, missing=len(dense), findings=(*findings, "no period has a value"))
    filled = np.interp(np.arange(known[0], known[-1] + 1), known, dense[known])
    if gaps := len(filled) - len(known):
        findings.append(f"{gaps} of {len(filled)} periods had no value and were interpolated")
    first = period_at(start, int(known[0]), grain=grain)
    return replace(made, start=first, values=filled, missing=gaps, findings=tuple(findings))


def reason_to_skip(series: Series, *, least: int) -> str | None:
    """Why the series cannot be forecast, in words for a person; None if it can."""
    if len(series) < least:
        return f"it has {len(series)} {series.grain} points and needs {least}"
    if series.missing > LARGEST_GAP_SHARE * len(series):
        return f"{series.missing} of its {len(series)} periods have no value"
    if not series.values.any():
        return "all its values are zero"
    if np.ptp(series.values) == 0:
        return f"its value never changes from {series.values[0]:g}"
    return None
