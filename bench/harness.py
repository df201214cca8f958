"""What every benchmark needs: a fresh process that is measured, the facts of the machine, a results file and a table.

What belongs here: measuring and writing down. What does not: what is measured (one file per benchmark in this folder) and
which ratio is wanted (the benchmark asserts it).

A benchmark compares two functions, ours and a peer's, each named as `"bench.file:function"`, each run in a process of its
own so that neither warms the other's caches or hides the other's memory. A function returns something JSON can hold, so that
the benchmark can assert that both computed the same.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

PROJECT_ROOT = Path(__file__).resolve().parent.parent
RESULTS = PROJECT_ROOT / "bench" / "results"
SHARED_DATA = PROJECT_ROOT.parent / "shared" / "data"


@dataclass(frozen=True)
class Measured:
    """What one run cost: wall and CPU seconds, and the peak memory of its process in megabytes (10^6 bytes).

    `imports_mb` is what of the peak was there when the imports were done, where that was looked at.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float
    imports_mb: float | None = None
    value: Any = field(default=None, repr=False)

    def figures(self) -> dict[str, float]:
        """The figures without the value, rounded for people."""
        return {name: round(value, 3) for name, value in asdict(self).items() if name != "value" and value is not None}


def measure(target: str, *, imports: str | None = None, environment: Mapping[str, str] | None = None, **options: Any) -> Measured:
    """Runs a function in a fresh Python process and measures it there.

    Args:
        target: `"package.module:function"`; called with `options`, returns something JSON can hold, or a function that does:
            that one is called when the clock has stopped, for what only the comparison needs.
        imports: A function without arguments to run first, unmeasured in time (its memory counts): imports, mostly.
        environment: Variables to set in the child beside the ones it inherits.
        **options: Keyword arguments of the function; JSON must be able to hold them.

    Raises:
        RuntimeError: The function failed; the message is the end of what it wrote to stderr.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        order = json.dumps({"target": target, "imports": imports, "options": options, "answer": str(answer)})
        done = subprocess.run(
            [sys.executable, "-m", "bench.harness", order],
            cwd=PROJECT_ROOT,
            env={**os.environ, **(environment or {})},
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{target} failed in its process: {done.stderr[-2000:]}")
        return Measured(**json.loads(answer.read_text()))


def measure_command(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> Measured:
    """Runs a command and measures it with all processes it starts; `value` is what it printed to stdout.

    CPU seconds count the processes that were waited for; peak memory is the largest sum over the tree of processes, looked at
    ten times a second; memory that two of them share counts once.

    Raises:
        RuntimeError: The command failed; the message is the end of what it wrote to stderr.
    """
    before, started, peak = os.times(), time.perf_counter(), [0]
    with subprocess.Popen(
        list(command), env={**os.environ, **(environment or {})}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        watcher = threading.Thread(target=_watch_tree, args=(process.pid, peak), daemon=True)
        watcher.start()
        output, complaints = process.communicate()
    wall, after = time.perf_counter() - started, os.times()
    watcher.join()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed with exit code {process.returncode}: {complaints[-2000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Measured(wall_seconds=wall, cpu_seconds=cpu, peak_mb=peak[0] / 1e6, value=output)


def measure_here(work: Callable[[], Any]) -> Measured:
    """Runs `work` in this process; the peak is the process's own since it started."""
    started, before = time.perf_counter(), _cpu_seconds()
    value = work()
    wall, cpu = time.perf_counter() - started, _cpu_seconds() - before
    return Measured(wall_seconds=wall, cpu_seconds=cpu, peak_mb=peak_memory_mb(), value=value)


def _cpu_seconds() -> float:
    """CPU seconds of this process and the children it waited for, so far; `os.times` counts in hundredths only."""
    import resource

    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, in megabytes.

    On Linux from `VmHWM`, because `ru_maxrss` survives an exec and would show the benchmark's own parent.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def machine() -> dict[str, Any]:
    """The facts of this machine that explain a figure."""
    import psutil

    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "load_before": [round(value, 2) for value in os.getloadavg()],
    }


def versions(*distributions: str) -> dict[str, str]:
    """Installed versions of Python and of the named distributions."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in distributions}}


def write_results(name: str, **facts: Any) -> Path:
    """Writes `bench/results/<name>.json` and the page's table: machine, time and the given versions, rows, ours, peer, ratio."""
    from bench.table import refresh

    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    document = {"benchmark": name, "measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), **facts}
    path.write_text(json.dumps(document, indent=2, default=str) + "\n", encoding="utf-8")
    refresh()
    return path


def print_table(rows: Mapping[str, Measured], *, against: str | None = None) -> None:
    """Prints one line per run; with `against`, also how many times faster and smaller than that run each is."""
    width = max(len(name) for name in rows)
    print(
        f"{'':<{width}}  {'wall s':>8}  {'CPU s':>8}  {'peak MB':>8}" + ("  wall ratio  CPU ratio  memory share" if against else "")
    )
    for name, run in rows.items():
        line = f"{name:<{width}}  {run.wall_seconds:8.2f}  {run.cpu_seconds:8.2f}  {run.peak_mb:8.0f}"
        if against:
            times = ratio(rows[against], run)
            line += f"  {times['wall']:9.1f}x  {times['cpu']:8.1f}x  {times['memory_share']:12.2f}"
        print(line)


def ratio(peer: Measured, ours: Measured) -> dict[str, float]:
    """How many times as fast we are in wall and CPU time, and our share of the peer's memory."""
    return {
        "wall": round(peer.wall_seconds / ours.wall_seconds, 2),
        "cpu": round(peer.cpu_seconds / max(ours.cpu_seconds, 1e-9), 2),
        "memory_share": round(ours.peak_mb / peer.peak_mb, 3),
    }


def median_of(runs: Sequence[Measured]) -> Measured:
    """The run with the median CPU time; on a shared machine one run proves little."""
    return sorted(runs, key=lambda run: run.cpu_seconds)[len(runs) // 2]


def _watch_tree(pid: int, peak: list[int]) -> None:
    import psutil

    try:
        parent = psutil.Process(pid)
        while parent.is_running() and parent.status() != psutil.STATUS_ZOMBIE:
            tree = [parent, *parent.children(recursive=True)]
            if sum(map(_resident, tree)) > peak[0]:  # reading what is shared takes longer, and can only yield less
                peak[0] = max(peak[0], sum(map(_proportional, tree)))
            time.sleep(0.1)
    except psutil.NoSuchProcess:
        return


def _resident(process: Any) -> int:
    import psutil

    try:
        return int(process.memory_info().rss)
    except psutil.Error:  # gone between listing and looking
        return 0


def _proportional(process: Any) -> int:
    """Memory of a process, with what it shares with others counted in parts; where the system does not tell, all of it."""
    import psutil

    try:
        return int(process.memory_full_info().pss)
    except (AttributeError, psutil.Error):
        return _resident(process)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def _function(name: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), attribute)
    return function


def _child(order: dict[str, Any]) -> None:
    """The measured side of `measure`, in its own process."""
    function = _function(order["target"])
    if order["imports"]:
        _function(order["imports"])()
    imported = peak_memory_mb()
    run = replace(measure_here(lambda: function(**order["options"])), imports_mb=imported)
    if callable(run.value):
        run = replace(run, value=run.value())
    Path(order["answer"]).write_text(json.dumps(asdict(run), default=str))


if __name__ == "__main__":
    _child(json.loads(sys.argv[1]))
