"""What other processes ask of Dagster without importing it: `python -m orchestration road [CONNECTION]`, `… build OPTIONS` and
`… serve PROGRAM …`.

What belongs here: one run of the road, of one connection's part of it or of a build, told as lines of JSON on standard output, and
starting Dagster's own programs with the environment they need. What does not: the run (`orchestration.run`) and watching over
servers (`apps.cli`).

`road` and `build` write `{"description": …, "done": 0..1}` while they work and at last `{"report": …}` or `{"error": …}`.
"""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NoReturn

from lake.errors import GrimoireError


def main(arguments: list[str]) -> int:
    """Exit code 0, or 1 for an error that a person can act on, told as the last line."""
    if arguments[:1] == ["serve"]:
        _serve(arguments[1:])
    from orchestration.run import run_build, run_road

    if arguments[:1] == ["build"]:
        return _tell_run(run_build, **json.loads(arguments[1]))
    return _tell_run(run_road, connection=arguments[1] if len(arguments) > 1 else None)


def _tell_run(run: Callable[..., Any], **options: Any) -> int:
    from orchestration import ahead

    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no part of the protocol

    ahead.prepare()

    def tell(line: dict[str, Any]) -> None:
        out.write(json.dumps(line, default=str) + "\n")

    try:
        report = run(progress=lambda description, done: tell({"description": description, "done": done}), **options)
    except GrimoireError as error:
        tell({"error": {"code": error.code, "problem": error.problem, "remedy": error.remedy}})
        return 1
    tell({"report": asdict(report)})
    return 0


def _serve(command: list[str]) -> NoReturn:
    """Becomes one of Dagster's programs; the storage's address reaches it through the environment only."""
    from orchestration.instance import dagster_environment

    os.environ.update(dagster_environment())
    os.execvp(command[0], command)  # noqa: S606 — our own argument list


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
