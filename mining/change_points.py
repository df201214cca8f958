"""The statistics of change points: where the mean of one of many series of windows jumps, and how sure that is.

What belongs here: the scan over arrays. What does not: what the series are and how they are counted (`mining.drift`).

Every series has, per window, a number of items, the sum of their values and of their squares. A split is judged by the variance
between its two sides over that within, where *within* is the larger of the variance of items and of windows (an F test with as many
degrees of freedom as there are windows): whatever makes windows differ anyway, such as seasons, weekdays or queues, is no change.
If neighbouring windows resemble one another, the statistic shrinks by (1 - r) / (1 + r), r their correlation. The best of
all splits of all series is held to a level divided by their number (Bonferroni), so that false alarms are bounded, not only rare.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]

MARGIN = 4  # windows with items that each side of a split has at least
ITEMS = 20  # and items
LEAST_VARIANCE = 1e-6  # of scores and shares between 0 and 1, so that a variance of nothing proves nothing
MOST_CORRELATION = 0.9


@dataclass(frozen=True)
class Series:
    """Series of equal length, one per row.

    Attributes:
        items: Number of items per series and window.
        sums: Sum of their values.
        squares: Sum of their squares.
        are_counts: Per series, whether its value is a count, whose variance is at least its mean.
    """

    items: "Array"
    sums: "Array"
    squares: "Array"
    are_counts: "Array"

    def between(self, first: int, last: int) -> "Series":
        """The windows from `first` to before `last`."""
        return Series(self.items[:, first:last], self.sums[:, first:last], self.squares[:, first:last], self.are_counts)

    def merged(self, width: int) -> "Series":
        """The same in windows `width` times as wide; the last one may hold less."""
        import numpy as np

        starts = np.arange(0, self.items.shape[1], width)
        items, sums, squares = (np.add.reduceat(part, starts, axis=1) for part in (self.items, self.sums, self.squares))
        return Series(items, sums, squares, self.are_counts)


@dataclass(frozen=True)
class Split:
    """The best split of the best series.

    Attributes:
        series: Its row.
        window: The first window after the split.
        p_value: Probability of one as good without a change, for all splits and series together.
    """

    series: int
    window: int
    p_value: float


def best_split(series: Series) -> Split | None:
    """The most significant split of any series; None if no series is long enough for one."""
    import numpy as np
    from scipy import stats

    statistic, allowed = _statistics(series)
    if not allowed.any():
        return None
    rows = np.flatnonzero(allowed.any(axis=1))
    windows = np.where(allowed, statistic, -1.0).argmax(axis=1)
    shrunk = statistic[rows, windows[rows]] * _independence(series, rows, windows[rows] + 1)
    freedom = (series.items[rows] > 0).sum(axis=1) - 2
    p_values = stats.f.sf(shrunk, 1, freedom)
    ranked = sorted(zip(p_values, -shrunk, rows, strict=True))
    p_value, _, row = ranked[0]
    return Split(int(row), int(windows[row]) + 1, float(min(1.0, p_value * allowed.sum())))


def refined(series: Series, row: int, first: int, last: int) -> tuple[int, int, int]:
    """Where a series jumps most, among the splits before the windows `first` to `last`: that window, and the range that may be it.

    The range holds every split whose statistic is within that of a 95 % likelihood interval of the best.
    """
    import numpy as np

    one = Series(series.items[[row]], series.sums[[row]], series.squares[[row]], series.are_counts[[row]])
    statistic, _ = _statistics(one, margin=1, items=1)
    begin, end = max(first - 1, 0), min(last, statistic.shape[1])
    chosen = statistic[0, begin:end]
    best = int(chosen.argmax())
    near = np.flatnonzero(chosen >= chosen[best] - 3.84)
    return begin + best + 1, begin + int(near.min()) + 1, begin + int(near.max()) + 1


def compare_at(series: Series, window: int, width: int) -> tuple["Array", "Array", "Array"]:
    """Means of each series before and from a window on, and the p-value of their difference; nan where there are too few items.

    Args:
        series: Series of fine windows.
        window: First window of the later side.
        width: How many of them make a window whose spread is taken into account.
    """
    import numpy as np
    from scipy import stats

    sides = series.between(0, window), series.between(window, series.items.shape[1])
    counts = [side.items.sum(axis=1) for side in sides]
    with np.errstate(invalid="ignore", divide="ignore"):
        means = [side.sums.sum(axis=1) / count for side, count in zip(sides, counts, strict=True)]
        between = counts[0] * counts[1] / (counts[0] + counts[1]) * (means[0] - means[1]) ** 2
    wide = [side.merged(width) for side in sides]
    items, sums, squares = (np.hstack([getattr(side, part) for side in wide]) for part in ("items", "sums", "squares"))
    joined = Series(items, sums, squares, series.are_counts)
    variance, freedom = _variance(joined, between[:, None])
    rows = np.arange(len(between))
    independence = _independence(joined, rows, np.full(len(rows), wide[0].items.shape[1]))
    p_values = stats.f.sf(between / variance[:, 0] * independence, 1, np.maximum(freedom, 1))
    enough = (np.minimum(*counts) >= np.where(series.are_counts, MARGIN, ITEMS)) & (freedom >= 1)
    return means[0], means[1], np.where(enough, p_values, np.nan)


def _statistics(series: Series, *, margin: int = MARGIN, items: int = ITEMS) -> tuple["Array", "Array"]:
    """The F statistic of the split after every window but the last, and which splits are allowed."""
    import numpy as np

    count, total = series.items.cumsum(axis=1), series.sums.cumsum(axis=1)
    before, after = count[:, :-1], count[:, -1:] - count[:, :-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        difference = total[:, :-1] / before - (total[:, -1:] - total[:, :-1]) / after
        between = before * after / count[:, -1:] * difference**2
    between = np.nan_to_num(between, nan=0.0, posinf=0.0)
    filled = (series.items > 0).cumsum(axis=1)
    least = np.where(series.are_counts[:, None], margin, items)  # a count is one item per window
    enough = (np.minimum(before, after) >= least) & (np.minimum(filled[:, :-1], filled[:, -1:] - filled[:, :-1]) >= margin)
    return between / _variance(series, between)[0], enough


def _variance(series: Series, between: "Array") -> tuple["Array", "Array"]:
    """The variance within the sides of splits, and its degrees of freedom per series."""
    import numpy as np

    items, total = series.items.sum(axis=1), series.sums.sum(axis=1)
    filled = (series.items > 0).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        of_windows = np.nan_to_num(series.sums**2 / series.items).sum(axis=1) - total**2 / items
        of_items = series.squares.sum(axis=1) - total**2 / items
        windows = (of_windows[:, None] - between) / np.maximum(filled - 2, 1)[:, None]
        single = (of_items[:, None] - between) / np.maximum(items - 2, 1)[:, None]
        least = np.where(series.are_counts, np.maximum(total / items, LEAST_VARIANCE), LEAST_VARIANCE)[:, None]
    return np.nan_to_num(np.maximum(np.maximum(windows, single), least), nan=1.0), filled - 2


def _independence(series: Series, rows: Any, windows: Any) -> "Array":
    """What is left of a statistic where neighbouring windows are alike, per series split before a window: 1 for all of it."""
    import numpy as np

    items, sums = series.items[rows], series.sums[rows]
    later = np.arange(items.shape[1])[None, :] >= windows[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        means = [(sums * side).sum(axis=1, keepdims=True) / (items * side).sum(axis=1, keepdims=True) for side in (~later, later)]
        rest = np.nan_to_num((sums / items - np.where(later, means[1], means[0])) * np.sqrt(items))
        correlation = (rest[:, 1:] * rest[:, :-1]).sum(axis=1) / (rest**2).sum(axis=1)
    kept = np.clip(np.nan_to_num(correlation), 0.0, MOST_CORRELATION)
    return (1 - kept) / (1 + kept)
