"""What a connection file may say of files: their place, their format, and how their values are written.

What belongs here: the models of those fields. What does not: acting on them.
"""

import re
from typing import Any, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Format = Literal["csv", "excel", "json", "ndjson", "parquet", "text"]


class DropFolder(BaseModel):
    """A folder that others drop files into; each is taken once, whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: Literal["move", "remember"] = "move"  # into done/ or failed/, or left where it is and known by its content
    settle_seconds: float = Field(default=5, ge=0)  # a file that was written to within these is still being copied


class PlaceOptions(BaseModel):
    """Fields of a connection to files, besides the address: a folder, or s3://bucket/folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint_url: str | None = None  # of S3-compatible storage that is not Amazon's
    region: str | None = None
    drop: DropFolder | None = None

    @field_validator("drop", mode="before")
    @classmethod
    def _switched_on(cls, drop: Any) -> Any:
        return {} if drop is True else None if drop is False else drop


class FileOptions(BaseModel):
    """Fields of a resource that is read from files."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    files: tuple[str, ...] = ()  # patterns below the address; default: files that are called like the resource
    recursive: bool = False
    member: str = "*"  # which files of a zip archive
    format: Format | None = None  # default: by the file's ending
    encoding: str | None = None
    # CSV
    delimiter: str | None = None
    quote: str = '"'
    header_rows: int = Field(default=1, ge=0)  # several are joined by a blank; 0: there is none
    skip_rows: int = Field(default=0, ge=0)  # lines above the header
    names: tuple[str, ...] = ()  # the columns' names, in place of the header's
    frame: str | None = None  # a character that frames every line, as SAP's list downloads have it
    comment: str | None = None  # lines that begin so are no rows
    # Excel
    sheet: str | int = 1
    header_row: int | None = None  # counted from 1; default: the first that is not blank
    merged: Literal["fill", "first"] = "fill"
    # JSON
    selector: str | None = None
    # text
    pattern: tuple[str, ...] = ()
    continuation: str | None = None  # the field that indented lines which fit no pattern are added to
    year: int | None = None  # of times that name none; default: the latest that does not lie after the file's date
    # values
    null_values: dict[str, tuple[str, ...]] = Field(default_factory=dict)  # by column; `*` stands for every column
    decimal: Literal[".", ","] = "."
    thousands: str | None = None
    numbers: tuple[str, ...] = ()  # columns to read as numbers besides those declared with a numeric type
    dates: dict[str, tuple[str, ...]] = Field(default_factory=dict)  # strptime formats by column
    moments: dict[str, tuple[str, str]] = Field(default_factory=dict)  # a new column to the columns of its day and time of day
    time_zone: str | None = None  # of times that name none; default: the connection's
    trim: bool = False
    types: Literal["guess", "text"] = "guess"
    positions: bool = True  # whether rows carry `_file` and `_line`

    @field_validator("files", "pattern", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("null_values", mode="before")
    @classmethod
    def _words_by_column(cls, words: Any) -> Any:
        if isinstance(words, (str, list, tuple)):
            words = {"*": words}
        return _lists(words)

    @field_validator("dates", mode="before")
    @classmethod
    def _formats_by_column(cls, dates: Any) -> Any:
        return _lists(dates)

    @field_validator("pattern")
    @classmethod
    def _named_groups(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                named = re.compile(pattern).groupindex
            except re.error as error:
                raise ValueError(f"`{pattern}` is no regular expression: {error}") from None
            if not named:
                raise ValueError(f"`{pattern}` names no group; write (?P<name>…)")
        return patterns

    @field_validator("time_zone")
    @classmethod
    def _zone_known(cls, zone: str | None) -> str | None:
        return known_zone(zone) if zone else zone

    @model_validator(mode="after")
    def _fits_together(self) -> "FileOptions":
        if self.format == "text" and not self.pattern:
            raise ValueError("format: text needs `pattern`")
        if self.header_rows == 0 and not self.names and self.format == "csv":
            raise ValueError("header_rows: 0 needs `names`")
        unread = sorted({part for parts in self.moments.values() for part in parts} - set(self.dates))
        if unread:
            raise ValueError(f"moments: {', '.join(unread)} has no format under `dates`")
        if self.thousands == self.decimal:
            raise ValueError("thousands and decimal are the same character")
        return self


def known_zone(zone: str) -> str:
    """The zone's name, if there is such a zone."""
    if zone not in available_timezones():
        raise ValueError(f"there is no time zone `{zone}`; write one such as UTC or Europe/Berlin")
    return zone


def _lists(words: Any) -> Any:
    if not isinstance(words, dict):
        return words
    return {name: (value,) if isinstance(value, str) else value for name, value in words.items()}
