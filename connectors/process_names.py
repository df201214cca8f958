"""What an imported process is called: the rule from a file name to an identifier, and the names that may not be taken.

What belongs here: names. What does not: looking into files or the lake.
"""

import re
import unicodedata
from pathlib import Path

from lake.errors import FileFormatError

LONGEST = 48  # leaves room for suffixes such as __object_objects in every tool that stops at 63 characters
SUFFIXES = (
    ".gz",
    ".xes",
    ".csv",
    ".tsv",
    ".txt",
    ".parquet",
    ".pq",
    ".jsonocel",
    ".xmlocel",
    ".ocel",
    ".json",
    ".xml",
    ".sqlite",
    ".db",
)
RESERVED = frozenset({"all", "default", "events", "objects", "processes", "rows", "main", "platform", "none", "null"})


def process_name(path: Path, *, name: str | None = None) -> str:
    """The process's name: the given one if it is a safe identifier, else one made from the file name.

    The rule for file names: known endings are cut off, accents dropped, words at capitals and at every other character
    parted by one underscore, all in lower case; a leading digit gets `log_` before it. So `BPI_2020_RequestForPayment.xes.gz`
    becomes `bpi_2020_request_for_payment`.

    Raises:
        FileFormatError: The given name is unsafe or reserved, or the file name holds no letter or digit.
    """
    cleaned = clean_name(name if name is not None else _stem(path))
    if name is not None and name != cleaned:
        hint = f"`--name {cleaned}` would do." if cleaned else "Use letters, digits and underscores."
        raise FileFormatError(
            f"`{name}` cannot be a process's name: use lower-case letters, digits and single underscores.", remedy=hint
        )
    if not cleaned:
        raise FileFormatError(f"No process name can be made from the file name {path.name}.", remedy="Give one with --name NAME.")
    if cleaned in RESERVED:
        raise FileFormatError(f"The name `{cleaned}` is reserved.", remedy="Give another with --name NAME.")
    return cleaned


def clean_name(text: str) -> str:
    """The text as a lower-case identifier; empty if nothing of it can stay."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", "_", ascii_text)
    words = re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")
    if words[:1].isdigit():
        words = f"log_{words}"
    return words[:LONGEST].rstrip("_")


def _stem(path: Path) -> str:
    stem = path.name
    while (suffix := Path(stem).suffix.lower()) in SUFFIXES and Path(stem).stem:
        stem = stem[: -len(suffix)]
    return stem
