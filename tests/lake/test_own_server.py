"""GRIMOIRE_DATABASE_URL: a PostgreSQL server with a password instead of the embedded one, and the password nowhere to be seen."""

import socket
import subprocess
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

import lake
from lake.connection import connect, forget_lakes, read, translated_errors
from lake.database import CATALOG, database_url, forget_databases
from lake.doctor import examine
from lake.errors import DatabaseUnavailableError, GrimoireError, ReadOnlyError, SettingsError
from lake.postgres import _as_server_user, _give_to_server_user, binary
from lake.settings import get_settings

PASSWORD = "s3cret/with @odd:'chars"
IN_A_URL = "s3cret%2Fwith%20%40odd%3A%27chars"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real server on a loopback port that wants a password."""
    folder = tmp_path_factory.mktemp("server")
    port, password_file = free_port(), folder / "password"
    password_file.write_text(PASSWORD)
    cluster = folder / "cluster"
    cluster.mkdir(mode=0o700)
    for path in (cluster, password_file):
        _give_to_server_user(path)
    as_user = _as_server_user(folder)

    def run(program: str, *words: str) -> None:
        log = folder / "said"
        with log.open("w") as said:
            done = subprocess.run([*as_user, str(binary(program)), *words], cwd="/", stdout=said, stderr=said)
        assert done.returncode == 0, log.read_text()

    run("initdb", "--auth=scram-sha-256", f"--pwfile={password_file}", "-U", "owner", "-D", str(cluster), "--no-sync")
    options = f"-h 127.0.0.1 -p {port} -k '' -c fsync=off"
    run("pg_ctl", "-w", "-D", str(cluster), "-l", str(cluster / "log"), "-o", options, "start")
    yield f"postgresql://owner:{IN_A_URL}@127.0.0.1:{port}/postgres"
    run("pg_ctl", "-w", "-m", "immediate", "-D", str(cluster), "stop")


@pytest.fixture
def on_server(grimoire_home: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A fresh home whose catalog lies on that server."""
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'drop database if exists "{CATALOG}" with (force)')
    forget_databases()
    forget_lakes()
    monkeypatch.setenv("GRIMOIRE_DATABASE_URL", server)
    get_settings.cache_clear()
    yield server


def shows_password(words: str) -> bool:
    return any(form in words for form in (PASSWORD, IN_A_URL, "s3cret"))


def test_a_lake_on_a_server_of_ones_own_is_written_and_read(on_server: str, grimoire_home: Path) -> None:
    def work(con):
        con.execute("create schema t; create table t.a as select range as i from range(20000)")

    lake.in_transaction(work)
    lake.in_transaction(lambda con: con.execute("insert into t.a values (-1)"))
    assert lake.query("select count(*) from t.a").fetchone() == (20001,)
    assert list((grimoire_home / "lake" / "t" / "a").glob("*.parquet"))
    assert not (grimoire_home / "postgres").exists()


@pytest.mark.parametrize(
    "statement", ["drop table t.a", "insert into t.a values (1)", "delete from t.a", "create table t.b (i int)"]
)
def test_a_read_only_connection_refuses_there_too(on_server: str, statement: str) -> None:
    lake.in_transaction(lambda con: con.execute("create schema t; create table t.a as select 1 as i"))
    with pytest.raises(ReadOnlyError):
        lake.query(statement)
    import duckdb

    with connect(read_only=True) as connection, pytest.raises(duckdb.Error):
        connection.execute("call postgres_execute('__ducklake_metadata_lake', 'drop table ducklake_snapshot cascade')")
    assert lake.query("select count(*) from t.a").fetchone() == (1,)


@pytest.mark.parametrize(
    "statement",
    [
        "from duckdb_databases()",
        "pragma database_list",
        "from duckdb_secrets()",
        "from duckdb_settings()",
        "from duckdb_logs()",
        "show databases",
        "from lake.options()",
        "from ducklake_settings('lake')",
        "from __ducklake_metadata_lake.public.ducklake_metadata",
        "from postgres_configure_pool()",
        "explain analyze from __ducklake_metadata_lake.public.ducklake_snapshot",
        "from duckdb_views()",
    ],
)
def test_no_statement_shows_the_password(on_server: str, statement: str) -> None:
    lake.in_transaction(lambda con: con.execute("create table a as select 1 as i"))
    with connect(read_only=True) as connection:
        try:
            with translated_errors():
                result = read(connection, statement)
                words = "\n".join(map(str, result.fetchall())) if result is not None else ""
        except GrimoireError as error:
            words = str(error)
    assert [line for line in words.splitlines() if shows_password(line)] == []


def test_no_error_and_no_repr_shows_the_password(grimoire_home: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = [
        server.replace("owner", "stranger"),
        server.replace(server.rpartition(":")[2], f"{free_port()}/postgres"),
        server.replace("postgresql://", "mysql://"),
        server.replace("postgresql://", "nonsense "),
    ]
    for url in wrong:
        monkeypatch.setenv("GRIMOIRE_DATABASE_URL", url)
        get_settings.cache_clear()
        with pytest.raises((DatabaseUnavailableError, SettingsError)) as caught:
            lake.connect()
        said = (
            "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(caught.value.data) + repr(get_settings())
        )
        assert not shows_password(said), said
        assert not shows_password(str([str(finding) for finding in examine()]))


def test_a_catalog_that_goes_away_is_told_without_the_password(on_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg

    lake.query("select 1")
    with psycopg.connect(on_server, autocommit=True) as connection:
        connection.execute(f'drop database "{CATALOG}" with (force)')
    with pytest.raises(GrimoireError) as caught:
        lake.connect(read_only=True)
    assert not shows_password("".join(traceback.format_exception(caught.value)))


def test_the_address_itself_hides_its_password_when_printed(on_server: str) -> None:
    assert not shows_password(repr(database_url(CATALOG)) + str(database_url(CATALOG)))


def test_the_doctor_finds_a_server_of_ones_own_well(on_server: str) -> None:
    lake.in_transaction(lambda con: con.execute("create table a as select range as i from range(5000)"))
    assert [finding for finding in examine() if finding.status == "error" and finding.name != "ports"] == []


def test_a_reset_drops_only_our_databases_there(on_server: str, grimoire_home: Path) -> None:
    import psycopg

    from lake.reset import reset_home

    with psycopg.connect(on_server, autocommit=True) as connection:
        connection.execute("drop database if exists mine_alone")
        connection.execute("create database mine_alone")
    lake.in_transaction(lambda con: con.execute("create table a as select 1 as i"))
    stranger = grimoire_home / "my thesis.txt"
    stranger.write_text("do not delete")
    said = list(reset_home(get_settings()))
    assert f"Dropped database {CATALOG}" in said
    with psycopg.connect(on_server) as connection:
        names = {row[0] for row in connection.execute("select datname from pg_database").fetchall()}
    assert "mine_alone" in names
    assert not any(name.startswith("grimoire_") for name in names)
    assert [path.name for path in grimoire_home.iterdir()] == ["my thesis.txt"]
    assert stranger.read_text() == "do not delete"
