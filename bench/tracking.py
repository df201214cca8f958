"""What MLflow costs a training: opening the store, reading the champions, and keeping the training, imports included.

What belongs here: that cost for few and for many series, and for the predictor of a process. What does not: training itself
(`bench.models`, `bench.case_predictions`). Run as `python -m bench.tracking`; needs no data. Runs in a temporary home with an
embedded PostgreSQL, which is up before the clock starts, as in every run; so is MLflow's schema.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bench.harness import Measured, measure, print_table, versions, write_results
from lake.database import MLFLOW, database_address
from models.backtest import WINDOWS, Backtest, WindowScore
from models.forecasters import DEFAULT, GLOBAL
from models.forecasting import keep, open_registry
from models.series import GRAINS, HORIZON, Series
from models.statistical import MEMBERS, SEASONAL_NAIVE
from models.titles import Title, award
from models.training import Trained

SERIES = (10, 200)
MOST_SECONDS = 3.0
RUNS = 3
RIVALS = (DEFAULT, *MEMBERS, SEASONAL_NAIVE, GLOBAL)
EVIDENCE = {"backtests.csv", "champions.csv", "errors.svg", "model_card.md", "models"}


@cache
def titles() -> dict[str, Title]:
    """The titles of 200 series of all grains, their back-tests drawn by lot."""
    lots = np.random.default_rng(7)
    trained = {}
    for index in range(max(SERIES)):
        grain = GRAINS[index % len(GRAINS)]
        series = Series(f"kpi_{index}", f"KPI {index}", "EUR", grain, date(2024, 1, 1), lots.poisson(20, 200).astype(float))
        tests = {
            name: Backtest(
                name,
                tuple(
                    WindowScore(
                        series.date_of(100 + window), HORIZON[grain], lots.uniform(0.5, 1.5), 20.0, lots.normal(size=HORIZON[grain])
                    )
                    for window in range(WINDOWS[grain])
                ),
            )
            for name in RIVALS
        }
        trained[series.key] = Trained(series, tests, {"auto_ets": "AAN"})
    return award(trained, {})


def before_training() -> None:
    """What is there when a training opens the registry: the database server, and what was trained."""
    database_address(MLFLOW)
    titles()
    assert not {"mlflow", "sqlalchemy", "matplotlib"} & set(sys.modules), "an import would not be counted"


def kept(*, series: int) -> Callable[[], dict[str, Any]]:
    """Opens the registry, reads the champions and keeps a training of so many series; then says what is there."""
    from lake.settings import get_settings
    from models.evidence import code_version

    settings = get_settings()
    held = open_registry(settings)
    facts = {"snapshot_id": 1, "code_version": code_version(), "country": "DE", "budget_seconds": 90.0, "seconds": 60.0}
    made = keep(held, dict(list(titles().items())[:series]), facts)

    def check() -> dict[str, Any]:
        assert held.registry is not None and not held.problems, held.problems
        [run_id] = {one.run_id for one in made.values()}
        files = {item.path for item in held.registry.client.list_artifacts(run_id)}
        assert files == EVIDENCE, files
        for grain in GRAINS:
            champion = held.registry.load(grain)
            assert champion is not None and champion.version == made[grain].version
            assert held.registry.load(grain, "challenger") is not None
        assert held.registry.client.get_run(run_id).data.params["series"] == str(series)
        return {"versions": {one.model: one.version for one in made.values()}}

    return check


@cache
def predictor() -> Any:
    """A predictor of 200 cases of three steps."""
    import polars

    from mining import EventLog
    from models.cases import train

    lots = np.random.default_rng(7)
    rows = [
        (f"c{case}", step, datetime(2024, 1, 1) + timedelta(hours=6.0 * case + 20 * place + float(lots.uniform(0, 20))))
        for case in range(200)
        for place, step in enumerate(("begin", "check", "pack", "end"))
    ]
    with EventLog.from_frame(polars.DataFrame(rows, schema=["case_id", "activity", "occurred_at"], orient="row")) as log:
        return train(log, cases="all")


def before_case_training() -> None:
    """The database server and a trained predictor."""
    database_address(MLFLOW)
    predictor()
    assert not {"mlflow", "sqlalchemy"} & set(sys.modules), "an import would not be counted"


def kept_case() -> Callable[[], dict[str, Any]]:
    """Opens the registry and keeps a process's predictor; then says whether the champion is what was kept."""
    from models.cases.registry import CaseRegistry

    registry = CaseRegistry()
    registry.holder("steps")
    made = registry.keep("steps", predictor(), alias="champion", snapshot_id=1)

    def check() -> dict[str, Any]:
        assert registry.holder("steps") == made
        assert registry.load("steps").trained_until == predictor().trained_until
        return {"version": made.version}

    return check


def loaded_case() -> str:
    """Opens the registry and loads a process's champion, as scoring does."""
    from models.cases.registry import CaseRegistry

    return CaseRegistry().load("steps").trained_until.isoformat()


def best(target: str, *, home: Path, imports: str, **options: Any) -> Measured:
    """The quickest of some runs, each in a process of its own: on a shared machine the others measure the neighbours."""
    environment = {"GRIMOIRE_HOME": str(home), "OMP_NUM_THREADS": "1"}
    runs = [
        measure(f"bench.tracking:{target}", imports=f"bench.tracking:{imports}", environment=environment, **options)
        for _ in range(RUNS)
    ]
    return min(runs, key=lambda run: run.wall_seconds)


def main() -> None:
    """Makes the store, measures, writes the results, and fails where a bound is broken."""
    with tempfile.TemporaryDirectory(prefix="grimoire-bench-") as folder:
        home = Path(folder, "home")
        best("kept", home=home, imports="before_training", series=min(SERIES))  # makes MLflow's schema
        runs = {f"{series} series": best("kept", home=home, imports="before_training", series=series) for series in SERIES}
        runs["a process's predictor"] = best("kept_case", home=home, imports="before_case_training")
        runs["loading a process's champion"] = best("loaded_case", home=home, imports="before_case_training")
    print_table(runs)
    write_results(
        "tracking",
        versions=versions("mlflow", "sqlalchemy", "psycopg"),
        rows={"rivals": len(RIVALS), "windows": WINDOWS, "grains": len(GRAINS)},
        ours={name: run.figures() for name, run in runs.items()},
        bounds={"wall_seconds": MOST_SECONDS},
        note=f"The quickest of {RUNS} runs. The imports of MLflow and of what it imports are counted. There is no peer.",
    )
    is_quiet = os.getloadavg()[0] <= (os.cpu_count() or 1)  # wall time on a machine that others use tells of the others
    for name, run in runs.items():
        seconds = run.wall_seconds if is_quiet else run.cpu_seconds
        assert seconds <= MOST_SECONDS, f"{name}: {seconds:.1f} s for tracking"


if __name__ == "__main__":
    main()
