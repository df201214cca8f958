"""A dbt that is ready before it is needed, and whose build is one transaction of the lake: `python -m lake.dbt_process`.

What belongs here: that process. It parses the project, waits for a line on standard input, the words of one dbt command as JSON,
and runs it; a line that never comes ends it. What does not: who starts it and what is built (`orchestration.defs.transform`), and
what is published if something fails (`lake.dbt_publication`).

On standard output it tells of each finished node while readers see none of them yet (`PROGRESS`); then dbt's own log of the attempt
that was published, after the lines about what failed in those before it; and at last one line `OUTCOME`.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunner

    from lake.dbt_publication import Outcome

PROGRESS = "GrimoireProgress"  # name of the lines told while an attempt is under way; dbt's own come when it has succeeded
OUTCOME = "GrimoireOutcome"  # name of the last line; its data are those of `lake.dbt_publication.Outcome`
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
    words = list(json.loads(line))
    if not parsed.success:
        return 0 if dbtRunner().invoke(words).success else 1
    outcome = _published(parsed.result, words)
    return 0 if outcome.is_published and not outcome.failures else 1


def _published(project: Any, words: Sequence[str]) -> "Outcome":
    """Builds, publishes, and tells what came of it."""
    from dbt.cli.main import dbtRunner

    from lake.dbt_publication import Publication

    runner = dbtRunner(manifest=project)
    with contextlib.ExitStack() as files:
        logs: list[IO[bytes]] = []

        def invoke(words: Sequence[str]) -> Any:
            logs.append(files.enter_context(tempfile.TemporaryFile()))
            return _logged(runner, words, logs[-1])

        outcome = Publication(project, words, invoke).publish()
        _tell_logs(logs, outcome)
    said = "published" if outcome.is_published else "nothing was published"
    _tell(1, OUTCOME, f"{said}, {len(outcome.left_out)} models left out", outcome.words())
    return outcome


def _logged(runner: "dbtRunner", words: Sequence[str], log: IO[bytes]) -> Any:
    """dbt's result; what it says is in `log`."""
    with _output_to(log.fileno()) as shown:
        runner.callbacks = [_teller(shown)]
        try:
            return runner.invoke(list(words))
        finally:
            runner.callbacks = []


def _tell_logs(logs: Sequence[IO[bytes]], outcome: "Outcome") -> None:
    """All of the log that was published, of the others what failed, each node once: a model that they built is not there."""
    told: set[str | None] = set()
    for log in logs:
        log.seek(0)
        if outcome.is_published and log is logs[-1]:
            shutil.copyfileobj(log, sys.stdout.buffer)
            continue
        for line in log:
            node = _failed_node(line)
            if node in outcome.failures and node not in told:
                told.add(node)
                sys.stdout.buffer.write(line)
    sys.stdout.flush()


def _failed_node(line: bytes) -> str | None:
    """Name of the node whose failure the line is about."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    is_failure = said["info"]["name"] in _FINISHED and said["info"]["level"] == "error"
    return str(said["data"]["node_info"]["node_name"]) if is_failure else None


def _teller(shown: int) -> Any:
    """A callback for dbt that says each finished node's name where our starter listens."""

    def tell(event: Any) -> None:
        if event.info.name in _FINISHED:
            _tell(shown, PROGRESS, event.info.msg, {})

    return tell


def _tell(descriptor: int, name: str, said: str, data: dict[str, Any]) -> None:
    """One line of our own in the form of dbt's."""
    sys.stdout.flush()
    line = json.dumps({"info": {"name": name, "level": "debug", "msg": said}, "data": data}).encode() + b"\n"
    while line:  # a pipe may take a part of it
        line = line[os.write(descriptor, line) :]


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


if __name__ == "__main__":
    sys.exit(main())
