"""The platform database: one PostgreSQL server, one database each for catalog, Dagster, MLflow and the platform's own tables.

What belongs here: which server, which databases and roles, and their addresses. What does not: starting the embedded
server (`lake.postgres`) and what is in the databases.
"""

from functools import lru_cache
from typing import Any

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from lake.errors import DatabaseUnavailableError, SettingsError
from lake.postgres import SUPERUSER, embedded
from lake.settings import Settings, get_settings

CATALOG, DAGSTER, MLFLOW, PLATFORM, DEMO_ERP = (
    "grimoire_catalog",
    "grimoire_dagster",
    "grimoire_mlflow",
    "grimoire_platform",
    "grimoire_demo_erp",
)
DATABASES = (CATALOG, DAGSTER, MLFLOW, PLATFORM, DEMO_ERP)
READER = "grimoire_reader"  # may select from the catalog and nothing else; read-only connections of the lake use it


def database_url(name: str, *, settings: Settings | None = None, reader: bool = False) -> URL:
    """Address of one of the platform's databases, on a server that answers; made if it is not there yet.

    Args:
        name: One of `DATABASES`.
        settings: Default: the process's settings.
        reader: On the embedded server, connect as the role that can only read.

    Raises:
        DatabaseUnavailableError: The server does not answer.
    """
    settings = settings or get_settings()
    server = server_url(settings)
    _ensure_database(server, name)
    url = server.set(database=name)
    return url.set(username=READER) if reader and settings.database_url is None else url


def server_url(settings: Settings) -> URL:
    """Address of the server's maintenance database; starts the embedded server if it is the one to use."""
    if settings.database_url is None:
        folder = embedded(settings).ensure_running()
        return URL.create("postgresql+psycopg", username=SUPERUSER, database="postgres", query={"host": str(folder)})
    try:
        url = make_url(settings.database_url.get_secret_value())
    except ArgumentError:
        url = None
    if url is None or url.get_backend_name() != "postgresql":
        raise SettingsError(
            "GRIMOIRE_DATABASE_URL is not a PostgreSQL address.",
            remedy="Write it as postgresql://user:password@host:port/database.",
        )
    return url.set(drivername="postgresql+psycopg", database=url.database or "postgres")


def libpq_dsn(url: URL) -> str:
    """The address as PostgreSQL's own `key=value` words, which DuckDB, psycopg and dlt understand."""
    words: dict[str, Any] = {
        "host": url.query.get("host") or url.host,
        "port": url.port,
        "user": url.username,
        "password": url.password,
        "dbname": url.database,
    }
    told = " ".join(f"{key}={_dsn_value(str(value))}" for key, value in words.items() if value not in (None, ""))
    return f"{told} {libpq_options(url)}".strip()


def libpq_options(url: URL) -> str:
    """What else the address asks for after its question mark, such as `sslmode=verify-full`, in the same form."""
    return " ".join(f"{key}={_dsn_value(str(value))}" for key, value in url.query.items() if key not in {"host", "password"})


def plain_url(url: URL) -> str:
    """The address as text with its password, for tools that take nothing else. Never log it."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def without_password(words: str, settings: Settings) -> str:
    """A foreign error's words with the database's password blotted out in every form it may have."""
    if settings.database_url is None:
        return words
    from urllib.parse import quote, quote_plus

    password = str(server_url(settings).password or "")
    for form in {password, quote(password), quote(password, safe=""), quote_plus(password), _dsn_value(password)} - {""}:
        words = words.replace(form, "***")
    return words


def _dsn_value(value: str) -> str:
    if value and not set(value) & set(" '\\"):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


@lru_cache(maxsize=64)
def _ensure_database(server: URL, name: str) -> None:
    """Creates database and reader role once per process and server; two processes may race for it."""
    import psycopg

    try:
        with psycopg.connect(libpq_dsn(server), autocommit=True, connect_timeout=10) as connection:
            if not connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone():
                _create(connection, f'create database "{name}"', psycopg.errors.DuplicateDatabase)
            if server.host is None and not connection.execute("select 1 from pg_roles where rolname = %s", (READER,)).fetchone():
                _create(connection, f'create role "{READER}" login', psycopg.errors.DuplicateObject)
        if name == CATALOG and server.host is None:
            _grant_reader(libpq_dsn(server.set(database=name)))
    except psycopg.OperationalError as error:
        raise DatabaseUnavailableError(
            f"The PostgreSQL server at {server.host or 'the embedded socket'} does not answer: {error}".strip(),
            remedy="Start it, or correct GRIMOIRE_DATABASE_URL; `grimoire doctor` checks it.",
        ) from error


def forget_databases() -> None:
    """Lets this process look again whether its databases are there, after they were deleted."""
    _ensure_database.cache_clear()


def _create(connection: Any, statement: str, already_there: type[Exception]) -> None:
    import psycopg

    try:
        connection.execute(statement)
    except (already_there, psycopg.errors.UniqueViolation):  # another process was quicker
        return


def _grant_reader(dsn: str) -> None:
    import psycopg

    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "select pg_advisory_lock(4711)"
        )  # concurrent grants on one object fail with «tuple concurrently updated»
        connection.execute(f'grant usage on schema public to "{READER}"')
        connection.execute(f'grant select on all tables in schema public to "{READER}"')
        connection.execute(f'alter default privileges in schema public grant select on tables to "{READER}"')
