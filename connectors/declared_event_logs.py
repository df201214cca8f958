"""Event logs over any tables of the lake: one YAML file each, the project's own and a user's.

What belongs here: where the files lie, reading one, and its check. What does not: what a log says
(`connectors.event_log_declarations`), which tables there are (`connectors.lake_tables`) and its models (`dbt_files`).
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from connectors.event_log_declarations import EventLogDeclaration, check_event_log
from connectors.expressions import Faults, nearest
from connectors.process_names import RESERVED
from lake.dbt_environment import DBT_PROJECT
from lake.errors import ConnectionFileError
from lake.settings import Settings, get_settings

if TYPE_CHECKING:
    from connectors.lake_tables import LakeTables, Table

OWN = DBT_PROJECT / "event_logs"
SUFFIX = ".event_log.yaml"
REMEDY = "docs/event-logs-of-your-own.md lists every field."


class Owner(BaseModel):
    """Who answers for a log that none of the project's groups answers for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    email: str | None = None


class DeclaredEventLog(EventLogDeclaration):
    """An event log over models and tables of the lake; the process is called as the log is."""

    group: str = ""  # the dbt group that answers for it
    owner: Owner | None = None  # or somebody by name

    @field_validator("owner", mode="before")
    @classmethod
    def _name_or_more(cls, owner: Any) -> Any:
        return {"name": owner} if isinstance(owner, str) else owner

    @field_validator("name")
    @classmethod
    def _free(cls, name: str) -> str:
        if name in RESERVED:
            raise ValueError(f"`{name}` is the platform's own word; choose another")
        return name

    @model_validator(mode="after")
    def _one_answers(self) -> "DeclaredEventLog":
        if self.group and self.owner:
            raise ValueError("say `group` or `owner`, not both")
        return self

    @property
    def answering_group(self) -> str:
        """The dbt group of its models; empty: none."""
        return f"event_log_{self.name}" if self.owner else self.group


def event_log_files(settings: Settings | None = None) -> list[Path]:
    """The files of the project's declared logs, then those in HOME/event_logs."""
    own = (settings or get_settings()).home / "event_logs"
    return [*sorted(OWN.glob(f"*{SUFFIX}")), *sorted(own.glob("*.yaml"))]


def read_event_log(path: Path) -> DeclaredEventLog:
    """Reads one file.

    Raises:
        ConnectionFileError: It is no YAML, a field is wrong or missing, or the name is not the file's; file and field are named.
    """
    from connectors.connection import explained, read_words

    words, _ = read_words(path, "event log")
    name = path.name.removesuffix(SUFFIX).removesuffix(".yaml")
    with explained(path.name, remedy=REMEDY):
        log = DeclaredEventLog.model_validate({"name": name, **words})
    if log.name != name:
        raise ConnectionFileError(f"{path.name} describes the event log `{log.name}`.", remedy="Call the file after it.")
    return log


def check_declared(
    log: DeclaredEventLog, models: Mapping[str, "Table"], raw: Mapping[str, "Table"], groups: Collection[str], *, origin: str
) -> "LakeTables":
    """What the log reads, once everything it says of it holds.

    Args:
        log: The declaration.
        models: The dbt models there are.
        raw: The landed tables, as schema.table.
        groups: The groups that can answer for it.
        origin: The file's name, for errors.

    Raises:
        ConnectionFileError: A table, column, expression or group is wrong; every fault is told with its field.
    """
    from connectors.lake_tables import LakeTables

    faults = Faults(origin, remedy=REMEDY)
    if log.group and log.group not in groups:
        faults.add("group", f"there is no group `{log.group}`{nearest(log.group, groups)}")
    tables = LakeTables(models, raw, group=log.group)
    check_event_log(log, tables, faults)
    faults.raise_any()
    return tables.needing(log)
