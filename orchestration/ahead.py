"""Work begun before its step comes, in processes of its own, so that a road uses both cores.

What belongs here: beginning such work and handing its outcome to the step that is about it. What does not: the work, and the
order of the steps, which stays Dagster's: a step whose work was not begun does it itself, in the run's own process.

The processes are forked from one that has done the heavy imports once, while the run's own process imports Dagster. It is a
server of the standard library (`multiprocessing`, start method `forkserver`): forking the run's process itself, which has
threads, would be unsafe.
"""

import contextlib
import importlib
import logging
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any

from lake.errors import GrimoireError, PlatformError

Tell = Callable[[str, float], None]
PREPARED = ("orchestration.prepared",)
LOADING = "connectors.load:load_source"
LOAD_STEP = "load_"  # before the source's name

_begun: dict[str, "_Work"] = {}
_is_prepared = False


@dataclass(frozen=True)
class _Work:
    process: ForkServerProcess
    said: Connection


def prepare() -> None:
    """Starts the process the others are forked from; its imports go on while the caller does something else.

    The process keeps the environment it is started in: for programs that run one road, such as `python -m orchestration road`.
    """
    global _is_prepared
    from multiprocessing import forkserver

    multiprocessing.set_forkserver_preload(list(PREPARED))
    forkserver.ensure_running()
    _is_prepared = True


def begin(step: str, function: str, /, **arguments: Any) -> None:
    """Begins a step's work, if `prepare` was called; otherwise the step will do it itself.

    Args:
        step: Name of the step that will ask for the outcome.
        function: `package.module:function`; called in the other process with `arguments` and with `progress`.
        arguments: Values that can be pickled.
    """
    if not _is_prepared:
        return
    context = multiprocessing.get_context("forkserver")
    hears, says = context.Pipe(duplex=False)
    process = context.Process(target=_do, args=(says, function, arguments), daemon=True, name=step)
    process.start()
    says.close()
    _begun[step] = _Work(process, hears)


def outcome(step: str, function: str, /, *, tell: Tell, **arguments: Any) -> Any:
    """The outcome of the step's work, waited for; work that was not begun is done here and now.

    Raises:
        GrimoireError: What the work raised; PlatformError if its process died.
        RuntimeError: It raised something else; the message says what, the log of the run where.
    """
    work = _begun.pop(step, None)
    if work is None:
        return _function(function)(**arguments, progress=tell)
    with work.said:
        kind, value = _listen(work, tell)
    work.process.join()
    if kind == "broke":
        raise RuntimeError(value)
    if kind == "raised":
        raise value
    return value


def begin_loads(steps: Iterable[str]) -> None:
    """Begins, of these steps, all that load a source."""
    for step in steps:
        if step.startswith(LOAD_STEP):
            begin(step, LOADING, name=step.removeprefix(LOAD_STEP))


@contextlib.contextmanager
def none_left_behind() -> Iterator[None]:
    """Ends, when the block ends, what was begun in it and never asked for."""
    try:
        yield
    finally:
        while _begun:
            _, work = _begun.popitem()
            work.process.terminate()
            work.process.join()
            work.said.close()


def _listen(work: _Work, tell: Tell) -> tuple[str, Any]:
    """Hands on progress until the outcome comes."""
    while True:
        try:
            kind, value = work.said.recv()
        except EOFError:
            work.process.join()
            raise PlatformError(
                f"The process that did `{work.process.name}` ended with {work.process.exitcode}.",
                remedy="Run again: what it had not finished was not written.",
            ) from None
        if kind != "progress":
            return kind, value
        tell(*value)


def _do(says: Connection, function: str, arguments: dict[str, Any]) -> None:
    """The other process's side: everything it says is a pair of a word and a value."""

    def tell(words: str, done: float) -> None:
        says.send(("progress", (words, done)))

    try:
        answer = ("returned", _function(function)(**arguments, progress=tell))
    except GrimoireError as error:
        answer = ("raised", error)
    except Exception as error:  # the step raises it
        logging.getLogger(__name__).exception("%s failed", function)
        answer = ("broke", f"{type(error).__name__}: {error}")
    says.send(answer)
    says.close()


def _function(name: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return function
