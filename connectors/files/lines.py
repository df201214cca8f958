"""Files of lines that a regular expression takes apart: syslog and other logs.

What belongs here: matching. What does not: what a time without a year means (`connectors.files.values`).
"""

import re
from collections.abc import Iterator
from itertools import count

from connectors.files.names import column_name
from connectors.files.options import FileOptions
from connectors.files.places import Part
from connectors.files.rows import BATCH, Bad, Batch, shown, text_table
from connectors.files.text import is_readable, opened_lines

RULE = "line fits the pattern"


def read_lines(part: Part, options: FileOptions, bad: Bad) -> Iterator[Batch]:
    """The lines that fit one of the patterns, a column for every named group of any of them."""
    patterns = [re.compile(pattern) for pattern in options.pattern]
    names = list(dict.fromkeys(column_name(name) for pattern in patterns for name in pattern.groupindex))
    rows: list[list[str | None]] = []
    numbers: list[int] = []
    with opened_lines(part, options) as lines:
        for number, line in zip(count(1), lines, strict=False):
            if not is_readable(line, number, bad) or not line.strip():
                continue
            text = line.rstrip("\r\n")
            found = next((match for pattern in patterns if (match := pattern.match(text))), None)
            if found is not None:
                values = {column_name(name): value for name, value in found.groupdict().items()}
                if len(rows) >= BATCH:
                    yield Batch(text_table(names, rows, numbers, bad))
                    rows, numbers = [], []
                rows.append([values.get(name) for name in names])
                numbers.append(number)
            elif options.continuation and rows and text[:1].isspace():
                at = names.index(column_name(options.continuation))
                rows[-1][at] = f"{rows[-1][at] or ''}\n{text}"
            else:
                bad(number, RULE, f"line {number} fits no pattern", shown(text))
    yield Batch(text_table(names, rows, numbers, bad))
