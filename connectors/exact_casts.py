"""When a text cannot become a value of the lake's type without being changed: SQL conditions.

What belongs here: what DuckDB's casts would round off in silence. What does not: what is done about it (`connectors.landing_gate`).
"""

import re

from lake import quote

WHOLE = ("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint")
SURE_DIGITS = 17  # of a decimal number, that a double precision number can tell apart


def is_lost(column: str, kind: str) -> str:
    """A condition: the column's value cannot be cast to the type, or only by rounding it.

    Args:
        column: A column of texts.
        kind: A DuckDB type.
    """
    return f"(try_cast({quote(column)} as {kind}) is null{_rounded(quote(column), kind.lower().replace(' ', ''))})"


def _rounded(name: str, kind: str) -> str:
    decimal = re.fullmatch(r"(?:decimal|numeric)\((\d+),(\d+)\)", kind)
    if kind in WHOLE:
        return _differs(name, kind, "decimal(38, 18)")
    if kind in ("hugeint", "uhugeint"):
        return f" or regexp_matches({name}, '[.][0-9]*[1-9]')"
    if decimal and int(decimal[1]) < 38:
        return _differs(name, kind, f"decimal(38, {38 - int(decimal[1]) + int(decimal[2])})")
    if decimal:
        return f" or regexp_matches({name}, '[.][0-9]{{{decimal[2]}}}[0-9]*[1-9]')"
    if kind in ("double", "float", "real"):
        digits = rf"length(trim(regexp_replace({name}, '[eE].*|[^0-9]', '', 'g'), '0')) > {SURE_DIGITS}"
        near = f"try_cast(try_cast({name} as {kind})::varchar as decimal(38, 18))"
        return f" or {digits} or coalesce({near} <> try_cast({name} as decimal(38, 18)), false)"
    return ""


def _differs(name: str, kind: str, finer: str) -> str:
    return f" or coalesce(try_cast({name} as {kind}) <> try_cast({name} as {finer}), false)"
