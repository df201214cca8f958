"""MLflow: experiment, runs, registered models and their aliases `champion` and `challenger`.

What belongs here: everything that calls MLflow. What does not: which model wins (`models.champions`).

One run per training, however many series; one registered model per grain, a version of which is the table of all its series'
champions. A model or a run per series would cost a quarter of a second each.
"""

import contextlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from lake.database import MLFLOW, database_url
from lake.errors import DatabaseUnavailableError, ModelError, StorageError
from lake.settings import Settings, get_settings
from models.artifact_locations import move_artifact_locations
from models.champion_table import ChampionTable
from models.series import Grain

EXPERIMENT = "forecasts"
Alias = Literal["champion", "challenger"]
SERVED = Path(__file__).with_name("mlflow_model.py")
RETRAIN = "Run `grimoire forecast --retrain`; forecasts go on meanwhile without champions."


@dataclass(frozen=True)
class Registered:
    """A version of a registered model and the table it holds."""

    model: str
    version: str
    run_id: str
    table: ChampionTable


def model_name(grain: Grain) -> str:
    """The registered model of a grain's forecasts."""
    return f"forecasts_{grain}"


class Registry:
    """MLflow's store of this platform: backend in the database `grimoire_mlflow`, artifacts in HOME/mlflow.

    Raises:
        ModelError: It does not answer.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        settings = settings or get_settings()
        mlflow = quiet_mlflow()
        with _told("opened"):
            artifacts = settings.folder("mlflow", "artifacts").as_uri()
            database = database_url(MLFLOW, settings=settings)
            address = database.render_as_string(hide_password=False)
            mlflow.set_tracking_uri(address)
            mlflow.set_registry_uri(address)
            self.client = mlflow.MlflowClient()
            self.mlflow = mlflow
            known = self.client.get_experiment_by_name(EXPERIMENT)
            if known and known.artifact_location != artifacts:  # the home folder has been moved
                move_artifact_locations(database, old=known.artifact_location, new=artifacts)
            made = known.experiment_id if known else self.client.create_experiment(EXPERIMENT, artifact_location=artifacts)
        self.experiment = made

    def log_training(
        self,
        tables: Mapping[Alias, Mapping[Grain, ChampionTable]],
        *,
        evidence: Path,
        parameters: Mapping[str, Any],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
    ) -> dict[Grain, Registered]:
        """Keeps a training as one run with all its files, and its tables as new versions that the aliases point at.

        Args:
            tables: By alias and grain.
            evidence: Folder of what the run is to show: back-tests, model card, plots.
            parameters, metrics, tags: Of the run.

        Returns:
            The champions' versions by grain.

        Raises:
            ModelError: The registry does not answer.
        """
        with _told("written"), tempfile.TemporaryDirectory() as folder:
            for alias, by_grain in tables.items():
                for grain, table in by_grain.items():
                    self._save(Path(folder, "models", grain, alias), table)
            with self.mlflow.start_run(experiment_id=self.experiment, run_name="training") as run:
                self.mlflow.set_tags(dict(tags))
                self.mlflow.log_params(dict(parameters))
                self.mlflow.log_metrics(dict(metrics))
                self.mlflow.log_artifacts(str(evidence))
                self.mlflow.log_artifacts(folder)
                made: dict[Grain, Registered] = {}
                for alias in ("challenger", "champion"):
                    for grain, table in tables.get(alias, {}).items():
                        registered = self._register(run.info, alias, table, card=(evidence / "model_card.md").read_text())
                        if alias == "champion":
                            made[grain] = registered
        return made

    def _save(self, path: Path, table: ChampionTable) -> None:
        written = path.with_suffix(".json")
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(json.dumps(table.to_dict()))
        self.mlflow.pyfunc.save_model(
            str(path),
            python_model=str(SERVED),
            artifacts={"champions": str(written)},
            pip_requirements=[f"{name}=={version(name)}" for name in ("mlflow", "pandas", "statsforecast")],
        )
        written.unlink()

    def _register(self, run: Any, alias: Alias, table: ChampionTable, *, card: str) -> Registered:
        from mlflow.exceptions import MlflowException

        name = model_name(table.grain)
        with contextlib.suppress(MlflowException):  # it is there already
            self.client.create_registered_model(name)
        source = f"{run.artifact_uri}/models/{table.grain}/{alias}"
        made = self.client.create_model_version(
            name, source, run_id=run.run_id, tags={"series": str(len(table.entries))}, description=card
        )
        self.client.set_registered_model_alias(name, alias, made.version)
        return Registered(name, str(made.version), run.run_id, table)

    def load(self, grain: Grain, alias: Alias = "champion") -> Registered | None:
        """The version an alias points at, with its table; None if nothing was registered yet.

        Raises:
            ModelError: It is there and cannot be read, or was made for other columns.
        """
        from mlflow.exceptions import MlflowException

        name = model_name(grain)
        try:
            found = self.client.get_model_version_by_alias(name, alias)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):  # the second: a model without the alias
                return None
            raise ModelError(f"The model registry does not answer: {error}", remedy=RETRAIN) from error
        with _told(f"read: models:/{name}@{alias}"), tempfile.TemporaryDirectory() as folder:
            path = self.mlflow.artifacts.download_artifacts(f"models:/{name}/{found.version}", dst_path=folder)
            table = json.loads(Path(path, "artifacts", f"{alias}.json").read_text())
        return Registered(name, str(found.version), found.run_id or "", ChampionTable.from_dict(table, grain=grain))


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Says of any of the many errors of MLflow, its database and its files that the registry is away."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, DatabaseUnavailableError, StorageError, OSError, ValueError) as error:
        raise ModelError(f"The model registry cannot be {what} ({type(error).__name__}: {error}).", remedy=RETRAIN) from error


def quiet_mlflow() -> Any:
    """The module mlflow, without progress bars, remarks, and copies of our lock file in every model."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_UV_AUTO_DETECT", "false")
    import mlflow
    import mlflow.pyfunc

    for name in ("mlflow", "alembic", "psycopg"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return mlflow
