"""A staged value in the lake's type: the same value, or none."""

import duckdb
import pytest

from connectors.casts import cast_sql, may_misfit


def cast(value: str, found: str, wanted: str) -> object:
    """What becomes of a value of type `found` in a column of type `wanted`."""
    row = duckdb.execute(f"select {cast_sql('value', found, wanted)} from (select {value}::{found} as value)").fetchone()
    return row[0] if row else None


@pytest.mark.parametrize(
    ("value", "found", "wanted", "kept"),
    [
        ("9007199254740992", "bigint", "double", 9007199254740992.0),
        ("9007199254740993", "bigint", "double", None),  # a double has only its neighbours
        ("-9223372036854775807", "bigint", "double", None),
        ("9223372036854775807", "bigint", "double", None),  # rounds up beyond every bigint
        ("16777217", "integer", "float", None),
        ("16777216", "integer", "float", 16777216.0),
        ("1.5", "double", "bigint", None),
        ("2.0", "double", "bigint", 2),
    ],
)
def test_a_number_that_the_type_does_not_hold_exactly_becomes_none(value: str, found: str, wanted: str, kept: object) -> None:
    assert cast(value, found, wanted) == kept
    assert may_misfit(found, wanted)
