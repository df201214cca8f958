"""A real MariaDB: types that drivers bend, what a first and a second run bring, and a server that dies in the middle."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import lake
from connectors.connections import get_connection
from connectors.connector import connector_of
from connectors.load import load_source
from lake.errors import CredentialError, SourceUnavailableError
from tests.connectors.mariadb import SERVER, MariaDb, running_mariadb

pytestmark = pytest.mark.skipif(SERVER is None, reason="no MariaDB server is installed (Debian: apt install mariadb-server)")


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDb]:
    with running_mariadb() as running:
        yield running


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "pässword")


def write(port: int, *resources: dict[str, Any], **words: Any) -> None:
    folder = Path(os.environ["GRIMOIRE_HOME"]) / "connections"
    folder.mkdir(parents=True, exist_ok=True)
    said = {
        "type": "sql", "address": f"mariadb://127.0.0.1:{port}/shop", "retries": 0, "time_zone": "Europe/Berlin",
        "credentials": {"user": "env:SHOP_USER", "password": "env:SHOP_PASSWORD"}, "resources": list(resources), **words,
    }  # fmt: skip
    os.environ["SHOP_USER"] = "reader"
    (folder / "shop.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_every_type_keeps_its_values(server: MariaDb, grimoire_home: Path):
    server.execute(
        "create or replace table odd (id bigint unsigned primary key, amount decimal(20, 4), day date, local datetime(6),"
        " moment timestamp null, clock time, flag tinyint(1), kind enum('a', 'b'), doc json, raw varbinary(8), ratio double,"
        " words text, year_made year, bits bit(3))",
        "set time_zone = '+00:00'",
        "insert into odd values (18446744073709551615, 1234567890123456.7891, '2024-02-29', '2024-07-01 10:00:00.123456',"
        " '2024-07-01 10:00:00', '23:59:58', 1, 'b', '{\"ä\": [1]}', x'00ff', 0.1, 'Straße 🎈', 2024, b'101'),"
        " (2, null, '0000-00-00', null, null, null, null, null, null, null, null, '', null, null)",
    )
    write(server.port, {"name": "odd", "key": "id"})
    load = load_source("shop").tables[0]
    assert (load.rows_landed, load.rows_quarantined) == (1, 1)  # a date that is none is held back and breaks no run
    assert rows(
        "select id::varchar, amount::varchar, day::varchar, local::varchar, moment::varchar, clock::varchar, flag, kind,"
        " doc, raw, ratio, words from raw_shop.odd"
    ) == [
        (
            "18446744073709551615", "1234567890123456.7891", "2024-02-29", "2024-07-01 08:00:00.123456+00",
            "2024-07-01 10:00:00+00",
            "23:59:58", 1, "b", '{"ä": [1]}', b"\x00\xff", 0.1, "Straße 🎈",
        )
    ]  # fmt: skip
    assert rows("select reason from quarantine.rows") == [("values fit the lake's types, but is: day 0000-00-00",)]


def test_only_what_changed_comes_again_and_rows_without_a_cursor_too(server: MariaDb, grimoire_home: Path):
    server.execute(
        "create or replace table orders (id int primary key, state varchar(9), changed datetime)",
        "insert into orders select seq, 'new', '2024-01-01' + interval seq hour from seq_1_to_3000",
        "insert into orders values (9000, 'odd', null)",
    )
    write(server.port, {"name": "orders", "key": "id", "cursor": "changed"})
    assert load_source("shop").tables[0].rows_landed == 3001
    server.execute(
        "update orders set state = 'paid', changed = '2024-06-01' where id = 7",
        "update orders set state = 'paid' where id = 9000",
        "insert into orders values (3001, 'new', '2024-05-05 00:00:00')",
    )
    load = load_source("shop").tables[0]
    assert (load.rows_inserted, load.rows_updated) == (1, 2)
    assert rows("select count(*), sum(id)::bigint, count(*) filter (state = 'paid') from raw_shop.orders") == [
        tuple(int(value) for value in server.rows("select count(*), sum(id), sum(state = 'paid') from orders")[0])
    ]


def test_a_look_tells_keys_and_references_and_a_wrong_password_is_a_refusal(
    server: MariaDb, grimoire_home: Path, monkeypatch: pytest.MonkeyPatch
):
    server.execute(
        "create or replace table parents (id int primary key, name varchar(9))",
        "create or replace table children (a int, b int, parent_id int, primary key (a, b),"
        " foreign key (parent_id) references parents (id))",
    )
    write(server.port, {"name": "parents", "key": "id"})
    connector = connector_of(get_connection("shop"))
    assert connector.check().is_well
    shapes = {shape.name: shape for shape in connector.inspect()}
    assert shapes["children"].key == ("a", "b")
    assert shapes["children"].references == {"parent_id": "parents"}
    server.execute("drop table children", "drop table parents")
    assert connector.check().missing == ("parents",)
    monkeypatch.setenv("SHOP_PASSWORD", "wrong-and-secret")
    refused = connector_of(get_connection("shop")).check()
    assert not refused.is_well
    assert "wrong-and-secret" not in refused.said
    with pytest.raises(CredentialError):
        load_source("shop")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # PyMySQL's cursor stumbles over its lost line
def test_a_server_killed_while_it_is_read_leaves_the_lake_as_it_was(grimoire_home: Path, tmp_path: Path):
    import threading

    folder = Path(f"/tmp/mariadb-killed-{os.getpid()}")
    try:
        with running_mariadb(folder) as server:
            server.execute(
                "create table big (id int primary key, words varchar(200), changed timestamp default current_timestamp)",
                "insert into big select seq, repeat('x', 150), '2024-01-01' from seq_1_to_300000",
            )
            write(server.port, {"name": "big", "key": "id", "cursor": "changed"})
            killer: list[threading.Timer] = []

            def kill_soon(words: str, done: float) -> None:
                if words.startswith("Reading big") and not killer:
                    killer.append(threading.Timer(0.3, server.kill))
                    killer[0].start()

            with pytest.raises(SourceUnavailableError):
                load_source("shop", progress=kill_soon)
            assert killer
            gc.collect()
        assert rows("select count(*) from duckdb_tables() where schema_name = 'raw_shop'") == [(0,)]
        with running_mariadb(folder) as server:
            write(server.port, {"name": "big", "key": "id", "cursor": "changed"})
            load_source("shop")
            told = server.rows("select count(*), cast(sum(id) as char) from big")
            assert rows("select count(*), sum(id)::varchar from raw_shop.big") == told
            assert told[0][0] == 300_000
    finally:
        import shutil

        shutil.rmtree(folder, ignore_errors=True)
