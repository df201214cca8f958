"""How good the forecasts are: against Naive2, Prophet, published results, on series whose ends nobody has seen.

What belongs here: errors, coverage and cost of the default, of every member and of Prophet. What does not: which rival serves
which series (`models.champions`). Needs ../shared/data. Run as `python -m bench.models [sample] [hourly] [hourly_quarter]
[daily_year] [champions]`.

Nothing is calibrated on a test part: intervals come from windows inside the training parts.
"""

import csv
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np

from bench.harness import RESULTS, SHARED_DATA, measure, versions, write_results
from bench.models_sides.competition import Rival, hourly, naive2, sample, table
from bench.models_sides.plot import draw
from models.champions import choose
from models.crew import crew
from models.forecasters import DEFAULT, forecasts, prophet_forecast, quiet_prophet
from models.intervals import LEVELS, calibrate, spread_of
from models.series import Series
from models.statistical import ENSEMBLE, MEMBERS, SEASONAL_NAIVE, Forms, statistical_forecasts
from models.training import train

NAMES = (ENSEMBLE, *MEMBERS, SEASONAL_NAIVE)
PANDAS = {"Hourly": "h", "Daily": "D", "Weekly": "W", "Monthly": "MS", "Quarterly": "QS", "Yearly": "YS"}
PUBLISHED = {"Naive2": (2.395, 1.0), "Theta": (2.455, 1.006), "SCUM": (1.458, 0.663), "winner": (0.893, 0.440)}
BACK_WINDOWS = {"Monthly": 1}  # of calibration; pooled over 120 series one is enough, alone a series needs more
MOST_WINDOWS = 3


def imports() -> None:
    """What is imported and compiled before the clock starts: numba's work is kept on disk and is done once per installation."""
    noise = np.random.default_rng(0).normal(10, 1, 80)
    for seasons in ((12,), ()):
        statistical_forecasts(NAMES, noise, seasons=seasons, horizon=6)
    quiet_prophet()


def on_sample() -> dict[str, Any]:
    """The 230 series: errors by forecaster and group, coverage of the default's intervals, CPU-seconds per series."""
    errors: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    costs: dict[str, list[float]] = defaultdict(list)
    made = []
    for rival in sample():
        began = time.process_time()
        forms: Forms = {}
        found = statistical_forecasts(NAMES, rival.train, seasons=rival.seasons, horizon=len(rival.test), forms=forms)
        default = found.get(ENSEMBLE, found[SEASONAL_NAIVE])
        made.append((rival, default, _past_errors(rival, forms)))
        costs[rival.grain].append(time.process_time() - began)
        found["naive2"] = naive2(rival.train, rival.period, len(rival.test))
        for name in (*NAMES, "naive2"):
            for group in ("all", rival.group):
                errors[group][name].append(rival.errors(found.get(name, found[SEASONAL_NAIVE])))
    return {
        "groups": {group: table(results) for group, results in errors.items()},
        "coverage": _coverage(made),
        "cpu_seconds_per_series": {grain: round(float(np.mean(spent)), 4) for grain, spent in costs.items()},
    }


def _past_errors(rival: Rival, forms: Forms) -> np.ndarray:
    """The default's errors in windows inside the training part, in units of spread: shape (windows, horizon)."""
    horizon, rows = len(rival.test), []
    for back in range(BACK_WINDOWS.get(rival.grain, MOST_WINDOWS), 0, -1):
        start = len(rival.train) - back * horizon
        if start < horizon:
            continue
        found = statistical_forecasts(
            [ENSEMBLE, SEASONAL_NAIVE], rival.train[:start], seasons=rival.seasons, horizon=horizon, forms=forms
        )
        default = found.get(ENSEMBLE, found[SEASONAL_NAIVE])
        rows.append((rival.train[start : start + horizon] - default) / spread_of(rival.train[:start], 1)[0])
    return np.array(rows).reshape(-1, horizon)


def _coverage(made: list[tuple[Rival, np.ndarray, np.ndarray]]) -> dict[str, dict[str, float]]:
    """Share of the test values inside the intervals; pooled per grain over at least 60 series, else per series."""
    inside: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for grain in {rival.grain for rival, *_ in made}:
        own = [(rival, forecast, errors) for rival, forecast, errors in made if rival.grain == grain]
        widths = calibrate({rival.uid: errors for rival, _, errors in own if len(errors)})
        for rival, forecast, _ in own:
            unit = spread_of(rival.train, 1)[0]
            for level in LEVELS:
                if rival.uid in widths:
                    share = float((np.abs(rival.test - forecast) <= widths[rival.uid].quantiles[level] * unit).mean())
                    inside[grain][level].append(share)
                    inside["all"][level].append(share)
    return {
        grain: {"series": len(shares[80]), **{str(level): round(float(np.mean(found)), 3) for level, found in shares.items()}}
        for grain, shares in inside.items()
    }


def prophet_on_sample() -> dict[str, Any]:
    """Prophet with its defaults and its own intervals on the same series."""
    import pandas as pd

    errors: dict[str, list[tuple[float, float]]] = defaultdict(list)
    inside: dict[int, list[float]] = defaultdict(list)
    for rival in sample():
        dates = pd.date_range("1990-01-01", periods=len(rival.train) + len(rival.test), freq=PANDAS[rival.grain])
        model = quiet_prophet()(uncertainty_samples=300)
        model.fit(pd.DataFrame({"ds": dates[: len(rival.train)], "y": rival.train}))
        future = pd.DataFrame({"ds": dates[len(rival.train) :]})
        errors["prophet"].append(rival.errors(model.predict(future)["yhat"].to_numpy()))
        errors["naive2"].append(rival.errors(naive2(rival.train, rival.period, len(rival.test))))
        draws = model.predictive_samples(future)["yhat"]
        for level in LEVELS:
            low, high = np.percentile(draws, [50 - level / 2, 50 + level / 2], axis=1)
            inside[level].append(float(((rival.test >= low) & (rival.test <= high)).mean()))
    return {**table(errors)["prophet"], **{f"coverage_{level}": round(float(np.mean(found)), 3) for level, found in inside.items()}}


def on_hourly(step: int = 1) -> dict[str, Any]:
    """The 414 hourly series, or each `step`-th: errors by forecaster."""
    errors: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for rival in hourly()[::step]:
        found = statistical_forecasts(NAMES, rival.train, seasons=rival.seasons, horizon=len(rival.test))
        found["naive2"] = naive2(rival.train, rival.period, len(rival.test))
        for name in (*NAMES, "naive2"):
            errors[name].append(rival.errors(found.get(name, found[SEASONAL_NAIVE])))
    return table(errors)


def on_a_quarter_of_hourly() -> dict[str, Any]:
    """Every fourth of the hourly series, for a machine with little time."""
    return on_hourly(4)


def on_a_year_of_days() -> dict[str, Any]:
    """Peyton Manning's page views (logarithms), the last 365 days: mean absolute error by rival, and a year before."""
    from models.series import on_calendar

    with (SHARED_DATA / "series" / "example_wp_log_peyton_manning.csv").open() as file:
        rows = [(date.fromisoformat(row["ds"].strip('"')), float(row["y"])) for row in csv.DictReader(file)]
    horizon = 365
    last = rows[-1][0] - timedelta(days=horizon)
    series = on_calendar(
        "views", [day for day, _ in rows if day <= last], [value for day, value in rows if day <= last], grain="daily"
    )
    ahead = [((day - last).days - 1, value) for day, value in rows if day > last]
    found = forecasts(NAMES, series, horizon) | {"prophet": prophet_forecast(series, horizon)}
    past = series.head(len(series) - horizon)
    actual = series.values[len(past) :]
    before = forecasts(NAMES, past, horizon) | {"prophet": prophet_forecast(past, horizon)}
    errors = {name: float(np.abs(actual - values).mean()) for name, values in before.items()}
    return {
        "mae": {
            name: round(float(np.mean([abs(values[index] - value) for index, value in ahead])), 3) for name, values in found.items()
        },
        "mae_a_year_before": {name: round(error, 3) for name, error in errors.items()},
    }


def on_champions() -> dict[str, Any]:
    """100 daily series of two years as the demo company has them, noise and trend varied: training, back-testing and choosing."""
    wave = np.array([2.0, 3, 5, 6, 4, 1, 0])
    generator = np.random.default_rng(7)
    series = []
    for index in range(100):
        level, slope = generator.uniform(5, 200), generator.uniform(-0.0004, 0.0012)
        mean = level * (1 + slope * np.arange(730)) * np.resize(wave / 3, 730)
        series.append(
            Series(f"s{index}", f"S{index}", "", "daily", date(2024, 1, 1), generator.poisson(np.maximum(mean, 0)).astype(float))
        )
    began = time.monotonic()
    with crew(len(series)) as work:
        trained = train(series, country="DE", budget=150, tell=lambda words, done: None, work=work)
    seconds = time.monotonic() - began
    verdicts = [choose(one.backtests) for one in trained.values()]
    names = [verdict.champion.forecaster for verdict in verdicts]
    return {
        "seconds": round(seconds, 1),
        "champions": {name: names.count(name) for name in sorted(set(names))},
        "mase": round(float(np.mean([verdict.champion.mase for verdict in verdicts])), 3),
        "default_mase": round(float(np.mean([one.backtests[DEFAULT].mase for one in trained.values()])), 3),
        "prophet_untried": sum("prophet" in one.untried for one in trained.values()),
    }


PARTS: dict[str, tuple[Callable[[], Any], ...]] = {
    "sample": (on_sample, prophet_on_sample),
    "hourly": (on_hourly,),
    "hourly_quarter": (on_a_quarter_of_hourly,),
    "daily_year": (on_a_year_of_days,),
    "champions": (on_champions,),
}


def main(wanted: list[str]) -> None:
    """Runs the parts, keeps each in `bench/results/models.json` beside those not run now, draws them, and checks the bounds."""
    before = json.loads((RESULTS / "models.json").read_text())["ours"] if (RESULTS / "models.json").exists() else {}
    for part in wanted or [part for part in PARTS if part != "hourly_quarter"]:
        for function in PARTS[part]:
            run = measure(f"bench.models:{function.__name__}", imports="bench.models:imports", environment={"OMP_NUM_THREADS": "1"})
            before[function.__name__] = {**run.figures(), "found": run.value}
            print(function.__name__, json.dumps(before[function.__name__], indent=1))
    write_results(
        "models",
        versions=versions("statsforecast", "mlforecast", "scikit-learn", "prophet", "numpy"),
        ours=before,
        peer={"published, M4 hourly (MASE, OWA)": {"published": PUBLISHED}},
    )
    draw(before)
    check(before)


def check(found: dict[str, Any]) -> None:
    """The bounds."""
    value = {name: part["found"] for name, part in found.items()}
    if "on_sample" in value:
        mine = value["on_sample"]
        assert mine["groups"]["all"][ENSEMBLE]["owa"] <= 0.84, "the default is worse than it was"
        assert 0.77 <= mine["coverage"]["all"]["80"] <= 0.84 and 0.93 <= mine["coverage"]["all"]["95"] <= 0.97, (
            "intervals do not hold"
        )
        assert mine["cpu_seconds_per_series"]["Monthly"] <= 0.15, "a monthly series costs more than 0.15 CPU-seconds"
    if "on_hourly" in value:
        assert value["on_hourly"][ENSEMBLE]["owa"] <= 0.66, "hourly series are forecast worse than the published simple combination"
    if "on_champions" in value:  # CPU time, for wall time on a shared machine tells of the others
        assert found["on_champions"]["cpu_seconds"] <= 2 * 180, "training 100 series takes more than three minutes of two cores"


if __name__ == "__main__":
    main(sys.argv[1:])
