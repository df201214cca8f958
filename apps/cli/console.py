"""What every command prints with: results on stdout, everything else (progress, notes, errors) on stderr.

What belongs here: consoles, progress, tables and JSON. What does not: what is printed.
"""

import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

Progress = Callable[[str, float], None]
PIPE_WIDTH = 100_000  # a pipe has no width: nothing is wrapped or cut there


def out() -> "Console":
    """Where results go."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False, soft_wrap=not sys.stdout.isatty())


def err() -> "Console":
    """Where everything goes that is not a result."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


def say(text: str) -> None:
    """One plain line on stderr."""
    print(text, file=sys.stderr, flush=True)


def print_error(error: Any) -> None:
    """A GrimoireError for the person at the terminal: code and problem, then the way out; no traceback."""
    console = err()
    console.print(f"Error G{error.code}: {error.problem}", style="bold red", markup=False)
    if error.remedy:
        console.print(f"  What to do: {error.remedy}", markup=False)


@contextmanager
def progress() -> Iterator[Progress]:
    """A callable `(description, done 0..1)`: a bar on a terminal, one line per new description elsewhere."""
    if sys.stderr.isatty():
        yield from _bar()
    else:
        yield _lines()


def _bar() -> Iterator[Progress]:
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=err(), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda description, done: bar.update(task, description=description[:70], completed=min(max(done, 0.0), 1.0))


def _lines() -> Progress:
    last = ""

    def show(description: str, done: float) -> None:
        nonlocal last
        if description != last:
            last = description
            say(f"[{min(max(done, 0.0), 1.0):4.0%}] {description}")

    return show


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None) -> None:
    """A table on stdout; numbers to the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    rows = list(rows)
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    for index, name in enumerate(columns):
        numeric = any(isinstance(row[index], int | float | Decimal) and not isinstance(row[index], bool) for row in rows[:50])
        table.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(as_text(value)) for value in row))
    out().print(table)


def print_json(value: Any) -> None:
    """Pure JSON on stdout."""
    print(as_json(value, indent=2))


def as_json(value: Any, *, indent: int | None = None) -> str:
    """JSON with ISO dates, decimals as numbers, and null for what JSON has no number for."""
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, indent=indent)


def as_text(value: Any) -> str:
    """A value as a table shows it."""
    if value is None:
        return "·"
    if isinstance(value, float):
        return f"{value:,.4f}".rstrip("0").rstrip(".") if math.isfinite(value) and 1e-4 <= abs(value) < 1e12 else f"{value:g}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="milliseconds" if value.microsecond else "seconds")
    if isinstance(value, list | dict):
        return as_json(value)
    return str(value)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, dict):
        return {name if isinstance(name, str) else as_text(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(part) for part in value]
    return _word(value)


def _number(value: Decimal) -> int | float | None:
    if not value.is_finite():
        return None
    return int(value) if value == value.to_integral_value() and value.as_tuple().exponent == 0 else float(value)


def _word(value: Any) -> str | float:
    if isinstance(value, date | time):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)
