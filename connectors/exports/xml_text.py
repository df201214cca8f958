"""XML as text out of SQL: what must be written otherwise in it, and rows of it into a file.

What belongs here: what every XML layout needs. What does not: any one layout.
"""

import re
from pathlib import Path
from typing import IO, TYPE_CHECKING

from lake.errors import FileFormatError

if TYPE_CHECKING:
    import duckdb

ROWS = 20_000  # written at a time
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_WRITTEN = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("\r", "&#13;"), ("\n", "&#10;"), ("\t", "&#9;"))


def escaped(value: str) -> str:
    """SQL of a text as it stands in an element or attribute."""
    for mark, instead in _WRITTEN:
        character = f"chr({ord(mark)})" if mark in "\r\n\t" else f"'{mark}'"
        value = f"replace({value}, {character}, '{instead}')"
    return value


def as_xml(text: str) -> str:
    """A text of Python's as it stands in an element or attribute."""
    for mark, instead in _WRITTEN:
        text = text.replace(mark, instead)
    return text


def write_rows(connection: "duckdb.DuckDBPyConnection", out: IO[str], sql: str, path: Path) -> int:
    """Writes the one column of a query, a line each, and returns how many.

    Raises:
        FileFormatError: A text holds a character that XML cannot hold.
    """
    cursor, count = connection.execute(sql), 0
    while found := cursor.fetchmany(ROWS):
        text = "\n".join(line for (line,) in found)
        if odd := _NOT_XML.search(text):
            raise FileFormatError(
                f"A text of the log holds the character U+{ord(odd.group()):04X}, which XML cannot hold.",
                remedy="Export it as ocel-json, ocel-sqlite, csv or parquet.",
            )
        out.write(text + "\n")
        count += len(found)
    return count
