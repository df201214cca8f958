"""The words of the catalog: a table of the lake with its columns, checks and readers, and the order of the layers.

What belongs here: those values and what can be said of one of them alone. What does not: finding them (`lake.catalog`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Classification = Literal["public", "confidential", "sensitive"]
CLASSES: tuple[Classification, ...] = ("public", "confidential", "sensitive")  # from what anyone may see to what few may
LAYERS = ("raw", "staging", "snapshots", "intermediate", "products", "event_logs", "mining", "predictions", "forecasts", "lake")


@dataclass(frozen=True)
class Column:
    """A column, as the lake has it and dbt describes it; `classification` is None where nobody has said."""

    name: str
    type: str = ""
    description: str = ""
    classification: Classification | None = None
    tests: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """The newest result of one check of a table; `passed` is None where it has not run."""

    name: str
    passed: bool | None
    severity: str = "error"
    rows_failed: int = 0
    detail: str = ""
    checked_at: datetime | None = None


@dataclass(frozen=True)
class Reader:
    """Who reads a table without being one: a page or a model."""

    name: str  # of a page, that of its file
    title: str
    kind: str = "dashboard"
    description: str = ""


@dataclass(frozen=True)
class Table:
    """A table or view of the lake, or one that dbt describes and has not built yet (`is_there` is False then)."""

    schema: str
    name: str
    layer: str
    domain: str = ""
    owner: str = ""
    owner_email: str = ""
    access: str = ""
    description: str = ""
    classification: Classification | None = None  # the highest of its columns
    is_contract_enforced: bool = False
    materialization: str = "table"
    is_there: bool = True
    built_at: datetime | None = None  # when its rows or its definition last changed
    loaded_at: datetime | None = None  # the oldest last load among the tables it comes from
    rows: int | None = None  # None for a view: counting it would run it
    columns: tuple[Column, ...] = ()
    checks: tuple[Check, ...] = ()  # failing ones first
    source_sql: str = ""
    compiled_sql: str = ""
    file: str = ""  # of the dbt project, its SQL
    upstream: tuple[str, ...] = ()
    downstream: tuple[str, ...] = ()
    readers: tuple[Reader, ...] = field(default=())

    @property
    def key(self) -> str:
        """Schema and name, which no other table has."""
        return f"{self.schema}.{self.name}"

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that failed when they last ran."""
        return tuple(check for check in self.checks if check.passed is False)

    @property
    def passed(self) -> tuple[Check, ...]:
        """The checks that passed when they last ran."""
        return tuple(check for check in self.checks if check.passed)


def highest(classes: Iterable[Classification | None]) -> Classification | None:
    """The strictest of them; None where none is said."""
    said = [CLASSES.index(one) for one in classes if one is not None]
    return CLASSES[max(said)] if said else None


def as_classification(word: object) -> Classification | None:
    """The classification that a word of a YAML file means; None for any other word."""
    return next((one for one in CLASSES if one == word), None)


def layer_of(schema: str) -> str:
    """The layer a schema of the lake belongs to."""
    if schema.startswith("raw_"):
        return "raw"
    return {"layouts": "mining", "platform": "lake", "quarantine": "lake"}.get(schema, schema if schema in LAYERS else "lake")


def order(table: Table) -> tuple[int, str, str]:
    """Where a table stands in a list: by layer, domain and name."""
    return LAYERS.index(table.layer), table.domain, table.name
