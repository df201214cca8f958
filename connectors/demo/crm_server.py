"""The CRM's HTTP server: `python -m connectors.demo.crm_server`, on 127.0.0.1 only.

What belongs here: routes and starting the server. What does not: its data (`connectors.demo.crm_data`), secrets and limits
(`connectors.demo.crm_access`), and starting it from another process (`connectors.demo.crm`).
"""

import argparse
import base64
import binascii
import os
import socket
import threading
import time
from datetime import UTC, datetime
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, Form, Header, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response

from connectors.demo.credentials import CrmCredentials, ensure_credentials
from connectors.demo.crm_access import Throttle, Tokens, identity_proof
from connectors.demo.crm_data import BEGINNING, RESOURCES, CrmData, Cursor, CursorError
from lake.postgres import embedded
from lake.settings import get_settings

LOOPBACK = "127.0.0.1"
SERVICE = "grimoire-demo-crm"
TOKEN_SECONDS = 300
MAX_LIMIT = 1_000
NO_CACHE = {"Cache-Control": "no-store"}


def make_app(data: CrmData, credentials: CrmCredentials, *, token_seconds: int = TOKEN_SECONDS) -> FastAPI:
    """The CRM as an ASGI application."""
    tokens = Tokens(credentials, token_seconds)
    throttle = Throttle(data.seed())
    app = FastAPI(title="Demo CRM", docs_url=None, redoc_url=None)

    def admit(authorization: Annotated[str, Header()] = "") -> None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not tokens.is_valid(token):
            raise HTTPException(401, "invalid_token", {"WWW-Authenticate": 'Bearer error="invalid_token"'})
        seconds = throttle.seconds_to_wait()
        if seconds:
            raise HTTPException(429, "Too many requests", {"Retry-After": str(seconds)})

    @app.post("/oauth/token")
    def issue_token(
        request: Request,
        grant_type: Annotated[str, Form()],
        client_id: Annotated[str, Form()] = "",
        client_secret: Annotated[str, Form()] = "",
    ) -> JSONResponse:
        if grant_type != "client_credentials":
            return JSONResponse({"error": "unsupported_grant_type"}, 400, NO_CACHE)
        token = tokens.issue(*(_basic(request) or (client_id, client_secret)))
        if token is None:
            return JSONResponse({"error": "invalid_client"}, 401, {**NO_CACHE, "WWW-Authenticate": "Basic"})
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": token_seconds}, 200, NO_CACHE)

    @app.get("/api/v1/{resource}", dependencies=[Depends(admit)])
    def read_page(
        resource: str,
        updated_since: datetime = BEGINNING,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
        cursor: str | None = None,
    ) -> Response:
        if resource not in RESOURCES:
            raise HTTPException(404, f"There is no {resource}; there are {', '.join(RESOURCES)}.")
        try:
            after = Cursor.decode(cursor) if cursor else None
        except CursorError as error:
            raise HTTPException(422, "The cursor is not one this server gave out.") from error
        since = updated_since if updated_since.tzinfo else updated_since.replace(tzinfo=UTC)
        return Response(data.page(resource, since=since, after=after, limit=limit), media_type="application/json")

    @app.get("/health")
    def health(nonce: Annotated[str, Query(max_length=128)] = "") -> dict[str, str]:
        return {"status": "ok" if data.is_up() else "empty", "service": SERVICE, "proof": identity_proof(credentials, nonce)}

    return app


def main() -> None:
    """Serves until it is told to stop or its parent is gone; prints the port it listens on as its only line of output."""
    parser = argparse.ArgumentParser(description="The demo company's CRM, on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=get_settings().crm_port, help="port; another free one if it is taken")
    parser.add_argument("--parent", type=int, default=None, help="process id whose end ends this server too")
    parser.add_argument("--token-seconds", type=int, default=TOKEN_SECONDS, help="how long a token lives")
    words = parser.parse_args()
    if words.parent is not None:
        threading.Thread(target=_end_with, args=(words.parent,), daemon=True).start()
    settings = get_settings()
    app = make_app(CrmData(settings), ensure_credentials(settings), token_seconds=words.token_seconds)
    with _listen(words.port) as listener:
        print(listener.getsockname()[1], flush=True)
        uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="warning")).run(sockets=[listener])


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError:
        listener.bind((LOOPBACK, 0))
    listener.listen(64)
    return listener


def _end_with(parent: int) -> None:
    """Ends this process when its parent has: a killed parent cannot do it."""
    while os.getppid() == parent:
        time.sleep(0.3)
    embedded(get_settings()).release()  # stops PostgreSQL too if the parent was its last other user
    os._exit(0)


def _basic(request: Request) -> tuple[str, str] | None:
    """Client id and secret of a Basic authorization header, or None."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, client_secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return client_id, client_secret


if __name__ == "__main__":
    main()
