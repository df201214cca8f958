"""The lakehouse: settings, the platform database, DuckLake, transactions, snapshots, upkeep.

What belongs here: everything that knows DuckDB's attaching, DuckLake, PostgreSQL and paths. What does not: what the rows mean.

The names below are loaded when they are first used: settings and the database need pydantic and SQLAlchemy, which would cost
every `grimoire --help` half a second.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lake.connection import connect, query, quote
    from lake.database import database_url, libpq_dsn, plain_url
    from lake.errors import GrimoireError
    from lake.settings import Settings, get_settings
    from lake.snapshots import Snapshot, current_snapshot
    from lake.transactions import in_transaction

_HOMES = {
    "lake.connection": ("connect", "query", "quote"),
    "lake.database": ("database_url", "libpq_dsn", "plain_url"),
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


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            globals()[name] = value = getattr(import_module(module), name)
            return value
    raise AttributeError(f"module 'lake' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
