"""What preparation finds in a series, what it does about it, and that no input is too odd for it."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.series import GRAINS, Grain, Series, on_calendar, period_at, periods_between, series_key
from models.series_preparation import demand_class, level_shift, prepare, without_partial_end

MONDAY = date(2024, 1, 1)


def series(values: list[float] | np.ndarray, *, grain: Grain = "daily", **more: object) -> Series:
    return replace(Series("s", "S", "orders", grain, MONDAY, np.asarray(values, dtype=float)), **more)  # type: ignore[arg-type]


def noisy(length: int = 200) -> np.ndarray:
    week = np.tile([20.0, 22, 25, 21, 19, 8, 6], length // 7 + 1)[:length]
    return week + np.random.default_rng(1).normal(0, 1, length)


def test_months_are_calendar_months() -> None:
    leap = [period_at(date(2024, 1, 1), index, grain="monthly") for index in range(14)]
    assert leap[1:3] == [date(2024, 2, 1), date(2024, 3, 1)] and leap[-1] == date(2025, 2, 1)
    assert period_at(date(2024, 1, 1), -1, grain="monthly") == date(2023, 12, 1)
    assert [periods_between(MONDAY, day, grain="monthly") for day in leap] == list(range(14))


@given(st.sampled_from(GRAINS), st.integers(-300, 300))
def test_a_period_is_found_again_by_its_first_day(grain: Grain, index: int) -> None:
    assert periods_between(MONDAY, period_at(MONDAY, index, grain=grain), grain=grain) == index


def test_keys_tell_members_apart() -> None:
    keys = {series_key("s", "daily", dimension="team", member=member) for member in ("A/B", "A B", "a b", "A:B", "A%2FB", "")}
    assert len(keys) == 6 and not any(mark in key for key in keys for mark in "/:")


def test_duplicates_infinities_and_gaps_of_months_are_said() -> None:
    days = [MONDAY, MONDAY, MONDAY + timedelta(days=1), MONDAY + timedelta(days=100)]
    made = on_calendar("s", days, [1.0, 2.0, float("inf"), 102.0], grain="daily")
    assert made.values[0] == 2 and made.values[-1] == 102 and len(made) == 101 and made.missing == 99
    assert made.findings == (
        "1 points of periods that have another were left out, the last counts",
        "1 infinite values were taken as missing",
        "99 of 101 periods had no value and were interpolated",
    )


def test_no_points_are_no_crash() -> None:
    assert prepare(on_calendar("s", [], [], grain="monthly")).findings == ("no period has a value",)
    assert prepare(on_calendar("s", [MONDAY], [None], grain="daily")).findings == ("no period has a value",)


@pytest.mark.parametrize(
    ("values", "said"),
    [([0.0] * 50, "all its values are zero"), ([4.0] * 50, "its value never changes from 4"), ([3.0], "it has one value only")],
)
def test_flat_series_are_said_to_be_flat(values: list[float], said: str) -> None:
    assert prepare(series(values)).findings == (said,)


def test_an_outlier_is_pulled_back_to_its_bound_and_the_rest_left_as_it_is() -> None:
    values = noisy()
    values[80] = 500
    made = prepare(series(values))
    assert made.findings == (f"outliers were pulled back: {MONDAY + timedelta(days=80)}",)
    assert values[73] < made.values[80] < 60
    assert np.array_equal(np.delete(made.values, 80), np.delete(values, 80))


def test_what_happens_in_the_last_season_or_on_a_day_off_is_no_outlier() -> None:
    values = noisy()
    values[-2] = 500
    assert prepare(series(values)).values[-2] == 500
    values = noisy()
    values[80] = 0
    holiday = frozenset({MONDAY + timedelta(days=80)})
    assert prepare(series(values)).values[80] > 0
    assert prepare(series(values, closed_days=holiday)).values[80] == 0


@pytest.mark.parametrize("grain", GRAINS)
def test_a_level_shift_is_dated_and_noise_has_none(grain: Grain) -> None:
    values = noisy()
    assert level_shift(series(values, grain="daily")) is None
    values = values if grain == "daily" else np.random.default_rng(2).normal(100, 5, 200)
    values[120:] += 60
    found = level_shift(series(values, grain=grain))
    assert found is not None
    assert abs(periods_between(MONDAY, found[0], grain=grain) - 120) <= 4
    assert found[2] - found[1] == pytest.approx(60, rel=0.15)


def test_demand_classes_are_those_of_syntetos_and_boylan() -> None:
    generator = np.random.default_rng(3)
    seldom, sizes = generator.random(400) < 0.3, generator.lognormal(1, 1.2, 400)
    assert demand_class(series(np.where(seldom, 5.0, 0)))[0].startswith("intermittent")
    assert demand_class(series(np.where(seldom, sizes, 0)))[0].startswith("lumpy")
    assert demand_class(series(sizes))[0].startswith("erratic")
    assert demand_class(series(noisy()))[0].startswith("smooth")
    assert prepare(series(np.where(seldom, 5.0, 0))).is_intermittent


def test_closed_weekends_do_not_make_demand_intermittent() -> None:
    values = np.tile([5.0, 6, 7, 6, 5, 0, 0], 30)
    weekends = frozenset(MONDAY + timedelta(days=n) for n in range(210) if n % 7 > 4)
    assert prepare(series(values)).is_intermittent
    assert not prepare(series(values, closed_days=weekends)).is_intermittent


@pytest.mark.parametrize(
    ("grain", "known_until", "left"),
    [("weekly", date(2024, 1, 27), 3), ("weekly", date(2024, 1, 28), 4), ("monthly", date(2024, 4, 29), 3),
     ("monthly", date(2024, 4, 30), 4), ("daily", date(2024, 1, 4), 4)],
)  # fmt: skip
def test_a_last_period_that_is_not_over_is_left_out_and_said(grain: Grain, known_until: date, left: int) -> None:
    made = without_partial_end(series([1.0, 2, 3, 4], grain=grain), known_until)
    assert len(made) == left
    assert bool(made.findings) == (left < 4)


def test_a_member_without_history_is_said_to_be_new() -> None:
    late = series([1.0, 2, 3], dimension="team", member="Sales East")
    assert "Sales East has no history before 2024-01-01" in prepare(late, total_since=date(2023, 1, 1)).findings
    assert not any("history" in said for said in prepare(late, total_since=MONDAY).findings)


numbers = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True, width=32))


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(GRAINS), st.lists(st.tuples(st.integers(0, 400), numbers), max_size=60))
def test_whatever_points_come_the_series_is_gapless_finite_and_as_long_as_before(
    grain: Grain, points: list[tuple[int, float | None]]
) -> None:
    made = on_calendar("s", [MONDAY + timedelta(days=n) for n, _ in points], [value for _, value in points], grain=grain)
    ready = prepare(made, total_since=MONDAY)
    assert np.isfinite(ready.values).all()
    assert len(ready) == len(made) and ready.start == made.start
    assert all(said.strip() for said in ready.findings)
