"""The lakehouse: settings, the platform database, DuckLake, transactions, snapshots, upkeep.

What belongs here: everything that knows DuckDB's attaching, DuckLake, PostgreSQL and paths. What does not: what the rows mean.

The names below are loaded when they are first used: settings and the database need pydantic and SQLAlchemy, which would cost
every `grimoire --help` half a second.
"""

from typing import TYPE_CHECKING

from lake.lazy_names import lazy_names

if TYPE_CHECKING:
    from lake.addresses import libpq_dsn, plain_url
    from lake.connection import connect, query, quote
    from lake.database import database_url
    from lake.errors import GrimoireError
    from lake.settings import Settings, get_settings
    from lake.snapshots import Snapshot, current_snapshot
    from lake.transactions import in_transaction

_HOMES = {
    "lake.addresses": ("libpq_dsn", "plain_url"),
    "lake.connection": ("connect", "query", "quote"),
    "lake.database": ("database_url",),
    "lake.errors": ("GrimoireError",),
    "lake.settings": ("Settings", "get_settings"),
    "lake.snapshots": ("Snapshot", "current_snapshot"),
    "lake.transactions": ("in_transaction",),
}

__all__ = [
    "GrimoireError",
    "Settings",
    "Snapshot",
    "connect",
    "current_snapshot",
    "database_url",
    "get_settings",
    "in_transaction",
    "libpq_dsn",
    "plain_url",
    "query",
    "quote",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
