"""The HTTP session that dlt reads APIs with: patient, at the pace it is allowed, faithful to numbers, true to its hosts.

What belongs here: sending one request until it is answered or given up. What does not: which request comes next
(`connectors.kinds.rest_pages`) and what is made of the answers (`connectors.kinds.rest_records`).

What is retried: no connection, a connection that breaks at any place, no answer in time, status 5xx, an answer that is no JSON or
only its beginning, and an error inside status 200. A refusal that tells when to come back (429; 403 and 503 with such a header) is
obeyed and is no failed attempt. An expired token is got anew. Credentials never leave the connection's own hosts.
"""

import email.utils
import json
import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlsplit

import requests
from dlt.sources.helpers.requests.session import Session
from requests.adapters import HTTPAdapter
from requests.hooks import default_hooks, dispatch_hook

from connectors.credentials import without_secrets
from connectors.kinds.rest_options import Limits
from lake.errors import CredentialError, GrimoireError, SourceUnavailableError

if TYPE_CHECKING:
    from connectors.kinds.rest_auth import Renewable

BROKEN = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)
SHOWN = 200  # characters of an answer that an error message shows
LATER = (429, 403, 503)


class ExactResponse(requests.Response):
    """An answer whose numbers keep every digit; it is parsed once."""

    _parsed: Any = None
    _is_parsed = False

    def json(self, **kwargs: Any) -> Any:
        """The body; an empty list where the status says that there is none."""
        if not self._is_parsed:
            self._parsed = [] if self.status_code in (204, 416) else json.loads(self._words(), parse_float=Decimal)
            self._is_parsed = True
        return self._parsed

    def _words(self) -> str | bytes:
        charset = self.encoding if "charset" in self.headers.get("Content-Type", "").lower() else None
        if charset is None or charset.lower().replace("-", "") == "utf8":
            return self.content
        return self.content.decode(charset)


class _ExactAdapter(HTTPAdapter):
    def build_response(self, req: Any, resp: Any) -> requests.Response:
        response = super().build_response(req, resp)
        response.__class__ = ExactResponse  # requests has no other place to say which class it makes
        return response


class Pace:
    """Lets no more requests pass than so many a second, however unevenly time goes by.

    A request counts from when it was answered: the server saw it before that, so by its clock, too, it is never one too many.
    """

    def __init__(self, requests_per_second: float | None, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.rate, self.sleep = requests_per_second, sleep
        self.answered: deque[float] = deque(maxlen=max(1, int(requests_per_second or 1)))

    def wait(self) -> None:
        """Returns when the next request may go."""
        if self.rate is not None and len(self.answered) == self.answered.maxlen:
            free = self.answered[0] + len(self.answered) / self.rate
            self.sleep(max(0.0, free - time.monotonic()))

    def note(self) -> None:
        """Counts a request that was answered."""
        self.answered.append(time.monotonic())


@dataclass(frozen=True)
class Verdict:
    """What is to be made of one attempt."""

    problem: str = ""  # empty: the answer is good
    retry_after: float | None = None  # seconds the API asks us to wait
    is_final: bool = False  # another attempt would not help
    error: type[GrimoireError] = SourceUnavailableError


class PatientSession(Session):
    """dlt's session with the limits of a connection.

    Args:
        label: What people call the system, for errors.
        base_url: The connection's address; with `hosts` all that may be asked.
        limits: How often, how long, how stubbornly.
        hosts: More hosts that may be asked.
        token: An authentication that can be renewed when it is refused.
        secrets: Values that must not show up in an error.
        is_error: Finds an error inside a parsed answer; empty if there is none.
    """

    def __init__(
        self,
        label: str,
        base_url: str,
        limits: Limits,
        *,
        hosts: tuple[str, ...] = (),
        token: "Renewable | None" = None,
        secrets: tuple[str, ...] = (),
        is_error: Callable[[Any], str] = lambda answer: "",
    ) -> None:
        super().__init__(timeout=limits.timeout_seconds, raise_for_status=False)
        self.label, self.limits, self.token, self.is_error = label, limits, token, is_error
        self.origin, self.hosts = urlsplit(base_url), {host.lower() for host in hosts}
        self.secrets = sorted({spelled for secret in secrets for spelled in (secret, quote(secret, safe="")) if secret}, key=len)
        self.pace = Pace(limits.requests_per_second)
        self.expected: tuple[int, ...] = ()  # statuses the resources know what to do with
        self.mount("http://", _ExactAdapter())
        self.mount("https://", _ExactAdapter())

    def __deepcopy__(self, memo: object) -> "PatientSession":
        """The same session: dlt copies its configuration to check it."""
        return self

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Sends a request until it is answered well; dlt's hooks see the last answer only.

        Raises:
            SourceUnavailableError: It was not, in as many attempts and as much time as the limits give.
            CredentialError: The system refuses our credentials.
        """
        if not kwargs.get("allow_redirects", True):  # a redirect, within an attempt
            self._stay_home(request)
            return super().send(request, **kwargs)
        hooks, request.hooks = request.hooks, default_hooks()
        response = self._patiently(request, kwargs)
        try:
            answered: requests.Response = dispatch_hook("response", hooks, response, **kwargs)
        except requests.HTTPError:  # a status that another resource expects; dlt's message would hold the whole URL
            raise self._given_up(Verdict(f"status {response.status_code}: {self._shown(response)}"), request) from None
        return answered

    def _patiently(self, request: requests.PreparedRequest, kwargs: Mapping[str, Any]) -> requests.Response:
        """The good answer, from tenacity's retrying."""
        from tenacity import RetryCallState, Retrying

        waited = {"later": 0.0, "failures": 0.0}

        def needs_another(state: RetryCallState) -> bool:
            return bool(state.outcome and state.outcome.result()[1].problem)

        def is_enough(state: RetryCallState) -> bool:
            verdict: Verdict = state.outcome.result()[1] if state.outcome else Verdict()
            if verdict.retry_after is not None:
                return waited["later"] + verdict.retry_after > self.limits.patience_seconds
            waited["failures"] += 1
            return verdict.is_final or waited["failures"] >= self.limits.attempts

        def pause(state: RetryCallState) -> float:
            verdict: Verdict = state.outcome.result()[1] if state.outcome else Verdict()
            if verdict.retry_after is not None:
                waited["later"] += verdict.retry_after
                return verdict.retry_after
            return self._backoff(int(waited["failures"]))

        def last(state: RetryCallState) -> Any:
            return state.outcome.result() if state.outcome else (None, Verdict())

        retrying = Retrying(retry=needs_another, stop=is_enough, wait=pause, retry_error_callback=last)
        response, verdict = retrying(self._attempt, request, kwargs)
        if verdict.problem:
            raise self._given_up(verdict, request)
        return cast(requests.Response, response)

    def _backoff(self, failures: int) -> float:
        """Seconds before the next attempt: doubled each time, half of it left to chance, so that clients do not march in step."""
        whole = min(self.limits.longest_backoff_seconds, self.limits.backoff_seconds * 2 ** (failures - 1))
        return whole * random.uniform(0.5, 1.0)

    def _attempt(self, request: requests.PreparedRequest, kwargs: Mapping[str, Any]) -> tuple[requests.Response | None, Verdict]:
        self._stay_home(request)
        self.pace.wait()
        try:
            response: requests.Response = super().send(request, **kwargs)
            if response.status_code == 401 and self.token is not None:
                self.token.obtain_token()
                self.token(request)
                response = super().send(request, **kwargs)
        except BROKEN as error:
            return None, Verdict(_reason(error))
        finally:
            self.pace.note()
        return response, self.judge(response)

    def judge(self, response: requests.Response) -> Verdict:
        """Whether the answer is good, and if not, whether to come back."""
        status = response.status_code
        if status in self.expected:
            return Verdict()
        wait = retry_after(response) if status in LATER else None
        if wait is not None:
            return Verdict(f"status {status}: too many requests", retry_after=wait)
        if status == 429 or status >= 500:
            return Verdict(f"status {status}: {self._shown(response)}")
        if status == 403 and any(word in response.text for word in self.limits.used_up):
            return Verdict(f"status {status}: {self._shown(response)}", is_final=True)
        if status in (401, 403):
            return Verdict(f"status {status}: {self._shown(response)}", is_final=True, error=CredentialError)
        if status >= 300:
            return Verdict(f"status {status}: {self._shown(response)}", is_final=True)
        try:
            found = self.is_error(response.json())
        except (ValueError, ArithmeticError):  # a number whose exponent no decimal can hold
            return Verdict(f"the answer is no JSON, or only its beginning: {self._shown(response)}")
        return Verdict(f"an error inside the answer: {self._masked(found)[:SHOWN]}" if found else "")

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Refuses a redirect that would take our credentials elsewhere; those in headers of an API's own would go along."""
        self._stay_home(prepared_request)

    def _stay_home(self, request: requests.PreparedRequest) -> None:
        url = urlsplit(request.url or "")
        if _origin(url) == _origin(self.origin) or (url.scheme == "https" and (url.hostname or "").lower() in self.hosts):
            return
        raise SourceUnavailableError(
            f"{self.label} sends us on to {url.scheme}://{url.netloc.rpartition('@')[2]}, which is not its own address.",
            remedy="If our credentials may go there, name the host under `hosts`; it must speak https.",
        )

    def _given_up(self, verdict: Verdict, request: requests.PreparedRequest) -> GrimoireError:
        path = urlsplit(request.url or "").path
        later = verdict.retry_after
        remedy = "Nothing was lost; run again when it answers."
        if later is not None:
            remedy = f"It asks to come back in {later:.0f} s, beyond limits.patience_seconds; run again then."
        elif verdict.error is CredentialError:
            remedy = "Check the connection's credentials and what they may read."
        return verdict.error(self._masked(f"{self.label} does not give {path}: {verdict.problem}"), remedy=remedy)

    def _shown(self, response: requests.Response) -> str:
        return " ".join(self._masked(response.text)[:SHOWN].split()) or str(response.reason or "")  # a part of a secret is one

    def _masked(self, words: str) -> str:
        for secret in reversed(self.secrets):
            words = words.replace(secret, "***")
        return without_secrets(words)


def retry_after(response: requests.Response) -> float | None:
    """Seconds until the API takes requests again, by Retry-After (seconds or date) or X-RateLimit-Reset; None: neither is there."""
    said = response.headers.get("Retry-After", "").strip()
    if said.isdigit():
        return float(said)
    if said:
        try:
            return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - time.time())
        except ValueError:
            return None
    reset = response.headers.get("X-RateLimit-Reset", "")
    if response.headers.get("X-RateLimit-Remaining") == "0" and reset.isdigit():
        return max(0.0, float(reset) - time.time())
    return None


def _origin(url: Any) -> tuple[str, str, int | None]:
    return url.scheme, (url.hostname or "").lower(), url.port or {"http": 80, "https": 443}.get(url.scheme)


def _reason(error: requests.RequestException) -> str:
    """What happened, without the URL that requests repeats in its messages: it may hold a key."""
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "no trusted encryption (TLS)"
    if "NameResolution" in repr(error):
        return "its name is not known (DNS)"
    if "Connection refused" in str(error):
        return "nobody listens there (connection refused)"
    return f"the connection broke ({type(error).__name__})"
