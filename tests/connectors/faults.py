"""A real HTTP API and a real proxy in front of it that breaks in every way networks and servers do.

What belongs here: the API, the proxy and the list of faults. What does not: what is expected of a reading (`test_rest_faults`).
"""

import contextlib
import email.utils
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE = 20


class Api:
    """A shop with rows that change, behind every pagination there is, at http://127.0.0.1:<port>/<pagination>."""

    def __init__(self, rows: int) -> None:
        self.rows: dict[int, dict[str, Any]] = {}
        self.clock = 1_700_000_000
        self.lock = threading.RLock()
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.tokens: set[str] = set()
        self.token_requests = 0
        self.page = PAGE
        for number in range(1, rows + 1):
            self.put(number, f"row {number}")

    def put(self, number: int, name: str) -> None:
        """A row as it is from now on."""
        with self.lock:
            self.clock += 60
            moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.clock))
            self.rows[number] = {
                "id": number, "name": f"{name} — ä", "amount": number * 1.25, "tags": ["a", {"deep": number}], "changed_at": moment,
            }  # fmt: skip

    def current(self, since: str = "") -> list[dict[str, Any]]:
        """The rows in the order of their last change."""
        with self.lock:
            return sorted((row for row in self.rows.values() if row["changed_at"] >= since), key=lambda row: row["changed_at"])

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], Any]:
        """Status, headers and content of the answer to one request."""
        url = urlsplit(target)
        words = {name: values[0] for name, values in parse_qs(url.query).items()}
        sent = json.loads(body) if body and method == "POST" and "json" in headers.get("content-type", "") else None
        self.asked.append((method, target, headers, sent))
        if url.path == "/token":
            self.token_requests += 1
            self.tokens = {f"token{self.token_requests}"}
            return 200, {}, {"access_token": f"token{self.token_requests}", "expires_in": 3600}
        if url.path.startswith("/secure") and headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return 401, {}, {"error": "invalid_token"}
        return self._page(url.path.rpartition("/")[2], {**words, **(sent or {})}, headers)

    def _page(self, kind: str, words: dict[str, Any], headers: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        rows = self.current(str(words.get("since", "")))
        size = min(int(words.get("limit", self.page)), self.page)
        first = {
            "page": (int(words.get("page", 1)) - 1) * size,
            "range": int(headers.get("range", "records=0-0").partition("=")[2].partition("-")[0]),
        }.get(kind, int(words.get("cursor", words.get("offset", 0)) or 0))
        if kind == "range" and first >= len(rows) and rows:
            return 416, {}, {"error": "beyond the end"}
        part, after = rows[first : first + size], first + size
        following = after if after < len(rows) else None
        said: dict[str, Any] = {"data": part, "next_cursor": None if following is None else str(following)}
        since = f"since={words.get('since', '')}"
        link = None if following is None else f"/{kind}?{since}&offset={following}"
        more = {"Link": f'<http://{headers["host"]}{link}>; rel="next"'} if link and kind == "link" else {}
        if kind in ("next", "offset", "page"):
            said = {"data": part, "next": link, "total": len(rows)}
        return 200, more, said


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    api: Api

    def _do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, more, content = self.api.answer(self.command, self.path, headers, body)
        words = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(words)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(words)

    do_GET = do_POST = _do

    def log_message(self, format: str, *args: object) -> None:
        pass


class QuietServer(ThreadingHTTPServer):
    """A server whose clients may hang up."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: the tests cut connections."""


@contextlib.contextmanager
def serving(api: Any, *, port: int = 0) -> Iterator[int]:
    """Serves an API on 127.0.0.1; gives the port."""
    with QuietServer(("127.0.0.1", port), type("Handler", (_Handler,), {"api": api})) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


@dataclass
class Exchange:
    """One request through the proxy, and the answer the API gave to it."""

    client: socket.socket
    api: Api
    status: int
    headers: dict[str, str]
    body: bytes
    previous: bytes  # the body of the page before

    def send(self, status: int | str | None = None, headers: dict[str, str] | None = None, body: bytes | None = None) -> None:
        """Answers, with what is given in the place of what the API said; a header that is empty is left out."""
        content = self.body if body is None else body
        all_headers = {"Content-Type": "application/json", "Content-Length": str(len(content)), **self.headers, **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in all_headers.items() if value)
        self.client.sendall(f"HTTP/1.1 {status or self.status} X\r\n{head}\r\n".encode() + content)

    def raw(self, words: bytes) -> None:
        """Writes bytes as they are."""
        self.client.sendall(words)

    def hang_up(self, *, reset: bool = False) -> None:
        """Ends the connection, decently or by a TCP reset."""
        if reset:
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            with contextlib.suppress(OSError):
                self.client.shutdown(socket.SHUT_RDWR)
        self.client.close()

    def part(self, share: float, *, promised: int | None = None, reset: bool = False) -> None:
        """Sends a share of the body under the promise of the whole, then hangs up."""
        cut = self.body[: int(len(self.body) * share)]
        self.send(headers={"Content-Length": str(len(self.body) if promised is None else promised)}, body=cut)
        self.hang_up(reset=reset)

    def chunks(self, body: bytes, *, end: bytes) -> None:
        """Sends a body in two chunks and what is given in the place of the last."""
        half = len(body) // 2
        words = b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in (body[:half], body[half:]))
        self.raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + words + end)

    def page_of(self, rows: list[Any]) -> bytes:
        """The page with other rows."""
        return json.dumps({**json.loads(self.body), "data": rows}).encode()


@dataclass
class Fault:
    """Something that goes wrong with a page, some times in a row."""

    name: str
    act: Callable[[Exchange], None]
    kind: str = "cursor"  # the pagination it is tried on
    times: int = 1
    page: int = 3  # which request it begins with
    runs: int = 1  # in which run all is well
    changes_rows: bool = False  # whether the source itself changes while it is read
    happened: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


class Proxy:
    """Passes requests on to an API; from one page on the fault happens, as often as it is to."""

    def __init__(self, api: Api, upstream: int, fault: Fault | None) -> None:
        self.api, self.upstream, self.fault = api, upstream, fault
        self.pages, self.previous = 0, b""
        self.listener = self._listen(0)
        self.port = self.listener.getsockname()[1]

    def _listen(self, port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(32)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def close(self) -> None:
        """Nobody listens any more."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def open_again(self) -> None:
        """Listens on the same port as before."""
        self.listener = self._listen(self.port)

    def _serve(self, client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client, contextlib.suppress(OSError, ValueError), client.makefile("rb") as words:
            while line := words.readline():
                self._exchange(client, words, line.decode().split())

    def _exchange(self, client: socket.socket, words: Any, line: list[str]) -> None:
        headers: dict[str, str] = {}
        while (header := words.readline().decode().strip()) != "":
            name, _, value = header.partition(":")
            headers[name.strip()] = value.strip()
        body = words.read(int(headers.get("Content-Length", 0)))
        connection = HTTPConnection("127.0.0.1", self.upstream, timeout=10)
        connection.request(line[0], line[1], body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        kept = {name: value for name, value in answer.getheaders() if name in ("Link", "Content-Type")}
        exchange = Exchange(client, self.api, answer.status, kept, content, self.previous)
        if "/token" in line[1]:
            exchange.send()
            return
        self.pages += 1
        fault = self.fault
        if fault and self.pages >= fault.page and fault.happened < fault.times:
            fault.happened += 1
            fault.act(exchange)
        else:
            exchange.send()
        self.previous = content


def _slow(exchange: Exchange, share: float) -> None:
    if share:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(exchange.body)}\r\n\r\n".encode()
        exchange.raw(head + exchange.body[: int(len(exchange.body) * share)])
    time.sleep(0.6)  # the tests wait for 0.3 s
    exchange.hang_up()


def _expire_token(exchange: Exchange) -> None:
    exchange.api.tokens.clear()
    exchange.send(401, body=b'{"error": "invalid_token"}')


def _move_rows(exchange: Exchange) -> None:
    """Rows that were read change while the next pages are: those behind move up by as many places."""
    for number in (1, 2, 3):
        exchange.api.put(number, "moved")
    exchange.send()


def _delete_rows(exchange: Exchange) -> None:
    with exchange.api.lock:
        for number in (1, 2):
            exchange.api.rows.pop(number, None)
    exchange.send()


def _half_pages(exchange: Exchange) -> None:
    exchange.api.page = PAGE // 2
    exchange.send()


def _date_in(seconds: float) -> str:
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


HTML = b"<!doctype html><html><body><h1>Something went wrong</h1></body></html>"
FAULTS = [
    Fault("hangs up before the answer", lambda it: it.hang_up()),
    Fault("resets before the answer", lambda it: it.hang_up(reset=True)),
    Fault("hangs up after the status line", lambda it: (it.raw(b"HTTP/1.1 200 OK\r\n"), it.hang_up())[0]),
    Fault("hangs up within a header", lambda it: (it.raw(b"HTTP/1.1 200 OK\r\nContent-Le"), it.hang_up())[0]),
    Fault("hangs up before the body", lambda it: it.part(0.0)),
    Fault("hangs up within the body", lambda it: it.part(0.5)),
    Fault("resets within the body", lambda it: it.part(0.5, reset=True)),
    Fault("hangs up within the last bytes", lambda it: it.part(0.999)),
    Fault("resets after the whole answer", lambda it: (it.send(), it.hang_up())[0]),
    Fault("first page cut", lambda it: it.part(0.3), page=1),
    Fault("last page cut", lambda it: it.part(0.3), page=6),
    Fault("three cuts in a row", lambda it: it.part(0.7), times=3),
    Fault("truncated JSON with its own length", lambda it: it.send(body=it.body[:-40])),
    Fault("a length too short", lambda it: it.send(headers={"Content-Length": str(len(it.body) - 40)})),
    Fault("a length too long", lambda it: it.part(1.0, promised=10_000_000)),
    Fault("an empty body", lambda it: it.send(body=b"")),
    Fault("bytes that are no UTF-8", lambda it: it.send(body=it.body.replace("ä".encode(), b"\xe4"))),
    Fault("gzip that is none", lambda it: it.send(headers={"Content-Encoding": "gzip"})),
    Fault("chunks that end early", lambda it: (it.chunks(it.body, end=b""), it.hang_up())[0]),
    Fault("chunks of truncated JSON", lambda it: it.chunks(it.body[:-30], end=b"0\r\n\r\n")),
    Fault("a chunk of no length", lambda it: (it.chunks(it.body, end=b"zz\r\n"), it.hang_up())[0]),
    Fault("something that is no HTTP", lambda it: (it.raw(b"\x15\x03\x01 hello\r\n\r\n"), it.hang_up())[0]),
    Fault("no answer in time", lambda it: _slow(it, 0.0)),
    Fault("half a body and no more in time", lambda it: _slow(it, 0.5)),
    Fault("status 500", lambda it: it.send(500, body=b'{"error": "oops"}')),
    Fault("status 502 as HTML", lambda it: it.send(502, body=HTML)),
    Fault("status 503", lambda it: it.send(503, body=b"")),
    Fault("status 503 with Retry-After", lambda it: it.send(503, {"Retry-After": "0"}, b"")),
    Fault("status 504 four times", lambda it: it.send(504, body=b""), times=4),
    Fault("status 429", lambda it: it.send(429, body=b"")),
    Fault("status 429 with seconds", lambda it: it.send(429, {"Retry-After": "1"}, b"")),
    Fault("status 429 with a date", lambda it: it.send(429, {"Retry-After": _date_in(1)}, b"")),
    Fault("status 429 twenty times", lambda it: it.send(429, {"Retry-After": "0"}, b""), times=20),
    Fault("status 403 with a used-up limit", lambda it: it.send(
        403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 1)}, b"{}")),
    Fault("a page of HTML with status 200", lambda it: it.send(200, {"Content-Type": "text/html"}, HTML)),
    Fault("an error inside status 200", lambda it: it.send(body=b'{"fault": "try later", "data": []}')),
    Fault("an answer of another shape", lambda it: it.send(body=b'{"message": "maintenance"}'), runs=2),
    Fault("the page before once more", lambda it: it.send(body=it.previous)),
    Fault("the page before once more, by offset", lambda it: it.send(body=it.previous), "offset"),
    Fault("the page before once more, by number", lambda it: it.send(body=it.previous), "page"),
    Fault("an empty page in the middle", lambda it: it.send(body=it.page_of([])), "offset"),
    Fault("an empty page in the middle, by number", lambda it: it.send(body=it.page_of([])), "page"),
    Fault("an empty page that knows the next", lambda it: it.send(body=it.page_of([]))),
    Fault("an empty page that claims to be the last", lambda it: it.send(body=b'{"data": [], "next_cursor": null}')),
    Fault("a page that lacks rows", lambda it: it.send(body=it.page_of(json.loads(it.body)["data"][:-5])), "page", runs=2),
    Fault("smaller pages from now on, by offset", _half_pages, "offset"),
    Fault("smaller pages from now on, by number", _half_pages, "page", runs=2),
    Fault("rows that move between pages", _move_rows, "offset", changes_rows=True),
    Fault("rows that go between pages", _delete_rows, "offset", changes_rows=True),
    Fault("a link that is cut off", lambda it: it.part(0.5), "link"),
    Fault("a next page that is cut off", lambda it: it.part(0.5), "next"),
    Fault("a range that is cut off", lambda it: it.part(0.5), "range"),
    Fault("a token that expires", _expire_token, "secure/cursor"),
    Fault("a redirect to the same place", lambda it: it.send(307, {"Location": "/cursor?cursor=40"}, b"")),
]  # fmt: skip
