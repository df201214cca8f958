"""A filter stack as pages carry it: hashable, in words, as SQL, and packed for the address.

What belongs here: that one value. What does not: where the stack in force is kept and shown (`filter_bar`), its words
(`filter_words`) and what filters mean (`mining.filters`).
"""

import base64
import binascii
import json
import zlib
from collections.abc import Iterable
from typing import Any, Self

from apps.streamlit.filter_words import words_of
from lake.errors import DataError
from mining.filters import Filter, filters_from_json, filters_to_json

MOST_BYTES = 200_000  # of the unpacked form: more comes from no page


class Stack(tuple[Filter, ...]):
    """Filters in the order they are applied. Equal and hashed as the tuple of them; it knows its process beside.

    Attributes:
        process: Name of the process.
        as_of: Snapshot of the lake that it is asked at; None: the newest.
    """

    process: str
    as_of: int | None

    def __new__(cls, filters: Iterable[Filter] = (), *, process: str = "", as_of: int | None = None) -> Self:
        """A stack of filters; see the class."""
        stack = super().__new__(cls, filters)
        stack.process, stack.as_of = process, as_of
        return stack

    @property
    def json(self) -> list[dict[str, Any]]:
        """The form `mining.filters.filters_from_json` reads."""
        return filters_to_json(self)

    def words(self) -> list[str]:
        """One plain sentence per filter."""
        return [words_of(part) for part in self]

    def sql(self) -> str:
        """The SQL of the events that the stack keeps, over the lake's tables.

        Raises:
            UnknownProcessError: There is no such process, or no longer.
            DataError: A filter asks for a column that the log has not.
        """
        from mining.event_log import EventLog

        with EventLog.from_lake(self.process, as_of=self.as_of) as log:
            return log.filter(*self).rows_sql()

    def packed(self) -> str:
        """A compact form that an address can hold; empty for an empty stack."""
        if not self:
            return ""
        text = json.dumps(self.json, ensure_ascii=False, separators=(",", ":"))
        return base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")

    def changed(self, filters: Iterable[Filter]) -> "Stack":
        """Other filters for the same process."""
        return Stack(filters, process=self.process, as_of=self.as_of)


def unpacked(words: str, *, process: str = "", as_of: int | None = None) -> Stack:
    """The stack of its packed form.

    Raises:
        DataError: It is none, or holds a filter there is not.
    """
    if not words:
        return Stack(process=process, as_of=as_of)
    try:
        packed = base64.b64decode(words + "=" * (-len(words) % 4), altchars=b"-_", validate=True)
        reader = zlib.decompressobj()
        text = reader.decompress(packed, MOST_BYTES)
        if not reader.eof:
            raise ValueError("it is cut short, or too long")
        stack = json.loads(text)
    except (ValueError, binascii.Error, zlib.error, RecursionError) as error:
        raise DataError(
            f"The filters in the address cannot be read: {error}.",
            remedy="Copy the whole address again, or add the filters by hand.",
        ) from error
    try:
        return Stack(filters_from_json(stack), process=process, as_of=as_of)
    except (TypeError, ValueError) as error:
        raise DataError(f"A filter in the address cannot be used: {error}.", remedy="Add the filter by hand.") from error
