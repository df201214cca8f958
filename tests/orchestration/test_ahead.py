"""Work begun before its step comes: its outcome, progress and errors reach the step as if it had done the work itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lake.settings import PROJECT_ROOT

pytestmark = pytest.mark.slow

# A program of its own: the process that is forked from keeps the environment it was started in.
PROGRAM = """
import json, os
from lake.errors import QualityGateError
from orchestration import ahead

def add(*, a, b, progress):
    progress("adding", 0.5)
    return a + b, os.getpid()

def fail(*, progress):
    raise QualityGateError("The gate is closed.", remedy="Open it.", checks=["one"])

def stumble(*, progress):
    raise ValueError("no such thing")

def die(*, progress):
    os._exit(3)

if __name__ == "__main__":
    told, raised = [], {}
    tell = lambda words, done: told.append([words, done])
    here = ahead.outcome("unbegun", "__main__:add", tell=tell, a=1, b=1)[1] == os.getpid()
    ahead.prepare()
    ahead.begin("add", "begun_work:add", a=1, b=2)
    for name in ("fail", "stumble", "die"):
        ahead.begin(name, f"begun_work:{name}")
    total, pid = ahead.outcome("add", "begun_work:add", tell=tell, a=1, b=2)
    for name in ("fail", "stumble", "die"):
        try:
            ahead.outcome(name, f"begun_work:{name}", tell=tell)
        except Exception as error:
            raised[name] = [type(error).__name__, str(error), getattr(error, "data", {}).get("checks")]
    with ahead.none_left_behind():
        ahead.begin("left", "time:sleep", seconds=60)
    print(json.dumps({"here": here, "total": total, "elsewhere": pid != os.getpid(), "told": told, "raised": raised}))
"""


def test_begun_work_answers_tells_and_fails_as_if_the_step_had_done_it_itself(tmp_path: Path) -> None:
    program = tmp_path / "begun_work.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(program)],
        env={**os.environ, "GRIMOIRE_HOME": str(tmp_path / "home"), "PYTHONPATH": f"{PROJECT_ROOT}{os.pathsep}{tmp_path}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["here"], "work that was not begun is done by who asks for it"
    assert (said["total"], said["elsewhere"]) == (3, True)
    assert said["told"] == [["adding", 0.5], ["adding", 0.5]]
    assert said["raised"]["fail"] == ["QualityGateError", "[G3010] The gate is closed. Open it.", ["one"]]
    assert said["raised"]["stumble"] == ["RuntimeError", "ValueError: no such thing", None]
    assert said["raised"]["die"][:1] == ["PlatformError"] and "ended with 3" in said["raised"]["die"][1]
