"""The model MLflow serves: loads a table of champions and forecasts with it.

What belongs here: the few lines between MLflow and `models.scoring`. What does not: anything else, for MLflow copies this file
into every model it keeps and runs the copy. Nobody imports it, so its imports of MLflow and pandas cost only whom it serves.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel

from models.champion_table import ChampionTable
from models.scoring import score
from models.series import on_calendar


class ServedChampions(PythonModel):
    """A grain's champions behind MLflow's common interface."""

    def load_context(self, context: Any) -> None:
        """Reads the table from the model's artifact `champions`."""
        found = json.loads(Path(context.artifacts["champions"]).read_text())
        self.table = ChampionTable.from_dict(found, grain=found["grain"])

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Takes histories (columns series, period, value), gives series, period, value, lower_80, upper_80, lower_95, upper_95."""
        grain = self.table.grain
        histories = []
        for key, rows in model_input.groupby("series", sort=False):
            periods = [pd.Timestamp(period).date() for period in rows["period"]]
            histories.append(on_calendar(str(key).removeprefix(f"{grain}_"), periods, rows["value"].tolist(), grain=grain))
        scored = score(histories, self.table.entries)
        return pd.DataFrame([{"series": key, **asdict(point)} for key, one in scored.items() for point in one.points])


mlflow.models.set_model(ServedChampions())
