"""What every reader of a format gives: batches of text with `_line`, and lines that are no rows.

What belongs here: that form. What does not: any one format.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connectors.files.names import LINE
from connectors.files.options import FileOptions
from connectors.files.places import Part

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 20_000
MOST_BAD_LINES = 10_000  # a file with more is not what the connection says it is

Bad = Callable[[int, str, str, str], None]  # line, rule, reason, the line as it stands


@dataclass
class Batch:
    """Some rows of a part."""

    table: "pa.Table"  # columns of text, and `_line`
    # where the file itself tells, how many values of a column are whole numbers, other numbers, booleans and nested
    numbers: Mapping[str, Sequence[int]] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)  # types the file declares


Reader = Callable[[Part, FileOptions, Bad], Iterator[Batch]]


def text_table(names: Sequence[str], rows: Sequence[Sequence[str | None]], lines: Sequence[int], bad: Bad) -> "pa.Table":
    """Rows of text as a table; a row with a character that no text column can hold is set aside."""
    import pyarrow as pa

    try:
        return _table(names, rows, lines)
    except (UnicodeEncodeError, pa.ArrowInvalid):
        good = [at for at, row in enumerate(rows) if _is_storable(row)]
        for at in sorted(set(range(len(rows))) - set(good)):
            told = json.dumps(dict(zip(names, rows[at], strict=True)), ensure_ascii=True)
            bad(lines[at], "text can be stored", "a value holds a NUL or half a character", told)
        return _table(names, [rows[at] for at in good], [lines[at] for at in good])


def _table(names: Sequence[str], rows: Sequence[Sequence[str | None]], lines: Sequence[int]) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    arrays = [pa.array(column, pa.string()) for column in columns]
    if any(pc.any(pc.match_substring(array, "\0")).as_py() for array in arrays):
        raise pa.ArrowInvalid("NUL")
    return pa.table([*arrays, pa.array(lines, pa.int64())], names=[*names, LINE])


def _is_storable(row: Sequence[str | None]) -> bool:
    try:
        return not any(value is not None and "\0" in value.encode().decode() for value in row)
    except UnicodeEncodeError:
        return False


def shown(text: str) -> str:
    """A line as it can be kept: bytes that are no text and NULs are written as \\x00."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").replace("\0", "\\x00")
