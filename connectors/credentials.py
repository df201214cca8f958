"""Credentials by reference: `env:NAME`, `file:PATH` or `vault:PATH#KEY`, resolved at the moment of use.

What belongs here: telling a reference from a secret, resolving it, and blotting it out of words. What does not: keeping what it
resolves to: nothing here stores, logs or shows a value. The process remembers in memory which values it has resolved, because
foreign libraries put them into their errors (an API key is part of an address), and these must be told without them.
"""

import base64
import json
import os
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path

from lake.errors import CredentialError

SCHEMES = ("env", "file", "vault")
SHORTEST = 3  # letters; blotting out shorter ones would leave nothing legible
_resolved: set[str] = set()


def is_reference(words: str) -> bool:
    """Whether the words name a place where a secret is kept, rather than being one."""
    scheme, _, place = words.partition(":")
    return scheme in SCHEMES and bool(place)


def resolve(reference: str) -> str:
    """The secret that a reference leads to.

    Raises:
        CredentialError: It leads nowhere; the message names the reference, never a value.
    """
    scheme, _, place = reference.partition(":")
    reading = {"env": _from_environment, "file": _from_file, "vault": _from_vault}.get(scheme)
    if reading is None:
        raise CredentialError("A credential is not a reference.", remedy="Write env:NAME, file:PATH or vault:PATH#KEY.")
    value = reading(place)
    keep_secret(value)
    return value


def resolved(credentials: Mapping[str, str]) -> dict[str, str]:
    """Every credential of a connection, resolved."""
    return {name: resolve(reference) for name, reference in credentials.items()}


def keep_secret(value: str) -> None:
    """Makes `without_secrets` know a value that came from elsewhere, such as a token that a system has issued."""
    if len(value) >= SHORTEST:
        _resolved.add(value)


def without_secrets(words: str) -> str:
    """The words with every secret that this process has resolved blotted out, in each form it may have in an error or address."""
    for value in sorted(_resolved, key=len, reverse=True):
        for form in _forms(value):
            words = words.replace(form, "***")
    return words


def is_told(error: BaseException) -> bool:
    """Whether an error, or what led to it, tells a secret in its words."""
    words = "".join(traceback.format_exception(error))
    return without_secrets(words) != words


def _forms(value: str) -> Iterator[str]:
    from urllib.parse import quote, quote_plus

    encoded = base64.b64encode(value.encode()).decode()
    escaped = (repr(value)[1:-1], json.dumps(value)[1:-1])  # as Python and as JSON write it
    yield from dict.fromkeys([value, quote(value), quote(value, safe=""), quote_plus(value), *escaped, encoded])


def _from_environment(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise CredentialError(f"The environment variable {name} is not set.", remedy=f"Set {name} where Grimoire is started.")
    return value


def _from_file(place: str) -> str:
    path = Path(place).expanduser()
    try:
        value = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialError(f"The credential file {path} cannot be read: {error}.", remedy="Check path and rights.") from None
    if not value:
        raise CredentialError(f"The credential file {path} is empty.", remedy="Write the secret into it.")
    return value


def _from_vault(place: str) -> str:
    import hvac
    from hvac.exceptions import VaultError
    from requests import RequestException

    path, _, key = place.partition("#")
    mount, _, secret = path.partition("/")
    if not (secret and key):
        raise CredentialError(
            f"vault:{place} is not whole.", remedy="Write vault:MOUNT/PATH#KEY, such as vault:secret/erp#password."
        )
    try:  # address and token from VAULT_ADDR and VAULT_TOKEN, as every tool of Vault's has them
        read = hvac.Client().secrets.kv.v2.read_secret_version(path=secret, mount_point=mount, raise_on_deleted_version=True)
        return str(read["data"]["data"][key])
    except (VaultError, RequestException, KeyError) as error:
        raise CredentialError(
            f"vault:{place} cannot be read ({type(error).__name__}).",
            remedy="Check VAULT_ADDR, VAULT_TOKEN, the path and the key; the engine must be KV version 2.",
        ) from None
