"""The platform database: one PostgreSQL server, one database each for catalog, Dagster, MLflow and the platform's own tables.

What belongs here: which server, which databases and roles. What does not: starting the embedded server (`lake.postgres`), how an
address is written (`lake.addresses`) and what is in the databases.
"""

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lake.addresses import Address, dsn_value, libpq_dsn
from lake.errors import DatabaseUnavailableError, SettingsError
from lake.postgres import SUPERUSER, embedded
from lake.settings import Settings, get_settings

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

CATALOG, DAGSTER, MLFLOW, PLATFORM, DEMO_ERP = (
    "grimoire_catalog",
    "grimoire_dagster",
    "grimoire_mlflow",
    "grimoire_platform",
    "grimoire_demo_erp",
)
DATABASES = (CATALOG, DAGSTER, MLFLOW, PLATFORM, DEMO_ERP)
READER = "grimoire_reader"  # may select from the catalog and nothing else; read-only connections of the lake use it


def database_url(name: str, *, settings: Settings | None = None, reader: bool = False) -> "URL":
    """Address of one of the platform's databases as SQLAlchemy has it; as `database_address`."""
    return database_address(name, settings=settings, reader=reader).as_url()


def database_address(name: str, *, settings: Settings | None = None, reader: bool = False, ensure: bool = True) -> Address:
    """Address of one of the platform's databases, on a server that answers; made if it is not there yet.

    Args:
        name: One of `DATABASES`.
        settings: Default: the process's settings.
        reader: On the embedded server, connect as the role that can only read.
        ensure: False: take for granted that the database and the role are there.

    Raises:
        DatabaseUnavailableError: The server does not answer.
    """
    settings = settings or get_settings()
    server = server_address(settings)
    if ensure:
        _ensure_database(server, name)
    address = replace(server, database=name)
    return replace(address, username=READER) if reader and settings.database_url is None else address


def server_url(settings: Settings) -> "URL":
    """Address of the server's maintenance database as SQLAlchemy has it; as `server_address`."""
    return server_address(settings).as_url()


def server_address(settings: Settings) -> Address:
    """Address of the server's maintenance database; starts the embedded server if it is the one to use."""
    if settings.database_url is None:
        folder = embedded(settings).ensure_running()
        return Address("postgres", SUPERUSER, query={"host": str(folder)})
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(settings.database_url.get_secret_value())
    except ArgumentError:
        url = None
    if url is None or url.get_backend_name() != "postgresql":
        raise SettingsError(
            "GRIMOIRE_DATABASE_URL is not a PostgreSQL address.",
            remedy="Write it as postgresql://user:password@host:port/database.",
        )
    return Address.from_url(url)


def without_password(words: str, settings: Settings) -> str:
    """A foreign error's words with the database's password blotted out in every form it may have."""
    if settings.database_url is None:
        return words
    from urllib.parse import quote, quote_plus

    password = str(server_address(settings).password or "")
    for form in {password, quote(password), quote(password, safe=""), quote_plus(password), dsn_value(password)} - {""}:
        words = words.replace(form, "***")
    return words


@lru_cache(maxsize=64)
def _ensure_database(server: Address, name: str) -> None:
    """Creates database and reader role once per process and server; two processes may race for it."""
    import psycopg

    try:
        with psycopg.connect(libpq_dsn(server), autocommit=True, connect_timeout=10) as connection:
            if not connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone():
                _create(connection, f'create database "{name}"', psycopg.errors.DuplicateDatabase)
            if server.host is None and not connection.execute("select 1 from pg_roles where rolname = %s", (READER,)).fetchone():
                _create(connection, f'create role "{READER}" login', psycopg.errors.DuplicateObject)
        if name == CATALOG and server.host is None:
            _grant_reader(libpq_dsn(replace(server, database=name)))
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
