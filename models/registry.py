"""MLflow: experiment, runs, registered models and their aliases `champion` and `challenger`.

What belongs here: everything that calls MLflow. What does not: which model wins (`models.champions`).

One parent run per training over all series, a child run per champion. A registered model per series; a version's tags say what it
was trained on, so that the next run can tell whether to train again.
"""

import contextlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from lake.database import MLFLOW, database_url
from lake.errors import ModelError
from lake.settings import Settings, get_settings
from models.artifact_locations import move_artifact_locations
from models.predictor import ForecastPoint, Predictor
from models.series import Series

EXPERIMENT = "forecasts"
Alias = Literal["champion", "challenger"]
SERVED = Path(__file__).with_name("mlflow_model.py")


@dataclass(frozen=True)
class Registered:
    """A version of a registered model: what it is and until when it had seen its series."""

    model: str
    version: str
    run_id: str
    forecaster: str
    trained_until: date
    rivals: str


class Registry:
    """MLflow's store of this platform: backend in the database `grimoire_mlflow`, artifacts in HOME/mlflow."""

    def __init__(self, settings: Settings | None = None) -> None:
        settings = settings or get_settings()
        mlflow = quiet_mlflow()
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
        self.experiment = known.experiment_id if known else self.client.create_experiment(EXPERIMENT, artifact_location=artifacts)

    @contextlib.contextmanager
    def training(self, *, parameters: Mapping[str, Any]) -> Iterator[str]:
        """The parent run of one training; gives its id."""
        with self.mlflow.start_run(experiment_id=self.experiment, run_name="training") as run:
            self.mlflow.log_params(dict(parameters))
            yield run.info.run_id

    @contextlib.contextmanager
    def champion_run(self, series: Series, *, metrics: Mapping[str, float]) -> Iterator[str]:
        """The child run of one series' champion; gives its id."""
        with self.mlflow.start_run(experiment_id=self.experiment, run_name=series.key, nested=True) as run:
            self.mlflow.log_metrics(dict(metrics))
            self.mlflow.set_tags({"series": series.name, "grain": series.grain})
            yield run.info.run_id

    def log_metrics(self, metrics: Mapping[str, float]) -> None:
        """Writes metrics to the run that is under way."""
        self.mlflow.log_metrics(dict(metrics))

    def register(self, series: Series, predictor: Predictor, *, alias: Alias, rivals: str) -> Registered:
        """Keeps the predictor as a new version of the series' model and points the alias at it."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "predictor.json")
            path.write_text(json.dumps(predictor.to_dict()))
            logged = self.mlflow.pyfunc.log_model(
                name=series.key,
                python_model=str(SERVED),
                artifacts={"predictor": str(path)},
                pip_requirements=[f"{name}=={version(name)}" for name in ("mlflow", "pandas", "prophet")],
            )
        tags = {"forecaster": predictor.forecaster, "trained_until": predictor.trained_until, "rivals": rivals}
        if self.holder(series, "champion") is None and self.holder(series, "challenger") is None:
            self._ensure_model(series)
        made = self.client.create_model_version(
            series.key, logged.model_uri, run_id=logged.run_id, tags=tags, model_id=logged.model_id
        )
        self.client.set_registered_model_alias(series.key, alias, made.version)
        return Registered(
            series.key,
            str(made.version),
            made.run_id or "",
            predictor.forecaster,
            date.fromisoformat(predictor.trained_until),
            rivals,
        )

    def _ensure_model(self, series: Series) -> None:
        from mlflow.exceptions import MlflowException

        with contextlib.suppress(MlflowException):  # it is there already
            self.client.create_registered_model(series.key, description=f"{series.title} ({series.grain})")

    def holder(self, series: Series, alias: Alias) -> Registered | None:
        """The version an alias points at; None if there is none that we made."""
        from mlflow.exceptions import MlflowException

        try:
            found = self.client.get_model_version_by_alias(series.key, alias)
            tags = found.tags
            return Registered(
                series.key,
                str(found.version),
                found.run_id or "",
                tags["forecaster"],
                date.fromisoformat(tags["trained_until"]),
                tags["rivals"],
            )
        except (MlflowException, KeyError, ValueError):
            return None

    def forecast(self, series: Series) -> list[ForecastPoint]:
        """Forecasts with the series' champion, loaded from the registry.

        Raises:
            ModelError: It cannot be loaded.
        """
        import pandas as pd
        from mlflow.exceptions import MlflowException

        address = f"models:/{series.key}@champion"
        try:
            champion = self.mlflow.pyfunc.load_model(address)
        except (MlflowException, OSError) as error:
            raise ModelError(f"{address} cannot be loaded: {error}", remedy="Run `grimoire forecast --retrain`.") from error
        history = pd.DataFrame({"period": [series.date_of(index) for index in range(len(series))], "value": series.values})
        return [ForecastPoint(**row) for row in champion.predict(history).to_dict("records")]


def quiet_mlflow() -> Any:
    """The module mlflow, without progress bars, remarks, and copies of our lock file in every model."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_UV_AUTO_DETECT", "false")
    import mlflow
    import mlflow.pyfunc

    for name in ("mlflow", "alembic", "psycopg"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return mlflow
