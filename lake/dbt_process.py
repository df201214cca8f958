"""A dbt that is ready before it is needed, and whose build is one transaction of the lake: `python -m lake.dbt_process`.

What belongs here: that process. It parses the project, waits for a line on standard input, the words of one dbt command as JSON,
and runs it; a line that never comes ends it. What does not: who starts it and what is built (`orchestration.defs.transform`).

A build that succeeds is one commit: readers see all of it or nothing, and no model or test waits for the lake's catalog. If any
model or test fails, nothing of that attempt is kept and dbt builds once more in its own way, one commit per model, so that what
does not depend on the fault is built all the same; only that second build is told of on standard output.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb
    from dbt.cli.main import dbtRunner

PROGRESS = "GrimoireProgress"  # name of the lines told while an attempt is under way; dbt's own come when it has succeeded
_FINISHED = {"LogTestResult", "LogModelResult", "LogSnapshotResult"}


def start(environment: dict[str, str], folder: str) -> "subprocess.Popen[bytes]":
    """Starts the process; `environment` is all of its environment, `folder` the dbt project's.

    Its standard output carries dbt's log as lines of JSON, its standard input takes the one command.
    """
    from lake.settings import PROJECT_ROOT

    return subprocess.Popen(
        [sys.executable, "-m", "lake.dbt_process"],
        env={**environment, "DBT_LOG_FORMAT": "json", "PYTHONPATH": str(PROJECT_ROOT)},
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def command(process: "subprocess.Popen[bytes]", *words: str) -> None:
    """Gives the waiting process its command."""
    assert process.stdin is not None  # noqa: S101 — it was asked for as a pipe
    with process.stdin as told:
        told.write(json.dumps(words).encode() + b"\n")
    process.stdin = None  # so that `communicate` does not look for it


def main() -> int:
    """Waits, builds, and says by the exit code whether all went well."""
    from dbt.cli.main import dbtRunner

    parsed = dbtRunner().invoke(["--quiet", "parse", "--no-write-json"])
    line = sys.stdin.readline()
    if not line:
        return 0
    project: Any = parsed.result if parsed.success else None
    runner = dbtRunner(manifest=project)
    words = list(json.loads(line))
    if parsed.success and _succeeds_as_one(runner, words):
        return 0
    return 0 if runner.invoke(words).success else 1


def _succeeds_as_one(runner: "dbtRunner", words: list[str]) -> bool:
    """Whether the command succeeded and was committed; its log is then on standard output, otherwise there is no trace of it."""
    with tempfile.TemporaryFile() as log, _one_transaction() as transaction:
        with _output_to(log.fileno()) as shown:
            runner.callbacks = [_teller(shown)]
            is_done = bool(runner.invoke([*words, "--fail-fast"]).success) and transaction.commit()
            runner.callbacks = []
        if is_done:
            log.seek(0)
            shutil.copyfileobj(log, sys.stdout.buffer)
            sys.stdout.flush()
        return is_done


def _teller(shown: int) -> Any:
    """A callback for dbt that says each finished node's name where our starter listens."""

    def tell(event: Any) -> None:
        if event.info.name in _FINISHED:
            line = {"info": {"name": PROGRESS, "level": "debug", "msg": event.info.msg}, "data": {}}
            os.write(shown, json.dumps(line).encode() + b"\n")

    return tell


@contextlib.contextmanager
def _output_to(descriptor: int) -> Iterator[int]:
    """Sends standard output elsewhere; yields where it went before."""
    sys.stdout.flush()
    before = os.dup(1)
    os.dup2(descriptor, 1)
    try:
        yield before
    finally:
        sys.stdout.flush()
        os.dup2(before, 1)
        os.close(before)


class _Shared:
    """What dbt takes for a connection and for its cursor: always the same one, which begins and ends when we say so."""

    def __init__(self, cursor: "duckdb.DuckDBPyConnection") -> None:
        self._cursor = cursor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def cursor(self) -> "_Shared":
        """Itself."""
        return self

    def execute(self, sql: str, bindings: Any = None) -> Any:
        """Runs a statement; those that begin and end transactions are left to us."""
        if sql.strip().rstrip(";").rsplit("*/", maxsplit=1)[-1].strip().upper() in {"BEGIN", "COMMIT", "ROLLBACK"}:
            return self
        return self._cursor.execute(sql) if bindings is None else self._cursor.execute(sql, bindings)

    def close(self) -> None:
        """Nothing: the next model takes it up again."""

    def rollback(self) -> None:
        """Nothing: dbt also rolls back what it only read."""


class _Transaction:
    """The transaction of one attempt, begun when dbt first connects."""

    def __init__(self) -> None:
        self.cursor: duckdb.DuckDBPyConnection | None = None

    def open(self, environment: Any) -> _Shared:
        """The shared connection of dbt-duckdb's environment."""
        if self.cursor is None:
            environment.conn = environment.initialize_db(environment.creds, environment._plugins)
            self.cursor = environment.initialize_cursor(environment.creds, environment.conn.cursor(), environment._plugins, {})
            self.cursor.begin()
        return _Shared(self.cursor)

    def commit(self) -> bool:
        """Whether everything is in the lake now."""
        import duckdb

        try:
            if self.cursor is not None:
                self.cursor.commit()
        except duckdb.Error:
            return False
        return True


@contextlib.contextmanager
def _one_transaction() -> Iterator[_Transaction]:
    """While it lasts, every connection that dbt opens is the same, in one transaction; what was not committed is undone."""
    from dbt.adapters.duckdb import environments
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.duckdb.environments.local import LocalEnvironment

    transaction, usual = _Transaction(), environments.create

    class OneTransaction(LocalEnvironment):
        def handle(self) -> Any:
            with self.lock:
                return transaction.open(self)

    environments.create = OneTransaction  # type: ignore[assignment]  # it makes one, as the function did
    DuckDBConnectionManager._ENV = None
    try:
        yield transaction
    finally:
        environments.create = usual
        DuckDBConnectionManager._ENV = None
        if transaction.cursor is not None:
            transaction.cursor.close()


if __name__ == "__main__":
    sys.exit(main())
