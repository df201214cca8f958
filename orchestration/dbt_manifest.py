"""dbt's manifest for the definitions: made when it is missing or older than the project's files, without a database.

What belongs here: when and how to parse the dbt project. What does not: what is made of it (`orchestration.defs.transform`).
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

from connectors.connections import connections
from connectors.dbt_files import write_dbt_files
from lake.dbt_environment import CATALOG_VARIABLE, DBT_PROJECT, compiled_folder, dbt_project, generated_folder
from lake.errors import PlatformError
from lake.settings import NO_TELEMETRY, Settings, get_settings

PARSED_SUFFIXES = {".sql", ".yml", ".yaml", ".csv", ".md"}


def manifest_path(settings: Settings | None = None) -> Path:
    """Path of a manifest that fits the project's files as they are now; some seconds where it must be made first.

    Raises:
        PlatformError: dbt cannot parse the project; the message is dbt's.
    """
    settings = settings or get_settings()
    write_dbt_files(connections().values(), settings=settings)
    dbt_project(settings)  # brings the models of KPIs up to date
    folder = settings.folder("dbt", "manifest")
    manifest, key_file, key = folder / "manifest.json", folder / "made_from", project_key()
    if _is_current(manifest, key_file, key):
        return manifest
    with FileLock(folder / "parse.lock"):  # the web server and the daemon load the definitions at the same time
        if not _is_current(manifest, key_file, key):
            _parse(folder, settings)
            key_file.write_text(key)
    return manifest


def _is_current(manifest: Path, key_file: Path, key: str) -> bool:
    return manifest.exists() and key_file.exists() and key_file.read_text() == key


def project_key() -> str:
    """A word that changes with every file of the dbt project, those of connections included."""
    states = [(str(folder), _states(folder)) for folder in (DBT_PROJECT, generated_folder(), compiled_folder())]
    return hashlib.sha256(repr(states).encode()).hexdigest()


def _states(folder: Path) -> list[tuple[str, int, int]]:
    files = sorted(path for path in folder.rglob("*") if path.suffix in PARSED_SUFFIXES and "target" not in path.parts)
    return [(str(path.relative_to(folder)), path.stat().st_mtime_ns, path.stat().st_size) for path in files]


def _parse(folder: Path, settings: Settings) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", "--no-use-colors", "parse", "--quiet"],
        env={**os.environ, **_environment_without_database(folder, settings)},
        cwd=dbt_project(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise PlatformError(
            f"dbt cannot parse the project: {(done.stdout + done.stderr).strip()[-2000:]}",
            remedy="Mend the file it names in dbt_project/.",
        )


def _environment_without_database(folder: Path, settings: Settings) -> dict[str, str]:
    """What profiles.yml reads; parsing connects to nothing, so the addresses need only be there."""
    return {
        **NO_TELEMETRY,
        "DBT_PROJECT_DIR": str(dbt_project(settings)),
        "DBT_PROFILES_DIR": str(dbt_project(settings)),
        "DBT_TARGET_PATH": str(folder),
        "DBT_LOG_PATH": str(folder),
        CATALOG_VARIABLE: "unused",
        "LAKE_DATA_PATH": "unused",
        "LAKE_IS_WHOLE": "False",
        "LAKE_EXTENSIONS": "unused",
        "LAKE_SPILL": "unused",
        "LAKE_MEMORY_LIMIT": settings.memory_limit,
        "LAKE_THREADS": str(settings.threads),
    }
