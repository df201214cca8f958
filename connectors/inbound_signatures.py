"""How a delivery proves who sent it: an HMAC over its body, one with a time in it, or a shared token.

What belongs here: the options of a signature and the verdict on a delivery. What does not: where the secret is kept
(`connectors.credentials`) and what becomes of the delivery (`connectors.inbound_server`).

Comparisons take the same time whatever is compared, so that nobody can feel their way to a signature.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HmacSignature(_Model):
    """HMAC-SHA256 over the raw body in a header; the defaults are GitHub's."""

    type: Literal["hmac_sha256"]
    header: str = "X-Hub-Signature-256"
    prefix: str = "sha256="
    encoding: Literal["hex", "base64"] = "hex"


class TimestampedSignature(_Model):
    """A header such as t=1700000000,v1=…: HMAC-SHA256 over time, dot and raw body; the defaults are Stripe's."""

    type: Literal["timestamped"]
    header: str = "Stripe-Signature"
    timestamp_field: str = "t"
    signature_field: str = "v1"
    tolerance_seconds: float = Field(default=300, gt=0)


class SharedToken(_Model):
    """The secret itself in a header; it proves who sent the body, not that nobody changed it."""

    type: Literal["token"]
    header: str = "X-Hook-Token"
    prefix: str = ""  # such as "Bearer "


Signature = Annotated[HmacSignature | TimestampedSignature | SharedToken, Field(discriminator="type")]


def problem_with(signature: Signature, headers: Mapping[str, str], body: bytes, secrets: Iterable[str], *, now: float) -> str:
    """Why a delivery does not prove its origin; empty where it does.

    Args:
        signature: How it is to prove it.
        headers: Of the request, their names in lower case.
        body: As it came.
        secrets: Those that are accepted: the present one, and the previous one while a sender changes over.
        now: Seconds since 1970.
    """
    given = headers.get(signature.header.lower(), "")
    if not given:
        return f"the header {signature.header} is missing"
    if isinstance(signature, TimestampedSignature):
        return _timestamped(signature, given, body, secrets, now)
    if isinstance(signature, HmacSignature):
        expected = [signature.prefix + _digest(secret, body, signature.encoding) for secret in secrets]
    else:
        expected = [signature.prefix + secret for secret in secrets]
    return "" if _is_any(given, expected) else f"the header {signature.header} does not fit the body and the secret"


def _timestamped(signature: TimestampedSignature, given: str, body: bytes, secrets: Iterable[str], now: float) -> str:
    fields = [part.strip().partition("=") for part in given.split(",")]
    times = [value for name, _, value in fields if name == signature.timestamp_field]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit()) or len(times[0]) > 12:
        return f"the header {signature.header} holds no time {signature.timestamp_field}=…"
    signed = times[0].encode() + b"." + body
    expected = [_digest(secret, signed, "hex") for secret in secrets]
    if not any(_is_any(value, expected) for name, _, value in fields if name == signature.signature_field):
        return f"the header {signature.header} does not fit the body and the secret"
    if abs(now - int(times[0])) > signature.tolerance_seconds:
        return f"the time it was signed at is more than {signature.tolerance_seconds:.0f} s away"
    return ""


def _digest(secret: str, body: bytes, encoding: str) -> str:
    digest = hmac.new(secret.encode(), body, hashlib.sha256)
    return digest.hexdigest() if encoding == "hex" else base64.b64encode(digest.digest()).decode()


def _is_any(given: str, expected: Iterable[str]) -> bool:
    return True in [hmac.compare_digest(given.encode(), each.encode()) for each in expected]  # every one is compared
