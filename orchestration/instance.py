"""Dagster's own state: its folder, its configuration, its storage in the platform database.

What belongs here: `dagster.yaml` and the environment Dagster needs. What does not: what it runs.

The configuration names an environment variable for the storage's address, so no password stands in a file.
"""

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from lake.database import DAGSTER, database_url
from lake.settings import NO_TELEMETRY, Settings, get_settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

ADDRESS_VARIABLE = "GRIMOIRE_DAGSTER_STORAGE"
STATEMENT_MILLISECONDS = 60_000  # after which a statement over Dagster's own tables is given up
RECYCLE_SECONDS = 3_600
MOST_CONNECTIONS = 10  # of each of its three storages at once
DRIVER = "postgresql+psycopg2"  # Dagster's own SQL is written for it; a bare «postgresql» is psycopg 3 since SQLAlchemy 2.1
CONFIGURATION: dict[str, Any] = {
    "storage": {"postgres": {"postgres_url": {"env": ADDRESS_VARIABLE}}},
    "telemetry": {"enabled": False},
    "concurrency": {"runs": {"max_concurrent_runs": 1}, "pools": {"default_limit": 1, "granularity": "run"}},
    "run_monitoring": {"enabled": True, "start_timeout_seconds": 300},
    "retention": {"schedule": {"purge_after_days": 90}, "sensor": {"purge_after_days": 7}},
    "nux": {"enabled": False},
}
# A run inside our own process writes to our own terminal: nothing of it is redirected into files.
IN_PROCESS = {"compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}}


def dagster_environment(settings: Settings | None = None) -> dict[str, str]:
    """Variables for `dagster-webserver`, `dagster-daemon` and `dagster`, to be added to the environment they are started in.

    Writes `dagster.yaml` and starts the embedded PostgreSQL where they are needed. One value holds the database's address with
    its password: hand the mapping to a child process, never log it.
    """
    import yaml

    settings = settings or get_settings()
    home = settings.folder("dagster")
    configuration = home / "dagster.yaml"
    text = "# Written by orchestration/instance.py; changes are overwritten.\n" + yaml.safe_dump(CONFIGURATION)
    if not configuration.exists() or configuration.read_text() != text:
        draft = configuration.with_suffix(f".{os.getpid()}")
        draft.write_text(text)
        draft.replace(configuration)
    address = database_url(DAGSTER, settings=settings).set(drivername=DRIVER)
    return {
        **NO_TELEMETRY,
        "DAGSTER_HOME": str(home),
        ADDRESS_VARIABLE: address.render_as_string(hide_password=False),
    }


def open_instance(settings: Settings | None = None) -> "DagsterInstance":
    """Dagster's instance for runs in this process; use it as a context manager. Sets the variables it needs."""
    from dagster import DagsterInstance
    from dagster._core.instance.ref import InstanceRef

    environment = dagster_environment(settings)
    os.environ.update(environment)
    instance = DagsterInstance.from_ref(InstanceRef.from_dir(environment["DAGSTER_HOME"], overrides=IN_PROCESS))
    _keep_connections(instance)
    return instance


def _keep_connections(instance: "DagsterInstance") -> None:
    """Lets the instance keep its connections: by itself it opens three for every event, and a road tells of a thousand."""
    instance.optimize_for_webserver(
        statement_timeout=STATEMENT_MILLISECONDS, pool_recycle=RECYCLE_SECONDS, max_overflow=MOST_CONNECTIONS
    )
    events: Any = instance.event_log_storage  # it looks for its table of check results before it writes each of them
    events.has_table = cache(events.has_table)
