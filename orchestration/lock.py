"""One road at a time: a lock on a file that the operating system frees when its holder ends, however it ends.

What belongs here: the lock and the Dagster resource that holds it for the length of a run. What does not: what runs under it.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from filelock import FileLock, Timeout

from lake.errors import AlreadyRunningError
from lake.settings import Settings, get_settings

RESOURCE = "road_lock"


def lock_path(settings: Settings | None = None) -> Path:
    """The locked file; who holds it has written its process id beside it."""
    return (settings or get_settings()).folder("locks") / "road.lock"


@contextlib.contextmanager
def road_lock(settings: Settings | None = None) -> Iterator[None]:
    """Holds the lock; the process that holds it may take it again.

    Raises:
        AlreadyRunningError: Another process holds it.
    """
    path = lock_path(settings)
    holder = path.with_suffix(".pid")
    lock = FileLock(path, timeout=0, is_singleton=True, thread_local=False)  # one lock per process: taking it again counts up
    try:
        lock.acquire()
    except Timeout:
        raise AlreadyRunningError(
            f"A run is under way (process {_read(holder) or 'unknown'}).",
            remedy="Wait for it, or watch it in the Dagster UI.",
        ) from None
    try:
        holder.write_text(str(os.getpid()))
        yield
    finally:
        lock.release()


def is_running(settings: Settings | None = None) -> bool:
    """Whether some process, this one included, holds the lock."""
    lock = FileLock(lock_path(settings), timeout=0)
    try:
        with lock:
            return False
    except Timeout:
        return True


@dg.resource(description="Keeps two runs from writing the lake's layers at once, whoever started them.")
def road_lock_resource(_: dg.InitResourceContext) -> Iterator[None]:
    """Held from the first step of a run to its end."""
    with road_lock():
        yield None


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
