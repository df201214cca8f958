"""JSON files: an array of objects, an object that holds one, or one object per line. What is nested stays JSON.

What belongs here: finding the objects and writing their fields as text. What does not: types (`connectors.files.values`).
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import count, islice
from typing import Any

from connectors.files.names import LINE, column_name, column_names
from connectors.files.options import FileOptions
from connectors.files.places import Part
from connectors.files.rows import BATCH, Bad, Batch, shown, text_table
from connectors.files.text import encoding_of, is_readable, opened_lines
from lake.errors import FileFormatError

RULE = "record is a JSON object"
_PEEK = 1 << 16
WHOLE, NUMBER, TRUTH, NESTED = range(4)


def read_json(part: Part, options: FileOptions, bad: Bad) -> Iterator[Batch]:
    """The objects of a JSON file; `_line` counts them. A file of one object per line is recognised by its second line.

    Raises:
        FileFormatError: It is no JSON, cut off, or holds no array where the selector leads.
    """
    if options.selector is None and _is_one_per_line(part, options):
        yield from read_ndjson(part, options, bad)
        return
    yield from _batches(zip(count(1), _elements(part, options), strict=False), bad)


def read_ndjson(part: Part, options: FileOptions, bad: Bad) -> Iterator[Batch]:
    """The objects of a file with one per line."""
    yield from _batches(_parsed_lines(part, options, bad), bad)


def _parsed_lines(part: Part, options: FileOptions, bad: Bad) -> Iterator[tuple[int, Any]]:
    with opened_lines(part, options) as lines:
        for number, line in zip(count(1), lines, strict=False):
            if not is_readable(line, number, bad) or not line.strip():
                continue
            try:
                yield number, json.loads(line, parse_float=Decimal)
            except (ValueError, ArithmeticError) as error:  # a number may have an exponent beyond all bounds
                bad(number, RULE, f"line {number}: {error}", shown(line.rstrip("\r\n")))


def _is_one_per_line(part: Part, options: FileOptions) -> bool:
    with opened_lines(part, options) as lines:
        first = list(islice((line for line in lines if line.strip()), 2))
    return len(first) == 2 and all(_is_object(line) for line in first)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _elements(part: Part, options: FileOptions) -> Iterator[Any]:
    import ijson

    encoding = encoding_of(part, options)
    if encoding not in {"utf-8", "utf-8-sig"}:
        raise FileFormatError(f"{part.name} is {encoding}, but JSON is UTF-8.", remedy="Convert it.", file=part.name)
    number = 0
    with part.opened() as raw:
        prefix = _prefix(part, options)
        if encoding == "utf-8-sig":
            raw.read(3)
        try:
            for element in ijson.items(raw, prefix):
                number += 1
                yield element
        except (ijson.JSONError, UnicodeDecodeError) as error:
            raise FileFormatError(
                f"{part.name} is no whole JSON: after element {number}, {str(error).splitlines()[0]}.",
                remedy="It was cut off or is not JSON; export it again.",
                file=part.name,
            ) from None
    if number == 0 and options.selector:
        _refuse_empty_selection(part, options.selector)


def _prefix(part: Part, options: FileOptions) -> str:
    if options.selector:
        return f"{options.selector.removeprefix('$.').removesuffix('[*]')}.item"
    with part.opened() as raw:
        return "item" if raw.read(_PEEK).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[") else ""


def _refuse_empty_selection(part: Part, selector: str) -> None:
    import ijson

    with part.opened() as raw:
        there = [value for prefix, event, value in ijson.parse(raw) if event == "map_key" and prefix == ""]
        wanted = selector.removeprefix("$.").removesuffix("[*]")
    with part.opened() as raw:
        if any(prefix == wanted and event == "start_array" for prefix, event, _ in ijson.parse(raw)):
            return
    raise FileFormatError(
        f"{part.name} holds no array at `{selector}`.", remedy=f"Its fields are {', '.join(there[:10]) or 'none'}.", file=part.name
    )


def _batches(elements: Iterable[tuple[int, Any]], bad: Bad) -> Iterator[Batch]:
    found = iter(elements)
    while chunk := list(islice(found, BATCH)):
        rows, lines = [], []
        tally: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for line, element in chunk:
            if isinstance(element, dict):
                rows.append(_fields(element, tally))
                lines.append(line)
            else:
                bad(line, RULE, f"element {line} is no object", json.dumps(element, default=str))
        names = list(dict.fromkeys(name for row in rows for name in row))
        table = text_table(names, [[row.get(name) for name in names] for row in rows], lines, bad)
        yield Batch(table, numbers=dict(tally))


def _fields(element: Mapping[str, Any], tally: dict[str, list[int]]) -> dict[str, str | None]:
    """The object's fields by column, as text; two that would be called alike are told apart."""
    names = [column_name(name) for name in element]
    if len(set(names)) < len(names) or "" in names or LINE in names:
        names = column_names(element)
    return {name: _text(value, tally[name]) for name, value in zip(names, element.values(), strict=True)}


def _text(value: Any, tally: list[int]) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        tally[TRUTH] += 1
        return "true" if value else "false"
    if isinstance(value, (int, Decimal, float)):
        tally[WHOLE if isinstance(value, int) else NUMBER] += 1
        return str(value)
    tally[NESTED] += 1
    return json.dumps(value, ensure_ascii=False, default=float)
