"""The staged packages of a connection: rows that have been read and are not in the lake yet, as Parquet files below HOME/landing.

What belongs here: finding, holding and deleting them. What does not: making them (`connectors.extract`) and landing them
(`connectors.load`).

A package is complete when dlt has written its mark; it stays until `discard` is told that its rows are in the lake, so a crash in
between loses nothing.
"""

import json
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from connectors.connection import Connection
from connectors.staged import Rejected
from lake import get_settings

DATASET = "staged"
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


def pending(connection: Connection) -> Packages:
    """The complete packages whose rows are still to be landed."""
    folder = root(connection) / DATASET
    complete = {mark.stem.rpartition("__")[2] for mark in folder.glob("_dlt_loads/*")}
    names = [resource.name for resource in connection.resources]
    files = {name: _complete(folder / name, complete) for name in names}
    keys = {name: _newest(_complete(folder / f"{name}{KEYS}", complete)) for name in names}
    held, rejected = _held_folder(connection), _rejected_folder(connection)
    known = _remembered(connection)
    return Packages(
        tuple(sorted({_load_id(path) for paths in (*files.values(), *keys.values()) for path in paths})),
        files,
        {name: tuple(sorted(held.glob(f"{name}.*.parquet"))) for name in names},
        keys,
        {name: tuple(sorted(rejected.glob(f"{name}.*.json"))) for name in names},
        known.get("columns", {}),
        {name: (before, after) for name, (before, after) in known.get("cursors", {}).items()},
    )


def _complete(folder: Path, load_ids: Collection[str]) -> tuple[Path, ...]:
    return tuple(sorted((path for path in folder.glob("*.parquet") if _load_id(path) in load_ids), key=_load_id))


def _newest(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    return tuple(path for path in paths if _load_id(path) == _load_id(paths[-1]))


def held_path(connection: Connection, resource: str, load_id: str) -> Path:
    """Where the rows that the gate held back in this load are kept, to be judged again with the next."""
    return _held_folder(connection) / f"{resource}.{load_id}.parquet"


def reject(connection: Connection, resource: str, records: Iterable[Rejected], *, batch: str = "") -> None:
    """Keeps records that cannot even become rows, until the next landing writes them to quarantine.rows; durable on return.

    A batch of the same name is replaced, so that what is read again after a crash is not counted twice.
    """
    words = json.dumps([asdict(record) for record in records], ensure_ascii=False)
    path = _rejected_folder(connection) / f"{resource}.{batch or time.time_ns()}.json"
    fresh = path.with_suffix(".new")
    fresh.write_text(words, encoding="utf-8")
    fresh.replace(path)


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


def remember(connection: Connection, *, columns: Mapping[str, Any], cursors: Mapping[str, tuple[str, str]]) -> None:
    """Keeps which columns of which type the source showed, and how far the cursors went in what is staged."""
    unlanded = _remembered(connection).get("cursors", {}) if cursors else {}
    moved = {name: (unlanded.get(name, (before, after))[0], after) for name, (before, after) in cursors.items()}
    path = root(connection) / "extraction.json"
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"columns": columns, "cursors": moved}), encoding="utf-8")
    fresh.replace(path)


def shown_columns(connection: Connection) -> dict[str, dict[str, str]]:
    """Per resource the columns and DuckDB types the source showed when it was last read; empty if it never was."""
    columns: dict[str, dict[str, str]] = _remembered(connection).get("columns", {})
    return columns


def _remembered(connection: Connection) -> dict[str, Any]:
    path = root(connection) / "extraction.json"
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return known
