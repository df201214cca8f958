"""KPI series: read from the products, put on a gapless calendar, and judged fit for forecasting or not.

What belongs here: values and dates of a series and what is wrong with them. What does not: forecasting them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import duckdb

Grain = Literal["daily", "weekly"]
GRAINS: tuple[Grain, ...] = ("daily", "weekly")
DAYS: dict[Grain, int] = {"daily": 1, "weekly": 7}
HORIZON: dict[Grain, int] = {"daily": 28, "weekly": 12}  # periods
SEASON: dict[Grain, int] = {"daily": 7, "weekly": 52}  # periods after which a series is thought to repeat itself
LARGEST_GAP_SHARE = 0.4  # a series with more of its periods missing says too little


@dataclass(frozen=True)
class Series:
    """One KPI on a gapless calendar: `values[i]` is the value of the period that begins `i` periods after `start`."""

    name: str
    title: str
    unit: str
    grain: Grain
    start: date
    values: np.ndarray
    missing: int = 0

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
        """Name of the series among those of both grains, and of its registered model."""
        return f"{self.grain}_{self.name}"

    def date_of(self, index: int) -> date:
        """First day of the period at `index`, which may lie beyond the end."""
        return self.start + timedelta(days=DAYS[self.grain] * index)

    def head(self, length: int) -> "Series":
        """The first `length` periods."""
        return replace(self, values=self.values[:length])

    def points_after(self, day: date) -> int:
        """How many periods begin after `day`."""
        return max(0, (self.end - day).days // DAYS[self.grain])


def read_series(connection: "duckdb.DuckDBPyConnection") -> list[Series]:
    """Every series of products.kpis__daily and products.kpis__weekly, in order of grain and name."""
    daily = _read_grain(connection, "daily")
    known_until = {series.name: series.end for series in daily}
    weekly = [_without_open_week(series, known_until.get(series.name)) for series in _read_grain(connection, "weekly")]
    return [*daily, *weekly]


def _read_grain(connection: "duckdb.DuckDBPyConnection", grain: Grain) -> list[Series]:
    rows = connection.execute(
        f"""select kpi, any_value(title), any_value(unit), list(period order by period), list(value::double order by period)
            from products.kpis__{grain} where period is not null group by kpi order by kpi"""
    ).fetchall()
    return [
        on_calendar(name, periods, values, grain=grain, title=title or name, unit=unit or "")
        for name, title, unit, periods, values in rows
    ]


def on_calendar(
    name: str, periods: Sequence[date], values: Sequence[float | None], *, grain: Grain, title: str = "", unit: str = ""
) -> Series:
    """Puts points on a gapless calendar: missing and not-a-number periods are interpolated, those at the ends cut off."""
    start, step = min(periods), DAYS[grain]
    dense = np.full((max(periods) - start).days // step + 1, np.nan)
    for period, value in zip(periods, values, strict=True):
        dense[(period - start).days // step] = np.nan if value is None else value
    known = np.flatnonzero(np.isfinite(dense))
    if not len(known):
        return Series(name, title or name, unit, grain, start, np.empty(0), missing=len(dense))
    filled = np.interp(np.arange(known[0], known[-1] + 1), known, dense[known])
    first = start + timedelta(days=int(known[0]) * step)
    return Series(name, title or name, unit, grain, first, filled, missing=len(filled) - len(known))


def _without_open_week(series: Series, known_until: date | None) -> Series:
    """Cuts off the last week if its Sunday lies beyond what the daily series knows: half a week is not a low week."""
    if not len(series) or known_until is None or series.end + timedelta(days=6) <= known_until:
        return series
    return series.head(len(series) - 1)


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
