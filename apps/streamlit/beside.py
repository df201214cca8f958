"""Work that would freeze the pages is done by a process beside the server, with progress, and ends with the page that wanted it.

What belongs here: running one function of one module there. What does not: the functions, and work that waits for the lake only,
during which the server goes on anyway.

Searching for alignments holds Python's lock for a second at a time, and a model somebody brought may end the process that searches.
"""

import contextlib
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lake.errors import GrimoireError, ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

Progress = Callable[[str, float], None]
_PROJECT = Path(__file__).parents[2]
_NICENESS = 5  # below the pages, which people wait for


def beside(function: str, *args: Any, progress: Progress) -> Any:
    """What a function gives that another process calls; its last argument is a function that takes progress.

    Args:
        function: Its module and name, such as `apps.streamlit.conformed.hold`.
        args: What it is called with; must be possible to pickle, as what it returns.
        progress: Told how far the work is; an exception of it ends the work.

    Raises:
        GrimoireError: The one the function raised.
        ModelError: The process ended without an answer.
    """
    with _helper() as helper:
        _send((function, args), helper.stdin)
        while (said := _next(helper.stdout)) is not None:
            kind, what = said
            if kind == "progress":
                progress(*what)
            elif kind == "error":
                raise what
            else:
                return what
    raise ModelError(
        "The work ended without an answer: it ran out of memory, or the model is of a kind that cannot be searched.",
        remedy="Filter the log to fewer cases, or simplify the model.",
    )


def serve() -> None:
    """What the other process does: one call comes in, progress and the answer or the error go out."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    function, args = pickle.load(sys.stdin.buffer)  # noqa: S301 — from the process that started this one
    module, _, name = function.rpartition(".")
    try:
        answer = getattr(import_module(module), name)(*args, lambda *what: _send(("progress", what), answers))
    except GrimoireError as error:
        _send(("error", error), answers)
    else:
        _send(("answer", answer), answers)


@contextmanager
def _helper() -> "Iterator[subprocess.Popen[bytes]]":
    command = [sys.executable, "-c", "from apps.streamlit.beside import serve; serve()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_PROJECT) as helper:
        os.setpriority(os.PRIO_PROCESS, helper.pid, _NICENESS)
        try:
            yield helper
        finally:
            helper.kill()  # it has answered, or its answer is not wanted any more


def _send(what: Any, where: Any) -> None:
    with contextlib.suppress(BrokenPipeError):  # the other side has ended, which the reader of its answer finds out
        pickle.dump(what, where)
        where.flush()


def _next(where: Any) -> Any:
    """The next message, or None if the process has ended."""
    try:
        return pickle.load(where)  # noqa: S301 — of our own process
    except (EOFError, pickle.UnpicklingError):
        return None
