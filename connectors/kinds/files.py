"""Kind `files`: files of rows in a folder, a drop folder or S3-compatible storage.

What belongs here: dlt's resources over those files. What does not: where they lie and what is in them (`connectors.files`).
"""

import hashlib
import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from connectors.connection import Resource
from connectors.connector import Connector, Health, Opened, Shape
from connectors.files.formats import FileReading, can_grow
from connectors.files.memory import Due, Known, Memory
from connectors.files.names import FILE, LINE, MODIFIED, column_name
from connectors.files.options import FileOptions, PlaceOptions
from connectors.files.places import DONE, FAILED, Place, SourceFile
from connectors.files.values import Evidence, duckdb_types
from connectors.packages import pending, reject
from connectors.staged import Rejected
from lake.errors import ConnectionFileError, FileFormatError, GrimoireError

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt.extract import DltResource

OWN_TYPES = {FILE: "varchar", LINE: "bigint", MODIFIED: "timestamptz"}
SAMPLE = 200
LONGEST_NAME = 48
TICK = 0.001  # seconds; the listing rounds times
UNREADABLE = "file can be read"
log = logging.getLogger(__name__)


class FilesConnector(Connector):
    """Files in a folder or a bucket."""

    kind = "files"
    title = "Files"
    Options = PlaceOptions
    ResourceOptions = FileOptions

    def __init__(self, connection: Any) -> None:
        """Takes a connection of this kind; see `Connector`."""
        super().__init__(connection)
        self.place = Place(connection, self.options)
        for resource in connection.resources:
            if not self.resource_options[resource.name].positions and {FILE, LINE} & set(resource.key):
                within = f"{connection.name}.yaml: resources.{resource.name}"
                raise ConnectionFileError(
                    f"{within}.positions: without a key, rows are known by where they stand.",
                    remedy="Name the key, or leave out `positions`.",
                )
            if resource.deletions and resource.deletions.by == "keys" and self.options.drop:
                raise ConnectionFileError(
                    f"{connection.name}.yaml: resources.{resource.name}.deletions: files of a drop folder go away once taken.",
                    remedy="Leave out `deletions`, or `drop`.",
                )

    @contextmanager
    def opened(self) -> Iterator[Opened]:
        """Opens the folder; moves what was taken out of a drop folder once its rows are staged."""
        self.place.refuse_absent()
        opened = OpenedFiles(self)
        yield opened
        opened.move_taken()

    def reading(self, resource: Resource, evidence: dict[str, Evidence]) -> FileReading:
        """How the files of a resource are read."""
        options: FileOptions = self.resource_options[resource.name]
        return FileReading(resource, options, options.time_zone or self.connection.time_zone, evidence)

    def setup(self, resource: Resource) -> str:
        """A digest of all that bears on what the files' rows look like."""
        zone = self.connection.time_zone
        words = [resource.options, resource.columns, resource.key, zone, resource.cursor and resource.cursor.column]
        return hashlib.blake2b(json.dumps(words, sort_keys=True, default=str).encode(), digest_size=8).hexdigest()

    def revived(self, resource: Resource, row: str, text: str) -> list[dict[str, Any]]:
        """The rows of a line that could not be read; a letter about a whole file has none."""
        if json.loads(text) == {"file": row}:
            raise ValueError("it stands for a whole file; mend the file, and the next run reads it")
        return super().revived(resource, row, text)

    def check(self) -> Health:
        """Whether the folder is there and has files for each resource; none is opened."""
        started = time.monotonic()
        try:
            self.place.refuse_absent()
            resources = self.connection.resources
            counts = {each.name: len(self.place.listing(each.name, self.resource_options[each.name])) for each in resources}
        except Exception as error:  # whatever storage libraries raise, a check only tells it
            said = error.problem if isinstance(error, GrimoireError) else str(error) or type(error).__name__
            return Health(False, said, time.monotonic() - started)
        missing = tuple(name for name, count in counts.items() if not count)
        if missing and not self.options.drop:
            return Health(False, f"There is no file for {', '.join(missing)}.", time.monotonic() - started, missing)
        return Health(True, f"The folder is there and holds {sum(counts.values())} files.", time.monotonic() - started)

    def inspect(self) -> list[Shape]:
        """The columns, types and first rows of one file per resource; without resources, of every file in the folder."""
        if self.connection.resources:
            return [shape for each in self.connection.resources if (shape := self._shape(each, self.resource_options[each.name]))]
        listing = self.place.listing("", FileOptions(files=("*",)))
        named: dict[str, SourceFile] = {_resource_name(file.name): file for file in listing}
        found = (self._shape(Resource(name=name), FileOptions(files=(file.name,))) for name, file in named.items() if name)
        return [shape for shape in found if shape]

    def _shape(self, resource: Resource, options: FileOptions) -> Shape | None:
        """The shape of the newest file that can be read; None where there is none."""
        evidence: dict[str, Evidence] = {}
        reading = FileReading(resource, options, options.time_zone or self.connection.time_zone, evidence)
        for file in reversed(self.place.listing(resource.name, options)):
            try:
                with self.place.at_hand(file) as copy, reading.read(file, copy, name=file.name) as read:
                    kinds = {**duckdb_types(evidence, resource.columns, read.columns), **OWN_TYPES}
                    rows = [row for table in islice(read.tables(), 1) for row in table.slice(0, SAMPLE).to_pylist()]
                    columns = {name: kinds[name] for name in read.columns}
                    return Shape(resource.name, columns, resource.key, rows=read.rows, sample=tuple(rows))
            except FileFormatError:
                continue
        return None


@dataclass
class Run:
    """What a run does with the files of one resource."""

    columns: list[str] = field(default_factory=list)
    rows_read: int = 0
    has_changed: bool = False
    has_failed: bool = False
    taken: list[tuple[SourceFile, Known]] = field(default_factory=list)

    @property
    def are_keys_unknown(self) -> bool:
        """Whether nothing can be said of deletions: no file changed, one cannot be read, or none is there."""
        return self.has_failed or not self.has_changed or not self.taken


class OpenedFiles:
    """Files while they are being read."""

    def __init__(self, connector: FilesConnector) -> None:
        self.connector, self.place, self.options = connector, connector.place, connector.options
        self.runs: dict[str, Run] = {}
        self.evidence: dict[str, dict[str, Evidence]] = {}

    def resource(self, resource: Resource) -> "DltResource":
        """The rows of every file that is new or has changed."""
        import dlt

        rows = self._rows(resource)
        return dlt.resource(rows, name=resource.name, primary_key=list(resource.key), write_disposition="append")

    def keys(self, resource: Resource) -> "DltResource":
        """The keys of all rows in all files; nothing where no file has changed, and where one cannot be read."""
        import dlt

        return dlt.resource(self._keys(resource), name=resource.name, write_disposition="append")

    def keys_unknown(self) -> set[str]:
        """The resources of which nothing can be said about deletions now."""
        return {name for name, run in self.runs.items() if run.are_keys_unknown}

    def columns(self) -> dict[str, dict[str, str]]:
        """The columns of the files read, with the types that all values read so far fit; where none was, of the last ones."""
        return {
            each.name: {**duckdb_types(self.evidence[each.name], each.columns, run.columns), **_own(run.columns)}
            for each in self.connector.connection.resources
            if (run := self.runs.get(each.name)) and run.columns
        }

    def move_taken(self) -> None:
        """Moves the files of a drop folder that were read, or could not be, out of it."""
        if self.options.drop is None or self.options.drop.after != "move":
            return
        for file, known in (taken for run in self.runs.values() for taken in run.taken):
            self.place.move(file, FAILED if known.error else DONE, name=known.taken_as, reason=known.error)

    def _rows(self, resource: Resource) -> Iterator["pa.Table"]:
        import dlt

        run = self.runs[resource.name] = Run()
        state: dict[str, Any] = dlt.current.resource_state(resource.name)
        evidence = {name: Evidence(**known) for name, known in state.get("evidence", {}).items()}
        self.evidence[resource.name] = evidence
        memory = Memory(state, self.connector.setup(resource), self.options.drop)
        options: FileOptions = self.connector.resource_options[resource.name]
        listing = self.place.listing(resource.name, options)
        if pending(self.connector.connection).files[resource.name]:
            run.columns = list(state.get("columns", []))  # of rows that were read before and have not landed yet
        for name in memory.vanished(listing):
            run.has_changed = True
            memory.forget(name)
        for file in filter(memory.is_settled, listing):
            yield from self._file(resource, memory, file, run, evidence)
            state["evidence"] = {name: one.as_state() for name, one in evidence.items()}
        run.columns = state["columns"] = run.columns or state.get("columns", [])

    def _file(
        self, resource: Resource, memory: Memory, file: SourceFile, run: Run, evidence: dict[str, Evidence]
    ) -> Iterator["pa.Table"]:
        """Gives away the rows of one file if it is due, and remembers it."""
        try:
            with memory.due(self.place, file) as due:
                if due:
                    yield from self._due(resource, memory, due, run, evidence)
        except FileNotFoundError:
            return  # it went away after it was listed
        except PermissionError as error:
            self._fail(resource, memory, Known(file.name, -1, 0, "", "", 0, file.name), str(error), run)
        known = memory.known(file.name)
        run.has_failed |= bool(known and known.error)
        if known:
            run.taken.append((file, known))

    def _due(self, resource: Resource, memory: Memory, due: Due, run: Run, evidence: dict[str, Evidence]) -> Iterator["pa.Table"]:
        options: FileOptions = self.connector.resource_options[resource.name]
        run.has_changed = True
        try:
            with self.connector.reading(resource, evidence).read(due.file, due.copy, name=due.taken_as) as read:
                if _was_changed(due.file, options):
                    run.has_failed = True
                    log.warning("%s changed while it was read; it is read with the next run.", due.file.name)
                    return
                yield from read.tables()
                run.columns = list(dict.fromkeys([*run.columns, *read.columns]))
                run.rows_read += read.rows
                if read.rejected:
                    reject(self.connector.connection, resource.name, read.rejected, batch=due.known.digest + due.known.setup)
                memory.keep(due.known)
        except FileFormatError as error:
            if _was_changed(due.file, FileOptions(format="json")):
                run.has_failed = True  # it is being written; the next run reads it
                return
            self._fail(resource, memory, due.known, f"{error.problem} {error.remedy}".strip(), run)

    def _fail(self, resource: Resource, memory: Memory, known: Known, reason: str, run: Run) -> None:
        """Notes once that a file cannot be read; the others go on."""
        before = memory.known(known.name)
        log.warning("%s: %s", self.connector.connection.name, reason)
        if before is None or before.error != reason:
            letter = Rejected(known.name, UNREADABLE, reason, json.dumps({"file": known.name}, ensure_ascii=False))
            batch = known.digest or hashlib.blake2b(known.name.encode(), digest_size=16).hexdigest()
            reject(self.connector.connection, resource.name, [letter], batch=f"{batch}-file")
        memory.keep(replace(known, error=reason))

    def _keys(self, resource: Resource) -> Iterator["pa.Table"]:
        run = self.runs.get(resource.name)
        if run and run.are_keys_unknown:
            return
        reading = self.connector.reading(resource, {})
        for file in self.place.listing(resource.name, self.connector.resource_options[resource.name]):
            with self.place.at_hand(file) as copy, reading.read(file, copy, name=file.name) as read:
                for table in read.tables():
                    yield table.select(list(resource.key))


def _was_changed(file: SourceFile, options: FileOptions) -> bool:
    """Whether a file is no longer the one that was listed; one that only grew still has the beginning that was read."""
    size, modified = file.now()
    if size == file.size and abs(modified - file.modified.timestamp()) < TICK:
        return False
    return size <= file.size or not can_grow(file.name, options)


def _own(columns: list[str]) -> dict[str, str]:
    return {name: kind for name, kind in OWN_TYPES.items() if name in columns}


def _resource_name(path: str) -> str:
    name = column_name(path.rpartition("/")[2].partition(".")[0]).lstrip("_")
    return f"file_{name}"[:LONGEST_NAME] if name[:1].isdigit() else name[:LONGEST_NAME]
