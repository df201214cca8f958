"""The model MLflow serves: loads a process's predictor.

What belongs here: the few lines between MLflow and `models.cases.predictor`. What does not: anything else, for MLflow copies
this file into every model it keeps and runs the copy. Nobody imports it, so its imports cost only whom it serves.
"""

from typing import Any

import joblib
import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel


class ServedCasePredictor(PythonModel):
    """A predictor behind MLflow's common interface."""

    def load_context(self, context: Any) -> None:
        """Reads the predictor from the model's artifact `predictor`."""
        self.predictor = joblib.load(context.artifacts["predictor"])

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Takes an event log (case_id, activity, occurred_at, attributes), gives the scores of its running cases."""
        from mining import EventLog

        with EventLog.from_frame(model_input) as log:
            return pd.DataFrame([vars(score) for score in self.predictor.score(log)])


mlflow.models.set_model(ServedCasePredictor())
