"""Answers that are kept: what a question to a large log of the lake gave is not computed again while the log stays as it is.

What belongs here: keeping answers as Parquet files below HOME, finding them, bounding them. What does not: the questions
(`mining.kernels`) and which of them are worth it (`mining.event_log`).

An answer is found by the state of the log (its version and when its layout was built) and the whole SQL of the question, which
holds the filters and parameters. A log that changed has another version, so that no answer is ever out of date; those that nobody
asks for any more go first when there are too many. An answer that cannot be read is computed again.
"""

import contextlib
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from lake.settings import get_settings

if TYPE_CHECKING:
    import duckdb
    import pyarrow

LIMIT_BYTES = 256_000_000  # of all answers together
LIMIT_ROWS = 200_000  # of one answer


@dataclass(frozen=True)
class Answers:
    """The kept answers to questions about one state of one process.

    Attributes:
        process: Name of the process.
        state: A word for the state of the log and its layout.
    """

    process: str
    state: str

    def ask(self, connection: "duckdb.DuckDBPyConnection", sql: str) -> "duckdb.DuckDBPyRelation":
        """The relation that the SQL gives, from the kept answer or computed and kept; larger ones are not kept.

        Args:
            connection: Where the log is.
            sql: A `select` without moments or chance in it; the whole text, filters included.
        """
        path = self._path(sql)
        if (table := _read(path)) is None:
            relation = connection.sql(sql)
            table = _at_most(relation, LIMIT_ROWS)
            if table is None:
                return relation
            _keep(path, table)
        return connection.from_arrow(table)

    def _path(self, sql: str) -> Path:
        name = hashlib.sha256(f"{self.state}\n{sql}".encode()).hexdigest()[:40]
        return _folder(self.process) / f"{name}.parquet"


def forget_answers(process: str) -> None:
    """Deletes what is kept of a process."""
    shutil.rmtree(_folder(process), ignore_errors=True)


def _folder(process: str) -> Path:
    """The folder of a process; named by a digest, because a process's name may hold what a file's name may not."""
    return get_settings().home / "answers" / hashlib.sha256(process.encode()).hexdigest()[:16]


def _read(path: Path) -> "pyarrow.Table | None":
    if not path.exists():
        return None
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
        os.utime(path)  # it was asked for now
    except (OSError, pyarrow.ArrowException):  # cut short, or thrown out in this moment
        return None
    return table


def _at_most(relation: "duckdb.DuckDBPyRelation", rows: int) -> "pyarrow.Table | None":
    """The relation's rows, or None if there are more."""
    table = relation.limit(rows + 1).to_arrow_table()
    return table if table.num_rows <= rows else None


def _keep(path: Path, table: "pyarrow.Table") -> None:
    """Writes an answer whole or not at all; where it cannot be written, it is not kept."""
    from pyarrow import parquet

    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            parquet.write_table(table, file, compression="zstd")
        Path(file.name).replace(path)
        _throw_out(path.parent.parent)


def _throw_out(folder: Path) -> None:
    """Deletes the answers that were not asked for the longest, until the others are within the limit."""
    files = [(path, path.stat()) for path in folder.glob("*/*")]
    total = sum(stat.st_size for _, stat in files)
    for path, stat in sorted(files, key=lambda file: file[1].st_mtime):
        if total <= LIMIT_BYTES:
            return
        path.unlink(missing_ok=True)
        total -= stat.st_size
