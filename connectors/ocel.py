"""An object-centric event log as its readers hand it over, whatever version and format it came in.

What belongs here: the common form. What does not: the formats (`ocel_json`, `ocel_xml`, `ocel_sqlite`), landing (`ocel_landing`).
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lake.errors import FileFormatError


@dataclass(frozen=True)
class OcelEvent:
    """One event; time as the file writes it, empty if it has none."""

    event_id: str
    activity: str
    time: str
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass
class Ocel:
    """An object-centric event log. Lists keep the file's order."""

    version: str
    events: list[OcelEvent] = field(default_factory=list)
    objects: dict[str, str] = field(default_factory=dict)  # id to type
    event_objects: list[tuple[str, str, str]] = field(default_factory=list)  # event, object, qualifier
    object_objects: list[tuple[str, str, str]] = field(default_factory=list)  # source, target, qualifier
    values: list[tuple[str, str, str, Any]] = field(default_factory=list)  # object, attribute, time from which on, value

    def latest_values(self) -> dict[str, dict[str, Any]]:
        """Each object's attributes as they stand last; of one time the later in the file wins."""
        latest: dict[str, dict[str, tuple[str, Any]]] = {}
        for object_id, name, time, value in self.values:
            there = latest.setdefault(object_id, {})
            if name not in there or _sortable(time) >= _sortable(there[name][0]):
                there[name] = (time, value)
        return {object_id: {name: value for name, (_, value) in pairs.items()} for object_id, pairs in latest.items()}


def _sortable(time: str) -> str:
    return time.replace("T", " ").removesuffix("Z")


def read_ocel(path: Path) -> Ocel:
    """Reads an OCEL 1.0 or 2.0 file as JSON, XML or SQLite; which of them is told by its content.

    Raises:
        FileFormatError: None of them, or damaged; the message names the line where there is one.
    """
    from connectors.staged import open_bytes

    with open_bytes(path) as source:
        start = source.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"SQLite format 3"):
        from connectors.ocel_sqlite import read_sqlite

        return read_sqlite(path)
    if start.startswith((b"{", b"[")):
        from connectors.ocel_json import read_json

        return read_json(path)
    if start.startswith(b"<"):
        from connectors.ocel_xml import read_xml

        return read_xml(path)
    raise FileFormatError(
        f"{path.name} is neither JSON nor XML nor SQLite, so it is no OCEL file.",
        remedy="Export it again as OCEL 2.0.",
        file=path.name,
    )
