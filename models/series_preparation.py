"""What is unusual about a series, and what is done about it before it is forecast: every finding is a sentence for a person.

What belongs here: outliers, level shifts, intermittent demand, short and constant series, the partial last period. What does not:
the calendar's gaps (`models.series.on_calendar`), which are closed while it is read, and forecasting.

- Outlier: further from the median of its neighbourhood and season than 6 robust standard deviations (1.4826 * median absolute
  deviation, the Hampel identifier). It is pulled back to that bound. At most 2 % of the periods are: what is more frequent is no
  outlier. The last season is left as it is, because a change may begin there, and so are closed days.
- Level shift: the medians of the `SHIFT_WINDOW` periods before and after differ by more than 6 of their standard errors. It is only
  told: the default forecasters follow a new level within some periods.
- Intermittent: mean interval between demands (ADI) of 1.32 or more on days that are worked on; with the squared coefficient of
  variation of the demands (0.49) that gives the four classes of Syntetos, Boylan and Croston (2005).
"""

import calendar
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from models.series import DAYS, SEASON, Grain, Series

ROBUST = 1.4826  # median absolute deviations in a standard deviation of normal values
FAR = 6.0  # standard deviations
MOST_OUTLIERS = 0.02
SHORTEST = 8  # periods; with fewer nothing can be said of neighbourhoods
SHIFT_WINDOW: dict[Grain, int] = {"daily": 28, "weekly": 8, "monthly": 6}
ADI, CV2 = 1.32, 0.49


def prepare(series: Series, *, total_since: date | None = None) -> Series:
    """The series as it is to be forecast, with everything found said in `findings`.

    Args:
        series: On its gapless calendar, of any length.
        total_since: When the total begins whose member this is; a member that begins later is new.
    """
    findings = list(series.findings)
    if not len(series):
        return replace(series, findings=tuple(findings or ["no period has a value"]))
    if series.member is not None and total_since is not None and series.start > total_since:
        findings.append(f"{series.member} has no history before {series.start}")
    if flat := _flat(series):
        return replace(series, findings=(*findings, flat))
    if len(series) < 2 * _season(series):
        findings.append(f"with {len(series)} {series.grain} periods it is too short for a season to be seen")
    demand, is_intermittent = demand_class(series)
    if is_intermittent:
        return replace(series, findings=(*findings, demand), is_intermittent=True)
    pulled, told = _without_outliers(series)
    if shift := level_shift(pulled):
        day, before, after = shift
        told.append(f"its level shifted from {before:.4g} to {after:.4g} about {day}")
    return replace(pulled, findings=(*findings, *told))


def without_partial_end(series: Series, known_until: date | None) -> Series:
    """Cuts off the last period if it ends after the last day that is known: half a week is not a low week."""
    if not len(series) or known_until is None or _last_day(series) <= known_until:
        return series
    told = f"the period from {series.end} on is not over and was left out"
    return replace(series.head(len(series) - 1), findings=(*series.findings, told))


def demand_class(series: Series) -> tuple[str, bool]:
    """Which of the four classes of demand it is, in words with its figures, and whether that is an intermittent one."""
    values = series.values[_open(series)]
    demands = values[values != 0]
    if not len(demands):
        return "all its values are zero", False
    interval = len(values) / len(demands)
    variation = float((demands.std() / demands.mean()) ** 2) if demands.mean() else np.inf
    names = {(False, False): "smooth", (False, True): "erratic", (True, False): "intermittent", (True, True): "lumpy"}
    name = names[interval >= ADI, variation >= CV2]
    return f"{name} demand: one in {interval:.3g} periods, squared coefficient of variation {variation:.3g}", interval >= ADI


def level_shift(series: Series) -> tuple[date, float, float] | None:
    """First period of the clearest shift of level with the medians before and after it; None where there is none."""
    window, season = SHIFT_WINDOW[series.grain], _season(series)
    open_periods = _open(series)
    values = _deseasoned(series.values, season)[open_periods]
    if len(values) < 2 * window:
        return None
    views = np.lib.stride_tricks.sliding_window_view(values, window)
    medians = np.median(views, axis=1)
    spreads = ROBUST * np.median(np.abs(views - medians[:, None]), axis=1)
    before, after = medians[:-window], medians[window:]
    error = np.sqrt((spreads[:-window] ** 2 + spreads[window:] ** 2) * np.pi / 2 / window)
    clear = np.abs(after - before) / np.maximum(error, _least_scale(values))
    best = int(np.argmax(clear))
    if clear[best] <= FAR:
        return None
    return series.date_of(int(open_periods[best + window])), float(before[best]), float(after[best])


def _flat(series: Series) -> str | None:
    if not series.values.any():
        return "all its values are zero"
    if len(series) == 1:
        return "it has one value only"
    return f"its value never changes from {series.values[0]:g}" if np.ptp(series.values) == 0 else None


def _without_outliers(series: Series) -> tuple[Series, list[str]]:
    if len(series) < max(SHORTEST, 2 * _season(series)):
        return series, []
    expected = _expected(series.values, _season(series))
    apart = series.values - expected
    places = _open(series)
    scale = max(ROBUST * float(np.median(np.abs(apart[places]))), _least_scale(series.values))
    far = np.zeros(len(series), dtype=bool)
    far[places] = np.abs(apart[places]) > FAR * scale
    far[len(series) - _season(series) :] = False
    if not far.any() or far.sum() > max(1, MOST_OUTLIERS * len(series)):
        return series, []
    values = np.where(far, expected + np.sign(apart) * FAR * scale, series.values)
    days = [str(series.date_of(int(index))) for index in np.flatnonzero(far)]
    named = ", ".join(days[:3]) + (f" and {len(days) - 3} more" if len(days) > 3 else "")
    return replace(series, values=values), [f"outliers were pulled back: {named}"]


def _expected(values: np.ndarray, season: int) -> np.ndarray:
    """The median of the neighbourhood plus the usual deviation of the phase, shape as given."""
    local = _running_median(values, 2 * season + 1 if season > 1 else 7)
    phase = np.arange(len(values)) % season
    usual = np.array([np.median((values - local)[phase == one]) for one in range(season)])
    return local + usual[phase]


def _deseasoned(values: np.ndarray, season: int) -> np.ndarray:
    """Without the usual deviation of each phase from its neighbourhood."""
    if season == 1 or len(values) < 2 * season:
        return values
    return values - (_expected(values, season) - _running_median(values, 2 * season + 1))


def _running_median(values: np.ndarray, width: int) -> np.ndarray:
    half = min(width, len(values)) // 2
    padded = np.pad(values, half, mode="reflect") if half else values
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1), axis=1)


def _least_scale(values: np.ndarray) -> float:
    """So that a series which hardly ever changes has no outlier in each small change."""
    return float(0.01 * np.abs(values).mean()) or 1e-9


def _season(series: Series) -> int:
    """Seven days; weeks and months have too few years to tell a phase's usual deviation."""
    return SEASON["daily"] if series.grain == "daily" else 1


def _open(series: Series) -> np.ndarray:
    """The indexes of periods that are worked on; all of them for weeks and months."""
    if series.grain != "daily" or not series.closed_days:
        return np.arange(len(series))
    return np.array([index for index in range(len(series)) if series.date_of(index) not in series.closed_days], dtype=int)


def _last_day(series: Series) -> date:
    if series.grain == "monthly":
        return series.end.replace(day=calendar.monthrange(series.end.year, series.end.month)[1])
    return series.end + timedelta(days=DAYS[series.grain] - 1)
