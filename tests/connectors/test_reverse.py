"""Rows written back: to a real HTTP server, a real PostgreSQL and SQLite; looked at first, sent once, whatever breaks."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest

import lake
from connectors import states
from connectors.reverse import Plan, Written, plan, write
from lake.database import DEMO_ERP
from lake.errors import ConnectionFileError, ConnectionPausedError, DataError, PlanChangedError

TOKEN = "a-planted-write-token"


class Desk(ThreadingHTTPServer):
    """A ticket system that applies a request once per idempotency key and can be made to misbehave."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.applied: list[tuple[str, str, Any]] = []  # method, path, body
        self.answers: dict[str, int] = {}  # idempotency key to status
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.faults: dict[str, list[str]] = {}  # path to what goes wrong, one after the other
        self.pause, self.lock = 0.0, threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api/"


class _Handler(BaseHTTPRequestHandler):
    server: Desk
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
        fault = self._fault()
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer(401, {"error": "who are you"})
        if fault and fault.isdigit() and fault != "200":
            return self._answer(int(fault), {"error": f"planted {fault}"})
        key = self.headers.get("Idempotency-Key")
        with self.server.lock:
            if key is None or key not in self.server.answers:
                self.server.applied.append((self.command, self.path, body))
                self.server.answers[key or f"none {len(self.server.applied)}"] = 200
        time.sleep(self.server.pause)
        if fault == "lost":
            self.close_connection = True
            return self.connection.close()
        if fault == "inside":
            return self._answer(200, {"error": "the ticket is locked"})
        return self._answer(200, {"made": {"id": len(self.server.applied)}})

    do_PATCH = do_PUT = do_DELETE = do_POST

    def _fault(self) -> str:
        with self.server.lock:
            self.server.requests.append((self.path, dict(self.headers)))
            planted = self.server.faults.get(self.path, [])
            return planted.pop(0) if planted else ""

    def do_GET(self) -> None:
        self._answer(200, {"page": "log in"})

    def _answer(self, status: int, body: Any) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "/api/login" if status < 307 else self.path)
        if status == 429:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *words: Any) -> None:
        pass


@pytest.fixture
def desk() -> Iterator[Desk]:
    server = Desk()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def home(grimoire_home: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DESK_TOKEN", TOKEN)
    (grimoire_home / "connections").mkdir(parents=True)
    (grimoire_home / "connections/desk.yaml").write_text(
        f"""type: rest
address: {desk.address}
auth: bearer
credentials: {{token: env:DESK_TOKEN}}
limits: {{attempts: 3, backoff_seconds: 0.05, timeout_seconds: 5}}
writes:
  close:
    method: PATCH
    path: tickets/{{id}}
    key: id
    body: {{status: closed, note: "by {{who}}", cost: "{{cost}}"}}
    reference: made.id
    attempts: 3
    stop_after: 3
  remark:
    path: remarks
    key: id
    idempotency_header: null
"""
    )
    return grimoire_home


def tickets(count: int, who: str = "Ann") -> list[dict[str, Any]]:
    return [{"id": number, "who": who, "cost": Decimal("12.50")} for number in range(1, count + 1)]


def apply(rows: Any, target: str = "close", connection: str = "desk", **known: Any) -> Written:
    done = write(connection, target, rows, apply=plan(connection, target, rows).digest, **known)
    assert isinstance(done, Written)
    return done


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_nothing_is_sent_before_someone_has_seen_what(home: Path, desk: Desk) -> None:
    shown = write("desk", "close", tickets(7))
    assert isinstance(shown, Plan)
    assert (shown.rows, shown.to_send, shown.done_before, len(shown.sample), desk.requests) == (7, 7, 0, 5, [])
    assert shown.sample[0] == {
        "method": "PATCH", "url": f"{desk.address}tickets/1", "json": {"status": "closed", "note": "by Ann", "cost": 12.5},
    }  # fmt: skip
    with pytest.raises(PlanChangedError):
        write("desk", "close", tickets(8), apply=shown.digest)
    assert desk.requests == []
    done = write("desk", "close", list(reversed(tickets(7))), apply=shown.digest)
    assert isinstance(done, Written)
    assert (done.done, done.failed, done.outcomes) == (7, 0, ())
    assert sorted(path for _, path, _ in desk.applied) == [f"/api/tickets/{number}" for number in range(1, 8)]
    assert rows("select status, attempts, reference, count(*) over () from platform.writes order by row_key limit 1") == [
        ("done", 1, "7", 7)
    ]


def test_rows_that_are_done_are_not_sent_again_until_something_else_was(home: Path, desk: Desk) -> None:
    assert apply(tickets(3)).done == 3
    again = apply(tickets(4))
    assert (again.done, again.done_before, len(desk.applied)) == (1, 3, 4)
    assert apply(tickets(1, "Ben")).done == 1
    back = apply(tickets(1))
    assert (back.done, back.done_before, len(desk.applied)) == (1, 0, 6)  # what Ann wrote is no longer what stands there


def test_a_query_over_the_lake_gives_the_rows(home: Path, desk: Desk) -> None:
    assert apply("select n as id, 'Ann' as who, n * 1.25::decimal(9, 2) as cost from range(1, 4) numbers(n)").done == 3
    assert sorted(body["cost"] for _, _, body in desk.applied) == [1.25, 2.5, 3.75]
    with pytest.raises(lake.GrimoireError):
        plan("desk", "close", "create table lake.main.x as select 1 as id")


def test_each_row_is_told_what_came_of_it(home: Path, desk: Desk) -> None:
    desk.faults = {
        "/api/tickets/2": ["422"], "/api/tickets/3": ["500", "lost"], "/api/tickets/4": ["429", "429"],
        "/api/tickets/5": ["500", "500", "500"],
    }  # fmt: skip
    began = time.monotonic()
    done = apply(tickets(6))
    assert time.monotonic() - began >= 2  # as the server asked, twice
    assert (done.done, done.failed, done.pending) == (4, 2, 0)
    assert {one.row_key: (one.status, one.said.partition(": ")[2][:10]) for one in done.outcomes} == {
        "[2]": ("failed", "status 422"), "[5]": ("failed", "status 500"),
    }  # fmt: skip
    assert sorted(path[-1] for _, path, _ in desk.applied) == ["1", "3", "4", "6"]
    keys = [headers["Idempotency-Key"] for path, headers in desk.requests if path.endswith("/3")]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    mended = apply(tickets(6))
    assert (mended.done, mended.done_before, mended.failed) == (2, 4, 0)
    assert len(desk.applied) == 6
    assert rows("select status, count(*) from platform.writes group by 1 order by 1") == [("done", 6), ("failed", 2)]


def test_a_request_that_must_not_come_twice_is_left_in_doubt_when_its_answer_is_lost(home: Path, desk: Desk) -> None:
    desk.faults = {"/api/remarks": ["", "lost", ""]}
    texts = [{"id": number, "text": "x"} for number in (1, 2, 3)]
    done = apply(texts, "remark")
    assert (done.done, done.in_doubt, [one.row_key for one in done.outcomes]) == (2, 1, ["[2]"])
    again = apply(texts, "remark")
    assert (again.done, again.in_doubt, len(desk.applied), plan("desk", "remark", texts).in_doubt) == (0, 1, 3, 1)
    assert "Idempotency-Key" not in desk.requests[0][1]
    assert apply(texts, "remark", retry_doubtful=True).done == 1  # a person has looked
    assert len(desk.applied) == 4


@pytest.mark.parametrize(("status", "applied"), [(301, 0), (302, 0), (303, 0), (307, 1), (308, 1)])
def test_a_redirect_to_another_request_is_no_write(home: Path, desk: Desk, status: int, applied: int) -> None:
    desk.faults["/api/tickets/1"] = [str(status)]
    done = apply(tickets(1))
    assert (done.done, done.failed, len(desk.applied)) == (applied, 1 - applied, applied)
    assert len(desk.requests) == 1 + applied, "nothing was sent to where the redirect leads, the body left out"


def test_a_post_that_is_redirected_to_another_request_is_in_doubt(home: Path, desk: Desk) -> None:
    desk.faults["/api/remarks"] = ["302"]
    done = apply(tickets(1), "remark")
    assert (done.done, done.failed, done.in_doubt) == (0, 0, 1)


@pytest.mark.parametrize("ticket", ["", ".", ".."])
def test_a_value_that_would_change_the_path_makes_no_plan(home: Path, desk: Desk, ticket: str) -> None:
    with pytest.raises(DataError, match="part of a path"):
        plan("desk", "close", [{"id": ticket, "who": "Ann", "cost": 1}])


def test_rows_go_below_an_address_without_a_slash_at_its_end(home: Path, desk: Desk) -> None:
    file = home / "connections/desk.yaml"
    file.write_text(file.read_text().replace(desk.address, desk.address.rstrip("/")))
    assert apply(tickets(1)).done == 1
    assert [path for _, path, _ in desk.applied] == ["/api/tickets/1"]


@pytest.mark.parametrize("who", ["Łukasz", "Ann\nX-Other: 1"])
def test_a_row_whose_header_cannot_be_sent_fails_alone(home: Path, desk: Desk, who: str) -> None:
    file = home / "connections/desk.yaml"
    file.write_text(file.read_text().replace("    reference: made.id", '    reference: made.id\n    headers: {X-Who: "{who}"}'))
    done = apply([*tickets(1, who), {**tickets(2)[1]}])
    assert (done.done, done.failed, len(desk.applied)) == (1, 1, 1)


def test_an_error_inside_a_good_answer_is_one(home: Path, desk: Desk) -> None:
    path = home / "connections/desk.yaml"
    path.write_text(path.read_text() + "error_path: error\n")
    desk.faults = {"/api/tickets/2": ["inside"]}
    done = apply(tickets(3))
    assert (done.done, done.failed, "the ticket is locked" in done.outcomes[0].said) == (2, 1, True)


def test_refused_credentials_stop_at_once_and_are_not_told(home: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_TOKEN", "a-wrong-planted-token")
    done = apply(tickets(9))
    assert (done.done, done.failed, done.pending, len(desk.requests)) == (0, 1, 8, 1)
    assert "a-wrong-planted-token" not in repr(done)
    assert rows("select count(*) from platform.writes where contains(said, 'planted-token')") == [(0,)]
    monkeypatch.setenv("DESK_TOKEN", TOKEN)
    assert apply(tickets(9)).done == 9


def test_a_system_that_fails_row_after_row_is_left_alone(home: Path, desk: Desk) -> None:
    desk.faults = {f"/api/tickets/{number}": ["500"] * 3 for number in range(1, 10)}
    done = apply(tickets(9))
    assert (done.failed, done.pending) == (3, 6)
    states.pause("desk")
    with pytest.raises(ConnectionPausedError):
        apply(tickets(9))


KILLED = """
import json
import sys
from connectors.reverse import write
write(sys.argv[1], sys.argv[2], json.load(sys.stdin), apply=True)
"""


def started(given: list[dict[str, Any]], connection: str, target: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", KILLED, connection, target], stdin=subprocess.PIPE)
    assert process.stdin
    process.stdin.write(json.dumps(given).encode())
    process.stdin.close()
    return process


@pytest.mark.parametrize("target", ["close", "remark"])
def test_a_run_that_is_killed_goes_on_where_it_was(home: Path, desk: Desk, target: str) -> None:
    desk.pause = 0.05
    given = [{"id": number, "who": "Ann", "cost": 1} for number in range(1, 41)]
    first = plan("desk", target, given)
    process = started(given, "desk", target)
    deadline = time.monotonic() + 60
    while len(desk.applied) < 7 and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    desk.pause = 0.0
    done = write("desk", target, given, apply=first.digest)
    assert isinstance(done, Written)
    assert done.done_before >= 6
    assert done.done + done.done_before + done.in_doubt == 40
    assert done.in_doubt <= (1 if target == "remark" else 0)
    sent = [(path, json.dumps(body)) for _, path, body in desk.applied]
    assert len(sent) == len(set(sent)) >= 40 - done.in_doubt


def erp(*statements: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(lake.libpq_dsn(lake.database_url(DEMO_ERP)), autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


LIMITS = """
writes:
  limits:
    table: limits
    key: party
    columns: {party_id: party, credit: credit, since: since, changed_at: changed_at, why: why}
  known_only: {table: limits, key: party_id, mode: update}
  new_only: {table: limits, key: party_id, mode: insert}
"""
TABLE = (
    "create table limits (party_id int primary key, credit {number} check (credit > 0), since date,"
    " changed_at {moment}, why {json})"
)


@pytest.fixture(params=["postgresql", "sqlite"])
def ledger(home: Path, request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A database to write to, and a way to ask it."""
    path = home / "connections/ledger.yaml"
    if request.param == "postgresql":
        url = lake.database_url(DEMO_ERP)
        path.write_text(f"type: sql\naddress: {url.render_as_string(hide_password=False)}\n{LIMITS}")
        erp(TABLE.format(number="numeric(14,2)", moment="timestamptz", json="jsonb"))
        return erp
    file = tmp_path / "ledger.db"
    path.write_text(f"type: sql\naddress: sqlite:///{file}\n{LIMITS}")

    def ask(*statements: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(file) as connection:
            for statement in statements:
                found = connection.execute(statement).fetchall()
        connection.close()
        return found

    ask(TABLE.format(number="numeric", moment="text", json="text"))
    return ask


def limits(count: int, credit: str = "100.25") -> list[dict[str, Any]]:
    moment = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
    return [
        {"party": number, "credit": Decimal(credit), "since": date(2025, 1, 2), "changed_at": moment, "why": {"by": "us"}}
        for number in range(1, count + 1)
    ]


def test_rows_are_upserted_into_a_table_with_their_types(ledger: Any) -> None:
    assert apply(limits(250), "limits", "ledger").done == 250
    assert ledger("select count(*), sum(credit), min(cast(since as text)) from limits") == [
        (250, Decimal("25062.50"), "2025-01-02")
    ]
    assert json.loads(ledger("select cast(why as text) from limits where party_id = 1")[0][0]) == {"by": "us"}
    changed = apply([*limits(1, "7"), *limits(250)[1:]], "limits", "ledger")
    assert (changed.done, changed.done_before) == (1, 249)
    assert ledger("select credit from limits where party_id = 1") == [(7,)]


def test_a_row_the_database_refuses_harms_no_other(ledger: Any) -> None:
    bad = [*limits(10)]
    bad[4] = {**bad[4], "credit": Decimal("-1")}
    done = apply(bad, "limits", "ledger")
    assert (done.done, done.failed, done.outcomes[0].row_key) == (9, 1, "[5]")
    assert "check" in done.outcomes[0].said.lower()
    assert ledger("select count(*) from limits") == [(9,)]


def test_updates_touch_only_rows_that_are_there_and_inserts_only_those_that_are_not(ledger: Any) -> None:
    ledger("insert into limits (party_id, credit) values (1, 5)")
    given = [{"party_id": number, "credit": 9} for number in (1, 2)]
    done = apply(given, "known_only", "ledger")
    assert (done.done, done.outcomes[0].said) == (1, "there is no row with this key")
    assert apply([{"party_id": number, "credit": 4} for number in (1, 2)], "new_only", "ledger").done == 2
    assert ledger("select party_id, credit from limits order by 1") == [(1, 9), (2, 4)]


def test_a_run_into_a_table_that_is_killed_goes_on_where_it_was(ledger: Any) -> None:
    given = [{"party": number, "credit": 1, "since": None, "changed_at": None, "why": None} for number in range(1, 2001)]
    first = plan("ledger", "limits", given)
    process = started(given, "ledger", "limits")
    deadline = time.monotonic() + 60
    while ledger("select count(*) from limits") == [(0,)] and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    done = write("ledger", "limits", given, apply=first.digest)
    assert isinstance(done, Written)
    assert done.done_before >= 0
    assert done.done + done.done_before == 2000
    assert ledger("select count(*), count(distinct party_id) from limits") == [(2000, 2000)]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([{"id": None, "who": "x", "cost": 1}], "no id"),
        ([{"id": 1, "who": "x", "cost": 1}, {"id": 1, "who": "y", "cost": 1}], "differ"),
        ([{"id": 1, "who": "x"}], "no column `cost`"),
        ([{"id": number, "who": "x", "cost": 1} for number in range(10_001)], "more than 10000"),
    ],
)
def test_rows_that_make_no_plan_are_told(home: Path, desk: Desk, given: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(DataError, match=said):
        write("desk", "close", given, apply=True)
    assert desk.requests == []


def test_a_target_that_is_not_there_or_does_not_fit_is_told(home: Path) -> None:
    with pytest.raises(ConnectionFileError, match="there are close, remark"):
        plan("desk", "closed", tickets(1))
    (home / "connections/desk.yaml").write_text("type: rest\naddress: http://x/\nwrites:\n  a: {table: t, key: id}\n")
    with pytest.raises(ConnectionFileError, match="cannot be written to"):
        plan("desk", "a", tickets(1))
