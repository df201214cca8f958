"""One transaction of the lake around everything dbt does, however many connections dbt opens and models it commits.

What belongs here: standing in for dbt-duckdb's connections, and beginning and ending the transaction. What does not: what is built
in it and what becomes of a failure (`lake.dbt_publication`).
"""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

ABORTED = "Current transaction is aborted"  # what DuckDB says to every statement that comes after one it could not finish


class _Shared:
    """What dbt takes for a connection and for its cursor: always the same one, which begins and ends when we say so."""

    def __init__(self, cursor: "duckdb.DuckDBPyConnection") -> None:
        self._cursor = cursor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def cursor(self) -> "_Shared":
        """Itself."""
        return self

    def execute(self, sql: str, bindings: Any = None) -> Any:
        """Runs a statement; those that begin and end transactions are left to us."""
        if sql.strip().rstrip(";").rsplit("*/", maxsplit=1)[-1].strip().upper() in {"BEGIN", "COMMIT", "ROLLBACK"}:
            return self
        return self._cursor.execute(sql) if bindings is None else self._cursor.execute(sql, bindings)

    def close(self) -> None:
        """Nothing: the next model takes it up again."""

    def rollback(self) -> None:
        """Nothing: dbt also rolls back what it only read."""


class Transaction:
    """The transaction of one attempt, begun when dbt first connects."""

    def __init__(self) -> None:
        self.cursor: duckdb.DuckDBPyConnection | None = None

    def open(self, environment: Any) -> _Shared:
        """The shared connection of dbt-duckdb's environment."""
        if self.cursor is None:
            environment.conn = environment.initialize_db(environment.creds, environment._plugins)
            self.cursor = environment.initialize_cursor(environment.creds, environment.conn.cursor(), environment._plugins, {})
            self.cursor.begin()
        return _Shared(self.cursor)

    def commit(self) -> None:
        """Puts everything into the lake; DuckDB's error if it refuses."""
        if self.cursor is not None:
            self.cursor.commit()

    def binds(self, relation: str) -> bool:
        """Whether a relation of the lake can be read as it would be after a commit; one that is not there hurts nobody."""
        import duckdb

        if self.cursor is None:
            return True
        try:
            self.cursor.execute(f"describe {relation}")
        except duckdb.CatalogException:
            return True
        except duckdb.BinderException:
            return False
        return True


@contextlib.contextmanager
def one_transaction() -> Iterator[Transaction]:
    """While it lasts, every connection that dbt opens is the same, in one transaction; what was not committed is undone."""
    from dbt.adapters.duckdb import environments
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.duckdb.environments.local import LocalEnvironment

    transaction, usual = Transaction(), environments.create

    class OneTransaction(LocalEnvironment):
        def handle(self) -> Any:
            with self.lock:
                return transaction.open(self)

    environments.create = OneTransaction  # type: ignore[assignment]  # it makes one, as the function did
    DuckDBConnectionManager._ENV = None
    try:
        yield transaction
    finally:
        environments.create = usual
        DuckDBConnectionManager._ENV = None
        if transaction.cursor is not None:
            transaction.cursor.close()
