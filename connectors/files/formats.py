"""One file to rows, all of it or nothing: its parts are read to the end before any row is given away.

What belongs here: choosing the reader and keeping what it gives until the file is known to be whole. What does not: any one format.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.connection import Resource
from connectors.files.names import FILE, LINE, MODIFIED, OWN
from connectors.files.options import FileOptions
from connectors.files.places import LocalCopy, Part, SourceFile, parts_of, scratch_file
from connectors.files.rows import MOST_BAD_LINES, Bad, Batch
from connectors.files.values import Evidence, Values
from connectors.staged import Rejected
from lake.errors import ColumnMissingError, FileFormatError

if TYPE_CHECKING:
    import pyarrow as pa

ENDINGS: Mapping[str, str] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".xlsb": "excel",
    ".xls": "excel",
    ".ods": "excel",
    ".json": "json",
    ".jsonl": "ndjson",
    ".ndjson": "ndjson",
    ".parquet": "parquet",
    ".pq": "parquet",
}
GROWING = ("csv", "ndjson", "text")  # formats in which the beginning of a file can be read without its end


@dataclass
class ReadFile:
    """A file that was read to its end."""

    name: str  # what `_file` says
    spool: Path
    columns: list[str] = field(default_factory=list)
    rows: int = 0
    rejected: list[Rejected] = field(default_factory=list)

    def tables(self) -> Iterator["pa.Table"]:
        """Its rows, in the order of the file, with every column in each table."""
        import pyarrow as pa

        schema = pa.schema([(name, _arrow(name)) for name in self.columns])
        with pa.OSFile(str(self.spool)) as source:
            while source.tell() < source.size():
                with pa.ipc.open_stream(source) as stream:
                    for batch in stream:
                        if batch.num_rows:
                            yield _with_all(pa.Table.from_batches([batch]), schema)


@dataclass(frozen=True)
class FileReading:
    """What is to be known for reading the files of one resource."""

    resource: Resource
    options: FileOptions
    zone: str
    evidence: dict[str, Evidence]

    @contextmanager
    def read(self, file: SourceFile, copy: LocalCopy, *, name: str) -> Iterator[ReadFile]:
        """Reads a whole file; its rows can be had within the block.

        Args:
            file: As listed.
            copy: Its bytes.
            name: What `_file` is to say.

        Raises:
            FileFormatError: It cannot be read; the message names it. Nothing was added to the evidence.
        """
        before = {column: Evidence(list(one.counts), one.nested, one.kind) for column, one in self.evidence.items()}
        try:
            with scratch_file(".rows") as spool:
                read = ReadFile(name, spool)
                self._spool(file, copy, read)
                self._refuse_without_key(read)
                yield read
        except FileFormatError:
            self.evidence.clear()
            self.evidence.update(before)
            raise

    def _spool(self, file: SourceFile, copy: LocalCopy, read: ReadFile) -> None:
        import pyarrow as pa

        values = Values(self.options, self.resource.columns, self.evidence, zone=self.zone, modified=file.modified)
        try:
            with pa.OSFile(str(read.spool), "wb") as sink:
                for part in parts_of(read.name, copy, self.options):
                    kind = self.options.format or self._format(part)
                    bad = self._bad(part, read)
                    for batch in reader_of(kind)(part, self.options, bad):
                        table = self._finished(values, batch, part, file)
                        read.columns = list(dict.fromkeys([*read.columns, *table.column_names]))
                        read.rows += table.num_rows
                        with pa.ipc.new_stream(sink, table.schema) as stream:
                            stream.write_table(table)
        finally:
            values.close()

    def _format(self, part: Part) -> str:
        if self.options.pattern:
            return "text"
        if part.ending in ENDINGS:
            return ENDINGS[part.ending]
        raise FileFormatError(
            f"{part.name} has none of the known endings.",
            remedy=f"Say `format`, or use one of {', '.join(ENDINGS)}.",
            file=part.name,
        )

    def _bad(self, part: Part, read: ReadFile) -> Bad:
        def bad(line: int, rule: str, reason: str, text: str) -> None:
            read.rejected.append(Rejected(f"{part.name}:{line}", rule, f"{part.name}: {reason}", text))
            if len(read.rejected) > MOST_BAD_LINES:
                raise FileFormatError(
                    f"{part.name}: more than {MOST_BAD_LINES} lines cannot be read; the last one: {reason}.",
                    remedy="Check what the connection says of the format.",
                    file=part.name,
                )

        return bad

    def _finished(self, values: Values, batch: Batch, part: Part, file: SourceFile) -> "pa.Table":
        import pyarrow as pa

        for name, kind in batch.kinds.items():
            self.evidence.setdefault(name, Evidence()).declare(kind)
        for name, (whole, number, truth, nested) in batch.numbers.items():
            self.evidence.setdefault(name, Evidence()).count(whole=whole, number=number, truth=truth, nested=nested)
        table = values.canonical(batch.table, is_typed=bool(batch.numbers))
        if self.options.positions:
            table = table.append_column(FILE, pa.repeat(part.name, table.num_rows))
        else:
            table = table.drop_columns([LINE])
        if self.resource.cursor and self.resource.cursor.column == MODIFIED:
            table = table.append_column(MODIFIED, pa.repeat(file.modified.isoformat(), table.num_rows))
        return table

    def _refuse_without_key(self, read: ReadFile) -> None:
        lacking = [name for name in self.resource.key if name not in read.columns]
        if lacking and read.rows:
            raise ColumnMissingError(
                f"{read.name} has no column {', '.join(lacking)}, which the key needs.",
                remedy=f"Its columns are {', '.join(name for name in read.columns if name not in OWN) or 'none'}.",
                file=read.name,
            )


def reader_of(kind: str) -> Callable[[Part, FileOptions, Bad], Iterator[Batch]]:
    """The reader of a format."""
    from connectors.files import delimited, lines, records, sheets, tables

    return {
        "csv": delimited.read_delimited,
        "excel": sheets.read_sheet,
        "json": records.read_json,
        "ndjson": records.read_ndjson,
        "parquet": tables.read_parquet,
        "text": lines.read_lines,
    }[kind]


def can_grow(name: str, options: FileOptions) -> bool:
    """Whether the beginning of a file that is still being written to can be read."""
    if options.format:
        return options.format in GROWING
    return bool(options.pattern) or ENDINGS.get(Path(name.lower()).suffix) in GROWING


def _arrow(name: str) -> "pa.DataType":
    import pyarrow as pa

    return pa.int64() if name == "_line" else pa.string()


def _with_all(table: "pa.Table", schema: "pa.Schema") -> "pa.Table":
    import pyarrow as pa

    columns = [
        table.column(field.name).cast(field.type) if field.name in table.column_names else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
