"""When a connection's system is asked again, and when it is left alone: retries within a run, a circuit breaker across runs.

What belongs here: these decisions. What does not: keeping the state (`connectors.states`), telling causes apart
(`connectors.causes`) and reading (`connectors.extract`).

The breaker opens after so many failed runs in a row. While it is open no run touches the system. Afterwards it is half-open: one
run takes a cheap look (the connector's `check`), reads if all is well, and closes it by succeeding.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from connectors import states
from connectors.causes import is_passing, is_the_systems, told_apart
from connectors.connection import Connection
from connectors.connector import Health, connector_of
from connectors.credentials import is_told, without_secrets
from connectors.staged import Progress, no_progress
from lake.errors import ConnectionPausedError, DatabaseUnavailableError, GrimoireError, PlatformError, SourceUnavailableError

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")


@contextmanager
def guarded(connection: Connection) -> Iterator[None]:
    """Runs what reads a connection, unless it is to be left alone; keeps how it went.

    Errors leave it with every secret blotted out, and without the library errors that led to them where those hold one.

    Raises:
        ConnectionPausedError: The connection is paused or its breaker is open; the system was not touched.
    """
    admit(connection)
    started = time.monotonic()
    failed: Exception | None = None
    try:
        yield
    except ConnectionPausedError:  # the connector's own word that there is nothing to read: neither good nor bad
        raise
    except Exception as error:
        failed = _told(error, connection)
        _note(connection, failed, seconds=time.monotonic() - started)
        if failed is error:
            raise
    if failed is not None:  # not raised within the handler: the new error carries nothing of the old one
        raise failed
    states.note_success(connection.name, seconds=round(time.monotonic() - started, 3))


def admit(connection: Connection) -> None:
    """Lets a run through, or says why not.

    Raises:
        ConnectionPausedError: A person paused it, or the breaker is open.
        SourceUnavailableError: The breaker was half-open, and the look showed that the system is still not well.
    """
    known = states.state_of(connection.name)
    if known.paused_at is not None:
        raise ConnectionPausedError(
            f"{connection.label} is paused since {_moment(known.paused_at)}.",
            remedy=f"`grimoire connect resume {connection.name}` lets it run again.",
            name=connection.name,
        )
    if known.breaker == "open":
        raise _left_alone(connection, known)
    if known.breaker == "half-open":
        if not states.claim_probe(known, seconds=connection.breaker.seconds):
            raise _left_alone(connection, states.state_of(connection.name))
        _probe(connection)


def look(connection: Connection) -> Health:
    """The connector's own cheap check; whatever it raises is a finding, and no secret is in its words."""
    started = time.monotonic()
    try:
        health = connector_of(connection).check()
    except GrimoireError as error:
        health = Health(False, " ".join(filter(None, [error.problem, error.remedy])), time.monotonic() - started)
    except Exception as error:
        health = Health(False, f"The check itself failed: {type(error).__name__}: {error}", time.monotonic() - started)
    return Health(health.is_well, without_secrets(health.said), health.seconds, health.missing)


def persistently(connection: Connection, work: Callable[[], T], *, progress: Progress = no_progress) -> T:
    """Does the work, again after growing and randomly lengthened waits while the system does not answer.

    Refused credentials, missing tables and files that are wrong are not asked for twice: the answer would be the same.
    """
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

    retries = connection.retries

    def say(state: "RetryCallState") -> None:
        wait = state.next_action.sleep if state.next_action else 0.0
        progress(f"{connection.label} does not answer; asking again in {wait:.0f} s", 0.0)

    attempts = Retrying(
        stop=stop_after_attempt(retries.times + 1),
        wait=wait_exponential_jitter(multiplier=retries.seconds, max=retries.longest_seconds, jitter=retries.seconds),
        retry=retry_if_exception(is_passing),
        before_sleep=say,
        reraise=True,
    )
    return attempts(work)


def _probe(connection: Connection) -> None:
    health = look(connection)
    states.note_test(connection.name, is_well=health.is_well, said=health.said)
    if not health.is_well:
        raise SourceUnavailableError(
            f"{connection.label} is still not well: {health.said}",
            remedy=f"It is left alone for {connection.breaker.seconds:.0f} s; `grimoire connect test {connection.name}` looks.",
            name=connection.name,
        )


def _left_alone(connection: Connection, known: states.ConnectionState) -> ConnectionPausedError:
    until = _moment(known.open_until) if known.open_until else "the look that is under way is over"
    return ConnectionPausedError(
        f"{connection.label} is left alone until {until}: {known.failures} runs in a row have failed.",
        remedy=f"Mend it and say `grimoire connect test {connection.name}`, which lets the next run through at once.",
        name=connection.name,
        until=known.open_until,
        error=known.error,
    )


def _note(connection: Connection, error: Exception, *, seconds: float) -> None:
    said = error.problem if isinstance(error, GrimoireError) else f"{type(error).__name__}: {error}"
    with contextlib.suppress(DatabaseUnavailableError):  # the run's own error is the one to tell
        states.note_failure(connection.name, said=said, seconds=round(seconds, 3))
        if is_the_systems(error):
            states.count_failure(connection.name, limit=connection.breaker.failures, seconds=connection.breaker.seconds)


def _told(error: Exception, connection: Connection) -> Exception:
    """The error as it may be shown and kept: itself where neither it nor what led to it holds a secret."""
    known = told_apart(error, label=connection.label) if isinstance(error, GrimoireError) else error
    if not is_told(error):
        return known if known is error else known.with_traceback(error.__traceback__)
    if isinstance(known, GrimoireError):
        problem, remedy = without_secrets(known.problem), without_secrets(known.remedy)
        return type(known)(problem, remedy=remedy, name=connection.name)
    return PlatformError(
        f"{connection.label} could not be read: {type(error).__name__}: {without_secrets(str(error))}",
        remedy="Report this: an error that Grimoire does not know.",
    )


def _moment(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
