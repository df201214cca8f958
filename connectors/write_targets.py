"""What a connection may say of where rows can be written back to: field `writes`, one named target each.

What belongs here: the pydantic models of a target. What does not: planning and sending (`connectors.reverse`).
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

MOST_ROWS = 10_000


class _Target(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    title: str = ""
    key: tuple[str, ...]  # columns of the rows to be written that say which thing in the system each is about
    most_rows: int = Field(default=MOST_ROWS, gt=0)  # a plan with more is refused
    attempts: int = Field(default=5, ge=1, le=50)  # of one row, refusals that tell when to come back not counted
    stop_after: int = Field(default=5, ge=1)  # rows that fail one after the other

    @field_validator("key", mode="before")
    @classmethod
    def _one_or_many(cls, key: Any) -> Any:
        return (key,) if isinstance(key, str) else key

    @field_validator("key")
    @classmethod
    def _some(cls, key: tuple[str, ...]) -> tuple[str, ...]:
        if not key:
            raise ValueError("name at least one column")
        return key


class RestTarget(_Target):
    """An HTTP request per row; {column} in path, params, headers and body stands for the row's value."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: str  # below the connection's address
    params: dict[str, str] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    body: Any = None  # None: the row itself; a text that is nothing but {column} becomes the value with its type
    idempotency_header: str | None = "Idempotency-Key"  # null: the system knows none
    ok_status: tuple[int, ...] = ()  # besides 2xx, such as 404 for a DELETE
    reference: str | None = None  # path in the answer to what the system calls what it made; kept in the journal

    @property
    def is_repeatable(self) -> bool:
        """Whether a request whose answer was lost may be sent again."""
        return self.method != "POST" or self.idempotency_header is not None


class SqlTarget(_Target):
    """A row of a table per row."""

    table: str
    schema_name: str | None = Field(default=None, alias="schema")
    columns: dict[str, str] = Field(default_factory=dict)  # the table's column to the row's; none: by the same name
    mode: Literal["upsert", "insert", "update"] = "upsert"  # insert: rows that are there are left alone

    @model_validator(mode="after")
    def _key_written(self) -> "SqlTarget":
        unwritten = [name for name in self.key if self.columns and name not in self.columns.values()]
        if unwritten:
            raise ValueError(f"columns: {', '.join(unwritten)} is a key, so name the table's column for it")
        return self

    def column_of(self, name: str) -> str:
        """The table's column for a column of the rows."""
        return next((column for column, given in self.columns.items() if given == name), name)


def _sort(said: Any) -> str:
    given = said if isinstance(said, dict) else getattr(said, "__dict__", {})
    return "sql" if "table" in given else "rest"


WriteTarget = Annotated[Annotated[RestTarget, Tag("rest")] | Annotated[SqlTarget, Tag("sql")], Discriminator(_sort)]
