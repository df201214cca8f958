"""Files that people bring: kept on disk while they are looked at, imported and mined, deleted afterwards.

What belongs here: those steps, and the limit of size. What does not: the page, reading files (`connectors`) and mining (`mining`).
"""

import contextlib
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from uuid import uuid4

from connectors.event_log_files import import_event_log
from connectors.event_log_landing import FileOptions, ImportReport
from lake import get_settings
from lake.errors import FileFormatError

if TYPE_CHECKING:
    from connectors.event_log_preview import Preview

MOST_MEGABYTES = 200
FORGOTTEN_AFTER = 24 * 3600.0  # seconds after which a file that was uploaded and not imported is deleted
Progress = Callable[[str, float], None]


def keep(data: BinaryIO, name: str) -> Path:
    """Writes an uploaded file below HOME under its own name, in a folder of its own; files forgotten there for a day are deleted.

    Raises:
        FileFormatError: It is empty, or larger than 200 MB.
    """
    data.seek(0, 2)
    size = data.tell()
    data.seek(0)
    if not size:
        raise FileFormatError(f"{name} is empty (0 bytes).", remedy="Export it again.", file=name)
    if size > MOST_MEGABYTES * 1_000_000:
        raise FileFormatError(
            f"{name} has {size / 1e6:,.0f} MB; a browser may send {MOST_MEGABYTES}.",
            remedy="Compress it (.csv.gz, .xes.gz, Parquet), or use `grimoire import FILE`, which has no limit.",
            file=name,
        )
    folder = get_settings().folder("landing", "uploads")
    _forget_old(folder)
    path = folder / uuid4().hex / (Path(name.replace("\\", "/")).name or "upload")
    path.parent.mkdir()
    with path.open("wb") as target:
        shutil.copyfileobj(data, target)
    return path


def forget(path: Path) -> None:
    """Deletes an uploaded file with its folder."""
    shutil.rmtree(path.parent, ignore_errors=True)


def _forget_old(folder: Path) -> None:
    for old in folder.iterdir():
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > FORGOTTEN_AFTER:
                shutil.rmtree(old, ignore_errors=True)


def look_into(path: Path, options: FileOptions) -> "Preview":
    """What an import with these options would make of the file; see `connectors.event_log_preview`."""
    from connectors.event_log_preview import preview

    return preview(path, options)


def bring_in(path: Path, name: str, options: FileOptions, progress: Progress) -> ImportReport:
    """Imports the file as a process of that name and mines it; the file is deleted once it is in the lake.

    Args:
        path: As `keep` gave it.
        name: Of the process.
        options: What a person said about the file.
        progress: Told what is being done and how far it is, 0 to 1.
    """
    from mining import mine

    report = import_event_log(path, name=name, progress=lambda what, done: progress(what, 0.5 * done), **asdict(options))
    mine(report.process, progress=lambda what, done: progress(what, 0.5 + 0.5 * done))
    forget(path)
    return report
