"""Event logs as a connection declares them: which rows of which resource or view are events of which objects, and when.

What belongs here: the model of `Connection.event_logs` and its check against views, resources and columns. What does not: the SQL
made of it (`connectors.event_log_models`) and the files dbt reads (`connectors.dbt_files`).
"""

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from connectors.expressions import Faults, FaultyText, View, check_type, columns_of, type_of
from connectors.mapping import Columns, staging_columns

if TYPE_CHECKING:
    from connectors.connection import Connection

WORD = r"^[a-z][a-z0-9_]{0,47}$"
EVENT_COLUMNS = ("event_id", "activity", "occurred_at", "started_at", "resource", "source_row")
OWN_COLUMNS = frozenset({*EVENT_COLUMNS, "case_id", "object_id", "object_type"})
OWN_WORDS = frozenset({"name", "title", "event_log", "case_notion", "object_types", "case_attributes", "event_attributes"})


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Attribute(_Part):
    """A value an event or object carries; a bare text is its expression."""

    expression: str
    type: str | None = None  # DuckDB type; None: as the expression shows it, text where it does not

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, words: Any) -> Any:
        return {"expression": words} if isinstance(words, str) else words


class Activity(_Part):
    """What happened: a name, or an expression giving one per row (null: nothing happened)."""

    name: str | None = None
    expression: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, words: Any) -> Any:
        return {"name": words} if isinstance(words, str) else words

    @model_validator(mode="after")
    def _one_of_both(self) -> "Activity":
        if bool(self.name) == bool(self.expression):
            raise ValueError("write a text, or {expression: …}")
        return self


class ObjectOfEvent(_Part):
    """An object an event concerns; a bare text is the expression giving its id (null: none, a list: several)."""

    id: str
    qualifier: str | None = None  # what it is to the event; None: its type

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, words: Any) -> Any:
        return {"id": words} if isinstance(words, str) else words


class ObjectRows(_Part):
    """Rows that describe objects of one type."""

    source: str = Field(alias="from")  # a resource or a view
    id: str  # expression
    where: str | None = None
    attributes: dict[str, Attribute] = Field(default_factory=dict)


class EventRule(_Part):
    """Each row of a resource or view that has a time is an event."""

    activity: Activity
    source: str = Field(alias="from")  # a resource or a view
    at: str  # expression; rows for which it is null are no events
    objects: dict[str, tuple[ObjectOfEvent, ...]] = Field(min_length=1)  # by type
    where: str | None = None
    started_at: str | None = None
    resource: str | None = None  # who did it
    order: str | None = None  # expression: a number by which the rows of this resource were recorded, such as a change log's key
    id: str | None = None  # expression: identity of the row; None: its key
    attributes: dict[str, Attribute] = Field(default_factory=dict)

    @field_validator("objects", mode="before")
    @classmethod
    def _one_or_many(cls, objects: Any) -> Any:
        if not isinstance(objects, dict):
            return objects
        return {kind: one if isinstance(one, list | tuple) else (one,) for kind, one in objects.items()}

    def expressions(self) -> Iterator[tuple[str, str, bool]]:
        """Every expression, with its field and whether a window function may stand in it."""
        plain = {"activity": self.activity.expression, "at": self.at, "started_at": self.started_at}
        own = {**plain, "resource": self.resource, "order": self.order, "id": self.id, "where": self.where}
        yield from ((name, sql, name not in ("where", "at", "activity")) for name, sql in own.items() if sql is not None)
        yield from ((f"objects.{kind}", one.id, True) for kind, several in self.objects.items() for one in several)
        yield from ((f"attributes.{name}", one.expression, True) for name, one in self.attributes.items())


class Link(_Part):
    """Each row relates an object to another."""

    source_rows: str = Field(alias="from")  # a resource or a view
    source: dict[str, str] = Field(min_length=1, max_length=1)  # object type to the expression giving its id
    target: dict[str, str] = Field(min_length=1, max_length=1)
    qualifier: str  # what the source object is to the target object
    where: str | None = None


class EventLogDeclaration(_Part):
    """One process of a connection: its objects, its events, how objects are linked, and which type of object is its case."""

    name: str = Field(pattern=WORD)  # the process is called <connection>_<name>
    title: str = ""
    case: str  # type of object
    text: str = ""  # what a case is, in words
    objects: dict[str, tuple[ObjectRows, ...]]  # by type; empty: known from events only
    events: tuple[EventRule, ...] = Field(min_length=1)
    links: tuple[Link, ...] = ()
    process: dict[str, Any] = Field(default_factory=dict)  # happy_path, rules, slas, working_calendar: see docs/mining.md

    @field_validator("objects", mode="before")
    @classmethod
    def _none_one_or_many(cls, objects: Any) -> Any:
        if not isinstance(objects, dict):
            return objects
        return {kind: rows if isinstance(rows, list | tuple) else (rows,) if rows else () for kind, rows in objects.items()}

    @model_validator(mode="after")
    def _consistent(self) -> "EventLogDeclaration":
        named = [kind for rule in self.events for kind in rule.objects]
        named += [kind for link in self.links for kind in (*link.source, *link.target)]
        unknown = sorted({*named, self.case} - set(self.objects))
        if unknown:
            raise ValueError(f"there is no object type {', '.join(unknown)} under `objects`; known are {', '.join(self.objects)}")
        if self.case not in {kind for rule in self.events for kind in rule.objects}:
            raise ValueError(f"no event concerns a {self.case}, so there would be no case")
        odd = [kind for kind in self.objects if ":" in kind or not kind.strip()]
        if odd:
            raise ValueError(f"object type {', '.join(odd)}: a colon parts type and id, so it cannot stand in a type")
        self._check_names()
        return self

    def _check_names(self) -> None:
        events, cases = self.event_attributes(), self.object_attributes(self.case)
        taken = sorted((OWN_COLUMNS & {*events, *self.object_attributes()}) | (set(events) & set(cases)))
        if taken:
            raise ValueError(f"attribute {', '.join(taken)}: the case view has another column of that name; choose another")
        own = sorted(OWN_WORDS & set(self.process))
        if own:
            raise ValueError(f"process.{', '.join(own)} is said elsewhere in the declaration")

    def event_attributes(self) -> tuple[str, ...]:
        """Names of what events carry."""
        return tuple(dict.fromkeys(name for rule in self.events for name in rule.attributes))

    def object_attributes(self, kind: str | None = None) -> tuple[str, ...]:
        """Names of what objects of a type carry; of all types without one."""
        kinds = self.objects if kind is None else [kind]
        return tuple(dict.fromkeys(name for one in kinds for rows in self.objects[one] for name in rows.attributes))

    def reads(self) -> list[str]:
        """The resources and views it reads, once per reading."""
        objects = [rows.source for several in self.objects.values() for rows in several]
        return [*objects, *(rule.source for rule in self.events), *(link.source_rows for link in self.links)]


class Readable:
    """What event logs of a connection can read: its resources as staged, and its views.

    Args:
        connection: The connection; its mappings have been checked.
        columns: Raw columns by resource, as far as they are known.
        faults: Where faults of views are noted.
    """

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

    def columns(self, name: str) -> Collection[str] | None:
        """The columns of a resource or view; None where they are not known."""
        if name in self.views:
            return self.views[name].columns()
        return self.resources.get(name)

    def types(self, name: str) -> dict[str, str]:
        """The types of its columns, as far as they are known."""
        if name in self.views:
            return self.views[name].types()
        known = self.resources.get(name) or {}
        declared = self.connection.resource(name)
        return {**declared.columns, **known, **declared.mapping.cast}


def check_event_logs(connection: "Connection", faults: Faults, columns: Columns) -> None:
    """Notes whatever is wrong with a connection's views and event logs.

    Args:
        connection: The connection; its mappings have been checked.
        faults: Where faults are noted, with field and reason.
        columns: Raw columns by resource, as far as they are known.
    """
    readable = Readable(connection, columns, faults)
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
        _check_log(log, readable, faults)


def _check_circles(readable: Readable, faults: Faults) -> None:
    from graphlib import CycleError, TopologicalSorter

    try:
        TopologicalSorter({name: view.reads for name, view in readable.views.items()}).prepare()
    except CycleError as error:
        faults.add("views", f"{' reads '.join(error.args[1])}: that is a circle")


def _check_log(log: EventLogDeclaration, readable: Readable, faults: Faults) -> None:
    within = f"event_logs.{log.name}"
    for kind, several in log.objects.items():
        for rows in several:
            texts = [("id", rows.id, True), *([("where", rows.where, False)] if rows.where else [])]
            texts += [(f"attributes.{name}", one.expression, True) for name, one in rows.attributes.items()]
            _check_texts(f"{within}.objects.{kind}", rows.source, texts, readable, faults)
            _check_types(f"{within}.objects.{kind}", rows.attributes, faults)
    for at, rule in enumerate(log.events):
        place = f"{within}.events.{at} ({rule.activity.name or 'by expression'})"
        _check_texts(place, rule.source, rule.expressions(), readable, faults)
        _check_types(place, rule.attributes, faults)
    for at, link in enumerate(log.links):
        texts = [(f"source.{kind}", sql, True) for kind, sql in link.source.items()]
        texts += [(f"target.{kind}", sql, True) for kind, sql in link.target.items()]
        texts += [("where", link.where, False)] if link.where else []
        _check_texts(f"{within}.links.{at}", link.source_rows, texts, readable, faults)


def _check_texts(within: str, source: str, texts: Any, readable: Readable, faults: Faults) -> None:
    faults.known(f"{within}.from", [source], readable.names, what="resource or view")
    columns = readable.columns(source)
    for field, sql, windows in texts:
        faults.expression(f"{within}.{field}", sql, columns, windows=windows)


def _check_types(within: str, attributes: Mapping[str, Attribute], faults: Faults) -> None:
    for name, attribute in attributes.items():
        try:
            check_type(attribute.type or "text")
        except FaultyText as error:
            faults.add(f"{within}.attributes.{name}.type", str(error))


def attribute_type(attribute: Attribute, known: dict[str, str]) -> str:
    """The DuckDB type of an attribute: as it says, as its expression shows, or text."""
    return attribute.type or type_of(attribute.expression, known) or "text"


def common_type(kinds: Collection[str]) -> str:
    """The one type of an attribute that several rules give: theirs if it is the same, else text."""
    return next(iter(kinds)) if len({kind.lower() for kind in kinds}) == 1 else "text"


def used_columns(connection: "Connection") -> dict[str, set[str]]:
    """Per resource the staging columns that event logs and views name; they must be there, empty if need be."""
    used: dict[str, set[str]] = {}
    for log in connection.event_logs:
        for source, sql in _texts(log):
            used.setdefault(source, set()).update(columns_of(sql))
    for sql in connection.views.values():
        for source, columns in View(sql).columns_read().items():
            used.setdefault(source, set()).update(columns)
    return {name: columns for name, columns in used.items() if name not in connection.views}


def _texts(log: EventLogDeclaration) -> Iterator[tuple[str, str]]:
    for several in log.objects.values():
        for rows in several:
            yield from ((rows.source, sql) for sql in (rows.id, rows.where, *_of(rows.attributes)) if sql)
    for rule in log.events:
        yield from ((rule.source, sql) for _, sql, _ in rule.expressions())
    for link in log.links:
        yield from ((link.source_rows, sql) for sql in (*link.source.values(), *link.target.values(), link.where) if sql)


def _of(attributes: Mapping[str, Attribute]) -> list[str]:
    return [one.expression for one in attributes.values()]
