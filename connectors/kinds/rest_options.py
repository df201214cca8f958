"""What a connection file may say of an HTTP API: access, pages, increments, limits, records.

What belongs here: the pydantic models of the kind `rest`; docs/sources-rest.md shows every field. What does not: acting on them
(`connectors.kinds.rest` and the modules it names).

A path into an answer (`selector`, `next`, `total`, ...) is JSONPath, in which a plain `a.b` is the field b of the field a.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Moments = Literal["epoch_seconds", "epoch_milliseconds"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NoAuth(_Model):
    """Nobody asks who we are."""

    type: Literal["none"] = "none"


class ApiKeyAuth(_Model):
    """The credential `api_key`, sent under a name of the API's choice."""

    type: Literal["api_key"]
    name: str = "Authorization"
    location: Literal["header", "query", "cookie"] = "header"
    prefix: str = ""  # such as "Token "


class BearerAuth(_Model):
    """The credential `token`, sent as `Authorization: Bearer`."""

    type: Literal["bearer"]


class BasicAuth(_Model):
    """User name and the credential `password`; the name may be a credential `username` instead."""

    type: Literal["basic"]
    username: str | None = None


class OAuth2ClientCredentials(_Model):
    """A token got for the credentials `client_id` and `client_secret`, and got anew when it expires or is refused."""

    type: Literal["oauth2_client_credentials"]
    token_url: str  # absolute, or relative to the connection's address
    scope: str | None = None
    token_params: dict[str, str] = Field(default_factory=dict)  # more fields of the request, such as an audience
    credentials_in: Literal["body", "basic"] = "body"
    lifetime_seconds: int = Field(default=3600, gt=0)  # where the answer does not say


Auth = Annotated[NoAuth | ApiKeyAuth | BearerAuth | BasicAuth | OAuth2ClientCredentials, Field(discriminator="type")]


class _Pages(_Model):
    total: str | None = None  # path to the number of all rows; what was read is compared with it
    total_header: str | None = None  # or the header that holds it
    has_more: str | None = None  # path to a boolean: whether there is another page


class SinglePage(_Pages):
    """All rows in one answer."""

    type: Literal["single"] = "single"


class PageNumber(_Pages):
    """Pages by number."""

    type: Literal["page"]
    param: str | None = "page"
    body_path: str | None = None  # where in the JSON body the number goes, instead of a parameter
    first: int = 1
    size_param: str | None = None
    size_body_path: str | None = None
    size: int = Field(default=100, gt=0)
    total_pages: str | None = None  # path to the number of pages
    steady: bool = True  # whether all pages but the last are equally long; a change in between would skip rows


class Offset(_Pages):
    """Pages by the number of rows before them."""

    type: Literal["offset"]
    param: str | None = "offset"
    body_path: str | None = None
    limit_param: str | None = "limit"
    limit_body_path: str | None = None
    limit: int = Field(default=100, gt=0)
    first: int = 0
    overlap: int | None = Field(
        default=None, ge=0
    )  # rows read again at a page's head, to find that rows moved; None: 1 where there is a key
    advance: Literal["rows", "limit"] = "rows"  # by the rows that came, or by those asked for (where the API leaves rows out)

    @model_validator(mode="after")
    def _gets_on(self) -> "Offset":
        if (self.overlap or 0) >= self.limit:
            raise ValueError("overlap must be smaller than limit")
        if self.overlap and self.advance == "limit":
            raise ValueError("overlap needs advance: rows")
        return self


class CursorPages(_Pages):
    """Pages by a mark that each answer gives for the next."""

    type: Literal["cursor"]
    path: str | None = None  # where the mark is in the body
    header: str | None = None  # or the answer's header that holds it
    param: str | None = None  # the parameter that takes it
    body_path: str | None = None  # or the place in the next request's JSON body
    request_header: str | None = None  # or the next request's header

    @model_validator(mode="after")
    def _one_way(self) -> "CursorPages":
        if (self.path is None) == (self.header is None):
            raise ValueError("give either `path` or `header`, where the mark comes from")
        if sum(place is not None for place in (self.param, self.body_path, self.request_header)) != 1:
            raise ValueError("give one of `param`, `body_path` and `request_header`, where the mark goes")
        return self


class LinkHeader(_Pages):
    """Pages by the URL in the header `Link`."""

    type: Literal["link_header"]
    rel: str = "next"


class NextUrl(_Pages):
    """Pages by a URL in the body, absolute or relative."""

    type: Literal["next_url"]
    path: str = "next"


class RangeHeader(_Pages):
    """Pages by the request header `Range`, such as `records=0-200`; status 416 is the end."""

    type: Literal["range"]
    unit: str = "records"
    size: int = Field(default=200, gt=0)
    last_included: bool = False  # whether the second number is the last row itself, as in HTTP's bytes, or the one after it


Pagination = Annotated[
    SinglePage | PageNumber | Offset | CursorPages | LinkHeader | NextUrl | RangeHeader, Field(discriminator="type")
]


class Incremental(_Model):
    """How the API is asked for what changed since the last run; needs the resource's `cursor`.

    Besides `param` and `body_path`, the words {cursor} and {until} in params, headers and body become start and end.
    """

    param: str | None = None
    body_path: str | None = None
    until_param: str | None = None
    until_body_path: str | None = None
    format: str = "iso"  # iso, date, epoch_seconds, epoch_milliseconds, number, text or a strftime pattern
    template: str | None = None  # the whole value, such as: updated >= "{cursor}"
    timezone: str = ""  # of moments the API writes or reads without one; empty: the connection's time_zone
    initial: Any = None  # where the first run begins, where `cursor.initial` does not say
    initial_days: float | None = Field(default=None, gt=0)  # or so long before it, from the midnight (UTC) before that on
    window_days: float | None = Field(default=None, gt=0)  # longer spans are asked for in parts of this length
    restart_after: int | None = Field(
        default=None, gt=0
    )  # rows after which the API gives no more: a new query from the last cursor on

    @field_validator("format")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in ("iso", "date", "epoch_seconds", "epoch_milliseconds", "number", "text") and "%" not in value:
            raise ValueError(
                "one of iso, date, epoch_seconds, epoch_milliseconds, number, text, or a pattern such as %Y-%m-%d %H:%M"
            )
        return value

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            ZoneInfo(value or "UTC")
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"there is no time zone {value}") from None
        return value

    @property
    def is_moment(self) -> bool:
        """Whether the cursor is a point in time."""
        return self.format not in ("number", "text")

    @model_validator(mode="after")
    def _consistent(self) -> "Incremental":
        if (self.window_days or self.initial_days) and not self.is_moment:
            raise ValueError("window_days and initial_days need a cursor of moments")
        return self


class Step(_Model):
    """One step on the way from what the selector found to records; each step has one verb."""

    lift: str | None = None  # the fields of this object become fields of the record
    prefix: str = ""  # before the names of lifted fields
    explode: str | None = None  # one record per element of this list, each with the other fields
    into: str | None = None  # the field an exploded element goes to; without it an object's fields join the record
    names: tuple[str, ...] = ()  # names for the values of exploded lists, in their order
    zip: dict[str, str] | None = None  # {names: path, rows: path}: lists of values become records
    take: dict[str, str] | None = None  # field to the path it is taken from
    keep: tuple[str, ...] | None = None  # these fields only
    drop: tuple[str, ...] | None = None  # not these fields
    transform: str | None = None  # a function registered under this name

    @model_validator(mode="after")
    def _one_verb(self) -> "Step":
        verbs = [
            name for name in ("lift", "explode", "zip", "take", "keep", "drop", "transform") if getattr(self, name) is not None
        ]
        if len(verbs) != 1:
            raise ValueError("each step is one of lift, explode, zip, take, keep, drop and transform")
        if self.zip is not None and set(self.zip) != {"names", "rows"}:
            raise ValueError("zip: needs `names` and `rows`")
        return self


class Parent(_Model):
    """The resource whose every row leads to a call of its own; {parent.<field>} stands for the row's fields."""

    resource: str
    changed_only: bool = False  # visit only the rows that are new to this run, rather than all
    having: str | None = None  # visit only the rows in which this field is filled
    take: dict[str, str] = Field(default_factory=dict)  # field of the child's records to the parent's field


class Limits(_Model):
    """How often, how long and how stubbornly the API is asked."""

    requests_per_second: float | None = Field(default=None, gt=0)
    timeout_seconds: float = Field(default=60, gt=0)
    attempts: int = Field(default=6, gt=0)  # of one request, refusals that tell when to come back not counted
    backoff_seconds: float = Field(default=1, gt=0)  # before the second attempt; doubled before each more, with jitter
    longest_backoff_seconds: float = Field(default=60, gt=0)
    patience_seconds: float = Field(default=900, ge=0)  # the longest one request waits in all because the API says "later"
    used_up: tuple[str, ...] = ()  # words in a 403 that mean a used-up allowance, not refused credentials


class _Shared(_Model):
    headers: dict[str, str] = Field(default_factory=dict)
    params: dict[str, Any] = Field(default_factory=dict)
    pagination: Pagination | None = None
    selector: str | None = None  # path to the records in an answer; without one the answer is them
    error_path: str | None = None  # where an answer with status 200 may hold an error
    ok_path: str | None = None  # where such an answer says true

    @field_validator("pagination", mode="before")
    @classmethod
    def _type_or_more(cls, said: Any) -> Any:
        return {"type": said} if isinstance(said, str) else said


class ApiOptions(_Shared):
    """The fields of a connection; those that a resource has too are the resources' defaults."""

    auth: Auth = Field(default_factory=NoAuth)
    limits: Limits = Field(default_factory=Limits)
    hosts: tuple[str, ...] = ()  # hosts besides the address's that pages may lie on; credentials are sent there
    check_path: str | None = None  # what a check asks for, rather than each resource

    @field_validator("auth", mode="before")
    @classmethod
    def _auth_type_or_more(cls, said: Any) -> Any:
        return {"type": said} if isinstance(said, str) else said


class EndpointOptions(_Shared):
    """The fields of a resource."""

    path: str | None = None  # below the address; without one the resource's name
    method: Literal["GET", "POST"] = "GET"
    body: dict[str, Any] | None = None  # JSON body of a POST
    selector_optional: bool = False  # whether an answer without the selected field is an empty page rather than a fault
    incremental: Incremental | None = None
    parent: Parent | None = None
    records: tuple[Step, ...] = ()
    moments: dict[str, Moments] = Field(default_factory=dict)  # columns that hold moments as numbers
    null_values: tuple[str, ...] = ()  # texts that stand for nothing, such as ""
    ignore_status: tuple[int, ...] = ()  # statuses that mean "no rows here", such as 404 for a child

    @field_validator("incremental", mode="before")
    @classmethod
    def _param_or_more(cls, said: Any) -> Any:
        return {"param": said} if isinstance(said, str) else said

    @field_validator("parent", mode="before")
    @classmethod
    def _parent_or_more(cls, said: Any) -> Any:
        return {"resource": said} if isinstance(said, str) else said

    def in_zone(self, zone: str) -> "EndpointOptions":
        """The same, with a time zone for moments of which nothing else is said."""
        if self.incremental is None or self.incremental.timezone:
            return self
        return self.model_copy(update={"incremental": self.incremental.model_copy(update={"timezone": zone})})

    @model_validator(mode="after")
    def _posted(self) -> "EndpointOptions":
        if self.body is not None and self.method != "POST":
            raise ValueError("body: needs method: POST")
        return self
