"""A database's address as an engine that reads and never writes: drivers, credentials, TLS, sessions.

What belongs here: making the engine. What does not: what is read through it (`connectors.kinds.sql_tables`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, model_validator

from lake.errors import SourceUnavailableError

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

DRIVERS: Mapping[str, str] = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "mssql": "mssql+pymssql",
}
BUSY_SECONDS = 30.0  # how long a SQLite file another program writes is waited for
CONNECT_SECONDS = 15


class Tls(BaseModel):
    """How the line to the database is protected."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["require", "verify-ca", "verify-full"] = "verify-full"
    ca: Path | None = None  # the authorities to trust; None: PostgreSQL's own file, MySQL: the machine's
    certificate: Path | None = None  # to show who we are
    key: Path | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> "Tls":
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together")
        return self


def engine_of(address: str, *, secrets: Mapping[str, str], tls: Tls | None = None) -> "Engine":
    """A new engine that reads.

    Args:
        address: As SQLAlchemy writes it, such as postgresql://erp.example/erp or sqlite:////data/shop.db.
        secrets: The values of the credentials `user` and `password`, where there are any.
        tls: How the line is protected; None: as the driver does by itself.

    Raises:
        SourceUnavailableError: The address cannot be understood, its driver is not installed, or there is no such file.
    """
    import sqlalchemy
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        url = sqlalchemy.make_url(address)
        url = url.set(drivername=DRIVERS.get(url.drivername, url.drivername))
        url = url.set(username=secrets.get("user", url.username), password=secrets.get("password", url.password))
        return _sqlite_engine(url) if url.get_backend_name() == "sqlite" else _server_engine(url, tls)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise SourceUnavailableError(
            f"The address cannot be used: {error}.",
            remedy="Write one such as postgresql://host/database; docs/sources-sql.md lists the databases and their drivers.",
        ) from error


def _server_engine(url: "URL", tls: Tls | None) -> "Engine":
    import sqlalchemy

    kind = url.get_backend_name()
    arguments: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS} if kind in ("postgresql", "mysql") else {}
    if kind == "postgresql" and tls:
        named = {"sslmode": tls.mode, "sslrootcert": tls.ca, "sslcert": tls.certificate, "sslkey": tls.key}
        url = url.update_query_dict({name: str(value) for name, value in named.items() if value is not None})
    if kind == "mysql":
        arguments |= {"charset": "utf8mb4", "init_command": "set time_zone = '+00:00'", **(_mysql_tls(tls) if tls else {})}
        if url.password:
            arguments["password"] = str(url.password).encode()  # the driver would send words beyond ASCII as Latin-1
    return sqlalchemy.create_engine(url, connect_args=arguments)


def _mysql_tls(tls: Tls) -> dict[str, Any]:
    import ssl

    context = ssl.create_default_context(cafile=str(tls.ca) if tls.ca else None)
    context.check_hostname = tls.mode == "verify-full"
    if tls.mode == "require":
        context.verify_mode = ssl.CERT_NONE
    if tls.certificate:
        context.load_cert_chain(tls.certificate, tls.key)
    return {"ssl": context}


def _sqlite_engine(url: "URL") -> "Engine":
    """An engine on a file, opened read-only; text that is not UTF-8 is read with replacement characters."""
    import sqlite3

    import sqlalchemy

    path = Path(url.database or "").expanduser()
    if not path.is_absolute():
        raise SourceUnavailableError(f"`{path}` is not a whole path.", remedy="Write sqlite:// and the file's absolute path.")
    if not path.is_file():
        raise SourceUnavailableError(f"There is no file {path}.", remedy="Check the address.")

    def opened() -> "sqlite3.Connection":
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=ro", uri=True, timeout=BUSY_SECONDS, check_same_thread=False, detect_types=0
        )
        connection.text_factory = lambda raw: raw.decode("utf-8", errors="replace")
        return connection

    return sqlalchemy.create_engine("sqlite://", creator=opened, poolclass=sqlalchemy.NullPool)
