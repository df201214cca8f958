"""Files of text: which encoding they are in, and their lines.

What belongs here: bytes to lines. What does not: what the lines mean.
"""

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager

from connectors.files.options import FileOptions
from connectors.files.places import Part
from connectors.files.rows import Bad, shown
from connectors.tabular_files import BOMS
from lake.errors import FileFormatError

LONGEST_LINE = 16_000_000
_BLOCK = 1 << 20
_ESCAPED = re.compile("[\udc80-\udcff]")


def encoding_of(part: Part, options: FileOptions) -> str:
    """As said, else by byte order mark, else UTF-8, else Windows-1252.

    Raises:
        FileFormatError: The file is empty, or there is no such encoding.
    """
    with part.opened() as raw:
        start = raw.read(4)
        if not start:
            raise FileFormatError(f"{part.name} is empty.", remedy="Export it again.", file=part.name)
        marked = next((name for mark, name in BOMS if start.startswith(mark)), None)
        if options.encoding:
            return _known(options.encoding, marked)
        if marked:
            return marked
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            decoder.decode(start)
            while block := raw.read(_BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"


def _known(encoding: str, marked: str | None) -> str:
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        raise FileFormatError(f"There is no encoding `{encoding}`.", remedy="Write a name such as utf-8 or latin-1.") from None
    return "utf-8-sig" if name == "utf-8" and marked == "utf-8-sig" else name


@contextmanager
def opened_lines(part: Part, options: FileOptions) -> Iterator[Iterator[str]]:
    """The file's lines, each with its end; bytes that are no text in its encoding are escaped.

    The last line of a file that has grown meanwhile is left out if it has no end: it is still being written.
    """
    encoding = encoding_of(part, options)
    with part.opened() as raw:
        text = io.TextIOWrapper(raw, encoding=encoding, errors="surrogateescape", newline="")
        try:
            yield _lines(text, part)
        except UnicodeDecodeError as error:
            raise FileFormatError(
                f"{part.name} is not {encoding}: {error.reason}.", remedy="Say the right one under `encoding`.", file=part.name
            ) from None
        finally:
            text.detach()


def _lines(text: io.TextIOWrapper, part: Part) -> Iterator[str]:
    while line := text.readline(LONGEST_LINE):
        if line[-1] in "\n\r" or not _has_grown(part):
            yield line


def _has_grown(part: Part) -> bool:
    return not part.is_packed and part.copy.path.stat().st_size > part.copy.size


def is_readable(line: str, number: int, bad: Bad) -> bool:
    """Whether a line is text throughout; one that is not is set aside."""
    if "\0" in line:
        if line.strip("\0\r\n"):
            bad(number, "lines are text", f"line {number} holds NUL bytes", shown(line))
        return False
    if not line.isascii() and (found := _ESCAPED.search(line)):
        byte = ord(found.group()) - 0xDC00
        bad(number, "lines are text", f"line {number}: byte 0x{byte:02x} is not of the file's encoding", shown(line))
        return False
    return True
