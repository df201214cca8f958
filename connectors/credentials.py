"""Credentials by reference: `env:NAME`, `file:PATH` or `vault:PATH#KEY`, resolved at the moment of use.

What belongs here: telling a reference from a secret, and resolving it. What does not: keeping what it resolves to: nothing here
stores, logs or shows a value.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from lake.errors import CredentialError

SCHEMES = ("env", "file", "vault")


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
    if scheme == "env":
        return _from_environment(place)
    if scheme == "file":
        return _from_file(place)
    if scheme == "vault":
        return _from_vault(place)
    raise CredentialError("A credential is not a reference.", remedy="Write env:NAME, file:PATH or vault:PATH#KEY.")


def resolved(credentials: Mapping[str, str]) -> dict[str, str]:
    """Every credential of a connection, resolved."""
    return {name: resolve(reference) for name, reference in credentials.items()}


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
