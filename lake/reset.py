"""Deleting everything Grimoire made, and nothing else.

What belongs here: knowing what is ours. What does not: asking whether to do it (`apps.cli.upkeep`).
"""

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lake.addresses import libpq_dsn
from lake.connection import forget_lakes
from lake.database import DATABASES, forget_databases, server_url
from lake.errors import AlreadyRunningError, GrimoireError, StorageError
from lake.postgres import embedded
from lake.running import serving_lock
from lake.settings import Settings

# What the platform makes below HOME. `locks` goes last: it is held meanwhile.
FOLDERS = ("lake", "landing", "dlt", "dbt", "dagster", "mlflow", "demo", "duckdb", "logs", "postgres")
SIGNS = ("postgres/users.lock", "duckdb/extensions", "locks/serving.lock")  # one of them shows that a folder is a HOME


@dataclass(frozen=True)
class ResetPlan:
    """What a reset would delete."""

    folders: list[Path]
    databases: list[str]


def plan_reset(settings: Settings) -> ResetPlan:
    """What there is to delete.

    Raises:
        StorageError: The folder is not one of ours, or holds something in our place that we did not make.
    """
    there = [settings.home / name for name in FOLDERS if (settings.home / name).exists()]
    if there and not any((settings.home / sign).exists() for sign in SIGNS):
        raise StorageError(
            f"{settings.home} has a folder `{there[0].name}`, but no sign that Grimoire made it.",
            remedy="Nothing was deleted. Set GRIMOIRE_HOME to Grimoire's own folder.",
        )
    _refuse_strangers(settings.home / "lake")
    return ResetPlan(there, _databases(settings))


def _refuse_strangers(lake: Path) -> None:
    """The lake's folder holds Parquet files; anything else was put there by someone who may want it back."""
    strangers = [path for path in lake.rglob("*") if path.is_file() and path.suffix != ".parquet"] if lake.exists() else []
    if strangers:
        raise StorageError(
            f"{strangers[0]} is not a file of the lake ({len(strangers)} such).",
            remedy="Nothing was deleted. Move it elsewhere first.",
        )


def _databases(settings: Settings) -> list[str]:
    """Our databases on a server of the user's; the embedded server's go with its folder."""
    import psycopg

    if settings.database_url is None:
        return []
    with psycopg.connect(libpq_dsn(server_url(settings)), connect_timeout=10) as connection:
        rows = connection.execute("select datname from pg_database where datname = any(%s)", (list(DATABASES),)).fetchall()
    return sorted(f"database {row[0]}" for row in rows)


def reset_home(settings: Settings) -> Iterator[str]:
    """Deletes what `plan_reset` names and tells it line by line.

    Raises:
        AlreadyRunningError: Something still uses this HOME.
        StorageError: As `plan_reset`, or a folder cannot be deleted.
    """
    plan = plan_reset(settings)
    with serving_lock(settings), _nobody_uses(settings):
        for name in plan.databases:
            _drop(settings, name.removeprefix("database "))
            yield f"Dropped {name}"
        for folder in plan.folders:
            _delete(folder)
            yield f"Deleted {folder}"
        forget_databases()
        forget_lakes()
    _delete(settings.home / "locks")
    with contextlib.suppress(OSError):  # it holds something that is not ours
        settings.home.rmdir()


@contextlib.contextmanager
def _nobody_uses(settings: Settings) -> Iterator[None]:
    """Holds the embedded server's user lock alone, with the server stopped, and the lock of runs."""
    with contextlib.ExitStack() as held:
        for name in ("postgres/users.lock", "locks/road.lock"):
            path = settings.home / name
            if path.exists():
                lock = held.enter_context(path.open("a"))
                _take_alone(lock.fileno(), name)
        if settings.database_url is None and (settings.home / "postgres").exists():
            embedded(settings).stop()
        yield


def _take_alone(number: int, name: str) -> None:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise AlreadyRunningError(
            "Something still uses this home folder.", remedy="End it (`grimoire stop`, a running import, a notebook).",
            lock=name,
        ) from None  # fmt: skip


def _drop(settings: Settings, name: str) -> None:
    import psycopg

    try:
        with psycopg.connect(libpq_dsn(server_url(settings)), autocommit=True) as connection:
            connection.execute(f'drop database if exists "{name}" with (force)'.encode())
    except psycopg.Error as error:
        raise GrimoireError(f"Database {name} cannot be dropped: {error}", remedy="Drop it by hand.") from None


def _delete(path: Path) -> None:
    try:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{path} cannot be deleted: {error.strerror}.", remedy="Delete it by hand.") from error
