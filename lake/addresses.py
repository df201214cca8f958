"""Addresses of PostgreSQL databases, and the forms in which other tools take them.

What belongs here: what an address is made of, and writing it. What does not: which databases there are (`lake.database`).

SQLAlchemy's URL is what other libraries take and what a person's address is read with. Its import costs 0.25 CPU-seconds and 15 MB,
too much for a connection to the embedded server, whose address is not read from anywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

DRIVER = "postgresql+psycopg"


@dataclass(frozen=True)
class Address:
    """A database on a PostgreSQL server, and who comes; the fields are those of SQLAlchemy's URL."""

    database: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    host: str | None = None
    port: int | None = None
    query: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_url(cls, url: "URL") -> Self:
        """The same address as SQLAlchemy has it."""
        password = None if url.password is None else str(url.password)
        return cls(url.database or "postgres", url.username, password, url.host, url.port, dict(url.query))

    def as_url(self) -> "URL":
        """The same address for what builds on SQLAlchemy."""
        from sqlalchemy.engine import URL

        return URL.create(DRIVER, self.username, self.password, self.host, self.port, self.database, self.query)


def libpq_dsn(url: "URL | Address") -> str:
    """The address as PostgreSQL's own `key=value` words, which DuckDB, psycopg and dlt understand."""
    words: dict[str, Any] = {
        "host": url.query.get("host") or url.host,
        "port": url.port,
        "user": url.username,
        "password": url.password,
        "dbname": url.database,
    }
    told = " ".join(f"{key}={dsn_value(str(value))}" for key, value in words.items() if value not in (None, ""))
    return f"{told} {libpq_options(url)}".strip()


def libpq_options(url: "URL | Address") -> str:
    """What else the address asks for after its question mark, such as `sslmode=verify-full`, in the same form."""
    return " ".join(f"{key}={dsn_value(str(value))}" for key, value in url.query.items() if key not in {"host", "password"})


def plain_url(url: "URL") -> str:
    """The address as text with its password, for tools that take nothing else. Never log it."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def dsn_value(value: str) -> str:
    """A value of a `key=value` word, in quotes where it needs them."""
    if value and not set(value) & set(" '\\"):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
