"""A staged value into the lake's type, or null where it would be another value there.

What belongs here: the SQL of one column's cast, and whether it can fail. What does not: what is done with values that do not fit
(`connectors.landing_gate`).
"""

import re

from lake import quote

_BINARY = ("float", "double")
_INTEGERS = ("tinyint", "smallint", "integer", "bigint", "hugeint")
_HAS_ZONE = r"\d:\d\d.*([zZ]|[+-]\d\d(:?\d\d)?)$"  # after a time: the end of 2024-01-01 is no zone


def cast_sql(name: str, found: str, wanted: str, *, zone: str = "UTC") -> str:
    """SQL for a column in the lake's type; null where the value does not fit. Texts are rounded: see `connectors.exact_casts`.

    Args:
        name: The column.
        found: The DuckDB type it is staged in.
        wanted: The DuckDB type it is to have.
        zone: Time zone of moments that name none.
    """
    column, found, wanted = quote(name), spelled(found), spelled(wanted)
    plain = f"try_cast({column} as {wanted})"
    if found == wanted:
        return column
    if wanted == "timestamptz":
        return _moment(column, found, zone)
    if not may_misfit(found, wanted):
        return f"cast({column} as {wanted})"
    if wanted in _INTEGERS and _is_fractional(found):
        return f"case when {column} = round({column}) then {plain} end"
    if wanted.startswith("decimal") and _is_fractional(found):
        return f"case when {plain}::double = try_cast({column} as double) then {plain} end"
    if wanted in _BINARY and found in _INTEGERS:  # beyond 2^53 a double has no longer every whole number
        return f"case when {plain}::hugeint = {column}::hugeint then {plain} end"
    if wanted == "date" and found == "varchar":
        return f"case when length(trim({column})) <= 10 then {plain} end"
    if wanted == "date" and found.startswith("timestamp"):
        return f"case when {column}::time = time '00:00' then {plain} end"
    return plain


def _moment(column: str, found: str, zone: str) -> str:
    if zone == "UTC":
        return f"try_cast({column} as timestamptz)"
    local = f"timezone('{zone}', try_cast({column} as timestamp))"
    if found == "varchar":
        return f"case when regexp_matches({column}, '{_HAS_ZONE}') then try_cast({column} as timestamptz) else {local} end"
    return local


def may_misfit(found: str, wanted: str) -> bool:
    """Whether there are values of type `found` that type `wanted` does not hold."""
    found, wanted = spelled(found), spelled(wanted)
    if found == wanted or wanted == "varchar":
        return False
    if found in _INTEGERS and wanted in _INTEGERS:
        return _INTEGERS.index(found) > _INTEGERS.index(wanted)
    if found in ("float", "smallint", "integer", "tinyint") and wanted == "double":
        return False
    if found.startswith("timestamp") and wanted == "timestamptz":
        return False
    if found.startswith("decimal") and wanted.startswith("decimal"):
        (digits, scale), (most, finest) = _sizes(found), _sizes(wanted)
        return digits - scale > most - finest or scale > finest
    return True


def spelled(kind: str) -> str:
    """A DuckDB type the way this house writes it."""
    plain = kind.lower().replace(" ", "").replace("timestampwithtimezone", "timestamptz")
    return {"int": "integer", "int8": "bigint", "text": "varchar", "string": "varchar", "bool": "boolean", "real": "float"}.get(
        plain, plain
    )


def _is_fractional(kind: str) -> bool:
    return kind in _BINARY or kind.startswith("decimal")


def _sizes(kind: str) -> tuple[int, int]:
    digits, scale = re.findall(r"\d+", kind) or ("18", "3")
    return int(digits), int(scale)
