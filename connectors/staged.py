"""A file's rows on their way into the lake: a temporary table in the recorded order, and what is known of its columns.

What belongs here: the handing-over form between the readers of each file format and the landing. What does not: any one format.
"""

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from lake import quote
from lake.errors import FileFormatError

if TYPE_CHECKING:
    import duckdb

ROW = "@row"  # the recorded order, from 1; no file format allows it as a name that would be lost by this
TABLE = "staged_file"
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Rejected:
    """A row that could not even be read as one."""

    row: str
    rule: str
    reason: str
    text: str


@dataclass(frozen=True)
class Staged:
    """One file's rows in a temporary table with a column `@row`."""

    columns: dict[str, str]  # name to the DuckDB type its values are to have in the lake
    table: str = TABLE
    notes: list[str] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)  # what the file says of itself


def no_progress(description: str, done: float) -> None:
    """Swallows progress reports."""


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Opens a file for reading bytes, unpacking gzip by its content rather than by its name.

    Raises:
        FileFormatError: There is no such file, it is a folder, it is empty, or the gzip in it is damaged or cut off.
    """
    if not path.is_file():
        raise FileFormatError(f"There is no file {path}.", remedy="Check the path.", file=str(path))
    if path.stat().st_size == 0:
        raise FileFormatError(f"{path.name} is empty (0 bytes).", remedy="Export it again.", file=path.name)
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        try:
            if packed:
                with gzip.open(raw) as unpacked:
                    yield unpacked  # type: ignore[misc]  # GzipFile reads as IO[bytes] does
            else:
                yield raw
        except (EOFError, gzip.BadGzipFile, _zlib_error()) as error:
            raise FileFormatError(
                f"{path.name} is a damaged gzip file: {error}.",
                remedy="It was cut off or changed on the way; copy it again.",
                file=path.name,
            ) from error


def _zlib_error() -> type[Exception]:
    import zlib

    return zlib.error


def convertible_type(connection: "duckdb.DuckDBPyConnection", table: str, columns: list[str]) -> dict[str, str]:
    """For each text column the narrowest type that loses nothing: a value that would look different afterwards keeps it text.

    So `007` stays text, `12` becomes a number, and a column of `NA` and numbers stays text.
    """
    return {column: narrowest(*counts) for column, counts in type_counts(connection, table, columns).items()}


def type_counts(connection: "duckdb.DuckDBPyConnection", table: str, columns: list[str]) -> dict[str, tuple[int, ...]]:
    """For each text column how many values are filled, and how many of these are whole numbers, numbers, booleans and moments."""
    if not columns:
        return {}
    checks = [check for column in columns for check in _checks(quote(column))]
    row = connection.execute(f"select {', '.join(checks)} from {table}").fetchone()
    assert row is not None  # noqa: S101 — an aggregate has one row
    step = len(checks) // len(columns)
    return {column: tuple(row[start * step : (start + 1) * step]) for start, column in enumerate(columns)}


def _checks(name: str) -> list[str]:
    return [
        f"count({name})",
        f"count(*) filter (regexp_full_match({name}, '-?(0|[1-9][0-9]{{0,17}})'))",
        f"count(*) filter (regexp_full_match({name}, '-?(0|[1-9][0-9]{{0,14}})(\\.[0-9]+)?([eE][-+]?[0-9]{{1,3}})?'))",
        f"count(*) filter (lower({name}) in ('true', 'false'))",
        f"count(*) filter (length({name}) >= 10 and try_cast({name} as timestamptz) is not null)",
    ]


def narrowest(filled: int, whole: int, numbers: int, booleans: int, moments: int) -> str:
    """The narrowest type that these counts allow."""
    if filled == 0:
        return "VARCHAR"
    matches = {"BIGINT": whole, "DOUBLE": numbers, "BOOLEAN": booleans, "TIMESTAMP WITH TIME ZONE": moments}
    return next((kind for kind, count in matches.items() if count == filled), "VARCHAR")
