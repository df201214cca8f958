"""MLflow: experiment, runs, registered models and their aliases `champion` and `challenger`.

What belongs here: everything that calls MLflow. What does not: which model wins (`models.champions`).

One run per training, however many series; one registered model per grain, a version of which is the table of all its series'
champions. A model or a run per series would cost a quarter of a second each.
"""

import contextlib
import gc
import json
import logging
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lake.database import MLFLOW, database_url
from lake.errors import DatabaseUnavailableError, ModelError, StorageError
from lake.settings import Settings, get_settings
from models.artifact_locations import move_artifact_locations
from models.champion_table import ChampionTable
from models.model_folder import save_model
from models.series import Grain

EXPERIMENT = "forecasts"
Alias = Literal["champion", "challenger"]
SERVED = Path(__file__).with_name("mlflow_model.py")
_COMMIT = re.compile("[0-9a-f]{12,40}")
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

    @contextlib.contextmanager
    def run(
        self, name: str, *, tags: Mapping[str, Any], parameters: Mapping[str, Any], metrics: Mapping[str, float]
    ) -> Iterator[Any]:
        """Gives a new run, its facts written in two statements; it is finished with the block, or failed with it.

        `mlflow.start_run` would import GitPython to ask which commit this is: the caller's tag `code_version` says so.
        """
        from mlflow.entities import Metric, Param
        from mlflow.tracking.context.default_context import DefaultRunContext
        from mlflow.utils.time import get_current_time_millis

        said = {key: str(value) for key, value in tags.items()}
        commit = said.get("code_version", "").removesuffix("-dirty")
        by_git = {"mlflow.source.git.commit": commit} if _COMMIT.fullmatch(commit) else {}
        run = self.client.create_run(self.experiment, run_name=name, tags={**DefaultRunContext().tags(), **by_git, **said})
        now, status = get_current_time_millis(), "FAILED"
        try:
            self.client.log_batch(
                run.info.run_id,
                params=[Param(key, str(value)) for key, value in parameters.items()],
                metrics=[Metric(key, value, now, 0) for key, value in metrics.items()],
            )
            yield run
            status = "FINISHED"
        finally:
            self.client.set_terminated(run.info.run_id, status)

    def add_version(self, name: str, alias: Alias, source: str, *, run_id: str, **facts: Any) -> str:
        """Registers a model folder under a name, and points the alias at it.

        Args:
            name: Of the registered model; made if it is not there.
            alias: Which from now on is this version.
            source: Address of the folder.
            run_id: The run it came from.
            **facts: Of `MlflowClient.create_model_version`: description, tags, model_id.

        Returns:
            The version.
        """
        from mlflow.exceptions import MlflowException

        try:
            made = self.client.create_model_version(name, source, run_id=run_id, **facts)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            with contextlib.suppress(MlflowException):  # another process was quicker
                self.client.create_registered_model(name)
            made = self.client.create_model_version(name, source, run_id=run_id, **facts)
        self.client.set_registered_model_alias(name, alias, made.version)
        return str(made.version)

    def version_at(self, name: str, alias: Alias) -> Any | None:
        """The version of a registered model that an alias points at; None where there is no such model, or no such alias.

        Raises:
            MlflowException: The registry does not answer.
        """
        from mlflow.exceptions import MlflowException

        try:
            return self.client.get_model_version_by_alias(name, alias)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):  # the second: a model without the alias
                return None
            raise

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
            evidence: Folder of what the run is to show: back-tests, model card, plots; the models' folders are put into it.
            parameters, metrics, tags: Of the run.

        Returns:
            The champions' versions by grain.

        Raises:
            ModelError: The registry does not answer.
        """
        card = (evidence / "model_card.md").read_text(encoding="utf-8")
        with _told("written"):
            for alias, by_grain in tables.items():
                for grain, table in by_grain.items():
                    _save(evidence / "models" / grain / alias, table)
            with self.run("training", tags=tags, parameters=parameters, metrics=metrics) as run:
                self.client.log_artifacts(run.info.run_id, str(evidence))
                made: dict[Grain, Registered] = {}
                for alias in ("challenger", "champion"):
                    for grain, table in tables.get(alias, {}).items():
                        registered = self._register(run.info, alias, table, card=card)
                        if alias == "champion":
                            made[grain] = registered
        return made

    def _register(self, run: Any, alias: Alias, table: ChampionTable, *, card: str) -> Registered:
        name, source = model_name(table.grain), f"{run.artifact_uri}/models/{table.grain}/{alias}"
        facts = {"tags": {"series": str(len(table.entries))}, "description": card}
        return Registered(name, self.add_version(name, alias, source, run_id=run.run_id, **facts), run.run_id, table)

    def load(self, grain: Grain, alias: Alias = "champion") -> Registered | None:
        """The version an alias points at, with its table; None if nothing was registered yet.

        Raises:
            ModelError: It is there and cannot be read, or was made for other columns.
        """
        name = model_name(grain)
        with _told(f"read: models:/{name}@{alias}"):
            found = self.version_at(name, alias)
            if found is None:
                return None
            with tempfile.TemporaryDirectory() as folder:
                path = self.mlflow.artifacts.download_artifacts(f"models:/{name}/{found.version}", dst_path=folder)
                table = json.loads(Path(path, "artifacts", f"{alias}.json").read_text())
        return Registered(name, str(found.version), found.run_id or "", ChampionTable.from_dict(table, grain=grain))


def _save(path: Path, table: ChampionTable) -> None:
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder, f"{path.name}.json")
        written.write_text(json.dumps(table.to_dict()))
        save_model(path, code=SERVED, artifacts={"champions": written}, libraries=("mlflow", "pandas", "statsforecast"))


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
    """The module mlflow with its store, without progress bars, remarks, and copies of our lock file in every model."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_UV_AUTO_DETECT", "false")
    with _no_search_for_garbage():
        import mlflow
        import mlflow.pyfunc
        import mlflow.store.model_registry.sqlalchemy_store
        import mlflow.store.tracking.sqlalchemy_store

    for name in ("mlflow", "alembic", "psycopg"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return mlflow


@contextlib.contextmanager
def _no_search_for_garbage() -> Iterator[None]:
    """Pauses it for imports.

    They make very many objects, all of which stay, and to look at all of them again and again is a third of an import's time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
