"""Excel sheets: the header, rows as they stand, merged cells.

What belongs here: one sheet's cells as text. What does not: types (`connectors.files.values`).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any

from connectors.files.names import column_names
from connectors.files.options import FileOptions
from connectors.files.places import Part
from connectors.files.rows import BATCH, Bad, Batch, text_table
from lake.errors import FileFormatError

Cell = tuple[int, int]


def read_sheet(part: Part, options: FileOptions, bad: Bad) -> Iterator[Batch]:
    """The rows of a sheet below its header; `_line` is the sheet's row. Blank rows and columns without a header are left out.

    Raises:
        FileFormatError: It is no workbook, or lacks the sheet or the header.
    """
    with part.on_disk() as path:
        sheet = _sheet(str(path), part, options)
        rows = _rows(sheet, _merged(sheet) if options.merged == "fill" else {})
        header = _header(rows, part, options)
        names: Sequence[str | None] = options.names or header
        wanted = [at for at, name in enumerate(names) if name]
        columns = column_names(names[at] for at in wanted)
        below = ((number, [cells[at] if at < len(cells) else None for at in wanted]) for number, cells in rows)
        filled = ((number, cells) for number, cells in below if any(cells))
        yield Batch(text_table(columns, [], [], bad))
        while chunk := list(islice(filled, BATCH)):
            yield Batch(text_table(columns, [cells for _, cells in chunk], [number for number, _ in chunk], bad))


def _sheet(path: str, part: Part, options: FileOptions) -> Any:
    import python_calamine

    try:
        book = python_calamine.load_workbook(path)
        if isinstance(options.sheet, int):
            return book.get_sheet_by_index(options.sheet - 1)
        return book.get_sheet_by_name(options.sheet)
    except (python_calamine.WorksheetNotFound, IndexError):
        raise FileFormatError(
            f"{part.name} has no sheet `{options.sheet}`.", remedy=f"It has {', '.join(book.sheet_names)}.", file=part.name
        ) from None
    except (python_calamine.CalamineError, OSError) as error:
        raise FileFormatError(
            f"{part.name} is no Excel workbook: {str(error).splitlines()[0]}.", remedy="Save it again as xlsx.", file=part.name
        ) from None


def _rows(sheet: Any, merged: Mapping[Cell, Cell]) -> Iterator[tuple[int, list[str | None]]]:
    """Every row with its number in Excel; a merged cell shows the value of the first one of its range."""
    left = (sheet.start or (0, 0))[1]
    origins: dict[Cell, str | None] = {}
    for at, row in enumerate(sheet.iter_rows()):
        cells = [*[None] * left, *map(_text, row)]
        for column in range(len(cells)):
            origin = merged.get((at, column))
            if origin == (at, column):
                origins[origin] = cells[column]
            elif origin is not None:
                cells[column] = origins.get(origin)
        yield at + 1, cells


def _merged(sheet: Any) -> dict[Cell, Cell]:
    """Cell to the cell whose value it shows, both as row and column from 0."""
    return {
        (row, column): (top, left)
        for (top, left), (bottom, right) in sheet.merged_cell_ranges or []
        for row in range(top, bottom + 1)
        for column in range(left, right + 1)
    }


def _header(rows: Iterator[tuple[int, list[str | None]]], part: Part, options: FileOptions) -> list[str | None]:
    for number, cells in rows:
        if number == options.header_row or (options.header_row is None and any(cells)):
            return cells
    raise FileFormatError(f"{part.name} holds no header.", remedy="Say which row it is under `header_row`.", file=part.name)


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value.total_seconds())
    return str(value)
