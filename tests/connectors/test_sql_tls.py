"""A real MariaDB behind TLS: whom a connection trusts, and whom it refuses before a password is sent."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from connectors.load import load_source
from connectors.manage import test as try_connection
from lake.errors import SourceUnavailableError
from tests.connectors.mariadb import SERVER, MariaDb, running_mariadb

pytestmark = pytest.mark.skipif(SERVER is None, reason="no MariaDB server is installed (Debian: apt install mariadb-server)")


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "pass")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate for localhost, its authority, and another authority that signed nothing."""
    folder = tmp_path_factory.mktemp("certificates")
    ours = trustme.CA()
    issued = ours.issue_cert("localhost")
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    issued.cert_chain_pems[0].write_to_path(str(folder / "certificate.pem"))
    ours.cert_pem.write_to_path(str(folder / "ca.pem"))
    trustme.CA().cert_pem.write_to_path(str(folder / "stranger.pem"))
    for path in (folder, *folder.iterdir()):  # the server runs as another user
        path.chmod(0o755)
    for parent in list(folder.parents)[:-1]:
        if parent.stat().st_uid == os.geteuid() and str(parent).startswith("/tmp/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    return folder


@pytest.fixture(scope="module")
def server(authority: Path) -> Iterator[MariaDb]:
    key, certificate = authority / "key.pem", authority / "certificate.pem"
    with running_mariadb(options=[f"--ssl-key={key}", f"--ssl-cert={certificate}"]) as running:
        running.execute(
            "create table things (id bigint primary key)",
            "insert into things values (1), (2)",
            "create user sealed@'%' identified by 'pass' require ssl",
            "grant select on shop.* to sealed@'%'",
        )
        yield running


def write(port: int, tls: dict[str, Any] | None, *, host: str = "localhost") -> None:
    folder = Path(os.environ["GRIMOIRE_HOME"]) / "connections"
    folder.mkdir(parents=True, exist_ok=True)
    said: dict[str, Any] = {
        "type": "sql",
        "address": f"mariadb://sealed@{host}:{port}/shop",
        "credentials": {"password": "env:SHOP_PASSWORD"},
        "resources": [{"name": "things", "key": "id"}],
        "retries": 0,
    }
    if tls:
        said["tls"] = tls
    (folder / "shop.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")


def test_a_server_whose_authority_is_named_is_read(server: MariaDb, authority: Path, grimoire_home: Path) -> None:
    write(server.port, {"ca": str(authority / "ca.pem")})
    assert load_source("shop").tables[0].rows_landed == 2


def test_a_server_of_a_strange_authority_is_refused(server: MariaDb, authority: Path, grimoire_home: Path) -> None:
    write(server.port, {"ca": str(authority / "stranger.pem")})
    with pytest.raises(SourceUnavailableError, match="certificate verify failed"):
        load_source("shop")
    assert not try_connection("shop").is_well


def test_a_certificate_for_another_name_is_refused_unless_only_the_authority_is_asked_for(
    server: MariaDb, authority: Path, grimoire_home: Path
) -> None:
    write(server.port, {"ca": str(authority / "ca.pem")}, host="127.0.0.1")
    with pytest.raises(SourceUnavailableError, match=r"not valid for '127\.0\.0\.1'|doesn't match"):
        load_source("shop")
    write(server.port, {"ca": str(authority / "ca.pem"), "mode": "verify-ca"}, host="127.0.0.1")
    assert load_source("shop").tables[0].rows_landed == 2


def test_a_line_may_be_sealed_without_asking_who_is_there(server: MariaDb, grimoire_home: Path) -> None:
    write(server.port, {"mode": "require"})
    assert load_source("shop").tables[0].rows_landed == 2


def test_without_a_word_the_line_is_sealed_where_the_server_can(server: MariaDb, grimoire_home: Path) -> None:
    write(server.port, None)  # the server lets this user in over a sealed line only
    assert try_connection("shop").is_well
