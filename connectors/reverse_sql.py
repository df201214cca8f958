"""Rows written to a table of a database: upserted on their key, so that writing one twice changes nothing.

What belongs here: engines that write, and statements. What does not: what is sent when (`connectors.reverse`).
"""

import json
import random
import time
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from datetime import time as clock
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from connectors.credentials import resolved
from connectors.kinds.sql import SqlConnector
from connectors.kinds.sql_database import BUSY_SECONDS
from connectors.outbox import Entry
from connectors.reverse import Sent
from connectors.write_targets import SqlTarget
from lake.errors import DataError, GrimoireError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Executable

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0  # seconds between attempts of a batch that the database did not take


class SqlSender:
    """A table that is written to.

    Args:
        connector: Of the connection.
        aim: The target.
    """

    batch = 100

    def __init__(self, connector: SqlConnector, aim: SqlTarget) -> None:
        self.connector, self.aim = connector, aim
        self._engine: Engine | None = None

    def preview(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The table and the values for a row.

        Raises:
            DataError: The row has no column of that name.
        """
        table = ".".join(part for part in (self.aim.schema_name, self.aim.table) if part)
        key = [self.aim.column_of(name) for name in self.aim.key]
        return {"mode": self.aim.mode, "table": table, "key": key, "values": self._values(row)}

    def send(self, entries: Sequence[Entry], rows: Sequence[Mapping[str, Any]]) -> list[Sent]:
        """Writes rows in one transaction, again as long as the database does not take it; a row that is refused harms no other."""
        from sqlalchemy.exc import ArgumentError, SQLAlchemyError

        problem = ""
        for attempt in range(self.aim.attempts):
            if attempt:
                time.sleep(min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempt - 1)) * random.uniform(0.5, 1.0))
            try:
                with self._opened().begin() as connection:
                    return [self._write(connection, row) for row in rows]
            except ArgumentError as error:
                problem = _said(error)
                break
            except SQLAlchemyError as error:
                problem = _said(error)
                self.close()
            except GrimoireError as error:
                return [Sent("failed", error.problem, is_fatal=True) for _ in entries]
        return [Sent("failed", problem, is_fatal=True) for _ in entries]

    def close(self) -> None:
        """Lets go of the database."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _write(self, connection: "Connection", row: Mapping[str, Any]) -> Sent:
        from sqlalchemy.exc import DBAPIError

        values = {name: _adapted(value, connection.dialect.name) for name, value in self._values(row).items()}
        try:
            with connection.begin_nested():
                changed = self._execute(connection, values)
        except DBAPIError as error:
            if error.connection_invalidated or _is_passing(error):
                raise
            return Sent("failed", _said(error))
        if self.aim.mode == "update" and not changed:
            return Sent("failed", "there is no row with this key")
        return Sent("done", f"{changed} row{'' if changed == 1 else 's'} changed")

    def _execute(self, connection: "Connection", values: dict[str, Any]) -> int:
        """Writes one row; how many of the table's rows that changed."""
        import sqlalchemy

        table = sqlalchemy.table(self.aim.table, *map(sqlalchemy.column, values), schema=self.aim.schema_name)
        keys = [self.aim.column_of(name) for name in self.aim.key]
        others = {name: value for name, value in values.items() if name not in keys}
        same = sqlalchemy.and_(*(table.c[name] == values[name] for name in keys))
        if self.aim.mode == "update":
            return connection.execute(sqlalchemy.update(table).where(same).values(others)).rowcount if others else 0
        statement = _upsert(connection.dialect.name, table, keys, values, others if self.aim.mode == "upsert" else {})
        if statement is not None:
            return connection.execute(statement).rowcount
        there = connection.execute(sqlalchemy.select(sqlalchemy.literal(1)).select_from(table).where(same)).first()
        if there is None:
            return connection.execute(sqlalchemy.insert(table).values(values)).rowcount
        return connection.execute(sqlalchemy.update(table).where(same).values(others)).rowcount if others else 0

    def _values(self, row: Mapping[str, Any]) -> dict[str, Any]:
        columns = self.aim.columns or {name: name for name in row}
        missing = [given for given in columns.values() if given not in row]
        if missing:
            raise DataError(
                f"The rows have no column `{missing[0]}`, which the target names.", remedy=f"They have {', '.join(row)}."
            )
        return {column: row[given] for column, given in columns.items()}

    def _opened(self) -> "Engine":
        if self._engine is None:
            self._engine = _writing(self.connector)
        return self._engine


def _writing(connector: SqlConnector) -> "Engine":
    """The connection's engine; SQLite's, which the reading one opens read-only, open for writing."""
    import sqlalchemy

    engine = connector.engine()
    if engine.dialect.name != "sqlite":
        return engine
    engine.dispose()
    resolved(connector.connection.credentials)
    url = sqlalchemy.make_url(connector.connection.address)
    writing = sqlalchemy.create_engine(url, connect_args={"timeout": BUSY_SECONDS}, poolclass=sqlalchemy.NullPool)

    @sqlalchemy.event.listens_for(writing, "connect")
    def _leave_transactions_to_us(connection: Any, record: object) -> None:
        connection.isolation_level = None

    @sqlalchemy.event.listens_for(writing, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("begin immediate")

    return writing


def _upsert(dialect: str, table: Any, keys: list[str], values: dict[str, Any], others: dict[str, Any]) -> "Executable | None":
    """One statement that inserts or updates; None where the database has none that we know."""
    if dialect in ("postgresql", "sqlite"):
        from sqlalchemy.dialects import postgresql, sqlite

        insert: Any = (postgresql if dialect == "postgresql" else sqlite).insert(table).values(values)
        if others:
            return insert.on_conflict_do_update(index_elements=keys, set_=others)
        return insert.on_conflict_do_nothing(index_elements=keys)
    if dialect in ("mysql", "mariadb"):
        from sqlalchemy.dialects import mysql

        return mysql.insert(table).values(values).on_duplicate_key_update(others or {keys[0]: values[keys[0]]})
    return None


def _adapted(value: Any, dialect: str) -> Any:
    """A value as the driver takes it."""
    if isinstance(value, dict | list):
        from connectors.reverse import plain

        return json.dumps(plain(value), ensure_ascii=False)
    if isinstance(value, UUID) and dialect != "postgresql":
        return str(value)
    if dialect != "sqlite":
        return value
    if isinstance(value, Decimal):
        return float(value) if Decimal(repr(float(value))) == value else str(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date | clock) else value


def _is_passing(error: Any) -> bool:
    """Whether the same statement may go well in a moment."""
    state = str(getattr(error.orig, "sqlstate", "") or "")
    return state.startswith(("08", "40", "53", "57P")) or "locked" in str(error.orig)


def _said(error: Exception) -> str:
    return (str(getattr(error, "orig", None) or error).strip() or type(error).__name__).splitlines()[0][:500]
