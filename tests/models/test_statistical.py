"""The statistical forecasters on plain arrays, the decent ones and the nasty ones."""

import numpy as np
import pytest

from models.statistical import ENSEMBLE, INTERMITTENT, MEMBERS, STATISTICAL, Forms, checked, statistical_forecasts

WAVE = np.tile([2.0, 3, 5, 6, 4, 1, 0], 20) * 10 + 20


def noisy(values: np.ndarray, size: float, seed: int = 3) -> np.ndarray:
    return values + np.random.default_rng(seed).normal(0, size, len(values))


def test_the_ensemble_is_the_median_of_its_members() -> None:
    found = statistical_forecasts([ENSEMBLE, *MEMBERS], noisy(WAVE, 4), seasons=(7,), horizon=14)
    assert set(found) == {ENSEMBLE, *MEMBERS}
    assert found[ENSEMBLE] == pytest.approx(np.median([found[name] for name in MEMBERS], axis=0))
    assert np.abs(found[ENSEMBLE] - WAVE[:14]).mean() < 4


def test_a_form_found_once_gives_the_same_forecast_without_the_search() -> None:
    forms: Forms = {}
    first = statistical_forecasts(MEMBERS, noisy(WAVE, 4), seasons=(7,), horizon=7, forms=forms)
    assert set(forms) == {"auto_ets", "auto_ces"}
    again = statistical_forecasts(MEMBERS, noisy(WAVE, 4), seasons=(7,), horizon=7, forms=forms)
    for name in MEMBERS:
        assert again[name] == pytest.approx(first[name], rel=1e-6)


def test_a_second_season_is_seen() -> None:
    hours = np.arange(24 * 7 * 5)
    both = 100 + 20 * np.sin(2 * np.pi * hours / 24) + 30 * (hours // 24 % 7 >= 5)
    found = statistical_forecasts([ENSEMBLE], noisy(both, 2), seasons=(24, 168), horizon=168)[ENSEMBLE]
    ahead = np.arange(len(hours), len(hours) + 168)
    actual = 100 + 20 * np.sin(2 * np.pi * ahead / 24) + 30 * (ahead // 24 % 7 >= 5)
    assert np.abs(found - actual).mean() < 4


def test_a_long_season_is_seen_and_one_the_history_is_too_short_for_is_not_invented() -> None:
    weeks = np.arange(52 * 4)
    yearly = 100 + 30 * np.sin(2 * np.pi * weeks / 52)
    found = statistical_forecasts([ENSEMBLE], noisy(yearly, 2), seasons=(52,), horizon=26)[ENSEMBLE]
    assert np.ptp(found) > 30
    short = statistical_forecasts(["seasonal_naive", ENSEMBLE], noisy(yearly, 2)[:30], seasons=(52,), horizon=5)
    assert np.ptp(short["seasonal_naive"]) == 0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(np.full(60, 4.0), 4.0, id="constant"),
        pytest.param(np.zeros(60), 0.0, id="all zeros"),
        pytest.param(np.array([3.0]), 3.0, id="one point"),
        pytest.param(np.array([3.0, 3.0]), 3.0, id="two points"),
    ],
)
def test_plain_series_are_forecast_by_all_who_can_and_never_fail(values: np.ndarray, expected: float) -> None:
    found = statistical_forecasts(STATISTICAL, values, seasons=(7,), horizon=3)
    assert {"seasonal_naive", "last_value"} <= set(found)
    for name, forecast in found.items():
        if name not in INTERMITTENT:  # which shrink towards zero by design
            assert forecast == pytest.approx([expected] * 3), name


def test_intermittent_demand_is_forecast_at_its_mean_rate() -> None:
    generator = np.random.default_rng(5)
    values = np.where(generator.random(400) < 0.2, 10.0, 0.0)
    found = statistical_forecasts(INTERMITTENT, values, seasons=(), horizon=4)
    assert set(found) == set(INTERMITTENT)
    for forecast in found.values():
        assert 0.5 < forecast[0] < 5


def test_a_forecast_that_explodes_is_refused() -> None:
    history = np.array([1.0, 2, 3, 2, 1])
    assert checked(np.array([8.9, 2.0]), history).tolist() == [8.9, 2.0]
    for wild in ([9.1, 2.0], [np.nan, 2.0], [np.inf, 2.0], [2.0, -5.1]):
        with pytest.raises(ValueError, match="far beyond"):
            checked(np.array(wild), history)


def test_a_member_that_explodes_is_left_out_and_the_others_serve() -> None:
    spiked = np.r_[np.full(30, 1e-6), 1e6 * np.exp(np.arange(12))]  # a rise that a multiplicative form would carry to the stars
    found = statistical_forecasts([ENSEMBLE, *MEMBERS, "seasonal_naive"], spiked, seasons=(), horizon=60)
    assert "seasonal_naive" in found
    for name, forecast in found.items():
        assert np.isfinite(forecast).all(), name
        assert forecast.max() <= spiked.max() + 3 * np.ptp(spiked), name


def test_whatever_a_library_raises_one_member_that_fails_does_not_end_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """AutoCES raised a bare `Exception("no model able to be fitted")` on one of M4's hourly series."""
    import statsforecast.models

    class Failing:
        def __init__(self, **options: object) -> None:
            raise Exception("no model able to be fitted")  # the library's own words

    monkeypatch.setattr(statsforecast.models, "AutoCES", Failing)
    found = statistical_forecasts([ENSEMBLE, *MEMBERS], noisy(WAVE, 4), seasons=(7,), horizon=7)
    assert set(found) == {ENSEMBLE, "auto_ets", "theta"}
