"""Texts within SQL, where a value cannot be bound or where binding the first one would have DuckDB import pandas (0.8 CPU-seconds).

What belongs here: quoting a text. What does not: identifiers (`lake.connection.quote`) and other values (`mining.sql_text`).
"""


def as_text(value: object) -> str:
    """The value's text as an SQL literal, in single quotes."""
    return "'" + str(value).replace("'", "''") + "'"
