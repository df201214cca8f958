"""Filters by the attributes of events and cases: their values, ranges, and who did what.

What belongs here: filters that read other columns than case, activity and time. What does not: `mining.case_filters` and
`mining.order_filters`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from lake.errors import DataError
from mining.filter_base import Filter, Stage, check_flag, choose, inverted, plain_value, set_texts
from mining.sql_text import literal, literals

_MODES = ("keep", "drop", "mandatory", "forbidden", "every", "first", "last")
_NUMBERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "FLOAT",
    "DOUBLE",
)
_TIMES = ("DATE", "TIMESTAMP", "TIME")


@dataclass(frozen=True)
class Attribute(Filter):
    """Cases or events by the values of a column of the case view; None among the values stands for «no value».

    Events: keep keeps those with such a value and drop the others. Cases: mandatory keeps those with an event that has one,
    forbidden those without, every those in which every event has one, first and last those whose first or last event has one.
    An attribute of the case has the same value at every event; `first` is the quickest way to ask for it.

    Args:
        column: Name of the column.
        values: The values, or none to use the bounds alone.
        mode: See above.
        minimum: Smallest value, itself included.
        maximum: Largest value, itself included.
    """

    column: str
    values: tuple[Any, ...] = ()
    mode: Literal["keep", "drop", "mandatory", "forbidden", "every", "first", "last"] = "mandatory"
    minimum: Any = None
    maximum: Any = None
    name = "attribute"

    def __post_init__(self) -> None:
        choose(self, "mode", _MODES)
        values = self.values if isinstance(self.values, list | tuple | set | frozenset) else (self.values,)
        object.__setattr__(self, "values", tuple(plain_value(value) for value in values))
        for bound in ("minimum", "maximum"):
            object.__setattr__(self, bound, plain_value(getattr(self, bound)))

    @property
    def is_of_events(self) -> bool:
        """The modes keep and drop are."""
        return self.mode in ("keep", "drop")

    def case_predicate(self, stage: Stage) -> str:
        """See `Filter.case_predicate`."""
        if self.column == "activity" and self.minimum is self.maximum is None:
            return self._by_variant(stage)
        matches = self._matches(stage)
        if self.mode in ("first", "last"):
            which = "arg_min" if self.mode == "first" else "arg_max"
            ends = f"{which}({matches}, struct_pack(t := e.occurred_at, r := e.source_row))"
            return f"c.case_id in (select e.case_id from ({stage.source}) as e group by e.case_id having {ends})"
        wanted = f"not {matches}" if self.mode == "every" else matches
        found = f"c.case_id in (select e.case_id from ({stage.source}) as e where {wanted})"
        return inverted(found, self.mode == "mandatory")

    def event_predicate(self, stage: Stage) -> str:
        """See `Filter.event_predicate`."""
        return inverted(self._matches(stage), self.mode == "keep")

    def _by_variant(self, stage: Stage) -> str:
        conditions = {
            "mandatory": "list_has_any(ids, a1)",
            "forbidden": "not list_has_any(ids, a1)",
            "every": "list_has_all(a1, ids)",
            "first": "list_contains(a1, ids[1])",
            "last": "list_contains(a1, ids[-1])",
        }
        names = [value for value in self.values if isinstance(value, str)]
        return stage.variants_where(conditions[self.mode], names)

    def _matches(self, stage: Stage) -> str:
        column, kind = stage.column(self.column)
        named = [value for value in self.values if value is not None]
        choices = [f"{_read(column, kind, named)} in ({_written(self.column, kind, named)})"] if named else []
        choices += [f"{column} is null"] if None in self.values else []
        bounds = [
            f"{_read(column, kind, [bound])} {sign} {_written(self.column, kind, [bound])}"
            for bound, sign in ((self.minimum, ">="), (self.maximum, "<="))
            if bound is not None
        ]
        parts = ([f"({' or '.join(choices)})"] if choices else []) + bounds
        return f"coalesce({' and '.join(parts)}, false)" if parts else "false"


@dataclass(frozen=True)
class FourEyes(Filter):
    """Cases in which `first` and `second` were both done: by different people, or by the same one.

    same: somebody did both. different: somebody is known to have done each, and nobody did both. Events without a resource are
    looked past: they neither break nor keep the rule.

    Args:
        first: Activities.
        second: Other activities; their order does not matter.
        mode: See above.
        column: The column with the resource.
    """

    first: tuple[str, ...]
    second: tuple[str, ...]
    mode: Literal["different", "same"] = "different"
    column: str = "resource"
    keep: bool = True
    name = "four_eyes"

    def __post_init__(self) -> None:
        choose(self, "mode", ("different", "same"))
        check_flag(self)
        set_texts(self, "first", "second", needed=True)

    def case_predicate(self, stage: Stage) -> str:
        """See `Filter.case_predicate`."""
        who, _ = stage.column(self.column)
        sets = [f"list(distinct {who}) filter (where e.activity in ({literals(names)}))" for names in (self.first, self.second)]
        both = f"list_has_any({sets[0]}, {sets[1]})"
        wanted = both if self.mode == "same" else f"{sets[0]} is not null and {sets[1]} is not null and not {both}"
        events = f"({stage.source}) as e where e.activity in ({literals((*self.first, *self.second))}) and {who} is not null"
        return inverted(f"c.case_id in (select e.case_id from {events} group by e.case_id having {wanted})", self.keep)


def _read(column: str, kind: str, values: Iterable[Any]) -> str:
    """The column as the values can be compared with: a text is a number where it looks like one."""
    is_number = any(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return f"try_cast({column} as double)" if is_number and kind == "VARCHAR" else column


def _written(name: str, kind: str, values: Iterable[Any]) -> str:
    return ", ".join(_literal(name, kind, value) for value in values)


def _literal(name: str, kind: str, value: Any) -> str:
    """The value as the column's type can be compared with.

    Raises:
        DataError: Nothing of that type can be compared with it.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    numeric = kind in _NUMBERS or kind.startswith("DECIMAL")
    if kind == "VARCHAR" or (numeric and is_number) or (kind == "BOOLEAN" and isinstance(value, bool)):
        return literal(value)
    if kind.startswith(_TIMES) and isinstance(value, str):
        return f"cast({literal(value)} as {kind.lower()})"
    if kind in ("UUID",) or kind.startswith("ENUM"):
        return literal(str(value))
    raise DataError(
        f"`{name}` holds {kind.lower()}, which {value!r} cannot be compared with.",
        remedy="Give a value of that type: text in quotes, numbers and true or false without.",
        column=name,
    )
