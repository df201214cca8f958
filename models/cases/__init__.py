"""Predictions for running cases: remaining time with an interval, outcome, next activity; beside the plain floors.

What belongs here: learning them from an event log, measuring, explaining, keeping and refreshing them. What does not: forecasts of
series (the modules beside this package) and what a log is (`mining`).
"""

from models.cases.predictor import CasePredictor, CaseScore
from models.cases.training import train

__all__ = ["CasePredictor", "CaseScore", "train"]
