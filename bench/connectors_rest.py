"""What reading an HTTP API costs: without a limit against plain `requests`, and how much of a server's allowed rate is used.

What belongs here: 100,000 rows of 12 columns in pages of 1,000, from a server in a process of its own; the same server with 10
requests a second. What does not: databases (`bench.connectors`). Run as `python -m bench.connectors_rest`; needs no other data.

The peer pages through the same API and keeps the parsed rows in memory, which is the least that any reader must do. Ours ends with
Parquet files (`extract`), or with rows in the lake, judged and merged (`load`).
"""

import contextlib
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from bench.harness import Measured, measure, median_of, print_table, ratio, versions, write_results

ROWS, PAGE, COLUMNS = 100_000, 1_000, 12
ALLOWED_PER_SECOND, LIMITED_PAGES, RATE_WANTED = 10, 100, 0.9
RUNS = 3


class Handler(BaseHTTPRequestHandler):
    """Pages by a mark; beyond the allowed rate 429 with Retry-After."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    lock = threading.Lock()
    passed: ClassVar[deque[float]] = deque(maxlen=ALLOWED_PER_SECOND)

    def do_GET(self) -> None:
        """One page."""
        url = urlsplit(self.path)
        first = int(parse_qs(url.query).get("cursor", ["0"])[0])
        if url.path == "/limited/rows" and not self._may_pass():
            self._answer(429, b"{}", {"Retry-After": "1"})
        else:
            rows, size = (LIMITED_PAGES * 10, 10) if url.path == "/limited/rows" else (ROWS, PAGE)
            self._answer(200, page(first, size, rows), {})

    def _may_pass(self) -> bool:
        with self.lock:
            now = time.monotonic()
            if len(self.passed) == ALLOWED_PER_SECOND and now - self.passed[0] < 1.0:
                return False
            self.passed.append(now)
            return True

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def page(first: int, size: int, rows: int) -> bytes:
    """A page as JSON, made by joining text: the server is not what is measured."""
    records = ",".join(
        f'{{"id":{i},"number":"DOC{i}","party":{i % 5000},"state":"posted","amount":{i % 997}.25,'
        f'"currency":"EUR","open":{str(i % 3 == 0).lower()},'
        f'"quantity":{i % 7},"note":"note {i % 100}","tags":["a","b"],"created_at":"2024-01-01T00:00:00Z",'
        f'"updated_at":"2024-01-{1 + i % 28:02d}T10:00:00Z"}}'
        for i in range(first, min(first + size, rows))
    )
    following = f'"{first + size}"' if first + size < rows else "null"
    return f'{{"data":[{records}],"next":{following}}}'.encode()


def serve() -> None:
    """The server: prints its port and serves until it is killed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


def page_by_requests(*, port: int) -> int:
    """The peer: every page, parsed, in memory."""
    import requests

    session, rows, mark = requests.Session(), [], ""
    while mark is not None:
        answer = session.get(f"http://127.0.0.1:{port}/rows", params={"cursor": mark} if mark else {}, timeout=30).json()
        rows += answer["data"]
        mark = answer["next"]
    return len(rows)


def connect_to(port: int, path: str, limits: str) -> None:
    """The connection `bench` in the home of this process."""
    from lake.settings import get_settings

    folder = get_settings().connections_folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.yaml").write_text(
        f"type: rest\naddress: http://127.0.0.1:{port}{path}\nselector: data\nlimits: {limits}\n"
        "pagination: {type: cursor, path: next, param: cursor}\nresources: [{name: rows, key: id, cursor: updated_at}]\n"
    )


def import_dlt() -> None:
    """What reading imports."""
    import dlt.sources.rest_api
    import pyarrow.parquet  # noqa: F401

    import connectors.extract
    import connectors.kinds.rest_opened

    assert dlt and connectors


def import_grimoire() -> None:
    """Our imports, and a lake that is there."""
    import dlt.sources.rest_api
    import great_expectations
    import pandas  # noqa: F401

    import connectors.load
    import lake

    assert dlt and great_expectations and connectors
    lake.connect().close()


def extract_by_grimoire(*, port: int, path: str = "/", limits: str = "{}") -> dict[str, float]:
    """Ours: the rows staged as Parquet; the seconds between first and last request, for the rate."""
    from connectors.connections import get_connection
    from connectors.extract import extract
    from connectors.kinds.rest_session import PatientSession
    from connectors.packages import forget, pending

    connect_to(port, path, limits)
    moments: list[float] = []
    send = PatientSession.send

    def noted(self: Any, request: Any, **kwargs: Any) -> Any:
        response = send(self, request, **kwargs)
        moments.append(time.monotonic())
        return response

    PatientSession.send = noted  # type: ignore[method-assign]
    source = get_connection("bench")
    forget(source)
    extract(source)
    import pyarrow.parquet as parquet

    rows = sum(parquet.read_metadata(path).num_rows for path in pending(source).files["rows"])
    return {"rows": rows, "requests": len(moments), "seconds": moments[-1] - moments[0]}


def load_by_grimoire(*, port: int) -> int:
    """Ours: the rows in the lake."""
    from connectors.connections import get_connection
    from connectors.load import load_source
    from connectors.packages import forget

    connect_to(port, "/", "{}")
    forget(get_connection("bench"))
    return load_source("bench").tables[0].rows_extracted


@contextlib.contextmanager
def server() -> Iterator[int]:
    """The server in a process of its own; gives the port."""
    with subprocess.Popen(
        [sys.executable, "-c", "from bench.connectors_rest import serve; serve()"], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def main() -> None:
    """Runs all sides, prints the table, writes the results and fails below the rate that is wanted."""
    with tempfile.TemporaryDirectory(prefix="grimoire-bench-") as home, server() as port:
        environment = {"GRIMOIRE_HOME": home, "TQDM_DISABLE": "1"}
        try:
            runs, rates = _measure(environment, port)
        finally:
            measure("bench.connectors_rest:stop_server", environment=environment)
    peer = runs.pop("requests, rows in memory")
    ratios = {name: ratio(peer, run) for name, run in runs.items() if "a second" not in name}
    print_table({**runs, "requests, rows in memory": peer}, against="requests, rows in memory")
    print(f"share of the allowed {ALLOWED_PER_SECOND} requests a second: {rates}")
    write_results(
        "connectors_rest",
        versions=versions("dlt", "duckdb", "requests"),
        rows=ROWS,
        ours={name: run.figures() for name, run in runs.items()},
        peer={"requests, rows in memory": peer.figures()},
        ratio=ratios,
        rows_per_second={
            name: round(ROWS / run.wall_seconds) for name, run in {**runs, "peer": peer}.items() if "a second" not in name
        },
        share_of_allowed_rate=rates,
    )
    assert rates["pace of 10 a second"] >= RATE_WANTED, "slower than the server allows"


def _measure(environment: dict[str, str], port: int) -> tuple[dict[str, Measured], dict[str, float]]:
    def ours(function: str, **options: Any) -> Measured:
        imports = "import_grimoire" if function == "load_by_grimoire" else "import_dlt"
        target, before = f"bench.connectors_rest:{function}", f"bench.connectors_rest:{imports}"
        return measure(target, imports=before, environment=environment, port=port, **options)

    peer = median_of([measure("bench.connectors_rest:page_by_requests", port=port) for _ in range(RUNS)])
    staged = median_of([ours("extract_by_grimoire") for _ in range(RUNS)])
    loaded = ours("load_by_grimoire")
    assert {peer.value, staged.value["rows"], loaded.value} == {ROWS}
    paced = ours("extract_by_grimoire", path="/limited/", limits=f"{{requests_per_second: {ALLOWED_PER_SECOND}}}")
    refused = ours("extract_by_grimoire", path="/limited/")
    runs = {
        "extract, rows as Parquet": staged,
        "load, rows in the lake": loaded,
        "pace of 10 a second": paced,
        "refused beyond 10 a second": refused,
        "requests, rows in memory": peer,
    }
    return runs, {name: _share(runs[name]) for name in ("pace of 10 a second", "refused beyond 10 a second")}


def _share(run: Measured) -> float:
    """The answered requests a second, as a share of those allowed."""
    return round((run.value["requests"] - 1) / run.value["seconds"] / ALLOWED_PER_SECOND, 3)


def stop_server() -> None:
    """Stops the embedded PostgreSQL of the benchmark's own home."""
    from lake import get_settings
    from lake.postgres import embedded

    embedded(get_settings()).stop()


if __name__ == "__main__":
    main()
