"""Series, intervals, back-tests and the choice of champions, without a lake."""

from datetime import date, timedelta

import numpy as np
import pytest

from models.backtest import Backtest, WindowScore, backtest, mase, origins, smape
from models.champions import choose
from models.forecasters import ProphetForecaster, SeasonalNaive
from models.intervals import conformal_quantile, held_out_coverage, spread
from models.predictor import Predictor, train
from models.series import Grain, Series, on_calendar, reason_to_skip

MONDAY = date(2024, 1, 1)


def series(values: list[float] | np.ndarray, *, grain: Grain = "daily") -> Series:
    return Series("s", "S", "orders", grain, MONDAY, np.asarray(values, dtype=float))


def scored(name: str, score: float) -> Backtest:
    return Backtest(name, [WindowScore(MONDAY, 28, score, 0, 0.8, 0.95)], {80: 1.0, 95: 2.0})


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


def test_seasonal_naive_repeats_the_last_week_and_goes_on_from_where_the_series_has_grown_to() -> None:
    grown = series([1, 2, 3, 4, 5, 6, 7, 8, 9])
    fitted = SeasonalNaive().fit(grown.head(8))
    assert fitted.predict(9, after=grown).tolist() == [3, 4, 5, 6, 7, 8, 9, 3, 4]
    restored = SeasonalNaive().restore(fitted.to_state())
    assert restored == fitted


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
    generator = np.random.default_rng(1)
    windows = [generator.normal(size=28) for _ in range(60)]
    assert np.mean(held_out_coverage(windows, level=80)) == pytest.approx(0.8, abs=0.02)
    assert np.isnan(held_out_coverage(windows[:1], level=80)[0])


def test_a_rival_takes_the_title_only_by_a_margin() -> None:
    naive, close, better = scored("seasonal_naive", 1.0), scored("prophet", 0.97), scored("prophet", 0.9)
    assert choose({"seasonal_naive": naive, "prophet": close}).champion is naive
    verdict = choose({"seasonal_naive": naive, "prophet": better})
    assert (verdict.champion, verdict.challenger) == (better, naive)
    assert choose({"seasonal_naive": scored("seasonal_naive", 0.97), "prophet": naive}, holder="prophet").champion is naive
    assert choose({"prophet": better}).challenger is None
    assert choose({"seasonal_naive": naive}, holder="gone").champion is naive


def test_prophet_finds_the_weekly_wave_and_survives_its_json_form() -> None:
    generator = np.random.default_rng(3)
    wave = np.tile([2.0, 3, 5, 6, 4, 1, 0], 30) * 10 + 20
    noisy = series(np.maximum(wave + generator.normal(0, 8, len(wave)), 0))
    rival, baseline = backtest(ProphetForecaster("DE"), noisy), backtest(SeasonalNaive(), noisy)
    assert rival.mase < 0.9 * baseline.mase
    predictor = train("prophet", noisy, quantiles=rival.quantiles, country="DE")
    again = Predictor(**predictor.to_dict())
    points = again.forecast(noisy)
    assert [point.period for point in points] == [noisy.date_of(len(noisy) + step) for step in range(28)]
    assert all(0 <= point.lower_95 <= point.lower_80 <= point.value <= point.upper_80 <= point.upper_95 for point in points)


def test_intervals_stay_with_their_weekday_when_the_series_begins_later_than_at_training() -> None:
    generator = np.random.default_rng(3)
    week = np.array([10, 12, 9, 11, 10, 0, 0])
    whole = series(np.tile(week, 20) + generator.poisson(3, 140) * np.tile(week > 0, 20))
    predictor = train("seasonal_naive", whole, quantiles={80: 1.0, 95: 2.0})
    cut = Series("s", "S", "orders", "daily", whole.date_of(3), whole.values[3:])
    assert predictor.forecast(cut) == predictor.forecast(whole)
