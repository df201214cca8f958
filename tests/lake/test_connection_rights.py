"""What a read-only connection refuses, what a reader of an earlier snapshot sees, and what no message ever shows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import lake
from lake.connection import connect, read, translated_errors
from lake.dbt_environment import run_dbt
from lake.errors import GrimoireError, QueryError, ReadOnlyError
from lake.postgres import embedded
from lake.settings import get_settings


@pytest.fixture(scope="module")
def small_lake(module_home: Path) -> Iterator[Path]:
    def work(con):
        con.execute("create schema t; create table t.a as select range as i from range(50000)")

    lake.in_transaction(work)
    lake.in_transaction(lambda con: con.execute("create table t.b as select 1 as i"))
    lake.in_transaction(lambda con: con.execute("drop table t.b"))
    yield module_home
    assert lake.query("select count(*) from t.a").fetchone() == (50000,)


def files(home: Path) -> set[tuple[str, int]]:
    return {(str(path), path.stat().st_size) for path in (home / "lake").rglob("*") if path.is_file()}


WRITES = [
    "create table t.b (i int)",
    "create schema other",
    "create view t.v as select 1",
    "create macro f(x) as x",
    "insert into t.a values (1)",
    "update t.a set i = 1",
    "delete from t.a",
    "merge into t.a using (select 1 as i) s using (i) when matched then delete",
    "drop table t.a",
    "alter table t.a add column x int",
    "truncate t.a",
    "select 1; drop table t.a",
    "begin; drop table t.a; commit",
    "checkpoint lake",
    "call lake.set_option('parquet_compression', 'zstd')",
    "call ducklake_merge_adjacent_files('lake')",
    "from ducklake_cleanup_old_files('lake', cleanup_all => true)",
    "select * from \"DuckLake_Expire_Snapshots\" /* not hidden by this */ ('lake', older_than => now())",
    "from lake.ducklake_delete_orphaned_files('lake', cleanup_all => true)",
    "from ducklake_flush_inlined_data('lake')",
    "insert into __ducklake_metadata_lake.public.ducklake_snapshot select * from __ducklake_metadata_lake.public.ducklake_snapshot",
    "call postgres_execute('__ducklake_metadata_lake', 'create table zz (i int)')",
    "from postgres_query('__ducklake_metadata_lake', 'select 1')",
    "from query('from t.a')",
]
FILES = [
    "copy t.a to '{lake}x.csv'",
    "copy t.a to '/tmp/grimoire-probe.csv'",
    "export database '{lake}x'",
    "export database '/tmp/grimoire-probe'",
    "explain analyze copy t.a to '{lake}x.csv'",
    "explain (analyze) copy t.a to '{lake}x.csv'",
    "/* */ explain analyze copy t.a to '{lake}x.csv'",
    "prepare p as copy t.a to '{lake}x.csv'; execute p",
    "select 1; copy t.a to '{lake}x.csv'",
    "attach '{lake}x.duckdb' as x; create table x.t as select 1",
    "attach 'host={socket} user=postgres dbname=grimoire_catalog' as p (type postgres)",
    "from postgres_scan('host={socket} user=postgres dbname=grimoire_catalog', 'public', 'ducklake_snapshot')",
    "from read_csv('/etc/passwd')",
    "from read_text('/etc/passwd')",
    "from read_blob('/proc/self/environ')",
    "from '/etc/passwd'",
    "from glob('/etc/*')",
    "from read_text('{lake}../postgres/cluster/pg_hba.conf')",
    "from sniff_csv('/etc/passwd')",
    "install httpfs",
    "load httpfs",
    "call enable_logging(storage = 'file', storage_path = '{lake}log')",
]
SETTINGS = [
    "set enable_external_access = true",
    "reset enable_external_access",
    "set memory_limit = '100GB'",
    "set threads = 64",
    "set lock_configuration = false",
    "set allow_unsigned_extensions = true",
    "set profiling_output = '/tmp/grimoire-probe.json'",
    "set temp_directory = '/tmp'",
    "detach lake",
    "set timezone = 'Europe/Berlin'",
]


@pytest.mark.parametrize("statement", WRITES + FILES + SETTINGS)
def test_a_read_only_connection_refuses(small_lake: Path, statement: str) -> None:
    settings = get_settings()
    before = files(small_lake)
    sql = statement.format(lake=settings.data_path, socket=embedded(settings).socket_folder)
    with connect(read_only=True) as connection, pytest.raises(GrimoireError), translated_errors():
        result = read(connection, sql)
        if result is not None:
            result.fetchall()
    assert files(small_lake) == before
    assert not list(Path("/tmp").glob("grimoire-probe*"))


@pytest.mark.parametrize("statement", WRITES[:11])
def test_the_connection_itself_refuses_writes_whoever_looks_at_the_text(small_lake: Path, statement: str) -> None:
    import duckdb

    with connect(read_only=True) as connection, pytest.raises(duckdb.Error):
        connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "from t.a limit 1",
        "select query from (select 'copy t to x' as query)",
        "show all tables",
        "describe t.a",
        "summarize t.a",
        "explain select * from t.a",
        "explain analyze select count(*) from t.a",
        "pivot (select i % 2 as k, 1 as v from t.a limit 9) on k using sum(v)",
        "from lake.snapshots()",
        "from ducklake_table_info('lake')",
        "set schema = 't'; from a limit 1",
        "with x as (select 'postgres_scan(' as w) from x -- copy t.a to 'y'",
        "select count(*) from t.a where i = 1",
    ],
)
def test_reading_in_every_form_is_let_through(small_lake: Path, statement: str) -> None:
    assert lake.query(statement).fetchall()


def test_a_writing_statement_is_told_from_a_wrong_one(small_lake: Path) -> None:
    with pytest.raises(ReadOnlyError, match="--write"):
        lake.query("drop table t.a")
    with pytest.raises(QueryError, match="selec"):
        lake.query("selec 1")
    with pytest.raises(QueryError, match="no rows"):
        lake.query("set schema = 't'")


def test_an_earlier_snapshot_is_read_as_it_was_and_cannot_be_written(grimoire_home: Path) -> None:
    first = lake.in_transaction(lambda con: con.execute("create table a as select 1 as i") and None) or snapshot()
    lake.in_transaction(lambda con: con.execute("insert into a values (2)"))
    lake.in_transaction(lambda con: con.execute("drop table a"))
    assert lake.query("select count(*) from a", as_of=first).fetchone() == (1,)
    assert lake.query("select count(*) from a", as_of=first + 1).fetchone() == (2,)
    with pytest.raises(ReadOnlyError):
        lake.query("insert into a values (3)", as_of=first)
    with pytest.raises(QueryError, match="no snapshot 4711"):
        lake.query("select 1", as_of=4711)


def snapshot() -> int:
    with lake.connect(read_only=True) as connection:
        return lake.current_snapshot(connection)


def test_a_connection_keeps_to_the_limits_of_the_settings(grimoire_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIMOIRE_MEMORY_LIMIT", "123MB")
    monkeypatch.setenv("GRIMOIRE_THREADS", "1")
    get_settings.cache_clear()
    row = lake.query("select current_setting('threads'), current_setting('memory_limit')").fetchone()
    assert row is not None
    assert row[0] == 1
    assert row[1].startswith("117")  # MiB
    with pytest.raises(QueryError, match="GRIMOIRE_MEMORY_LIMIT"), translated_errors():
        lake.query("select list(i || repeat('x', 1000)) from range(1000000) t(i)").fetchall()


def test_no_progress_bar_prints_itself_into_what_a_script_reads(small_lake: Path) -> None:
    assert lake.query("select current_setting('enable_progress_bar')").fetchone() == (False,)  # it came after two seconds


def test_a_home_that_was_moved_takes_its_lake_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("before", "after"):
        monkeypatch.setenv("GRIMOIRE_HOME", str(tmp_path / place))
        get_settings.cache_clear()
        try:
            if place == "before":
                lake.in_transaction(lambda con: con.execute("create table a as select range as i from range(5000)"))
            else:
                assert lake.query("select count(*) from a").fetchone() == (5000,)
                reached = run_dbt("debug", "--connection")
                assert reached.returncode == 0, reached.stdout[-2000:]
        finally:
            embedded(get_settings()).release()
        if place == "before":
            (tmp_path / "before").rename(tmp_path / "after")
    get_settings.cache_clear()
