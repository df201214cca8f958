"""Writers that die, collide and leave things behind: readers see all of a transaction or nothing of it."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

import lake
from lake.errors import ConflictError
from lake.maintenance import live_files, maintain
from lake.settings import PROJECT_ROOT, get_settings

ROWS = 200_000
WRITER = f"""
import sys, lake
def work(con):
    for name in ("one", "two", "three"):
        con.execute(f"insert into {{name}} select ?, range, repeat(md5(range::varchar), 4) from range({ROWS})", [batch])
for batch in range(int(sys.argv[1]), int(sys.argv[1]) + 1000):
    print("begin", flush=True)
    lake.in_transaction(work)
    print("end", flush=True)
"""


def make_tables() -> None:
    def work(con):
        for name in ("one", "two", "three"):
            con.execute(f"create table {name} (batch int, i bigint, words varchar)")

    lake.in_transaction(work)


def batches() -> set[tuple[int, int, int, int]]:
    """Of each batch: its number and its rows in each of the three tables, read at one snapshot."""
    return set(
        lake.query(
            """select batch, sum((t = 1)::int), sum((t = 2)::int), sum((t = 3)::int)
               from (select batch, 1 as t from one union all select batch, 2 from two union all select batch, 3 from three)
               group by batch"""
        ).fetchall()
    )


def files() -> set[str]:
    return {str(path) for path in Path(get_settings().data_path).rglob("*.parquet")}


def test_a_writer_killed_in_mid_commit_shows_all_of_a_transaction_or_nothing_and_its_files_are_removed(grimoire_home: Path) -> None:
    make_tables()
    random = Random(7)
    for attempt in range(4):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(attempt * 1000)], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == "begin\n"
        time.sleep(random.uniform(0.1, 1.5))
        os.kill(writer.pid, signal.SIGKILL)
        writer.communicate()
        assert all(tuple(counts) == (ROWS, ROWS, ROWS) for _, *counts in batches())
    there = batches()
    orphan = Path(get_settings().data_path) / "main" / "one" / "ducklake-left-by-a-killed-writer.parquet"
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(b"PAR1")  # so that there is one for certain, whatever the moments of killing hit

    kept = maintain()
    assert kept.orphans_removed == 0, "a young file may belong to a writer that is still at work"
    assert orphan.exists()

    report = maintain(grace=timedelta(0))
    assert report.orphans_removed >= 1
    assert not orphan.exists()
    assert files() == set(live_files(get_settings()))
    assert batches() == there


def test_four_writers_at_once_lose_nothing(grimoire_home: Path) -> None:
    lake.in_transaction(lambda con: con.execute("create table counter as select 0 as n; create table said (who int, turn int)"))
    words = """
import sys, lake
def work(con):
    con.execute("update counter set n = n + 1")
    con.execute(f"insert into said values ({who}, {turn})")
who = int(sys.argv[1])
for turn in range(4):
    lake.in_transaction(work, attempts=40)
"""
    writers = [
        subprocess.Popen([sys.executable, "-c", words, str(who)], cwd=PROJECT_ROOT, stderr=subprocess.PIPE, text=True)
        for who in range(4)
    ]
    for writer in writers:
        assert writer.communicate(timeout=240)[1] == ""
    assert lake.query("select n from counter").fetchone() == (16,)
    assert lake.query("select count(distinct (who, turn)), count(*) from said").fetchone() == (16, 16)


def test_a_writer_that_always_comes_second_gives_up_and_says_that_nothing_was_written(grimoire_home: Path) -> None:
    lake.in_transaction(lambda con: con.execute("create table a as select 0 as n"))

    def work(con):
        con.execute("update a set n = n + 1")
        with lake.connect() as other:
            other.execute("update a set n = n + 100")

    with pytest.raises(ConflictError, match="Nothing was written"):
        lake.in_transaction(work, attempts=3)
    assert lake.query("select n from a").fetchone() == (300,)


def test_what_fails_inside_a_transaction_leaves_nothing(grimoire_home: Path) -> None:
    def work(con):
        con.execute("create table a as select 1 as i")
        raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        lake.in_transaction(work)
    assert lake.query("select count(*) from duckdb_tables() where database_name = 'lake'").fetchone() == (0,)


def test_readers_beside_a_writer_read_whole_transactions_only(grimoire_home: Path) -> None:
    make_tables()
    writer = subprocess.Popen([sys.executable, "-c", WRITER, "0"], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "begin\n"
        for _ in range(6):
            assert all(tuple(counts) == (ROWS, ROWS, ROWS) for _, *counts in batches())
    finally:
        writer.kill()
        writer.communicate()


def test_upkeep_makes_many_small_files_few_and_keeps_every_row_and_every_young_snapshot(grimoire_home: Path) -> None:
    lake.in_transaction(lambda con: con.execute("create table a (i bigint)"))
    for start in range(0, 5000, 1000):
        lake.in_transaction(lambda con, start=start: con.execute(f"insert into a from range({start}, {start + 1000})"))
    lake.in_transaction(lambda con: con.execute("delete from a where i % 2 = 0"))
    with lake.connect(read_only=True) as connection:
        before = lake.current_snapshot(connection)
    said: list[tuple[str, float]] = []
    report = maintain(grace=timedelta(0), progress=lambda words, done: said.append((words, done)))
    assert (report.files_merged + report.files_rewritten) >= 5
    assert report.snapshots_expired == 0
    assert lake.query("select count(*), sum(i) from a").fetchone() == (2500, 6250000)
    assert lake.query("select count(*), sum(i) from a", as_of=before).fetchone() == (2500, 6250000)
    assert lake.query("select count(*) from a", as_of=before - 1).fetchone() == (5000,)
    assert said[-1][1] == 1.0


def test_upkeep_expires_what_is_older_than_the_setting_and_deletes_its_files(grimoire_home: Path) -> None:
    import psycopg

    from lake.addresses import libpq_dsn
    from lake.database import CATALOG, database_url

    lake.in_transaction(lambda con: con.execute("create table a as from range(5000)"))
    lake.in_transaction(lambda con: con.execute("drop table a"))
    with psycopg.connect(libpq_dsn(database_url(CATALOG))) as catalog:  # let it be long ago
        catalog.execute("update ducklake_snapshot set snapshot_time = snapshot_time - interval '40 days'")
    report = maintain(grace=timedelta(0))
    assert report.snapshots_expired >= 1
    assert report.files_removed == 1
    assert (report.files_after, report.bytes_after) == (0, 0)
