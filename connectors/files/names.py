"""What columns of files are called in the lake.

What belongs here: the rule from a header to lower-case identifiers. What does not: reading headers.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

FILE, LINE, MODIFIED = "_file", "_line", "_modified_at"
OWN = (FILE, LINE, MODIFIED)


def column_names(header: Iterable[object]) -> list[str]:
    """The columns' names: without accents, words parted by single underscores, lower case, each once; nameless ones numbered."""
    names: list[str] = []
    for number, said in enumerate(header, start=1):
        wanted = column_name(str(said or "")) or f"column_{number}"
        name, copy = wanted, 2
        while name in names:
            name, copy = f"{wanted}_{copy}", copy + 1
        names.append(name)
    return names


@lru_cache(maxsize=10_000)
def column_name(said: str) -> str:
    """One column's name, such as `cve_id` for `cveID`; empty if nothing of it can stay."""
    plain = unicodedata.normalize("NFKD", said.replace("ß", "ss")).encode("ascii", "ignore").decode()
    words = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")
    if not words:
        return ""
    return _normal(words.lower() if words.isupper() else words)  # capitals throughout part no words: ZBD1T


def _normal(words: str) -> str:
    """As dlt would name it, so that it leaves the name alone."""
    name = str(_naming().normalize_identifier(words))
    return name if name == words else _normal(name)


@lru_cache(maxsize=1)
def _naming() -> Any:
    from dlt.common.normalizers.naming.snake_case import NamingConvention

    return NamingConvention()
