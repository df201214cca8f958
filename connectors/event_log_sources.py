"""What event logs read: the staged resources and views of a connection, as far as their columns, types and keys are known.

What belongs here: the one form in which a declared log sees its rows, and that form for a connection. What does not: the
declaration (`connectors.event_log_declarations`), and the tables of the whole lake in that form (`connectors.lake_tables`).
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Protocol

from connectors.dbt_models import reference
from connectors.event_log_declarations import check_event_log, texts_of
from connectors.expressions import Faults, FaultyText, View, columns_of
from connectors.mapping import Columns, staging_columns, staging_key

if TYPE_CHECKING:
    from connectors.connection import Connection


class Readable(Protocol):
    """Tables that a declared event log may name after `from`."""

    @property
    def what(self) -> str:
        """What such a table is called in messages."""

    @property
    def names(self) -> Collection[str]:
        """Those that are known."""

    def has(self, name: str) -> bool:
        """Whether it can be read."""

    def columns(self, name: str) -> Collection[str] | None:
        """Its columns; None where they are not known."""

    def types(self, name: str) -> dict[str, str]:
        """The types of its columns, as far as they are known."""

    def key(self, name: str) -> tuple[str, ...]:
        """The columns that tell its rows apart; none where that is not known."""

    def reference(self, name: str) -> str:
        """What stands for it in a dbt model, after `from`."""


class ConnectionRows:
    """What event logs of a connection can read: its resources as staged, and its views.

    Args:
        connection: The connection; its mappings have been checked.
        columns: Raw columns by resource, as far as they are known.
        faults: Where faults of views are noted.
    """

    what = "resource or view"

    def __init__(self, connection: "Connection", columns: Columns, faults: Faults | None = None) -> None:
        self.connection, self.faults = connection, faults or Faults(connection.name)
        self.resources = {one.name: staging_columns(one, columns.get(one.name)) for one in connection.resources}
        self.views: dict[str, View] = {}
        for name, sql in connection.views.items():
            try:
                self.views[name] = View(sql)
            except FaultyText as error:
                self.faults.add(f"views.{name}", str(error))

    @property
    def names(self) -> list[str]:
        """Everything that can be read."""
        return [*self.resources, *self.connection.views]

    def has(self, name: str) -> bool:
        """Whether it is a resource or a view."""
        return name in self.names

    def columns(self, name: str) -> Collection[str] | None:
        """The columns of a resource or view; None where they are not known."""
        if name in self.views:
            return self.views[name].columns()
        return self.resources.get(name)

    def types(self, name: str) -> dict[str, str]:
        """The types of its columns, as far as they are known."""
        if name in self.views:
            return self.views[name].types()
        if name not in self.resources:
            return {}
        known = self.resources.get(name) or {}
        declared = self.connection.resource(name)
        return {**declared.columns, **known, **declared.mapping.cast}

    def key(self, name: str) -> tuple[str, ...]:
        """The key of a resource's staging model; a view has none."""
        return () if name in self.connection.views else staging_key(self.connection.resource(name))

    def reference(self, name: str) -> str:
        """The model of a resource or view."""
        return reference(self.connection, name)


def check_event_logs(connection: "Connection", faults: Faults, columns: Columns) -> None:
    """Notes whatever is wrong with a connection's views and event logs.

    Args:
        connection: The connection; its mappings have been checked.
        faults: Where faults are noted, with field and reason.
        columns: Raw columns by resource, as far as they are known.
    """
    readable = ConnectionRows(connection, columns, faults)
    clash = sorted(set(connection.views) & {resource.name for resource in connection.resources})
    for name in clash:
        faults.add(f"views.{name}", "a resource has that name, too")
    for name, view in readable.views.items():
        faults.known(f"views.{name}", view.reads, [one for one in readable.names if one != name], what="resource or view")
        for source, read in view.columns_read().items():
            faults.known(f"views.{name}", read, readable.columns(source), what=f"column of `{source}` called")
    _check_circles(readable, faults)
    names = [log.name for log in connection.event_logs]
    for log in connection.event_logs:
        if names.count(log.name) > 1:
            faults.add(f"event_logs.{log.name}", "is there twice")
        check_event_log(log, readable, faults, within=f"event_logs.{log.name}.")


def _check_circles(readable: ConnectionRows, faults: Faults) -> None:
    from graphlib import CycleError, TopologicalSorter

    try:
        TopologicalSorter({name: view.reads for name, view in readable.views.items()}).prepare()
    except CycleError as error:
        faults.add("views", f"{' reads '.join(error.args[1])}: that is a circle")


def used_columns(connection: "Connection") -> dict[str, set[str]]:
    """Per resource the staging columns that event logs and views name; they must be there, empty if need be."""
    used: dict[str, set[str]] = {}
    for log in connection.event_logs:
        for source, sql in texts_of(log):
            used.setdefault(source, set()).update(columns_of(sql))
    for sql in connection.views.values():
        for source, columns in View(sql).columns_read().items():
            used.setdefault(source, set()).update(columns)
    return {name: columns for name, columns in used.items() if name not in connection.views}
