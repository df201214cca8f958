"""Where the values of a column come from, column by column, read out of the compiled SQL with sqlglot.

What belongs here: the origins of a table's columns, kept per table in HOME/dbt/column_lineage.json, and walking them. What does
not: lineage of whole tables (`lake.catalog`). Filters and joins decide which rows there are, not what is in them: no origin.

What sqlglot cannot resolve is said to be unresolved; nothing is guessed by name.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lake.catalog import Catalog, Table
from lake.errors import UnknownTableError
from lake.settings import Settings, get_settings

if TYPE_CHECKING:
    from sqlglot.lineage import Node

Name = tuple[str, str]  # key of a table, and a column of it
Kind = Literal["copied", "computed", "unresolved"]
_VERSION = 1  # of what is kept


@dataclass(frozen=True)
class Origin:
    """What a column is made from: other tables' columns, passed on as they are or computed with; none for a constant or a count."""

    kind: Kind
    columns: tuple[Name, ...] = ()


@dataclass(frozen=True)
class Trace:
    """A column's way: every column it comes from, every column made from it, and where the way could not be followed."""

    of: Name
    upstream: tuple[tuple[Name, Name], ...] = ()  # from, to
    downstream: tuple[tuple[Name, Name], ...] = ()
    kinds: Mapping[Name, Kind] = field(default_factory=dict)
    unresolved: tuple[Name, ...] = ()

    def columns(self) -> dict[str, set[str]]:
        """The columns on the way by table, itself included."""
        found: dict[str, set[str]] = {self.of[0]: {self.of[1]}}
        for pair in (*self.upstream, *self.downstream):
            for key, column in pair:
                found.setdefault(key, set()).add(column)
        return found


def trace(whole: Catalog, key: str, column: str, *, settings: Settings | None = None) -> Trace:
    """Follows a column both ways; the first time after a change of the SQL this takes some seconds, later none.

    Raises:
        UnknownTableError: The table has no such column; the message names those it has.
    """
    table = whole.find(key)
    if column not in {one.name for one in table.columns}:
        names = ", ".join(one.name for one in table.columns) or "none yet"
        raise UnknownTableError(f"{table.key} has no column `{column}`.", remedy=f"It has: {names}.", table=table.key)
    near = [table.key, *whole.ancestors(table.key), *whole.descendants(table.key)]
    known = origins(whole, near, settings=settings)
    upstream, downstream = _walk_up(known, (table.key, column)), _walk_down(known, (table.key, column))
    kinds = {(one, name): origin.kind for one, columns in known.items() for name, origin in columns.items()}
    reached = {name for pair in (*upstream, *downstream) for name in pair} | {(table.key, column)}
    made = {name for name in reached if whole.tables[name[0]].layer != "raw"}
    lost = tuple(sorted(name for name in made if kinds.get(name, "unresolved") == "unresolved"))
    return Trace((table.key, column), upstream, downstream, {name: kinds[name] for name in reached if name in kinds}, lost)


def origins(whole: Catalog, keys: Iterable[str], *, settings: Settings | None = None) -> dict[str, dict[str, Origin]]:
    """The origins of these tables' columns; those that are not known for the present SQL are worked out and kept."""
    path = (settings or get_settings()).folder("dbt") / "column_lineage.json"
    kept, found, fresh = _read(path), {}, {}
    for key in keys:
        table = whole.tables[key]
        if not table.compiled_sql:
            continue
        version = _made_from(whole, table)
        if kept.get(key, {}).get("made_from") != version:
            fresh[key] = kept[key] = {"made_from": version, "columns": work_out(whole, table)}
        found[key] = {name: Origin(kind, tuple(map(_pair, names))) for name, (kind, names) in kept[key]["columns"].items()}
    if fresh:
        _write(path, {key: words for key, words in {**_read(path), **fresh}.items() if key in whole.tables})
    return found


def work_out(whole: Catalog, table: Table) -> dict[str, tuple[Kind, list[Name]]]:
    """By column its kind and origins, from the table's compiled SQL."""
    nodes = _nodes(table, _schema(whole, table))
    return {column.name: _origin(nodes.get(column.name.lower()), whole) for column in table.columns}


def _nodes(table: Table, schema: dict[str, Any]) -> "dict[str, Node]":
    """What sqlglot makes of each column, as far as it can."""
    from sqlglot import parse_one
    from sqlglot.errors import SqlglotError
    from sqlglot.lineage import lineage
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    words: dict[str, Any] = {"dialect": "duckdb", "schema": schema}
    try:
        tree = qualify(parse_one(table.compiled_sql, dialect="duckdb"), **words, validate_qualify_columns=False, identify=False)
        words |= {"sql": tree, "scope": build_scope(tree), "trim_selects": False, "copy": False}
        return {name.lower(): node for name, node in lineage(None, **words).items()}
    except (SqlglotError, ValueError, KeyError, RecursionError):
        return _nodes_one_by_one(table, words)


def _nodes_one_by_one(table: Table, words: dict[str, Any]) -> "dict[str, Node]":
    """The same where one column of the statement cannot be resolved: the others still can."""
    from sqlglot.errors import SqlglotError
    from sqlglot.lineage import lineage

    found = {}
    for column in table.columns if "scope" in words else ():
        with contextlib.suppress(SqlglotError, ValueError, KeyError, RecursionError):
            found[column.name.lower()] = lineage(column.name, **words)
    return found


def _origin(top: "Node | None", whole: Catalog) -> tuple[Kind, list[Name]]:
    from sqlglot import exp

    if top is None:
        return "unresolved", []
    found: set[Name] = set()
    nodes = list(top.walk())
    for node in nodes:
        if isinstance(node.expression, exp.Table):
            name = f"{node.expression.db}.{node.expression.name}", node.name.rpartition(".")[2].strip('"')
            if name[0] not in whole.tables or name[1] == "*":
                return "unresolved", []
            found.add(name)
        elif not node.downstream and _names_columns(node):
            return "unresolved", []
    is_copied = len(found) == 1 and all(_passes_on(node) for node in nodes if not isinstance(node.expression, exp.Table))
    return ("copied" if is_copied else "computed"), sorted(found)


def _names_columns(node: "Node") -> bool:
    """Whether a node that leads no further speaks of columns all the same: then sqlglot has lost the way."""
    from sqlglot import exp

    return any(True for _ in _select_item(node).find_all(exp.Column))


def _passes_on(node: "Node") -> bool:
    """Whether the node's expression is a column as it is, or cast."""
    from sqlglot import exp

    item = _select_item(node)
    while isinstance(item, exp.Cast):
        item = item.this
    return isinstance(item, exp.Column | exp.Query | exp.Table)


def _select_item(node: "Node") -> Any:
    return node.expression.unalias()


def _schema(whole: Catalog, table: Table) -> dict[str, Any]:
    """The columns of what the table reads, as sqlglot wants them: catalog, schema, table, column."""
    schemas: dict[str, dict[str, dict[str, str]]] = {}
    for key in table.upstream:
        parent = whole.tables[key]
        schemas.setdefault(parent.schema, {})[parent.name] = {one.name: "text" for one in parent.columns}
    return {"lake": schemas}


def _made_from(whole: Catalog, table: Table) -> str:
    """Changes with the SQL and with the columns of what it reads."""
    words = [str(_VERSION), table.compiled_sql, *(one.name for one in table.columns), repr(_schema(whole, table))]
    return hashlib.sha256("|".join(words).encode()).hexdigest()


def _walk_up(known: Mapping[str, Mapping[str, Origin]], start: Name) -> tuple[tuple[Name, Name], ...]:
    pairs: dict[tuple[Name, Name], None] = {}
    waiting, seen = [start], {start}
    while waiting:
        one = waiting.pop(0)
        origin = known.get(one[0], {}).get(one[1], Origin("unresolved"))
        for parent in origin.columns:
            pairs[parent, one] = None
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return tuple(pairs)


def _walk_down(known: Mapping[str, Mapping[str, Origin]], start: Name) -> tuple[tuple[Name, Name], ...]:
    children: dict[Name, list[Name]] = {}
    for key, columns in known.items():
        for name, origin in columns.items():
            for parent in origin.columns:
                children.setdefault(parent, []).append((key, name))
    pairs: dict[tuple[Name, Name], None] = {}
    waiting, seen = [start], {start}
    while waiting:
        one = waiting.pop(0)
        for child in children.get(one, ()):
            pairs[one, child] = None
            if child not in seen:
                seen.add(child)
                waiting.append(child)
    return tuple(pairs)


def _pair(words: Iterable[str]) -> Name:
    key, column = words
    return key, column


def _read(path: Path) -> dict[str, Any]:
    try:
        words: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return words


def _write(path: Path, words: Mapping[str, Any]) -> None:
    import os

    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(json.dumps(words), encoding="utf-8")
    fresh.replace(path)
