"""Progress of a step, passed from the craft to Dagster's log and to whoever started the run.

What belongs here: handing progress on. What does not: showing it (the command line does).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import dagster as dg

Progress = Callable[[str, float], None]

_listener: ContextVar[Progress | None] = ContextVar("progress_listener", default=None)


@contextmanager
def listening(listener: Progress | None) -> Iterator[None]:
    """Steps run in this context tell the listener how far they are, 0 to 1."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def progress_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> Progress:
    """A callback for the craft: each new description goes to the step's log, every call to the listener."""
    listener, said = _listener.get(), [""]

    def tell(description: str, done: float) -> None:
        if description != said[0]:
            said[0] = description
            context.log.info(f"{description} ({done:.0%})")
        if listener is not None:
            listener(description, done)

    return tell
