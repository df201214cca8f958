"""How values of files are written, and what types they have: null words, numbers, dates and zones become text that the lake reads.

What belongs here: SQL over batches of text. What does not: parting a file into values (the readers) and casting (the landing gate).

A value that cannot be read as it is said to be is left as it stands, so that the gate finds it and keeps the row with it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from connectors.files.names import OWN
from connectors.files.options import FileOptions
from connectors.staged import narrowest, type_counts
from lake import quote
from lake.sql_text import as_text

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

NUMERIC = ("tinyint", "smallint", "int", "bigint", "hugeint", "float", "double", "real", "decimal", "numeric")
NAIVE = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?"  # a moment that names no zone
ZEROS = r"[0.:/ -]+"  # a date of zeros is no date
YEARS_BACK = 8  # the last leap year lies at most so far back
WHOLE, NUMBER = ("BIGINT", "INTEGER", "SMALLINT", "TINYINT"), ("DOUBLE", "FLOAT")


@dataclass
class Evidence:
    """What is known of one column from every value read so far."""

    counts: list[int] = field(default_factory=lambda: [0, 0, 0, 0, 0])  # as `connectors.staged.type_counts` gives them
    nested: int = 0
    kind: str = ""  # the type the file itself declares

    @property
    def is_settled(self) -> bool:
        """Whether no further value can make it anything but text."""
        return self.counts[0] > max(self.counts[1:]) and not self.nested

    def duckdb_type(self) -> str:
        """The narrowest type that holds every value."""
        if self.kind:
            return self.kind.lower()
        if self.nested and self.nested >= self.counts[0]:
            return "json"
        filled, *others = self.counts
        found = narrowest(filled, *(filled if filled and count >= filled else 0 for count in others))
        return {"TIMESTAMP WITH TIME ZONE": "timestamptz"}.get(found, found.lower())

    def count(self, *, whole: int, number: int, truth: int, nested: int) -> None:
        """Takes note of values whose type the file itself tells."""
        if not self.is_settled:
            now = (0, whole, whole + number, truth, 0)
            self.counts = [before + more for before, more in zip(self.counts, now, strict=True)]
            self.nested += nested

    def declare(self, kind: str) -> None:
        """Takes note of a type that a file declares; two different ones become one that holds both."""
        if self.kind in {"", kind}:
            self.kind = kind
        elif {self.kind, kind} <= {*WHOLE}:
            self.kind = "BIGINT"
        elif {self.kind, kind} <= {*WHOLE, *NUMBER}:
            self.kind = "DOUBLE"
        else:
            self.kind = "VARCHAR"

    def as_state(self) -> dict[str, Any]:
        """As dlt's state keeps it."""
        return {"counts": self.counts, "nested": self.nested, "kind": self.kind}


class Values:
    """Makes batches of one file canonical and gathers evidence of types."""

    def __init__(
        self,
        options: FileOptions,
        declared: Mapping[str, str],
        evidence: dict[str, Evidence],
        *,
        zone: str,
        modified: datetime,
    ) -> None:
        """Prepares for one file.

        Args:
            options: Of the resource.
            declared: Column to the DuckDB type said in the connection.
            evidence: Added to.
            zone: Of times that name none.
            modified: The file's date, from which missing years are inferred.
        """
        import duckdb

        self.options, self.declared, self.evidence, self.zone, self.modified = options, declared, evidence, zone, modified
        self.connection = duckdb.connect(config={"memory_limit": "512MB", "threads": "2"})
        self.connection.execute(f"set timezone = {as_text(zone)}")

    def close(self) -> None:
        """Frees what it holds."""
        self.connection.close()

    def canonical(self, batch: "pa.Table", *, is_typed: bool = False) -> "pa.Table":
        """The batch with every value as text the lake reads.

        Args:
            batch: Columns of text, and `_line`.
            is_typed: The file tells numbers from text itself, so evidence of numbers comes from the reader.
        """
        expressions = [expression for name in batch.column_names for expression in self._expressions(name)]
        expressions += [self._moment(name, parts) for name, parts in self._moments(batch.column_names)]
        self.connection.register("batch", batch)
        read = self.connection.execute(f"select {', '.join(expressions)} from batch").to_arrow_table()
        self.connection.unregister("batch")
        self._gather(read, is_typed)
        return read

    def _gather(self, batch: "pa.Table", is_typed: bool) -> None:
        known = {name: self.evidence.setdefault(name, Evidence()) for name in batch.column_names if name not in OWN}
        if self.options.types == "text":
            return
        open_ones = [name for name, one in known.items() if not (name in self.declared or one.kind or one.is_settled)]
        self.connection.register("batch", batch)
        for name, counts in type_counts(self.connection, "batch", open_ones).items():
            taken = [counts[0], 0, 0, 0, counts[4]] if is_typed else counts
            known[name].counts = [before + now for before, now in zip(known[name].counts, taken, strict=True)]
        self.connection.unregister("batch")

    def _expressions(self, name: str) -> list[str]:
        column = quote(name)
        if name in OWN:
            return [column]
        value = self._filled(name)
        kind = self.declared.get(name, "").lower()
        if name in self.options.dates:
            return self._date(name, value, kind)
        if kind.startswith(NUMERIC) or name in self.options.numbers:
            value = self._number(value)
        elif kind.startswith("timestamptz") or (not kind and self.zone != "UTC"):
            moment = f"cast(try_cast({value} as timestamptz) as varchar)"
            value = f"case when regexp_full_match({value}, {as_text(NAIVE)}) then coalesce({moment}, {value}) else {value} end"
        return [f"{value} as {column}"]

    def _filled(self, name: str) -> str:
        value = f"trim({quote(name)})" if self.options.trim else quote(name)
        words = ["", *self.options.null_values.get("*", ()), *self.options.null_values.get(name, ())]
        return f"case when {value} not in ({', '.join(as_text(word) for word in words)}) then {value} end"

    def _moments(self, columns: Sequence[str]) -> Iterator[tuple[str, tuple[str, str | None]]]:
        for name, (day, clock) in self.options.moments.items():
            if day in columns:
                yield name, (day, clock if clock in columns else None)

    def _moment(self, name: str, parts: tuple[str, str | None]) -> str:
        """A day and a time of day in two columns as one moment; without a time of day at its beginning."""
        day, clock = (self._coalesced(part) if part else "null" for part in parts)
        moment = f"cast({day} as date) + coalesce(cast(cast({clock} as timestamp) as time), time '00:00:00')"
        return f"cast(cast({moment} as timestamptz) as varchar) as {quote(name)}"

    def _coalesced(self, name: str) -> str:
        text = f"trim({self._filled(name)})"
        text = f"case when not regexp_full_match({text}, {as_text(ZEROS)}) then {text} end" if name not in self._clocks() else text
        return f"coalesce({', '.join(self._parsed(text, form) for form in self.options.dates[name])})"

    def _clocks(self) -> set[str]:
        return {clock for _, clock in self.options.moments.values()}

    def _number(self, value: str) -> str:
        """`1.234,50-` becomes `-1234.50`."""
        decimal, thousands = _escaped(self.options.decimal), self.options.thousands
        grouped = rf"\d{{1,3}}({_escaped(thousands)}\d{{3}})+" if thousands else r"\d+"
        form = rf"\s*[-+]?\s*(\d*|{grouped})({decimal}\d*)?\s*-?\s*"
        bare = f"regexp_replace({value}, '[-+\\s]', '', 'g')"
        if thousands:
            bare = f"replace({bare}, {as_text(thousands)}, '')"
        bare = f"replace({bare}, {as_text(self.options.decimal)}, '.')"
        sign = f"case when contains({value}, '-') then '-' else '' end"
        is_one = f"regexp_full_match({value}, {as_text(form)}) and regexp_matches({value}, '\\d')"
        return f"case when {is_one} then {sign} || {bare} else {value} end"

    def _date(self, name: str, value: str, kind: str) -> list[str]:
        formats = self.options.dates[name]
        text = f"trim({value})"
        parsed = ", ".join(self._parsed(text, form) for form in formats)
        moment = f"coalesce({parsed})"
        if kind == "date":
            said = f"strftime({moment}, '%Y-%m-%d')"
        elif kind == "time":
            said = f"strftime({moment}, '%H:%M:%S')"
        else:
            said = f"cast({moment} as varchar)"
        is_zeros = "false" if kind == "time" else f"regexp_full_match({text}, {as_text(ZEROS)})"
        made = [f"case when not {is_zeros} then coalesce({said}, {value}) end as {quote(name)}"]
        if kind != "time" and self.options.year is None and any(_is_yearless(form) for form in formats):
            dated = [self._parsed(text, form) for form in formats if not _is_yearless(form)] or ["null"]
            inferred = f"case when {value} is not null then (coalesce({', '.join(dated)}) is null)::varchar end"
            made.append(f"{inferred} as {quote(f'{name}_year_is_inferred')}")
        return made

    def _parsed(self, text: str, form: str) -> str:
        if form == "iso":
            return f"try_cast({text} as timestamptz)"
        if not _is_yearless(form) or not any(mark in form for mark in ("%b", "%B", "%m", "%d", "%j")):
            return f"cast(try_strptime({text}, {as_text(form)}) as timestamptz)"
        if self.options.year is not None:
            return self._in_year(text, form, self.options.year)
        latest = (self.modified + timedelta(days=1)).isoformat()
        years = [self._in_year(text, form, self.modified.year + 1 - back) for back in range(YEARS_BACK + 1)]
        return f"coalesce({', '.join(f'case when {one} <= timestamptz {as_text(latest)} then {one} end' for one in years)})"

    def _in_year(self, text: str, form: str, year: int) -> str:
        return f"cast(try_strptime({text} || ' {year}', {as_text(f'{form} %Y')}) as timestamptz)"


def duckdb_types(evidence: Mapping[str, Evidence], declared: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """The types these columns are to have in the lake: as declared, else as the values show."""
    return {name: declared.get(name) or evidence.get(name, Evidence()).duckdb_type() for name in names}


def _is_yearless(form: str) -> bool:
    return form != "iso" and not any(mark in form for mark in ("%Y", "%y", "%G", "%s"))


def _escaped(character: str | None) -> str:
    return f"[{character}]" if character not in {None, "^", "\\"} else f"\\{character}"


def text_type(connection: "duckdb.DuckDBPyConnection", relation: str) -> dict[str, str]:
    """The columns and DuckDB types of a relation."""
    return {row[0]: row[1] for row in connection.execute(f"describe from {relation}").fetchall()}
