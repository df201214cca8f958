"""A genuine Tryton for the tests: its own environment, a company to work in, a server to speak to, cases driven by its people.

What belongs here: making and starting all that, and loading it. What does not: what is tested.

Tryton is under the GPL-3, so it runs in processes of its own, from an environment of its own, and no code of the platform imports
it. That environment and the two fresh companies (SQLite and PostgreSQL) are made once per machine and kept in the user's cache
folder.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from filelock import FileLock

import lake
from connectors.connection import connection_of
from connectors.connections import connections_folder, get_connection
from connectors.connector import connector_of
from connectors.dbt_files import write_dbt_files
from connectors.load import load_source
from lake.dbt_environment import run_dbt
from lake.postgres import SUPERUSER, binary, embedded
from lake.settings import get_settings
from mining.event_log import EventLog

HERE = Path(__file__).parent
MODULES = ("account_invoice_stock", "sale_opportunity", "purchase_requisition")
START = "2024-03-04"  # a Monday
ADMIN_PASSWORD, READER_PASSWORD = "tryton-Demo-1", "tryton-Reader-1"
CASES = {"lead": 10, "direct_sale": 5, "procurement": 10}
PATIENCE_SECONDS, INSTALL_SECONDS, DRIVE_SECONDS = 60.0, 300, 900
CONFIG = """[web]
listen = localhost:{port}
[database]
uri = {uri}
path = {folder}
timeout = 2000000000
[cache]
clean_timeout = 2000000000
"""  # with ordinary timeouts a leap of the clock ends a transaction half-way


@dataclass(frozen=True)
class Place:
    """A database of Tryton's and how its programs reach it."""

    name: str
    uri: str  # for proteus
    address: str  # for the platform
    config: Path


@dataclass(frozen=True)
class Company:
    """A company set up in a place."""

    place: Place
    ids: dict[str, Any]


class Tryton:
    """The environment Tryton runs in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str, given: str = "", **environment: str) -> str:
        """Runs Python in it."""
        done = subprocess.run(
            [str(self.program("python")), "-O", *words],
            input=given, env={**plain_environment(), **environment}, capture_output=True, text=True, check=False,
            timeout=DRIVE_SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def program(self, name: str) -> Path:
        """One of its programs."""
        return self.folder / "venv" / "bin" / name

    def found_company(self, place: Place) -> dict[str, Any]:
        """Makes Tryton's tables in an empty database and sets a company up; returns the ids the cases ask for."""
        password = place.config.with_name("password")
        password.write_text(ADMIN_PASSWORD, encoding="utf-8")
        words = ["-d", place.name, "-u", *MODULES, "--activate-dependencies", "--email", "admin@example.com", "-p"]
        self.run(str(self.program("trytond-admin")), "-c", str(place.config), *words, TRYTONPASSFILE=str(password))
        ids: dict[str, Any] = self.drive("set-up", place, reader_password=READER_PASSWORD, readable=read_models())
        return ids

    def drive(self, command: str, place: Place, **given: Any) -> Any:
        """Has something done in a database, at moments long past."""
        words = {"uri": place.uri, "config": str(place.config), "start": START, **given}
        return json.loads(self.run(str(HERE / "driver" / "drive.py"), command, given=json.dumps(words)))


class Server:
    """A trytond over one database, always at the same address."""

    def __init__(self, tryton: Tryton, place: Place) -> None:
        (host,) = re.findall(r"listen = (\S+)", place.config.read_text(encoding="utf-8"))
        self.tryton, self.place, self.url = tryton, place, f"http://{host}/{place.name}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until it answers."""
        words = [str(self.tryton.program("python")), "-O", str(self.tryton.program("trytond"))]
        with self.place.config.with_suffix(".log").open("ab") as log:
            self.process = subprocess.Popen(
                [*words, "-c", str(self.place.config), "-d", self.place.name], env=plain_environment(), stdout=log, stderr=log
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            assert self.process.poll() is None, self.place.config.with_suffix(".log").read_text()[-3000:]
            assert time.monotonic() < deadline, "trytond does not answer"
            time.sleep(0.2)

    def kill(self) -> None:
        """Ends it without a chance to tidy up."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def call(self, method: str, *arguments: Any) -> Any:
        """What a method answers to the administrator; the last argument is the context."""
        number, session, *_ = self._post("common.db.login", "admin", {"password": ADMIN_PASSWORD}, "en")
        token = base64.b64encode(f"admin:{number}:{session}".encode()).decode()
        return self._post(method, *arguments, headers={"Authorization": f"Session {token}"})

    def _post(self, method: str, *arguments: Any, headers: dict[str, str] | None = None) -> Any:
        words = {"id": 1, "method": method, "params": list(arguments)}
        said = requests.post(f"{self.url}/rpc/", json=words, headers={"Accept-Encoding": "gzip", **(headers or {})}, timeout=60)
        answer = said.json()
        assert not (isinstance(answer, dict) and "error" in answer), answer
        return answer["result"] if isinstance(answer, dict) else answer

    def _answers(self) -> bool:
        try:
            return requests.post(f"{self.url.rsplit('/', 1)[0]}/rpc/", timeout=2).status_code > 0
        except requests.RequestException:
            return False


def plain_environment() -> dict[str, str]:
    """The environment without what belongs to the platform; Tryton's times are in UTC."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GRIMOIRE_", "PYTHON", "TRYTON", "VIRTUAL_"))}
    return {**kept, "TZ": "UTC"}


def read_models() -> list[str]:
    """The models a reader needs the right to read."""
    connector = connector_of(connection_of({"name": "any", "type": "tryton", "address": "http://localhost/any"}, origin="any.yaml"))
    found = [options.model or name.replace("_", ".") for name, options in connector.resource_options.items()]
    return sorted(set(found))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


def digest(*paths: Path) -> str:
    words = [path.read_bytes() for path in paths] + [sys.version.encode()]
    return hashlib.sha256(b"\0".join(words)).hexdigest()[:12]


@pytest.fixture(scope="session")
def tryton() -> Tryton:
    """The environment, made once per machine; without a package index there is none."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "grimoire"
    requirements = HERE / "requirements.txt"
    folder = cache / f"tryton-{digest(requirements)}"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "venv.lock"):
        if not (folder / "ready").exists():
            install(folder / "venv", requirements)
            (folder / "ready").touch()
    return Tryton(folder)


def install(venv: Path, requirements: Path) -> None:
    shutil.rmtree(venv, ignore_errors=True)
    uv = [sys.executable, "-m", "uv", "--quiet"]
    for words in (
        ["venv", "--python", sys.executable, str(venv)],
        ["pip", "install", "--python", str(venv), "-r", str(requirements)],
    ):
        try:
            done = subprocess.run([*uv, *words], capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)
            said = done.stderr.strip() if done.returncode else ""
        except subprocess.TimeoutExpired:
            said = f"uv {words[0]} took longer than {INSTALL_SECONDS} s"
        if said:
            pytest.skip(f"Tryton cannot be installed here: {said[-300:]}")


def make_place(kind: str, folder: Path) -> Place:
    """The place of a database: `sqlite` is a file, `postgresql` a database on the platform's embedded server."""
    folder.mkdir(parents=True)
    config, file = folder / "trytond.conf", folder / "tryton.sqlite"
    if kind == "sqlite":
        file.touch()
        server, place = "sqlite://", Place("tryton", "sqlite:///tryton", f"sqlite:///{file}", config)
    else:
        server = f"postgresql://{SUPERUSER}@/?host={embedded(get_settings()).ensure_running()}"
        address = server.replace("/?", "/tryton?")
        place = Place("tryton", address, address, config)
    config.write_text(CONFIG.format(port=free_port(), uri=server, folder=folder), encoding="utf-8")
    return place


def company_of(tryton: Tryton, kind: str, folder: Path) -> Company:
    """A company in a fresh database; the first time on a machine it takes a minute, afterwards it is copied."""
    place, driver = make_place(kind, folder), HERE / "driver"
    kept = tryton.folder / f"{kind}-{digest(driver / 'company.py', driver / 'drive.py', driver / 'clock.py')}"
    known = kept.with_suffix(".json")
    with FileLock(f"{kept}.lock"):
        if known.exists():
            restore(kind, place, kept)
        else:
            if kind == "postgresql":
                client("createdb", place, place.name)
            ids = tryton.found_company(place)
            keep(kind, place, kept)
            known.write_text(json.dumps(ids), encoding="utf-8")
    return Company(place, json.loads(known.read_text(encoding="utf-8")))


@pytest.fixture
def place_of(tmp_path: Path, grimoire_home: Path) -> Callable[[str], Place]:
    """Makes the place of a database of a kind."""
    return lambda kind: make_place(kind, tmp_path / kind)


@pytest.fixture(scope="module")
def make_company(tryton: Tryton) -> Callable[[str, Path], Company]:
    """Sets a company up in a folder; for databases that outlive a test."""
    return lambda kind, folder: company_of(tryton, kind, folder)


@pytest.fixture
def reader_secret() -> dict[str, str]:
    """The secret of the user who may read what the platform reads, and nothing else."""
    return {"password": READER_PASSWORD}


@pytest.fixture
def company_in(tryton: Tryton, tmp_path: Path, grimoire_home: Path) -> Callable[[str], Company]:
    """Sets a company up in a database of a kind."""
    return lambda kind: company_of(tryton, kind, tmp_path / kind)


def keep(kind: str, place: Place, kept: Path) -> None:
    if kind == "sqlite":
        shutil.copy(place.address.removeprefix("sqlite:///"), kept)
    else:
        client("pg_dump", place, "-Fc", "-f", str(kept), place.name)


def restore(kind: str, place: Place, kept: Path) -> None:
    if kind == "sqlite":
        shutil.copy(kept, place.address.removeprefix("sqlite:///"))
    else:
        client("createdb", place, place.name)
        client("pg_restore", place, "-d", place.name, str(kept))


def client(program: str, place: Place, *words: str) -> None:
    host = place.address.rpartition("host=")[2]
    done = subprocess.run([str(binary(program)), "-h", host, "-U", SUPERUSER, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def serve(tryton: Tryton) -> Iterator[Callable[[Place], Server]]:
    """Starts servers; they end with the module."""
    with ExitStack() as ending:

        def start(place: Place) -> Server:
            server = Server(tryton, place)
            ending.callback(server.kill)
            server.start()
            return server

        yield start


@pytest.fixture
def connect(grimoire_home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Writes the file of a connection of type tryton, its secrets in the environment; returns its name."""

    def write(name: str, address: str, *, secrets: dict[str, str] | None = None, **words: Any) -> str:
        references = {}
        for secret, value in (secrets or {}).items():
            variable = f"SECRET_{name}_{secret}".upper()
            monkeypatch.setenv(variable, value)
            references[secret] = f"env:{variable}"
        folder = connections_folder()
        folder.mkdir(parents=True, exist_ok=True)
        whole = {"type": "tryton", "address": address, "credentials": references, **words}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(whole), encoding="utf-8")
        get_connection(name)
        return name

    return write


@pytest.fixture
def build_event_logs() -> Callable[[str], None]:
    """Has dbt build the event logs of a connection."""

    def build(name: str) -> None:
        write_dbt_files([get_connection(name)], ())
        folders = [f"path:generated/{layer}/{name}" for layer in ("staging", "intermediate")]
        outcome = run_dbt("run", "--select", *folders, f"path:generated/event_logs/{name}_*")
        assert outcome.returncode == 0, outcome.stdout[-3000:]

    return build


MODELS = {
    "Opportunity": ("opportunity", "sale.opportunity"),
    "Sale": ("sale", "sale.sale"),
    "Sale return": ("sale_return", "sale.sale"),
    "Shipment": ("shipment", "stock.shipment.out"),
    "Customer return": ("customer_return", "stock.shipment.out.return"),
    "Requisition": ("requisition", "purchase.requisition"),
    "Purchase": ("purchase", "purchase.purchase"),
    "Receipt": ("receipt", "stock.shipment.in"),
    "Invoice": ("invoice", "account.invoice"),
}  # what activities begin with, to the type of object and the model of the document they happen to
STATES = {"opportunity": "opened"}  # where an activity is not called after the state
PASSED_THROUGH = {"confirmed", "approved"}  # states a document leaves in the very step in which it reaches them
BEGINNINGS = {"draft", "lead"}  # states a document is made in
LOGS = ("lead_to_cash", "order_to_cash", "procure_to_pay")  # in the order of CASES
Story = dict[tuple[str, datetime], tuple[list[str], str]]  # document and moment to what happened and who did it


@pytest.fixture
def mined_as_driven(
    tryton: Tryton, company_in: Callable[[str], Company], connect: Callable[..., str], build_event_logs: Callable[[str], None]
) -> Callable[[str], None]:
    """Drives 25 cases in a database of a kind, mines them and compares every event with what the driver saw happen."""

    def compare(kind: str) -> None:
        company = company_in(kind)
        record = tryton.drive("cases", company.place, ids=company.ids, cases=CASES, days=30, seed=5)
        name = connect("driven", company.place.address)
        load_source(name)
        build_event_logs(name)
        with lake.connect(read_only=True) as connection:
            mined = [story for log in LOGS for story in mined_story(connection, f"event_logs.{name}_{log}").items()]
        assert len(mined) == len(dict(mined))  # no document is in two logs
        assert dict(mined) == driven_story(record)
        assert {log: cases_of(f"{name}_{log}") for log in LOGS} == dict(zip(LOGS, CASES.values(), strict=True))

    return compare


def cases_of(process: str) -> int:
    with EventLog.from_lake(process) as log:
        return int(log.summary()["cases"])


def driven_story(record: list[dict[str, Any]]) -> Story:
    """What the driver saw: each document's change in each step, and by whom; the creation of a customer return is no event."""
    return {
        (each["document"], datetime.fromisoformat(each["at"])): (told(each["state"], each["is_new"]), each["person"])
        for each in record
        if not (each["is_new"] and each["document"].startswith("stock.shipment.out.return,"))
    }


def told(state: str, is_new: bool) -> list[str]:
    return ["created"] if is_new and state in BEGINNINGS else [*(["created"] if is_new else []), STATES.get(state, state)]


def mined_story(connection: Any, log: str) -> Story:
    """What an event log tells, in the driver's words; states a document only passes through are left out."""
    rows = connection.execute(
        f"select activity, occurred_at, resource, objects from {log}__events join (select event_id, list(object_id) as objects"
        f" from {log}__event_objects group by event_id) using (event_id) order by source_row"
    ).fetchall()
    story: Story = {}
    for activity, moment, person, objects in rows:
        kind, _, what = activity.rpartition(" ")
        (number,) = [name.partition(":")[2] for name in objects if name.partition(":")[0] == MODELS[kind][0]]
        before, someone = story.get((f"{MODELS[kind][1]},{number}", moment), ([], person))
        assert someone == person
        story[f"{MODELS[kind][1]},{number}", moment] = ([one for one in before if one not in PASSED_THROUGH] + [what], person)
    return story
