"""Both kinds keep the contract that every kind of connection keeps."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.testing import ConnectorContract, Subject, fresh_home

TOKEN = "a-word-that-lets-in"


class Notes:
    """The system, as its own program would change it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.last = folder, 0
        folder.mkdir()
        (folder / "token").write_text(TOKEN)
        self.insert()

    def write(self, number: int, text: str) -> None:
        note = {"id": number, "text": text, "author": "Ann", "changed_at": datetime.now(UTC).isoformat()}
        (self.folder / f"{number}.json").write_text(json.dumps(note))

    def insert(self) -> None:
        self.last += 1
        self.write(self.last, "new")

    def update(self) -> None:
        self.write(1, f"changed at {datetime.now(UTC)}")

    def delete(self) -> None:
        (self.folder / f"{self.last}.json").unlink()


class TestNotes(ConnectorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
        folder = tmp_path_factory.mktemp("notes")
        notes = Notes(folder / "notes")
        (folder / "token").write_text(TOKEN)
        words = {
            "name": "jotter",
            "type": "notes",
            "address": str(notes.folder),
            "credentials": {"token": f"file:{folder / 'token'}"},
            "resources": [{"name": "notes", "key": "id", "cursor": "changed_at", "deletions": {"by": "keys"}}],
        }
        with fresh_home(folder / "home"):
            yield Subject(
                words, "notes", notes.insert, notes.update, notes.delete, broken={"address": "/nowhere"}, secrets=(TOKEN,)
            )


class Lines(Notes):
    """The same notes, each a line of one file."""

    @property
    def path(self) -> Path:
        return self.folder / "notes.ndjson"

    def write(self, number: int, text: str) -> None:
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        kept = [line for line in lines if json.loads(line)["id"] != number]
        self.path.write_text("\n".join([*kept, json.dumps({"id": number, "text": text, "author": "Ann"})]) + "\n")


class TestNoteLines(ConnectorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
        folder = tmp_path_factory.mktemp("lines")
        lines = Lines(folder / "notes")
        (folder / "token").write_text(TOKEN)
        words = {
            "name": "line_jotter",
            "type": "note_lines",
            "address": str(lines.path),
            "credentials": {"token": f"file:{folder / 'token'}"},
            "resources": [{"name": "notes", "key": "id"}],
        }
        with fresh_home(folder / "home"):
            yield Subject(words, "notes", lines.insert, lines.update, broken={"address": "/nowhere"}, secrets=(TOKEN,))
