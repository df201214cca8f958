"""Which rival serves a series: the default, unless another beats it in every window and by a margin; nobody below the floor.

What belongs here: the rule. What does not: where titles are kept (`models.registry`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from models.backtest import Backtest
from models.forecasters import BASELINE, DEFAULT
from models.statistical import MEMBERS

MARGIN = 0.05  # a rival takes the title only with a mean MASE at least this share below the default's: less is luck


@dataclass(frozen=True)
class Verdict:
    """The back-tests of the champion and of the best of the others, and why."""

    champion: Backtest
    challenger: Backtest | None
    reason: str


def choose(backtests: Mapping[str, Backtest], *, holder: str | None = None) -> Verdict:
    """Picks champion and challenger.

    Choosing the best of some windows for each series alone is worse than one good default for all (measured: `docs/benchmarks.md`);
    so the default serves until a rival has beaten it in each window and by `MARGIN` on average. A rival that has the title keeps it
    while it is no worse than the default on average. Whoever does not beat the floor gives way to it.

    Args:
        backtests: By forecaster; at least one.
        holder: The champion until now.
    """
    default = next((backtests[name] for name in (DEFAULT, *MEMBERS, BASELINE) if name in backtests), None)
    default = default or min(backtests.values(), key=lambda test: test.mase)
    full = {name: test for name, test in backtests.items() if len(test.windows) == len(default.windows)}
    ranked = sorted(full.values(), key=lambda test: test.mase)
    champion, reason = _best(full, ranked, default, holder=holder)
    floor = full.get(BASELINE)
    if floor is not None and champion is not floor and champion.mase >= floor.mase:
        champion, reason = floor, f"{champion.forecaster} does not beat repeating the last season"
    return Verdict(champion, next((test for test in ranked if test is not champion), None), reason)


def _best(full: Mapping[str, Backtest], ranked: list[Backtest], default: Backtest, *, holder: str | None) -> tuple[Backtest, str]:
    held = full.get(holder) if holder else None
    for test in ranked:
        if test is not default and test.mase <= (1 - MARGIN) * default.mase and _wins_everywhere(test, default):
            return test, f"{test.forecaster} beat {default.forecaster} in every window, by {1 - test.mase / default.mase:.0%}"
    if held is not None and held is not default and held.forecaster != BASELINE and held.mase < default.mase:
        return held, f"{held.forecaster} holds the title and is still ahead of {default.forecaster}"
    return default, f"nobody beat {default.forecaster} in every window by {MARGIN:.0%}"


def _wins_everywhere(test: Backtest, other: Backtest) -> bool:
    return all(own.mase < its.mase for own, its in zip(test.windows, other.windows, strict=True))
