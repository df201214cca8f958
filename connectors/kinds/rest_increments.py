"""How far the reading of an API's collection has come: where a run begins, in the API's own words, and where the next will.

What belongs here: cursors of records, their spelling in requests, and dlt's state that keeps them. What does not: pages
(`connectors.kinds.rest_pages`).

The state has the layout of dlt's own incremental. Unlike that, no record the API gives is left out for being old, values are
compared as moments and numbers rather than as text, and a moment in the future does not carry the cursor away.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from connectors.connection import Resource
from connectors.kinds.rest_options import EndpointOptions, Incremental

Value = datetime | Decimal | str
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECONDS_FROM = 10**11  # a number of seconds this large lies beyond the year 5000
FIRST_WORDS = {"number": Decimal(0)}


class Increment:
    """The cursor of one resource during one run.

    Args:
        resource: With a cursor.
        options: Of its endpoint.
        is_whole: Read all, whatever the state says, and leave the state alone.
        reader: Another resource for whose sake this one is read; its first reading is whole.
    """

    def __init__(self, resource: Resource, options: EndpointOptions, *, is_whole: bool = False, reader: str = "") -> None:
        self.resource, self.is_whole, self.reader = resource, is_whole, reader
        self.options = options.incremental or Incremental()
        self.is_guessed = options.incremental is None
        self.unit = options.moments.get(resource.cursor.column) if resource.cursor else None
        self.zone = ZoneInfo(self.options.timezone or "UTC")
        self.began = datetime.now(UTC)
        self.newest: Value | None = None

    def __deepcopy__(self, memo: object) -> "Increment":
        """The same increment: the calls for the children of each parent share it."""
        return self

    @cached_property
    def start(self) -> Value | None:
        """Where this run begins: the last cursor less the overlap, or the beginning; None where there is nothing to begin at."""
        cursor = self.resource.cursor
        if cursor is None:
            return None
        last = None if self.is_whole or self._is_first_for_reader() else self._last()
        if last is None:
            said = self.options.initial if cursor.initial is None else cursor.initial
            return self.value(said) if said is not None else self._beginning()
        if isinstance(last, datetime):
            return last - timedelta(seconds=cursor.overlap)
        return last - Decimal(str(cursor.overlap)) if isinstance(last, Decimal) else last

    def spans(self) -> Iterator[tuple[Value | None, Value | None]]:
        """Start and end of each query that the run needs; one, unless the span is longer than the window."""
        start, window = self.start, self.options.window_days
        if window is None or not isinstance(start, datetime):
            yield start, self.began if self.options.is_moment else None
            return
        while start < self.began:
            until = min(start + timedelta(days=window), self.began)
            yield start, until
            start = until

    def note(self, record: Mapping[str, Any]) -> Value | None:
        """Takes notice of a record's cursor."""
        value = self.value(record.get(self.resource.cursor.column)) if self.resource.cursor else None
        if isinstance(value, datetime):
            value = min(value, self.began)
        if value is not None and (self.newest is None or _follows(value, self.newest)):
            self.newest = value
        return value

    def save(self) -> None:
        """Keeps the newest cursor in dlt's state, which becomes valid together with the rows."""
        if self.newest is None or self.is_whole:
            return
        last = self._last()
        if last is None or _follows(self.newest, last):
            self._state()["last_value"] = self.newest.isoformat() if isinstance(self.newest, datetime) else str(self.newest)

    def value(self, said: Any) -> Value | None:
        """A cursor as a record, a file or the state has it; None where it is none."""
        if said is None or isinstance(said, bool) or said == "":
            return None
        if self.options.format == "text":
            return str(said)
        if self.options.format == "number" or (self.is_guessed and self.unit is None and isinstance(said, int | Decimal)):
            return _number(said)
        moment = self._moment(said)
        return str(said) if moment is None and self.is_guessed else moment

    def spelled(self, value: Value | None) -> Any:
        """A cursor as the API wants it in a request; None where it is not to be sent."""
        spelled = self._formatted(value)
        if self.options.template is None or spelled is None:
            return spelled
        return self.options.template.replace("{cursor}", str(spelled))

    def _formatted(self, value: Value | None) -> Any:
        if not isinstance(value, datetime):
            return int(value) if isinstance(value, Decimal) and value == value.to_integral_value() else value
        if self.options.format == "epoch_seconds":
            return int(value.timestamp())
        if self.options.format == "epoch_milliseconds":
            return int(value.timestamp() * 1000)
        local = value.astimezone(self.zone)
        if self.options.format == "date":
            return local.date().isoformat()
        if "%" in self.options.format:
            return local.strftime(self.options.format)
        return value.astimezone(UTC).isoformat(timespec="microseconds" if value.microsecond else "seconds").replace("+00:00", "Z")

    def _moment(self, said: Any) -> datetime | None:
        number = _number(said)
        try:
            if number is not None:
                unit = self.unit or (self.options.format if self.options.format.startswith("epoch_") else None)
                milliseconds = unit == "epoch_milliseconds" if unit else abs(number) >= MILLISECONDS_FROM
                return BEGINNING + timedelta(milliseconds=float(number)) * (1 if milliseconds else 1000)
            return self._zoned(_parsed(str(said), self.options.format))
        except (ValueError, OverflowError):
            return None

    def _zoned(self, moment: datetime) -> datetime:
        return (moment if moment.tzinfo else moment.replace(tzinfo=self.zone)).astimezone(UTC)

    def _is_first_for_reader(self) -> bool:
        import dlt

        if not self.reader:
            return False
        state = dlt.current.resource_state(self.reader)
        is_first = not state.get("has_been_read", False)
        state["has_been_read"] = True
        return is_first

    def _beginning(self) -> Value | None:
        if self.is_guessed:
            return None
        if self.options.initial_days:
            return (self.began - timedelta(days=self.options.initial_days)).replace(hour=0, minute=0, second=0, microsecond=0)
        return BEGINNING if self.options.is_moment else FIRST_WORDS.get(self.options.format)

    def _last(self) -> Value | None:
        return self.value(self._state().get("last_value"))

    def _state(self) -> dict[str, Any]:
        import dlt

        column = self.resource.cursor.column if self.resource.cursor else ""
        incremental: dict[str, Any] = dlt.current.resource_state(self.resource.name).setdefault("incremental", {})
        state: dict[str, Any] = incremental.setdefault(column, {"initial_value": None, "last_value": None, "unique_hashes": []})
        return state


def _follows(value: Value, other: Value) -> bool:
    """Whether a cursor lies after another; values of two types have no order, and the newer type holds."""
    return type(value) is not type(other) or value > other  # type: ignore[operator]


def _number(said: Any) -> Decimal | None:
    try:
        number = Decimal(str(said))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _parsed(words: str, pattern: str) -> datetime:
    try:
        return datetime.fromisoformat(words)
    except ValueError:
        return datetime.strptime(words, pattern)  # `_zoned` sees to the zone
