"""An API's records as Arrow tables of text, and what types their columns are of.

What belongs here: the spelling of JSON values without loss, the types seen, and records that are none. What does not: requests and
pages. Turning text into the lake's types is the landing gate's: what does not fit goes to quarantine with the whole row.

Text keeps what JSON says: every digit of a number, nested values as JSON. A column whose records disagree is text.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from connectors.connection import Connection, Resource
from connectors.kinds.rest_increments import BEGINNING, Increment
from connectors.kinds.rest_options import EndpointOptions
from connectors.kinds.rest_steps import Transformation
from connectors.packages import reject
from connectors.staged import Rejected

if TYPE_CHECKING:
    import pyarrow as pa

OWN = frozenset({"_loaded_at", "_load_id", "_deleted_at", "_row_key", "_misfit", "_raw", "_is_bad", "@row", "@package"})
ENOUGH_RECORDS = 100  # a column that none of so many records has is gone; fewer may just not have it
SAMPLE = 5
BOOL, INT, HUGE, FLOAT, EXACT, DATE, NAIVE, MOMENT, TEXT, NESTED = (1 << bit for bit in range(10))
# a HUGEINT would be rounded: Parquet has no such type and DuckDB writes it as a double
KINDS = {
    BOOL: "BOOLEAN",
    INT: "BIGINT",
    HUGE: "DECIMAL(38, 0)",
    FLOAT: "DOUBLE",
    DATE: "DATE",
    NAIVE: "TIMESTAMP",
    MOMENT: "TIMESTAMPTZ",
}
_UNNAMED = str.maketrans("\n\r'\"▶", "_____")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(Z|[+-]\d\d(?::?\d\d)?)?)?")


class Column:
    """What was seen of one column."""

    def __init__(self) -> None:
        self.seen, self.whole, self.scale = 0, 1, 0

    def all_spelled(self, values: list[Any]) -> list[str | None]:
        """A page's values as text; mostly they are all of one type, and need no look one by one."""
        kinds = {type(value) for value in values} - {type(None)}
        if kinds == {str}:
            for value in set(values) - {None} if not self.seen & TEXT else ():
                self.seen |= _kind_of_text(value)
            return values
        if kinds == {int}:
            for extreme in (min, max):
                self._note_whole(extreme(value for value in values if value is not None))
            return [None if value is None else str(value) for value in values]
        return [self.spelled(value) for value in values]

    def spelled(self, value: Any) -> str | None:
        """The value as text; notes its type."""
        if value is None:
            return None
        if isinstance(value, str):
            if not self.seen & TEXT:
                self.seen |= _kind_of_text(value)
            return value
        if isinstance(value, bool):
            self.seen |= BOOL
            return "true" if value else "false"
        if isinstance(value, int):
            self._note_whole(value)
            return str(value)
        if isinstance(value, Decimal):
            return self._decimal(value)
        self.seen |= NESTED if isinstance(value, dict | list) else TEXT
        return as_json(value) if isinstance(value, dict | list) else str(value)

    def _note_whole(self, value: int) -> None:
        if -(2**63) <= value < 2**63:
            self.seen |= INT
            self.whole = max(self.whole, len(str(abs(value))))
        else:
            self.seen |= HUGE if abs(value) < 10**38 else TEXT
            self.whole = max(self.whole, len(str(abs(value))))

    def _decimal(self, value: Decimal) -> str:
        exponent = value.as_tuple().exponent
        if not isinstance(exponent, int):  # no finite number
            self.seen |= TEXT
            return str(value)
        self.seen |= FLOAT if Decimal(repr(float(value))) == value else EXACT
        self.scale = max(self.scale, -exponent)
        self.whole = max(self.whole, value.adjusted() + 1)
        return format(value, "f") if -40 < exponent < 40 else str(value)

    def kind(self) -> str | None:
        """The narrowest DuckDB type that holds all that was seen; None where nothing was."""
        if not self.seen:
            return None
        if self.seen in KINDS:
            return KINDS[self.seen]
        if self.seen == INT | HUGE:
            return "DECIMAL(38, 0)"
        if not self.seen & ~(INT | HUGE | FLOAT | EXACT):
            if not self.seen & (EXACT | HUGE) and self.whole <= 15:
                return "DOUBLE"
            return f"DECIMAL(38, {self.scale})" if self.whole + self.scale <= 38 else "VARCHAR"
        return "VARCHAR"


def _kind_of_text(value: str) -> int:
    matched = _MOMENT.fullmatch(value) if value[:2] in ("19", "20") else None
    if matched is None:
        return TEXT
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return TEXT
    if len(value) == 10:
        return DATE
    return MOMENT if matched.group(1) else NAIVE


def as_json(value: Any) -> str:
    """A value as JSON text, its numbers digit by digit."""
    import simplejson  # keeps decimals; dlt brings it

    words: str = simplejson.dumps(value, use_decimal=True, ensure_ascii=False, separators=(",", ":"))
    return words


def wider(known: str | None, seen: str | None) -> str:
    """The type to show for a column whose type was known from earlier readings."""
    if known is None or seen is None:
        return known or seen or "VARCHAR"
    lower, spelled = known.lower().replace(" ", ""), seen.lower().replace(" ", "")
    holds = {
        "double": ("bigint",),
        "timestamptz": ("date", "timestamp"),
        "timestamp": ("date",),
    }
    decimal = lower.startswith("decimal") and spelled in ("bigint", "double")
    fits = lower in (spelled, "varchar", "json") or spelled in holds.get(lower, ()) or decimal
    return known if fits else seen


class Records:
    """One resource's records during one reading; a step of dlt's pipe.

    Args:
        connection: Whose resource it is.
        resource: With key, cursor and declared columns.
        options: Of its endpoint.
        steps: From raw records to records.
        increment: The cursor, if there is one.
        known: Columns and types shown by earlier readings.
        only: Keep these fields and no others.
    """

    def __init__(
        self,
        connection: Connection,
        resource: Resource,
        options: EndpointOptions,
        steps: Transformation,
        increment: Increment | None,
        known: Mapping[str, str],
        *,
        only: tuple[str, ...] = (),
    ) -> None:
        self.connection, self.resource, self.options, self.steps = connection, resource, options, steps
        self.increment, self.known, self.only = increment, known, only
        cursor = (resource.cursor.column,) if resource.cursor else ()
        self.always = only or tuple(dict.fromkeys((*resource.key, *cursor, *resource.columns)))
        self.columns: dict[str, Column] = {name: Column() for name in self.always}
        self.named: dict[str, str] = {}  # field to column
        self.taken = {name.lower(): name for name in self.always}
        self.count = 0
        self.sample: list[dict[str, Any]] = []

    def __call__(self, page: Any, meta: Any = None) -> "pa.Table | None":
        """The page's records as a table; records that cannot be rows go to the dead letters."""
        records = [self._noted(record) for record in self._records(page if isinstance(page, list) else [page])]
        if self.increment:
            self.increment.save()
        if not records:
            return None
        try:
            return self._table(records)
        except UnicodeEncodeError:
            bad = [record for record in records if not _is_text(record)]
            self._reject([self._rejected(record, "a record's texts are text", "holds half a character") for record in bad])
            return self._table([record for record in records if _is_text(record)])

    def kinds(self) -> dict[str, str]:
        """Every column and its type: as declared, or as seen now and before."""
        seen = {name: column.kind() for name, column in self.columns.items()}
        gone = {name for name in self.known if name not in self.named.values() and self.count >= ENOUGH_RECORDS}
        names = [*self.always, *(name for name in self.known if name not in gone), *seen]
        shown = {name: wider(self.known.get(name), seen.get(name)) for name in names if name not in gone or not self.count}
        return {**shown, **{name: kind for name, kind in self.resource.columns.items() if name in shown}}

    def _records(self, page: list[Any]) -> list[dict[str, Any]]:
        good, bad = [], []
        for raw in page:
            try:
                for record in self.steps(raw):
                    if isinstance(record, dict):
                        good.append(record)
                    else:
                        bad.append(self._rejected(record, "a record is an object", f"is {type(record).__name__}"))
            except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
                bad.append(self._rejected(raw, "the steps lead to records", f"{type(error).__name__}: {error}"))
        self._reject(bad)
        return good

    def _reject(self, bad: list[Rejected]) -> None:
        if bad and not self.only:
            reject(self.connection, self.resource.name, bad)

    def _rejected(self, record: Any, rule: str, found: str) -> Rejected:
        import simplejson

        text = simplejson.dumps(record, use_decimal=True, ensure_ascii=True)
        key = [str(record.get(name)) for name in self.resource.key] if isinstance(record, dict) else []
        return Rejected(" | ".join(key), rule, f"{rule}, but it {found}", text)

    def _noted(self, record: dict[str, Any]) -> dict[str, Any]:
        """The record with moments as such and nothings as nothing; its cursor is taken notice of."""
        for column, unit in self.options.moments.items():
            if record.get(column) is not None:
                record = {**record, column: _moment(record[column], unit)}
        if self.options.null_values:
            nothing = self.options.null_values
            record = {name: None if isinstance(value, str) and value in nothing else value for name, value in record.items()}
        self.count += 1
        if len(self.sample) < SAMPLE:
            self.sample.append(record)
        if self.increment:
            self.increment.note(record)
        return {name: record.get(name) for name in self.only} if self.only else record

    def _name(self, field: str) -> str:
        """The column for a field: itself, unless the lake or another field has that name already (it does not tell cases apart)."""
        name = field.strip().translate(_UNNAMED)  # as dlt does, before it makes one column of two
        name = f"{name}_" if name in OWN or name.startswith("_dlt_") or not name else name
        while self.taken.get(name.lower(), field) != field:
            name += "_"
        self.named[field], self.taken[name.lower()] = name, field
        self.columns.setdefault(name, Column())
        return name

    def _table(self, records: list[dict[str, Any]]) -> "pa.Table":
        import pyarrow as pa

        fields = dict.fromkeys(name for record in records for name in record)
        columns: dict[str, Any] = dict.fromkeys(self.always)
        for field in fields:
            name = self.named.get(field) or self._name(field)
            columns[name] = self.columns[name].all_spelled([record.get(field) for record in records])
        empty = [None] * len(records)
        return pa.table({name: pa.array(values or empty, pa.string()) for name, values in columns.items()})


def _is_text(record: dict[str, Any]) -> bool:
    """Whether every text in the record is one: JSON may escape halves of characters, which are none."""
    try:
        for name, value in record.items():
            name.encode()
            if isinstance(value, str):
                value.encode()
            elif isinstance(value, dict | list):
                as_json(value).encode()
    except UnicodeEncodeError:
        return False
    return True


def _moment(value: Any, unit: str) -> Any:
    """A number of seconds or milliseconds since 1970 as ISO text; anything else as it is."""
    try:
        number = Decimal(str(value))
        moment = BEGINNING + timedelta(microseconds=int(number * (1_000_000 if unit == "epoch_seconds" else 1_000)))
    except (ArithmeticError, ValueError):
        return value
    return moment.astimezone(UTC).isoformat()
