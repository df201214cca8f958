"""Files of people's own that are written whole or not at all.

What belongs here: putting a finished file in its place. What does not: what is in it, and the lake's own files.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lake.errors import StorageError


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Gives a path beside the file to write to; what is there in the end takes the file's place, after an error nothing does.

    Raises:
        StorageError: It cannot be written there.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        yield partial
        partial.replace(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}.", remedy="Choose a folder you may write in.") from error
    finally:
        partial.unlink(missing_ok=True) if partial.parent.is_dir() else None
