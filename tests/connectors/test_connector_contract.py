"""Every own kind keeps the contract of `connectors.testing`, a foreign one does once it is installed, and a bad one is caught."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

import lake
from connectors.inbound_spool import Delivery, Sequence, Spool
from connectors.testing import (
    ConnectorContract,
    ContractBroken,
    Subject,
    check_columns,
    check_connector,
    check_deletions,
    check_health,
    check_resources,
    check_secrets,
    fresh_home,
)
from lake.database import DEMO_ERP
from lake.settings import get_settings

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "docs/examples/connector_template"
SECRET = "a-planted-contract-secret"


class Table:
    """A table of a SQLite file, as its program would change it."""

    def __init__(self, file: Path) -> None:
        self.file, self.last = file, 0
        self.do("create table things (id integer primary key, name text, changed_at text)")
        self.insert()

    def do(self, statement: str, *values: Any) -> None:
        with sqlite3.connect(self.file) as connection:
            connection.execute(statement, values)
        connection.close()

    def insert(self) -> None:
        self.last += 1
        self.do("insert into things values (?, 'new', ?)", self.last, datetime.now(UTC).isoformat())

    def update(self) -> None:
        self.do("update things set name = name || '!', changed_at = ? where id = 1", datetime.now(UTC).isoformat())

    def delete(self) -> None:
        self.do("delete from things where id = ?", self.last)

    def words(self, name: str = "shop", kind: str = "sql") -> dict[str, Any]:
        things = {"name": "things", "key": "id", "cursor": "changed_at", "deletions": {"by": "keys"}}
        return {"name": name, "type": kind, "address": f"sqlite:///{self.file}", "resources": [things]}


class TestSql(ConnectorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
        folder = tmp_path_factory.mktemp("sql")
        table = Table(folder / "shop.db")
        with fresh_home(folder / "home"):
            yield Subject(
                table.words(), "things", table.insert, table.update, table.delete, broken={"address": "sqlite:////no/file"}
            )


class Api(ThreadingHTTPServer):
    """Things behind HTTP, with a token, pages, and a filter by time of change."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.things: dict[int, dict[str, Any]] = {}
        self.insert()

    def insert(self) -> None:
        number = len(self.things) + 1
        self.things[number] = {"id": number, "name": "new", "price": 1.25, "changed_at": datetime.now(UTC).isoformat()}

    def update(self) -> None:
        self.things[1] = {**self.things[1], "price": self.things[1]["price"] + 1, "changed_at": datetime.now(UTC).isoformat()}


class _Handler(BaseHTTPRequestHandler):
    server: Api

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        given = parse_qs(address.query)
        since, at = given.get("since", [""])[0], int(given.get("page", ["1"])[0])
        found = [thing for thing in self.server.things.values() if thing["changed_at"] >= since.replace("Z", "+00:00")]
        is_let_in = self.headers.get("Authorization") == f"Bearer {SECRET}"
        status = 401 if not is_let_in else 200 if address.path == "/things" else 404
        raw = json.dumps({"data": found[(at - 1) * 2 : at * 2]} if status == 200 else {"error": "no"}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *words: Any) -> None:
        pass


class TestRest(ConnectorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
        folder = tmp_path_factory.mktemp("rest")
        api = Api()
        thread = threading.Thread(target=api.serve_forever)
        thread.start()
        words = {
            "name": "api", "type": "rest", "address": f"http://127.0.0.1:{api.server_port}/", "auth": "bearer",
            "credentials": {"token": "env:CONTRACT_TOKEN"}, "selector": "data", "limits": {"attempts": 1},
            "pagination": {"type": "page", "size": 2},
            "resources": [{"name": "things", "key": "id", "cursor": "changed_at", "incremental": "since"}],
        }  # fmt: skip
        with pytest.MonkeyPatch.context() as environment, fresh_home(folder / "home"):
            environment.setenv("CONTRACT_TOKEN", SECRET)
            yield Subject(words, "things", api.insert, api.update, broken={"address": "http://127.0.0.1:9/"}, secrets=(SECRET,))
        api.shutdown()
        thread.join()
        api.server_close()


class Lists:
    """CSV files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.last, self.text = folder, 0, "new"
        folder.mkdir()
        self.insert()

    def write(self) -> None:
        lines = [f"{number};{self.text if number == 1 else 'new'};2025-01-0{number}" for number in range(1, self.last + 1)]
        (self.folder / "things.csv").write_text("\n".join(["id;name;made_on", *lines]) + "\n")

    def insert(self) -> None:
        self.last += 1
        self.write()

    def update(self) -> None:
        self.text += "!"
        self.write()

    def delete(self) -> None:
        self.last -= 1
        self.write()


class TestFiles(ConnectorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
        folder = tmp_path_factory.mktemp("files")
        lists = Lists(folder / "lists")
        things = {"name": "things", "files": "things*.csv", "key": "id", "deletions": {"by": "keys"}}
        words = {"name": "lists", "type": "files", "address": str(lists.folder), "resources": [things]}
        with fresh_home(folder / "home"):
            yield Subject(words, "things", lists.insert, lists.update, lists.delete, broken={"address": str(folder / "none")})


class TestWebhook(ConnectorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
        folder = tmp_path_factory.mktemp("hook")
        sequence, numbers = Sequence(), iter(range(1, 1_000))

        def deliver(sku: int, left: int) -> None:
            body = json.dumps({"sku": sku, "left": left}).encode()
            Spool("hook", "stock").put(Delivery(f"{sku}-{left}", datetime.now(UTC).isoformat(), sequence.next(1), {}, body))

        words = {
            "name": "hook", "type": "webhook", "credentials": {"secret": "env:CONTRACT_TOKEN"}, "signature": {"type": "token"},
            "resources": [{"name": "stock", "key": "sku"}],
        }  # fmt: skip
        with pytest.MonkeyPatch.context() as environment, fresh_home(folder / "home"), socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            environment.setenv("GRIMOIRE_INBOUND_PORT", str(free.getsockname()[1]))
            environment.setenv("CONTRACT_TOKEN", SECRET)
            free.close()
            get_settings.cache_clear()
            server = subprocess.Popen([sys.executable, "-m", "connectors.inbound_server"], stderr=subprocess.DEVNULL)
            deliver(0, 0)
            _wait_for(get_settings().inbound_port)
            yield Subject(
                words,
                "stock",
                lambda: deliver(next(numbers), 1),
                lambda: deliver(0, next(numbers)),
                secrets=(SECRET,),
                away=_unset,
                is_inbound=True,
            )
            server.kill()
            server.wait()


@contextmanager
def _unset() -> Iterator[None]:
    """The secret is gone: nothing can be signed any more. What was delivered before can still be read, so loads go on."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("CONTRACT_TOKEN")
        yield


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline
        time.sleep(0.1)


BAD_KINDS = """
from contextlib import contextmanager
from connectors.connector import Health
from connectors.credentials import resolve
from connectors.kinds.sql import SqlConnector

class Liar(SqlConnector):
    def check(self):
        return Health(True, "All is well.")

class Raiser(SqlConnector):
    def engine(self):
        raise RuntimeError("the library's own words")

class Teller(SqlConnector):
    def check(self):
        health = super().check()
        return Health(health.is_well, f"{health.said} I came with {resolve(self.connection.credentials['password'])}.")

class Changed:
    def __init__(self, opened):
        self.opened = opened
    def __getattr__(self, name):
        return getattr(self.opened, name)

def changing(change):
    class Changing(SqlConnector):
        @contextmanager
        def opened(self):
            with super().opened() as opened:
                yield type("Opened", (Changed,), change)(opened)
    return Changing

Untyped = changing({"columns": lambda self: {"things": {"id": "integerish", "name": "text", "changed_at": "text"}}})
Silent = changing({"columns": lambda self: {}})
Unkeyed = changing({"resource": lambda self, resource: self.opened.resource(resource).apply_hints(primary_key="name")})
Renamed = changing({"resource": lambda self, resource: self.opened.resource(resource).with_name("other")})
Keyless = changing({"keys": lambda self, resource: self.opened.keys(resource).add_filter(lambda row: False)})
"""


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    """A good table, and an installed package of connectors that are not."""
    site = tmp_path / "site"
    (site / "bad_kinds-1.dist-info").mkdir(parents=True)
    (site / "bad_kinds.py").write_text(BAD_KINDS)
    names = ("Liar", "Raiser", "Teller", "Untyped", "Silent", "Unkeyed", "Renamed", "Keyless")
    points = "\n".join(f"{name.lower()} = bad_kinds:{name}" for name in names)
    (site / "bad_kinds-1.dist-info/entry_points.txt").write_text(f"[grimoire.connectors]\n{points}\n")
    (site / "bad_kinds-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: bad-kinds\nVersion: 1\n")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("CONTRACT_TOKEN", SECRET)
    with fresh_home(tmp_path / "home"):
        yield Table(tmp_path / "shop.db")
    sys.modules.pop("bad_kinds", None)


def test_a_connector_that_breaks_the_contract_is_caught_and_told(table: Table) -> None:
    for kind, check, said in (
        ("liar", check_health, "the system is away, but check"),
        ("raiser", check_health, "the system is there, but check|words"),
        ("teller", check_secrets, "a credential shows up in what the connector says"),
        ("untyped", check_columns, "'integerish', which DuckDB does not know"),
        ("silent", check_columns, "columns.. says nothing of things"),
        ("unkeyed", check_resources, "must carry its key"),
        ("renamed", check_resources, "is called other"),
        ("keyless", check_deletions, "one row was deleted, "),
    ):
        words = {**table.words(f"by_{kind}", kind), "credentials": {"password": "env:CONTRACT_TOKEN"}}
        subject = Subject(
            words, "things", table.insert, table.update, table.delete, broken={"address": "sqlite:////no/file"}, secrets=(SECRET,)
        )
        with pytest.raises((ContractBroken, RuntimeError), match=said):
            check(subject)


def test_a_third_partys_package_is_installed_found_and_passes(tmp_path: Path) -> None:
    """Built and installed as pip would, into a folder of its own, and tested from there by a Python that knows no more."""
    package, site = tmp_path / "package", tmp_path / "site"
    shutil.copytree(TEMPLATE, package, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    install = [ROOT / ".venv/bin/uv", "pip", "install", "--offline", "--no-deps", "--no-build-isolation", "--target", site, package]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRIMOIRE_")}
    built = subprocess.run(list(map(str, install)), capture_output=True, text=True, env={**environment, "VIRTUAL_ENV": sys.prefix})
    assert built.returncode == 0, built.stderr
    assert (site / "grimoire_notes.py").is_file()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", str(package / "tests")],
        cwd=package,
        env={**environment, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert "18 passed" in done.stdout


class Tickets:
    """The demo company's CRM, as its own users would change it."""

    def __init__(self) -> None:
        self.last = 0

    def do(self, statement: str) -> None:
        with psycopg.connect(lake.libpq_dsn(lake.database_url(DEMO_ERP)), autocommit=True) as connection:
            connection.execute(statement)

    def insert(self) -> None:
        self.last += 1
        new = f"NEW{self.last}"
        self.do(
            f"""insert into crm.tickets select (json_populate_record(t, '{{"id": "{new}"}}')).* from crm.tickets t limit 1;
                update crm.tickets set updated_at = now() where id = '{new}'"""
        )

    def update(self) -> None:
        self.do("update crm.tickets set subject = subject || '!', updated_at = now() where id = 'NEW1'")

    @contextmanager
    def away(self) -> Iterator[None]:
        self.do("alter table demo.company rename to gone")
        yield
        self.do("alter table demo.gone rename to company")


def test_one_call_runs_every_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from connectors.demo import bring_up

    with fresh_home(tmp_path / "home"):
        monkeypatch.setenv("GRIMOIRE_DEMO_SCALE", "0.01")
        get_settings.cache_clear()
        bring_up()
        tickets = Tickets()
        check_connector(Subject("crm", "tickets", tickets.insert, tickets.update, away=tickets.away, can_inspect=False))
        assert tickets.last == 5
