"""DuckDB's extensions, taken from their wheels into the lake's own extension folder, so that nothing is ever downloaded.

What belongs here: installing those binaries. What does not: loading them into a connection (`lake.connection`).
"""

import os
import shutil
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from lake.errors import ExtensionMissingError
from lake.settings import Settings
from lake.sql_text import as_text

EXTENSIONS = {  # DuckDB's name -> package
    "ducklake": "duckdb_extension_ducklake",
    "postgres_scanner": "duckdb_extension_postgres_scanner",
    "httpfs": "duckdb_extension_httpfs",
}


def extension_folder(settings: Settings) -> Path:
    """The lake's own extension folder, with every extension that fits the installed DuckDB.

    Raises:
        ExtensionMissingError: A wheel is missing or made for another version of DuckDB.
    """
    import duckdb

    folder = settings.folder("duckdb", "extensions")
    platform_folder = folder / f"v{duckdb.__version__}" / _platform()
    for name, package in EXTENSIONS.items():
        target = platform_folder / f"{name}.duckdb_extension"
        source = _wheel_binary(name, package, duckdb.__version__)
        if not target.exists() or target.stat().st_size != source.stat().st_size:
            platform_folder.mkdir(parents=True, exist_ok=True)
            partial = target.with_suffix(f".{os.getpid()}")  # renamed when whole: two processes may do this at once
            _check_signature(source, name)
            _link_or_copy(source, partial)
            partial.replace(target)
    return folder


def _link_or_copy(source: Path, target: Path) -> None:
    """The three binaries are 100 MB: a second name for them on the same disk costs nothing."""
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:  # another disk, or a file that is not ours
        shutil.copyfile(source, target)


@lru_cache(maxsize=8)
def _check_signature(binary: Path, name: str) -> None:
    """Lets DuckDB check the signature once, when the binary is installed: connections load it unchecked, in 0.4 s less."""
    import duckdb

    try:
        with duckdb.connect() as connection:
            connection.execute("load " + as_text(binary))
    except duckdb.Error as error:
        raise ExtensionMissingError(
            f"DuckDB refuses the extension `{name}`: {error}", remedy="Run `make setup` to install its wheel anew.", extension=name
        ) from error


def _wheel_binary(name: str, package: str, version: str) -> Path:
    spec = find_spec(package)
    if spec is not None and spec.submodule_search_locations:
        path = Path(spec.submodule_search_locations[0]) / "extensions" / f"v{version}" / f"{name}.duckdb_extension"
        if path.exists():
            return path
    raise ExtensionMissingError(
        f"DuckDB {version} has no extension `{name}` here.",
        remedy="Run `make setup`: it installs the wheels that carry the extensions in the same version as DuckDB.",
        extension=name,
    )


@lru_cache(maxsize=1)
def _platform() -> str:
    import duckdb

    with duckdb.connect() as connection:
        row = connection.execute("pragma platform").fetchone()
    assert row is not None  # noqa: S101 — a pragma that always answers
    return str(row[0])
