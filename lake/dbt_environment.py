"""How dbt reaches the lake: the environment variables that dbt_project/profiles.yml reads, and the command that starts dbt.

What belongs here: telling dbt where the lake, its extensions, its project and its working folders are. What does not: which models
there are (dbt_project, and `connectors.dbt_files` for those of connections) and when they are built (orchestration).

dbt sees one project: HOME/dbt/project, where dbt_project's files are linked and the models of connections lie in `generated`. All
paths in it are relative to it, so nothing dbt writes can leave its target folder, and the project in the checkout stays as it is.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from lake.addresses import libpq_dsn
from lake.connection import LAKE
from lake.database import CATALOG, database_url
from lake.extensions import extension_folder
from lake.kpi_files import COMPILED, compile_kpis
from lake.settings import NO_TELEMETRY, PROJECT_ROOT, Settings, get_settings, writable_folder

DBT_PROJECT = PROJECT_ROOT / "dbt_project"
LINKED = ("dbt_project.yml", "profiles.yml", ".dbtignore", "macros", "models", "snapshots")
GENERATED = "generated"  # dbt_project.yml names it among the model paths
CATALOG_VARIABLE = "DBT_ENV_SECRET_LAKE_CATALOG"  # dbt blacks out the values of variables with this prefix in everything it prints


def dbt_project(settings: Settings | None = None) -> Path:
    """The project's folder as dbt sees it, links and the models of KPIs in place; safe to call from several processes.

    Raises:
        KpiFileError: The file of a KPI cannot be used.
    """
    folder = (settings or get_settings()).folder("dbt", "project")
    for name in LINKED:
        _link(folder / name, DBT_PROJECT / name)
    compile_kpis(folder, settings)
    return folder


def generated_folder(settings: Settings | None = None) -> Path:
    """Where the models of connections lie; `connectors.dbt_files` writes there, nobody else."""
    return (settings or get_settings()).folder("dbt", "project", GENERATED)


def compiled_folder(settings: Settings | None = None) -> Path:
    """Where the models of KPIs lie; `lake.kpi_files` writes there, nobody else."""
    return (settings or get_settings()).folder("dbt", "project", COMPILED)


def _link(link: Path, target: Path) -> None:
    """Makes or mends a link; a home that was copied elsewhere may hold the files themselves in its place."""
    if link.is_symlink() and link.readlink() == target:
        return
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    fresh = link.with_name(f"{link.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)


def dbt_environment(settings: Settings | None = None) -> dict[str, str]:
    """The variables dbt needs, to be added to the environment it is started in; the embedded PostgreSQL runs afterwards.

    One value holds the catalog's address with its password: hand the mapping to a child process, never log it.

    Args:
        settings: Default: the process's settings.

    Raises:
        DatabaseUnavailableError, ExtensionMissingError, StorageError: The lake cannot be reached; the message says why.
    """
    settings = settings or get_settings()
    if not settings.is_remote_lake:
        writable_folder(Path(settings.data_path))
    work, project = settings.folder("dbt"), str(dbt_project(settings))
    return {
        **NO_TELEMETRY,
        "DBT_PROJECT_DIR": project,
        "DBT_PROFILES_DIR": project,
        "DBT_TARGET_PATH": str(work / "target"),
        "DBT_LOG_PATH": str(work / "logs"),
        "DBT_LOG_LEVEL_FILE": "info",  # a tenth of the time of a build goes into writing debug lines
        "DBT_EXCLUDE_RESOURCE_TYPES": "unit_test",  # they test the SQL, not the data: once per change of the SQL is enough
        CATALOG_VARIABLE: f"ducklake:postgres:{libpq_dsn(database_url(CATALOG, settings=settings))}",
        "LAKE_NAME": LAKE,
        "LAKE_DATA_PATH": settings.data_path,
        "LAKE_IS_WHOLE": str(settings.is_whole),
        "LAKE_EXTENSIONS": str(extension_folder(settings)),
        "LAKE_SPILL": str(settings.folder("duckdb", "spill") / "dbt"),  # always the same, or dbt would parse anew
        "LAKE_MEMORY_LIMIT": settings.memory_limit,
        "LAKE_THREADS": str(settings.threads),
    }


def run_dbt(*arguments: str, unit_tests: bool = False, settings: Settings | None = None) -> "subprocess.CompletedProcess[str]":
    """Runs dbt in a process of its own and waits for it; its exit code and output are the caller's to judge.

    Args:
        arguments: What follows `dbt` on a command line, such as `"build", "--select", "staging"`.
        unit_tests: Whether `build` and `test` run the unit tests of the SQL too.
        settings: Default: the process's settings.
    """
    environment = {**os.environ, **dbt_environment(settings)}
    if unit_tests:
        del environment["DBT_EXCLUDE_RESOURCE_TYPES"]
    return subprocess.run(
        [sys.executable, "-c", "from dbt.cli.main import cli; cli()", *arguments],
        env=environment,
        cwd=environment["DBT_PROJECT_DIR"],
        capture_output=True,
        text=True,
        check=False,
    )
