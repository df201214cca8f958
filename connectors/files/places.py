"""Where files lie: listing a folder or bucket through dlt, having a file's bytes at hand, and moving what was taken.

What belongs here: paths, storage, archives and packed files. What does not: which files are new (`connectors.files.memory`) and
what is in them (`connectors.files.formats`).
"""

import fnmatch
import gzip
import hashlib
import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast

from connectors.connection import Connection
from connectors.credentials import resolved
from connectors.files.options import FileOptions, PlaceOptions
from lake import get_settings
from lake.errors import ConnectionFileError, FileFormatError, SourceUnavailableError

DONE, FAILED = "done", "failed"
HALF_COPIED = (".part", ".partial", ".tmp", ".crdownload", ".filepart", "~")
_BLOCK = 1 << 20
_PATTERN_CHARACTERS = "*?["


@dataclass(frozen=True)
class SourceFile:
    """A file as the listing showed it."""

    name: str  # its path below the address
    size: int
    modified: datetime
    item: Any  # dlt's FileItemDict
    is_local: bool

    def now(self) -> tuple[int, float]:
        """Size and time of change as they are now; only a local file's are asked anew."""
        if not self.is_local:
            return self.size, self.modified.timestamp()
        found = Path(self.item.local_file_path).stat()
        return found.st_size, found.st_mtime


@dataclass(frozen=True)
class LocalCopy:
    """A file's bytes on this machine: the file itself, or a copy of one in a bucket."""

    path: Path
    size: int  # what lies behind it was written after the listing

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Opens it for reading, up to the size it was listed with."""
        with self.path.open("rb") as raw:
            grown = self.path.stat().st_size > self.size
            yield cast("IO[bytes]", io.BufferedReader(_Limited(raw, self.size), _BLOCK)) if grown else raw

    def digest(self) -> str:
        """A digest of its bytes."""
        found = hashlib.blake2b(digest_size=16)
        with self.opened() as raw:
            while block := raw.read(_BLOCK):
                found.update(block)
        return found.hexdigest()


class Place:
    """A folder or a bucket."""

    def __init__(self, connection: Connection, options: PlaceOptions) -> None:
        self.connection, self.options = connection, options
        self.address = connection.address.removeprefix("file://").rstrip("/") or "/"
        self.is_local = "://" not in self.address
        if self.is_local:
            self.address = str(Path(self.address).expanduser())
        self._refuse_unusable()

    def _refuse_unusable(self) -> None:
        origin = f"{self.connection.name}.yaml"
        if not self.connection.address:
            raise ConnectionFileError(f"{origin}: address is missing.", remedy="Write a folder, or s3://bucket/folder.")
        if self.is_local and not Path(self.address).is_absolute():
            raise ConnectionFileError(
                f"{origin}: address `{self.address}` depends on where Grimoire was started.", remedy="Write the whole path."
            )
        if any(character in self.address for character in _PATTERN_CHARACTERS):
            raise ConnectionFileError(
                f"{origin}: address `{self.address}` holds one of {_PATTERN_CHARACTERS}, which are read as a pattern.",
                remedy="Write patterns under `files`, and rename the folder if it is called so.",
            )

    def refuse_absent(self) -> None:
        """Raises SourceUnavailableError where the folder is not there, so that an unmounted disk is no empty folder."""
        if self.is_local and not Path(self.address).is_dir():
            raise SourceUnavailableError(
                f"{self.connection.label} could not be read: there is no folder {self.address}.",
                remedy="Check the address, and that the disk is mounted.",
                source=self.connection.name,
            )

    def listing(self, name: str, options: FileOptions) -> list[SourceFile]:
        """The files of a resource, oldest first, as dlt lists them.

        Raises:
            SourceUnavailableError: The folder is not there.
            CredentialError: A credential's reference leads nowhere.
        """
        from dlt.common.storages.fsspec_filesystem import FileItemDict, fsspec_from_config, glob_files

        self.refuse_absent()
        storage, _ = fsspec_from_config(self._configuration())
        found: dict[str, SourceFile] = {}
        for pattern in options.files or (f"{name}.*",):
            glob = f"**/{pattern}" if options.recursive and not pattern.startswith("**") else pattern
            for item in glob_files(storage, self.address, glob):
                path, size = item["relative_path"], item.get("size_in_bytes", 0)
                if self._is_wanted(path):
                    found[path] = SourceFile(path, size, item["modification_date"], FileItemDict(item, storage), self.is_local)
        return sorted(found.values(), key=lambda file: (file.modified, file.name))

    def _is_wanted(self, path: str) -> bool:
        parts = path.split("/")
        if any(part.startswith(".") for part in parts):
            return False
        if self.options.drop is None:
            return True
        return parts[0] not in {DONE, FAILED} and not path.lower().endswith(HALF_COPIED)

    def _configuration(self) -> Any:
        from dlt.common.configuration.specs import AwsCredentials
        from dlt.common.storages.configuration import FilesystemConfiguration

        if self.is_local:
            return FilesystemConfiguration(self.address)
        secrets: Mapping[str, Any] = resolved(self.connection.credentials)
        credentials = AwsCredentials(
            aws_access_key_id=cast(Any, secrets.get("access_key_id")),
            aws_secret_access_key=cast(Any, secrets.get("secret_access_key")),
            aws_session_token=cast(Any, secrets.get("session_token")),
            endpoint_url=self.options.endpoint_url,
            region_name=self.options.region,
        )
        return FilesystemConfiguration(self.address, credentials)

    @contextmanager
    def at_hand(self, file: SourceFile) -> Iterator[LocalCopy]:
        """The file's bytes on this machine; a copy is deleted at the end."""
        if file.is_local:
            yield LocalCopy(Path(file.item.local_file_path), file.size)
            return
        with scratch_file(Path(file.name).suffix) as copy:
            with file.item.open(compression="disable") as there, copy.open("wb") as here:
                shutil.copyfileobj(there, here, _BLOCK)
            yield LocalCopy(copy, copy.stat().st_size)

    def move(self, file: SourceFile, folder: str, *, name: str, reason: str = "") -> None:
        """Moves a file of a drop folder into its folder `done` or `failed`, under a name that is free there; a reason beside it."""
        storage, path = file.item.fsspec, file.item.local_file_path if file.is_local else file.item["file_url"]
        target = _free(storage, f"{self.address}/{folder}/{name}")
        if self.is_local:
            Path(target).parent.mkdir(parents=True, exist_ok=True)
        if reason:
            storage.pipe_file(f"{target}.reason.txt", f"{reason}\n".encode())
        storage.mv(path, target)


def _free(storage: Any, target: str) -> str:
    stem, dot, ending = target.rpartition(".") if "." in target.rpartition("/")[2] else (target, "", "")
    wanted, number = target, 2
    while storage.exists(wanted):
        wanted, number = f"{stem} ({number}){dot}{ending}", number + 1
    return wanted


@contextmanager
def scratch_file(suffix: str = "") -> Iterator[Path]:
    """A file below HOME for the length of a block; only this user may read it."""
    handle = tempfile.NamedTemporaryFile(dir=get_settings().folder("landing", "scratch"), suffix=suffix, delete=False)  # noqa: SIM115
    handle.close()
    try:
        yield Path(handle.name)
    finally:
        Path(handle.name).unlink(missing_ok=True)


@dataclass(frozen=True)
class Part:
    """What one reader reads: a file, what is packed in it, or a member of an archive."""

    name: str  # what `_file` says
    copy: LocalCopy
    member: str | None = None

    @property
    def ending(self) -> str:
        """The file's ending, without that of its packing."""
        path = Path((self.member or self.name).lower())
        return Path(path.stem).suffix if path.suffix == ".gz" else path.suffix

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Opens it for reading bytes, unpacked.

        Raises:
            FileFormatError: What it is packed in is damaged or cut off.
        """
        try:
            with self.copy.opened() as raw:
                if self.member is not None:
                    with zipfile.ZipFile(raw) as archive, archive.open(self.member) as unpacked:
                        yield unpacked
                elif is_gzip(self.copy):
                    with gzip.open(raw) as unpacked:
                        yield cast("IO[bytes]", unpacked)
                else:
                    yield raw
        except (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
            raise FileFormatError(
                f"{self.name} is damaged: {error}.", remedy="It was cut off or changed on the way; copy it again.", file=self.name
            ) from error

    @property
    def is_packed(self) -> bool:
        """Whether its bytes are not those of a file on disk."""
        return self.member is not None or is_gzip(self.copy)

    @contextmanager
    def on_disk(self) -> Iterator[Path]:
        """The unpacked file itself, for readers that jump about in it."""
        if not self.is_packed and self.copy.path.stat().st_size <= self.copy.size:
            yield self.copy.path
            return
        with scratch_file(self.ending) as path:
            with self.opened() as source, path.open("wb") as target:
                shutil.copyfileobj(source, target, _BLOCK)
            yield path


def parts_of(name: str, copy: LocalCopy, options: FileOptions) -> list[Part]:
    """The parts of a file: the members of a zip archive that are asked for, or the file itself.

    Raises:
        FileFormatError: The archive is damaged, or holds no such member.
    """
    if options.format == "excel" or not name.lower().endswith(".zip"):
        return [Part(name, copy)]
    try:
        with copy.opened() as raw, zipfile.ZipFile(raw) as archive:
            members = [info.filename for info in archive.infolist() if not info.is_dir()]
    except zipfile.BadZipFile as error:
        raise FileFormatError(
            f"{name} is a damaged archive: {error}.", remedy="It was cut off or changed on the way; copy it again.", file=name
        ) from error
    wanted = [member for member in members if fnmatch.fnmatch(member, options.member) and "__MACOSX" not in member]
    if not wanted:
        raise FileFormatError(
            f"{name} holds no file {options.member}.", remedy=f"It holds {', '.join(members[:5]) or 'nothing'}.", file=name
        )
    return [Part(f"{name}/{member}", copy, member) for member in wanted]


def is_gzip(copy: LocalCopy) -> bool:
    """Whether a file is packed with gzip, by its content."""
    with copy.path.open("rb") as raw:
        return raw.read(2) == b"\x1f\x8b"


class _Limited(io.RawIOBase):
    """The beginning of an open file, as if it ended there."""

    def __init__(self, raw: IO[bytes], size: int) -> None:
        self.raw, self.size = raw, size

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fills the buffer as far as the file goes."""
        block = self.raw.read(max(0, min(len(buffer), self.size - self.raw.tell())))
        buffer[: len(block)] = block
        return len(block)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes to a place in it."""
        return self.raw.seek(self.size + offset) if whence == io.SEEK_END else self.raw.seek(offset, whence)
