"""MLflow for the predictions of processes: a run per training, a registered model per process, champion and challenger.

What belongs here: what calls MLflow for processes. What does not: the store itself and series (`models.registry`), and when to
train (`models.cases.running`).

A model is kept as a file of joblib, which is Python's pickle: loading one runs code, so it is loaded from the platform's own
store only.
"""

import contextlib
import json
import tempfile
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lake.errors import ModelError
from models.registry import Registry

if TYPE_CHECKING:
    from lake.settings import Settings
    from models.cases.predictor import CasePredictor

EXPERIMENT_TAG = "running cases"
Alias = Literal["champion", "challenger"]
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

        mlflow, name = self.registry.mlflow, model_name(process)
        with (
            mlflow.start_run(experiment_id=self.registry.experiment, run_name=name) as run,
            tempfile.TemporaryDirectory() as folder,
        ):
            path = Path(folder, "predictor.joblib")
            joblib.dump(predictor, path)
            mlflow.set_tags(
                {"process": process, "snapshot_id": snapshot_id, "code_version": version("grimoire"), "kind": EXPERIMENT_TAG}
            )
            mlflow.log_params({"trained_until": predictor.trained_until.isoformat(), "cases": predictor.cases})
            mlflow.log_metrics(_metrics(predictor))
            self._log_files(process, predictor, snapshot_id)
            logged = mlflow.pyfunc.log_model(
                name=name,
                python_model=str(SERVED),
                artifacts={"predictor": str(path)},
                pip_requirements=[f"{library}=={version(library)}" for library in _LIBRARIES],
            )
        return self._register(name, logged, run.info.run_id, predictor, alias=alias, snapshot_id=snapshot_id)

    def _register(self, name: str, logged: Any, run_id: str, predictor: "CasePredictor", *, alias: Alias, snapshot_id: int) -> Kept:
        from mlflow.exceptions import MlflowException

        with contextlib.suppress(MlflowException):  # it is there already
            self.client.create_registered_model(name)
        tags = {"trained_until": predictor.trained_until.isoformat(), "snapshot_id": str(snapshot_id)}
        made = self.client.create_model_version(
            name,
            logged.model_uri,
            run_id=run_id,
            tags=tags,
            model_id=logged.model_id,
            description=card(name, predictor, snapshot_id),
        )
        self.client.set_registered_model_alias(name, alias, made.version)
        return Kept(name, str(made.version), run_id)

    def _log_files(self, process: str, predictor: "CasePredictor", snapshot_id: int) -> None:
        mlflow, found = self.registry.mlflow, predictor.evaluation
        mlflow.log_text(card(process, predictor, snapshot_id), "model_card.md")
        if found:
            tables = {"measures": [asdict(one) for one in found.measures], "earliness": found.earliness}
            for name, rows in (tables | {"calibration": found.calibration}).items():
                mlflow.log_text(json.dumps(rows, indent=1), f"{name}.json")

    def holder(self, process: str, alias: Alias = "champion") -> Kept | None:
        """The version an alias points at; None if there is none."""
        from mlflow.exceptions import MlflowException

        try:
            found = self.client.get_model_version_by_alias(model_name(process), alias)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise _away(error) from error
        return Kept(found.name, str(found.version), found.run_id or "")

    def load(self, process: str) -> "CasePredictor":
        """The champion of a process.

        Raises:
            ModelError: There is none, or it cannot be loaded.
        """
        address = f"models:/{model_name(process)}@champion"
        try:
            served = self.registry.mlflow.pyfunc.load_model(address)
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
