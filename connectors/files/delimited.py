"""CSV files and their kin: records of fields between delimiters, one by one, each with the line it begins on.

What belongs here: headers, quotes, rows that do not fit. What does not: how values are written (`connectors.files.values`).
"""

import csv
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from connectors.files.names import column_names
from connectors.files.options import FileOptions
from connectors.files.places import Part
from connectors.files.rows import BATCH, Bad, Batch, shown, text_table
from connectors.files.text import is_readable, opened_lines
from connectors.tabular_files import DELIMITERS, evenness
from lake.errors import FileFormatError

MOST_LINES = 1_000  # a record over more lines has a quote that is never closed
LONGEST_FIELD = 16_000_000
RULE = "row fits the header"


def read_delimited(part: Part, options: FileOptions, bad: Bad) -> Iterator[Batch]:
    """The rows of a CSV file.

    Raises:
        FileFormatError: Empty, without the header, or damaged.
    """
    csv.field_size_limit(LONGEST_FIELD)
    with opened_lines(part, options) as lines:
        start = list(islice(lines, options.skip_rows + 40))
        used = options.delimiter or _delimiter(start[options.skip_rows :], options)
        source = _Lines(chain(start, lines), options, bad)
        is_framed = options.frame and any(_is_within(line, options.frame) for line in start)
        records = _Framed(source, used, options.frame or "") if is_framed else _Parted(source, used, options)
        names = _names(records, part, options)
        yield from _batches(records, names, bad)


def _delimiter(lines: list[str], options: FileOptions) -> str:
    wanted = [line for line in lines if not (options.comment and line.startswith(options.comment))]
    if options.frame and any(_is_within(line, options.frame) for line in wanted):
        return options.frame
    return max(DELIMITERS, key=lambda mark: evenness(wanted[:20], mark))


def _is_within(line: str, frame: str) -> bool:
    text = line.strip()
    return len(text) > 1 and text.startswith(frame) and text.endswith(frame)


class _Lines:
    """The lines of a file, which can be given back, with the numbers they have."""

    def __init__(self, lines: Iterator[str], options: FileOptions, bad: Bad) -> None:
        self.lines, self.options, self.bad = lines, options, bad
        self.back: deque[tuple[int, str]] = deque()
        self.taken: list[tuple[int, str]] = []  # by the record that is being read
        self.number = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if len(self.taken) >= MOST_LINES:
            raise csv.Error(f"a quote is not closed within {MOST_LINES} lines")
        number, line = self.back.popleft() if self.back else self._next()
        self.taken.append((number, line))
        return line

    def _next(self) -> tuple[int, str]:
        while True:
            line = next(self.lines)
            self.number += 1
            if self.number <= self.options.skip_rows or (self.options.comment and line.startswith(self.options.comment)):
                continue
            if is_readable(line, self.number, self.bad):
                return self.number, line

    def refuse(self, reason: str) -> None:
        """Sets the first line of the record aside and gives the others back."""
        (number, line), *others = self.taken
        self.bad(number, RULE, f"line {number}: {reason}", shown(line.rstrip("\r\n")))
        self.back.extendleft(reversed(others))
        self.taken.clear()


class _Records(ABC):
    """Records with the number of fields that the header has, once it is known."""

    width = 0

    def __init__(self, source: _Lines) -> None:
        self.source = source

    @abstractmethod
    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        """The records, each with the line it begins on."""

    def fits(self, row: list[str]) -> bool:
        """Whether it has the header's width; one that has not is set aside, and more blank fields at its end are cut off."""
        if not self.width or len(row) == self.width:
            return True
        if len(row) > self.width and not any(row[self.width :]):
            del row[self.width :]
            return True
        self.source.refuse(f"{len(row)} fields, but the header has {self.width}")
        return False


class _Parted(_Records):
    def __init__(self, source: _Lines, delimiter: str, options: FileOptions) -> None:
        super().__init__(source)
        self.form: dict[str, Any] = {"delimiter": delimiter, "quotechar": options.quote or None, "strict": True}
        if not options.quote:
            self.form["quoting"] = csv.QUOTE_NONE
        self.reader = csv.reader(source, **self.form)

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        source = self.source
        while True:
            source.taken.clear()
            try:
                row = next(self.reader)
            except StopIteration:
                return
            except csv.Error as error:
                source.refuse(str(error))
                self.reader = csv.reader(source, **self.form)
                continue
            if any(row) and self.fits(row):
                yield source.taken[0][0], row


class _Framed(_Records):
    def __init__(self, source: _Lines, delimiter: str, frame: str) -> None:
        super().__init__(source)
        self.delimiter, self.frame = delimiter, frame
        self.header: list[str] | None = None

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        for line in self.source:
            text = line.strip()
            if text.startswith(self.frame) and text.strip(f"{self.frame}-"):
                row = [value.strip() for value in text.removeprefix(self.frame).removesuffix(self.frame).split(self.delimiter)]
                is_header_again, self.header = row == self.header, self.header or row
                if not is_header_again and self.fits(row):  # a list repeats its header on every page
                    yield self.source.taken[0][0], row
            elif self.header and text.strip(f"{self.frame}- "):
                self.source.refuse(f"the line is not framed by {self.frame}")
            self.source.taken.clear()


def _names(records: _Records, part: Part, options: FileOptions) -> list[str]:
    found = iter(records)
    header = [row for _, row in islice(found, options.header_rows)]
    if len(header) < options.header_rows:
        raise FileFormatError(f"{part.name} holds no header.", remedy="Export it again with a header line.", file=part.name)
    width = max((len(row) for row in header), default=len(options.names))
    padded = [row + [""] * (width - len(row)) for row in header]
    joined = [" ".join(filter(None, (value.strip() for value in column))) for column in zip(*padded, strict=True)]
    if options.names and header and len(options.names) != width:
        raise FileFormatError(
            f"{part.name} has {width} columns, but `names` has {len(options.names)}.", remedy="Name every column.", file=part.name
        )
    records.width = width
    return column_names(options.names or joined)


def _batches(records: _Records, names: list[str], bad: Bad) -> Iterator[Batch]:
    rows: list[list[str]] = []
    lines: list[int] = []
    for line, row in records:
        rows.append(row)
        lines.append(line)
        if len(rows) == BATCH:
            yield Batch(text_table(names, rows, lines, bad))
            rows, lines = [], []
    yield Batch(text_table(names, rows, lines, bad))
