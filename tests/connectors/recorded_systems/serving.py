"""What all recorded systems share: a clock, letting in, refusing for a while, and a real server on loopback."""

import contextlib
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

BEGAN = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
Happened = tuple[str, str, datetime]  # process, activity, when


class RecordedSystem:
    """A system with a clock of its own; every change it makes is a minute or more after the last."""

    def __init__(self) -> None:
        self.now = BEGAN
        self.happened: list[Happened] = []
        self.asked: list[str] = []
        self.to_refuse = 0
        self.refused_at: list[float] = []
        self.app = FastAPI(docs_url=None, redoc_url=None)
        self.app.middleware("http")(self._admit)
        self.routes()

    def routes(self) -> None:
        """Adds the system's paths to its app."""
        raise NotImplementedError

    def stranger(self, request: Request) -> Response | None:
        """The answer to somebody who is not let in; None where somebody is."""
        raise NotImplementedError

    def refusal(self) -> Response:
        """The answer to one request too many."""
        raise NotImplementedError

    def later(self, minutes: float = 1) -> datetime:
        """The clock, moved on."""
        self.now += timedelta(minutes=minutes)
        return self.now

    def did(self, process: str, activity: str, when: datetime) -> None:
        """Notes what somebody did."""
        self.happened.append((process, activity, when))

    async def _admit(self, request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        self.asked.append(str(request.url))
        stranger = self.stranger(request)
        if stranger is not None:
            return stranger
        if self.to_refuse:
            self.to_refuse -= 1
            self.refused_at.append(time.monotonic())
            return self.refusal()
        return await go_on(request)


def answer(content: Any, status: int = 200, **headers: str) -> JSONResponse:
    """A JSON answer; underscores in names of headers are hyphens."""
    return JSONResponse(content, status, {name.replace("_", "-"): value for name, value in headers.items()})


@contextlib.contextmanager
def serving(system: RecordedSystem) -> Iterator[str]:
    """Serves a system; gives its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(system.app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join(10)
