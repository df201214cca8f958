"""What could not land is kept, listed and counted, and lands once it has been mended."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import lake
from connectors.dead_letters import count_letters, dead_letters, read_corrections, replay
from connectors.inbound_spool import Delivery, Sequence, Spool
from connectors.load import load_source
from lake.errors import DataError


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def shop(grimoire_home: Path, tmp_path: Path) -> Any:
    """A SQLite shop with orders of customers, and a way to change it."""
    file = tmp_path / "shop.db"

    def change(*statements: str) -> None:
        with sqlite3.connect(file) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    change(
        "create table customers (id integer primary key, name text)",
        "create table orders (id integer primary key, customer_id integer, total numeric)",
        "insert into customers values (1, 'Ann'), (2, null)",
        "insert into orders values (1, 1, 10), (2, 2, 20), (3, 9, 30)",
    )
    folder = grimoire_home / "connections"
    folder.mkdir(parents=True)
    (folder / "shop.yaml").write_text(
        f"type: sql\naddress: sqlite:///{file}\nresources:\n- {{name: customers, key: id, required: [name]}}\n"
        "- {name: orders, key: id, references: {customer_id: customers}}\n"
    )
    return change


def test_letters_are_counted_and_listed_with_rule_reason_and_payload(shop: Any) -> None:
    assert (dead_letters(), count_letters()) == ([], [])
    load_source("shop")
    assert [(one.resource, one.rule, one.open, one.resolved) for one in count_letters("shop")] == [
        ("orders", "customer_id is known in customers", 2, 0), ("customers", "name is filled", 1, 0),
    ]  # fmt: skip
    (letter,) = dead_letters("shop", resource="customers")
    assert (letter.row_key, letter.rule, json.loads(letter.payload)["id"]) == ("2", "name is filled", 2)
    assert [one.row_key for one in dead_letters("shop", rule="customer_id is known in customers", limit=1)] in (["2"], ["3"])
    assert dead_letters("erp") == []
    assert dead_letters("shop", is_open=False) == []


def test_a_corrected_row_lands_and_what_waited_for_it_too(shop: Any, tmp_path: Path) -> None:
    load_source("shop")
    (letter,) = dead_letters("shop", resource="customers")
    nothing = replay("shop")
    assert (nothing.asked, nothing.resolved, nothing.still_open, nothing.rows_landed) == (3, 0, 3, 0)
    mended = tmp_path / "mended.json"
    mended.write_text(json.dumps({letter.id: {"id": 2, "name": "Ben"}}))
    done = replay("shop", corrected=read_corrections(mended))
    assert (done.asked, done.resolved, done.rows_landed, done.problems) == (1, 1, 2, {})
    assert rows("select id, name from raw_shop.customers order by id") == [(1, "Ann"), (2, "Ben")]
    assert rows("select id, total from raw_shop.orders order by id") == [(1, 10), (2, 20)]
    assert [one.row_key for one in dead_letters("shop")] == ["3"]
    assert all(one.resolved_at for one in dead_letters("shop", is_open=False))
    with pytest.raises(DataError, match=letter.id):
        replay("shop", ids=[letter.id])


def test_a_correction_that_changes_the_key_leaves_nothing_behind(shop: Any) -> None:
    load_source("shop")
    (letter,) = (one for one in dead_letters("shop", resource="orders") if one.row_key == "3")
    done = replay("shop", corrected={letter.id: {"id": 30, "customer_id": 1, "total": 30}})
    assert (done.resolved, done.rows_landed) == (1, 1)
    assert rows("select id from raw_shop.orders order by 1") == [(1,), (30,)]
    assert [one.row_key for one in dead_letters("shop", resource="orders")] == ["2"]
    assert replay("shop").rows_landed == 0


def test_a_correction_that_breaks_a_rule_again_is_a_new_letter(shop: Any) -> None:
    load_source("shop")
    (letter,) = (one for one in dead_letters("shop", resource="orders") if one.row_key == "3")
    replay("shop", corrected={letter.id: {"id": 3, "customer_id": 8, "total": 30}})
    found = {one.id: json.loads(one.payload)["customer_id"] for one in dead_letters("shop", resource="orders")}
    assert letter.id not in found
    assert 8 in {int(value) for value in found.values()}
    assert rows("select count(*) from raw_shop.orders") == [(1,)]


def test_letters_of_a_sender_are_read_again_after_correction(grimoire_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", "planted")
    folder = grimoire_home / "connections"
    folder.mkdir(parents=True)
    (folder / "hook.yaml").write_text(
        "type: webhook\ncredentials: {secret: env:HOOK_SECRET}\nsignature: {type: token}\nresources:\n- name: events\n"
    )
    sequence = Sequence()
    for name, body in (("d1", b'{"id": 1}'), ("d2", b'{"id": 2'), ("d3", b'[{"id": 3}, 4]')):
        assert Spool("hook", "events").put(Delivery(name, "2025-01-02T03:04:05+00:00", sequence.next(1), {}, body))
    load_source("hook")
    letters = {one.row_key: one for one in dead_letters("hook")}
    assert {key: one.payload for key, one in letters.items()} == {"d2": '{"id": 2', "d3 | 1": "4"}
    unchanged = replay("hook")
    assert (unchanged.resolved, unchanged.still_open, set(unchanged.problems)) == (0, 2, {one.id for one in letters.values()})
    done = replay("hook", corrected={letters["d2"].id: {"id": 2}, letters["d3 | 1"].id: {"id": 4}})
    assert (done.resolved, done.rows_landed) == (2, 2)
    assert rows("select id, _delivery_id, _position from raw_hook.events order by id") == [
        (1, "d1", 0), (2, "d2", 0), (3, "d3", 0), (4, "d3", 1),
    ]  # fmt: skip
    assert dead_letters("hook") == []


def test_a_corrected_row_of_a_sender_keeps_what_its_headers_said_and_needs_no_selector(
    grimoire_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "planted")
    folder = grimoire_home / "connections"
    folder.mkdir(parents=True)
    (folder / "hook.yaml").write_text(
        "type: webhook\ncredentials: {secret: env:HOOK_SECRET}\nsignature: {type: token}\nresources:\n"
        "- name: events\n  selector: items[*]\n  headers: {kind: X-Kind}\n  required: [total]\n"
    )
    sequence, moment = Sequence(), "2025-01-02T03:04:05+00:00"
    for name, body in (("d1", b'{"items": [{"id": 1, "total": 2}, {"id": 2}]}'), ("d2", b'{"items": [7]}')):
        assert Spool("hook", "events").put(Delivery(name, moment, sequence.next(3), {"x-kind": "paid"}, body))
    load_source("hook")
    letters = {one.row_key: one for one in dead_letters("hook")}
    whole = {**json.loads(letters["d1 | 1"].payload), "total": 3}
    done = replay("hook", corrected={letters["d1 | 1"].id: whole, letters["d2 | 0"].id: {"id": 7, "total": 1}})
    assert (done.resolved, done.still_open) == (1, 1)
    assert "items" in done.problems[letters["d2 | 0"].id]
    again = replay("hook", corrected={letters["d2 | 0"].id: {"items": [{"id": 7, "total": 1}]}})
    assert (again.resolved, again.still_open) == (1, 0)
    assert rows("select id, total, kind, _delivery_id, _position from raw_hook.events order by id") == [
        (1, 2, "paid", "d1", 0), (2, 3, "paid", "d1", 1), (7, 1, None, "d2", 0),
    ]  # fmt: skip


class _Api(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'[{"id": 1, "name": "a"}, 7, {"id": 2, "name": "\\ud800"}]'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: Any) -> None:
        pass


@pytest.fixture
def api(grimoire_home: Path) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Api)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    folder = grimoire_home / "connections"
    folder.mkdir(parents=True)
    (folder / "api.yaml").write_text(
        f"type: rest\naddress: http://127.0.0.1:{server.server_port}/\nresources:\n- {{name: things, key: id}}\n"
    )
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def test_records_of_an_api_that_are_no_rows_land_after_correction(api: None) -> None:
    load_source("api")
    letters = {one.payload: one for one in dead_letters("api")}
    assert set(letters) == {"7", '{"id": 2, "name": "\\ud800"}'}
    assert replay("api").resolved == 0
    done = replay("api", corrected={letters["7"].id: {"id": 7, "name": "seven"}})
    assert (done.asked, done.resolved) == (1, 1)
    assert rows("select id, name from raw_api.things order by id") == [(1, "a"), (7, "seven")]


@pytest.mark.parametrize("words", ["[1]", "{", '"x"'])
def test_a_file_of_corrections_that_is_none_is_told(tmp_path: Path, words: str) -> None:
    (tmp_path / "mended.json").write_text(words)
    with pytest.raises(DataError):
        read_corrections(tmp_path / "mended.json")
