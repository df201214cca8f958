"""XES straight into the lake, while it is being read: the way for logs in which every event is complete and as declared.

What belongs here: the one pass. What does not: anything out of the ordinary, such as an event without a time or a value that is
not of its declared type: `land_stream` raises NeedsStaging then, and the file goes the way of all formats, over a temporary table.
"""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from connectors.event_log_columns import Roles, assign_roles, attribute_names
from connectors.event_log_landing import COMPLETE, FileOptions, ImportReport, clear_process, publish
from connectors.staged import ROW, Progress
from connectors.xes_files import TYPES, Irregular, chunked, plain_name, row_numbers
from connectors.xes_scan import Batch, Column
from lake import quote
from lake.errors import ColumnMissingError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


_CONTRACT = (
    "case_id varchar, activity varchar, occurred_at timestamptz, started_at timestamptz, resource varchar, source_row bigint"
)
_OWN = "_loaded_at timestamptz, _load_id varchar"


class NeedsStaging(Exception):
    """The log is out of the ordinary; what was written must be rolled back and the file staged."""


def land_stream(
    connection: "duckdb.DuckDBPyConnection", path: Path, *, process: str, options: FileOptions, progress: Progress
) -> ImportReport:
    """Lands an XES file in one pass.

    Raises:
        NeedsStaging: See there.
        FileFormatError: The file is damaged.
    """
    details: dict[str, Any] = {}
    stream = _Stream(chunked(path, details, progress))
    landing = _Landing(connection, process, options)
    while stream.advance():
        landing.widen(stream.columns)
        connection.register("xes_rows", stream.reader())
        connection.execute(landing.insert())
        connection.unregister("xes_rows")
        stream.complain()
    counts = landing.counts(stream)
    described = {"log": details} if details else {}
    report = publish(connection, process, landing.roles(), counts, file=path.name, details=described, lifecycle=options.lifecycle)
    return replace(report, load_id=landing.load_id)


class _Stream:
    """Batches as record batches of one schema, until one comes with columns that were not there before."""

    def __init__(self, batches: Iterator[Batch]) -> None:
        self.columns: list[Column] = []
        self.rows = 0
        self.filled: dict[Column, int] = {}
        self._batches = batches
        self._next: Batch | None = None
        self._error: BaseException | None = None

    def advance(self) -> bool:
        """Whether there are more rows; takes up the columns of the next ones."""
        if self._next is None:
            self._fetch()
            self.complain()
        if self._next is None:
            return False
        self.columns += [column for column in self._next.columns if column not in self.filled]
        self.filled |= {column: 0 for column in self._next.columns if column not in self.filled}
        return True

    def reader(self) -> "pa.RecordBatchReader":
        """The rows whose columns are known, as Arrow's stream; an error ends it and is kept for `complain`."""
        import pyarrow as pa

        fields = [pa.field(ROW, pa.int64()), *(pa.field(plain_name(column), pa.string_view()) for column in self.columns)]
        schema = pa.schema(fields)
        return pa.RecordBatchReader.from_batches(schema, self._record_batches(schema))

    def complain(self) -> None:
        """Raises what went wrong while the rows were read."""
        if isinstance(self._error, Irregular | expat.ExpatError | UnicodeDecodeError):
            raise NeedsStaging from self._error
        if self._error is not None:
            raise self._error

    def _record_batches(self, schema: "pa.Schema") -> "Iterator[pa.RecordBatch]":
        while self._next is not None and self._next.columns.keys() <= self.filled.keys():
            yield self._record_batch(self._next, schema)
            self._fetch()

    def _record_batch(self, batch: Batch, schema: "pa.Schema") -> "pa.RecordBatch":
        import pyarrow as pa

        for column, values in batch.columns.items():
            self.filled[column] += batch.events - values.null_count
        arrays = [pa.Array.from_buffers(pa.int64(), batch.events, [None, pa.py_buffer(row_numbers(self.rows, batch.events))])]
        for column in self.columns:
            values = batch.columns.get(column)
            arrays.append(pa.nulls(batch.events, pa.string_view()) if values is None else values.cast(pa.string_view()))
        self.rows += batch.events
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _fetch(self) -> None:
        try:
            self._next = next((batch for batch in self._batches if batch.events), None)
        except Exception as error:  # DuckDB would bury it in one of its own
            self._next, self._error = None, error


class _Landing:
    """The raw table of the process, which gains columns as they come."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection", process: str, options: FileOptions) -> None:
        self._connection = connection
        self._given = {role: getattr(options, role) for role in ("case", "activity", "timestamp", "start", "resource")}
        self._table = f"raw_files.{quote(process)}"
        self.load_id = uuid.uuid4().hex
        self._roles: Roles | None = None
        self._columns: dict[str, Column] = {}
        self._names: dict[str, str] = {}
        clear_process(connection, process)

    def roles(self) -> Roles:
        """Which key plays which part."""
        if self._roles is None:
            raise NeedsStaging
        return self._roles

    def widen(self, columns: list[Column]) -> None:
        """Makes the table, or adds the columns it lacks; the parts must stay with the keys that had them first."""
        self._columns = {column.key: column for column in columns}
        try:
            roles = assign_roles(list(self._columns), self._given, file="")
        except ColumnMissingError as error:
            raise NeedsStaging from error
        is_odd = len(self._columns) < len(columns) or self._roles not in (None, roles)
        if is_odd or any(self._columns[key].kind != "date" for key in (roles.timestamp, roles.start) if key):
            raise NeedsStaging
        names = attribute_names(key for key in self._columns if key not in roles.taken)
        added = [f"{quote(name)} {self._type(key)}" for key, name in names.items() if key not in self._names]
        if self._roles is None:
            self._connection.execute(f"create table {self._table} ({', '.join([_CONTRACT, *added, _OWN])})")
        else:
            for definition in added:
                self._connection.execute(f"alter table {self._table} add column {definition}")
        self._roles, self._names = roles, names

    def insert(self) -> str:
        """The statement that lands the registered stream `xes_rows`."""
        roles = self.roles()
        chosen = {
            "case_id": f"nullif({self._value(roles.case)}, '')",
            "activity": f"nullif({self._value(roles.activity)}, '')",
            "occurred_at": self._value(roles.timestamp),
            "started_at": self._value(roles.start) if roles.start else "null",
            "resource": self._value(roles.resource) if roles.resource else "null",
            "source_row": quote(ROW),
            **{quote(name): self._value(key) for key, name in self._names.items()},
        }
        values = ", ".join(f"{value} as {name}" for name, value in chosen.items())
        return (
            f"insert into {self._table} ({', '.join(chosen)}, _loaded_at, _load_id)"
            f" select *, now(), '{self.load_id}' from (select {values} from xes_rows) where {COMPLETE}"
        )

    def counts(self, stream: _Stream) -> tuple[int, int, int]:
        """Cases, events and activities; NeedsStaging if an event or a value did not arrive."""
        typed = {key: column for key, column in self._columns.items() if column.kind in TYPES and key in self._names}
        filled = "".join(f", count({quote(self._names[key])})" for key in typed)
        row = self._connection.execute(
            f"select count(distinct case_id), count(*), count(distinct activity){filled} from {self._table}"
        ).fetchone()
        if row is None or row[1] != stream.rows or list(row[3:]) != [stream.filled[column] for column in typed.values()]:
            raise NeedsStaging
        return row[0], row[1], row[2]

    def _type(self, key: str) -> str:
        return TYPES.get(self._columns[key].kind, "VARCHAR")

    def _value(self, key: str) -> str:
        column = self._columns[key]
        name = quote(plain_name(column))
        return f"try_cast({name} as {TYPES[column.kind]})" if column.kind in TYPES else name
