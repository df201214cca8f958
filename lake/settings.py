"""Every setting of the platform, read once from the environment and `.env`.

What belongs here: settings and the paths derived from them. What does not: doing anything with them, and secrets
(those are references such as `env:NAME`, resolved at the moment of use by whoever needs them).
"""

import itertools
import os
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from lake.errors import SettingsError, StorageError

PROJECT_ROOT = Path(__file__).resolve().parent.parent

_SPILLS = itertools.count()
# Telemetry of every tool in the house, off. Set before any of them is imported, and inherited by child processes.
NO_TELEMETRY = {
    "ANONYMIZED_TELEMETRY": "False",
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
}


class Settings(BaseSettings):
    """The platform's settings; each is an environment variable with the prefix `GRIMOIRE_`."""

    model_config = SettingsConfigDict(
        env_prefix="GRIMOIRE_",
        env_file=PROJECT_ROOT / ".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    home: Path = Field(default=PROJECT_ROOT / "var", description="Folder that holds every piece of state.")
    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL server to use instead of the embedded one, as postgresql://user:password@host:port/database.",
    )
    lake_data: str | None = Field(
        default=None, description="Where the lake's Parquet files go: a folder or an s3:// address. Default: HOME/lake."
    )
    connections: Path | None = Field(
        default=None, description="Folder of the connection files, one YAML per source system. Default: HOME/connections."
    )
    memory_limit: str = Field(
        default="2GB", pattern=r"(?i)^\d+(\.\d+)? *([kmgt]i?b|%)$", description="Memory DuckDB may use in one process, such as 2GB."
    )
    threads: int = Field(default_factory=lambda: os.cpu_count() or 2, ge=1, description="Threads DuckDB may use.")
    snapshot_days: int = Field(
        default=30,
        ge=1,
        description="Days for which earlier snapshots of the lake stay readable before maintenance expires them.",
    )
    sql_rows: int = Field(default=5_000, ge=1, le=100_000, description="Most rows that the SQL page of the Grimoires shows.")
    sql_seconds: int = Field(default=60, ge=1, le=3_600, description="Seconds after which a statement of the SQL page is stopped.")
    host: str = Field(default="127.0.0.1", description="Address the servers bind to.")
    app_port: int = Field(default=8501, ge=1, le=65535, description="Port of the Grimoires (Streamlit).")
    dagster_port: int = Field(default=3000, ge=1, le=65535, description="Port of the Dagster UI.")
    mlflow_port: int = Field(default=5001, ge=1, le=65535, description="Port of the MLflow UI (loopback only).")
    crm_port: int = Field(default=8502, ge=1, le=65535, description="Port of the demo company's CRM (loopback only).")
    inbound_port: int = Field(
        default=8503, ge=1, le=65535, description="Port of the endpoint for webhooks; it listens where there is such a connection."
    )
    demo_scale: float = Field(
        default=1.0, gt=0, le=20, description="Size of the demo company; 1 is about 20,000 sales orders over two years."
    )
    demo_seed: int = Field(default=7, description="Seed of the demo company's simulation.")
    holiday_country: str = Field(
        default="DE", pattern="^[A-Z]{2}$", description="Country whose public holidays the forecasts know, such as DE."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="How much the logs say.")

    @field_validator("home", mode="after")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @property
    def data_path(self) -> str:
        """Folder or s3:// address of the lake's Parquet files, ending in a slash."""
        return (self.lake_data or str(self.home / "lake")).rstrip("/") + "/"

    @property
    def connections_folder(self) -> Path:
        """Folder of the connection files; it may not be there yet."""
        return (self.connections or self.home / "connections").expanduser().absolute()

    @property
    def is_remote_lake(self) -> bool:
        """Whether the Parquet files lie in an object store."""
        return self.data_path.startswith("s3://")

    @property
    def is_whole(self) -> bool:
        """Whether the lake's catalog and files both lie in HOME, so that they may be moved together."""
        return self.database_url is None and self.lake_data is None

    def folder(self, *parts: str) -> Path:
        """A folder below HOME, made if it is not there; StorageError if it cannot be."""
        return writable_folder(self.home.joinpath(*parts))

    def spill_folder(self) -> str:
        """A folder for the spill files of one DuckDB, another at every call; DuckDB makes and deletes it by itself.

        Two that share one write into the same files, for their names are the same, and the first to end deletes them.
        """
        return str(self.folder("duckdb", "spill") / f"{os.getpid()}-{next(_SPILLS)}")


def writable_folder(path: Path) -> Path:
    """The folder, made if it is not there; StorageError if this user cannot write in it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        writable = os.access(path, os.W_OK | os.X_OK)
        reason = "permission denied"
    except OSError as error:
        writable, reason = False, str(error.strerror)
    if not writable:
        raise StorageError(
            f"The folder {path} cannot be written: {reason}.",
            remedy="Give this user the right to write there, or set GRIMOIRE_HOME to a folder it owns.",
            path=str(path),
        )
    return path


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings, read once per process; also turns off the telemetry of every tool used."""
    for name, value in NO_TELEMETRY.items():
        os.environ.setdefault(name, value)
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "GRIMOIRE_" + "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(
            f"{name} cannot be used: {first['msg']}.", remedy="See .env.example for every setting and its form."
        ) from None
