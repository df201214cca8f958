"""The CRM's server as seen from other processes: finding the one that runs, or running one for a while.

What belongs here: starting, recognising and stopping the server. What does not: the server (`connectors.demo.crm_server`).
"""

import contextlib
import http.client
import json
import os
import secrets
import select
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from hmac import compare_digest
from pathlib import Path

from connectors.demo import store
from connectors.demo.credentials import CrmCredentials, ensure_credentials
from connectors.demo.crm_access import identity_proof
from lake.errors import SourceUnavailableError
from lake.settings import PROJECT_ROOT, Settings, get_settings

LOOPBACK = "127.0.0.1"
START_SECONDS = 60.0
STOP_SECONDS = 5.0


@dataclass(frozen=True)
class CrmAddress:
    """Where the CRM answers and what to show it."""

    base_url: str
    client_id: str
    client_secret: str = field(repr=False)


@contextlib.contextmanager
def running_crm(*, token_seconds: int | None = None) -> Iterator[CrmAddress]:
    """The CRM, answering at least as long as the context lasts: the server that runs on the CRM's port, or one of our own.

    A server of our own listens on another port if the CRM's is taken by a stranger, and ends with this process whatever happens.

    Args:
        token_seconds: How long the tokens of a server of our own live; default: five minutes.

    Raises:
        SourceUnavailableError: There is no demo company, or the server does not start.
    """
    settings = get_settings()
    credentials = ensure_credentials(settings)
    if is_ours(settings.crm_port, credentials) and token_seconds is None:
        yield _address(settings.crm_port, credentials)
        return
    _require_company(settings)
    with _own_server(settings, token_seconds) as port:
        if not is_ours(port, credentials):
            raise SourceUnavailableError(f"The demo CRM on port {port} does not answer.", remedy=f"See {_log_file(settings)}.")
        yield _address(port, credentials)


def is_ours(port: int, credentials: CrmCredentials) -> bool:
    """Whether what listens on that port is this company's CRM: it must prove that it knows the secret, which is not sent."""
    nonce = secrets.token_hex(16)
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", f"/health?nonce={nonce}")
        answer = json.loads(connection.getresponse().read(10_000))
        return answer["status"] == "ok" and compare_digest(str(answer["proof"]), identity_proof(credentials, nonce))
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return False
    finally:
        connection.close()


@contextlib.contextmanager
def _own_server(settings: Settings, token_seconds: int | None) -> Iterator[int]:
    """Runs a server in a process of its own; gives its port."""
    command = [sys.executable, "-m", "connectors.demo.crm_server", "--port", str(settings.crm_port), "--parent", str(os.getpid())]
    if token_seconds is not None:
        command += ["--token-seconds", str(token_seconds)]
    environment = {**os.environ, "GRIMOIRE_HOME": str(settings.home)}
    with _log_file(settings).open("ab") as log:
        process = subprocess.Popen(
            command, cwd=PROJECT_ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
        )
    try:
        yield _port_of(process, settings)
    finally:
        _stop(process)


def _port_of(process: "subprocess.Popen[bytes]", settings: Settings) -> int:
    """The port the server says it listens on, once it does."""
    assert process.stdout is not None  # noqa: S101 — it was asked for
    is_ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    line = process.stdout.readline().strip() if is_ready else b""
    if not line.isdigit():
        raise SourceUnavailableError("The demo CRM does not start.", remedy=f"See the end of {_log_file(settings)}.")
    return int(line)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _log_file(settings: Settings) -> Path:
    return settings.folder("demo") / "crm_server.log"


def _require_company(settings: Settings) -> None:
    with store.connect(settings) as connection:
        if store.read_company(connection) is None:
            raise SourceUnavailableError("There is no demo company yet.", remedy="Run `grimoire demo up`.")


def _address(port: int, credentials: CrmCredentials) -> CrmAddress:
    return CrmAddress(f"http://{LOOPBACK}:{port}", credentials.client_id, credentials.client_secret)
