"""MLflow for the predictions of processes: a run per training, a registered model per process, champion and challenger.

What belongs here: what calls MLflow for processes. What does not: the store itself and series (`models.registry`), and when to
train (`models.cases.running`).

A model is kept as a file of joblib, which is Python's pickle: loading one runs code, so it is loaded from the platform's own
store only.
"""

import json
import tempfile
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lake.errors import ModelError
from models import model_folder
from models.registry import Alias, Registry

if TYPE_CHECKING:
    from lake.settings import Settings
    from models.cases.predictor import CasePredictor

EXPERIMENT_TAG = "running cases"
SERVED = Path(__file__).with_name("served.py")
_LIBRARIES = ("scikit-learn", "numpy", "mlflow", "pandas", "joblib", "duckdb")


@dataclass(frozen=True)
class Kept:
    """A version of a process's registered model."""

    model: str
    version: str
    run_id: str


def model_name(process: str) -> str:
    """Name of a process's registered model."""
    return f"cases_{process}"


class CaseRegistry:
    """The predictors of processes in MLflow's store of this platform.

    Raises:
        ModelError: The store is away.
    """

    def __init__(self, settings: "Settings | None" = None) -> None:
        try:
            self.registry = Registry(settings)
        except Exception as error:  # MLflow wraps whatever its database says in errors of several libraries
            raise _away(error) from error
        self.client = self.registry.client

    def keep(self, process: str, predictor: "CasePredictor", *, alias: Alias, snapshot_id: int) -> Kept:
        """Keeps a predictor in a run of its own, registers it and points the alias at it.

        Raises:
            ModelError: The store is away.
        """
        try:
            return self._keep(process, predictor, alias=alias, snapshot_id=snapshot_id)
        except Exception as error:  # MLflow wraps whatever its database and its folder say in errors of several libraries
            raise _away(error) from error

    def _keep(self, process: str, predictor: "CasePredictor", *, alias: Alias, snapshot_id: int) -> Kept:
        import joblib

        name, until = model_name(process), predictor.trained_until.isoformat()
        parameters = {"trained_until": until, "cases": str(predictor.cases)}
        facts = {"process": process, "snapshot_id": snapshot_id, "code_version": version("grimoire"), "kind": EXPERIMENT_TAG}
        with (
            self.registry.run(name, tags=facts, parameters=parameters, metrics=_metrics(predictor)) as run,
            tempfile.TemporaryDirectory() as folder,
        ):
            path = Path(folder, "predictor.joblib")
            joblib.dump(predictor, path)
            evidence = Path(folder, "evidence")
            _write_evidence(evidence, process, predictor, snapshot_id)
            self.client.log_artifacts(run.info.run_id, str(evidence))
            logged = self._log_model(name, path, run_id=run.info.run_id, parameters=parameters)
        made = self.registry.add_version(
            name,
            alias,
            logged.model_uri,
            run_id=run.info.run_id,
            tags={"trained_until": until, "snapshot_id": str(snapshot_id)},
            model_id=logged.model_id,
            description=card(name, predictor, snapshot_id),
        )
        return Kept(name, made, run.info.run_id)

    def _log_model(self, name: str, path: Path, *, run_id: str, parameters: dict[str, str]) -> Any:
        """Keeps the predictor as a model of MLflow's, with the run's parameters and figures."""
        from mlflow.models import Model

        made = self.client.create_logged_model(self.registry.experiment, name=name, source_run_id=run_id, params=parameters)
        return Model.log(
            artifact_path=None,  # the model that was made above has one
            flavor=model_folder,
            model_id=made.model_id,
            run_id=run_id,
            code=SERVED,
            artifacts={"predictor": path},
            libraries=_LIBRARIES,
        )

    def holder(self, process: str, alias: Alias = "champion") -> Kept | None:
        """The version an alias points at; None if there is none."""
        from mlflow.exceptions import MlflowException

        try:
            found = self.registry.version_at(model_name(process), alias)
        except MlflowException as error:
            raise _away(error) from error
        return Kept(found.name, str(found.version), found.run_id or "") if found else None

    def load(self, process: str) -> "CasePredictor":
        """The champion of a process.

        Raises:
            ModelError: There is none, or it cannot be loaded.
        """
        address = f"models:/{model_name(process)}@champion"
        try:
            served = self.registry.mlflow.pyfunc.load_model(address, suppress_warnings=True)
            predictor: CasePredictor = served.unwrap_python_model().predictor
        except Exception as error:  # a file of another version fails in as many ways as Python has
            raise ModelError(
                f"{address} cannot be loaded: {error}", remedy=f"Run `grimoire predict {process} --retrain`.", process=process
            ) from error
        return predictor


def _away(error: Exception) -> ModelError:
    return ModelError(
        f"The model registry does not answer: {error}",
        remedy="Look at `grimoire status`: the platform's database must be up. Scores of the last run stay as they are.",
    )


def _write_evidence(folder: Path, process: str, predictor: "CasePredictor", snapshot_id: int) -> None:
    """The model card, and what was measured, as files of the run."""
    folder.mkdir()
    (folder / "model_card.md").write_text(card(process, predictor, snapshot_id), encoding="utf-8")
    found = predictor.evaluation
    if found:
        tables = {"measures": [asdict(one) for one in found.measures], "earliness": found.earliness}
        for name, rows in (tables | {"calibration": found.calibration}).items():
            (folder / f"{name}.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")


def _metrics(predictor: "CasePredictor") -> dict[str, float]:
    measures = predictor.evaluation.measures if predictor.evaluation else ()
    told = {f"{one.target}.{one.measure}": one.value for one in measures}
    told |= {f"{one.target}.{one.measure}.floor": one.floor for one in measures}
    return {name: value for name, value in told.items() if value is not None}


def card(name: str, predictor: "CasePredictor", snapshot_id: int) -> str:
    """The model card: what it is, what it was trained on, how good it is beside the floor, and its limits."""
    found, settings = predictor.evaluation, predictor.settings
    rows = [
        f"| {one.target} | {one.measure} | {_figure(one.value)} | {_figure(one.floor)} |"
        for one in (found.measures if found else ())
    ]
    floors = [target for target, serves in (found.serves if found else {}).items() if not serves]
    return "\n".join(
        [
            f"# {name}",
            "",
            "Remaining time, outcome and next activity of running cases: gradient boosting on prefixes of cases.",
            "",
            f"Data: {predictor.prefixes:,} prefixes of {predictor.cases:,} cases until {predictor.trained_until:%Y-%m-%d}, "
            f"snapshot {snapshot_id} of the lake{_drawn(predictor.share)}. Measured on cases that started later than all of these.",
            "",
            "| target | measure | model | floor |",
            "|---|---|---:|---:|",
            *rows,
            "",
            f"The floor serves, because the model does not beat it: {', '.join(floors) or 'nowhere'}.",
            "",
            f"A case has ended after {', '.join(settings.end_activities) or 'no particular activity'}, "
            f"or after {settings.silent_seconds / 86_400:.0f} days without an event. Derived from the log: "
            f"{', '.join(settings.derived) or 'nothing'}.",
            "",
            "Limits: it carries the past on; intervals are calibrated on earlier cases and hold as far as later ones "
            "are like them; "
            "an activity or attribute value that is new counts as unknown.",
        ]
    )


def _drawn(share: float) -> str:
    return "" if share == 1 else f"; {share:.0%} of all cases were drawn"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
