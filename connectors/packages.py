"""The staged packages of a source: rows that have been read and are not in the lake yet, as Parquet files below HOME/landing.

What belongs here: finding, holding and deleting them. What does not: making them (`connectors.extract`) and landing them
(`connectors.load`).

A package is complete when dlt has written its mark; it stays until `discard` is told that its rows are in the lake, so a crash in
between loses nothing.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from connectors.sources import Source
from lake import get_settings

DATASET = "staged"


@dataclass(frozen=True)
class Packages:
    """The staged rows of one source that are not in the lake yet."""

    load_ids: tuple[str, ...]  # oldest first
    files: Mapping[str, tuple[Path, ...]]  # table to its Parquet files, oldest first
    held: Mapping[str, tuple[Path, ...]]  # table to the rows that the gate held back before
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # table to the columns the source showed last, and types


def pending(source: Source) -> Packages:
    """The complete packages whose rows are still to be landed."""
    folder = root(source) / DATASET
    complete = {mark.stem.rpartition("__")[2] for mark in folder.glob("_dlt_loads/*")}
    found = sorted(path for table in source.tables for path in folder.glob(f"{table.name}/*.parquet") if _load_id(path) in complete)
    files = {
        table.name: tuple(sorted((path for path in found if path.parent.name == table.name), key=_load_id))
        for table in source.tables
    }
    held = {table.name: tuple(sorted(_held_folder(source).glob(f"{table.name}.*.parquet"))) for table in source.tables}
    return Packages(tuple(sorted({_load_id(path) for path in found})), files, held, _remembered_columns(source))


def held_path(source: Source, table: str, load_id: str) -> Path:
    """Where the rows that the gate held back in this load are kept, to be judged again with the next."""
    return _held_folder(source) / f"{table}.{load_id}.parquet"


def discard(packages: Packages, *, but: Collection[Path] = ()) -> None:
    """Deletes staged and held files that have been dealt with; personal data stays in no second place."""
    for paths in (*packages.files.values(), *packages.held.values()):
        for path in paths:
            if path not in but:
                path.unlink(missing_ok=True)


def forget(source: Source) -> None:
    """Drops staged packages and cursors of a source, so that the next run reads everything again; the lake is left alone."""
    import shutil

    shutil.rmtree(root(source), ignore_errors=True)
    shutil.rmtree(get_settings().home / "dlt" / pipeline_name(source), ignore_errors=True)


def root(source: Source) -> Path:
    """The folder of a source's packages."""
    return get_settings().folder("landing", source.name)


def _held_folder(source: Source) -> Path:
    return get_settings().folder("landing", source.name, "held")


def pipeline_name(source: Source) -> str:
    """What dlt calls the source's pipeline."""
    return f"grimoire_{source.name}"


def _load_id(path: Path) -> str:
    return ".".join(path.name.split(".")[:2])  # 1795234641.961712.25cb0b0a13.parquet


def remember_columns(source: Source, columns: dict[str, dict[str, str]]) -> None:
    """Keeps which columns of which type the source showed, table by table; a table may have had no new rows."""
    path = root(source) / "columns.json"
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(columns), encoding="utf-8")
    fresh.replace(path)


def _remembered_columns(source: Source) -> dict[str, dict[str, str]]:
    path = root(source) / "columns.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
