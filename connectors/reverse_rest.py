"""Rows written to an HTTP API: a request each, at the pace it allows, under the same idempotency key however often it is sent.

What belongs here: making and sending those requests. What does not: authentication and patience (`connectors.kinds.rest_auth`,
`connectors.kinds.rest_session`) and what is sent when (`connectors.reverse`).
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urljoin

import requests

from connectors.kinds.rest import RestConnector
from connectors.kinds.rest_options import Limits
from connectors.kinds.rest_session import SHOWN, PatientSession, Verdict, retry_after
from connectors.outbox import Entry
from connectors.reverse import Sent, as_sent, plain
from connectors.write_targets import RestTarget
from lake.errors import CredentialError, DataError, GrimoireError

_COLUMN = re.compile(r"\{(\w+)\}")
NO_STEPS = ("", ".", "..")  # in a path they lead to another thing than the row's, such as the whole collection


class WritingSession(PatientSession):
    """A patient session that takes any answer with a good status: what was written need not be told in JSON."""

    last: Verdict = Verdict()
    is_repeatable = True

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Where to go on; nowhere by a redirect that makes another request of it: its good answer would pass for the write's."""
        return super().get_redirect_target(resp) if resp.status_code in (307, 308) else None

    def judge(self, response: requests.Response) -> Verdict:
        """Whether the request was accepted, and if not, whether to come back."""
        status = response.status_code
        if 200 <= status < 300 or status in self.expected:
            error = self._error_inside(response)
            return Verdict(f"an error inside the answer: {error}", is_final=True) if error else Verdict()
        wait = retry_after(response) if status in (429, 503) else None
        if wait is None and status == 429:
            return Verdict(f"status 429: {self._shown(response)}", retry_after=self.limits.backoff_seconds)
        if wait is not None:
            return Verdict(f"status {status}: too many requests", retry_after=wait)
        if status in (401, 403):
            return Verdict(f"status {status}: {self._shown(response)}", is_final=True, error=CredentialError)
        return Verdict(f"status {status}: {self._shown(response)}", is_final=status < 500 or not self.is_repeatable)

    def _error_inside(self, response: requests.Response) -> str:
        try:
            return self._masked(self.is_error(json.loads(response.content or b"null")))[:SHOWN]
        except (ValueError, TypeError, AttributeError):
            return ""

    def _given_up(self, verdict: Verdict, request: requests.PreparedRequest) -> GrimoireError:
        self.last = verdict
        return super()._given_up(verdict, request)


class RestSender:
    """An API that is written to.

    Args:
        connector: Of the connection.
        aim: The target.
        is_sending: Whether anything is to be sent; else credentials are not resolved.
    """

    batch = 1

    def __init__(self, connector: RestConnector, aim: RestTarget, *, is_sending: bool) -> None:
        self.connector, self.aim = connector, aim
        self.address = connector.connection.address
        if is_sending:
            self.api = connector.api(limits=self._limits())
            self.session = self._session()

    def preview(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Method, address, parameters and body for a row.

        Raises:
            DataError: The row has no column of that name.
        """
        url = urljoin(f"{self.address.rstrip('/')}/", self._text(self.aim.path, row, is_path=True).lstrip("/"))
        request = {"method": self.aim.method, "url": url, "json": self._body(row)}
        if self.aim.params:
            request["params"] = {name: self._text(value, row) for name, value in self.aim.params.items()}
        if self.aim.headers:
            request["headers"] = {name: self._text(value, row) for name, value in self.aim.headers.items()}
        return request

    def send(self, entries: Sequence[Entry], rows: Sequence[Mapping[str, Any]]) -> list[Sent]:
        """Sends each row and tells what came of it."""
        return [self._send(entry, row) for entry, row in zip(entries, rows, strict=True)]

    def _send(self, entry: Entry, row: Mapping[str, Any]) -> Sent:
        asked = self.preview(row)
        headers = {**dict(self.connector.options.headers), **asked.pop("headers", {})}
        if self.aim.idempotency_header:
            headers[self.aim.idempotency_header] = entry.idempotency_key
        self.session.last = Verdict()
        try:
            answer = self.session.request(**asked, headers=headers, auth=self.api.auth)
        except CredentialError as error:
            return Sent("failed", error.problem, is_fatal=True)
        except GrimoireError as error:
            return Sent(self._standing(), error.problem)
        except (requests.RequestException, UnicodeError) as error:  # a header takes no letter beyond Latin-1, and no line break
            is_rows = isinstance(error, requests.exceptions.InvalidJSONError | requests.exceptions.InvalidHeader | UnicodeError)
            return Sent("failed", f"it could not be sent: {type(error).__name__}", is_fatal=not is_rows)
        return Sent("done", f"status {answer.status_code}", self._reference(answer))

    def _standing(self) -> Any:
        """Failed where the system said so, doubtful where it may have done it and must not be asked again."""
        said = self.session.last.problem
        refusals = ("status 4", "an error inside", "nobody listens", "its name is not known", "no trusted encryption")
        is_refused = said.startswith(refusals)
        return "failed" if self.aim.is_repeatable or is_refused or self.session.last.retry_after is not None else "doubtful"

    def _reference(self, answer: requests.Response) -> str:
        from connectors.kinds.rest_pages import found

        if not self.aim.reference:
            return ""
        try:
            value = found(self.aim.reference, json.loads(answer.content or b"null"))
        except ValueError:
            return ""
        return "" if value is None else str(value)

    def _body(self, row: Mapping[str, Any]) -> Any:
        if self.aim.body is None:
            return None if self.aim.method == "DELETE" else as_sent(row)
        return self._filled(self.aim.body, row)

    def _filled(self, said: Any, row: Mapping[str, Any]) -> Any:
        if isinstance(said, dict):
            return {name: self._filled(value, row) for name, value in said.items()}
        if isinstance(said, list):
            return [self._filled(value, row) for value in said]
        if not isinstance(said, str):
            return said
        alone = _COLUMN.fullmatch(said)
        return plain(self._value(alone.group(1), row)) if alone else self._text(said, row)

    def _text(self, said: str, row: Mapping[str, Any], *, is_path: bool = False) -> str:
        def spelled(match: "re.Match[str]") -> str:
            value = plain(self._value(match.group(1), row))
            text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
            if is_path and text in NO_STEPS:
                raise DataError(
                    f"A row has no {match.group(1)} that can be part of a path, but `{text}`.", remedy="Leave such rows out."
                )
            return quote(text, safe="") if is_path else text

        return _COLUMN.sub(spelled, said)

    def _value(self, name: str, row: Mapping[str, Any]) -> Any:
        if name not in row:
            raise DataError(f"The rows have no column `{name}`, which the target names.", remedy=f"They have {', '.join(row)}.")
        return row[name]

    def _limits(self) -> Limits:
        limits: Limits = self.connector.options.limits
        return limits.model_copy(update={"attempts": self.aim.attempts if self.aim.is_repeatable else 1})

    def _session(self) -> WritingSession:
        """The reading session's limits, hosts, token and secrets, for writing."""
        reading = self.api.session
        session = WritingSession(
            reading.label,
            self.address,
            reading.limits,
            hosts=tuple(reading.hosts),
            token=reading.token,
            secrets=tuple(reading.secrets),
        )
        session.expected, session.is_repeatable, session.is_error = self.aim.ok_status, self.aim.is_repeatable, reading.is_error
        return session
