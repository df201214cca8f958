"""How dbt reaches the lake: the environment variables that dbt_project/profiles.yml reads, and the command that starts dbt.

What belongs here: telling dbt where the lake, its extensions and its own working folders are. What does not: which models
there are (dbt_project) and when they are built (orchestration).
"""

import os
import subprocess
import sys
from pathlib import Path

from lake.connection import LAKE
from lake.database import CATALOG, database_url, libpq_dsn
from lake.extensions import extension_folder
from lake.settings import NO_TELEMETRY, PROJECT_ROOT, Settings, get_settings, writable_folder

DBT_PROJECT = PROJECT_ROOT / "dbt_project"
CATALOG_VARIABLE = "DBT_ENV_SECRET_LAKE_CATALOG"  # dbt blacks out the values of variables with this prefix in everything it prints


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
    work = settings.folder("dbt")
    return {
        **NO_TELEMETRY,
        "DBT_PROJECT_DIR": str(DBT_PROJECT),
        "DBT_PROFILES_DIR": str(DBT_PROJECT),
        "DBT_TARGET_PATH": str(work / "target"),
        "DBT_LOG_PATH": str(work / "logs"),
        "DBT_LOG_LEVEL_FILE": "info",  # a tenth of the time of a build goes into writing debug lines
        "DBT_EXCLUDE_RESOURCE_TYPES": "unit_test",  # they test the SQL, not the data: once per change of the SQL is enough
        CATALOG_VARIABLE: f"ducklake:postgres:{libpq_dsn(database_url(CATALOG, settings=settings))}",
        "LAKE_NAME": LAKE,
        "LAKE_DATA_PATH": settings.data_path,
        "LAKE_EXTENSIONS": str(extension_folder(settings)),
        "LAKE_SPILL": str(settings.folder("duckdb", "spill")),
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
        cwd=DBT_PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
