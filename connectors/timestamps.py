"""Turning a file's timestamps into points in time: which format they are in, and the zone of those that name none.

What belongs here: SQL expressions over one column of a temporary table. What does not: what the times mean.

Values that name no zone take the connection's, which `zone_of_times` sets for the length of an import; so do the attributes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from lake import quote
from lake.errors import FileFormatError
from lake.sql_text import as_text

if TYPE_CHECKING:
    import duckdb

ISO = "iso"
DAY_FIRST = ("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y")
MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y")
YEAR_FIRST = ("%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%d/%m/%y", "%d.%m.%y")
CLOCKS = (" %H:%M:%S.%f", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p", "T%H:%M:%S", "")


@dataclass(frozen=True)
class TimestampReading:
    """How one column becomes `timestamptz`; values that cannot be read become null."""

    expression: str
    note: str = ""


def read_timestamps(
    connection: "duckdb.DuckDBPyConnection",
    table: str,
    column: str,
    *,
    zone: str = "UTC",
    date_format: str | None = None,
) -> TimestampReading:
    """Finds out how to read a column as timestamps.

    Args:
        table: A temporary table that holds the column.
        column: Text, or a timestamp or date type already.
        zone: Time zone of values that name none, for the note; `zone_of_times` must be in force.
        date_format: strptime format; default: ISO 8601, else the first common format that reads the most values.

    Raises:
        FileFormatError: No format reads any value.
    """
    kind = _kind(connection, table, column)
    name = quote(column)
    if kind == "TIMESTAMP WITH TIME ZONE":
        return TimestampReading(name)
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return TimestampReading(_zoned(f"cast({name} as timestamp)"), _zone_note(column, zone))
    if kind.endswith("INT") or kind in {"DOUBLE", "FLOAT"}:
        return TimestampReading(_epoch(name), f"`{column}` was read as seconds or milliseconds since 1970.")
    if date_format:
        return TimestampReading(_by_format(name, date_format))
    return _guessed(connection, table, column, zone)


@contextmanager
def zone_of_times(connection: "duckdb.DuckDBPyConnection", zone: str) -> Iterator[None]:
    """Times without a zone are read as this one's within the block.

    Raises:
        FileFormatError: It is not a time zone's name.
    """
    if zone not in available_timezones():
        raise FileFormatError(
            f"There is no time zone `{zone}`.", remedy="Use --time-zone with a name such as UTC or Europe/Berlin.", zone=zone
        )
    connection.execute(f"set timezone = '{zone}'")
    yield
    connection.execute("set timezone = 'UTC'")  # after an error the transaction takes no statement, and the connection is closed


def _guessed(connection: "duckdb.DuckDBPyConnection", table: str, column: str, zone: str) -> TimestampReading:
    name = quote(column)
    values = f"(select distinct trim({name}) as value from {table} where trim({name}) <> '')"
    total, iso, zoned = _row(
        connection,
        f"select count(*), count(try_cast(value as timestamptz)), count(*) filter ({_HAS_ZONE}) from {values}",
    )
    if total == 0:
        return TimestampReading("cast(null as timestamptz)")
    if iso == total:
        return TimestampReading(_iso(name), _zone_note(column, zone) if zoned < total else "")
    counts = {ISO: iso, **_count_formats(connection, values)}
    best = max(counts, key=lambda form: counts[form])
    if counts[best] == 0:
        example = _row(connection, f"select min(value) from {values}")[0]
        raise FileFormatError(
            f"`{column}` does not hold timestamps; its first value is `{example}`.",
            remedy="Name the right column with --timestamp, or its form with --date-format such as '%d.%m.%Y %H:%M'.",
            column=column,
        )
    if best == ISO:
        return TimestampReading(_iso(name), _zone_note(column, zone) if zoned < total else "")
    if best == "epoch":
        return TimestampReading(_epoch(name), f"`{column}` was read as seconds or milliseconds since 1970.")
    note = f"`{column}` was read as {best}, in {zone}."
    if any(counts.get(other + best[8:]) == counts[best] for other in MONTH_FIRST if best[:8] in DAY_FIRST):
        note += " Day and month could be the other way round: say so with --date-format if they are."
    return TimestampReading(_by_format(name, best), note)


_HAS_ZONE = r"regexp_matches(value, '(Z|[+-]\d\d(:?\d\d)?| UTC| GMT)$') and length(value) > 16"


def _count_formats(connection: "duckdb.DuckDBPyConnection", values: str) -> dict[str, int]:
    formats = [date + clock for date in (*DAY_FIRST, *MONTH_FIRST, *YEAR_FIRST) for clock in CLOCKS]
    counts = ", ".join(f"count(try_strptime(value, '{form}'))" for form in formats)
    sample = f"(select value from {values} using sample reservoir(20000 rows) repeatable (1))"
    epochs, *found = _row(
        connection, f"select count(*) filter (regexp_full_match(value, '\\d{{9,13}}(\\.\\d+)?')), {counts} from {sample}"
    )
    return {"epoch": epochs, **dict(zip(formats, found, strict=True))}


def _iso(name: str) -> str:
    return f"try_cast({name} as timestamptz)"


def _by_format(name: str, form: str) -> str:
    text = as_text(form)
    return _zoned(f"try_strptime(trim({name}), {text})")


def _zoned(expression: str) -> str:
    return f"cast({expression} as timestamptz)"


def _epoch(name: str) -> str:
    number = f"try_cast({name} as double)"
    return f"to_timestamp(case when {number} > 1e11 then {number} / 1000 else {number} end)"


def _zone_note(column: str, zone: str) -> str:
    return f"Values of `{column}` that name no time zone were taken as {zone}."


def _kind(connection: "duckdb.DuckDBPyConnection", table: str, column: str) -> str:
    return str(
        _row(connection, f"select any_value(typeof({quote(column)})) from (select {quote(column)} from {table} limit 1)")[0]
        or "VARCHAR"
    )


def _row(connection: "duckdb.DuckDBPyConnection", sql: str) -> tuple[Any, ...]:
    row = connection.execute(sql).fetchone()
    assert row is not None  # noqa: S101 — an aggregate has one row
    return row
