"""The servers that `grimoire up` keeps alive: started, waited for, restarted when they die, ended without a trace.

What belongs here: child processes, their logs and their end. What does not: which servers there are (`apps.cli.service`).
"""

import contextlib
import os
import signal
import subprocess
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps.cli import console

if TYPE_CHECKING:
    import psutil

START_SECONDS = 180.0
END_SECONDS = 10.0  # between being asked to end and being made to
KILL_SECONDS = 3.0  # for the kernel to do away with what was killed
RESTARTS = 5  # in a row; a server that lives for STEADY_SECONDS starts counting anew
STEADY_SECONDS = 300.0
KEPT_LOG_BYTES = 5_000_000


@dataclass
class Server:
    """One server: its command, its log and the URL where it answers once it is up."""

    name: str
    command: list[str]
    log: Path
    url: str | None = None  # None: it answers to nobody, such as Dagster's daemon
    health: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)
    started: float = 0.0
    failures: int = 0
    restart_at: float = 0.0

    def start(self) -> None:
        """Starts it in a process group of its own, so that Ctrl-C reaches us first and its children end with it."""
        from lake.settings import PROJECT_ROOT

        with self.log.open("ab") as said:
            self.process = subprocess.Popen(
                self.command, stdout=said, stderr=said, stdin=subprocess.DEVNULL, cwd=PROJECT_ROOT,
                env={**os.environ, **self.environment}, start_new_session=True,
            )  # fmt: skip
        self.started = time.monotonic()

    def has_died(self) -> bool:
        """Whether it ran and ended by itself."""
        return self.process is not None and self.process.poll() is not None

    def answers(self) -> bool:
        """Whether it answers over HTTP; a server without an address counts as soon as it runs."""
        if self.health is None:
            return self.process is not None and self.process.poll() is None
        import http.client
        import urllib.error
        import urllib.request

        try:
            with urllib.request.urlopen(self.health, timeout=5) as answer:  # noqa: S310 — our own http:// address
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError, http.client.HTTPException):
            return False


class Servers:
    """All servers of one `grimoire up`."""

    def __init__(self, servers: list[Server]) -> None:
        self.servers = servers

    def start(self) -> None:
        """Starts all of them at once."""
        for server in self.servers:
            rotate(server.log)
            server.start()

    def wait_until_up(self, *, seconds: float = START_SECONDS) -> None:
        """Waits until each answers.

        Raises:
            PlatformError: One did not in time, or died on the way; the message holds the end of its log.
        """
        deadline = time.monotonic() + seconds
        waiting = deque(self.servers)
        while waiting:
            server = waiting[0]
            if server.has_died() or time.monotonic() > deadline:
                raise _failure(server)
            if server.answers():
                waiting.popleft()
            else:
                time.sleep(0.2)

    def revive(self) -> None:
        """Restarts whoever has died, with growing pauses.

        Raises:
            PlatformError: A server keeps dying; the message holds the end of its log.
        """
        for server in self.servers:
            if server.process is None:
                if time.monotonic() >= server.restart_at:
                    server.start()
            elif server.has_died():
                self._note_death(server)

    def _note_death(self, server: Server) -> None:
        server.failures = 1 if time.monotonic() - server.started > STEADY_SECONDS else server.failures + 1
        if server.failures > RESTARTS:
            raise _failure(server)
        pause = 2.0 ** (server.failures - 1)
        console.say(
            f"{server.name} ended with {server.process and server.process.returncode}; again in {pause:.0f} s. Its log ends:"
        )
        console.say(tail(server.log, lines=5))
        end_group(server.process)  # its own children may have outlived it
        server.process, server.restart_at = None, time.monotonic() + pause

    def record(self) -> dict[str, list[float]]:
        """Process id and start of each, for whoever has to clean up after us if we are killed."""
        import psutil

        found = {}
        for server in self.servers:
            if server.process is not None and server.process.poll() is None:
                with contextlib.suppress(psutil.Error):
                    found[server.name] = [server.process.pid, psutil.Process(server.process.pid).create_time()]
        return found

    def stop(self) -> None:
        """Ends every server with all its descendants: asked first, then made to."""
        end_groups([server.process for server in self.servers])


def _failure(server: Server) -> Exception:
    from lake.errors import PlatformError

    code = server.process.poll() if server.process else None
    how = "did not answer in time" if code is None else f"ended with {code}"
    return PlatformError(f"{server.name} {how}. Its log ends:\n{tail(server.log)}", remedy=f"The whole log is {server.log}.")


def end_group(process: "subprocess.Popen[Any] | None") -> None:
    """Ends one child with all its descendants."""
    end_groups([process])


def end_groups(processes: "list[subprocess.Popen[Any] | None]") -> None:
    """Ends children, each the leader of its process group, with all their descendants, and reaps them."""
    leaders = [process for process in processes if process is not None]
    family = [member for process in leaders for member in _family(process.pid)]
    for process in leaders:
        _signal_group(process.pid, signal.SIGTERM)
    _wait_gone(family, leaders, END_SECONDS)
    for process in leaders:
        _signal_group(process.pid, signal.SIGKILL)
    _kill(family)
    for process in leaders:
        process.wait()


def end_left_behind(record: dict[str, list[float]]) -> list[str]:
    """Ends the servers of a `grimoire up` that was killed; a process id that now is someone else's is left alone."""
    import psutil

    ended, family = [], []
    for name, (pid, started) in record.items():
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(int(pid))
            if abs(process.create_time() - started) < 2 and _lives(process):
                family += [process, *process.children(recursive=True)]
                process.terminate()
                ended.append(name)
    _wait_gone(family, [], END_SECONDS)
    _kill(family)
    return ended


def _family(pid: int) -> "list[psutil.Process]":
    import psutil

    try:
        leader = psutil.Process(pid)
        return [leader, *leader.children(recursive=True)]
    except psutil.Error:
        return []


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _wait_gone(family: "list[psutil.Process]", leaders: "list[subprocess.Popen[Any]]", seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if all(process.poll() is not None for process in leaders) and not any(_lives(member) for member in family):
            return
        time.sleep(0.1)


def _lives(process: "psutil.Process") -> bool:
    """Whether it still runs; where nobody reaps orphans, as in some containers, a dead one stays as a zombie."""
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _kill(family: "list[psutil.Process]") -> None:
    import psutil

    for member in family:
        with contextlib.suppress(psutil.Error):
            member.kill()
    _wait_gone(family, [], KILL_SECONDS)


def rotate(log: Path) -> None:
    """Keeps a log from growing without end: one that has become large makes room, the one before it goes."""
    if log.exists() and log.stat().st_size > KEPT_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))


def tail(log: Path, *, lines: int = 15) -> str:
    """The last lines of a log, indented."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 20_000))
            words = file.read().decode(errors="replace").splitlines()[-lines:]
    except OSError:
        words = ["(no log)"]
    return "\n".join(f"    {line}" for line in words)
