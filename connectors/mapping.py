"""What a resource's staging model makes of its landed rows: renames, types, expressions, look-ups, what is left out.

What belongs here: the model of `Resource.mapping`, its check and its SQL. What does not: writing the files dbt reads
(`connectors.dbt_files`) and event logs (`connectors.event_log_declarations`).

Expressions, conditions and look-ups speak of raw columns, everything else of the staging model's; rows that the source deleted are
left out. A column that is named here and that the source has not shown yet is empty until it does.
"""

import re
from collections.abc import Collection
from collections.abc import Mapping as Mapped
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from connectors.expressions import Faults, FaultyText, check_type, columns_of, type_of
from lake.sql_text import as_text

if TYPE_CHECKING:
    from connectors.connection import Connection, Resource

_TEMPLATE = re.compile(r"\{(?=[{%#])")
KEYLESS = "_row_key"  # the lake's own key of rows that have none


class Lookup(BaseModel):
    """A column taken from another resource of the connection: of the row whose columns equal this row's."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    source: str = Field(alias="from")  # the other resource
    on: dict[str, str] = Field(min_length=1)  # this resource's raw column to the other's
    take: str  # the other's raw column; of several rows that fit the least value

    @model_validator(mode="before")
    @classmethod
    def _on_is_a_word(cls, words: Any) -> Any:
        """YAML reads the bare word `on` as true."""
        return {("on" if name is True else name): value for name, value in words.items()} if isinstance(words, dict) else words


class Mapping(BaseModel):
    """The fields of `mapping`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rename: dict[str, str] = Field(default_factory=dict)  # raw column to staging column
    cast: dict[str, str] = Field(default_factory=dict)  # staging column to DuckDB type
    expression: dict[str, str] = Field(default_factory=dict)  # staging column to SQL over raw columns
    lookup: dict[str, Lookup] = Field(default_factory=dict)  # staging column to where it is taken from
    drop: tuple[str, ...] = ()  # raw columns that are left out
    where: str | None = None  # SQL over raw columns; rows for which it does not hold are left out

    @field_validator("drop", mode="before")
    @classmethod
    def _one_or_many(cls, drop: Any) -> Any:
        return (drop,) if isinstance(drop, str) else drop

    @model_validator(mode="after")
    def _each_column_once(self) -> "Mapping":
        made = [*self.rename.values(), *self.expression, *self.lookup]
        twice = sorted({name for name in made if made.count(name) > 1})
        if twice:
            raise ValueError(f"the staging column {', '.join(twice)} is made twice")
        both = sorted(set(self.rename) & set(self.drop))
        if both:
            raise ValueError(f"{', '.join(both)} is both renamed and dropped")
        return self

    def renamed(self, column: str) -> str | None:
        """What the staging model calls a raw column; None where it has it no more."""
        if column in self.rename:
            return self.rename[column]
        is_gone = column in self.drop or column in {*self.expression, *self.lookup, *self.rename.values()}
        return None if is_gone else column

    def raw_columns(self) -> set[str]:
        """The raw columns of its own resource that the mapping names."""
        texts = [*self.expression.values(), *([self.where] if self.where else [])]
        named = {column for text in texts for column in columns_of(text)}
        return {*self.rename, *self.drop, *named, *(column for one in self.lookup.values() for column in one.on)}


Columns = Mapped[str, Mapped[str, str]]  # per resource its raw columns and their types, as far as they are known


def check_mapping(connection: "Connection", resource: "Resource", faults: Faults, columns: Columns) -> None:
    """Notes whatever is wrong with a resource's mapping.

    Args:
        connection: Whose resource it is.
        resource: The resource.
        faults: Where faults are noted, with field and reason.
        columns: Raw columns by resource; names are checked where a resource's are known.
    """
    mapping, within = resource.mapping, f"resources.{resource.name}.mapping"
    own = _known(resource, columns)
    for part, names in (("rename", mapping.rename), ("drop", mapping.drop)):
        faults.known(f"{within}.{part}", names, own)
    for name, text in mapping.expression.items():
        faults.expression(f"{within}.expression.{name}", text, own)
    if mapping.where is not None:
        faults.expression(f"{within}.where", mapping.where, own, windows=False)
    for name, lookup in mapping.lookup.items():
        _check_lookup(connection, lookup, f"{within}.lookup.{name}", faults, own, columns)
    staged = None if faults.found else _before_casts(resource, columns.get(resource.name))
    for name, kind in mapping.cast.items():
        faults.known(f"{within}.cast", [name], staged, what="staging column")
        try:
            check_type(kind)
        except FaultyText as error:
            faults.add(f"{within}.cast.{name}", str(error))


def _check_lookup(
    connection: "Connection", lookup: Lookup, within: str, faults: Faults, own: Collection[str] | None, columns: Columns
) -> None:
    names = [resource.name for resource in connection.resources]
    faults.known(f"{within}.from", [lookup.source], names, what="resource")
    faults.known(f"{within}.on", lookup.on, own)
    if lookup.source in names:
        there = _known(connection.resource(lookup.source), columns)
        faults.known(f"{within}.on", lookup.on.values(), there)
        faults.known(f"{within}.take", [lookup.take], there)


def _known(resource: "Resource", columns: Columns) -> set[str] | None:
    """The raw columns a resource may have; None where the source has not shown them."""
    shown = columns.get(resource.name)
    return None if shown is None else {*shown, *own_columns(resource)}


def own_columns(resource: "Resource") -> dict[str, str]:
    """The raw columns a resource's declaration names, with their types where it says them."""
    named = [*resource.key, *([resource.cursor.column] if resource.cursor else []), *([] if resource.key else [KEYLESS])]
    return {**dict.fromkeys(named, ""), **resource.columns}


def staging_columns(resource: "Resource", raw: Mapped[str, str] | None) -> dict[str, str] | None:
    """The staging model's columns and their types ('' where not known); None where the raw columns are not known."""
    before = _before_casts(resource, raw)
    return None if before is None else {**before, **resource.mapping.cast}


def _before_casts(resource: "Resource", raw: Mapped[str, str] | None) -> dict[str, str] | None:
    if raw is None:
        return None
    mapping = resource.mapping
    kinds = {**own_columns(resource), **raw}
    kept = {mapping.renamed(name): kind for name, kind in kinds.items()}
    made = {name: type_of(text, kinds) for name, text in mapping.expression.items()}
    return {**{name: kind for name, kind in kept.items() if name is not None}, **made, **dict.fromkeys(mapping.lookup, "")}


def staging_key(resource: "Resource") -> tuple[str, ...]:
    """The staging model's key; empty where the mapping leaves a part of it out."""
    names = [resource.mapping.renamed(name) for name in resource.key or (KEYLESS,)]
    return tuple(name for name in names if name) if all(names) else ()


def staging_sql(connection: "Connection", resource: "Resource", needed: Mapped[str, Mapped[str, str]]) -> str:
    """The staging model of a resource.

    Args:
        connection: Whose resource it is.
        resource: The resource; its mapping has been checked.
        needed: Per resource the raw columns that are read somewhere and must be there, empty if need be, with their types.
    """
    mapping = resource.mapping
    ctes = [f"source as (\n    {landed(connection, resource.name, needed.get(resource.name, {}))}\n)"]
    ctes += [_lookup_cte(connection, name, lookup, needed) for name, lookup in mapping.lookup.items()]
    ctes.append(f"final as (\n{_final(mapping)}\n)")
    return "with " + ",\n\n".join(ctes) + "\n\nselect * from final\n"


def landed(connection: "Connection", table: str, needed: Mapped[str, str]) -> str:
    """The call of dbt's macro for a landed table's rows."""
    return f"{{{{ landed(source({text(connection.name)}, {text(table)}), {dict(sorted(needed.items()))!r}) }}}}"


def _lookup_cte(connection: "Connection", name: str, lookup: Lookup, needed: Mapped[str, Mapped[str, str]]) -> str:
    keys = [f"{identifier(column)} as _key_{at}" for at, column in enumerate(lookup.on.values(), start=1)]
    rows = landed(connection, lookup.source, needed.get(lookup.source, {}))
    return (
        f"{_lookup_name(name)} as (\n    select {', '.join(keys)}, min({identifier(lookup.take)}) as _taken\n"
        f"    from ({rows})\n    group by all\n)"
    )


def _lookup_name(name: str) -> str:
    return identifier(f"lookup_{name}")


def _final(mapping: Mapping) -> str:
    made = _made(mapping)
    gone = sorted(_once({*mapping.rename, *mapping.drop, *made}, mapping.rename))
    star = f"source.* exclude ({', '.join(map(identifier, gone))})" if gone else "source.*"
    columns = [star, *(f"{sql} as {identifier(name)}" for name, sql in made.items())]
    lines = ["    select", "        " + ",\n        ".join(columns), "    from source"]
    for name, lookup in mapping.lookup.items():
        keys = enumerate(lookup.on, start=1)
        same = " and ".join(f"{_lookup_name(name)}._key_{at} = source.{identifier(column)}" for at, column in keys)
        lines.append(f"    left join {_lookup_name(name)} on {same}")
    if mapping.where:
        lines.append(f"    where {mapping.where}")
    return "\n".join(lines) if made or gone or mapping.where else "    select * from source"


def _made(mapping: Mapping) -> dict[str, str]:
    """Every staging column that is not a raw one as it is, and its SQL."""
    renamed = {new: f"source.{identifier(old)}" for old, new in mapping.rename.items()}
    worked_out = {name: f"({sql})" for name, sql in mapping.expression.items()}
    taken = {name: f"{_lookup_name(name)}._taken" for name in mapping.lookup}
    made = {**renamed, **worked_out, **taken}
    as_they_are = {name: f"source.{identifier(name)}" for name in mapping.cast if name not in made}
    both = {**made, **as_they_are}
    return {name: f"cast({sql} as {mapping.cast[name]})" if name in mapping.cast else sql for name, sql in both.items()}


def needed_columns(connection: "Connection", known: Columns, used: Mapped[str, Collection[str]]) -> dict[str, dict[str, str]]:
    """Per resource the raw columns that something reads, with their types ('' where not known), so that they are always there.

    Args:
        connection: The connection; its mappings have been checked.
        known: Raw columns by resource, as far as they are known.
        used: Per resource the staging columns that views and event logs read; one that no mapping makes is a raw one.
    """
    named: dict[str, set[str]] = {resource.name: set(own_columns(resource)) for resource in connection.resources}
    for resource in connection.resources:
        named[resource.name] |= {
            *used.get(resource.name, ()),
            *resource.mapping.raw_columns(),
            *_made(resource.mapping),
        }  # a star can only leave out what is there
        for lookup in resource.mapping.lookup.values():
            named[lookup.source] |= {*lookup.on.values(), lookup.take}
    once = {name: _once(columns, own_columns(connection.resource(name))) for name, columns in named.items()}
    return {name: {column: _type(connection, known, name, column) for column in columns} for name, columns in once.items()}


def _once(columns: Collection[str], own: Collection[str]) -> Collection[str]:
    """Columns whose names differ in their cases only are one column to DuckDB; the own ones give the spelling."""
    return {name.lower(): name for name in (*sorted(columns), *(name for name in own if name in columns))}.values()


def _type(connection: "Connection", known: Columns, resource: str, column: str) -> str:
    if column == KEYLESS:
        return "varchar"
    return connection.resource(resource).columns.get(column) or known.get(resource, {}).get(column, "")


def identifier(name: str) -> str:
    """A quoted SQL identifier of a model, whatever a source calls its columns."""
    return untemplated('"' + name.replace('"', '""') + '"')


def text(value: str) -> str:
    """A quoted SQL text of a model."""
    return untemplated(as_text(value))


def untemplated(words: str) -> str:
    """Words that dbt gives back as they are: what looks like a template in them is not run."""
    return _TEMPLATE.sub("{{ '{' }}", words)
