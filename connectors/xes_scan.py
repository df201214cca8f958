"""The fast way through XES: traces of plain attributes, found by looking at all bytes at once instead of one tag after the other.

What belongs here: one chunk of well-behaved traces to columns. What does not: everything else XML allows: for a chunk with
comments, nested attributes, lists or unusual spacing `scan` returns None and `connectors.xes_parse` reads it.

How it works. In XML `<` starts a tag and nothing else, and in the traces of nearly every XES file a tag is one of `<trace>`,
`</trace>`, `<event>`, `</event>` and `<kind key="…" value="…"/>`. So the positions of `<` and `"` are the whole structure: each
attribute has four quotes. Values become Arrow string views: up to 12 bytes in place, longer ones as a pointer into the chunk
itself, so that no text is copied.
"""

from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

PADDING = bytes(32)  # so that words can be read beyond the last tag
KINDS = ("string", "date", "int", "float", "boolean", "id")
_TRACE, _EVENT, _EVENT_END, _TRACE_END = 9, 10, 11, 12
_TAGS = {**{f"{kind} ": number for number, kind in enumerate(KINDS, start=1)}}
_STRUCTURE = {"trace>": _TRACE, "event>": _EVENT, "/event>": _EVENT_END, "/trace>": _TRACE_END}
_MAY_FOLLOW = {
    (_TRACE, _EVENT),
    (_TRACE, _TRACE_END),
    (_EVENT, _EVENT_END),
    (_EVENT_END, _EVENT),
    (_EVENT_END, _TRACE_END),
    (_TRACE_END, _TRACE),
}


class Column(NamedTuple):
    """One attribute: its key, with `case:` before it if it is a trace's, and its XES type."""

    key: str
    kind: str


@dataclass(frozen=True)
class Batch:
    """The events of some traces, in their order: for each attribute the values as text, null where an event has none."""

    events: int
    columns: "dict[Column, pa.Array]"


def scan(padded: bytes) -> Batch | None:
    """The events of a chunk of whole traces, or None if it holds anything but plain ones.

    Args:
        padded: UTF-8, from `<trace>` to `</trace>`, with `PADDING` behind it.
    """
    import numpy as np

    data = np.frombuffer(padded, dtype=np.uint8)
    tags = np.flatnonzero(data == ord("<"))
    quotes = np.flatnonzero(data == ord('"'))
    kinds = _classify(padded, tags)
    is_attribute = kinds < _TRACE
    if not kinds.all() or not _is_nested_right(kinds[~is_attribute]) or len(quotes) != 4 * int(is_attribute.sum()):
        return None
    places = _places(padded, tags, quotes.reshape(-1, 4), kinds, is_attribute)
    if places is None or _has_breaks_in_values(data, quotes):
        return None
    return _columns(padded, data, quotes, places, kinds, is_attribute)


def _words(padded: bytes, dtype: str) -> "np.ndarray[Any, Any]":
    """The bytes read as numbers of that type at every offset."""
    import numpy as np

    size = np.dtype(dtype).itemsize
    return np.ndarray((len(padded) - size + 1,), dtype=dtype, buffer=padded, strides=(1,))


def _classify(padded: bytes, tags: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """What each tag is: 1 to 6 an attribute of that kind, 9 to 12 structure, 0 something else."""
    import numpy as np

    word = _words(padded, "<u8")[tags + 1]
    kinds = np.zeros(len(tags), dtype=np.uint8)
    for name, number in (*_TAGS.items(), *_STRUCTURE.items()):
        mask = np.uint64((1 << 8 * len(name)) - 1)
        kinds[(word & mask) == np.uint64(int.from_bytes(name.encode(), "little"))] = number
    return kinds


def _is_nested_right(structure: "np.ndarray[Any, Any]") -> bool:
    import numpy as np

    if not len(structure) or structure[0] != _TRACE or structure[-1] != _TRACE_END:
        return False
    allowed = np.zeros(256, dtype=bool)
    for before, after in _MAY_FOLLOW:
        allowed[before * 16 + after] = True
    return bool(allowed[structure[:-1] * 16 + structure[1:]].all())


class _Places(NamedTuple):
    """Where keys and values of the attributes lie."""

    key_start: "np.ndarray[Any, Any]"
    key_length: "np.ndarray[Any, Any]"
    value_start: "np.ndarray[Any, Any]"
    value_length: "np.ndarray[Any, Any]"


def _places(
    padded: bytes,
    tags: "np.ndarray[Any, Any]",
    quotes: "np.ndarray[Any, Any]",
    kinds: "np.ndarray[Any, Any]",
    is_attribute: "np.ndarray[Any, Any]",
) -> _Places | None:
    """Checks that each attribute reads `<kind key="…" value="…"/>` to the byte; None if one does not."""
    import numpy as np

    starts = tags[is_attribute]
    first, second, third, fourth = quotes.T
    lengths = np.array([0, *(len(kind) + 6 for kind in KINDS)])[kinds[is_attribute]]
    ends = np.append(tags, len(padded))[1:][is_attribute]
    pairs, fours, eights = _words(padded, "<u2"), _words(padded, "<u4"), _words(padded, "<u8")
    closing = fours[fourth + 1]
    is_regular = (
        (first == starts + lengths).all()
        and (fours[first - 4] == _number("key=")).all()
        and (third == second + 8).all()
        and (eights[second] == _number('" value=')).all()
        and (fourth < ends).all()
        and ((pairs[fourth + 1] == _number("/>")) | ((closing & 0xFFFFFF) == _number(" />"))).all()
    )
    return _Places(first + 1, second - first - 1, third + 1, fourth - third - 1) if is_regular else None


def _number(text: str) -> int:
    return int.from_bytes(text.encode(), "little")


def _has_breaks_in_values(data: "np.ndarray[Any, Any]", quotes: "np.ndarray[Any, Any]") -> bool:
    """Whether a line break or tab lies between quotes, where XML reads it as a space. Of a run of them the last tells."""
    import numpy as np

    is_break = data < ord(" ")
    runs = np.flatnonzero(is_break[:-1] & ~is_break[1:])
    return bool((np.searchsorted(quotes, runs) & 1).any())


def _columns(
    padded: bytes,
    data: "np.ndarray[Any, Any]",
    quotes: "np.ndarray[Any, Any]",
    places: _Places,
    kinds: "np.ndarray[Any, Any]",
    is_attribute: "np.ndarray[Any, Any]",
) -> Batch | None:
    import numpy as np
    import pyarrow as pa

    structure = kinds[~is_attribute]
    last = (np.cumsum(~is_attribute) - 1)[is_attribute]  # the structural tag before each attribute
    is_events = structure[last] == _EVENT
    if (structure[last] == _TRACE_END).any():
        return None
    event_of = (np.cumsum(structure == _EVENT) - 1)[last]
    trace_of = (np.cumsum(structure == _TRACE) - 1)[last]
    trace_of_event = (np.cumsum(structure == _TRACE) - 1)[structure == _EVENT]
    views = _views(padded, places)
    extra = _unescape(padded, data, quotes, places, views)
    if extra is None:
        return None
    buffers = [pa.py_buffer(padded), *([pa.py_buffer(extra)] if extra else [])]
    codes, keys = _group(padded, places, kinds[is_attribute], is_events)
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(keys) + 1))
    columns = {}
    for number, column in enumerate(keys):
        members = order[bounds[number] : bounds[number + 1]]
        if column.key.startswith(_TRACE_MARK):
            values, filled = _spread(views, members, trace_of, int(trace_of_event[-1]) + 1 if len(trace_of_event) else 0)
            values, filled = values[trace_of_event], filled[trace_of_event]
            column = Column("case:" + column.key[1:], column.kind)
        else:
            values, filled = _spread(views, members, event_of, len(trace_of_event))
        validity = pa.py_buffer(np.packbits(filled, bitorder="little"))
        columns[column] = pa.Array.from_buffers(
            pa.string_view(), len(trace_of_event), [validity, pa.py_buffer(np.ascontiguousarray(values)), *buffers]
        )
    return Batch(len(trace_of_event), columns)


_TRACE_MARK = "\0"


def _spread(
    views: "np.ndarray[Any, Any]", members: "np.ndarray[Any, Any]", owner: "np.ndarray[Any, Any]", size: int
) -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]":
    """Values put at their owners' places; of two with one key the later stays."""
    import numpy as np

    there = owner[members]
    inside = there < size  # a last trace without events owns nothing that is kept
    values = np.zeros((size, 2), dtype=np.uint64)
    filled = np.zeros(size, dtype=bool)
    values[there[inside]] = views[members[inside]]
    filled[there[inside]] = True
    return values, filled


def _views(padded: bytes, places: _Places) -> "np.ndarray[Any, Any]":
    """Arrow string views of all values: length and first four bytes; then eight more bytes, or the place in the chunk."""
    import numpy as np

    starts, lengths = places.value_start, places.value_length.astype(np.uint64)
    masks = np.array([(1 << 8 * size) - 1 for size in range(9)], dtype=np.uint64)
    head = _words(padded, "<u4")[starts].astype(np.uint64) & masks[np.minimum(lengths, 4)]
    rest = _words(padded, "<u8")[starts + 4] & masks[np.clip(places.value_length - 4, 0, 8)]
    views = np.empty((len(starts), 2), dtype=np.uint64)
    views[:, 0] = lengths | (head << np.uint64(32))
    views[:, 1] = np.where(lengths <= 12, rest, starts.astype(np.uint64) << np.uint64(32))
    return views


def _unescape(
    padded: bytes, data: "np.ndarray[Any, Any]", quotes: "np.ndarray[Any, Any]", places: _Places, views: "np.ndarray[Any, Any]"
) -> bytes | None:
    """Puts what `&amp;` and its like mean into the values that hold one; returns the text they point to, None if a key has one."""
    import numpy as np

    quotes_before = np.searchsorted(quotes, np.flatnonzero(data == ord("&")))
    inside = quotes_before[quotes_before & 1 == 1]
    if (inside & 3 == 1).any():
        return None
    extra, known = bytearray(), {}
    for number in np.unique(inside >> 2).tolist():
        raw = padded[places.value_start[number] : places.value_start[number] + places.value_length[number]]
        if raw not in known:
            known[raw] = _view(unescape(raw.decode()).encode(), extra)
        views[number] = known[raw]
    return bytes(extra)


def _view(text: bytes, extra: bytearray) -> tuple[int, int]:
    """The string view of a text; a long one is appended to `extra`, Arrow's second buffer."""
    low = len(text) | int.from_bytes(text[:4], "little") << 32
    if len(text) <= 12:
        return low, int.from_bytes(text[4:], "little")
    extra += text
    return low, 1 | (len(extra) - len(text)) << 32


def _group(
    padded: bytes, places: _Places, kinds: "np.ndarray[Any, Any]", is_events: "np.ndarray[Any, Any]"
) -> "tuple[np.ndarray[Any, Any], list[Column]]":
    """A number per attribute for its key, kind and owner; and what the numbers stand for, traces' keys marked."""
    import numpy as np
    import pyarrow as pa

    words, masks = _words(padded, "<u8"), np.array([(1 << 8 * size) - 1 for size in range(9)], dtype=np.uint64)
    mark = (kinds.astype(np.uint64) << np.uint64(1)) | is_events
    mixed = (places.key_length.astype(np.uint64) << np.uint64(8)) | mark
    for offset in range(0, int(places.key_length.max(initial=0)), 8):
        word = words[np.minimum(places.key_start + offset, len(words) - 1)]
        mixed = mixed * np.uint64(0x9E3779B97F4A7C15) ^ (word & masks[np.clip(places.key_length - offset, 0, 8)])
        mixed ^= mixed >> np.uint64(29)
    encoded = pa.Array.from_buffers(pa.uint64(), len(mixed), [None, pa.py_buffer(mixed)]).dictionary_encode()
    indices = np.frombuffer(encoded.indices.buffers()[1], dtype=np.int32, count=len(mixed))  # `to_numpy` would import pandas
    codes = indices.astype(np.uint16 if len(encoded.dictionary) < 1 << 16 else np.uint32)
    firsts = np.full(len(encoded.dictionary), -1, dtype=np.int64)
    firsts[codes[::-1]] = np.arange(len(codes))[::-1]
    columns = []
    for first in firsts.tolist():
        start = int(places.key_start[first])
        key = padded[start : start + int(places.key_length[first])].decode()
        columns.append(Column(key if is_events[first] else _TRACE_MARK + key, KINDS[int(kinds[first]) - 1]))
    return codes, columns
