"""The model MLflow serves: loads a predictor's JSON and forecasts.

What belongs here: the few lines between MLflow and `models.predictor`. What does not: anything else, for MLflow copies this file
into every model it keeps and runs the copy. Nobody imports it, so its imports of MLflow and pandas cost only whom it serves.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel

from models.predictor import Predictor
from models.series import on_calendar


class ServedPredictor(PythonModel):
    """A predictor behind MLflow's common interface."""

    def load_context(self, context: Any) -> None:
        """Reads the predictor from the model's artifact `predictor`."""
        self.predictor = Predictor(**json.loads(Path(context.artifacts["predictor"]).read_text()))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Takes the series' history (columns period, value), gives period, value, lower_80, upper_80, lower_95, upper_95."""
        periods = [pd.Timestamp(period).date() for period in model_input["period"]]
        series = on_calendar("history", periods, model_input["value"].tolist(), grain=self.predictor.grain)
        return pd.DataFrame([asdict(point) for point in self.predictor.forecast(series)])


mlflow.models.set_model(ServedPredictor())
