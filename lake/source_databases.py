"""Other people's PostgreSQL databases, attached to a DuckDB of their own so that their rows come out as columns.

What belongs here: opening such a reader and hiding its password. What does not: which rows are read (`connectors.kinds`) and the
lake itself (`lake.connection`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lake.addresses import libpq_options
from lake.errors import SourceUnavailableError
from lake.extensions import extension_folder
from lake.settings import get_settings
from lake.sql_text import as_text

if TYPE_CHECKING:
    import duckdb
    from sqlalchemy.engine import URL

SOURCE = "source"  # the name the database is attached by
READER_MEMORY = "512MB"  # rows stream through; what this bounds is one row group per thread


@contextmanager
def attached_postgres(url: "URL") -> Iterator["duckdb.DuckDBPyConnection"]:
    """A DuckDB connection with the database attached read-only as `source`; ask it within `explained`.

    Raises:
        SourceUnavailableError: It does not answer or refuses us; the password is never shown.
    """
    import duckdb

    from lake.connection import postgres_secret

    settings = get_settings()
    with explained(url):
        connection = duckdb.connect(
            config={
                "memory_limit": READER_MEMORY,
                "threads": settings.threads,
                "temp_directory": settings.spill_folder(),
                "extension_directory": str(extension_folder(settings)),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allow_unsigned_extensions": True,  # checked when they were installed
            }
        )
    with connection, explained(url):
        connection.execute("load postgres_scanner")
        connection.execute("set timezone = 'UTC'")
        connection.execute("set enable_progress_bar = false")
        connection.execute(f"create temporary secret source_database (type postgres, {postgres_secret(url)})")
        connection.execute(f"attach {as_text(libpq_options(url))} as {SOURCE} (type postgres, read_only, secret source_database)")
        yield connection


@contextmanager
def explained(url: "URL") -> Iterator[None]:
    """Turns what DuckDB says of the database into a SourceUnavailableError without the password."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        words = _without_password(str(error), url).strip().splitlines()[0]
        raise SourceUnavailableError(
            f"{url.host or 'The database'} could not be read: {words}", remedy="Nothing was lost; mend it and run again."
        ) from None  # the cause may show the password


def _without_password(words: str, url: "URL") -> str:
    from urllib.parse import quote, quote_plus

    password = str(url.password or "")
    for form in {password, quote(password), quote(password, safe=""), quote_plus(password)} - {""}:
        words = words.replace(form, "***")
    return words
