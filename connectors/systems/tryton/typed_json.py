"""Tryton's typed JSON: moments, days, decimals, durations and bytes are objects that name their class.

What belongs here: reading and writing those objects. What does not: requests (`.api`).
"""

import base64
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

_CLOCK = ("hour", "minute", "second", "microsecond")
_DAY = ("year", "month", "day")


def _moment(words: dict[str, Any]) -> datetime:
    return datetime(*(words[part] for part in (*_DAY, *_CLOCK))).replace(tzinfo=UTC)


_DECODERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "datetime": _moment,
    "date": lambda words: date(*(words[part] for part in _DAY)),
    "time": lambda words: time(*(words[part] for part in _CLOCK)),
    "timedelta": lambda words: timedelta(seconds=words["seconds"]),
    "Decimal": lambda words: Decimal(words["decimal"]),
    "bytes": lambda words: base64.b64decode(words["base64"]),
}


def decoded(value: Any) -> Any:
    """The value a typed object stands for; anything else as it is."""
    decoder = _DECODERS.get(value.get("__class__", "")) if isinstance(value, dict) else None
    return decoder(value) if decoder else value


def decoded_row(row: dict[str, Any]) -> dict[str, Any]:
    """A record with its values decoded."""
    return {name: decoded(value) for name, value in row.items()}


def encoded(moment: datetime) -> dict[str, Any]:
    """A moment as Tryton wants it: in UTC, without zone."""
    in_utc = moment.astimezone(UTC)
    return {"__class__": "datetime", **{part: getattr(in_utc, part) for part in (*_DAY, *_CLOCK)}}
