"""The thorough way through XES: every tag by an XML parser, with nested attributes, lists, comments and any spacing.

What belongs here: XML events to rows. What does not: the fast way (`connectors.xes_scan`) and what becomes of the rows.

An attribute inside another is called `outer:inner`. A list or container becomes one text: the JSON of its parts.
"""

import json
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from connectors.xes_scan import KINDS, Batch, Column

if TYPE_CHECKING:
    import pyarrow as pa

_GROUPS = ("list", "container")


class XesParser:
    """Takes bytes of an XES document and gives back the events of the traces that are complete.

    Args:
        encoding: Overrides what the document declares; None leaves it.
    """

    def __init__(self, *, encoding: str | None = None) -> None:
        self.events = 0
        self.traces = 0
        self.is_log = False
        self.details: dict[str, Any] = {}  # the log's own attributes
        self.first_trace_at: int | None = None  # byte offset of the first `<trace`
        self._columns: dict[Column, list[str | None]] = {}
        self._trace: dict[Column, str] | None = None
        self._pending: list[dict[Column, str]] = []
        self._event: dict[Column, str] | None = None
        self._path: list[tuple[str, str]] = []  # open attributes: kind and key
        self._group: list[Any] = []  # the open lists' parts
        self._skipped = 0  # depth inside elements that hold no rows, such as `<global>`
        self._parser = expat.ParserCreate(encoding)
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def feed(self, data: bytes, *, final: bool = False) -> None:
        """Parses more of the document; expat.ExpatError if it is not well-formed."""
        self._parser.Parse(data, final)

    def take(self) -> Batch:
        """The events of the traces that ended since the last time."""
        batch = Batch(self.events, {column: self._array(values) for column, values in self._columns.items()})
        self.events, self._columns = 0, {}
        return batch

    def _array(self, values: list[str | None]) -> "pa.Array":
        import pyarrow as pa

        return pa.array(values + [None] * (self.events - len(values)), pa.string())

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if self._skipped:
            self._skipped += 1
        elif name in KINDS or name in _GROUPS or (name == "values" and self._group):
            self._open_attribute(name, attributes)
        elif name == "event" and self._trace is not None:
            self._event = {}
        elif name == "trace":
            if self.first_trace_at is None:
                self.first_trace_at = self._parser.CurrentByteIndex
            self._trace, self._pending = {}, []
        elif name == "log":
            self.is_log = True
        else:
            self._skipped = 1

    def _end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        if self._skipped:
            self._skipped -= 1
        elif self._path:
            self._close_attribute()
        elif name == "event" and self._event is not None:
            self._pending.append(self._event)
            self._event = None
        elif name == "trace" and self._trace is not None:
            self._flush()

    def _open_attribute(self, kind: str, attributes: dict[str, str]) -> None:
        key, value = attributes.get("key", kind), attributes.get("value")
        self._path.append((kind, key))
        if kind in _GROUPS or kind == "values":
            self._group.append([])
        elif self._group:
            self._group[-1].append({key: value})
        elif value is not None:
            self._keep(":".join(part for _, part in self._path), kind, value)

    def _close_attribute(self) -> None:
        kind, key = self._path.pop()
        if kind not in _GROUPS and kind != "values":
            return
        parts = self._group.pop()
        if self._group:
            self._group[-1] += parts if kind == "values" else [{key: parts}]
        else:
            self._keep(":".join([*(part for _, part in self._path), key]), "string", json.dumps(parts, ensure_ascii=False))

    def _keep(self, key: str, kind: str, value: str) -> None:
        if self._event is not None:
            self._event[Column(key, kind)] = value
        elif self._trace is not None:
            self._trace[Column(f"case:{key}", kind)] = value
        elif len(self._path) <= 1:  # nested ones are a log's statistics about each of its resources, no description of it
            self.details[key] = value

    def _flush(self) -> None:
        trace, self._trace = self._trace or {}, None
        self.traces += 1
        for event in self._pending:
            for column, value in (*trace.items(), *event.items()):
                values = self._columns.setdefault(column, [])
                if len(values) < self.events:
                    values += [None] * (self.events - len(values))
                values.append(value)
            self.events += 1
        self._pending = []
