"""The CRM's client id and secret: made once, kept in a file only its owner can read.

What belongs here: that file. What does not: tokens (`connectors.demo.crm_tokens`).
"""

import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from lake.settings import Settings


@dataclass(frozen=True)
class CrmCredentials:
    """What a client of the CRM shows to get a token."""

    client_id: str
    client_secret: str = field(repr=False)


def ensure_credentials(settings: Settings) -> CrmCredentials:
    """The credentials under HOME/demo, made if there are none yet."""
    path = settings.folder("demo") / "crm_client.json"
    if not path.exists():
        _write_once(path, CrmCredentials(client_id=f"grimoire-{secrets.token_hex(4)}", client_secret=secrets.token_urlsafe(32)))
    words = json.loads(path.read_text())
    return CrmCredentials(client_id=words["client_id"], client_secret=words["client_secret"])


def _write_once(path: Path, credentials: CrmCredentials) -> None:
    """Writes a whole file or none; if another process was quicker, its file stays."""
    partial = path.with_suffix(f".{os.getpid()}")
    words = {"client_id": credentials.client_id, "client_secret": credentials.client_secret}
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123 — with its mode from the start
        json.dump(words, file)
    try:
        os.link(partial, path)
    except FileExistsError:
        pass
    finally:
        partial.unlink()
