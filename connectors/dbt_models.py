"""dbt models as values: what a generated model is called, holds and promises, and small parts of SQL that all of them have.

What belongs here: the shape of a model and its names. What does not: which models there are (`connectors.event_log_models`,
`connectors.dbt_files`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connectors.connection import Connection
from connectors.mapping import identifier

SOURCE_ROW = "Place of the event among all events: by time, then in the order the rows were recorded."


@dataclass(frozen=True)
class Column:
    """A column of a model, as its YAML describes it."""

    name: str
    description: str
    type: str = ""
    is_required: bool = False
    tests: tuple[object, ...] = ()
    classification: str = ""  # public, confidential or sensitive; empty: nobody has said


@dataclass(frozen=True)
class Model:
    """One dbt model."""

    name: str
    folder: str  # its layer, and below it the connection
    sql: str
    description: str
    columns: tuple[Column, ...] = ()
    tests: tuple[object, ...] = ()
    config: Mapping[str, object] = field(default_factory=dict)


def reference(connection: Connection, name: str) -> str:
    """The dbt reference to a resource's staging model or to a view's model."""
    return f"{{{{ ref('{view_name(connection, name) if name in connection.views else staging_name(connection, name)}') }}}}"


def staging_name(connection: Connection, resource: str) -> str:
    """The name of a resource's staging model."""
    return f"stg_{connection.name}__{resource}"


def view_name(connection: Connection, view: str) -> str:
    """The name of a view's model."""
    return f"int_{connection.name}__{view}"


def compound_key(columns: Sequence[Column]) -> object:
    """The test that some columns together are a key."""
    return {"is_compound_key": {"arguments": {"columns": [column.name for column in columns]}}}


def cte(name: str, sql: str) -> str:
    """A named subquery."""
    indented = "\n".join(f"    {line}" if line else line for line in sql.splitlines())
    return f"{identifier(name)} as (\n{indented}\n)"


def with_ctes(ctes: Sequence[str]) -> str:
    """A statement of subqueries, the last of them called final."""
    return "with " + ",\n\n".join(ctes) + "\n\nselect * from final\n"


def listed(columns: Sequence[Column]) -> str:
    """The columns' names as a select lists them."""
    return ",\n    ".join(identifier(column.name) for column in columns)


def in_words(name: str) -> str:
    """A column's name as one says it."""
    return name.replace("_", " ").capitalize()
