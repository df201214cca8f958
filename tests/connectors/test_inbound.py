"""Deliveries to the real endpoint: who may send, what is answered, and that what was acknowledged lands once, come what may."""

import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

import lake
from connectors.connections import get_connection
from connectors.connector import connector_of
from connectors.load import load_source
from lake.errors import ConnectionFileError
from lake.settings import get_settings

SECRET = "a-planted-signing-secret"
GITHUB = "{type: hmac_sha256}"
STRIPE = "{type: timestamped}"
TOKEN = "{type: token, header: X-Hook-Token}"
ORDERS = (
    "- name: orders\n  headers: {event: X-Event}\n- name: stock\n  key: sku\n- name: invoices\n  selector: data.object\n  key: id"
)


@pytest.fixture
def home(grimoire_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("GRIMOIRE_INBOUND_PORT", str(free.getsockname()[1]))
    monkeypatch.setenv("SHOP_HOOK_SECRET", SECRET)
    get_settings.cache_clear()
    return grimoire_home


def write_connection(home: Path, signature: str = GITHUB, *, more: str = "", resources: str = ORDERS) -> None:
    folder = home / "connections"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "shop.yaml").write_text(
        f"type: webhook\ncredentials: {{secret: env:SHOP_HOOK_SECRET}}\nsignature: {signature}\n{more}\nresources:\n{resources}\n"
    )


@contextmanager
def serving(log: Path, *, before: Callable[[], None] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as said:
        process = subprocess.Popen([sys.executable, "-m", "connectors.inbound_server"], stderr=said, stdout=said, preexec_fn=before)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                requests.get(f"{address()}/health", timeout=2)
                break
            except requests.ConnectionError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield process
    finally:
        process.kill()
        process.wait()


def address() -> str:
    return f"http://127.0.0.1:{get_settings().inbound_port}"


def signed(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def post(body: Any, resource: str = "orders", *, headers: dict[str, str] | None = None, **known: Any) -> requests.Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"Content-Type": "application/json", "X-Hub-Signature-256": signed(raw), **(headers or {})}
    return requests.post(f"{address()}/hooks/shop/{resource}", data=raw, headers=given, timeout=60, **known)


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_what_is_sent_lands_typed_with_its_delivery(home: Path, tmp_path: Path) -> None:
    write_connection(home)
    with serving(tmp_path / "log"):
        one = post({"id": 1, "total": 12.5, "at": "2025-01-02T03:04:05Z"}, headers={"X-Event": "paid"})
        many = post([{"id": 2, "total": 1.25, "lines": [{"sku": "a"}]}, {"id": 3, "total": 2}])
        lines = post(b'{"id": 4}\n{"id": 5}\n', headers={"Content-Type": "application/x-ndjson"})
        selected = post({"type": "paid", "data": {"object": {"id": "in_1", "total": 7}}}, "invoices")
    assert [answer.status_code for answer in (one, many, lines, selected)] == [202] * 4
    report = load_source("shop")
    assert {table.name: table.rows_landed for table in report.tables} == {"orders": 5, "stock": 0, "invoices": 1}
    assert rows('select id, total, "at"::varchar, event from raw_shop.orders where id = 1') == [
        (1, 12.5, "2025-01-02 03:04:05+00", "paid")
    ]
    assert rows(
        "select _delivery_id, count(*), min(_position), max(_position) from raw_shop.orders where id in (2, 3) group by 1"
    ) == [(many.json()["id"], 2, 0, 1)]
    assert rows("select lines from raw_shop.orders where id = 2") == [('[{"sku":"a"}]',)]
    assert rows("select id, total from raw_shop.invoices") == [("in_1", 7)]
    assert sum(table.rows_extracted for table in load_source("shop").tables) == 0
    assert not [path for path in (home / "inbound").rglob("*.json") if path.is_file()]
    assert not [path for folder in ("waiting", "taken") for path in (home / "inbound").glob(f"*/*/{folder}/*")]


def test_of_one_key_the_delivery_that_came_last_has_the_say(home: Path, tmp_path: Path) -> None:
    write_connection(home)
    with serving(tmp_path / "log"):
        for left in (9, 8, 7):
            assert post({"sku": "a", "left": left}, "stock").status_code == 202
    load_source("shop")
    assert rows('select sku, "left" from raw_shop.stock') == [("a", 7)]
    assert rows("select count(*) from quarantine.rows") == [(0,)]


def test_a_delivery_that_comes_again_is_acknowledged_and_not_doubled(home: Path, tmp_path: Path) -> None:
    write_connection(home, more="delivery_header: X-Delivery")
    with serving(tmp_path / "log"):
        first = post({"sku": "a", "left": 1}, "stock", headers={"X-Delivery": "d1"})
        again = post({"sku": "a", "left": 1}, "stock", headers={"X-Delivery": "d1"})
        assert (first.json(), again.json()) == ({"id": "d1", "duplicate": False}, {"id": "d1", "duplicate": True})
        load_source("shop")
        assert post({"sku": "a", "left": 0}, "stock", headers={"X-Delivery": "d2"}).json()["duplicate"] is False
        load_source("shop")
        late = post({"sku": "a", "left": 1}, "stock", headers={"X-Delivery": "d1"})
        assert (late.status_code, late.json()["duplicate"]) == (202, True)  # it has landed, and would undo what came since
        assert post({"sku": "a"}, "stock").status_code == 422
    load_source("shop")
    assert rows('select sku, "left" from raw_shop.stock') == [("a", 0)]


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Hub-Signature-256": ""},
        {"X-Hub-Signature-256": "sha256=" + "0" * 64},
        {"X-Hub-Signature-256": "sha256=é"},
        {"X-Hub-Signature-256": signed(b'{"id": 1}', "another secret")},
        {"X-Hub-Signature-256": signed(b'{"id": 1}').removeprefix("sha256=")},
    ],
    ids=["missing", "zeros", "not ascii", "another secret", "no prefix"],
)
def test_whoever_cannot_sign_is_refused_and_nothing_lands(home: Path, tmp_path: Path, headers: dict[str, Any]) -> None:
    write_connection(home)
    headers = {name: value.encode("latin-1") for name, value in headers.items()}
    with serving(tmp_path / "log"):
        refused = post(b'{"id": 1}', headers=headers)
        changed = post(b'{"id": 2}', headers={"X-Hub-Signature-256": signed(b'{"id": 1}')})
    assert (refused.status_code, changed.status_code) == (401, 401)
    assert refused.json() == changed.json()
    assert "X-Hub-Signature-256" in (tmp_path / "log").read_text()
    assert not list((home / "inbound").rglob("waiting/*"))


def test_signatures_with_a_time_and_shared_tokens_are_checked(home: Path, tmp_path: Path) -> None:
    body, now = b'{"id": 1}', int(time.time())

    def stripe(moment: int, secret: str = SECRET) -> dict[str, str]:
        right = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        return {"Stripe-Signature": f"t={moment},v1={'0' * 64},v1={right},v0=abc"}

    write_connection(home, STRIPE)
    with serving(tmp_path / "log"):
        assert post(body, headers=stripe(now)).status_code == 202
        assert post(body, headers=stripe(now, "wrong")).status_code == 401
        replayed = post(body, headers=stripe(now - 301))
        assert (replayed.status_code, "300 s" in (tmp_path / "log").read_text()) == (401, True)
        for strange in ("", "t=,v1=x", f"v1={'0' * 64}", "t=1,t=2,v1=x", f"t={'9' * 40},v1=x"):
            assert post(body, headers={"Stripe-Signature": strange}).status_code == 401
        write_connection(home, TOKEN)  # the endpoint reads the file again
        assert post(body, headers={"X-Hook-Token": SECRET}).json()["duplicate"] is True
        assert post(body, headers={"X-Hook-Token": "guess"}).status_code == 401


def test_what_cannot_be_taken_is_answered_with_its_reason(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_connection(home, more="largest_bytes: 1000")
    with serving(tmp_path / "log") as server:
        unknown = post({"id": 1}, "nothing")
        elsewhere = requests.post(f"{address()}/hooks/erp/orders", data=b"{}", timeout=30)
        traversal = requests.post(f"{address()}/hooks/..%2Fconnections%2Fshop/orders", data=b"{}", timeout=30)
        assert [answer.status_code for answer in (unknown, elsewhere, traversal)] == [401, 415, 404]
        assert "no resource 'nothing'" in (tmp_path / "log").read_text()
        large = post({"id": 1, "text": "x" * 2000})
        endless = requests.post(
            f"{address()}/hooks/shop/orders",
            data=(b"x" * 500 for _ in range(10)),
            headers={"Content-Type": "application/json"},
            timeout=30,
        )
        assert (large.status_code, endless.status_code) == (413, 413)
        assert post(b"<a/>", headers={"Content-Type": "text/xml"}).status_code == 415
        assert post(b"{}", headers={"Content-Encoding": "gzip"}).status_code == 415
        assert server.poll() is None
        assert post({"id": 1}).status_code == 202
    monkeypatch.delenv("SHOP_HOOK_SECRET")
    with serving(tmp_path / "log"):
        unresolved = post({"id": 2})
        assert (unresolved.status_code, unresolved.headers["Retry-After"]) == (503, "60")


def test_whoever_proves_nothing_does_not_learn_which_connections_there_are(home: Path, tmp_path: Path) -> None:
    write_connection(home)
    with serving(tmp_path / "log"):
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": "sha256=guess"}
        there, elsewhere, nothing = (
            requests.post(f"{address()}/hooks/{path}", data=b"{}", headers=headers, timeout=30)
            for path in ("shop/orders", "bank/orders", "shop/nothing")
        )
    assert (there.status_code, there.text) == (elsewhere.status_code, elsewhere.text) == (nothing.status_code, nothing.text)
    assert there.status_code == 401


@pytest.mark.parametrize(
    "body",
    [b"{broken", b"", b"5", b'"text"', b'{"a": NaN}', b'{"a": 1e99999999999999999999}', b"\xff\xfe", b"[" * 100_000],
    ids=repr,
)
def test_a_signed_payload_that_is_no_json_is_kept_as_a_dead_letter(home: Path, tmp_path: Path, body: bytes) -> None:
    write_connection(home)
    with serving(tmp_path / "log"):
        answers = [post(body), post(body)]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert "dead letter" in answers[0].json()["error"]
    assert sum(table.rows_quarantined for table in load_source("shop").tables) == 1
    ((row_json, key),) = rows("select row_json, row_key from quarantine.rows")
    assert row_json == body.decode("utf-8", errors="backslashreplace")
    assert key.startswith(answers[0].json()["id"])


def test_the_good_lines_of_a_delivery_land_beside_its_dead_letters(home: Path, tmp_path: Path) -> None:
    write_connection(home)
    body = b'{"id": 1}\n{"id": 2\n{"id": 3}\n{"id": "\\ud800"}\n[7]\n'
    with serving(tmp_path / "log"):
        assert post(body, headers={"Content-Type": "application/x-ndjson"}).status_code == 202
    load_source("shop")
    assert rows("select id::int from raw_shop.orders order by 1") == [(1,), (3,)]
    assert rows("select count(*) from quarantine.rows") == [(3,)]


def test_a_full_disk_is_told_and_nothing_is_acknowledged(home: Path, tmp_path: Path) -> None:
    import resource

    write_connection(home)

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    with serving(tmp_path / "log", before=little_room):
        full = post({"id": 1, "text": "x" * 30_000})
        assert (full.status_code, full.headers["Retry-After"]) == (503, "60")
        assert "disk is full" in full.json()["error"]
        assert post({"id": 2}).status_code == 202
    load_source("shop")
    assert rows("select id from raw_shop.orders") == [(2,)]


def test_a_thousand_senders_at_once_are_all_served(home: Path, tmp_path: Path) -> None:
    write_connection(home)
    with serving(tmp_path / "log"), ThreadPoolExecutor(200) as senders:
        answers = list(senders.map(lambda number: post({"id": number}), range(1_000)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1_000
    report = load_source("shop")
    assert report.tables[0].rows_landed == 1_000
    assert rows("select count(*), count(distinct id), count(distinct _sequence) from raw_shop.orders") == [(1_000, 1_000, 1_000)]


def test_what_was_acknowledged_lands_once_though_the_endpoint_is_killed(home: Path, tmp_path: Path) -> None:
    write_connection(home)
    acknowledged: list[int] = []
    unsure: list[int] = []
    enough = threading.Event()

    def send(number: int) -> None:
        try:
            if post({"id": number}).status_code == 202:
                acknowledged.append(number)
            if len(acknowledged) >= 150:
                enough.set()
        except requests.RequestException:
            unsure.append(number)

    with serving(tmp_path / "log") as server, ThreadPoolExecutor(40) as senders:
        sending = [senders.submit(send, number) for number in range(600)]
        assert enough.wait(120)
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
        for each in sending:
            each.result()
    assert len(acknowledged) >= 150
    assert unsure
    load_source("shop")
    landed = [number for (number,) in rows("select id::int from raw_shop.orders")]
    assert len(landed) == len(set(landed))
    assert set(acknowledged) <= set(landed)
    with serving(tmp_path / "log"):  # whoever got no answer sends again
        for number in unsure:
            assert post({"id": number}).status_code == 202
    load_source("shop")
    landed = [number for (number,) in rows("select id::int from raw_shop.orders")]
    assert sorted(landed) == list(range(600))


def test_an_extractor_that_is_killed_loses_and_doubles_nothing(home: Path, tmp_path: Path) -> None:
    write_connection(home)
    killing = (
        "import os, signal, sys\nfrom connectors.load import load_source\n"
        "load_source('shop', progress=lambda words, done: words.startswith(sys.argv[1]) and os.kill(os.getpid(), signal.SIGKILL))"
    )
    sent = 0
    with serving(tmp_path / "log"):
        for point in ("Reading", "Checking", "Landing"):
            for _ in range(3):
                sent += 1
                assert post({"id": sent}).status_code == 202
            done = subprocess.run([sys.executable, "-c", killing, point], capture_output=True, text=True)
            assert done.returncode == -signal.SIGKILL, done.stderr
    load_source("shop")
    load_source("shop")
    assert rows("select count(*), count(distinct id) from raw_shop.orders") == [(sent, sent)]
    assert not list((home / "inbound").glob("*/*/taken/*"))


def test_neither_secret_nor_payload_is_logged(home: Path, tmp_path: Path) -> None:
    write_connection(home, TOKEN)
    with serving(tmp_path / "log"):
        assert post({"name": "a-planted-payload"}, headers={"X-Hook-Token": SECRET}).status_code == 202
        assert post(b"a-planted-payload {", headers={"X-Hook-Token": SECRET}).status_code == 422
        assert post({"name": "a-planted-payload"}, headers={"X-Hook-Token": SECRET + "x"}).status_code == 401
    log = (tmp_path / "log").read_text()
    assert "shop/orders" in log
    assert "a-planted" not in log


def test_the_check_is_honest_about_secret_and_endpoint(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_connection(home)
    connector = connector_of(get_connection("shop"))
    assert not connector.check().is_well
    with serving(tmp_path / "log"):
        assert connector.check().is_well
        monkeypatch.delenv("SHOP_HOOK_SECRET")
        assert "SHOP_HOOK_SECRET" in connector.check().said


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"signature": {"type": "none"}}, "signature"),
        ({"credentials": {}}, "credentials"),
        ({"resources": []}, "resources"),
        ({"resources": [{"name": "a", "key": "id", "deletions": {"by": "keys"}}]}, "resources.a.deletions"),
        ({"largest_bytes": 0}, "largest_bytes"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_by_field(more: dict[str, Any], named: str) -> None:
    from connectors.connection import connection_of

    words = {
        "name": "shop", "type": "webhook", "credentials": {"secret": "env:S"},
        "signature": {"type": "hmac_sha256"}, "resources": [{"name": "a"}],
    }  # fmt: skip
    with pytest.raises(ConnectionFileError) as told:
        connector_of(connection_of({**words, **more}, origin="shop.yaml"))
    assert f"shop.yaml cannot be used: {named}" in told.value.problem
