"""Which type a column of the lake grows into when its source's type has grown: every value of before stays, to the last digit.

What belongs here: that choice. What does not: when it is asked (`connectors.landing_gate`) and the change itself (`lake.landing`).

DuckLake changes a type without rewriting a file, and a reader of an earlier snapshot sees the earlier type. It knows no way from
numbers to texts, and a day is no moment: such columns keep their type.
"""

import re

from connectors.casts import may_misfit, spelled

MOST_DIGITS = 38  # of a decimal number in DuckDB
EXACT_DOUBLE = 2**53  # up to here a double precision number has every whole number
_BITS = {"tinyint": 8, "smallint": 16, "integer": 32, "bigint": 64, "hugeint": 128}
_DIGITS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}


def widened(there: str, shown: str) -> str | None:
    """The type that holds every value of both; None where the column may stay as it is, or DuckLake has no such type.

    From bigint to double is answered too: that no value of the column lies beyond `EXACT_DOUBLE` is the caller's to ask.

    Args:
        there: The DuckDB type that the lake's column has.
        shown: The DuckDB type that the source's column has now.
    """
    there, shown = spelled(there), spelled(shown)
    if not may_misfit(shown, there):
        return None
    if there in _BITS and shown in _BITS:
        return shown
    if shown in ("double", "float"):
        return "double" if there == "float" or there in _DIGITS else None
    return _decimal(there, shown)


def _decimal(there: str, shown: str) -> str | None:
    """The decimal type with room for both before and behind the point."""
    sizes = [_sizes(kind) for kind in (there, shown)]
    if None in sizes:
        return None
    whole, scale = (max(size[part] for size in sizes if size) for part in (0, 1))
    return f"decimal({whole + scale},{scale})" if whole + scale <= MOST_DIGITS else None


def _sizes(kind: str) -> tuple[int, int] | None:
    """Digits before and behind the point that values of a type may have; None for what is no exact number."""
    if kind in _DIGITS:
        return _DIGITS[kind], 0
    found = re.fullmatch(r"decimal\((\d+),(\d+)\)", kind)
    return (int(found[1]) - int(found[2]), int(found[2])) if found else None
