"""Scoring, sums that hold, the model over all series, training in processes: without a lake."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from models.backtest import backtest
from models.champion_table import ChampionTable, Entry
from models.crew import crew
from models.global_model import global_forecasts
from models.reconciliation import families, reconcile
from models.scoring import score
from models.series import Series
from models.training import train

MONDAY = date(2024, 1, 1)
WAVE = np.tile([2.0, 3, 5, 6, 4, 1, 0], 30) * 10


def series(name: str, values: np.ndarray, **facts: object) -> Series:
    return replace(Series(name, name.title(), "orders", "daily", MONDAY, np.asarray(values, dtype=float)), **facts)


def noisy(size: float = 8, *, seed: int = 3, level: float = 1.0) -> np.ndarray:
    return np.maximum(level * WAVE + np.random.default_rng(seed).normal(0, size, len(WAVE)), 0)


def entry(forecaster: str = "median_ensemble", **facts: object) -> Entry:
    widths = {80: [1.0] * 28, 95: [2.0] * 28}
    return replace(Entry(forecaster, {}, MONDAY, "", 3, 0.5, 1.0, "series", widths, [[0.0] * 28]), **facts)


def test_the_champion_forecasts_and_its_intervals_lie_around_the_points() -> None:
    orders = series("orders", noisy())
    found = score([orders], {orders.key: entry()})[orders.key]
    assert (found.step, found.forecaster, found.basis) == ("champion", "median_ensemble", "series")
    assert [point.period for point in found.points] == [orders.date_of(len(orders) + step) for step in range(28)]
    for point in found.points:
        assert 0 <= point.lower_95 <= point.lower_80 <= point.value <= point.upper_80 <= point.upper_95


def test_who_cannot_forecast_is_stood_in_for_and_the_step_says_so() -> None:
    orders = series("orders", noisy())
    unknown = score([orders], {orders.key: entry("a rival of another version")})[orders.key]
    assert (unknown.step, unknown.forecaster) == ("theta", "theta")
    assert unknown.points[0].lower_80 is not None, "from its own back-test"
    young = series("young", np.array([3.0, 4.0]))
    assert score([young], {})[young.key].step == "seasonal_naive"
    assert score([young], {})[young.key].points[0].lower_80 is None, "nobody knows its errors"
    flat = series("flat", np.full(200, 4.0))
    assert [point.value for point in score([flat], {})[flat.key].points] == [4.0] * 28


def test_members_add_up_to_the_total_in_every_dimension_and_none_falls_below_zero() -> None:
    north, south = noisy(seed=1), noisy(seed=2, level=0.2)
    new = np.r_[np.zeros(len(WAVE) - 2), 5.0, 6.0]
    total = series("orders", north + south + new)
    part = {"parent": total.key}
    members = [
        series("orders", values, dimension="region", member=name, **part)
        for name, values in (("N", north), ("S", south), ("X", new), ("Z", 0 * new))
    ]
    teams = [
        series("orders", share * total.values, dimension="team", member=name, **part) for name, share in (("A", 0.7), ("B", 0.3))
    ]
    mean = series("days", noisy(), aggregation="mean")
    everything = [total, *members, *teams, mean]
    found = score(everything, {one.key: entry() for one in (total, *members[:2], *teams)})
    assert [[one.key for one in family] for family in families(everything)] == [[one.key for one in (total, *members, *teams)]]
    for group in (members, teams):
        assert np.sum([found[one.key].values for one in group], axis=0) == pytest.approx(found[total.key].values, abs=1e-6)
    assert min(found[one.key].values.min() for one in everything) >= 0
    assert found[members[3].key].values == pytest.approx(np.zeros(28), abs=0.1), "what never was stays nothing"
    assert found[total.key].is_reconciled
    assert not found[mean.key].is_reconciled
    assert found[members[2].key].step != "champion", "it has no history to be trained on"


def test_the_series_that_is_forecast_worst_is_moved_most() -> None:
    total = series("orders", noisy())
    sure, unsure = (series("orders", noisy(), dimension="d", member=name, parent=total.key) for name in "ab")
    forecasts = {total.key: np.array([100.0]), sure.key: np.array([40.0]), unsure.key: np.array([40.0])}
    moved = reconcile([total, sure, unsure], forecasts, {total.key: 1.0, sure.key: 1.0, unsure.key: 18.0})
    assert moved[sure.key][0] == pytest.approx(41.0, abs=0.01)
    assert moved[unsure.key][0] == pytest.approx(58.0, abs=0.1)
    assert moved[total.key][0] == pytest.approx(99.0, abs=0.01)


def test_the_model_over_all_series_knows_the_wave_and_leaves_out_what_it_cannot_learn() -> None:
    kin = [series(f"s{n}", noisy(seed=n, level=1 + n)) for n in range(12)]
    found = global_forecasts([*kin, series("flat", np.full(200, 4.0)), series("short", np.arange(5.0))], 14)
    assert set(found) == {one.key for one in kin}
    assert np.abs(found["daily_s5"] - 6 * WAVE[:14]).mean() < 30
    assert global_forecasts(kin[:3], 14) == {}, "too few to learn from"


def test_the_model_over_all_series_learns_from_young_ones_without_the_lags_they_have_not() -> None:
    kin = [replace(series(f"s{n}", noisy(seed=n, level=1 + n)[:10]), grain="weekly") for n in range(12)]
    assert set(global_forecasts(kin, 4)) == {one.key for one in kin}, "no lag of a year, of a quarter or of a month"


def test_a_table_survives_its_json_form() -> None:
    table = ChampionTable("daily", {"daily_orders": entry(basis="pooled", forms={"auto_ets": "AAAD"})})
    assert ChampionTable.from_dict(table.to_dict(), grain="daily") == table


@pytest.mark.slow
def test_processes_and_one_process_come_to_the_same_and_progress_only_grows() -> None:
    some = [series(f"s{n}", noisy(seed=n)[:140]) for n in range(3)]
    told: list[float] = []
    here = train(some, country=None, budget=60, tell=lambda words, done: told.append(done))
    with crew(3, workers=2) as work:
        spread = train(some, country=None, budget=60, tell=lambda words, done: None, work=work)
        scored = score(some, {one.key: entry() for one in some}, work=work)
    for key, one in here.items():
        assert {name: test.mase for name, test in one.backtests.items()} == pytest.approx(
            {name: test.mase for name, test in spread[key].backtests.items()}
        )
        assert "prophet" in one.backtests or "prophet" not in one.untried
    assert told == sorted(told)
    assert list(scored) == [one.key for one in some]
    assert scored["daily_s1"].values == pytest.approx(score(some, {some[1].key: entry()})["daily_s1"].values)


def test_a_year_of_gaps_and_a_sudden_silence_are_back_tested_without_failing() -> None:
    broken = noisy()
    broken[60:150] = np.interp(np.arange(60, 150), [59, 150], broken[[59, 150]])
    silent = np.r_[noisy()[:150], np.zeros(60)]
    for values in (broken, silent):
        tests = backtest(["median_ensemble", "seasonal_naive"], series("s", values))
        assert np.isfinite(tests["seasonal_naive"].mase)
        assert all(np.isfinite(test.errors).all() for test in tests.values())
