"""What a person sees where something went wrong: guidance for what can be mended, an id for what nobody foresaw.

What belongs here: turning exceptions of pages into words, and writing the unforeseen ones to the log. What does not: mending.
"""

import contextlib
import logging
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from apps.streamlit import look
from lake import get_settings
from lake.errors import GrimoireError

_LOGGER = logging.getLogger(__name__)


@contextlib.contextmanager
def guarded(title: str = "This cannot be shown") -> Iterator[None]:
    """Shows what goes wrong within the block in place of the rest of it; never a trace.

    Args:
        title: The heading over an error that a person can act on.
    """
    try:
        yield
    except GrimoireError as error:
        look.guidance(title, error.problem, error.remedy, commands=("grimoire doctor",) if error.code >= 5000 else ())
    except Exception as error:
        number, where = record(error)
        look.guidance(
            "Something went wrong that nobody foresaw",
            f"Its number is {number}. {where}",
            "The other pages still work. Load this page again; if it happens again, send the number's part of the log along.",
        )


def log_file() -> Path:
    """Where unforeseen errors of the pages are written to."""
    return get_settings().home / "logs" / "grimoires-errors.log"


def record(error: BaseException) -> tuple[str, str]:
    """Writes an error with its trace to the log; its number, and a sentence that says where it is."""
    number = token_hex(4)
    trace = "".join(traceback.format_exception(error))
    _LOGGER.error("Error %s on a page: %r", number, error)
    try:
        log_file().parent.mkdir(parents=True, exist_ok=True)
        with log_file().open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC error {number}\n{trace}\n")
    except OSError:
        return number, "The server's own output holds what is known of it: the log could not be written."
    return number, f"What is known of it is in {log_file().name} in the folder logs of GRIMOIRE_HOME."
