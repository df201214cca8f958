"""Secrets are resolved at the moment of use and told nowhere: not in the lake, databases, logs, staged files, errors or pages."""

import json
import subprocess
import sys
import traceback
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, quote, quote_plus, urlsplit

import psycopg
import pytest
import requests

import lake
from connectors import manage
from connectors.credentials import keep_secret, resolve, without_secrets
from connectors.doctor import examine_connections
from connectors.kinds.rest_auth import authentication
from connectors.kinds.rest_options import BasicAuth, Limits, OAuth2ClientCredentials
from connectors.kinds.rest_session import SHOWN, PatientSession
from lake.database import DATABASES, PLATFORM
from lake.errors import ConnectionFileError, CredentialError, GrimoireError
from lake.settings import PROJECT_ROOT

RIGHT = {scheme: f"R1ght/{scheme}+planted&key=9" for scheme in ("env", "file", "vault")}
WRONG = "Wr0ng/planted+key&of=env"
TOKEN = "vault-T0ken/planted"
APP = PROJECT_ROOT / "apps" / "streamlit" / "frame.py"
pytestmark = pytest.mark.slow


class Quiet(BaseHTTPRequestHandler):
    """A server that answers with JSON and logs nothing."""

    def answer(self, status: int, body: object) -> None:
        words = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(words)))
        self.end_headers()
        self.wfile.write(words)

    def log_message(self, *words: object) -> None:
        pass


class Shop(Quiet):
    """An API that takes its key in the address, repeats it in every refusal, and can be told to misbehave."""

    mood = "well"

    def do_GET(self) -> None:
        key = parse_qs(urlsplit(self.path).query).get("key", [""])[0]
        if key not in RIGHT.values():
            self.answer(401, {"error": f"the key {key} is unknown, says {self.path}"})
        elif Shop.mood == "broken":
            self.answer(500, {"error": f"no luck with {key} at {self.path}"})
        elif Shop.mood == "cut":
            self.close_connection = True
        else:
            self.answer(200, [{"id": 1, "total": 2.5}, {"id": 2, "total": 3.5}])


class Vault(Quiet):
    """As much of Vault's API as reading from a KV version 2 engine takes."""

    def do_GET(self) -> None:
        if self.headers.get("X-Vault-Token") != TOKEN:
            self.answer(403, {"errors": ["permission denied"]})
        elif urlsplit(self.path).path == "/v1/secret/data/shop":
            metadata = {"version": 1, "created_time": "2024-01-01T00:00:00Z", "deletion_time": "", "destroyed": False}
            self.answer(200, {"data": {"data": {"key": RIGHT["vault"]}, "metadata": metadata}})
        else:
            self.answer(404, {"errors": []})


@pytest.fixture
def served() -> Iterator[dict[str, str]]:
    """Addresses of the shop and of the vault."""
    servers = {name: ThreadingHTTPServer(("127.0.0.1", 0), kind) for name, kind in (("shop", Shop), ("vault", Vault))}
    for server in servers.values():
        Thread(target=server.serve_forever, daemon=True).start()
    Shop.mood = "well"
    yield {name: f"http://127.0.0.1:{server.server_port}" for name, server in servers.items()}
    for server in servers.values():
        server.shutdown()
        server.server_close()


@pytest.fixture
def planted(grimoire_home: Path, served: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a connection per way of keeping the shop's key; the keys are in the environment, a file and the vault."""
    file = tmp_path / "key"
    file.write_text(RIGHT["file"] + "\n")
    monkeypatch.setenv("SHOP_KEY", WRONG)
    monkeypatch.setenv("VAULT_ADDR", served["vault"])
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    for scheme, place in (("env", "SHOP_KEY"), ("file", str(file)), ("vault", "secret/shop#key")):
        manage.add(
            {
                "name": f"shop_{scheme}",
                "type": "rest",
                "address": f"{served['shop']}/",
                "auth": {"type": "api_key", "name": "key", "location": "query"},
                "limits": {"attempts": 1},
                "credentials": {"api_key": f"{scheme}:{place}"},
                "retries": 0,
                "breaker": {"failures": 50},
                "resources": [{"name": "orders", "key": "id", "columns": {"id": "bigint", "total": "double"}}],
            }
        )
    lake.database_url(PLATFORM)  # this process keeps the database running, so that no command need start it
    return grimoire_home


def grimoire(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "apps.cli.main", *words], cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=300, check=False
    )


def forms() -> dict[bytes, str]:
    """Every planted secret in every form it may have."""
    found = {}
    for value in (*RIGHT.values(), WRONG, TOKEN):
        for form in (value, quote(value), quote(value, safe=""), quote_plus(value), b64encode(value.encode()).decode()):
            found[form.encode()] = value
    return found


def told_in_files(home: Path) -> list[str]:
    secrets = forms()
    found = []
    for path in (path for path in home.rglob("*") if path.is_file() and not path.is_symlink()):
        words = path.read_bytes()
        found += [f"{path}: {secrets[form]}" for form in secrets if form in words]
    return found


def told_in_databases() -> tuple[list[str], int]:
    """Where a secret stands in a row of any table of any database, and how many rows were read."""
    found, read = [], 0
    for name in DATABASES:
        with psycopg.connect(lake.libpq_dsn(lake.database_url(name))) as database:
            tables = database.execute(
                "select schemaname, tablename from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"
            ).fetchall()
            for schema, table in tables:
                for (row,) in database.execute(f'select t::text from "{schema}"."{table}" t'):
                    read += 1
                    found += [f"{name}.{table}: {form.decode()}" for form in forms() if form.decode() in row]
    return found, read


def page_words() -> str:
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(APP), default_timeout=90).run()
    app.switch_page("app_pages/connections.py").run()
    words = []
    for name in ("shop_env", "shop_file", "shop_vault"):
        app.selectbox(key="connection").set_value(name).run()
        app.button[0].click().run()
        assert not app.exception, app.exception
        words.append("\n".join(str(element.proto) for element in app.main))
        words += [str(element.value) for kind in ("markdown", "error", "success", "caption") for element in app.get(kind)]
        words += [str(element.proto) for element in app.get("html")]
    return "\n".join(words)


def test_no_secret_is_told_anywhere_whatever_goes_wrong(
    planted: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    said = []

    def fails(name: str) -> None:
        with pytest.raises(GrimoireError) as caught:
            manage.run(name)
        said.append("".join(traceback.format_exception(caught.value)))

    refused = grimoire("connect", "run", "shop_env")  # by Dagster, with a wrong key, refused in words that repeat it
    assert refused.returncode == 1
    said += [refused.stdout, refused.stderr]
    fails("shop_env")
    for name in ("shop_file", "shop_vault"):
        assert manage.run(name).tables[0].rows_landed == 2
    for mood in ("broken", "cut"):
        Shop.mood = mood
        fails("shop_file")
        said += [manage.test(name).said for name in ("shop_env", "shop_file", "shop_vault")]
    monkeypatch.setenv("VAULT_TOKEN", "hvs.no-longer-good")
    fails("shop_vault")
    said += [str(manage.show("shop_env")), str(manage.standings()), str(examine_connections())]
    pages = page_words()
    said += capfd.readouterr()

    assert "shop_env" in pages and "status 401" in "".join(said), "the failures were told, or nothing was looked at"
    assert told_in_files(planted) == []
    found, read = told_in_databases()
    assert read > 100
    assert found == []
    for words in (*said, pages):
        assert [form for form in forms() if form.decode() in words] == []
    assert (planted / "connections" / "shop_env.yaml").stat().st_mode & 0o777 == 0o600


def test_a_vault_that_refuses_or_has_no_such_secret_is_named_without_any_value(
    served: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_ADDR", served["vault"])
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    assert resolve("vault:secret/shop#key") == RIGHT["vault"]
    for reference in ("vault:secret/other#key", "vault:secret/shop#other", "vault:secret", "vault:secret/shop"):
        with pytest.raises(CredentialError, match="vault:secret"):
            resolve(reference)
    monkeypatch.setenv("VAULT_TOKEN", "another")
    with pytest.raises(CredentialError, match="cannot be read"):
        resolve("vault:secret/shop#key")


def test_references_that_lead_nowhere_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOWHERE", raising=False)
    (tmp_path / "empty").write_text("\n")
    for reference in ("env:NOWHERE", f"file:{tmp_path}/none", f"file:{tmp_path}/empty"):
        with pytest.raises(CredentialError, match=reference.partition(":")[2]):
            resolve(reference)


def test_a_resolved_secret_is_blotted_out_of_words_in_each_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_KEY", WRONG)
    resolve("env:SHOP_KEY")
    for form in (WRONG, quote(WRONG, safe=""), quote_plus(WRONG), b64encode(WRONG.encode()).decode()):
        assert without_secrets(f"GET /?key={form} failed") == "GET /?key=*** failed"


@pytest.mark.parametrize(
    "fields",
    [{"credentials": {"password": "hunter2-plain"}}, {"address": "postgresql://reader:hunter2-plain@db/shop"},
     {"credentials": {"password": {"plain": "hunter2-plain"}}}, {"hunter": "hunter2-plain"}],
    ids=["credential", "address", "mapping", "field"],
)  # fmt: skip
def test_a_plain_secret_is_refused_without_being_repeated(grimoire_home: Path, fields: dict[str, object]) -> None:
    with pytest.raises(ConnectionFileError) as caught:
        manage.add({"name": "shop", "type": "sql", **fields})
    assert "hunter2-plain" not in str(caught.value)
    assert not (grimoire_home / "connections" / "shop.yaml").exists()


def test_a_file_that_is_no_yaml_is_named_without_the_line_at_fault(grimoire_home: Path, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text('type: sql\npassword: "hunter2-plain\n')
    with pytest.raises(ConnectionFileError, match=r"shop\.yaml cannot be read: line \d+") as caught:
        manage.add_file(file)
    assert "hunter2-plain" not in str(caught.value)


def _answered(status: int, words: str) -> requests.Response:
    answer = requests.Response()
    answer.status_code, answer._content = status, words.encode()
    return answer


def test_no_part_of_a_secret_is_shown_where_an_answer_is_cut() -> None:
    secret = "a-secret-that-lies-across-the-end-of-what-is-shown"
    session = PatientSession("The API", "http://127.0.0.1/", Limits(), secrets=(secret,))
    for status in (401, 404, 500):
        said = session.judge(_answered(status, f"{'x' * (SHOWN - 20)}{secret}")).problem
        assert "xxx" in said
        assert "a-secret" not in said


def test_a_token_that_a_system_issues_is_a_secret_and_so_are_user_and_password_in_one() -> None:
    issued = json.dumps({"access_token": "issued-by-the-system-7", "token_type": "Bearer"})
    said = OAuth2ClientCredentials(type="oauth2_client_credentials", token_url="token", credentials_in="basic")
    secrets = {"client_id": "client-8", "client_secret": "hidden-9"}
    authentication(said, secrets, "http://127.0.0.1/", lambda *given, **known: _answered(200, issued)).obtain_token()
    authentication(BasicAuth(type="basic", username="ann"), {"password": "open-10"}, "http://127.0.0.1/", requests.post)
    both = [b64encode(words).decode() for words in (b"client-8:hidden-9", b"ann:open-10")]
    assert without_secrets(" ".join(["issued-by-the-system-7", *both])) == "*** *** ***"


def test_a_secret_is_blotted_out_as_json_writes_it() -> None:
    keep_secret('one"of\\those/with-signs')
    assert without_secrets(json.dumps({"given": 'one"of\\those/with-signs'})) == '{"given": "***"}'
