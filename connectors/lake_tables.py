"""The tables of the lake that an event log may be declared over: dbt's models, landed tables, and any other by schema and name.

What belongs here: which there are, with columns, types and keys, from files alone. What does not: what a log says of them
(`connectors.declared_event_logs`), and the tables of one connection (`connectors.event_log_sources`).

A table that dbt does not make is read through a macro: what is not in the lake yet is empty, and so is a column it has not shown.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.connection import Connection
from connectors.dbt_models import staging_name, view_name
from connectors.event_log_declarations import EventLogDeclaration, texts_of
from connectors.event_log_models import LogModels
from connectors.event_log_sources import ConnectionRows
from connectors.expressions import columns_of
from connectors.mapping import own_columns, text
from connectors.packages import shown_columns
from lake.dbt_environment import DBT_PROJECT

if TYPE_CHECKING:
    from connectors.dbt_models import Model

MODELS = DBT_PROJECT / "models"
LAYERS = frozenset({"staging", "intermediate", "products", "event_logs"})  # whose tables dbt makes, every one
NAME = re.compile(r"[A-Za-z_]\w*\.[^.\"{}]+")


@dataclass(frozen=True)
class Table:
    """What is known of one table."""

    layer: str  # its schema
    columns: Mapping[str, str] | None = None  # to their types, empty where not known; None: not known
    key: tuple[str, ...] = ()
    group: str = ""
    is_private: bool = False  # to its group


@dataclass(frozen=True)
class LakeTables:
    """What one declared log can read; see `connectors.event_log_sources.Readable`."""

    models: Mapping[str, Table]
    raw: Mapping[str, Table]  # by schema.table
    group: str = ""  # of the log, which may read that group's private models
    needed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # table to the columns that must be there
    what: str = "model or table"

    @property
    def names(self) -> list[str]:
        """The models it may read, and the landed tables."""
        return [*(name for name, one in self.models.items() if self._may_read(one)), *self.raw]

    def has(self, name: str) -> bool:
        """Whether it is a model, alone or behind its schema, a landed table, or may be a table of another schema."""
        schema, _, table = name.rpartition(".")
        if not schema or schema in LAYERS:
            model = self.models.get(table)
            return model is not None and self._may_read(model) and schema in ("", model.layer)
        return name in self.raw if schema in self._raw_schemas() else NAME.fullmatch(name) is not None

    def columns(self, name: str) -> Mapping[str, str] | None:
        """Its columns; None where they are not known."""
        one = self._table(name)
        return one.columns if one else None

    def types(self, name: str) -> dict[str, str]:
        """The types of its columns, as far as they are known."""
        return dict(self.columns(name) or {})

    def key(self, name: str) -> tuple[str, ...]:
        """The columns that tell its rows apart; none where that is not known."""
        one = self._table(name)
        return one.key if one else ()

    def reference(self, name: str) -> str:
        """dbt's reference to a model, or the macro that reads another table."""
        model, (schema, _, table) = self._model(name), name.rpartition(".")
        if model:
            return f"{{{{ ref('{model}') }}}}"
        needed = dict(sorted(self.needed.get(name, {}).items()))
        return f"(\n    {{{{ lake_table({text(schema)}, {text(table)}, {needed!r}) }}}}\n)"

    def needing(self, log: EventLogDeclaration) -> "LakeTables":
        """The same, whose other tables have every column that a checked log names."""
        needed: dict[str, dict[str, str]] = {}
        for name, sql in texts_of(log):
            kinds = self.types(name)
            needed.setdefault(name, {}).update({column: kinds.get(column, "") for column in columns_of(sql)})
        return LakeTables(self.models, self.raw, self.group, needed)

    def plain(self, names: Iterable[str]) -> set[str]:
        """Those of the names that dbt does not make."""
        return {name for name in names if not self._model(name)}

    def _may_read(self, one: Table) -> bool:
        return not one.is_private or one.group == self.group

    def _raw_schemas(self) -> set[str]:
        return {name.partition(".")[0] for name in self.raw}

    def _model(self, name: str) -> str:
        schema, _, table = name.rpartition(".")
        return table if table in self.models and (not schema or schema in LAYERS) else ""

    def _table(self, name: str) -> Table | None:
        return self.models.get(self._model(name)) or self.raw.get(name)


def project_models() -> dict[str, Table]:
    """The models of dbt_project, as the YAML beside each describes them."""
    found: dict[str, Table] = {}
    for path in sorted(MODELS.rglob("*.yml")):
        for words in _yaml(path).get("models", []):
            config = words.get("config", {})
            columns = {column["name"]: str(column.get("data_type", "")) for column in words.get("columns", [])}
            found[words["name"]] = Table(
                path.relative_to(MODELS).parts[0],
                columns or None,
                _key(words),
                config.get("group", ""),
                config.get("access") == "private",
            )
    return found


def project_groups() -> list[str]:
    """The groups that dbt_project knows."""
    return [group["name"] for path in sorted(MODELS.rglob("*.yml")) for group in _yaml(path).get("groups", [])]


def connection_models(connection: Connection) -> dict[str, Table]:
    """The models that are made of a connection whose declarations are right."""
    rows = ConnectionRows(connection, shown_columns(connection))
    found = {staging_name(connection, name): _staged(rows, name) for name in rows.resources}
    found |= {view_name(connection, name): _view(rows, name) for name in rows.views}
    for log in connection.event_logs:
        made = LogModels(log, rows, name=f"{connection.name}_{log.name}", domain=connection.name)
        found |= {model.name: _published(model) for model in made.models()}
    return found


def raw_tables(connections: Iterable[Connection]) -> dict[str, Table]:
    """The landed tables of connections, by schema and name."""
    found: dict[str, Table] = {}
    for connection in connections:
        shown = shown_columns(connection)
        for one in connection.resources:
            columns = {**own_columns(one), **shown[one.name]} if one.name in shown else None
            found[f"{connection.raw_schema}.{one.name}"] = Table(connection.raw_schema, columns, one.key)
    return found


def _staged(rows: ConnectionRows, name: str) -> Table:
    columns = rows.resources[name]
    return Table("staging", None if columns is None else {**columns, **rows.types(name)}, rows.key(name))


def _view(rows: ConnectionRows, name: str) -> Table:
    columns, kinds = rows.columns(name), rows.types(name)
    return Table("intermediate", None if columns is None else {one: kinds.get(one, "") for one in columns})


def _published(model: "Model") -> Table:
    keys = [column.name for column in model.columns if "is_key" in column.tests]
    columns = {column.name: column.type for column in model.columns} if model.folder == "event_logs" else None
    return Table(model.folder.partition("/")[0], columns, tuple(keys[:1]))


def _key(words: Mapping[str, Any]) -> tuple[str, ...]:
    """The first column tested to be a key, else the columns tested to be one together."""
    alone = [column["name"] for column in words.get("columns", []) if "is_key" in column.get("data_tests", [])]
    tests = (test.get("is_compound_key") for test in words.get("data_tests", []) if isinstance(test, dict))
    together = next((tuple(test["arguments"]["columns"]) for test in tests if test), ())
    return tuple(alone[:1]) or together


def _yaml(path: Path) -> dict[str, Any]:
    import yaml

    words = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 — safe
    return words if isinstance(words, dict) else {}
