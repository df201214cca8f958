"""Kind `event_log_files`: a folder or bucket whose event-log files become processes, each again only when it has changed.

What belongs here: choosing the files and keeping a list of them. What does not: importing one (`connectors.event_log_files`).

The rows of such a connection are that list: a row per file with the process it became.
"""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, field_validator

from connectors.connection import Resource
from connectors.connector import Connector, Health, Opened, Shape
from connectors.files.memory import Due, Memory
from connectors.files.options import FileOptions, PlaceOptions, known_zone
from connectors.files.places import DONE, FAILED, Place, SourceFile
from connectors.lifecycle import Lifecycle
from connectors.packages import reject
from connectors.staged import Rejected
from lake import get_settings
from lake.errors import FileFormatError, GrimoireError

if TYPE_CHECKING:
    from dlt.extract import DltResource

    from connectors.event_log_landing import ImportReport

COLUMNS = {
    "_file": "varchar",
    "process": "varchar",
    "cases": "bigint",
    "events": "bigint",
    "activities": "bigint",
    "rows_quarantined": "bigint",
    "size_bytes": "bigint",
    "modified_at": "timestamptz",
    "imported_as": "varchar",  # what the rows of the import bear in `_load_id`
    "notes": "varchar",  # what was guessed
}
UNREADABLE = "file is an event log"


class EventLogOptions(BaseModel):
    """Which files are event logs, and what is said of them; as for `grimoire import`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    files: tuple[str, ...] = ("*",)
    recursive: bool = False
    process: str | None = None  # its name; default: made from the file's name
    case: str | None = None
    activity: str | None = None
    timestamp: str | None = None
    start: str | None = None
    resource: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    time_zone: str | None = None
    date_format: str | None = None
    object_type: str | None = None
    lifecycle: Lifecycle = "keep"

    @field_validator("files", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("time_zone")
    @classmethod
    def _zone_known(cls, zone: str | None) -> str | None:
        return known_zone(zone) if zone else zone

    def of_import(self, zone: str) -> dict[str, Any]:
        """The keywords of `import_event_log`."""
        said = self.model_dump(exclude={"files", "recursive", "process", "time_zone"})
        return {**said, "name": self.process, "time_zone": self.time_zone or zone}


class EventLogFilesConnector(Connector):
    """Event-log files in a folder or a bucket."""

    kind = "event_log_files"
    title = "Event-log files"
    Options = PlaceOptions
    ResourceOptions = EventLogOptions

    def __init__(self, connection: Any) -> None:
        """Takes a connection of this kind; see `Connector`."""
        super().__init__(connection)
        self.place = Place(connection, self.options)

    def listing(self, resource: Resource) -> list[SourceFile]:
        """The files of a resource that have an event log's ending."""
        from connectors.event_log_files import FORMATS

        options: EventLogOptions = self.resource_options[resource.name]
        endings = tuple(ending for each in FORMATS.values() for ending in each)
        found = self.place.listing(resource.name, FileOptions(files=options.files, recursive=options.recursive))
        return [file for file in found if file.name.lower().endswith(endings)]

    @contextmanager
    def opened(self) -> Iterator[Opened]:
        """Opens the folder."""
        self.place.refuse_absent()
        opened = OpenedEventLogs(self)
        yield opened
        opened.move_taken()

    def revived(self, resource: Resource, row: str, text: str) -> list[dict[str, Any]]:
        """None: a letter stands for a whole file."""
        raise ValueError("it stands for a whole file; mend the file, and the next run imports it")

    def check(self) -> Health:
        """Whether the folder is there and has event-log files; none is opened."""
        started = time.monotonic()
        try:
            self.place.refuse_absent()
            counts = {each.name: len(self.listing(each)) for each in self.connection.resources}
        except Exception as error:  # whatever storage libraries raise, a check only tells it
            said = error.problem if isinstance(error, GrimoireError) else str(error) or type(error).__name__
            return Health(False, said, time.monotonic() - started)
        missing = tuple(name for name, count in counts.items() if not count)
        if missing and not self.options.drop:
            return Health(False, f"There is no event-log file for {', '.join(missing)}.", time.monotonic() - started, missing)
        return Health(True, f"The folder is there and holds {sum(counts.values())} event-log files.", time.monotonic() - started)

    def inspect(self) -> list[Shape]:
        """The list of files that each resource will have, with the names of those there are now."""
        return [
            Shape(each.name, COLUMNS, each.key, rows=len(found), sample=tuple({"_file": file.name} for file in found[:20]))
            for each in self.connection.resources
            if (found := self.listing(each))
        ]


class OpenedEventLogs:
    """Event-log files while they are imported."""

    def __init__(self, connector: EventLogFilesConnector) -> None:
        self.connector = connector
        self.taken: list[tuple[SourceFile, str, str]] = []  # file, what it was taken as, why it failed

    def resource(self, resource: Resource) -> "DltResource":
        """A row per file that was imported because it is new or has changed."""
        import dlt

        rows = self._rows(resource)
        return dlt.resource(rows, name=resource.name, primary_key=list(resource.key), write_disposition="append", columns=_hints())

    def columns(self) -> dict[str, dict[str, str]]:
        """The columns of the list."""
        return {each.name: dict(COLUMNS) for each in self.connector.connection.resources}

    def keys(self, resource: Resource) -> "DltResource":
        """The files there are."""
        import dlt

        names = [{"_file": file.name} for file in self.connector.listing(resource)]
        return dlt.resource(names, name=resource.name, write_disposition="append")

    def move_taken(self) -> None:
        """Moves the files of a drop folder out of it."""
        drop = self.connector.options.drop
        for file, name, error in self.taken if drop and drop.after == "move" else []:
            self.connector.place.move(file, FAILED if error else DONE, name=name, reason=error)

    def _rows(self, resource: Resource) -> Iterator[dict[str, Any]]:
        import dlt

        state: dict[str, Any] = dlt.current.resource_state(resource.name)
        memory = Memory(state, self._setup(resource), self.connector.options.drop)
        owners: dict[str, str] = state.setdefault("processes", {})
        for file in filter(memory.is_settled, self.connector.listing(resource)):
            try:
                with memory.due(self.connector.place, file) as due:
                    if due:
                        yield from self._imported(resource, memory, due, owners)
            except FileNotFoundError:
                continue  # it went away after it was listed
            known = memory.known(file.name)
            if known:
                self.taken.append((file, known.taken_as, known.error))

    def _imported(self, resource: Resource, memory: Memory, due: Due, owners: dict[str, str]) -> Iterator[dict[str, Any]]:
        try:
            report = self._import(resource, due, owners)
        except FileFormatError as error:
            reason = f"{due.file.name}: {error.problem} {error.remedy}".strip()
            letter = Rejected(due.file.name, UNREADABLE, reason, json.dumps({"file": due.file.name}, ensure_ascii=False))
            reject(self.connector.connection, resource.name, [letter], batch=f"{due.known.digest}-file")
            memory.keep(replace(due.known, error=reason))
            return
        owners[report.process] = due.file.name
        memory.keep(due.known)
        yield _row(due, report)

    def _import(self, resource: Resource, due: Due, owners: dict[str, str]) -> "ImportReport":
        from connectors.event_log_files import import_event_log
        from connectors.process_names import process_name

        options: EventLogOptions = self.connector.resource_options[resource.name]
        name = PurePosixPath(due.file.name).name
        process = process_name(Path(name), name=options.process)
        owner = owners.get(process, due.file.name)
        if owner != due.file.name and self.connector.options.drop is None:
            raise FileFormatError(
                f"the process `{process}` is made from {owner} already.", remedy="Rename one of the two files.", file=due.file.name
            )
        with tempfile.TemporaryDirectory(dir=get_settings().folder("landing", "scratch")) as folder:
            path = due.copy.path
            if not due.file.is_local:
                path = Path(folder) / name
                os.link(due.copy.path, path)
            return import_event_log(path, **options.of_import(self.connector.connection.time_zone))

    def _setup(self, resource: Resource) -> str:
        words = [resource.options, self.connector.connection.time_zone]
        return hashlib.blake2b(json.dumps(words, sort_keys=True, default=str).encode(), digest_size=8).hexdigest()


def _row(due: Due, report: "ImportReport") -> dict[str, Any]:
    return {
        "_file": due.taken_as,
        "process": report.process,
        "cases": report.cases,
        "events": report.events,
        "activities": report.activities,
        "rows_quarantined": report.rows_quarantined,
        "size_bytes": due.file.size,
        "modified_at": due.file.modified,
        "imported_as": report.load_id,
        "notes": "\n".join(report.notes),
    }


def _hints() -> Any:
    kinds = {"varchar": "text", "bigint": "bigint", "timestamptz": "timestamp"}
    return {name: {"data_type": kinds[kind]} for name, kind in COLUMNS.items()}
