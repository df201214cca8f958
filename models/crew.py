"""Work on many series at once, in as many processes as there are cores.

What belongs here: the processes, and what happens where they die. What does not: the work (`models.training`, `models.scoring`).
"""

import contextlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any

LEAST_FOR_PROCESSES = 12  # tasks; with fewer, starting processes takes longer than they save

Crew = Callable[..., Iterator[Any]]


@contextlib.contextmanager
def crew(tasks: int, workers: int | None = None) -> Iterator[Crew]:
    """Gives a function that calls another on many arguments, in as many processes as there are cores, or here for few tasks.

    It takes arguments as it gets to them, so that they may end early, and yields results as they come (`in_order`: as they were
    asked for). Where processes cannot be had or die, the work is done here.
    """
    count = min(workers or os.cpu_count() or 1, tasks)
    if count < 2 or (workers is None and tasks < LEAST_FOR_PROCESSES):
        yield here
        return
    with ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_begin) as pool:

        def work(function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]], *, in_order: bool = False) -> Iterator[Any]:
            return _ordered(pool, function, list(arguments)) if in_order else _spread(pool, function, iter(arguments), 2 * count)

        yield work


def here(function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]], *, in_order: bool = False) -> Iterator[Any]:
    """The crew of one: the process itself."""
    return (function(*one) for one in arguments)


def _ordered(pool: ProcessPoolExecutor, function: Callable[..., Any], arguments: list[tuple[Any, ...]]) -> Iterator[Any]:
    try:
        yield from list(pool.map(function, *zip(*arguments, strict=True)))
    except BrokenProcessPool:
        yield from here(function, arguments)


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
    yield from here(function, itertools.chain(undone, arguments))


def _begin() -> None:
    """One thread per process, for the processes are as many as the cores; and none outlives the one it works for."""
    Thread(target=_leave_with_parent, name="leave with parent", daemon=True).start()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = "1"


def _leave_with_parent() -> None:
    """Waits for the parent's end, however it ended, and ends the process; it would else wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
