"""How an HTTP API knows us: dlt's authentications, made from a connection's options and its resolved credentials.

What belongs here: headers, keys and tokens of requests. What does not: credential references (`connectors.credentials`) and
when a token is renewed because it was refused (`connectors.kinds.rest_session`).
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Protocol
from urllib.parse import urljoin

import requests
from dlt.common.configuration.specs.base_configuration import NotResolved, configspec
from dlt.sources.helpers.rest_client.auth import APIKeyAuth, AuthConfigBase, BearerTokenAuth, HttpBasicAuth, OAuth2ClientCredentials

from connectors.credentials import keep_secret
from connectors.kinds import rest_options as options
from lake.errors import CredentialError, SourceUnavailableError

EARLY_SECONDS = 10  # a token is renewed before it expires: the clocks differ, and a request takes its time


class Renewable(Protocol):
    """An authentication that can be got anew."""

    def obtain_token(self) -> None:
        """Gets a new token."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Puts the token into a request."""


def needed(auth: options.Auth) -> tuple[str, ...]:
    """The names of the credentials that an authentication needs."""
    if isinstance(auth, options.BasicAuth):
        return ("password",) if auth.username else ("username", "password")
    names = {"api_key": ("api_key",), "bearer": ("token",), "oauth2_client_credentials": ("client_id", "client_secret")}
    return names.get(auth.type, ())


def authentication(auth: options.Auth, secrets: Mapping[str, str], base_url: str, send: "Sender") -> AuthConfigBase | None:
    """dlt's authentication for the options; None where none is needed.

    Args:
        auth: The options.
        secrets: The resolved credentials.
        base_url: The connection's address.
        send: Posts the request for a token, patiently.
    """
    made = _made(auth, secrets, base_url, send)
    if made is not None:
        made.resolve()  # or else dlt would let environment variables such as TOKEN or USERNAME take the place of what is given
    return made


def _made(auth: options.Auth, secrets: Mapping[str, str], base_url: str, send: "Sender") -> AuthConfigBase | None:
    if isinstance(auth, options.ApiKeyAuth):
        kind = CookieKey if auth.location == "cookie" else APIKeyAuth
        return kind(name=auth.name, api_key=auth.prefix + secrets["api_key"], location=auth.location)
    if isinstance(auth, options.BearerAuth):
        return BearerTokenAuth(token=secrets["token"])
    if isinstance(auth, options.BasicAuth):
        username = auth.username or secrets["username"]
        keep_secret(f"{username}:{secrets['password']}")  # as the header has it, encoded in one
        return HttpBasicAuth(username=username, password=secrets["password"])
    if isinstance(auth, options.OAuth2ClientCredentials):
        return token_for(auth, secrets, urljoin(base_url, auth.token_url), send)
    return None


@configspec
class CookieKey(APIKeyAuth):
    """A key as a cookie, which dlt's own class leaves out."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Adds the cookie to those that are there."""
        others = [str(request.headers["Cookie"])] if "Cookie" in request.headers else []
        request.headers["Cookie"] = "; ".join([*others, f"{self.name}={self.api_key}"])
        return request


@configspec
class ClientToken(OAuth2ClientCredentials):
    """dlt's token, which is renewed a little before it expires and whose request is as patient as any other."""

    send: Annotated[Any, NotResolved()] = None
    in_header: Annotated[bool, NotResolved()] = False

    def obtain_token(self) -> None:
        """Gets a new token.

        Raises:
            CredentialError: The client is refused, or there is no token in the answer.
            SourceUnavailableError: The token's address does not answer.
        """
        from dlt.common.pendulum import pendulum

        try:
            answer = self.send(self.access_token_url, **self.build_access_token_request()).json()
        except SourceUnavailableError as error:
            if "status 400" in error.problem:  # how OAuth2 says that client or secret are wrong
                raise CredentialError(error.problem, remedy="Check client_id and client_secret.") from None
            raise
        if not isinstance(answer, dict) or not answer.get("access_token"):
            raise CredentialError(f"{self.access_token_url} gives no access_token.", remedy="Check auth.token_url.")
        self.access_token = self.parse_access_token(answer)
        keep_secret(str(self.access_token))
        lifetime = self.parse_expiration_in_seconds(answer)
        self.token_expiry = pendulum.now().add(seconds=max(lifetime - EARLY_SECONDS, lifetime / 2))

    def build_access_token_request(self) -> dict[str, Any]:
        """The form, with the client in it or in the header."""
        request = super().build_access_token_request()
        if self.in_header:
            client = f"{request['data'].pop('client_id')}:{request['data'].pop('client_secret')}"
            keep_secret(client)
            request["headers"]["Authorization"] = f"Basic {b64encode(client.encode()).decode()}"
        return request


Sender = Callable[..., requests.Response]


def token_for(auth: options.OAuth2ClientCredentials, secrets: Mapping[str, str], url: str, send: Sender) -> ClientToken:
    """The token of a client at a token address; got when it is first needed."""
    fields = {**({"scope": auth.scope} if auth.scope else {}), **auth.token_params}
    token = ClientToken(
        access_token_url=url,
        client_id=secrets["client_id"],
        client_secret=secrets["client_secret"],
        access_token_request_data=fields,
        default_token_expiration=auth.lifetime_seconds,
    )
    token.send, token.in_header = send, auth.credentials_in == "basic"
    return token
