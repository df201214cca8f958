"""The demo company's database: schema, bulk loading, upserts, and the row that says which company it is.

What belongs here: writing rows to PostgreSQL and reading the company's own row. What does not: making rows and serving them.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.demo.crm_records import CRM_TABLES
from connectors.demo.erp_records import ERP_TABLES, Cents, MaybeCents, MaybeMoment, Moment
from connectors.demo.ledger import Ledger
from connectors.demo.working_time import SECONDS_PER_DAY
from lake.addresses import libpq_dsn
from lake.database import DEMO_ERP, database_url
from lake.settings import Settings

if TYPE_CHECKING:
    import psycopg

TABLES = (*ERP_TABLES, *CRM_TABLES)
SCHEMA_FILES = ("erp_schema.sql", "crm_schema.sql")
INDEX_FILE = "indexes.sql"
CHUNK_ROWS = 4_000
ONE_AT_A_TIME = 5_150_923  # advisory lock: two processes may bring the company up at once
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Company:
    """Which simulation the database holds and how far it has come."""

    seed: int
    scale: float
    now: datetime
    fingerprint: str


def connect(settings: Settings) -> "psycopg.Connection[Any]":
    """A connection to the demo company's database, which is made if it is not there."""
    import psycopg

    return psycopg.connect(libpq_dsn(database_url(DEMO_ERP, settings=settings)), options="-c timezone=UTC")


def lock(connection: "psycopg.Connection[Any]") -> None:
    """Keeps other makers of the company out until the transaction ends."""
    connection.execute("select pg_advisory_xact_lock(%s)", (ONE_AT_A_TIME,))


def read_company(connection: "psycopg.Connection[Any]") -> Company | None:
    """The company the database holds, or None."""
    row = connection.execute("select to_regclass('demo.company') is not null").fetchone()
    if not row or not row[0]:
        return None
    found = connection.execute("select seed, scale, now, fingerprint from demo.company").fetchone()
    return Company(*found) if found else None


def read_manifest(connection: "psycopg.Connection[Any]") -> dict[str, Any]:
    """The manifest of planted truths as it stands in the database."""
    row = connection.execute("select manifest from demo.company").fetchone()
    return dict(row[0]) if row else {}


def count_rows(connection: "psycopg.Connection[Any]") -> dict[str, int]:
    """Rows per table, such as `sale_orders` or `crm.accounts`."""
    query = "select " + ", ".join(f"(select count(*) from {kind.table})" for kind in TABLES)
    counts = connection.execute(query.encode()).fetchone() or ()
    return {kind.table: int(count) for kind, count in zip(TABLES, counts, strict=True)}


def make_schema(connection: "psycopg.Connection[Any]") -> None:
    """Creates all tables, empty and without the indexes that only speed reading up."""
    for name in SCHEMA_FILES:
        connection.execute(Path(__file__).with_name(name).read_bytes())


def load(connection: "psycopg.Connection[Any]", ledger: Ledger, progress: Progress | None = None) -> None:
    """Copies every row into the empty tables and makes their indexes."""
    with _foreign_keys_checked_at_the_end(connection):
        for position, kind in enumerate(TABLES):
            if progress:
                progress(f"Loading {kind.table}", position / len(TABLES))
            copy_rows(connection, kind, kind.table, ledger.rows[kind])
    connection.execute(Path(__file__).with_name(INDEX_FILE).read_bytes())


def upsert(connection: "psycopg.Connection[Any]", ledger: Ledger, *, since: int) -> None:
    """Writes the rows that were made or changed at or after a moment (Unix seconds); the others are as they were."""
    for kind in TABLES:
        rows = [row for row in ledger.rows[kind] if row.updated_at >= since]
        names = [column.name for column in fields(kind)]
        connection.execute(f"create temp table changed (like {kind.table}) on commit drop".encode())
        copy_rows(connection, kind, "changed", rows)
        changes = ", ".join(f"{name} = excluded.{name}" for name in names if name != "id")
        insert = f"insert into {kind.table} select * from changed on conflict (id) do update set {changes}"
        connection.execute(insert.encode())
        connection.execute("drop table changed")


def save_company(connection: "psycopg.Connection[Any]", company: Company, manifest: dict[str, Any]) -> None:
    """Replaces the company's own row."""
    connection.execute("delete from demo.company")
    connection.execute(
        "insert into demo.company (seed, scale, now, fingerprint, manifest) values (%s, %s, %s, %s, %s)",
        (company.seed, company.scale, company.now, company.fingerprint, json.dumps(manifest)),
    )


def copy_rows(connection: "psycopg.Connection[Any]", kind: type[Any], table: str, rows: Iterable[Any]) -> None:
    """Copies rows of a kind into a table with its columns."""
    names = ", ".join(column.name for column in fields(kind))
    with connection.cursor() as cursor, cursor.copy(f"copy {table} ({names}) from stdin".encode()) as copy:
        for block in copy_text(kind, rows):
            copy.write(block)


def copy_text(kind: type[Any], rows: Iterable[Any]) -> Iterator[bytes]:
    """Rows in PostgreSQL's text format for COPY, in blocks: a good deal faster than adapting value by value."""
    columns = fields(kind)
    values = attrgetter(*(column.name for column in columns))
    writers = [_writer(column.type) for column in columns]
    lines: list[str] = []
    for row in rows:
        lines.append("\t".join([write(value) for write, value in zip(writers, values(row), strict=True)]))
        if len(lines) == CHUNK_ROWS:
            yield ("\n".join(lines) + "\n").encode()
            lines.clear()
    if lines:
        yield ("\n".join(lines) + "\n").encode()


@contextmanager
def _foreign_keys_checked_at_the_end(connection: "psycopg.Connection[Any]") -> Iterator[None]:
    """Takes the foreign keys away and puts them back: PostgreSQL then checks each with one join instead of row by row."""
    keys = connection.execute(
        "select conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) from pg_constraint"
        " where contype = 'f' and connamespace in ('public'::regnamespace, 'crm'::regnamespace) order by 1, 2"
    ).fetchall()
    for table, name, _ in keys:
        connection.execute(f"alter table {table} drop constraint {name}".encode())
    yield
    for table, name, definition in keys:
        connection.execute(f"alter table {table} add constraint {name} {definition}".encode())


def _writer(kind: Any) -> Callable[[Any], str]:
    if kind in (Cents, MaybeCents):
        return _money
    if kind in (Moment, MaybeMoment):
        return _timestamp
    return str if kind in (int, date) else _word


def _money(cents: int | None) -> str:
    return "\\N" if cents is None else f"{cents // 100}.{cents % 100:02d}"


def _timestamp(moment: int | None) -> str:
    if moment is None:
        return "\\N"
    day, second = divmod(moment, SECONDS_PER_DAY)
    return _date_words(day) + _time_words()[second]


def _word(value: object) -> str:
    if value is None:
        return "\\N"
    text = str(value)
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n") if not text.isalnum() else text


@lru_cache(maxsize=32_768)
def _date_words(day: int) -> str:
    return f"{datetime.fromtimestamp(day * SECONDS_PER_DAY, UTC):%Y-%m-%d} "


@lru_cache(maxsize=1)
def _time_words() -> list[str]:
    return [f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}+00" for second in range(SECONDS_PER_DAY)]
