"""Who may ask the CRM, and how often: OAuth2 tokens, a proof of identity, and seeded refusals.

What belongs here: checking secrets and tokens, and saying "later". What does not: HTTP (`connectors.demo.crm_server`).
"""

import hashlib
import hmac
import math
import secrets
import time
from dataclasses import dataclass, field
from random import Random

from connectors.demo.credentials import CrmCredentials

REFUSED_SHARE = 0.02
REFUSAL_SECONDS = 1.0


@dataclass
class Tokens:
    """Short-lived bearer tokens signed with a key that dies with the server."""

    credentials: CrmCredentials
    lifetime_seconds: int
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def issue(self, client_id: str, client_secret: str) -> str | None:
        """A token for a client whose secret is right, else None; takes as long for a wrong secret as for the right one."""
        is_client = hmac.compare_digest(_digest(client_id), _digest(self.credentials.client_id))
        is_secret = hmac.compare_digest(_digest(client_secret), _digest(self.credentials.client_secret))
        if not (is_client and is_secret):
            return None
        words = f"{math.ceil(time.time()) + self.lifetime_seconds}.{secrets.token_hex(8)}"
        return f"{words}.{self._sign(words)}"

    def is_valid(self, token: str) -> bool:
        """Whether this server issued the token and it has not expired."""
        words, _, signature = token.rpartition(".")
        if not hmac.compare_digest(_digest(self._sign(words)), _digest(signature)):
            return False
        return time.time() < int(words.partition(".")[0])

    def _sign(self, words: str) -> str:
        return hmac.new(self._key, words.encode(), hashlib.sha256).hexdigest()


@dataclass
class Throttle:
    """Refuses a seeded share of requests, and every other one until the time to retry has come."""

    seed: int
    _refused_until: float = 0.0
    _rng: Random = field(init=False)

    def __post_init__(self) -> None:
        self._rng = Random(f"{self.seed}:throttle")

    def seconds_to_wait(self) -> int:
        """0 if the request may pass, else the Retry-After in seconds."""
        now = time.monotonic()
        if now >= self._refused_until:
            if self._rng.random() >= REFUSED_SHARE:
                return 0
            self._refused_until = now + REFUSAL_SECONDS
        return math.ceil(self._refused_until - now)


def identity_proof(credentials: CrmCredentials, nonce: str) -> str:
    """What only a server that knows the client's secret can answer to a nonce; the secret itself is never sent to ask."""
    return hmac.new(credentials.client_secret.encode(), f"health:{nonce}".encode(), hashlib.sha256).hexdigest()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
