"""Which request follows an answer: the paginations of HTTP APIs as dlt's paginators, watched so that none loses a row in silence.

What belongs here: where the next page is, and when an answer cannot be believed. What does not: sending
(`connectors.kinds.rest_session`) and records (`connectors.kinds.rest_records`).

An empty page is asked for twice before it is believed. A page that comes again in place of the next is asked for again. Fewer
rows than the API says it has, a page size that changes in mid-reading, a next page that was there before: the run ends with an
error, and nothing of it counts.
"""

import copy
import re
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from dlt.common import jsonpath
from dlt.sources.helpers.rest_client.paginators import (
    BasePaginator,
    BaseReferencePaginator,
    HeaderLinkPaginator,
    JSONLinkPaginator,
    PageNumberPaginator,
    SinglePagePaginator,
)
from requests import Request, Response

from connectors.credentials import without_secrets
from connectors.kinds import rest_options as options
from connectors.kinds.rest_increments import Increment, Value
from lake.errors import SourceUnavailableError

if TYPE_CHECKING:
    from connectors.kinds.rest_children import Parents

PARENT_ROW = "@parent"  # a parameter that never leaves the house: the number of the parent's row a call is made for
Identity = Callable[[Any], Hashable | None]  # what tells a raw record from others; None: nothing does
SAME_PAGE_ATTEMPTS = 3
SAME_KEYLESS_PAGES = 20  # rows without a key may well repeat; a whole page of them hardly so often
STEPS_BACK = 20
REMEDY = "Nothing of this run counts; run again."


def found(path: str, answer: Any) -> Any:
    """What a path finds first in an answer; None if nothing."""
    values = jsonpath.find_values(path, answer)
    return values[0] if values else None


def size_params(pagination: options.Pagination) -> dict[str, Any]:
    """Parameters that stay the same from page to page."""
    if isinstance(pagination, options.PageNumber) and pagination.size_param:
        return {pagination.size_param: pagination.size}
    return {}


def paginator(pagination: options.Pagination, identity: Identity) -> BasePaginator:
    """dlt's paginator, or one like it, for the options."""
    if isinstance(pagination, options.PageNumber):
        return _page_number(pagination)
    if isinstance(pagination, options.Offset):
        return OffsetPaginator(pagination, identity)
    if isinstance(pagination, options.CursorPages):
        return CursorPaginator(pagination)
    if isinstance(pagination, options.LinkHeader):
        return HeaderLinkPaginator(pagination.rel)
    if isinstance(pagination, options.NextUrl):
        return JSONLinkPaginator(pagination.path)
    if isinstance(pagination, options.RangeHeader):
        return RangeHeaderPaginator(pagination)
    return SinglePagePaginator()


def _page_number(pagination: options.PageNumber) -> BasePaginator:
    return PageNumberPaginator(
        base_page=pagination.first,
        page_param=None if pagination.body_path else pagination.param,
        page_body_path=pagination.body_path,
        total_path=pagination.total_pages,
        has_more_path=pagination.has_more,
        stop_after_empty_page=not (pagination.total_pages or pagination.has_more),
    )


class CursorPaginator(BaseReferencePaginator):
    """The next page by a mark, from body or header into parameter, body or header."""

    def __init__(self, pagination: options.CursorPages) -> None:
        super().__init__()
        self.pagination = pagination

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        """Takes the mark of the next page."""
        said = self.pagination
        mark = found(said.path, response.json()) if said.path else response.headers.get(said.header or "")
        more = found(said.has_more, response.json()) if said.has_more else True
        self._next_reference = mark if mark not in (None, "", False) and more is True else None

    def update_request(self, request: Request) -> None:
        """Puts the mark where the API wants it."""
        if self._next_reference is None:
            return
        if self.pagination.body_path:
            _set_at(request, self.pagination.body_path, self._next_reference)
        elif self.pagination.request_header:
            request.headers = {**(request.headers or {}), self.pagination.request_header: str(self._next_reference)}
        else:
            _set_param(request, self.pagination.param, self._next_reference)


class OffsetPaginator(BasePaginator):
    """The next page by the number of rows that came, with some of them read again to see that none moved away in between."""

    def __init__(self, pagination: options.Offset, identity: Identity) -> None:
        super().__init__()
        self.pagination, self.identity = pagination, identity
        self.offset, self.overlap = pagination.first, pagination.overlap or 0
        self.seen: set[Hashable] = set()
        self.steps_back = 0

    def init_request(self, request: Request) -> None:
        """The first page."""
        self.update_request(request)

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        """Moves on by what came; back, where the rows before this page are not those that were there."""
        data = data or []
        if self._has_gap(data):
            self.steps_back += 1
            if self.steps_back > STEPS_BACK:
                raise SourceUnavailableError("The rows keep moving between pages while they are read.", remedy=REMEDY)
            self.offset = max(self.pagination.first, self.offset - self.pagination.limit)
            return
        self.seen = {self.identity(record) for record in data} - {None} or self.seen
        step = self.pagination.limit if self.pagination.advance == "limit" else max(len(data) - self.overlap, min(len(data), 1))
        self.offset += step
        more = found(self.pagination.has_more, response.json()) if self.pagination.has_more else len(data) > self.overlap
        total = _total(self.pagination, response)
        is_before_end = total is not None and self.offset + self.overlap < total + self.pagination.first
        self._has_next_page = bool(more) if total is None else is_before_end and bool(data)

    def _has_gap(self, data: list[Any]) -> bool:
        if not (self.overlap and self.seen and self.offset > self.pagination.first):
            return False
        first = self.identity(data[0]) if data else None
        return first not in self.seen

    def update_request(self, request: Request) -> None:
        """Writes offset and limit."""
        said = self.pagination
        if said.body_path:
            _set_at(request, said.body_path, self.offset)
        else:
            _set_param(request, said.param, self.offset)
        if said.limit_body_path:
            _set_at(request, said.limit_body_path, said.limit)
        elif said.limit_param:
            _set_param(request, said.limit_param, said.limit)


class RangeHeaderPaginator(BasePaginator):
    """The next page by the header Range; the end is status 416, an empty page, or the total in Content-Range."""

    def __init__(self, pagination: options.RangeHeader) -> None:
        super().__init__()
        self.pagination, self.offset = pagination, 0

    def init_request(self, request: Request) -> None:
        """The first page."""
        self.update_request(request)

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        """Moves on by what came."""
        self.offset += len(data or [])
        total = _total(self.pagination, response)
        self._has_next_page = bool(data) and (total is None or self.offset < total)

    def update_request(self, request: Request) -> None:
        """Writes the header."""
        last = self.offset + self.pagination.size - (1 if self.pagination.last_included else 0)
        request.headers = {**(request.headers or {}), "Range": f"{self.pagination.unit}={self.offset}-{last}"}


@dataclass
class _Span:
    """What was seen of one query."""

    rows: int = 0
    known: set[int] = field(default_factory=set)  # digests of the rows' keys, where there is a total to compare with
    first_length: int = 0
    is_short: bool = False
    total: int | None = None
    repeats: int = 0
    page: Hashable | None = None
    data: list[Any] = field(default_factory=list)
    requests: set[str] = field(default_factory=set)


class Pages(BasePaginator):
    """A paginator that watches another, and begins it anew for each span of the increment.

    Args:
        label: What people call the resource, for errors.
        pagination: The options.
        identity: Tells a raw record from others; None where the rows have no key.
        increment: The cursor, if there is one.
        cursor_of: The cursor values of a raw record.
        selector: Path that must be found in each answer; None: any answer will do.
        parents: Where there is one call per parent row; an empty first page is then the ordinary case.
    """

    def __init__(
        self,
        label: str,
        pagination: options.Pagination,
        identity: Identity | None,
        increment: Increment | None,
        *,
        cursor_of: Callable[[Any], list[Value]] = lambda record: [],
        selector: str | None = None,
        parents: "Parents | None" = None,
    ) -> None:
        super().__init__()
        self.label, self.pagination, self.identity, self.increment = (
            label,
            self._overlapping(pagination, identity),
            identity,
            increment,
        )
        self.cursor_of, self.selector, self.parents = cursor_of, selector, parents
        self._from_parent: dict[str, Any] = {}

    @staticmethod
    def _overlapping(pagination: options.Pagination, identity: Identity | None) -> options.Pagination:
        """With the overlap that fits: rows without a key must not be read twice."""
        if not isinstance(pagination, options.Offset):
            return pagination
        default = 1 if pagination.advance == "rows" and pagination.limit > 1 else 0
        wanted = default if pagination.overlap is None else pagination.overlap
        return pagination.model_copy(update={"overlap": wanted if identity else 0})

    def init_request(self, request: Request) -> None:
        """Begins the first span."""
        self._has_next_page = True
        if self.parents:
            request.params, self._from_parent = self.parents.claim(_params(request), PARENT_ROW)
        self._url, self._params, self._json = request.url, copy.deepcopy(request.params), copy.deepcopy(request.json)
        self._headers = dict(request.headers or {})
        self._spans: Iterator[tuple[Value | None, Value | None]] = (
            self.increment.spans() if self.increment else iter([(None, None)])
        )
        following = next(self._spans, None)
        self._begin(request, *(following or (self.increment.start if self.increment else None, None)))

    def _begin(self, request: Request, start: Value | None, until: Value | None) -> None:
        self._start, self._until, self._newest = start, until, start
        self._following: tuple[Value | None, Value | None] | None = None
        self._again, self._is_confirmed, self._span = False, False, _Span()
        request.url, request.headers = self._url, dict(self._headers)
        request.params, request.json = copy.deepcopy(self._params), copy.deepcopy(self._json)
        self._write_span(request)
        if isinstance(self.pagination, options.PageNumber) and self.pagination.size_body_path:
            _set_at(request, self.pagination.size_body_path, self.pagination.size)
        self._inner = paginator(self.pagination, self.identity or (lambda record: None))
        self._inner.init_request(request)
        self._span.requests.add(repr((request.url, request.params, request.json, request.headers)))

    def _write_span(self, request: Request) -> None:
        """Puts start and end into the request: as parameters, into the body, and for the words {cursor} and {until}."""
        start = self.increment.spelled(self._start) if self.increment else None
        until = self.increment.spelled(self._until) if self.increment else None
        words = {"{cursor}": start, "{until}": until}
        request.params, request.json = _replaced(_params(request), words), _replaced(request.json, words)
        request.headers = _replaced(request.headers, words)
        said = self.increment.options if self.increment else options.Incremental()
        for value, param, body_path in ((start, said.param, said.body_path), (until, said.until_param, said.until_body_path)):
            if value is not None and param:
                _set_param(request, param, value)
            if value is not None and body_path:
                _set_at(request, body_path, value)

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        """Judges the page and decides what comes next."""
        data = data or []
        for record in data if self._from_parent else []:
            if isinstance(record, dict):
                record.update(self._from_parent)
        self._check_selected(response)
        self._note(response, data)
        self._again = self._came_before(data)
        if self._again:
            return
        if not data and not self._is_confirmed and (self._span.rows or not self.parents):
            self._again = self._is_confirmed = True
            return
        self._is_confirmed = False
        self._inner.update_state(response, data)
        if not self._inner.has_next_page or self._is_full():
            self._end_span()

    def update_request(self, request: Request) -> None:
        """Writes the request for the next page, the same page once more, or the next span."""
        if self._again or not self._has_next_page:
            return
        if self._following:
            self._begin(request, *self._following)
            return
        self._inner.update_request(request)
        words = repr((request.url, request.params, request.json, request.headers))
        if words in self._span.requests and not isinstance(self._inner, OffsetPaginator):
            raise SourceUnavailableError(f"{self.label}: the API gives a page as the next that was there before.", remedy=REMEDY)
        self._span.requests.add(words)

    def _check_selected(self, response: Response) -> None:
        if self.selector and not jsonpath.find_values(self.selector.removesuffix("[*]"), response.json()):
            shown = " ".join(without_secrets(response.text)[:200].split())
            raise SourceUnavailableError(
                f"{self.label}: an answer has no `{self.selector}`, but is: {shown}",
                remedy="Mend `selector`; say `selector_optional: true` if the API leaves it out where there are no rows.",
            )

    def _note(self, response: Response, data: list[Any]) -> None:
        span = self._span
        span.rows += len(data)
        total = _total(self.pagination, response)
        span.total = span.total if total is None else total
        if span.total is not None and self.identity:
            span.known.update(hash(self.identity(record)) for record in data)
        span.first_length = span.first_length or len(data)
        self._check_steady(data)
        if self.increment and self.increment.options.restart_after:
            values = [value for record in data for value in self.cursor_of(record)]
            self._newest = max([value for value in (*values, self._newest) if value is not None], default=None)

    def _check_steady(self, data: list[Any]) -> None:
        """A page number leads elsewhere when the pages' length changes."""
        span = self._span
        if isinstance(self.pagination, options.PageNumber) and self.pagination.steady and data:
            if span.is_short or len(data) > span.first_length:
                raise SourceUnavailableError(f"{self.label}: the page size changed while pages were read.", remedy=REMEDY)
            span.is_short = len(data) < span.first_length

    def _came_before(self, data: list[Any]) -> bool:
        """Whether the page is the last one over again; raises where it stays so."""
        span = self._span
        page: Hashable | None = None
        if self.identity and len(data) > 1:
            page = (len(data), self.identity(data[0]), self.identity(data[-1]))
        is_same = page is not None and page == span.page
        is_same_keyless = self.identity is None and bool(data) and data == span.data
        span.repeats = span.repeats + 1 if is_same or is_same_keyless else 0
        span.page, span.data = page, data
        if span.repeats >= (SAME_PAGE_ATTEMPTS if is_same else SAME_KEYLESS_PAGES):
            raise SourceUnavailableError(f"{self.label}: the API gives the same page again and again.", remedy=REMEDY)
        return is_same

    def _is_full(self) -> bool:
        """Whether the query has given all the rows the API gives to one; asking for more would be an error."""
        limit = self.increment.options.restart_after if self.increment else None
        return limit is not None and self._span.rows >= limit

    def _end_span(self) -> None:
        span, limit = self._span, self.increment.options.restart_after if self.increment else None
        if limit and span.rows >= limit:
            spelled = self.increment.spelled if self.increment else repr
            if self._newest is None or spelled(self._newest) == spelled(self._start):
                raise SourceUnavailableError(
                    f"{self.label}: more than {limit} rows have the same cursor.", remedy="The API cannot give them; ask for less."
                )
            self._following = (self._newest, self._until)
        else:
            came = len(span.known) if self.identity else span.rows
            if span.total is not None and came < span.total:
                raise SourceUnavailableError(f"{self.label}: the API gives {came} of {span.total} rows.", remedy=REMEDY)
            self._following = next(self._spans, None)
        self._has_next_page = self._following is not None


def _total(pagination: options.Pagination, response: Response) -> int | None:
    """The number of all rows, as an answer tells it."""
    if pagination.total:
        said = found(pagination.total, response.json())
    elif pagination.total_header:
        said = response.headers.get(pagination.total_header)
    elif isinstance(pagination, options.RangeHeader):
        matched = re.search(r"/(\d+)$", response.headers.get("Content-Range", ""))
        said = matched.group(1) if matched else None
    else:
        return None
    return int(said) if str(said).isdigit() else None


def _params(request: Request) -> dict[str, Any]:
    return cast(dict[str, Any], request.params or {})  # dlt gives them as a mapping, of all that requests takes


def _set_param(request: Request, name: str | None, value: Any) -> None:
    request.params = {**_params(request), str(name): value}


def _set_at(request: Request, path: str, value: Any) -> None:
    body: dict[str, Any] = copy.deepcopy(cast(dict[str, Any], request.json)) if request.json else {}
    jsonpath.set_value_at_path(body, path, value)
    request.json = body


def _replaced(given: Any, words: dict[str, Any]) -> Any:
    """The same with each word replaced; a text that is but the word takes the value's type, and goes where there is none."""
    if isinstance(given, dict):
        replaced = {name: _replaced(value, words) for name, value in given.items()}
        return {name: value for name, value in replaced.items() if value is not None or given[name] is None}
    if isinstance(given, list | tuple):
        return [_replaced(value, words) for value in given]
    if not isinstance(given, str):
        return given
    if given in words:
        return words[given]
    for word, value in words.items():
        given = given.replace(word, "" if value is None else str(value))
    return given
