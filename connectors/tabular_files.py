"""Reading event logs that are tables: CSV (plain or gzip) and Parquet, into a temporary table in the recorded order.

What belongs here: delimiter, encoding, header, rows that do not fit. What does not: which column means what.
"""

import codecs
import csv
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.staged import ROW, TABLE, Rejected, Staged, convertible_type, open_bytes
from lake import get_settings, quote
from lake.errors import FileFormatError
from lake.sql_text import as_text

if TYPE_CHECKING:
    import duckdb

DELIMITERS = (",", ";", "\t", "|")
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_BLOCK = 1 << 20


def stage_csv(
    connection: "duckdb.DuckDBPyConnection", path: Path, *, delimiter: str | None = None, encoding: str | None = None
) -> Staged:
    """Reads a CSV file: every value as text first, so that a case called `NA` stays; only an empty field is missing.

    Args:
        delimiter: Default: whichever of comma, semicolon, tab and bar parts the first lines most evenly.
        encoding: Default: by byte order mark, else UTF-8, else Windows-1252.

    Raises:
        FileFormatError: Empty, header only, not in that encoding (names the line), or duplicate column names.
    """
    plain, used_encoding, notes = _as_utf8(path, encoding)
    try:
        header, used_delimiter = _header(plain, path.name, delimiter)
        names = _unique_header(header, path.name, notes)
        rejected = _read_csv(connection, plain, names, used_delimiter, path.name)
    finally:
        plain.unlink(missing_ok=True)
    columns = convertible_type(connection, TABLE, names)
    return Staged(columns, notes=notes, rejected=rejected, details={"delimiter": used_delimiter, "encoding": used_encoding})


def stage_parquet(connection: "duckdb.DuckDBPyConnection", path: Path) -> Staged:
    """Reads a Parquet file with the types it declares, in the order of its rows."""
    import duckdb

    with open_bytes(path):
        pass
    try:
        connection.execute(
            f"create or replace temp table {TABLE} as select * exclude (file_row_number), file_row_number + 1 as {quote(ROW)}"
            " from read_parquet(?, file_row_number = true)",
            [str(path)],
        )
    except duckdb.Error as error:
        raise FileFormatError(f"{path.name} is not a Parquet file: {_first_line(error)}", remedy="Export it again.") from error
    described = connection.execute(f"describe {TABLE}").fetchall()
    return Staged({name: _lake_type(kind) for name, kind, *_ in described if name != ROW})


def _lake_type(kind: str) -> str:
    return "TIMESTAMP WITH TIME ZONE" if kind.startswith("TIMESTAMP") else kind


def _as_utf8(path: Path, encoding: str | None) -> tuple[Path, str, list[str]]:
    """A copy of the file as plain UTF-8 below HOME, the encoding it was in, and what is to be said of it."""
    with open_bytes(path) as source:
        start = source.read(4)
    marked = next((name for mark, name in BOMS if start.startswith(mark)), None)
    if encoding or marked:
        return _transcode(path, encoding or marked or ""), encoding or marked or "", []
    try:
        return _transcode(path, "utf-8"), "utf-8", []
    except FileFormatError as error:
        if "line" not in error.data:
            raise
    note = f"{path.name} is not UTF-8; it was read as Windows-1252. If names look wrong, say --encoding."
    return _transcode(path, "cp1252"), "cp1252", [note]


def _transcode(path: Path, encoding: str) -> Path:
    import tempfile

    try:
        decoder = codecs.getincrementaldecoder(encoding)()
    except LookupError:
        raise FileFormatError(f"There is no encoding `{encoding}`.", remedy="Use a name such as utf-8 or latin-1.") from None
    folder = get_settings().folder("landing", "files")
    lines = 1
    with open_bytes(path) as source, tempfile.NamedTemporaryFile("wb", dir=folder, suffix=".csv", delete=False) as target:
        try:
            while block := source.read(_BLOCK):
                text = decoder.decode(block)
                target.write(text.encode())
                lines += text.count("\n")
            target.write(decoder.decode(b"", final=True).encode())
        except UnicodeDecodeError as error:
            Path(target.name).unlink()
            line = lines + error.object[: error.start].count(b"\n")
            raise FileFormatError(
                f"{path.name}, line {line}: byte 0x{error.object[error.start]:02x} is not {encoding}.",
                remedy="Say the right one with --encoding, such as --encoding latin-1.",
                file=path.name,
                line=line,
            ) from None
        except BaseException:
            Path(target.name).unlink()
            raise
    return Path(target.name)


def _header(plain: Path, file: str, delimiter: str | None) -> tuple[list[str], str]:
    with plain.open(encoding="utf-8", newline="") as source:
        lines = [line for _, line in zip(range(20), source, strict=False)]
    if not lines or not "".join(lines).strip():
        raise FileFormatError(f"{file} is empty.", remedy="Export it again with a header line and rows.", file=file)
    used = delimiter or max(DELIMITERS, key=lambda mark: evenness(lines, mark))
    header = next(csv.reader(lines, delimiter=used))
    if len(header) < 3:
        raise FileFormatError(
            f"{file}, line 1: {len(header)} column(s) when parted by `{used}`; an event log needs a case, an activity and a time.",
            remedy="Name the delimiter with --delimiter.",
            file=file,
            line=1,
        )
    return header, used


def evenness(lines: list[str], mark: str) -> tuple[int, int]:
    """How many of the first lines have as many fields as the header, and how many that is; nothing parted counts nothing."""
    widths = [len(row) for row in csv.reader(lines, delimiter=mark) if row]
    return (sum(width == widths[0] for width in widths), widths[0]) if widths and widths[0] > 1 else (0, 0)


def _unique_header(header: list[str], file: str, notes: list[str]) -> list[str]:
    names: list[str] = []
    taken = {ROW}
    for number, raw in enumerate(header, start=1):
        wanted = raw.strip() or f"column_{number}"
        name, copy = wanted, 2
        while name.lower() in taken:
            name, copy = f"{wanted}_{copy}", copy + 1
        if name != wanted:
            notes.append(f"{file} has more than one column `{wanted}`; column {number} is called `{name}`.")
        taken.add(name.lower())
        names.append(name)
    return names


def _read_csv(connection: "duckdb.DuckDBPyConnection", plain: Path, names: list[str], delimiter: str, file: str) -> list[Rejected]:
    import duckdb

    columns = ", ".join(f"{as_text(name)}: 'VARCHAR'" for name in names)
    connection.execute("drop table if exists temp.file_errors; drop table if exists temp.file_scans")
    try:
        connection.execute(
            f"create or replace temp table {TABLE} as select *, row_number() over () as {quote(ROW)}"
            f" from read_csv({as_text(plain)}, columns = {{{columns}}}, header = true, auto_detect = false,"
            f" delim = {as_text(delimiter)}, quote = '\"', escape = '\"', nullstr = '', strict_mode = true, store_rejects = true,"
            " rejects_table = 'file_errors', rejects_scan = 'file_scans', rejects_limit = 0, max_line_size = 16000000)"
        )
    except duckdb.Error as error:
        raise FileFormatError(
            f"{file} cannot be read as CSV: {_first_line(error)}", remedy="Check --delimiter and the quotes."
        ) from error
    errors = connection.execute(
        "select line, any_value(error_message), any_value(csv_line) from file_errors group by line order by line"
    )
    return [
        Rejected(f"line {line}", "row fits the header", f"line {line}: {_first_line(message)}", text or "")
        for line, message, text in errors.fetchall()
    ]


def _first_line(error: object) -> str:
    return str(error).strip().splitlines()[0]
