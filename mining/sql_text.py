"""Python values as SQL text, for statements that are shown to people and therefore hold no placeholders.

What belongs here: quoting, and the statement that has no rows. What does not: any other statement.
"""

import math
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal

from lake.errors import DataError
from lake.sql_text import as_text


def literal(value: object) -> str:
    """The value as a DuckDB literal; moments become `timestamptz`, naive ones are taken as UTC.

    Raises:
        DataError: The value is of a type that has no literal here.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return _number(value)
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return f"timestamptz '{moment.isoformat()}'"
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    if isinstance(value, str):
        return as_text(value)
    raise DataError(
        f"{value!r} ({type(value).__name__}) cannot be compared with.", remedy="Use text, a number, a truth value or a time."
    )


def _number(value: float | Decimal) -> str:
    if not math.isfinite(value):  # infinity and what is no number are words, not digits
        return f"'{value}'::double"
    return f"{float(value)!r}::double" if isinstance(value, float) else str(value)


def literals(values: Iterable[object]) -> str:
    """The values as the inside of an `in (…)`; `null` alone for none, which matches nothing."""
    return ", ".join(literal(value) for value in values) or "null"


def no_rows(columns: str) -> str:
    """A `select` of no rows with these columns, told as in a `create table`: names and types, with commas and one blank each."""
    return (
        "select " + ", ".join("cast(null as {1}) as {0}".format(*column.split()) for column in columns.split(", ")) + " where false"
    )
