"""An HTTP API behind a proxy that breaks: whatever happens, in the end source and lake are equal, row by row."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lake
from connectors.load import LoadReport, load_source
from lake.errors import SourceUnavailableError
from lake.settings import PROJECT_ROOT, get_settings
from tests.connectors.faults import FAULTS, PAGE, Api, Fault, Proxy, serving

ROWS = 6 * PAGE
PAGINATIONS = {
    "cursor": "{type: cursor, path: next_cursor, param: cursor}",
    "offset": f"{{type: offset, limit: {PAGE}}}",
    "page": f"{{type: page, size: {PAGE}, size_param: limit}}",
    "link": "{type: link_header}",
    "next": "{type: next_url}",
    "range": f"{{type: range, size: {PAGE}}}",
}
AUTH = """
auth: {type: oauth2_client_credentials, token_url: /token}
credentials: {client_id: env:SHOP_CLIENT, client_secret: env:SHOP_SECRET}
"""


@pytest.fixture(scope="module")
def home(module_home: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("SHOP_CLIENT", "grimoire")
        monkeypatch.setenv("SHOP_SECRET", "wer-weiß")
        (get_settings().connections_folder).mkdir(parents=True, exist_ok=True)
        yield module_home


@pytest.fixture
def api() -> Api:
    return Api(ROWS)


@pytest.fixture
def upstream(api: Api) -> Iterator[int]:
    with serving(api) as port:
        yield port


def connect_to(name: str, port: int, kind: str, *, attempts: int = 6) -> None:
    """A connection whose back-offs are short; one failed run is one failed reading."""
    text = f"""
type: rest
address: http://127.0.0.1:{port}/
selector: data
error_path: fault
retries: 0
limits: {{attempts: {attempts}, backoff_seconds: 0.01, longest_backoff_seconds: 0.05, timeout_seconds: 0.3}}
pagination: {PAGINATIONS[kind.rpartition("/")[2]]}
{AUTH if kind.startswith("secure") else ""}
resources:
- name: things
  key: id
  cursor: {{column: changed_at, lag_seconds: 0}}
  path: {kind}
  incremental: since
"""
    (get_settings().connections_folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def checksums(rows: list[tuple[Any, ...]]) -> list[str]:
    return sorted(hashlib.sha256(repr(row).encode()).hexdigest() for row in rows)


def in_source(api: Api) -> list[str]:
    tags = [json.dumps(row["tags"], separators=(",", ":")) for row in api.current()]
    return checksums(
        [(row["id"], row["name"], row["amount"], tag, row["changed_at"]) for row, tag in zip(api.current(), tags, strict=True)]
    )


def in_lake(name: str) -> list[str]:
    with lake.connect(read_only=True) as connection:
        moment = "strftime(changed_at at time zone 'UTC', '%Y-%m-%dT%H:%M:%SZ')"
        return checksums(
            connection.execute(
                f"select id, name, amount, tags, {moment} from raw_{name}.things where _deleted_at is null"
            ).fetchall()
        )


def quarantined(name: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute("select * from quarantine.rows where source = ?", [name]).fetchall()


def load_in(runs: int, name: str) -> LoadReport:
    """The load, which must fail in every run but the last of so many."""
    for _ in range(runs - 1):
        with pytest.raises(SourceUnavailableError, match=r"[Rr]un again|Mend"):
            load_source(name)
    return load_source(name)


@pytest.mark.parametrize("number", range(len(FAULTS)), ids=[str(fault) for fault in FAULTS])
def test_after_a_fault_source_and_lake_are_equal(home: Path, api: Api, upstream: int, number: int) -> None:
    fault: Fault = FAULTS[number]
    proxy, name = Proxy(api, upstream, fault), f"fault_{number}"
    connect_to(name, proxy.port, fault.kind)
    fault.happened = 0
    load_in(fault.runs, name)
    assert fault.happened == fault.times
    if not fault.changes_rows:
        assert in_lake(name) == in_source(api)
    api.put(5, "changed")
    api.put(ROWS + 1, "new")
    load_source(name)
    assert [row for row in in_lake(name) if row in in_source(api)] == in_source(api)
    assert len(in_lake(name)) == ROWS + 1  # rows that went are found by comparing keys, which this connection does not
    assert quarantined(name) == []
    proxy.close()


@pytest.mark.parametrize(
    "fault",
    [
        Fault("cut for good", lambda it: it.part(0.5), times=10_000),
        Fault("500 for good", lambda it: it.send(500, body=b"<h1>down</h1>"), times=10_000),
        Fault("too many requests for longer than patience", lambda it: it.send(429, {"Retry-After": "5000"}, b""), times=10_000),
        Fault(
            "the same page for good",
            lambda it: it.send(body=it.api.__dict__.setdefault("stuck", it.previous)),
            "page",
            times=10_000,
        ),
        Fault("HTML for good", lambda it: it.send(200, {"Content-Type": "text/html"}, b"<html>"), times=10_000),
    ],
    ids=str,
)
def test_a_fault_that_outlasts_the_retries_leaves_the_last_whole_load_and_the_next_run_completes(
    home: Path, api: Api, upstream: int, fault: Fault
) -> None:
    proxy, name = Proxy(api, upstream, None), "lasting_" + "".join(sign for sign in fault.name.lower() if sign.isalnum())
    connect_to(name, proxy.port, fault.kind, attempts=3)
    load_source(name)
    before = in_lake(name)
    assert before == in_source(api)
    for number in range(1, 3 * PAGE):
        api.put(number, "changed meanwhile")
    proxy.fault, proxy.pages, fault.page = fault, 0, 2
    with pytest.raises(SourceUnavailableError) as told:
        load_source(name)
    assert name in str(told.value)
    assert told.value.remedy
    assert in_lake(name) == before
    proxy.fault = None
    load_source(name)
    assert in_lake(name) == in_source(api)
    proxy.close()


def test_a_name_that_is_not_known_and_a_port_where_nobody_listens_are_told(home: Path, api: Api, upstream: int) -> None:
    proxy = Proxy(api, upstream, None)
    connect_to("gone", proxy.port, "cursor", attempts=2)
    load_source("gone")
    proxy.close()
    with pytest.raises(SourceUnavailableError, match="connection refused"):
        load_source("gone")
    assert in_lake("gone") == in_source(api)
    connect_to("nowhere", proxy.port, "cursor", attempts=2)
    path = get_settings().connections_folder / "nowhere.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("127.0.0.1", "nowhere.invalid"), encoding="utf-8")
    with pytest.raises(SourceUnavailableError, match="its name is not known"):
        load_source("nowhere")


def test_a_port_that_opens_again_while_we_wait_is_no_failure(home: Path, api: Api, upstream: int) -> None:
    proxy = Proxy(api, upstream, Fault("hangs up and closes", lambda it: (proxy.close(), it.hang_up())[0]))
    connect_to("reopened", proxy.port, "cursor", attempts=60)
    threading.Timer(0.4, proxy.open_again).start()
    load_source("reopened")
    assert in_lake("reopened") == in_source(api)
    proxy.close()


SERVER = """
import sys, time
from tests.connectors.faults import Api, serving
api = Api(int(sys.argv[2]))
with serving(api, port=int(sys.argv[1])) as port:
    print(port, flush=True)
    time.sleep(600)
"""


def served(port: int = 0) -> tuple[subprocess.Popen[bytes], int]:
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(port), str(ROWS)], cwd=PROJECT_ROOT, stdout=subprocess.PIPE)
    assert server.stdout is not None
    return server, int(server.stdout.readline())


def test_a_server_killed_in_mid_read_and_started_again_costs_no_row(home: Path) -> None:
    server, port = served()
    killed: list[float] = []

    def kill(words: str, done: float) -> None:
        if words.startswith("Reading") and not killed:
            server.send_signal(signal.SIGKILL)
            server.wait()
            killed.append(time.monotonic())

    connect_to("killed", port, "cursor", attempts=2)
    with server, pytest.raises(SourceUnavailableError, match="connection"):
        load_source("killed", progress=kill)
    assert killed
    again, _ = served(port)
    with again:
        load_source("killed")
        assert in_lake("killed") == in_source(Api(ROWS))
        again.kill()


def test_an_extractor_killed_in_mid_read_shows_nothing_and_the_next_run_is_whole(home: Path, api: Api, upstream: int) -> None:
    program = "from connectors.load import load_source\nload_source('cut_short')"
    reached = threading.Event()
    hold = Fault("holds", lambda it: (reached.set(), time.sleep(0.2), it.send())[0], times=3)
    proxy = Proxy(api, upstream, hold)
    connect_to("cut_short", proxy.port, "cursor")
    child = subprocess.Popen([sys.executable, "-c", program], cwd=PROJECT_ROOT, env=dict(os.environ))
    assert reached.wait(60)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    with lake.connect(read_only=True) as connection:
        assert connection.execute("select 1 from duckdb_tables() where schema_name = 'raw_cut_short'").fetchall() == []
    load_source("cut_short")
    assert in_lake("cut_short") == in_source(api)
    assert quarantined("cut_short") == []
    proxy.close()
