"""Forecasts on daily and weekly competition series: our champions and measured intervals against Prophet as it comes.

What belongs here: errors, coverage and time on series that neither has seen the end of. What does not: how champions are chosen.
Run as `python -m bench.forecast_intervals`; needs ../shared/data. The series are the 40 daily and weekly ones of the M4 sample.
"""

import gzip
import json
from datetime import date
from typing import Any

import numpy as np

from bench.harness import SHARED_DATA, measure, print_table, ratio, versions, write_results
from models.backtest import backtest, least_points, mase
from models.champions import choose
from models.forecasters import quiet_prophet, rivals
from models.predictor import train
from models.series import Grain, Series

GROUPS: dict[str, Grain] = {"M4-Daily": "daily", "M4-Weekly": "weekly"}
LONGEST = {"daily": 730, "weekly": 156}  # points: about what a company's KPI history has
START = date(2024, 1, 1)


def series_with_ends() -> list[tuple[Series, np.ndarray]]:
    """Series cut to a company's length, and the values that followed."""
    with gzip.open(SHARED_DATA / "series" / "forecast_benchmark_230.json.gz") as file:
        found = [entry for entry in json.load(file) if entry["group"] in GROUPS]
    pairs = []
    for entry in found:
        grain = GROUPS[entry["group"]]
        values = np.array(entry["train"][-LONGEST[grain] :], dtype=float)
        if len(values) >= least_points(grain):
            pairs.append((Series(entry["uid"], entry["uid"], "", grain, START, values), np.array(entry["test"], dtype=float)))
    return pairs


def ours() -> dict[str, Any]:
    """Back-tests the rivals, lets the champion forecast, and counts what its intervals cover."""
    scores = []
    for series, actual in series_with_ends():
        champion = choose({name: backtest(rival, series) for name, rival in rivals().items()}).champion
        points = train(champion.forecaster, series, quantiles=champion.quantiles).forecast(series)[: len(actual)]
        bounds = {level: [(getattr(p, f"lower_{level}"), getattr(p, f"upper_{level}")) for p in points] for level in (80, 95)}
        scores.append(_score(series, actual[: len(points)], np.array([p.value for p in points]), bounds))
    return _mean(scores)


def peer() -> dict[str, Any]:
    """Prophet with its defaults and its own sampled intervals."""
    import pandas as pd

    prophet, scores = quiet_prophet(), []
    for series, actual in series_with_ends():
        model = prophet(uncertainty_samples=1000)
        frequency = "D" if series.grain == "daily" else "7D"
        dates = pd.date_range(series.start, periods=len(series) + len(actual), freq=frequency)
        model.fit(pd.DataFrame({"ds": dates[: len(series)], "y": series.values}))
        future = pd.DataFrame({"ds": dates[len(series) :]})
        draws = model.predictive_samples(future)["yhat"]
        bounds = {level: np.percentile(draws, [50 - level / 2, 50 + level / 2], axis=1).T.tolist() for level in (80, 95)}
        scores.append(_score(series, actual, model.predict(future)["yhat"].to_numpy(), bounds))
    return _mean(scores)


def _score(series: Series, actual: np.ndarray, forecast: np.ndarray, bounds: dict[int, Any]) -> dict[str, float]:
    covered = {
        f"coverage_{level}": float(np.mean([low <= value <= high for value, (low, high) in zip(actual, pairs, strict=True)]))
        for level, pairs in bounds.items()
    }
    return {"mase": mase(actual, forecast, training=series), **covered}


def _mean(scores: list[dict[str, float]]) -> dict[str, Any]:
    mean = {name: round(float(np.mean([score[name] for score in scores])), 3) for name in scores[0]}
    return {"series": len(scores), "median_mase": round(float(np.median([score["mase"] for score in scores])), 3), **mean}


def main() -> None:
    """Runs both, prints them, writes the results, and fails where we are less accurate or our intervals say less."""
    imports = "models.forecasters:quiet_prophet"
    runs = {name: measure(f"bench.forecast_intervals:{name}", imports=imports) for name in ("ours", "peer")}
    us, them = runs["ours"].value, runs["peer"].value
    print_table(runs, against="peer")
    print(json.dumps({"ours": us, "peer": them}, indent=1))
    write_results(
        "forecast_intervals",
        versions=versions("prophet", "numpy", "pandas"),
        rows=us["series"],
        ours={"back-test, champion, forecast": {**runs["ours"].figures(), **us}},
        peer={"Prophet's defaults": {**runs["peer"].figures(), **them}},
        ratio={**ratio(runs["peer"], runs["ours"]), "mase": round(us["mase"] / them["mase"], 3)},
        note="Ours includes the back-test (up to 5 fits and the baseline's); the peer fits once and knows nothing of its error.",
    )
    assert us["mase"] < them["mase"], "the champions are no better than Prophet alone"
    assert abs(us["coverage_80"] - 0.8) < abs(them["coverage_80"] - 0.8), "the intervals tell less than Prophet's own"


if __name__ == "__main__":
    main()
