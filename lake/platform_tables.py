"""The platform database's small tables: what people keep there that is no data of the lake.

What belongs here: running a statement on a table that is made when it is first needed. What does not: the tables themselves
(`saved_views`, `saved_queries`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lake.database import PLATFORM, database_url, libpq_dsn, without_password
from lake.errors import DatabaseUnavailableError
from lake.settings import get_settings

if TYPE_CHECKING:
    import psycopg


def execute(statement: str, values: tuple[Any, ...] = (), *, table: str, definition: str) -> list[tuple[Any, ...]]:
    """The rows of a statement, which is committed at once.

    Args:
        statement: SQL with `%s` for the values.
        values: The values.
        table: Name of the table it is about.
        definition: `create table if not exists …`; run where the table is not there yet.

    Raises:
        DatabaseUnavailableError: The platform database does not answer.
    """
    with _database(table, definition) as connection:
        cursor = connection.execute(statement.encode(), values)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def _database(table: str, definition: str) -> "Iterator[psycopg.Connection[Any]]":
    """The platform database, with the table in it."""
    import psycopg

    address = libpq_dsn(database_url(PLATFORM))
    try:
        with psycopg.connect(address, autocommit=True, connect_timeout=10) as connection:
            if connection.execute("select to_regclass(%s) is null", (f"public.{table}",)).fetchone() == (True,):
                connection.execute("select pg_advisory_lock(4714)")  # two may race for it
                connection.execute(definition.encode())
                connection.execute("select pg_advisory_unlock(4714)")
            yield connection
    except psycopg.OperationalError as error:
        words = without_password(str(error), get_settings()).strip()
        raise DatabaseUnavailableError(
            f"The platform database does not answer: {words}", remedy="`grimoire doctor` checks it."
        ) from None
