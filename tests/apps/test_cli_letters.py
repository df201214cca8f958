"""`grimoire connect letters`, `replay`, `write` and `listen`, run as a person runs them."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

import lake
from lake.database import PLATFORM
from lake.settings import get_settings


def grimoire(*words: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-m", "apps.cli.main", *words], capture_output=True, text=True)
    assert done.returncode == expect, done.stdout + done.stderr
    return done


@pytest.fixture
def shop(grimoire_home: Path, tmp_path: Path) -> Path:
    """A SQLite shop with a nameless customer, and a target in it that rows can be written to."""
    lake.database_url(PLATFORM)  # one server for all commands, rather than one each
    file = tmp_path / "shop.db"
    with sqlite3.connect(file) as connection:
        connection.execute("create table customers (id integer primary key, name text)")
        connection.execute("insert into customers values (1, 'Ann'), (2, null)")
    connection.close()
    folder = grimoire_home / "connections"
    folder.mkdir(parents=True)
    (folder / "shop.yaml").write_text(
        f"type: sql\naddress: sqlite:///{file}\nresources:\n- {{name: customers, key: id, required: [name]}}\n"
        "writes:\n  names: {table: customers, key: id}\n"
    )
    return file


def test_letters_are_shown_and_played_again_and_rows_written_back(shop: Path, tmp_path: Path) -> None:
    assert "no dead letters" in grimoire("connect", "letters").stderr
    grimoire("connect", "run", "shop")
    told: dict[str, Any] = json.loads(grimoire("connect", "letters", "shop", "--json").stdout)
    assert [(one["rule"], one["open"]) for one in told["counts"]] == [("name is filled", 1)]
    shown = grimoire("connect", "letters").stdout
    letter = told["letters"][0]["id"]
    assert letter in shown
    mended = tmp_path / "mended.json"
    mended.write_text(json.dumps({letter: {"id": 2, "name": "Ben"}}))
    again = json.loads(grimoire("connect", "replay", "shop", "--corrected", str(mended), "--json").stdout)
    assert (again["resolved"], again["rows_landed"]) == (1, 1)
    query = ("--sql", "select id, upper(name) as name from raw_shop.customers")
    plan = json.loads(grimoire("connect", "write", "shop", "names", *query, "--json").stdout)
    assert (plan["to_send"], plan["sample"][0]["table"]) == (2, "customers")
    assert "Nothing was sent" in grimoire("connect", "write", "shop", "names", *query).stderr
    assert "G2006" in grimoire("connect", "write", "shop", "names", *query, "--apply", "0" * 16, expect=1).stderr
    done = json.loads(grimoire("connect", "write", "shop", "names", *query, "--apply", plan["digest"], "--json").stdout)
    assert (done["done"], done["outcomes"]) == (2, [])
    with sqlite3.connect(shop) as connection:
        assert connection.execute("select name from customers order by id").fetchall() == [("ANN",), ("BEN",)]
    connection.close()
    assert grimoire("connect", "write", "shop", "names", expect=2).stdout == ""


def test_up_and_listen_serve_the_endpoint(grimoire_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from apps.cli.service import servers

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("GRIMOIRE_INBOUND_PORT", str(port))
    get_settings.cache_clear()
    assert "Webhooks" not in [server.name for server in servers(get_settings()).servers]
    (grimoire_home / "connections").mkdir(parents=True)
    (grimoire_home / "connections/hook.yaml").write_text(
        "type: webhook\ncredentials: {secret: env:HOOK}\nsignature: {type: token}\nresources:\n- name: events\n"
    )
    (server,) = (one for one in servers(get_settings()).servers if one.name == "Webhooks")
    assert server.health == f"http://127.0.0.1:{port}/health"
    process = subprocess.Popen([sys.executable, "-m", "apps.cli.main", "connect", "listen"], stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                assert requests.get(server.health, timeout=2).json()["status"] == "ok"
                break
            except requests.ConnectionError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.2)
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.communicate(timeout=30)


def test_rows_in_quarantine_are_listed_shown_waived_and_corrected(shop: Path) -> None:
    assert "No row is in quarantine" in grimoire("quarantine", "list").stderr
    with sqlite3.connect(shop) as connection:
        connection.execute("insert into customers values (3, null)")
    connection.close()
    grimoire("connect", "run", "shop")
    found = {one["row_key"]: one["id"] for one in json.loads(grimoire("quarantine", "list", "--json").stdout)["rows"]}
    assert set(found) == {"2", "3"}
    assert "name is filled" in grimoire("quarantine", "show", found["2"]).stdout
    assert "needs a reason" in grimoire("quarantine", "waive", found["2"], "--drop", "--yes", expect=1).stderr
    grimoire("quarantine", "waive", found["2"], "--drop", "--accept", expect=2)
    said = grimoire("quarantine", "waive", found["2"], "--accept", "--note", "has no name", "--by", "ann", "--yes").stderr
    assert "accepted as they are, by ann" in said
    done = json.loads(grimoire("quarantine", "correct", found["3"], "--set", "name=Cem", "--json").stdout)
    assert (done["resolved"], done["rows_landed"]) == (1, 2)
    told = json.loads(grimoire("quarantine", "list", "shop", "--resolved", "--json").stdout)["rows"]
    assert {(one["row_key"], one["resolution"]) for one in told} == {("2", "accepted"), ("3", "corrected")}
    assert "accepted by ann: has no name" in grimoire("quarantine", "list", "--resolved").stdout.replace("\n", " ")
