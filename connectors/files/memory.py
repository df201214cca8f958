"""Which files of a resource have been read, and so which are to be read now.

What belongs here: comparing a listing with what dlt's state remembers. What does not: listing (`connectors.files.places`), reading.

A file is known by size and time of change, and by a digest of its bytes where those differ; what the connection says of its format
is part of it, so that a corrected connection reads its files anew.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from connectors.files.options import DropFolder
from connectors.files.places import LocalCopy, Place, SourceFile

SOON = 2.0  # seconds: a file changed so shortly before it was read may have changed again within the same tick of the clock


@dataclass(frozen=True)
class Known:
    """What is remembered of a file."""

    name: str
    size: int
    modified: float
    digest: str
    setup: str  # digest of the resource's fields
    read_at: float
    taken_as: str  # what `_file` says
    error: str = ""  # why it could not be read; empty if it was


@dataclass(frozen=True)
class Due:
    """A file that is to be read."""

    file: SourceFile
    copy: LocalCopy
    taken_as: str
    known: Known  # what is to be remembered once it was read


class Memory:
    """The files of one resource that were read, as dlt's state keeps them."""

    def __init__(self, state: dict[str, Any], setup: str, drop: DropFolder | None) -> None:
        """Takes the part of dlt's state that is the resource's own; it is changed in place."""
        self.files: dict[str, dict[str, Any]] = state.setdefault("files", {})  # by name; in a drop folder by content
        self.setup, self.drop = setup, drop
        self.by_name = {known["name"]: Known(**known) for known in self.files.values()}

    def known(self, name: str) -> Known | None:
        """What is remembered of a file."""
        return self.by_name.get(name)

    def keep(self, known: Known) -> None:
        """Remembers a file, once its rows are given to dlt."""
        self.files[known.digest if self.drop else known.name] = asdict(known)
        self.by_name[known.name] = known

    def forget(self, name: str) -> None:
        """Forgets a file that is no longer there."""
        self.files.pop(name, None)

    def vanished(self, listing: Sequence[SourceFile]) -> list[str]:
        """Files that were read and are no longer there; none where none is there, for then rather the folder is another."""
        return sorted({*self.by_name} - {file.name for file in listing}) if listing and not self.drop else []

    def is_settled(self, file: SourceFile) -> bool:
        """Whether a file of a drop folder is whole: nobody has written to it for a while."""
        age = datetime.now(UTC).timestamp() - file.modified.timestamp()
        return self.drop is None or age >= self.drop.settle_seconds

    @contextmanager
    def due(self, place: Place, file: SourceFile) -> Iterator[Due | None]:
        """The file at hand if it must be read; None if it is known, or empty of news."""
        known = self.known(file.name)
        if known and self._looks_same(known, file):
            yield None
            return
        with place.at_hand(file) as copy:
            digest = copy.digest()
            now = datetime.now(UTC).timestamp()
            taken_as = self._taken_as(file, digest)
            fresh = Known(file.name, file.size, file.modified.timestamp(), digest, self.setup, now, taken_as)
            before = self._same_content(digest, file)
            if before is None:
                yield Due(file, copy, taken_as, fresh)
                return
            self.keep(replace(fresh, taken_as=before.taken_as, error=before.error))
            yield None

    def _looks_same(self, known: Known, file: SourceFile) -> bool:
        modified = file.modified.timestamp()
        same = (known.size, known.modified, known.setup) == (file.size, modified, self.setup)
        return same and known.read_at - modified > SOON

    def _same_content(self, digest: str, file: SourceFile) -> Known | None:
        """The memory of the same bytes: under the same name, in a drop folder under any."""
        found = self.files.get(digest if self.drop else file.name)
        return Known(**found) if found and (found["digest"], found["setup"]) == (digest, self.setup) else None

    def _taken_as(self, file: SourceFile, digest: str) -> str:
        """The file's name; in a drop folder one that no other file was taken as, since the next delivery may be called alike."""
        if self.drop is None:
            return file.name
        path = PurePosixPath(file.name)
        others = {one["taken_as"] for one in self.files.values() if one["digest"] != digest}
        name, number = file.name, 2
        while name in others:
            name, number = str(path.with_name(f"{path.stem}#{number}{path.suffix}")), number + 1
        return name
