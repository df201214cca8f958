"""The endpoint for webhooks: `python -m connectors.inbound_server`, on GRIMOIRE_HOST and GRIMOIRE_INBOUND_PORT.

What belongs here: HTTP. What does not: proofs of origin (`connectors.inbound_signatures`), durable writing
(`connectors.inbound_spool`) and what the rows are (`connectors.inbound`).

A delivery is answered with 202 only when it is on the disk. Neither secrets nor payloads are logged.
"""

import errno
import hashlib
import logging
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from connectors.connection import read_connection
from connectors.connections import connections_folder
from connectors.inbound import PATH, SERVICE, WebhookConnector, is_readable
from connectors.inbound_signatures import problem_with
from connectors.inbound_spool import Delivery, Sequence
from lake.errors import CredentialError, GrimoireError
from lake.settings import get_settings

SECRET_SECONDS = 30.0  # for which a resolved secret is not asked for again: a vault is not to be asked for every delivery
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
JSON_TYPES = ("application/json", "application/x-ndjson", "application/ndjson", "application/jsonl", "application/json-lines")
LONGEST_ID = 512
UNKNOWN_BYTES = 1_000_000  # read of a body for an address that is none, so that it is refused no sooner than another
UNPROVEN = "address or signature is wrong; the log of the receiving side says which"
log = logging.getLogger("grimoire.inbound")


class Refused(Exception):
    """A delivery that is not taken: status, what is wrong, headers that say more."""

    def __init__(self, status: int, error: str, **headers: str) -> None:
        super().__init__(error)
        self.status, self.error, self.headers = status, error, headers


@dataclass
class Hook:
    """A connection that takes deliveries, and its secrets for a moment."""

    connector: WebhookConnector
    stamp: tuple[int, int]  # of its file: modified, size
    secrets: tuple[str, ...] = ()
    resolved_at: float = 0.0

    def fresh_secrets(self) -> tuple[str, ...]:
        """The secrets, resolved again after a while; CredentialError if they cannot be."""
        if time.monotonic() - self.resolved_at > SECRET_SECONDS or not self.secrets:
            self.secrets = self.connector.secrets()
            self.resolved_at = time.monotonic()
        return self.secrets


@dataclass
class Hooks:
    """The connections that take deliveries, read again when their files change."""

    known: dict[str, Hook] = field(default_factory=dict)

    def get(self, name: str) -> Hook | None:
        """The connection of that name; None where there is none, or none of this kind that can be used."""
        path = connections_folder() / f"{name}.yaml"
        try:
            found = path.stat()
        except OSError:
            return None
        stamp = (found.st_mtime_ns, found.st_size)
        if name not in self.known or self.known[name].stamp != stamp:
            connector = _connector(name)
            if connector is None:
                return None
            self.known[name] = Hook(connector, stamp)
        return self.known[name]


def make_app() -> FastAPI:
    """The endpoint as an ASGI application."""
    app = FastAPI(title="Grimoire inbound", docs_url=None, redoc_url=None, openapi_url=None)
    hooks, sequence = Hooks(), Sequence()

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok", "service": SERVICE}

    @app.post(PATH + "/{connection}/{resource}")
    async def receive(connection: str, resource: str, request: Request) -> JSONResponse:
        try:
            hook = await run_in_threadpool(_hook, hooks, connection, resource)
            _admit(request)
            body = await _body(request, hook.connector.options.largest_bytes if hook else UNKNOWN_BYTES)
            if hook is None:
                raise Refused(401, UNPROVEN)
            headers = {name.lower(): value for name, value in request.headers.items()}
            answer = await run_in_threadpool(_accept, hook, resource, headers, body, sequence)
        except Refused as refused:
            log.warning("%.48r/%.48r: %d %r", connection, resource, refused.status, refused.error)  # a sender may write line breaks
            return JSONResponse({"error": refused.error}, refused.status, refused.headers)
        except ClientDisconnect:
            return JSONResponse({"error": "the sender hung up"}, 400)
        return JSONResponse(answer, 422 if "error" in answer else 202)

    return app


def _hook(hooks: Hooks, connection: str, resource: str) -> Hook | None:
    """The connection, if it has the resource; the log says what is missing, the sender does not learn it."""
    hook = hooks.get(connection) if connection.isidentifier() else None
    if hook is None:
        log.warning("there is no webhook connection %.48r", connection)
        return None
    if resource not in hook.connector.resource_options:
        log.warning("%s has no resource %.48r", connection, resource)
        return None
    return hook


def _admit(request: Request) -> None:
    """Refuses by the headers what need not be read."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in JSON_TYPES and not given.endswith("+json"):
        raise Refused(415, "send application/json, or one object per line as application/x-ndjson")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Refused(415, "send the body uncompressed")


async def _body(request: Request, largest: int) -> bytes:
    """The body, which is let go as soon as it grows too large."""
    told = request.headers.get("content-length", "")
    parts, size = [], 0
    if told.isdigit() and int(told) > largest:
        raise Refused(413, f"the body has {told} bytes; {largest} may come at once", Connection="close")
    async for part in request.stream():
        size += len(part)
        if size > largest:
            raise Refused(413, f"the body has more than the {largest} bytes that may come at once", Connection="close")
        parts.append(part)
    return b"".join(parts)


def _accept(hook: Hook, resource: str, headers: dict[str, str], body: bytes, sequence: Sequence) -> dict[str, Any]:
    """Checks where a delivery comes from and writes it to the disk; what to answer."""
    options = hook.connector.options
    problem = problem_with(options.signature, headers, body, _secrets(hook), now=time.time())
    if problem:
        log.warning("%s/%s: %s", hook.connector.connection.name, resource, problem)
        raise Refused(401, UNPROVEN)
    identity = _identity(hook.connector, headers, body)
    kept = {header.lower() for header in hook.connector.resource_options[resource].headers.values()}
    first = sequence.next(body.count(b"{") + 1)
    moment = datetime.now(UTC).isoformat()
    delivery = Delivery(identity, moment, first, {name: headers[name] for name in kept if name in headers}, body)
    try:
        is_new = hook.connector.spool(resource).put(delivery)
    except (OSError, GrimoireError) as error:
        raise _undurable(error) from None
    log.info("%s/%s: %r, %d bytes%s", hook.connector.connection.name, resource, identity, len(body), "" if is_new else ", again")
    unreadable = is_readable(body)
    told = {"error": f"kept as a dead letter: {unreadable}"} if unreadable else {}
    return {"id": identity, "duplicate": not is_new, **told}


def _secrets(hook: Hook) -> tuple[str, ...]:
    try:
        return hook.fresh_secrets()
    except CredentialError as error:
        log.warning("%s: %s", hook.connector.connection.name, error.problem)
        raise Refused(503, "signatures cannot be checked at the moment", **{"Retry-After": "60"}) from None


def _identity(connector: WebhookConnector, headers: dict[str, str], body: bytes) -> str:
    header = connector.options.delivery_header
    if header is None:
        return hashlib.sha256(body).hexdigest()
    given = headers.get(header.lower(), "").strip()
    if not given or len(given) > LONGEST_ID:
        raise Refused(422, f"the header {header}, which names the delivery, is missing or longer than {LONGEST_ID} characters")
    return given


def _undurable(error: Exception) -> Refused:
    log.error("a delivery could not be written: %s", error)
    is_full = isinstance(error, OSError) and error.errno in NO_SPACE
    said = "the disk is full" if is_full else "the delivery could not be written"
    return Refused(503, f"{said}; it was not taken, send it again later", **{"Retry-After": "60"})


def _connector(name: str) -> WebhookConnector | None:
    """The connector of a file; None where it is of another kind or cannot be used."""
    try:
        connection = read_connection(connections_folder() / f"{name}.yaml")
        if connection.type != WebhookConnector.kind:
            return None
        connector = WebhookConnector(connection)
    except GrimoireError as error:
        log.warning("%s: %s", name, error.problem)
        return None
    for resource in connection.resources:
        connector.spool(resource.name).clear_abandoned()
    return connector


def main() -> None:
    """Listens until a signal ends it."""
    settings = get_settings()
    level = settings.log_level.upper()
    logging.basicConfig(stream=sys.stderr, level=level, format="%(asctime)s %(levelname)s %(message)s")
    uvicorn.run(
        make_app(), host=settings.host, port=settings.inbound_port, access_log=False, log_level=settings.log_level,
        backlog=2048, server_header=False, timeout_graceful_shutdown=10,
    )  # fmt: skip


if __name__ == "__main__":
    main()
