"""Two kinds of connection for a system that keeps notes in a folder: `notes`, a class, and `note_lines`, a dlt source.

What belongs here: everything that knows this system. What does not: merging, quarantine, retries, scheduling; Grimoire does those.
The folder holds one JSON file per note, and a file `token` with the word that lets a reader in.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dlt
from pydantic import BaseModel, ConfigDict

from connectors.connection import Resource
from connectors.connector import Connector, Health, Opened, Shape
from connectors.credentials import resolve
from lake.errors import CredentialError, SourceUnavailableError

COLUMNS = {"id": "BIGINT", "text": "VARCHAR", "author": "VARCHAR", "changed_at": "TIMESTAMP WITH TIME ZONE"}


class NotesOptions(BaseModel):
    """The fields of a connection file that are this kind's own; others are refused, by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    largest_kilobytes: int = 100


class NotesConnector(Connector):
    """A folder of notes, at the connection's address."""

    kind = "notes"
    title = "Notes as JSON files"
    Options = NotesOptions

    def check(self) -> Health:
        """Whether the folder is there and lets us in; raises nothing and reads no notes."""
        began = time.monotonic()
        try:
            self._enter()
        except (SourceUnavailableError, CredentialError) as error:
            return Health(False, error.problem, time.monotonic() - began)
        return Health(True, "The folder is there and lets us in.", time.monotonic() - began)

    @contextmanager
    def opened(self) -> Iterator[Opened]:
        """Opens the folder; a system with a session would close it after the yield."""
        yield OpenedNotes(self._enter(), self.options.largest_kilobytes * 1000)

    def inspect(self) -> list[Shape]:
        """What there is, with a few rows; proposals of resources are made from it."""
        rows = list(OpenedNotes(self._enter(), self.options.largest_kilobytes * 1000).notes())
        return [Shape("notes", COLUMNS, ("id",), rows=len(rows), sample=tuple(rows[:5]))]

    def _enter(self) -> Path:
        """The folder, once it has let us in. Errors name the place and the way out, never the secret."""
        folder = Path(self.connection.address)
        if not (folder / "token").is_file():
            raise SourceUnavailableError(f"There are no notes in {folder}.", remedy="Check the address.")
        if (folder / "token").read_text().strip() != resolve(self.connection.credentials["token"]):
            raise CredentialError("The notes do not let us in.", remedy="Check what `credentials.token` leads to.")
        return folder


class OpenedNotes:
    """The folder while it is being read."""

    def __init__(self, folder: Path, largest: int) -> None:
        self.folder, self.largest = folder, largest

    def resource(self, resource: Resource) -> Any:
        """Notes changed since the last run: dlt remembers how far the cursor came and leaves the rest out."""
        cursor = resource.cursor
        since = dlt.sources.incremental(cursor.column, lag=cursor.overlap) if cursor else None
        rows = dlt.resource(self.notes(), name=resource.name, primary_key=list(resource.key), write_disposition="append")
        rows.apply_hints(incremental=since)
        return rows

    def keys(self, resource: Resource) -> Any:
        """The key of every note there is, so that deleted ones are found."""
        return dlt.resource(({"id": note["id"]} for note in self.notes()), name=f"{resource.name}_keys")

    def columns(self) -> dict[str, dict[str, str]]:
        """What the system says of its columns."""
        return {"notes": COLUMNS}

    def notes(self) -> Iterator[dict[str, Any]]:
        """Every note, as a row."""
        for path in sorted(self.folder.glob("*.json")):
            if path.stat().st_size <= self.largest:
                note = json.loads(path.read_text(encoding="utf-8"))
                yield {name: note.get(name) for name in COLUMNS}


@dlt.source
def note_lines(address: str, token: str) -> Any:
    """The same notes from a file of lines, as a dlt source: it is called with the address, credentials and options by name."""

    @dlt.resource(primary_key="id")
    def notes() -> Iterator[dict[str, Any]]:
        path = Path(address)
        if not path.is_file():
            raise SourceUnavailableError(f"There is no file {path}.", remedy="Check the address.")
        if path.with_name("token").read_text().strip() != token:
            raise CredentialError("The notes do not let us in.", remedy="Check what `credentials.token` leads to.")
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)

    return notes
