"""Reading XES event logs, plain or gzipped, into a temporary table in the recorded order.

What belongs here: cutting the file into chunks of whole traces, choosing the way through each, and typing the columns. What
does not: the two ways themselves (`xes_scan`, `xes_parse`).

Chunks are scanned by threads while the caller's inserts those before, a few at a time, so memory does not grow with the file.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from xml.parsers import expat

from connectors.staged import ROW, TABLE, Progress, Staged, no_progress, open_bytes
from connectors.xes_parse import XesParser
from connectors.xes_scan import PADDING, Batch, Column, scan
from lake import quote
from lake.errors import FileFormatError

if TYPE_CHECKING:
    import duckdb

BLOCK = 1 << 22
_PIECE = 1 << 14  # of the header, which the parser reads tag by tag
AHEAD = 3  # chunks scanned before they are asked for
TYPES = {"date": "TIMESTAMP WITH TIME ZONE", "int": "BIGINT", "float": "DOUBLE", "boolean": "BOOLEAN"}
_END = b"</trace>"


class Irregular(Exception):
    """The file cannot be cut into chunks of whole traces; it is to be parsed from its beginning."""


def stage_xes(connection: "duckdb.DuckDBPyConnection", path: Path, *, progress: Progress = no_progress) -> Staged:
    """Reads an XES file; trace attributes come as `case:<key>`, event attributes under their own key.

    Args:
        progress: Called with the share of the file that has been read.

    Raises:
        FileFormatError: Not well-formed (names the line), not XES, or without any event.
    """
    details: dict[str, Any] = {}
    table = _Table(connection)
    while not table.is_typed:
        table.restart()
        try:
            table.fill(chunked(path, details, progress))
        except (Irregular, expat.ExpatError, UnicodeDecodeError):
            table.restart()
            table.fill(_whole(path, details, progress))
    if not table.rows:
        raise FileFormatError(f"{path.name} holds no event.", remedy="Export it again with its traces.", file=path.name)
    return Staged(table.united(), notes=table.notes, details={"log": details} if details else {})


def chunked(path: Path, details: dict[str, Any], progress: Progress) -> Iterator[Batch]:
    """The file's events chunk by chunk, in order, scanned in threads; a file of one chunk needs none."""
    size = path.stat().st_size
    with open_bytes(path) as source:
        chunks = _chunks(source, details)
        first = list(islice(chunks, 2))
        if len(first) == 1:
            yield _read_chunk(first[0])
            return
        yield from _in_threads(chain(first, chunks), lambda: progress(f"Reading {path.name}", 0.8 * _position(source) / size))


def _in_threads(chunks: Iterable[bytes], tell: Callable[[], None]) -> Iterator[Batch]:
    with ThreadPoolExecutor(2) as pool:
        waiting: deque[Future[Batch]] = deque()
        for chunk in chunks:
            waiting.append(pool.submit(_read_chunk, chunk))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
                tell()
        while waiting:
            yield waiting.popleft().result()


def _position(source: IO[bytes]) -> int:
    raw = getattr(source, "fileobj", None) or source
    return int(getattr(raw, "tell", source.tell)())


def _chunks(source: IO[bytes], details: dict[str, Any]) -> Iterator[bytes]:
    """Runs of whole traces, padded for the scanner."""
    rest = _after_header(source, details)
    while block := source.read(BLOCK):
        cut = block.rfind(_END)
        if cut < 0:
            rest += block
            continue
        yield b"".join((rest, block[: cut + len(_END)], PADDING))
        rest = block[cut + len(_END) :]
    cut = rest.rfind(_END)
    if cut >= 0:
        yield b"".join((rest[: cut + len(_END)], PADDING))
        rest = rest[cut + len(_END) :]
    if rest.split() != [b"</log>"]:
        raise Irregular


def _after_header(source: IO[bytes], details: dict[str, Any]) -> bytes:
    """Reads up to the first trace and returns what was read from there on; keeps what the log says of itself."""
    parser, head = XesParser(), b""
    while parser.first_trace_at is None:
        piece = source.read(_PIECE)
        if not piece or not (head or _is_utf8(piece)):
            raise Irregular
        parser.feed(piece)
        head += piece
    start = parser.first_trace_at
    if not parser.is_log or not head.startswith(b"<trace>", start):
        raise Irregular
    details.update(parser.details)
    return head[start:]


def _is_utf8(head: bytes) -> bool:
    declaration = head[: head.find(b"?>") + 1][:200].lower()
    return b"encoding" not in declaration or b"utf-8" in declaration or b"ascii" in declaration


def _read_chunk(padded: bytes) -> Batch:
    if not padded.isascii():
        padded.decode()
    batch = scan(padded)
    if batch is not None:
        return batch
    parser = XesParser(encoding="utf-8")
    parser.feed(b"<log>" + padded[: -len(PADDING)] + b"</log>", final=True)
    return parser.take()


def _whole(path: Path, details: dict[str, Any], progress: Progress) -> Iterator[Batch]:
    """The file's events by one parser from beginning to end, whose complaints name the line."""
    parser = XesParser()
    size = path.stat().st_size
    with open_bytes(path) as source:
        try:
            while block := source.read(BLOCK):
                parser.feed(block)
                yield parser.take()
                progress(f"Reading {path.name}", 0.8 * _position(source) / size)
            parser.feed(b"", final=True)
        except expat.ExpatError as error:
            raise FileFormatError(
                f"{path.name}, line {error.lineno}: not well-formed XML: {expat.ErrorString(error.code)}.",
                remedy="The file is damaged or cut off; export or copy it again.",
                file=path.name,
                line=error.lineno,
            ) from error
    yield parser.take()
    if not parser.is_log:
        raise FileFormatError(
            f"{path.name} is XML but has no `log` element, so it is no XES.", remedy="Export it as XES.", file=path.name
        )
    details.update(parser.details)


class _Table:
    """The temporary table that grows with the batches: a column per attribute key and kind, typed as the kind says.

    A column with a value that its kind does not allow is kept as text, which is found out at the end and needs a second reading.
    """

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        self.notes: list[str] = []
        self.is_typed = False
        self._connection = connection
        self._kept_as_text: set[Column] = set()

    def restart(self) -> None:
        """Forgets the rows."""
        self.rows = 0
        self._types: dict[Column, str] = {}
        self._filled: dict[Column, int] = {}
        self._connection.execute(f"create or replace temp table {TABLE} ({quote(ROW)} bigint)")

    def fill(self, batches: Iterator[Batch]) -> None:
        """Appends all batches and looks whether every value had the type it was declared to have."""
        for batch in batches:
            if batch.columns:
                self._add(batch)
        typed = [column for column, kind in self._types.items() if kind != "VARCHAR"]
        counts = ", ".join(f"count({_name(column)})" for column in typed) or "0"
        found = self._connection.execute(f"select {counts} from {TABLE}").fetchone() or ()
        wrong = {column for column, count in zip(typed, found, strict=False) if count != self._filled[column]}
        self.is_typed = not wrong
        self._kept_as_text |= wrong
        self.notes += [
            f"`{column.key}` is declared as {column.kind}, but holds others, too; it was kept as text." for column in wrong
        ]

    def _add(self, batch: Batch) -> None:
        import pyarrow as pa

        for column in [column for column in batch.columns if column not in self._types]:
            self._types[column] = "VARCHAR" if column in self._kept_as_text else TYPES.get(column.kind, "VARCHAR")
            self._filled[column] = 0
            self._connection.execute(f"alter table {TABLE} add column {_name(column)} {self._types[column]}")
        numbers = pa.Array.from_buffers(pa.int64(), batch.events, [None, pa.py_buffer(row_numbers(self.rows, batch.events))])
        rows = pa.Table.from_arrays([numbers, *batch.columns.values()], [ROW, *(plain_name(column) for column in batch.columns)])
        names = ", ".join([quote(ROW), *(_name(column) for column in batch.columns)])
        values = ", ".join([quote(ROW), *(self._cast(column) for column in batch.columns)])
        self._connection.register("xes_rows", rows)
        self._connection.execute(f"insert into {TABLE} ({names}) select {values} from xes_rows")
        self._connection.unregister("xes_rows")
        for column, filled in batch.columns.items():
            self._filled[column] += batch.events - filled.null_count
        self.rows += batch.events

    def _cast(self, column: Column) -> str:
        kind = self._types[column]
        return _name(column) if kind == "VARCHAR" else f"try_cast({_name(column)} as {kind})"

    def united(self) -> dict[str, str]:
        """The columns for the landing; where one key came in several kinds, they are put together as number or text."""
        by_key: dict[str, list[Column]] = {}
        for column in self._types:
            by_key.setdefault(column.key, []).append(column)
        return {key: self._unite(key, columns) for key, columns in by_key.items()}

    def _unite(self, key: str, columns: list[Column]) -> str:
        kinds = {self._types[column] for column in columns}
        kind = kinds.pop() if len(kinds) == 1 else "DOUBLE" if kinds == {"DOUBLE", "BIGINT"} else "VARCHAR"
        if len(columns) > 1:
            parts = ", ".join(f"cast({_name(column)} as {kind})" for column in columns)
            self._connection.execute(f"alter table {TABLE} add column {quote(key)} {kind}")
            self._connection.execute(f"update {TABLE} set {quote(key)} = coalesce({parts})")
        else:
            self._connection.execute(f"alter table {TABLE} rename column {_name(columns[0])} to {quote(key)}")
        return kind


def row_numbers(before: int, count: int) -> Any:
    """The recorded order of `count` events that come after `before` others."""
    import numpy as np

    return np.arange(before + 1, before + count + 1, dtype=np.int64)


def plain_name(column: Column) -> str:
    """The name of an attribute's column while it is staged: keys may come in several kinds."""
    return f"{column.kind}@{column.key}"


def _name(column: Column) -> str:
    return quote(plain_name(column))
