"""Series, intervals, back-tests and the choice of champions, without a lake."""

from datetime import date, timedelta

import numpy as np
import pytest

from models.backtest import Backtest, WindowScore, backtest, backtest_until_beaten, mase, origins, smape
from models.champions import choose
from models.forecasters import forecasts
from models.intervals import calibrate, conformal_quantile, held_out_coverage, spread
from models.series import Grain, Series, on_calendar, reason_to_skip

MONDAY = date(2024, 1, 1)


def series(values: list[float] | np.ndarray, *, grain: Grain = "daily") -> Series:
    return Series("s", "S", "orders", grain, MONDAY, np.asarray(values, dtype=float))


def scored(name: str, *scores: float) -> Backtest:
    return Backtest(name, tuple(WindowScore(MONDAY, 28, score, 0, np.zeros(28)) for score in scores))


def test_gaps_are_interpolated_and_missing_ends_cut_off() -> None:
    days = [MONDAY + timedelta(days=n) for n in (0, 1, 2, 5, 6)]
    made = on_calendar("s", days, [None, 1.0, 2.0, 8.0, float("nan")], grain="daily")
    assert made.start == date(2024, 1, 2)
    assert made.values.tolist() == [1, 2, 4, 6, 8]
    assert made.missing == 2
    assert made.end == date(2024, 1, 6)


def test_a_series_of_nothing_but_nulls_is_skipped_not_crashed_on() -> None:
    made = on_calendar("s", [MONDAY], [None], grain="weekly")
    assert reason_to_skip(made, least=50) == "it has 0 weekly points and needs 50"


def test_points_after_a_day_are_counted_in_periods() -> None:
    assert series(range(10)).points_after(date(2024, 1, 8)) == 2
    assert series(range(10), grain="weekly").points_after(date(2024, 2, 26)) == 1
    assert series(range(10)).points_after(date(2025, 1, 1)) == 0


def test_seasonal_naive_repeats_the_last_week() -> None:
    found = forecasts(["seasonal_naive"], series([1, 2, 3, 4, 5, 6, 7, 8, 9]), 9)
    assert found["seasonal_naive"].tolist() == [3, 4, 5, 6, 7, 8, 9, 3, 4]


def test_mase_of_the_one_season_back_forecast_is_the_ratio_of_errors() -> None:
    training = series([0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2])
    assert mase(np.array([2.0, 2.0]), np.array([1.0, 3.0]), training=training) == 0.5
    assert mase(np.array([2.0]), np.array([1.0]), training=series([3] * 20)) == pytest.approx(1 / 3), (
        "a constant has no naive error"
    )


def test_smape_of_zero_against_zero_is_no_error() -> None:
    assert smape(np.array([0.0, 1.0]), np.array([0.0, 3.0])) == pytest.approx(50)


def test_windows_follow_one_another_up_to_the_end() -> None:
    assert origins(731, grain="daily") == [619, 647, 675, 703]
    assert origins(112, grain="daily") == [56, 84]
    assert origins(50, grain="daily") == []


def test_a_quiet_phase_gets_a_narrow_spread_and_never_none() -> None:
    week = [10, 12, 9, 11, 10, 0, 0]
    widths = spread(series([value + (index // 7 % 2) * (value > 0) for index, value in enumerate(week * 10)]))
    assert widths.tolist() == [1, 1, 1, 1, 1, pytest.approx(0.5 / 7), pytest.approx(0.5 / 7)]
    assert spread(series([0.0] * 20)).min() > 0


def test_the_conformal_quantile_holds_the_level_on_exchangeable_errors() -> None:
    errors = np.arange(1, 100, dtype=float)
    assert conformal_quantile(errors, level=80) == 80
    assert conformal_quantile(errors, level=95) == 95
    assert conformal_quantile(np.array([1.0, 2.0]), level=95) == 2


def test_pooled_intervals_hold_their_level_step_by_step_and_grow_with_the_distance() -> None:
    generator = np.random.default_rng(1)
    growth = np.sqrt(np.arange(1, 13))
    errors = {f"s{n}": generator.normal(size=(3, 12)) * growth for n in range(80)}
    made = calibrate(errors)["s0"]
    assert made.basis == "pooled"
    assert made.quantiles[80][11] > 2.5 * made.quantiles[80][0]
    for level in (80, 95):
        shares = held_out_coverage(errors, level=level)
        assert np.mean(list(shares.values())) == pytest.approx(level / 100, abs=0.02)
        widths = np.stack([one.quantiles[level] for one in calibrate(errors).values()])
        fresh = np.abs(generator.normal(size=(400, 80, 12)) * growth) <= widths
        assert fresh.mean() == pytest.approx(level / 100, abs=0.03)


def test_fewer_than_sixty_series_are_calibrated_each_by_itself() -> None:
    generator = np.random.default_rng(1)
    errors = {"calm": generator.normal(size=(30, 28)), "wild": 9 * generator.normal(size=(30, 28))}
    made = calibrate(errors)
    assert made["calm"].basis == "series"
    assert made["wild"].quantiles[80][0] > 5 * made["calm"].quantiles[80][0]
    assert np.mean(held_out_coverage(errors, level=80)["wild"]) == pytest.approx(0.8, abs=0.02)
    assert np.isnan(held_out_coverage({"lone": errors["calm"][:1]}, level=80)["lone"][0])


def test_a_rival_takes_the_title_only_if_it_wins_every_window_and_by_a_margin() -> None:
    floor, default = scored("seasonal_naive", 2.0, 2.0), scored("median_ensemble", 1.0, 1.0)
    known = {"seasonal_naive": floor, "median_ensemble": default}
    assert choose(known).champion is default
    assert choose(known | {"theta": scored("theta", 0.97, 0.97)}).champion is default, "by too little"
    assert choose(known | {"theta": scored("theta", 0.5, 1.01)}).champion is default, "in one window only"
    better = scored("prophet", 0.9, 0.9)
    assert choose(known | {"prophet": better}).champion is better
    assert choose(known | {"prophet": better}).challenger is default
    assert choose(known | {"prophet": scored("prophet", 0.1)}).champion is default, "it stopped at a window it lost"


def test_a_champion_keeps_its_title_while_it_is_ahead_and_nobody_stays_who_does_not_beat_the_floor() -> None:
    floor, default, close = scored("seasonal_naive", 2.0, 2.0), scored("median_ensemble", 1.0, 1.0), scored("theta", 0.99, 0.98)
    known = {"seasonal_naive": floor, "median_ensemble": default, "theta": close}
    assert choose(known, holder="theta").champion is close
    assert choose(known, holder="gone").champion is default
    low = scored("seasonal_naive", 0.97, 0.97)
    verdict = choose(known | {"seasonal_naive": low})
    assert verdict.champion is low
    assert "does not beat repeating the last season" in verdict.reason
    assert choose({"seasonal_naive": low}).challenger is None


def test_a_dear_rival_stops_at_the_first_window_it_loses() -> None:
    noisy = series(np.tile([2.0, 3, 5, 6, 4, 1, 0], 30) + np.random.default_rng(3).normal(0, 1, 210))
    unbeatable = Backtest("median_ensemble", tuple(WindowScore(MONDAY, 28, 0.0, 0, np.zeros(28)) for _ in range(4)))
    played = backtest_until_beaten("theta", noisy, unbeatable)
    assert played is not None
    assert len(played.windows) == 1
    assert played.windows[0].window_start == noisy.date_of(len(noisy) - 28), "the newest first"


def test_the_default_finds_the_weekly_wave() -> None:
    generator = np.random.default_rng(3)
    wave = np.tile([2.0, 3, 5, 6, 4, 1, 0], 30) * 10 + 20
    noisy = series(np.maximum(wave + generator.normal(0, 8, len(wave)), 0))
    tests = backtest(["median_ensemble", "seasonal_naive"], noisy)
    assert tests["median_ensemble"].mase < 0.9 * tests["seasonal_naive"].mase
    assert tests["median_ensemble"].errors.shape == (4, 28)


def test_a_pool_of_series_gives_each_the_width_that_its_own_errors_need() -> None:
    """One width for all held 90 % of some series' values and 67 % of others', where 80 % were promised."""
    generator = np.random.default_rng(5)
    sizes = {f"{kind}{n}": size for kind, size in (("calm", 0.7), ("wild", 1.4)) for n in range(40)}
    errors = {key: generator.normal(0, size, (4, 12)) for key, size in sizes.items()}
    made = calibrate({key: windows[:3] for key, windows in errors.items()})
    assert {one.basis for one in made.values()} == {"pooled"}
    told = held_out_coverage({key: windows[:3] for key, windows in errors.items()}, level=80)
    for kind in ("calm", "wild"):
        keys = [key for key in errors if key.startswith(kind)]
        came = np.mean([np.abs(errors[key][3]) <= made[key].quantiles[80] for key in keys])
        assert 0.74 <= came <= 0.87, f"{kind}: {came:.2f}"
        assert np.mean([told[key] for key in keys]) == pytest.approx(came, abs=0.05), "the measure tells what comes"
