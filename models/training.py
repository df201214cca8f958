"""Training many series in a bounded time: back-tests of all rivals, over all cores.

What belongs here: what is tested when, processes and the budget. What does not: the tests (`models.backtest`) and titles
(`models.champions`).

The quick rivals are tested first, on every series; then the one model over all series of a grain; then Prophet, which costs a
hundred times as much, series by series. What the budget leaves no time for is said, and does not compete.
"""

import contextlib
import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

from models.backtest import Backtest, backtest, backtest_until_beaten, origins, scored
from models.forecasters import BASELINE, DEFAULT, GLOBAL, PROPHET, forecasts, quick_rivals
from models.global_model import LEAST_SERIES, global_forecasts
from models.series import GRAINS, HORIZON, Series
from models.statistical import Forms

LEAST_FOR_PROCESSES = 12  # series; with fewer, starting processes takes longer than they save
HASTY = ("theta", BASELINE)  # who competes where the budget has ended: a hundredth of a second

Tell = Callable[[str, float], None]


@dataclass(frozen=True)
class Trained:
    """A series' back-tests by rival, the forms found, and the rivals the budget left no time for."""

    series: Series
    backtests: dict[str, Backtest]
    forms: Forms
    untried: list[str] = field(default_factory=list)


def train(
    series: Sequence[Series],
    *,
    country: str | None,
    budget: float,
    tell: Tell,
    kin: Sequence[Series] = (),
    workers: int | None = None,
) -> dict[str, Trained]:
    """Back-tests every rival on every series, as far as the budget goes.

    Args:
        series: Long enough to be back-tested.
        country: Whose public holidays Prophet knows.
        budget: Seconds after which nothing dear is begun; series not looked at by then get the quickest rivals only.
        tell: Told what is done and the share done, 0 to 1.
        kin: All series, of which the global model learns; default those that are trained.
        workers: Processes. Default: as many as cores; none for few series.

    Returns:
        By the series' key. A series that no rival can learn has no back-tests.
    """
    deadline = time.monotonic() + budget
    with crew(len(series), workers) as work:
        trained = _quick(series, work, deadline, tell)
        _global(trained, kin or series, work, deadline, tell)
        _prophet(trained, work, deadline, tell, country=country)
    return trained


def _quick(series: Sequence[Series], work: "Crew", deadline: float, tell: Tell) -> dict[str, Trained]:
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
    forecasts(
        [DEFAULT], series, HORIZON[series.grain], forms=forms
    )  # forms that have seen all of it: for scoring, not for the tests
    return Trained(series, tests, forms)


def _global(trained: dict[str, Trained], kin: Sequence[Series], work: "Crew", deadline: float, tell: Tell) -> None:
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


def _prophet(trained: dict[str, Trained], work: "Crew", deadline: float, tell: Tell, *, country: str | None) -> None:
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


Crew = Callable[..., Iterator[Any]]


@contextlib.contextmanager
def crew(tasks: int, workers: int | None = None) -> Iterator[Crew]:
    """Gives a function that calls another on many arguments, in as many processes as there are cores, or here for few tasks.

    It takes arguments as it gets to them, so that they may end early, and yields results as they come (`in_order`: as they were
    asked for). Where processes cannot be had or die, the work is done here.
    """
    count = min(workers or os.cpu_count() or 1, tasks)
    if count < 2 or (workers is None and tasks < LEAST_FOR_PROCESSES):
        yield _here
        return
    with ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_be_modest) as pool:

        def work(function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]], *, in_order: bool = False) -> Iterator[Any]:
            return _ordered(pool, function, list(arguments)) if in_order else _spread(pool, function, iter(arguments), 2 * count)

        yield work


def _here(function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]], *, in_order: bool = False) -> Iterator[Any]:
    return (function(*one) for one in arguments)


def _ordered(pool: ProcessPoolExecutor, function: Callable[..., Any], arguments: list[tuple[Any, ...]]) -> Iterator[Any]:
    try:
        yield from list(pool.map(function, *zip(*arguments, strict=True)))
    except BrokenProcessPool:
        yield from _here(function, arguments)


def _spread(
    pool: ProcessPoolExecutor, function: Callable[..., Any], arguments: Iterator[tuple[Any, ...]], ahead: int
) -> Iterator[Any]:
    """Keeps `ahead` tasks with the pool; those a dying process leaves undone are done here."""
    running: dict[Future[Any], tuple[Any, ...]] = {}
    undone: list[tuple[Any, ...]] = []
    while True:
        for one in itertools.islice(arguments, ahead - len(running)):
            try:
                running[pool.submit(function, *one)] = one
            except BrokenProcessPool:
                undone.append(one)
        if not running:
            break
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            one = running.pop(future)
            try:
                yield future.result()
            except BrokenProcessPool:
                undone.append(one)
    yield from _here(function, undone)


def _be_modest() -> None:
    """One thread per process: the processes are as many as the cores."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = "1"
