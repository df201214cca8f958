"""Writing to the lake: all or nothing, retried when another writer was quicker.

What belongs here: the retry. What does not: what is written.
"""

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from lake.connection import connect
from lake.errors import ConflictError
from lake.settings import Settings

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")
ATTEMPTS = 10
_CONFLICT_WORDS = (
    "conflict",
    "could not serialize",
    "deadlock detected",
    "duplicate key value",
    "tuple concurrently updated",
)


def in_transaction(
    work: "Callable[[duckdb.DuckDBPyConnection], T]", *, attempts: int = ATTEMPTS, settings: Settings | None = None
) -> T:
    """Runs `work` in one transaction over any number of tables and commits it; on a conflict runs it again from the start.

    Args:
        work: Gets a connection inside a transaction; must not commit and must bear being called again.
        attempts: How often at most; waits between tries grow from 0.1 to 5 seconds, with jitter.
        settings: Default: the process's settings.

    Raises:
        ConflictError: Every attempt collided with another writer; nothing of this one was written.
    """
    with connect(settings=settings) as connection:
        return retrying(lambda: _attempt(connection, work), attempts=attempts)


def retrying(work: Callable[[], T], *, attempts: int = ATTEMPTS) -> T:
    """Calls `work` again, after a wait that grows, as long as it fails because another writer was quicker.

    Raises:
        ConflictError: Every attempt collided.
    """
    from tenacity import RetryError, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

    try:
        return Retrying(
            retry=retry_if_exception(is_conflict),
            stop=stop_after_attempt(attempts),
            wait=wait_random_exponential(multiplier=0.1, max=5),
        )(work)
    except RetryError as error:
        cause = error.last_attempt.exception()
        raise ConflictError(
            f"Other writers were quicker {attempts} times: {cause}", remedy="Nothing was written; run it again."
        ) from cause


def is_conflict(error: BaseException) -> bool:
    """Whether DuckLake refused a commit because of another one, so that trying again can help."""
    import duckdb

    return isinstance(error, duckdb.Error) and any(word in str(error).lower() for word in _CONFLICT_WORDS)


def _attempt(connection: "duckdb.DuckDBPyConnection", work: "Callable[[duckdb.DuckDBPyConnection], T]") -> T:
    connection.begin()
    try:
        result = work(connection)
        connection.commit()
    except BaseException:
        _roll_back(connection)
        raise
    return result


def _roll_back(connection: "duckdb.DuckDBPyConnection") -> None:
    import duckdb

    with contextlib.suppress(duckdb.Error):  # a failed commit has already ended the transaction
        connection.rollback()
