"""Processes that work together: all is done whatever becomes of them, and none is left behind."""

import os
import subprocess
import sys
import time
from multiprocessing import parent_process

import psutil
import pytest

from lake.settings import PROJECT_ROOT
from models.crew import crew

pytestmark = pytest.mark.slow
SLEEPERS = """
import time
from models.crew import crew

if __name__ == "__main__":
    with crew(2, 2) as work:
        list(work(time.sleep, [(600,), (600,)]))
"""


def doubled_or_dead(number: int) -> int:
    """Twice the number; a worker that is asked for that of three dies."""
    if number == 3 and parent_process() is not None:
        os._exit(1)
    return 2 * number


@pytest.mark.parametrize("in_order", [True, False])
def test_what_a_dying_process_leaves_undone_is_done_all_the_same(*, in_order: bool) -> None:
    with crew(20, 2) as work:
        found = list(work(doubled_or_dead, ((number,) for number in range(20)), in_order=in_order))
    assert sorted(found) == [2 * number for number in range(20)]


def workers_of(parent: int) -> list[int]:
    """The processes that multiprocessing spawned for it; its resource tracker is none."""
    return [child.pid for child in psutil.Process(parent).children() if "spawn_main" in " ".join(child.cmdline())]


def test_workers_end_with_the_process_they_work_for(tmp_path) -> None:
    script = tmp_path / "sleepers.py"
    script.write_text(SLEEPERS)
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    with subprocess.Popen([sys.executable, str(script)], env=environment) as parent:
        try:
            deadline = time.monotonic() + 60
            while len(workers := workers_of(parent.pid)) < 2 and time.monotonic() < deadline:
                time.sleep(0.1)
            assert len(workers) == 2
            time.sleep(2)  # they import what they need before they watch
        finally:
            parent.kill()
    deadline = time.monotonic() + 20
    while any(psutil.pid_exists(worker) for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [worker for worker in workers if psutil.pid_exists(worker)]
