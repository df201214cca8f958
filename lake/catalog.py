"""The catalog: every table of the lake with what dbt and the lake itself know of it, and how they hang together.

What belongs here: putting both together, finding a table, walking the lineage from source system to page. What does not: reading
dbt's manifest (`lake.catalog_project`) and the lake's metadata (`lake.catalog_facts`), and lineage of columns
(`lake.column_lineage`).
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lake.catalog_beside import BESIDE, PAGES
from lake.catalog_facts import Facts, read_facts
from lake.catalog_project import Project, project_version, read_project
from lake.catalog_tables import CLASSES, Check, Classification, Column, Reader, Table, highest, layer_of, order
from lake.errors import UnknownTableError
from lake.settings import Settings, get_settings
from lake.snapshots import current_snapshot

if TYPE_CHECKING:
    import duckdb

__all__ = ["CLASSES", "Catalog", "Check", "Classification", "Column", "Reader", "Table", "catalog", "highest"]
PREFERRED = (
    "products",
    "event_logs",
    "mining",
    "predictions",
    "forecasts",
    "intermediate",
    "staging",
)  # whose table a bare name means
_KEPT = 4
_LOCK = threading.Lock()
_CATALOGS: "OrderedDict[tuple[Any, ...], Catalog]" = OrderedDict()


@dataclass(frozen=True)
class Catalog:
    """The tables by key, in the order of the data's way."""

    tables: Mapping[str, Table]

    def find(self, name: str) -> Table:
        """The table of that name, with or without its schema; UnknownTableError names those that are written alike."""
        if name in self.tables:
            return self.tables[name]
        named = [table for table in self.tables.values() if table.name == name]
        found = min(named, key=lambda table: _preference(table.schema), default=None)
        if found is None:
            raise _unknown(name, self.tables.values())
        return found

    def products(self) -> list[Table]:
        """What others may rely on: data products and event logs."""
        return [table for table in self.tables.values() if table.layer in {"products", "event_logs"}]

    def ancestors(self, key: str) -> list[str]:
        """The tables it is made from, near and far, in the order of the data's way."""
        return self._reached(key, lambda one: self.tables[one].upstream)

    def descendants(self, key: str) -> list[str]:
        """The tables made from it, near and far, in the order of the data's way."""
        return self._reached(key, lambda one: self.tables[one].downstream)

    def sources(self, key: str) -> list[str]:
        """The landed tables it comes from; itself if it is one."""
        return [one for one in [key, *self.ancestors(key)] if self.tables[one].layer == "raw"]

    @cached_property
    def domains(self) -> list[str]:
        """The domains that have a data product or an event log."""
        return sorted({table.domain for table in self.products() if table.domain})

    def _reached(self, key: str, step: "Callable[[str], Iterable[str]]") -> list[str]:
        found: set[str] = set()
        waiting = [key]
        while waiting:
            new = [one for one in step(waiting.pop()) if one not in found]
            found.update(new)
            waiting.extend(new)
        return [one for one in self.tables if one in found - {key}]


def catalog(connection: "duckdb.DuckDBPyConnection", *, settings: Settings | None = None) -> Catalog:
    """The catalog of the lake as this connection reads it; made once per snapshot and state of the dbt project.

    Args:
        connection: A connection of the lake; reading is enough.
        settings: Default: the process's settings.
    """
    settings = settings or get_settings()
    key = (settings.home, current_snapshot(connection), project_version(settings))
    with _LOCK:
        if key not in _CATALOGS:
            _CATALOGS[key] = _put_together(read_project(settings), read_facts(connection))
            while len(_CATALOGS) > _KEPT:
                _CATALOGS.popitem(last=False)
        _CATALOGS.move_to_end(key)
        return _CATALOGS[key]


def _put_together(project: Project, facts: Facts) -> Catalog:
    there = [_with_facts(project.tables.get(key) or _undescribed(key, facts), facts) for key in facts.columns]
    planned = [table for key, table in project.tables.items() if key not in facts.columns]
    tables = {table.key: table for table in (*there, *planned)}
    readers = _readers(project, tables)
    downstream: dict[str, set[str]] = {key: set() for key in tables}
    for table in tables.values():
        for parent in table.upstream:
            downstream.get(parent, set()).add(table.key)
    linked = {
        key: replace(
            table,
            upstream=tuple(parent for parent in table.upstream if parent in tables),
            downstream=tuple(sorted(downstream[key])),
            readers=tuple(readers[key].values()),
        )
        for key, table in tables.items()
    }
    whole = Catalog({table.key: table for table in sorted(linked.values(), key=order)})
    return Catalog({key: _with_ages(table, whole, facts) for key, table in whole.tables.items()})


def _undescribed(key: str, facts: Facts) -> Table:
    """A table that dbt does not know: mined results, forecasts, imported logs, the platform's own."""
    schema, _, name = key.partition(".")
    description, reads = BESIDE.get(key) or BESIDE.get(schema) or ("", ())
    upstream = {known for known in facts.columns if any(known.startswith(word) for word in reads)}
    if schema == "mining":
        upstream = {known for known in upstream if "__" not in known.partition(".")[2]}
    upstream |= set(facts.read_by(key))
    domain = {"event_logs": "imported", "raw_files": "imported"}.get(schema, schema.removeprefix("raw_"))
    kind = "view" if key in facts.views else "table"
    sql = facts.views.get(key, "")
    return Table(
        schema,
        name,
        layer_of(schema),
        domain=domain,
        description=description,
        materialization=kind,
        compiled_sql=sql,
        upstream=tuple(sorted(upstream - {key})),
    )


def _with_facts(table: Table, facts: Facts) -> Table:
    """The table with what the lake knows of it: real columns, rows, last change, checks."""
    said = {column.name: column for column in table.columns}
    columns = tuple(
        replace(said[column.name], type=column.type) if column.name in said else column for column in facts.columns[table.key]
    )
    recorded = facts.checks.get(table.key, ())  # dbt's tests among them, whichever build ran them; else those of the last one
    checks = sorted(recorded or table.checks, key=_urgency)
    return replace(
        table,
        columns=columns,
        classification=highest(column.classification for column in columns),
        is_there=True,
        materialization="view" if table.key in facts.views else table.materialization,
        rows=facts.rows.get(table.key),
        built_at=facts.changed_at.get(table.key),
        checks=tuple(checks),
    )


def _urgency(check: Check) -> tuple[int, str, str]:
    """Failures first, errors before warnings, then what has not run, then what passed."""
    return {False: 0, None: 1, True: 2}[check.passed], check.severity, check.name


def _with_ages(table: Table, whole: Catalog, facts: Facts) -> Table:
    """The table with the age of the oldest load it rests on, and a landed one with the class of what is made of it."""
    loads = [facts.loaded_at[key] for key in whole.sources(table.key) if key in facts.loaded_at]
    oldest: datetime | None = min(loads, default=None)
    if table.layer != "raw":
        return replace(table, loaded_at=oldest, classification=highest(column.classification for column in table.columns))
    staged = [column.classification for key in table.downstream for column in whole.tables[key].columns]
    return replace(table, loaded_at=oldest, classification=highest(staged) if table.downstream else table.classification)


def _readers(project: Project, tables: Mapping[str, Table]) -> dict[str, dict[str, Reader]]:
    """By table those who read it: dbt's exposures, and the pages that read what dbt does not make."""
    found: dict[str, dict[str, Reader]] = {key: {} for key in tables}
    for reader, keys in project.readers:
        for key in keys:
            found.get(key, {})[reader.name] = reader
    titles = {reader.name: reader for reader, _ in project.readers}
    for page, (title, words) in PAGES.items():
        for key in tables:
            if any(key == word or key.startswith(f"{word}.") for word in words):
                found[key].setdefault(page, titles.get(page) or Reader(page, title))
    return found


def _preference(schema: str) -> int:
    return PREFERRED.index(schema) if schema in PREFERRED else len(PREFERRED)


def _unknown(name: str, tables: Iterable[Table]) -> UnknownTableError:
    names = [word for table in tables for word in (table.name, table.key)]
    alike = get_close_matches(name, names, n=3, cutoff=0.5)
    said = f" Written alike: {', '.join(alike)}." if alike else ""
    return UnknownTableError(
        f"There is no table `{name}` in the catalog.{said}", remedy="`grimoire catalog list` lists those there are.", table=name
    )
