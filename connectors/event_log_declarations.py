"""Event logs as a file declares them: which rows of which table are events of which objects, and when.

What belongs here: the model of such a declaration and its check against what it reads. What does not: what can be read
(`connectors.event_log_sources`), the SQL made of it (`connectors.event_log_models`) and what dbt reads (`connectors.dbt_files`).
"""

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from connectors.expressions import Faults, FaultyText, check_type, nearest, type_of
from lake.catalog_tables import Classification
from lake.errors import ProcessFileError
from lake.process_rules import rules_of

if TYPE_CHECKING:
    from connectors.event_log_sources import Readable

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

    source: str = Field(alias="from")  # a resource or a view, or a model or a table
    id: str  # expression
    where: str | None = None
    attributes: dict[str, Attribute] = Field(default_factory=dict)


class EventRule(_Part):
    """Each row of a resource or view that has a time is an event."""

    activity: Activity
    source: str = Field(alias="from")  # a resource or a view, or a model or a table
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

    source_rows: str = Field(alias="from")  # a resource or a view, or a model or a table
    source: dict[str, str] = Field(min_length=1, max_length=1)  # object type to the expression giving its id
    target: dict[str, str] = Field(min_length=1, max_length=1)
    qualifier: str  # what the source object is to the target object
    where: str | None = None


class EventLogDeclaration(_Part):
    """One process: its objects, its events, how objects are linked, and which type of object is its case."""

    name: str = Field(pattern=WORD)  # in a connection's file the process is called <connection>_<name>
    title: str = ""
    case: str  # type of object
    text: str = ""  # what a case is, in words
    objects: dict[str, tuple[ObjectRows, ...]]  # by type; empty: known from events only
    events: tuple[EventRule, ...] = Field(min_length=1)
    links: tuple[Link, ...] = ()
    # by attribute, type of object or `resource`; with it every other column is public, without it nobody has said
    classification: dict[str, Classification] = Field(default_factory=dict)
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
        known = {"resource", *self.objects, *events, *self.object_attributes()}
        unknown = sorted(set(self.classification) - known)
        if unknown:
            raise ValueError(f"classification: there is no {', '.join(unknown)}; known are {', '.join(sorted(known))}")
        own = sorted(OWN_WORDS & set(self.process))
        if own:
            raise ValueError(f"process.{', '.join(own)} is said elsewhere in the declaration")
        try:
            rules_of(self.process, where="process")
        except ProcessFileError as error:
            raise ValueError(f"{error.problem} {error.remedy}") from error

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


def check_event_log(log: EventLogDeclaration, readable: "Readable", faults: Faults, *, within: str = "") -> None:
    """Notes whatever is wrong with what a log reads and says of it.

    Args:
        log: The declaration.
        readable: What it can read.
        faults: Where faults are noted, with field and reason.
        within: What stands before each field, such as `event_logs.sales.`.
    """
    for kind, several in log.objects.items():
        for rows in several:
            texts = [("id", rows.id, True), *([("where", rows.where, False)] if rows.where else [])]
            texts += [(f"attributes.{name}", one.expression, True) for name, one in rows.attributes.items()]
            _check_texts(f"{within}objects.{kind}", rows.source, texts, readable, faults)
            _check_types(f"{within}objects.{kind}", rows.attributes, faults)
    for at, rule in enumerate(log.events):
        place = f"{within}events.{at} ({rule.activity.name or 'by expression'})"
        _check_texts(place, rule.source, rule.expressions(), readable, faults)
        _check_types(place, rule.attributes, faults)
    for at, link in enumerate(log.links):
        texts = [(f"source.{kind}", sql, True) for kind, sql in link.source.items()]
        texts += [(f"target.{kind}", sql, True) for kind, sql in link.target.items()]
        texts += [("where", link.where, False)] if link.where else []
        _check_texts(f"{within}links.{at}", link.source_rows, texts, readable, faults)


def _check_texts(within: str, source: str, texts: Any, readable: "Readable", faults: Faults) -> None:
    if not readable.has(source):
        faults.add(f"{within}.from", f"there is no {readable.what} `{source}`{nearest(source, readable.names)}")
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


def texts_of(log: EventLogDeclaration) -> Iterator[tuple[str, str]]:
    """Every expression of a log, with what it is read from."""
    for several in log.objects.values():
        for rows in several:
            yield from ((rows.source, sql) for sql in (rows.id, rows.where, *_of(rows.attributes)) if sql)
    for rule in log.events:
        yield from ((rule.source, sql) for _, sql, _ in rule.expressions())
    for link in log.links:
        yield from ((link.source_rows, sql) for sql in (*link.source.values(), *link.target.values(), link.where) if sql)


def _of(attributes: Mapping[str, Attribute]) -> list[str]:
    return [one.expression for one in attributes.values()]
