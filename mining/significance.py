"""Tests of significance from sufficient statistics, and corrections for asking many questions at once.

What belongs here: p-values and effect sizes of numbers that SQL has counted. What does not: counting (`mining.comparison`,
`mining.drift`) and the scan for change points (`mining.change_points`).
"""

from functools import lru_cache
from math import asin, sqrt
from typing import Any, Literal, NamedTuple

Correction = Literal["holm", "bh", "none"]
CORRECTIONS = ("holm", "bh", "none")
_FEW = 5.0  # expected cases below which the exact test is taken


class Tested(NamedTuple):
    """A test's outcome: its name, statistic, p-value (two-sided) and effect size."""

    test: str
    statistic: float | None
    p_value: float | None
    effect: float | None


UNTESTED = Tested("", None, None, None)


def mann_whitney(count_a: int, count_b: int, rank_sum_a: float, ties: float) -> Tested:
    """The Mann-Whitney U test with its normal approximation, corrected for ties and continuity, as SciPy's `asymptotic` method.

    Args:
        count_a: Values of one side.
        count_b: Values of the other.
        rank_sum_a: Sum of the first side's ranks among all values, equal values having their mean rank.
        ties: Sum of t³ - t over every t equal values.

    Returns:
        U of the first side as the statistic, and Cliff's delta: 1 if each of its values is above each of the others', -1 if below.
    """
    from scipy import stats

    n = count_a + count_b
    if not count_a or not count_b:
        return UNTESTED
    u = rank_sum_a - count_a * (count_a + 1) / 2
    pairs = count_a * count_b
    variance = pairs / 12 * (n + 1 - ties / (n * (n - 1)))
    z = (abs(u - pairs / 2) - 0.5) / sqrt(variance) if variance > 0 else 0.0
    return Tested("Mann-Whitney", u, min(1.0, 2 * float(stats.norm.sf(z))), 2 * u / pairs - 1)


@lru_cache(maxsize=4096)  # of thousands of rare paths most have one of a few hundred tables
def proportions(part_a: int, whole_a: int, part_b: int, whole_b: int) -> Tested:
    """Whether two shares differ: the chi-square test of the 2 x 2 table, Fisher's exact test where fewer than 5 are expected.

    Returns:
        Chi-square or the odds ratio as the statistic, and Cohen's h, the difference of the arcsines: 0.2 is small, 0.8 large.
    """
    from scipy import stats

    if not whole_a or not whole_b:
        return UNTESTED
    table = [[part_a, whole_a - part_a], [part_b, whole_b - part_b]]
    effect = 2 * asin(sqrt(part_a / whole_a)) - 2 * asin(sqrt(part_b / whole_b))
    columns = part_a + part_b, whole_a + whole_b - part_a - part_b
    if 0 in columns:
        return Tested("chi-square", 0.0, 1.0, 0.0)
    if min(whole_a, whole_b) * min(columns) / (whole_a + whole_b) < _FEW:
        odds, p_value = stats.fisher_exact(table)
        return Tested("Fisher", float(odds), float(p_value), effect)
    found = stats.chi2_contingency(table, correction=False)
    return Tested("chi-square", float(found.statistic), float(found.pvalue), effect)


def distributions(counts: list[tuple[int, int]]) -> Tested:
    """Whether two sides distribute alike over kinds: the chi-square test, kinds of which fewer than 5 are expected taken together.

    Args:
        counts: Per kind, how many of each side.

    Returns:
        Chi-square as the statistic, and Cramér's V: 0 for alike, 1 for nothing in common.
    """
    from scipy import stats

    totals = [sum(pair[side] for pair in counts) for side in (0, 1)]
    if not all(totals):
        return UNTESTED
    least = _FEW * sum(totals) / min(totals)
    frequent = [pair for pair in counts if sum(pair) >= least]
    rest = tuple(total - sum(pair[side] for pair in frequent) for side, total in enumerate(totals))
    table = [*frequent, rest] if sum(rest) else frequent
    if len(table) < 2:
        return Tested("chi-square", 0.0, 1.0, 0.0)
    found = stats.chi2_contingency(table, correction=False)
    return Tested("chi-square", float(found.statistic), float(found.pvalue), sqrt(float(found.statistic) / sum(totals)))


def adjusted(p_values: Any, correction: Correction = "holm") -> Any:
    """P-values corrected for their number: after Holm (any false alarm) or Benjamini and Hochberg (share of false alarms).

    Nan stays nan and does not count.
    """
    import numpy as np
    from scipy import stats

    values = np.asarray(p_values, dtype=float)
    known = np.flatnonzero(~np.isnan(values))
    corrected = values.copy()
    if correction == "bh" and known.size:
        corrected[known] = stats.false_discovery_control(values[known])
    elif correction == "holm" and known.size:
        order = known[np.argsort(values[known])]
        corrected[order] = np.minimum(np.maximum.accumulate(values[order] * np.arange(known.size, 0, -1)), 1.0)
    return corrected
