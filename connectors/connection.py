"""What a connection is: one system rows are read from, its resources, and what must hold of their rows, as a YAML file says it.

What belongs here: the model of that file and its errors. What does not: where the files lie and how a connection fares
(`connectors.connections`), reading (`connectors.kinds`), checking (`connectors.landing_gate`) and writing (`lake.landing`).

Fields that this module does not know belong to the kind of system: `connectors.connector` has them checked by that kind.
"""

from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from connectors.credentials import is_reference
from connectors.event_log_declarations import EventLogDeclaration
from connectors.mapping import Mapping
from connectors.systems import complete
from connectors.write_targets import WriteTarget
from lake.errors import ConnectionFileError

NAME = r"^[a-z][a-z0-9_]{0,47}$"
LAG_SECONDS = 300  # rows committed late carry a cursor that lies before the last one seen; they are read again and merged
STANDING_KEYS = {"files": ("_file", "_line"), "event_log_files": ("_file",), "webhook": ("_delivery_id", "_position")}
STANDING_CURSORS = {"webhook": "_sequence"}  # of rows that come of their own accord, the one that came last has the say
SECRET_WORDS = frozenset({"password", "passwd", "pwd", "api_key", "apikey", "access_token", "token", "secret", "client_secret"})
RESERVED = frozenset({"files", "optional", "platform", "quarantine"})  # raw_files and staging/optional have a use

OnSchemaChange = Literal["evolve", "freeze", "discard"]


class Cursor(BaseModel):
    """A column that grows with every change of a row, so that a run reads only what lies after the last one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    lag_seconds: float = LAG_SECONDS  # for moments; for numbers the same many units when `lag` is given
    lag: float | None = None
    initial: Any = None  # where the first run begins; None: at the beginning

    @property
    def overlap(self) -> float:
        """How far before the last value seen a run begins: seconds for moments, units for numbers."""
        return self.lag_seconds if self.lag is None else self.lag


class Deletions(BaseModel):
    """How rows that were deleted in the source are found; they stay in the lake, with `_deleted_at`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Literal["column", "keys"]  # a soft-delete column, or all keys compared with the lake's
    column: str | None = None  # filled, true or not zero where the row is deleted

    @model_validator(mode="after")
    def _column_named(self) -> "Deletions":
        if (self.by == "column") != (self.column is not None):
            raise ValueError("by: column needs `column`, by: keys takes none")
        return self


class Retries(BaseModel):
    """How often and after how long a system that does not answer is asked again within one run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    times: int = Field(default=2, ge=0, le=20)  # after the first attempt
    seconds: float = Field(default=1.0, gt=0)  # before the first repetition; doubled each time, with up to as much again by chance
    longest_seconds: float = Field(default=60.0, gt=0)


class Breaker(BaseModel):
    """When a system that keeps failing is left alone, and for how long, before a cheap look is taken again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    failures: int = Field(default=5, ge=1)  # runs that failed one after the other
    seconds: float = Field(default=300.0, gt=0)


class Resource(BaseModel):
    """One table, collection or set of files of a system, and the expectations of its rows.

    A row that breaks `required`, `kinds`, `references` or whose times are implausible is quarantined; one that breaks `states` is
    landed and reported, because systems grow new states.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = Field(pattern=NAME)
    key: tuple[str, ...] = ()  # without one, equal rows are told apart by counting them
    cursor: Cursor | None = None  # without one, every run reads the whole and lands what differs
    deletions: Deletions | None = None
    required: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    kinds: dict[str, tuple[str, ...]] = Field(default_factory=dict)  # column to the only values it may have
    states: dict[str, tuple[str, ...]] = Field(default_factory=dict)  # column to the values known so far
    references: dict[str, str] = Field(default_factory=dict)  # column to the resource whose key it holds
    columns: dict[str, str] = Field(default_factory=dict)  # DuckDB types, where the source itself declares none
    mapping: Mapping = Mapping()  # what the staging model makes of the rows

    @field_validator("key", mode="before")
    @classmethod
    def _one_or_many(cls, key: Any) -> Any:
        return (key,) if isinstance(key, str) else key

    @field_validator("cursor", mode="before")
    @classmethod
    def _column_or_more(cls, cursor: Any) -> Any:
        return {"column": cursor} if isinstance(cursor, str) else cursor

    @property
    def options(self) -> dict[str, Any]:
        """The fields that belong to the kind of system."""
        return dict(self.model_extra or {})


class Connection(BaseModel):
    """A system rows are read from; its rows land in schema raw_<name>."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = Field(pattern=NAME)
    type: str  # a kind of `connectors.kinds`; in a file also a ready-made system, which `connectors.systems` completes
    system: str = ""  # the ready-made system it was completed from
    title: str = ""
    address: str = ""
    credentials: dict[str, str] = Field(default_factory=dict)  # name to a reference such as env:ERP_PASSWORD
    resources: tuple[Resource, ...] = ()  # referenced ones before those that refer to them; empty: all the kind offers
    schedule: str | None = None  # cron, such as 0 4 * * *; None: with the daily road
    freshness_hours: float = Field(default=36, gt=0)
    time_zone: str = "UTC"  # of moments that name none
    on_schema_change: OnSchemaChange = "evolve"
    retries: Retries = Retries()
    breaker: Breaker = Breaker()
    views: dict[str, str] = Field(default_factory=dict)  # SQL over staged resources, written {resource}, for event logs to build on
    event_logs: tuple[EventLogDeclaration, ...] = ()
    writes: dict[str, WriteTarget] = Field(default_factory=dict)  # where rows can be written back to, by name

    @field_validator("retries", mode="before")
    @classmethod
    def _times_or_more(cls, retries: Any) -> Any:
        return {"times": retries} if isinstance(retries, int) and not isinstance(retries, bool) else retries

    @field_validator("schedule")
    @classmethod
    def _is_cron(cls, schedule: str | None) -> str | None:
        from croniter import croniter

        if schedule is not None and not (len(schedule.split()) == 5 and croniter.is_valid(schedule)):
            raise ValueError(f"`{schedule}` is no cron schedule; write five fields, such as 0 4 * * *")
        return schedule

    @field_validator("name")
    @classmethod
    def _free(cls, name: str) -> str:
        if name in RESERVED:
            raise ValueError(f"`{name}` is the platform's own word; choose another")
        return name

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"`{zone}` is no time zone; write one such as Europe/Berlin") from None
        return zone

    @field_validator("address")
    @classmethod
    def _without_password(cls, address: str) -> str:
        if "://" in address and urlsplit(address).password:
            raise ValueError("holds a password: leave it out and say `credentials: {password: env:NAME}`")
        told = [name for name, _ in parse_qsl(urlsplit(address).query) if name.lower().replace("-", "_") in SECRET_WORDS]
        if told:
            raise ValueError(f"holds a secret in `{told[0]}`: leave it out and name it under `credentials`")
        return address

    @field_validator("credentials")
    @classmethod
    def _references_only(cls, credentials: dict[str, str]) -> dict[str, str]:
        plain = [name for name, value in credentials.items() if not is_reference(value)]
        if plain:
            raise ValueError(
                f"{', '.join(plain)}: write a reference (env:NAME, file:PATH or vault:PATH#KEY), never the secret itself"
            )
        return credentials

    @field_validator("resources")
    @classmethod
    def _identified(cls, resources: tuple[Resource, ...], info: ValidationInfo) -> tuple[Resource, ...]:
        """Rows of files that have no key are known by where they stand, deliveries by their id."""
        kind = info.data.get("type", "")
        key, cursor = STANDING_KEYS.get(kind, ()), STANDING_CURSORS.get(kind)
        keyed = (each if each.key else each.model_copy(update={"key": key}) for each in resources)
        return tuple(
            each.model_copy(update={"cursor": Cursor(column=cursor)}) if cursor and not each.cursor else each for each in keyed
        )

    @model_validator(mode="after")
    def _consistent(self) -> "Connection":
        names = [resource.name for resource in self.resources]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"resources: {', '.join(sorted(twice))} is there twice")
        for at, resource in enumerate(self.resources):
            for column, parent in resource.references.items():
                if parent not in names[:at] and parent != resource.name:
                    raise ValueError(f"resources.{resource.name}.references.{column}: `{parent}` must stand before {resource.name}")
                if not self.resource(parent).key:
                    raise ValueError(f"resources.{resource.name}.references.{column}: `{parent}` has no key to refer to")
        return self

    @property
    def raw_schema(self) -> str:
        """The lake's schema for its rows."""
        return f"raw_{self.name}"

    @property
    def label(self) -> str:
        """What people call it."""
        return self.title or self.name

    @property
    def options(self) -> dict[str, Any]:
        """The fields that belong to the kind of system."""
        return dict(self.model_extra or {})

    def resource(self, name: str) -> Resource:
        """The resource of that name."""
        return next(resource for resource in self.resources if resource.name == name)

    def with_resources(self, resources: tuple[Resource, ...]) -> "Connection":
        """The same connection over other resources."""
        return self.model_copy(update={"resources": resources})


def read_connection(path: Path) -> Connection:
    """Reads one connection file.

    Raises:
        ConnectionFileError: It is no YAML, a field is wrong or missing, or the name is not the file's; file and field are named.
    """
    words, _ = read_words(path, "connection")
    words.setdefault("name", path.stem)
    connection = connection_of(words, origin=path.name)
    if connection.name != path.stem:
        raise ConnectionFileError(
            f"{path.name} describes the connection `{connection.name}`.", remedy="Call the file after it.", path=str(path)
        )
    return connection


def read_words(path: Path, noun: str) -> tuple[dict[str, Any], str]:
    """What a YAML file says, and its text.

    Args:
        path: The file.
        noun: What it should hold, for the error.

    Raises:
        ConnectionFileError: It cannot be read, is no YAML, or holds something else than fields.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        words = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConnectionFileError(
            f"{path.name} cannot be read: {reason(error)}.", remedy="Mend the file.", path=str(path)
        ) from None
    if not isinstance(words, dict):
        raise ConnectionFileError(f"{path.name} holds no {noun}.", remedy="Write one `key: value` per line.", path=str(path))
    return words, text


def reason(error: Exception) -> str:
    """Why a file cannot be read, without the line at fault: it may be the one with a secret that should not be there."""
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f"line {mark.line + 1}, column {mark.column + 1}: {getattr(error, 'problem', None) or 'not YAML'}"
    return getattr(error, "strerror", None) or type(error).__name__


def connection_of(words: dict[str, Any], *, origin: str) -> Connection:
    """The connection that a mapping describes.

    Args:
        words: As in the YAML file.
        origin: The file's name, for errors.

    Raises:
        ConnectionFileError: A field is wrong or missing.
    """
    with explained(origin):
        return Connection.model_validate(complete(words))


class explained:
    """Turns pydantic's errors within into one ConnectionFileError that names file and fields."""

    def __init__(self, origin: str, *, within: str = "", remedy: str = "docs/connections.md lists every field.") -> None:
        self.origin, self.within, self.remedy = origin, within, remedy

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ValidationError):
            told = "; ".join(f"{self._field(one['loc'])}: {one['msg'].removeprefix('Value error, ')}" for one in error.errors())
            raise ConnectionFileError(f"{self.origin} cannot be used: {told}.", remedy=self.remedy, origin=self.origin) from None

    def _field(self, location: tuple[int | str, ...]) -> str:
        return ".".join(str(part) for part in (*filter(None, [self.within]), *location)) or "the file"
