"""Deliveries on their way from the endpoint to the lake: one file each, written to the disk before anybody is told they arrived.

What belongs here: writing, finding, taking and forgetting those files, and remembering which deliveries there were. What does not:
HTTP (`connectors.inbound_server`) and what rows a delivery holds (`connectors.inbound`).

A delivery's file is called after its id, so a second one cannot be. It moves one way: waiting, taken (its rows are staged), landed
(the file is gone, the id is remembered). Whoever looks in that order misses none that moves meanwhile.
"""

import contextlib
import hashlib
import json
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from lake import get_settings

ABANDONED_SECONDS = 3600.0  # a file that nobody finished in this time was never acknowledged
SLOTS = 1_000  # rows of one delivery that are told apart within one microsecond

_TABLE = "create table if not exists landed (name text primary key, landed_at real not null) without rowid"


@dataclass(frozen=True)
class Delivery:
    """One delivery: where it went, when it came, and its body as it came."""

    id: str
    received_at: str  # ISO, UTC
    sequence: int  # grows with every delivery; the rows of one count on from it
    headers: dict[str, str]  # those that a resource keeps
    body: bytes


class Spool:
    """The deliveries of one resource of a connection."""

    def __init__(self, connection: str, resource: str) -> None:
        self.waiting = get_settings().folder("inbound", connection, resource, "waiting")
        self.taken = get_settings().folder("inbound", connection, resource, "taken")
        self.memory = self.waiting.parent / "landed.sqlite"

    def put(self, delivery: Delivery) -> bool:
        """Writes a delivery to the disk; False where there was one of that id. On return it is there, whatever happens next.

        Raises:
            OSError: The disk does not take it.
        """
        name = _name(delivery.id)
        if self._is_known(name):
            return False
        draft = self.waiting / f".{uuid.uuid4().hex}"
        try:
            _write(draft, delivery)
            os.link(draft, self.waiting / name)  # unlike a rename, it refuses where there is such a file
            is_new = True
        except FileExistsError:
            is_new = False
        finally:
            draft.unlink(missing_ok=True)
        _sync(self.waiting)  # the other one's name may not be on the disk yet, either
        return is_new

    def deliveries(self) -> Iterator[tuple[Path, Delivery]]:
        """What waits, in no particular order: the rows say in which they came."""
        with os.scandir(self.waiting) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
        for name in names:
            yield self.waiting / name, _read(self.waiting / name)

    def take(self, path: Path) -> None:
        """Sets a delivery aside whose rows are staged."""
        path.replace(self.taken / path.name)

    def forget_taken(self, *, remember_days: float) -> None:
        """Removes what was taken, for its rows are in the lake; its ids are remembered for so many days."""
        paths = list(self.taken.iterdir())
        if not paths:
            return
        now = time.time()
        with contextlib.closing(sqlite3.connect(self.memory, timeout=30)) as memory, memory:
            memory.execute("pragma journal_mode = wal")
            memory.execute(_TABLE)
            memory.executemany("insert or replace into landed values (?, ?)", [(path.name, now) for path in paths])
            memory.execute("delete from landed where landed_at < ?", (now - remember_days * 86_400,))
        for path in paths:
            path.unlink(missing_ok=True)

    def clear_abandoned(self) -> None:
        """Removes what a server that was killed did not finish."""
        for path in self.waiting.glob(".*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                    path.unlink()

    def _is_known(self, name: str) -> bool:
        if (self.waiting / name).exists() or (self.taken / name).exists():
            return True
        if not self.memory.exists():
            return False
        with contextlib.closing(sqlite3.connect(self.memory, timeout=30)) as memory:
            if not memory.execute("select 1 from sqlite_master where name = 'landed'").fetchone():
                return False
            return memory.execute("select 1 from landed where name = ?", (name,)).fetchone() is not None


def forget_deliveries(connection: str) -> None:
    """Removes every delivery of a connection, and that there were any."""
    import shutil

    shutil.rmtree(get_settings().home / "inbound" / connection, ignore_errors=True)


class Sequence:
    """Numbers that grow, from one delivery to the next and from one process to the next, as long as the clock does."""

    def __init__(self) -> None:
        self._last, self._lock = 0, threading.Lock()

    def next(self, rows: int) -> int:
        """The first of as many numbers as the delivery may have rows."""
        with self._lock:
            now = time.time_ns() // 1_000
            self._last = max(now, self._last + 1)
            first = self._last * SLOTS
            self._last += rows // SLOTS
            return first


def _name(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()[:48]


def _write(path: Path, delivery: Delivery) -> None:
    head = {name: value for name, value in asdict(delivery).items() if name != "body"}
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(json.dumps(head).encode() + b"\n" + delivery.body)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> Delivery:
    head, _, body = path.read_bytes().partition(b"\n")
    return Delivery(**json.loads(head), body=body)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
