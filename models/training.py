"""Training many series in a bounded time: back-tests of all rivals, over all cores.

What belongs here: what is tested when, and the budget. What does not: the tests (`models.backtest`), processes (`models.crew`) and
titles (`models.champions`).

The quick rivals are tested first, on every series; then the one model over all series of a grain; then Prophet, which costs a
hundred times as much, series by series. What the budget leaves no time for is said, and does not compete.
"""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from models.backtest import Backtest, backtest, backtest_until_beaten, origins, scored
from models.crew import Crew, here
from models.forecasters import BASELINE, DEFAULT, GLOBAL, PROPHET, forecasts, quick_rivals
from models.global_model import LEAST_SERIES, global_forecasts
from models.series import GRAINS, HORIZON, Series
from models.statistical import Forms

HASTY = ("theta", BASELINE)  # who competes where the budget has ended: a hundredth of a second

Tell = Callable[[str, float], None]


@dataclass(frozen=True)
class Trained:
    """A series' back-tests by rival, the forms found, the rivals the budget left no time for, and what comes by the default one."""

    series: Series
    backtests: dict[str, Backtest]
    forms: Forms
    untried: list[str] = field(default_factory=list)
    ahead: Mapping[str, np.ndarray] = field(default_factory=dict)  # made from all values, with these forms


def train(
    series: Sequence[Series],
    *,
    country: str | None,
    budget: float,
    tell: Tell,
    kin: Sequence[Series] = (),
    work: Crew = here,
) -> dict[str, Trained]:
    """Back-tests every rival on every series, as far as the budget goes.

    Args:
        series: Long enough to be back-tested.
        country: Whose public holidays Prophet knows.
        budget: Seconds after which nothing dear is begun; series not looked at by then get the quickest rivals only.
        tell: Told what is done and the share done, 0 to 1.
        kin: All series, of which the global model learns; default those that are trained.
        work: Who does it. Default: this process.

    Returns:
        By the series' key. A series that no rival can learn has no back-tests.
    """
    deadline = time.monotonic() + budget
    trained = _quick(series, work, deadline, tell)
    _global(trained, kin or series, work, deadline, tell)
    _prophet(trained, work, deadline, tell, country=country)
    return trained


def _quick(series: Sequence[Series], work: Crew, deadline: float, tell: Tell) -> dict[str, Trained]:
    trained: dict[str, Trained] = {}
    for done, result in enumerate(work(_quick_task, ((one, deadline) for one in series))):
        trained[result.series.key] = result
        tell(f"back-testing {result.series.title} ({result.series.grain})", 0.6 * (done + 1) / len(series))
    return trained


def _quick_task(series: Series, deadline: float) -> Trained:
    """`time.monotonic` counts from the start of the machine, the same in every process."""
    forms: Forms = {}
    is_late = time.monotonic() > deadline
    names = HASTY if is_late else quick_rivals(series)
    if is_late:
        return Trained(series, backtest(names, series), forms, [name for name in quick_rivals(series) if name not in HASTY])
    tests = backtest(names, series)
    ahead = forecasts([DEFAULT], series, HORIZON[series.grain], forms=forms)  # forms of all values: for scoring, not for the tests
    return Trained(series, tests, forms, ahead=ahead)


def _global(trained: dict[str, Trained], kin: Sequence[Series], work: Crew, deadline: float, tell: Tell) -> None:
    """The model over all series of a grain, fitted once per window on what was known before it."""
    for grain in GRAINS:
        pupils = [one.series for one in trained.values() if one.series.grain == grain]
        family = [one for one in kin if one.grain == grain]
        if not pupils or len(family) < LEAST_SERIES:
            continue
        if time.monotonic() > deadline:
            for one in pupils:
                trained[one.key].untried.append(GLOBAL)
            continue
        tell(f"back-testing the model over all {grain} series", 0.6)
        windows = max(len(origins(len(one), grain=grain)) for one in pupils)
        backs = [HORIZON[grain] * back for back in range(windows, 0, -1)]
        parts = [[one.head(len(one) - back) for one in family if len(one) > back] for back in backs]
        made = list(work(global_forecasts, ((part, HORIZON[grain]) for part in parts), in_order=True))
        for one in pupils:
            count = len(origins(len(one), grain=grain))
            own = [{GLOBAL: window[one.key]} if one.key in window else {} for window in made[windows - count :]]
            trained[one.key].backtests.update(scored(one, own))


def _prophet(trained: dict[str, Trained], work: Crew, deadline: float, tell: Tell, *, country: str | None) -> None:
    """Prophet on one series after the other, the longest first: there it has most to win."""
    rivals = [(one, default) for one in trained.values() if (default := one.backtests.get(DEFAULT)) is not None]
    rivals.sort(key=lambda pair: -len(pair[0].series))
    for one, _ in rivals:
        one.untried.append(PROPHET)
    tasks = itertools.takewhile(lambda _: time.monotonic() < deadline, ((one.series, default, country) for one, default in rivals))
    for done, (key, found) in enumerate(work(_prophet_task, tasks)):
        trained[key].untried.remove(PROPHET)
        if found is not None:
            trained[key].backtests[PROPHET] = found
        tell(f"Prophet against {trained[key].series.title}", 0.65 + 0.35 * (done + 1) / len(rivals))


def _prophet_task(series: Series, default: Backtest, country: str | None) -> tuple[str, Backtest | None]:
    return series.key, backtest_until_beaten(PROPHET, series, default, country=country)
