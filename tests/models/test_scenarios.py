"""Scenarios: what is supposed moves the forecast as the past says it does, and what cannot be supposed is refused in words."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from lake.errors import ModelError
from models.scenarios import what_if
from models.series import Series

MONDAY = date(2024, 1, 1)


def series(name: str, values: np.ndarray, *, start: date = MONDAY) -> Series:
    return Series(name, name.title(), "EUR", "daily", start, values)


@pytest.fixture(scope="module")
def company() -> tuple[Series, dict[str, Series]]:
    """A revenue that is 50 a unit of volume, less 3 a unit of price; nothing is sold on a day off."""
    generator = np.random.default_rng(5)
    volume, price = 100 + generator.normal(0, 10, 300), 20 + generator.normal(0, 2, 300)
    days = [MONDAY + timedelta(days=n) for n in range(330)]
    closed = frozenset(day for day in days if day.day == 3)
    sold = np.array([day not in closed for day in days[:300]])
    revenue = (50 * volume - 3 * price + generator.normal(0, 20, 300)) * sold
    return replace(series("revenue", revenue), closed_days=closed), {
        "volume": series("orders", volume),
        "price": series("price", price),
    }


def test_less_volume_is_less_revenue_by_what_the_past_says(company: tuple[Series, dict[str, Series]]) -> None:
    found = what_if(company[0], {"volume": "-10 %"}, regressors=company[1])
    assert len(found.periods) == 28 and found.periods[0] == MONDAY + timedelta(days=300)
    expected = -0.1 * 50 * company[1]["volume"].values[-7:].mean()
    assert found.difference.mean() == pytest.approx(expected, rel=0.1)
    same = what_if(company[0], {}, regressors=company[1])
    assert np.array_equal(same.baseline, same.scenario)
    assert same.baseline == pytest.approx(found.baseline)


def test_a_day_off_costs_its_own_day_only(company: tuple[Series, dict[str, Series]]) -> None:
    day = MONDAY + timedelta(days=307)
    found = what_if(company[0], {"holidays": [day]}, regressors=company[1])
    index = found.periods.index(day)
    assert found.scenario[index] < 0.7 * found.baseline[index]
    assert np.delete(found.difference, index) == pytest.approx(np.zeros(27), abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"weather": 5}, "Revenue has no factor weather"),
        ({"price": "a lot"}, "'a lot' is not a change in percent"),
        ({"price": float("nan")}, "is not a change in percent"),
        ({"price": -120}, "-120 is not a change in percent"),
        ({"price": True}, "True is not a change in percent"),
        ({"holidays": [date(2020, 1, 1)]}, "2020-01-01 is not forecast"),
        ({"holidays": "tomorrow"}, "'tomorrow' is not a list of days"),
    ],
)
def test_what_cannot_be_supposed_is_refused(
    company: tuple[Series, dict[str, Series]], changes: dict[str, object], said: str
) -> None:
    with pytest.raises(ModelError, match=said):
        what_if(company[0], changes, regressors=company[1])  # type: ignore[arg-type]


def test_a_champion_without_regressors_is_said_to_have_none(company: tuple[Series, dict[str, Series]]) -> None:
    with pytest.raises(ModelError, match="is forecast by theta, which knows no regressors"):
        what_if(company[0], {"price": 5}, regressors=company[1], model="theta")


def test_a_factor_that_is_hardly_known_is_refused(company: tuple[Series, dict[str, Series]]) -> None:
    late = series("price", np.ones(4), start=MONDAY + timedelta(days=296))
    with pytest.raises(ModelError, match="known for too few of its periods"):
        what_if(company[0], {"price": 5}, regressors={"price": late})
