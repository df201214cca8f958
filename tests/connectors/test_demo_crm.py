"""The CRM over real HTTP: tokens, pages, refusals, and servers that neither leak nor trust strangers."""

import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.demo import CrmAddress, bring_up, running_crm, state
from lake.settings import PROJECT_ROOT, get_settings

COLUMNS = {
    "accounts": "id name industry country website owner erp_party_code created_at updated_at",
    "contacts": "id account_id first_name last_name email phone title created_at updated_at",
    "opportunities": "id account_id contact_id name owner team source stage amount currency probability expected_close closed_at"
    " lost_reason created_at updated_at",
    "stage_history": "id opportunity_id from_stage to_stage changed_by changed_at updated_at",
    "activities": "id opportunity_id kind subject performed_by performed_at updated_at",
    "tickets": "id account_id opportunity_id subject priority status opened_at first_response_at solved_at assignee satisfaction"
    " updated_at",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def crm_home(module_home: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("GRIMOIRE_CRM_PORT", str(free_port()))
        get_settings.cache_clear()
        bring_up()
        yield module_home
    get_settings.cache_clear()


@pytest.fixture(scope="module")
def crm(crm_home: Path) -> Iterator[CrmAddress]:
    with running_crm() as address:
        yield address


class Client:
    """A client that waits when it is told to."""

    def __init__(self, address: CrmAddress) -> None:
        self.base, self.refusals = address.base_url, 0
        self.headers = {"Authorization": f"Bearer {token_of(address).json()['access_token']}"}

    def ask(self, path: str, **parameters: Any) -> requests.Response:
        while True:
            answer = requests.get(f"{self.base}/api/v1/{path}", params=parameters, headers=self.headers, timeout=10)
            if answer.status_code != 429:
                return answer
            self.refusals += 1
            time.sleep(int(answer.headers["Retry-After"]))

    def everything(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        while True:
            page = self.ask(path, **parameters).json()
            rows += page["data"]
            if page["next_cursor"] is None:
                return rows
            parameters["cursor"] = page["next_cursor"]


def token_of(address: CrmAddress, **changes: str) -> requests.Response:
    form = {"grant_type": "client_credentials", "client_id": address.client_id, "client_secret": address.client_secret}
    return requests.post(f"{address.base_url}/oauth/token", data={**form, **changes}, timeout=10)


@pytest.fixture(scope="module")
def client(crm: CrmAddress) -> Client:
    return Client(crm)


@pytest.mark.parametrize("resource", COLUMNS)
def test_all_pages_together_hold_every_row_once_in_order_of_change(client: Client, resource: str) -> None:
    rows = client.everything(resource, limit=97)
    assert len(rows) == len({row["id"] for row in rows}) == state().rows[f"crm.{resource}"]
    assert all((first["updated_at"], first["id"]) < (second["updated_at"], second["id"]) for first, second in pairwise(rows))
    assert set(rows[0]) == set(COLUMNS[resource].split())
    assert all(row["updated_at"].endswith("Z") for row in rows)


def test_updated_since_gives_what_changed_then_or_later(client: Client) -> None:
    rows = client.everything("opportunities", limit=1000)
    since = rows[len(rows) // 2]["updated_at"]
    assert client.everything("opportunities", limit=40, updated_since=since) == [row for row in rows if row["updated_at"] >= since]
    assert client.everything("opportunities", updated_since="2031-01-01T00:00:00Z") == []


def test_an_opportunitys_stage_is_where_its_history_ends(client: Client) -> None:
    last = {row["opportunity_id"]: row["to_stage"] for row in client.everything("stage_history", limit=1000)}
    assert all(last[row["id"]] == row["stage"] for row in client.everything("opportunities", limit=1000))


@pytest.mark.parametrize(
    "parameters",
    [
        {"limit": 0},
        {"limit": 1001},
        {"limit": "many"},
        {"updated_since": "yesterday"},
        {"cursor": "nonsense"},
        {"cursor": "WyJ4IiwgInkiXQ=="},
        {"cursor": "W10="},
    ],
)
def test_bad_parameters_are_refused(client: Client, parameters: dict[str, Any]) -> None:
    assert client.ask("accounts", **parameters).status_code == 422


def test_an_unknown_resource_is_not_found(client: Client) -> None:
    assert client.ask("employees").status_code == 404


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer x.y.z", "Bearer 99999999999.00.00", "Basic YTpi"])
def test_nothing_is_shown_without_a_token_of_ours(crm: CrmAddress, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    answer = requests.get(f"{crm.base_url}/api/v1/accounts", headers=headers, timeout=10)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "data" not in answer.json()


def test_a_wrong_secret_gets_no_token(crm: CrmAddress) -> None:
    assert token_of(crm, client_secret="wrong").status_code == 401
    assert token_of(crm, client_id="someone").status_code == 401
    assert token_of(crm, grant_type="password").status_code == 400
    assert requests.post(f"{crm.base_url}/oauth/token", timeout=10).status_code == 422


def test_client_and_secret_may_come_as_basic_authorization(crm: CrmAddress) -> None:
    def ask(secret: str) -> int:
        return requests.post(
            f"{crm.base_url}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(crm.client_id, secret),
            timeout=10,
        ).status_code

    assert (ask(crm.client_secret), ask("wrong")) == (200, 401)


def test_now_and_then_the_client_must_wait(crm: CrmAddress) -> None:
    client = Client(crm)
    for _ in range(400):
        assert client.ask("accounts", limit=1).status_code == 200
        if client.refusals:
            return
    pytest.fail("no request of 400 was refused")


def test_a_token_expires(crm_home: Path) -> None:
    with running_crm(token_seconds=1) as address:
        client = Client(address)
        assert client.ask("accounts", limit=1).status_code == 200
        time.sleep(2.1)  # it lives one to two seconds
        assert client.ask("accounts", limit=1).status_code == 401


def test_a_running_server_is_used_again(crm: CrmAddress) -> None:
    with running_crm() as again:
        assert again == crm
    assert requests.get(f"{crm.base_url}/health", timeout=10).json()["status"] == "ok"


def test_a_stranger_on_the_port_is_neither_used_nor_told_the_secret(crm_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []

    class Stranger(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(f"{self.requestline} {self.headers}")
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"status": "ok", "service": "grimoire-demo-crm", "proof": "0" * 64}).encode())

        def log_message(self, *words: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as stranger:
        threading.Thread(target=stranger.serve_forever, daemon=True).start()
        monkeypatch.setenv("GRIMOIRE_CRM_PORT", str(stranger.server_port))
        get_settings.cache_clear()
        with running_crm() as address:
            assert not address.base_url.endswith(f":{stranger.server_port}")
            assert Client(address).ask("accounts").status_code == 200
            assert heard
            assert not any(address.client_secret in words for words in heard)
        stranger.shutdown()
    monkeypatch.undo()
    get_settings.cache_clear()


def test_the_server_ends_with_a_parent_that_is_killed(crm_home: Path) -> None:
    code = (
        "from connectors.demo import running_crm; import time\n"
        "with running_crm(token_seconds=60) as crm: print(crm.base_url, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, env=dict(os.environ))
    with parent:
        port = int(parent.stdout.readline().decode().strip().rpartition(":")[2])
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.1)
    pytest.fail("the server outlived its parent")


def test_the_secret_is_readable_by_its_owner_alone(crm_home: Path, crm: CrmAddress) -> None:
    path = crm_home / "demo" / "crm_client.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert crm.client_secret in path.read_text()
    assert crm.client_secret not in repr(crm)


def test_the_server_listens_on_loopback_only(crm: CrmAddress) -> None:
    port = int(crm.base_url.rpartition(":")[2])
    with pytest.raises(OSError), socket.create_connection(("127.0.0.2", port), timeout=2):
        pass
