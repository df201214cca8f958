"""How long it takes to have an XES log: `grimoire import` against `pm4py.read_xes`, on the traffic-fines log.

What belongs here: this comparison. What does not: mining the log (`bench.mining`).

Ours ends with a process in the lake: Parquet files, checked, committed. The peer ends with a data frame in memory. The peer's
default reader is the one pm4py takes by itself (`iterparse`, on lxml); where r4pm is installed, as it is here, pm4py takes that
instead, and the table says so in a line of its own. Each run is a process of its own; `import` lines are whole commands with
the interpreter's start, `read` lines leave each side's imports out.
"""

import shutil
import sys
import tempfile
import warnings
from pathlib import Path

from bench.harness import SHARED_DATA, Measured, measure, measure_command, print_table, ratio, versions, write_results

LOG = SHARED_DATA / "event_logs" / "Road_Traffic_Fine_Management_Process.xes.gz"
EVENTS, WANTED = 561_470, 5.0
GRIMOIRE = [sys.executable, "-m", "apps.cli.main"]


def import_pm4py() -> None:
    """The peer's imports."""
    import pm4py  # noqa: F401


def read_by_pm4py(*, variant: str | None = None) -> int:
    """The peer: events in the data frame."""
    import pm4py

    warnings.simplefilter("ignore")
    return len(pm4py.read_xes(str(LOG), variant=variant, show_progress_bar=False))


def import_grimoire() -> None:
    """Our imports, and a lake that is there."""
    import duckdb  # noqa: F401
    import numpy  # noqa: F401
    import pandas  # noqa: F401
    import pyarrow  # noqa: F401

    import connectors.xes_stream  # noqa: F401
    import lake

    lake.connect().close()


def read_by_grimoire() -> int:
    """Ours: events in the lake."""
    from connectors.event_log_files import import_event_log

    return import_event_log(LOG, name="traffic_fines").events


def main() -> None:
    """Runs both sides, prints the table, writes the results and fails below the ratio that is wanted."""
    if not LOG.exists():
        print(f"no {LOG.name}: nothing to measure")
        return
    home = tempfile.mkdtemp(prefix="grimoire-bench-")
    try:
        runs = _measure({"GRIMOIRE_HOME": home, "TQDM_DISABLE": "1"})
    finally:
        _stop(Path(home))
    ratios = {
        "command_against_default_reader": ratio(runs["python + pm4py.read_xes, default reader"], runs["grimoire import"]),
        "command_against_r4pm_in_pm4py": ratio(runs["python + pm4py.read_xes through r4pm"], runs["grimoire import"]),
        "read_against_default_reader": ratio(runs["pm4py.read_xes, default reader"], runs["import_event_log"]),
        "read_against_r4pm_in_pm4py": ratio(runs["pm4py.read_xes through r4pm"], runs["import_event_log"]),
    }
    print_table(runs)
    print("\n".join(f"{name:<32} {values}" for name, values in ratios.items()))
    write_results(
        "import_xes",
        versions=versions("duckdb", "pm4py", "r4pm", "lxml", "numpy", "pyarrow"),
        rows=EVENTS,
        ours={name: run.figures() for name, run in runs.items() if "pm4py" not in name},
        peer={name: run.figures() for name, run in runs.items() if "pm4py" in name},
        ratio=ratios,
    )
    assert ratios["command_against_default_reader"]["wall"] >= WANTED, "slower than promised"


def _measure(environment: dict[str, str]) -> dict[str, Measured]:
    measure_command([*GRIMOIRE, "processes", "--json"], environment=environment)  # makes the lake and starts its server
    command = [*GRIMOIRE, "import", str(LOG), "--name", "traffic_fines", "--no-mine", "--json"]
    script = f"import pm4py; assert len(pm4py.read_xes({str(LOG)!r}{{}})) == {EVENTS}"
    runs = {
        "grimoire import": measure_command(command, environment=environment),
        "python + pm4py.read_xes, default reader": measure_command(
            [sys.executable, "-c", script.format(", variant='iterparse'")], environment=environment
        ),
        "python + pm4py.read_xes through r4pm": measure_command([sys.executable, "-c", script.format("")], environment=environment),
        "import_event_log": measure(
            "bench.import_xes:read_by_grimoire", imports="bench.import_xes:import_grimoire", environment=environment
        ),
        "pm4py.read_xes, default reader": measure(
            "bench.import_xes:read_by_pm4py", imports="bench.import_xes:import_pm4py", environment=environment, variant="iterparse"
        ),
        "pm4py.read_xes through r4pm": measure(
            "bench.import_xes:read_by_pm4py", imports="bench.import_xes:import_pm4py", environment=environment
        ),
    }
    assert {run.value for name, run in runs.items() if "import_event" in name or name.startswith("pm4py")} == {EVENTS}
    return runs


def _stop(home: Path) -> None:
    measure("bench.import_xes:stop_server", environment={"GRIMOIRE_HOME": str(home)})
    shutil.rmtree(home, ignore_errors=True)


def stop_server() -> None:
    """Stops the embedded PostgreSQL of the benchmark's own home."""
    from lake import get_settings
    from lake.postgres import embedded

    embedded(get_settings()).stop()


if __name__ == "__main__":
    main()
