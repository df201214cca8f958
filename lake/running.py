"""Which servers serve this HOME: one `grimoire up` at a time, known by a lock that its end frees, however it ends.

What belongs here: the lock and the record of who holds it. What does not: starting and stopping servers (`apps.cli`).
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from lake.errors import AlreadyRunningError
from lake.settings import Settings


@dataclass
class RunningServers:
    """What `grimoire up` writes down of itself for others to read."""

    pid: int
    addresses: dict[str, str] = field(default_factory=dict)  # what is served -> URL
    ports: list[int] = field(default_factory=list)
    children: dict[str, list[float]] = field(default_factory=dict)  # name -> [pid, its start in Unix seconds]


def running_servers(settings: Settings) -> RunningServers | None:
    """Who serves this HOME now, or None."""
    if not _lock_file(settings).exists():
        return None
    with _lock_file(settings).open("a") as lock:
        if _take(lock):
            return None
    return left_behind(settings) or RunningServers(pid=0)


def left_behind(settings: Settings) -> RunningServers | None:
    """The record as it stands, whether or not who wrote it still lives."""
    try:
        return RunningServers(**json.loads(_record_file(settings).read_text()))
    except (OSError, ValueError, TypeError):
        return None


@contextlib.contextmanager
def serving_lock(settings: Settings) -> Iterator[None]:
    """Holds the lock of this HOME's servers.

    Raises:
        AlreadyRunningError: Another process serves this HOME; the message says which and where.
    """
    settings.folder("locks")
    with _lock_file(settings).open("a") as lock:
        if not _take(lock):
            raise _already(left_behind(settings))
        yield
        _record_file(settings).unlink(missing_ok=True)


def write_record(settings: Settings, record: RunningServers) -> None:
    """Lets others know; only the holder of the lock calls this."""
    path = _record_file(settings)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(asdict(record)))
    draft.replace(path)


def _already(record: RunningServers | None) -> AlreadyRunningError:
    who = f"process {record.pid}" if record else "another process"
    where = ", ".join(f"{name} at {url}" for name, url in record.addresses.items()) if record else ""
    return AlreadyRunningError(
        f"Grimoire is already running ({who}){': ' + where if where else '; its servers are not up yet'}.",
        remedy="Open it there, or end it with Ctrl-C in its window or with `grimoire stop`.",
        pid=record.pid if record else None,
    )


def _take(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_file(settings: Settings) -> Path:
    return settings.home / "locks" / "serving.lock"


def _record_file(settings: Settings) -> Path:
    return settings.home / "locks" / "serving.json"
