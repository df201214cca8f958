"""A real MariaDB in a folder of its own, as long as a test needs it."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql

SERVER = shutil.which("mariadbd", path="/usr/sbin:/usr/bin:" + os.environ.get("PATH", ""))
INSTALL = shutil.which("mariadb-install-db", path="/usr/bin:/usr/sbin:" + os.environ.get("PATH", ""))


@dataclass
class MariaDb:
    """A running server, reached over TCP."""

    process: "subprocess.Popen[bytes]"
    port: int

    def execute(self, *statements: str) -> None:
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def connect(self) -> Any:
        return pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user="reader",
            password="pässword".encode(),
            database="shop",
            autocommit=True,
            charset="utf8mb4",
        )

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def running_mariadb(folder: Path | None = None, *, options: Sequence[str] = ()) -> Iterator[MariaDb]:
    """Starts a server; in a folder that held one before, with what was in it. `options` are more words of its command."""
    base = Path(folder or tempfile.mkdtemp(prefix="mariadb-", dir="/tmp"))
    is_new = not (base / "data").exists()
    base.mkdir(exist_ok=True)
    user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    if os.geteuid() == 0:
        os.chown(base, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
        base.chmod(0o755)
    data, socket_path, port = base / "data", base / "s", _free_port()
    if is_new:
        init = base / "init.sql"
        init.write_text(
            "create database shop character set utf8mb4; create user reader@'%' identified by 'pässword';"
            " grant all on *.* to reader@'%' with grant option;\n".replace("; ", ";\n"),
            encoding="utf-8",
        )
        command = [
            INSTALL,
            f"--datadir={data}",
            f"--user={user}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--no-defaults",
        ]
        subprocess.run(command[:1] + command[-1:] + command[1:-1], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    words = [SERVER, "--no-defaults", f"--datadir={data}", f"--socket={socket_path}", f"--port={port}", "--bind-address=127.0.0.1",
             f"--user={user}", f"--pid-file={base}/pid", "--sql-mode=", "--skip-log-bin",
        "--skip-name-resolve", "--innodb-buffer-pool-size=32M",
             "--character-set-server=utf8mb4", *options]  # fmt: skip
    if is_new:
        words.append(f"--init-file={init}")
    with (base / "log").open("ab") as log, subprocess.Popen(words, stdout=log, stderr=log) as process:
        server = MariaDb(process, port)
        try:
            _wait(server, base)
            yield server
        finally:
            process.kill()
            process.wait()
    if folder is None:
        shutil.rmtree(base, ignore_errors=True)


def _wait(server: MariaDb, base: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            server.rows("select 1")
        except pymysql.Error:
            if time.monotonic() > deadline or server.process.poll() is not None:
                raise RuntimeError((base / "log").read_text(errors="replace")[-2000:]) from None
            time.sleep(0.2)
        else:
            return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
