"""Forecasts and predictive monitoring, tracked and registered in MLflow.

What belongs here: series, back-tests, champions, scoring. What does not: where the series come from (dbt) and Dagster.
"""

from models.forecasting import ChampionReport, forecast_all

__all__ = ["ChampionReport", "forecast_all"]
