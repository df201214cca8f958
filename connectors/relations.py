"""What samples of a system's tables tell: keys, foreign keys and how many rows share them, times, states, people.

What belongs here: conclusions from `Shape`s, each with the reason for it. What does not: what is proposed because of them
(`connectors.proposals`).

Whatever the system declares counts as it is; the rest is concluded from names and sampled values, and may be wrong where the sample
is small. Names are read as words: `OrderID`, `order_id` and `Order Id` are the same.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, Literal

from connectors.connector import Shape

ID_WORDS = frozenset({"id", "key", "no", "nr", "number", "code", "uuid", "guid", "name"})
TIME_WORDS = frozenset({"date", "at", "on", "time", "datetime", "timestamp", "ts", "dt", "day", "when"})
CHANGE_WORDS = frozenset({"updated", "update", "write", "written", "modified", "modify", "changed", "modstamp", "lastmodified"})
PLAN_WORDS = frozenset(
    {"required", "due", "expected", "planned", "plan", "requested", "promised", "scheduled", "estimated", "target"}
)
PLAN_WORDS |= {"until", "valid", "expiry", "expires", "from", "to", "birth", "birthday", "hire", "maturity"}
STATE_WORDS = frozenset({"state", "status", "stage", "phase"})
ACTION_WORDS = frozenset({"activity", "event", "action", "step", "transition", "operation", "task"}) | STATE_WORDS
PERSON_WORDS = frozenset(
    {
        "user",
        "owner",
        "agent",
        "employee",
        "assignee",
        "salesperson",
        "operator",
        "clerk",
        "uid",
        "by",
        "resource",
        "author",
        "seller",
    }
)
MOST_STATES = 40  # different values beyond which a column is no state
FEW_ROWS = 20  # fewer prove nothing by being different
FORMATS = (
    "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y%m%d", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%d.%m.%Y %H:%M", "%d-%m-%Y",
    "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S",
)  # fmt: skip

KIND = Literal["time", "number", "text", "other"]


def words(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case."""
    return tuple(word.lower() for word in re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+", name))


def snake(name: str) -> str:
    """The name as this house writes names."""
    word = "_".join(words(name))[:48] or "table"
    return word if word[0].isalpha() else f"t_{word}"[:48]


def singular(word: str) -> str:
    """The word without a plural's ending."""
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("uses", "us"), ("ches", "ch"), ("shes", "sh")):
        if word.endswith(ending):
            return word[: -len(ending)] + instead
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def noun(name: str) -> tuple[str, ...]:
    """The words of what one row of a table is, each once: `sale_sale` is a sale, `Orders` holds orders."""
    return tuple(dict.fromkeys(singular(word) for word in words(name)))


@dataclass(frozen=True)
class Reference:
    """A column that holds the key of another table."""

    column: str
    table: str
    is_declared: bool
    cardinality: Literal["many to one", "one to one"]


@dataclass(frozen=True)
class Table:
    """One table as its sample shows it."""

    shape: Shape
    key: tuple[str, ...] = ()
    is_key_declared: bool = False
    references: tuple[Reference, ...] = field(default=())

    @property
    def name(self) -> str:
        """The table's name in the system."""
        return self.shape.name

    @cached_property
    def values(self) -> dict[str, list[Any]]:
        """The sampled values by column."""
        return {column: [row.get(column) for row in self.shape.sample] for column in self.shape.columns}

    @property
    def is_whole(self) -> bool:
        """Whether the sample is the whole table."""
        return self.shape.rows is not None and self.shape.rows <= len(self.shape.sample)

    def filled(self, column: str) -> list[Any]:
        """The sampled values that are not empty."""
        return [value for value in self.values[column] if value not in (None, "")]

    def different(self, column: str) -> set[str]:
        """The different sampled values, as text."""
        return self._different[column]

    @cached_property
    def _different(self) -> dict[str, set[str]]:
        return {column: {str(value) for value in self.filled(column)} for column in self.shape.columns}

    @cached_property
    def noun(self) -> tuple[str, ...]:
        """The words of what one row is."""
        return noun(self.name)

    def is_unique(self, columns: Sequence[str]) -> bool:
        """Whether no sampled row lacks one of the columns and no two share all of them."""
        rows = list(zip(*(self.values[column] for column in columns), strict=True))
        return bool(rows) and all(value not in (None, "") for row in rows for value in row) and len({*map(str, rows)}) == len(rows)

    def kind(self, column: str) -> KIND:
        """What a column holds; text that reads as a date or moment everywhere is a time."""
        return self._kinds[column]

    @cached_property
    def _kinds(self) -> dict[str, KIND]:
        return {column: self._kind(column) for column in self.shape.columns}

    def _kind(self, column: str) -> KIND:
        declared = self.shape.columns[column].lower()
        if declared.startswith(("timestamp", "date")) or (self._is_text(declared) and self._reads_as_time(column)):
            return "time"
        if declared.startswith(("bigint", "integer", "int", "smallint", "hugeint", "double", "decimal", "float", "real", "uint")):
            return "number"
        return "text" if self._is_text(declared) else "other"

    def _is_text(self, declared: str) -> bool:
        return declared.startswith(("varchar", "text"))

    def _reads_as_time(self, column: str) -> bool:
        return bool(self.filled(column)) and (
            all(_is_moment(value) for value in self.filled(column)) or bool(self.time_format(column))
        )

    def time_format(self, column: str) -> str:
        """How a text time is written where not as ISO 8601 says; empty where that is so, or where two ways would do."""
        values = self.different(column)
        if all(_is_moment(value) for value in values) or not {*words(column)} & (TIME_WORDS | CHANGE_WORDS | {"created", "closed"}):
            return ""
        fits = [one for one in FORMATS if all(_is_written(value, one) for value in values)]
        return fits[0] if len(fits) == 1 else ""

    def is_text_time(self, column: str) -> bool:
        """Whether it is a time that the system keeps as text."""
        return self.kind(column) == "time" and self._is_text(self.shape.columns[column].lower())

    def has_days_only(self, column: str) -> bool:
        """Whether its text times are days."""
        return all(len(value) <= len("2024-01-01") for value in self.different(column))

    @property
    def times(self) -> list[str]:
        """The columns that tell when something happened: not when the row was changed, nor what was planned."""
        found = [column for column in self.shape.columns if self.kind(column) == "time" and self.filled(column)]
        real = [column for column in found if not {*words(column)} & PLAN_WORDS]
        return [column for column in real if not {*words(column)} & CHANGE_WORDS] or real[:1]  # a history knows its changes only

    @property
    def changed(self) -> str | None:
        """The column with the time of a row's last change; None where rows lack it."""
        found = [column for column in self.shape.columns if self.kind(column) == "time" and {*words(column)} & CHANGE_WORDS]
        return next((column for column in found if len(self.filled(column)) == len(self.shape.sample) > 0), None)

    @property
    def state(self) -> str | None:
        """The column with the state of what a row is."""
        return next((column for column in self._few_valued(STATE_WORDS)), None)

    @property
    def action(self) -> str | None:
        """The column that says what happened, where each row is something that happened."""
        named = self._few_valued(ACTION_WORDS)
        return next(iter(sorted(named, key=lambda column: bool({*words(column)} & STATE_WORDS))), None)

    def _few_valued(self, named: Iterable[str]) -> list[str]:
        known = {*named}
        fits = [
            column for column in self.shape.columns if words(column) and words(column)[-1] in known and self.kind(column) == "text"
        ]
        return [column for column in fits if 0 < len(self.different(column)) <= MOST_STATES]

    def person(self, time: str) -> str | None:
        """The column that says who did what happened at a time: one that shares a word with it, else one about no other time."""
        found = [column for column in self.shape.columns if {*words(column)} & PERSON_WORDS and self.filled(column)]
        meant = {*words(time)} - TIME_WORDS - PERSON_WORDS
        kin = [column for column in found if {*words(column)} & meant]
        general = [column for column in found if not {"by", "uid"} & {*words(column)}]
        return next(iter([*kin, *general]), None)


def tables_of(shapes: Iterable[Shape]) -> list[Table]:
    """The tables with keys and references, in an order in which each stands after those it refers to, as far as that can be."""
    keyed = [Table(shape, *_key(Table(shape))) for shape in shapes]
    declares = any(table.is_key_declared for table in keyed)  # then what has no key is a view, and nothing refers to it
    parents = [table for table in keyed if len(table.key) == 1 and (table.is_key_declared or not declares)]
    linked = [Table(table.shape, table.key, table.is_key_declared, tuple(_references(table, keyed, parents))) for table in keyed]
    return _parents_first(linked)


def _key(table: Table) -> tuple[tuple[str, ...], bool]:
    """The key and whether the system declares it; found by uniqueness in the sample where it does not."""
    if table.shape.key:
        return table.shape.key, True
    if not table.shape.sample or not (table.is_whole or len(table.shape.sample) >= FEW_ROWS):
        return (), False
    own = {*noun(table.name)}
    columns = list(table.shape.columns)
    alone = [column for column in columns if table.is_unique([column]) and _may_be_key(table, column, own)]
    if alone:
        return (min(alone, key=lambda column: (_rank(column, own), columns.index(column))),), False
    ids = [
        column
        for column in columns
        if not column.startswith("_") and {*words(column)} & (ID_WORDS - {"name"}) and table.kind(column) != "time"
    ]
    pairs = ((one, other) for at, one in enumerate(ids) for other in ids[at + 1 :])
    return next((pair for pair in pairs if table.is_unique(pair)), ()), False


def _may_be_key(table: Table, column: str, own: set[str]) -> bool:
    is_named = bool({*words(column)} & ID_WORDS) or {singular(word) for word in words(column)} <= own
    is_named = is_named or (table.is_whole and column == next(iter(table.shape.columns)))
    return (
        is_named
        and not column.startswith("_")
        and table.kind(column) in ("number", "text")
        and not table.shape.columns[column].lower().startswith("double")
    )


def _rank(column: str, own: set[str]) -> int:
    """Lower is likelier: id, then the table's own name with or without id, then other ids, then names."""
    parts = words(column)
    if parts == ("id",):
        return 0
    if {singular(part) for part in parts} - ID_WORDS <= own:
        return 1
    return 3 if "name" in parts else 2


def _references(table: Table, others: Sequence[Table], parents: Sequence[Table]) -> Iterable[Reference]:
    for column in table.shape.columns:
        declared = table.shape.references.get(column)
        parent = next((one for one in others if one.name == declared), None) or _parent(table, column, parents)
        if parent is not None:
            shared = len(table.different(column)) < len(table.filled(column))
            is_alone = table.key == (column,) or (
                not shared and len(table.filled(column)) >= FEW_ROWS and table.is_unique([column])
            )
            yield Reference(column, parent.name, declared is not None, "one to one" if is_alone else "many to one")


def _parent(table: Table, column: str, parents: Sequence[Table]) -> Table | None:
    """The table whose key a column holds, by name and values; the likeliest of several."""
    if not table.filled(column) or table.kind(column) == "time":
        return None
    said = tuple(singular(word) for word in words(column))
    likely = ((_likeness(table, column, said, one), one) for one in parents if one.key != (column,) or one.name != table.name)
    fits = [(score, one) for score, one in likely if score and _values_fit(table, column, one)]
    best = max((score for score, _ in fits), default=None)
    likeliest = [one for score, one in fits if score == best]
    return likeliest[0] if len(likeliest) == 1 else None


def _likeness(table: Table, column: str, said: tuple[str, ...], parent: Table) -> tuple[int, ...] | None:
    """How much a column's name speaks of a table; the shorter name and the nearer kin win among equals."""
    key, kin = words(parent.key[0]), _common_start(table.noun, parent.noun)
    is_other = int(parent.name != table.name)
    if words(column) == key and key not in (("id",), ("name",), ("code",)) and is_other:
        return (4, is_other, -len(parent.noun), kin)
    if said == ("id",):
        return None
    if said in (("parent",), ("parent", "id")) or words(column)[:2] == ("reports", "to"):
        return None if is_other else (4, 0, 0, 0)
    meant = tuple(word for word in said if word not in ID_WORDS) or said
    meant = ("user",) if meant[-1] == "uid" else meant
    if meant[-len(parent.noun) :] == parent.noun or meant == parent.noun[-len(meant) :]:
        return (3 if len(meant) == len(parent.noun) else 2, is_other, -len(parent.noun), kin)
    return (1, is_other, -len(parent.noun), kin) if meant[-1] == parent.noun[-1] else None


def _common_start(one: Sequence[str], other: Sequence[str]) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _values_fit(table: Table, column: str, parent: Table) -> bool:
    """Whether the sampled values can be keys of the parent: all of them where it is known whole, else some, or in its range."""
    if table.kind(column) != parent.kind(parent.key[0]):
        return False
    here, there = table.different(column), parent.different(parent.key[0])
    if parent.is_whole:
        return bool(here) and here <= there
    if here & there:
        return True
    numbers = [value for value in table.filled(column) if isinstance(value, int)]
    known = [value for value in parent.filled(parent.key[0]) if isinstance(value, int)]
    return (
        bool(numbers and known)
        and parent.shape.rows is not None
        and min(known) <= min(numbers) <= max(numbers) <= parent.shape.rows
    )


def _parents_first(tables: list[Table]) -> list[Table]:
    there = {table.name for table in tables}
    ordered: list[Table] = []
    waiting = list(tables)
    while waiting:
        done = {table.name for table in ordered}
        ready = [
            table
            for table in waiting
            if all(one.table in done or one.table == table.name or one.table not in there for one in table.references)
        ]
        ready = ready or waiting[:1]  # a circle: its first table goes without
        ordered += ready
        waiting = [table for table in waiting if table not in ready]
    return ordered


def _is_written(value: str, way: str) -> bool:
    try:
        datetime.strptime(value, way)
    except ValueError:
        return False
    return True


def _is_moment(value: Any) -> bool:
    if isinstance(value, date | datetime):
        return True
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d", value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
