"""A dbt process that gets ready while the sources are being loaded, for the step that will want it.

What belongs here: when it is started and ended, and who gets it. What does not: what it does (`lake.dbt_process`).

A load may write models of its own; a dbt that had read the project before that is of no use and makes way for a new one.
"""

import contextlib
import os
import subprocess
from collections.abc import Iterator

from lake.dbt_environment import dbt_environment
from lake.dbt_process import start
from lake.settings import get_settings
from orchestration.dbt_manifest import project_key

_waiting: "list[tuple[str, subprocess.Popen[bytes]]]" = []  # each with the key of the project it has read


@contextlib.contextmanager
def waiting_dbt() -> Iterator[None]:
    """Starts a dbt that waits; ends it, when the block ends, if nobody wanted it."""
    _waiting.append((project_key(), _start()))
    try:
        yield
    finally:
        dismiss_dbt()


def take_dbt() -> "subprocess.Popen[bytes]":
    """The dbt that waits, which is the caller's from now on; a new one if none does, or none that knows the project as it is."""
    if _waiting and _waiting[-1][0] == project_key():
        return _waiting.pop()[1]
    dismiss_dbt()
    return _start()


def dismiss_dbt() -> None:
    """Ends the dbt that waits, because nothing need be built."""
    for _, process in _waiting:
        process.kill()
        process.communicate()
    _waiting.clear()


def _start() -> "subprocess.Popen[bytes]":
    target = os.fspath(get_settings().folder("dbt", "target"))
    environment = {**os.environ, **dbt_environment(), "DBT_TARGET_PATH": target, "DBT_LOG_PATH": target}
    return start(environment, environment["DBT_PROJECT_DIR"])
