"""Which rival serves a series: the one that holds the title keeps it unless another is clearly better.

What belongs here: the rule. What does not: where titles are kept (`models.registry`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from models.backtest import Backtest
from models.forecasters import BASELINE

MARGIN = 0.05  # a rival takes the title only with a MASE at least this share below the holder's: less is luck


@dataclass(frozen=True)
class Verdict:
    """The back-tests of the champion and of the best of the others."""

    champion: Backtest
    challenger: Backtest | None


def choose(backtests: Mapping[str, Backtest], *, holder: str | None = None) -> Verdict:
    """Picks champion and challenger by mean MASE.

    Args:
        backtests: By forecaster; at least one.
        holder: The champion until now; without one the simple baseline holds the title.
    """
    ranked = sorted(backtests.values(), key=lambda test: test.mase)
    best = ranked[0]
    defender = backtests.get(holder or BASELINE) or backtests.get(BASELINE) or best
    champion = best if best.mase <= (1 - MARGIN) * defender.mase else defender
    return Verdict(champion, next((test for test in ranked if test is not champion), None))
