"""The staged packages of a connection: rows that have been read and are not in the lake yet, as Parquet files below HOME/landing.

What belongs here: finding, holding and deleting them. What does not: making them (`connectors.extract`) and landing them
(`connectors.load`).

A package is complete when dlt has written its mark; it stays until `discard` is told that its rows are in the lake, so a crash in
between loses nothing.
"""

import json
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.connection import Connection
from connectors.staged import Rejected
from lake import get_settings

if TYPE_CHECKING:
    import pyarrow as pa

DATASET = "staged"
AGAIN = "read_again.json"
KEYS = "__keys"  # what follows a resource's name in the table of all its keys


@dataclass(frozen=True)
class Packages:
    """The staged rows of one connection that are not in the lake yet."""

    load_ids: tuple[str, ...]  # oldest first
    files: Mapping[str, tuple[Path, ...]]  # resource to its Parquet files, oldest first
    held: Mapping[str, tuple[Path, ...]]  # resource to the rows that the gate held back before
    keys: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)  # resource to every key there was at the newest reading
    rejected: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)  # resource to records that could not become rows
    columns: Mapping[str, Mapping[str, str]] = field(
        default_factory=dict
    )  # resource to the columns the source showed last, and types
    cursors: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # resource to where its cursor stood before and after
    emptied: frozenset[str] = frozenset()  # resources whose keys were read and there were none


def pending(connection: Connection) -> Packages:
    """The complete packages whose rows are still to be landed."""
    folder = root(connection) / DATASET
    complete = {mark.stem.rpartition("__")[2] for mark in folder.glob("_dlt_loads/*")}
    names = [resource.name for resource in connection.resources]
    files = {name: _complete(folder / name, complete) for name in names}
    keys = {name: _newest(_complete(folder / f"{name}{KEYS}", complete)) for name in names}
    latest = {name: _load_id(files[name][-1]) if files[name] else "" for name in names}
    held, rejected = _held_folder(connection), _rejected_folder(connection)
    known = _remembered(connection)
    emptied = {name: load_id for name, load_id in known.get("emptied", {}).items() if load_id >= latest.get(name, "")}
    emptied = {name: load_id for name, load_id in emptied.items() if name in keys and load_id > _reading(keys[name])}
    # keys older than the rows say nothing of them; a reading of no keys leaves no file, so that it is remembered
    told = {name: () if name in emptied or _reading(found) < latest[name] else found for name, found in keys.items()}
    return Packages(
        tuple(sorted({_load_id(path) for paths in (*files.values(), *keys.values()) for path in paths})),
        files,
        {name: tuple(sorted(held.glob(f"{name}.*.parquet"))) for name in names},
        told,
        {name: tuple(sorted(rejected.glob(f"{name}.*.json"))) for name in names},
        known.get("columns", {}),
        {name: (before, after) for name, (before, after) in known.get("cursors", {}).items()},
        frozenset(emptied),
    )


def _complete(folder: Path, load_ids: Collection[str]) -> tuple[Path, ...]:
    return tuple(sorted((path for path in folder.glob("*.parquet") if _load_id(path) in load_ids), key=_load_id))


def _reading(paths: tuple[Path, ...]) -> str:
    """The load these files came with; before every load where there are none."""
    return _load_id(paths[0]) if paths else ""


def _newest(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    return tuple(path for path in paths if _load_id(path) == _load_id(paths[-1]))


def held_path(connection: Connection, resource: str, load_id: str) -> Path:
    """Where the rows that the gate held back in this load are kept, to be judged again with the next."""
    return _held_folder(connection) / f"{resource}.{load_id}.parquet"


def draft_of(path: Path) -> Path:
    """Where a file of held rows is written until its load has landed; no reading finds it there."""
    return path.with_suffix(".new")


def keep_held(paths: Iterable[Path], *, has_landed: bool) -> None:
    """Makes drafts of held rows what they are to be, or drops them where nothing landed."""
    for path in paths:
        if has_landed:
            draft_of(path).replace(path)
        else:
            draft_of(path).unlink(missing_ok=True)


def reject(connection: Connection, resource: str, records: Iterable[Rejected], *, batch: str = "") -> None:
    """Keeps records that cannot even become rows, until the next landing writes them to quarantine.rows; durable on return.

    A batch of the same name is replaced, so that what is read again after a crash is not counted twice.
    """
    words = json.dumps([asdict(record) for record in records], ensure_ascii=False)
    path = _rejected_folder(connection) / f"{resource}.{batch or time.time_ns()}.json"
    fresh = path.with_suffix(".new")
    fresh.write_text(words, encoding="utf-8")
    fresh.replace(path)


def stage(connection: Connection, resource: str, rows: "pa.Table") -> None:
    """Stages rows that no extraction brought, as a package of their own; durable on return."""
    import pyarrow.parquet as pq

    folder, marks = root(connection) / DATASET / resource, root(connection) / DATASET / "_dlt_loads"
    for each in (folder, marks):
        each.mkdir(parents=True, exist_ok=True)
    load_id = f"{time.time():.6f}"
    draft = folder / f".{load_id}.new"
    pq.write_table(rows, draft)
    draft.replace(folder / f"{load_id}.replayed.parquet")
    (marks / f"{connection.name}__{load_id}.jsonl").write_text(json.dumps({"replayed": rows.num_rows}), encoding="utf-8")


def replace_held(connection: Connection, resource: str, *, key: str, without: Sequence[str]) -> None:
    """Takes rows out of those the gate held back.

    Args:
        connection: The connection.
        resource: Whose rows.
        key: SQL over a held row that gives its key.
        without: The keys of the rows that go.
    """
    import duckdb

    for path in _held_folder(connection).glob(f"{resource}.*.parquet") if without else ():
        fresh = path.with_suffix(".new")
        rest = f"from read_parquet($path) where nullif({key}, '') is null or {key} not in (select unnest($without::varchar[]))"
        found = duckdb.execute(rest, {"path": str(path), "without": list(without)}).to_arrow_table()
        if found.num_rows:
            import pyarrow.parquet as pq

            pq.write_table(found, fresh)
            fresh.replace(path)
        else:
            path.unlink()


def rejected_records(paths: Iterable[Path]) -> list[Rejected]:
    """What `reject` kept in these files."""
    return [Rejected(**record) for path in paths for record in json.loads(path.read_text(encoding="utf-8"))]


def discard(connection: Connection, packages: Packages, *, but: Collection[Path] = ()) -> None:
    """Deletes staged, held and rejected files that have been dealt with; personal data stays in no second place."""
    for kind in (packages.files, packages.held, packages.keys, packages.rejected):
        for path in (path for paths in kind.values() for path in paths if path not in but):
            path.unlink(missing_ok=True)
    for path in (root(connection) / DATASET).glob(f"*{KEYS}/*.parquet"):
        if _load_id(path) in packages.load_ids:
            path.unlink(missing_ok=True)
    remember(connection, columns=packages.columns, cursors={})


def forget(connection: Connection) -> None:
    """Drops staged packages and cursors of a connection, so that the next run reads everything again; the lake is left alone."""
    import shutil

    shutil.rmtree(root(connection), ignore_errors=True)
    shutil.rmtree(get_settings().home / "dlt" / pipeline_name(connection), ignore_errors=True)


def root(connection: Connection) -> Path:
    """The folder of a connection's packages."""
    return get_settings().folder("landing", connection.name)


def _held_folder(connection: Connection) -> Path:
    return get_settings().folder("landing", connection.name, "held")


def _rejected_folder(connection: Connection) -> Path:
    return get_settings().folder("landing", connection.name, "rejected")


def pipeline_name(connection: Connection) -> str:
    """What dlt calls the connection's pipeline."""
    return f"grimoire_{connection.name}"


def _load_id(path: Path) -> str:
    return ".".join(path.name.split(".")[:2])  # 1795234641.961712.25cb0b0a13.parquet


def remember(
    connection: Connection,
    *,
    columns: Mapping[str, Any],
    cursors: Mapping[str, tuple[str, str]],
    emptied: Mapping[str, str] | None = None,
) -> None:
    """Keeps which columns of which type the source showed, how far the cursors went in what is staged, and where no keys were left.

    Args:
        connection: The connection.
        columns: Resource to columns and DuckDB types.
        cursors: Resource to where its cursor stood before and after.
        emptied: Resource whose keys were read and there were none, to the load that read them.
    """
    unlanded = _remembered(connection).get("cursors", {}) if cursors else {}
    moved = {name: (unlanded.get(name, (before, after))[0], after) for name, (before, after) in cursors.items()}
    path = root(connection) / "extraction.json"
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"columns": columns, "cursors": moved, "emptied": dict(emptied or {})}), encoding="utf-8")
    fresh.replace(path)


def read_again(connection: Connection, resources: Iterable[str]) -> None:
    """Has the next run read these resources from the beginning, for the source has rows that a cursor did not lead to."""
    path = root(connection) / AGAIN
    wanted = sorted({*to_read_again(connection), *resources})
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(wanted), encoding="utf-8")
    fresh.replace(path)


def to_read_again(connection: Connection) -> list[str]:
    """The resources the next run reads from the beginning."""
    path = root(connection) / AGAIN
    wanted: list[str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return wanted


def has_read_again(connection: Connection) -> None:
    """Notes that those resources have been read and staged."""
    (root(connection) / AGAIN).unlink(missing_ok=True)


def shown_columns(connection: Connection) -> dict[str, dict[str, str]]:
    """Per resource the columns and DuckDB types the source showed when it was last read; empty if it never was."""
    columns: dict[str, dict[str, str]] = _remembered(connection).get("columns", {})
    return columns


def _remembered(connection: Connection) -> dict[str, Any]:
    path = root(connection) / "extraction.json"
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return known
