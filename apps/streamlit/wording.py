"""Numbers, times and durations as people read them, and text made safe for HTML.

What belongs here: turning one value into words. What does not: layout and colours.
"""

from datetime import UTC, date, datetime
from html import escape
from typing import Any

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
_UNITS = ((365.25 * DAY, "y"), (DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1.0, "s"))
NOTHING = "–"


def duration(seconds: float | None) -> str:
    """A duration in its largest fitting unit, such as `3.2 d`; a dash where there is none."""
    if seconds is None or seconds != seconds:
        return NOTHING
    if abs(seconds) < 1.0:
        return "0 s" if seconds == 0 else f"{seconds * 1000:.0f} ms"
    size, unit = next((size, unit) for size, unit in _UNITS if abs(seconds) >= size * (2 if unit == "y" else 1))
    return f"{_short(seconds / size)} {unit}"


def number(value: float | None) -> str:
    """A number with thousands separators, or shortened to k, M, G from a hundred thousand on."""
    if value is None or value != value:
        return NOTHING
    for size, suffix in ((1e9, " G"), (1e6, " M"), (1e5, " k")):
        if abs(value) >= size:
            return f"{value / (1e3 if suffix == ' k' else size):,.{0 if suffix == ' k' else 2}f}{suffix}"
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else _short(value)


def count(value: float | None) -> str:
    """A count in full, with thousands separators."""
    return NOTHING if value is None else f"{value:,.0f}"


def share(part: float | None, *, digits: int = 1) -> str:
    """A share of one in per cent; never rounded up to 100 % nor down to 0 % when it is not."""
    if part is None or part != part:
        return NOTHING
    words = f"{part * 100:.{digits}f}"
    if part < 1 and float(words) == 100:
        return f"> {100 - 10**-digits:.{digits}f} %"
    if part > 0 and float(words) == 0:
        return f"< {10**-digits:.{digits}f} %"
    return f"{words.removesuffix('.' + '0' * digits)} %"


def percent(value: float | None) -> str:
    """A figure that is in per cent already."""
    return NOTHING if value is None or value != value else f"{value:.1f} %"


def amount(value: float | None, unit: str | None) -> str:
    """A key figure with its unit; currencies and counts are shortened, days keep their decimals."""
    words = number(value)
    if not unit or unit in {"count", "number", "cases", "orders", "1"}:
        return words
    return f"{words} {unit}"


def moment(value: datetime | None) -> str:
    """A point in time in UTC to the minute."""
    if value is None or value != value:
        return NOTHING
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M") + " UTC"


def day(value: date | datetime | None) -> str:
    """A day."""
    return NOTHING if value is None else value.strftime("%Y-%m-%d")


def age(value: datetime | None, *, now: datetime | None = None) -> str:
    """How long ago, such as `3.0 h ago`."""
    if value is None:
        return "never"
    seconds = ((now or datetime.now(UTC)) - value).total_seconds()
    return "just now" if seconds < MINUTE else f"{duration(seconds)} ago"


def safe(value: Any) -> str:
    """Any value as text that is only text in HTML and SVG, attributes included."""
    return escape("" if value is None else str(value), quote=True)


def plain(value: Any) -> str:
    """Any value as text that Markdown leaves alone."""
    words = "" if value is None else str(value)
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]()<>#+-.!|$~:" else letter for letter in words)


def shortened(words: str, *, letters: int) -> str:
    """The text, cut with an ellipsis beyond so many letters."""
    return words if len(words) <= letters else words[: letters - 1].rstrip() + "…"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"
