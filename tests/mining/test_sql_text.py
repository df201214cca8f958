"""Values written into SQL are the values that DuckDB reads."""

import math
from decimal import Decimal

import duckdb
import pytest

from mining.sql_text import literal


def read(value: object) -> object:
    with duckdb.connect() as connection:
        return (connection.execute(f"select {literal(value)}").fetchone() or (None,))[0]


@pytest.mark.parametrize("value", [0.1, -2.5e300, math.inf, -math.inf, 7, True, None, "it's", Decimal("1.50")])
def test_a_value_is_what_it_was(value: object):
    assert read(value) == value


@pytest.mark.parametrize("value", [math.nan, Decimal("NaN")])
def test_what_is_no_number_stays_none(value: object):
    assert math.isnan(read(value))
