"""No row is lost and none doubled: whatever is killed, deleted, changed or late, the lake ends as the source is."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import connectors.load
import lake
from connectors.load import LoadReport, load_source
from connectors.packages import forget as forget_packages
from lake.addresses import libpq_dsn
from lake.database import DEMO_ERP, database_url
from lake.errors import QualityGateError, SourceUnavailableError
from lake.settings import PROJECT_ROOT


def write(home: Path, name: str, **words: Any) -> None:
    folder = home / "connections"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(yaml.safe_dump({"type": "sql", "retries": 0, **words}), encoding="utf-8")


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def check(report: LoadReport, name: str) -> Any:
    return next(check for load in report.tables for check in load.checks if check.check_name == name)


class Shop:
    """A source in a SQLite file, and what the lake is to be like it."""

    def __init__(self, home: Path, file: Path) -> None:
        self.home, self.file = home, file
        self.run("create table items (region text, id integer, name text, changed integer, primary key (region, id))")

    def run(self, *statements: str) -> None:
        with sqlite3.connect(self.file) as database:
            for statement in statements:
                database.execute(statement)
        database.close()

    def connect(self, **resource: Any) -> None:
        said = {"name": "items", "key": ["region", "id"], "cursor": {"column": "changed", "lag": 3}, "deletions": {"by": "keys"}}
        write(self.home, "shop", address=f"sqlite:///{self.file}", resources=[{**said, **resource}])

    def rows(self) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.file) as database:
            found = database.execute("select region, id, name, changed from items order by 1, 2, 3, 4").fetchall()
        database.close()
        return found


def landed(table: str = "raw_shop.items") -> list[tuple[Any, ...]]:
    return rows(f"select region, id, name, changed from {table} where _deleted_at is null order by 1, 2, 3, 4")


@pytest.fixture
def shop(grimoire_home: Path, tmp_path: Path) -> Shop:
    shop = Shop(grimoire_home, tmp_path / "shop.db")
    shop.run(*(f"insert into items values ('{'ns'[i % 2]}', {i}, 'item {i}', {i})" for i in range(1, 61)))
    shop.connect()
    return shop


def test_deleted_rows_are_marked_and_those_that_come_back_are_not(shop: Shop):
    load_source("shop")
    assert landed() == shop.rows()
    shop.run("delete from items where id in (3, 4)")
    assert load_source("shop").tables[0].rows_deleted == 2
    assert landed() == shop.rows()
    shop.run("insert into items values ('s', 3, 'back again', 3)", "insert into items values ('n', 4, 'item 4', 70)")
    load_source("shop")
    load_source("shop")  # the row whose cursor lies far back is found by its key, and read by the run after
    assert landed() == shop.rows()
    assert rows("select count(*) from raw_shop.items") == [(60,)]


def test_a_table_emptied_at_once_is_marked_and_warned_of(shop: Shop):
    load_source("shop")
    shop.run("delete from items")
    report = load_source("shop")
    assert report.tables[0].rows_deleted == 60
    warned = check(report, "no more than 50% of the rows vanished")
    assert (warned.passed, warned.severity, warned.rows_failed) == (False, "warning", 60)
    assert landed() == shop.rows() == []
    shop.run("insert into items values ('n', 100, 'first', 100)")
    assert load_source("shop").tables[0].rows_inserted == 1
    assert landed() == shop.rows()


def test_a_row_behind_the_cursor_is_found_by_its_key_and_read_by_the_next_run(shop: Shop):
    load_source("shop")
    shop.run("insert into items values ('x', 1000, 'imported with an old date', 2)")
    report = load_source("shop")
    assert not check(report, "every key of the source is in the lake").passed
    report = load_source("shop")
    assert check(report, "every key of the source is in the lake").passed
    assert landed() == shop.rows()


def test_soft_deletions_follow_their_column_both_ways(grimoire_home: Path, tmp_path: Path):
    shop = Shop(grimoire_home, tmp_path / "shop.db")
    shop.run(
        "alter table items add column active_until text", "insert into items values ('n', 1, 'a', 1, null), ('n', 2, 'b', 2, null)"
    )
    shop.connect(deletions={"by": "column", "column": "active_until"})
    load_source("shop")
    shop.run("update items set active_until = '2024-01-01', changed = 3 where id = 1")
    assert load_source("shop").tables[0].rows_deleted == 1
    again = load_source("shop").tables[0]
    assert (again.rows_landed, again.rows_deleted) == (0, 0)
    assert rows("select id from raw_shop.items where _deleted_at is not null") == [(1,)]
    shop.run("update items set active_until = null, changed = 4 where id = 1")
    load_source("shop")
    assert rows("select count(*) from raw_shop.items where _deleted_at is not null") == [(0,)]


def test_equal_rows_without_a_key_are_counted(grimoire_home: Path, tmp_path: Path):
    file = tmp_path / "log.db"
    shop = Shop(grimoire_home, file)
    shop.run("create table log (words text, at text)", *["insert into log values ('same', '2024-01-01')"] * 3)
    write(grimoire_home, "shop", address=f"sqlite:///{file}", resources=[{"name": "log"}])
    assert load_source("shop").tables[0].rows_landed == 3
    shop.run("insert into log values ('same', '2024-01-01'), ('other', null)")
    assert load_source("shop").tables[0].rows_landed == 2
    assert load_source("shop").tables[0].rows_landed == 0
    assert rows("select words, count(*) from raw_shop.log group by all order by all") == [("other", 1), ("same", 4)]


def test_contracts_decide_over_new_columns_and_types_and_say_so(shop: Shop):
    load_source("shop")
    shop.run("alter table items add column colour text", "insert into items values ('n', 101, 'new', 101, 'red')")
    for contract in ("discard", "freeze", "evolve"):
        words = yaml.safe_load((shop.home / "connections" / "shop.yaml").read_text())
        (shop.home / "connections" / "shop.yaml").write_text(yaml.safe_dump({**words, "on_schema_change": contract}))
        if contract == "freeze":
            with pytest.raises(QualityGateError, match="colour is new: the contract freezes the columns"):
                load_source("shop")
            continue
        found = check(load_source("shop"), "columns are those known")
        assert found.detail == {"discard": "colour is new: left out", "evolve": "colour is new: added to the lake"}[contract]
    shop.run("update items set changed = 102 where id = 101")
    load_source("shop")
    assert rows("select colour from raw_shop.items where id = 101") == [("red",)]
    assert rows("select count(*) > 1 from platform.check_results where check_name = 'columns are those known' and not passed") == [
        (True,)
    ]


def test_values_of_another_type_are_held_back_said_and_come_in_once_mended(shop: Shop):
    load_source("shop")
    shop.run("update items set changed = 'soon' where id = 5")
    shop.connect(cursor=None)
    report = load_source("shop")
    assert report.tables[0].rows_quarantined == 1
    assert "changed soon" in rows("select reason from quarantine.rows")[0][0]
    shop.run("update items set changed = 500 where id = 5")
    load_source("shop")
    assert landed() == shop.rows()
    assert rows("select count(*) from quarantine.rows where resolved_at is null") == [(0,)]


class Crash(BaseException):
    """The process ends here: nothing catches it."""


STAGES = ("extract", "normalize", "load", "remember", "judge", "commit", "discard")


def crash_at(stage: str) -> Callable[[pytest.MonkeyPatch], None]:
    """Makes a run end before the step of that name."""
    import connectors.extract as extraction

    def dies(*arguments: Any, **named: Any) -> Any:
        raise Crash

    def arrange(monkeypatch: pytest.MonkeyPatch) -> None:
        from dlt import Pipeline

        if stage in ("extract", "normalize", "load"):
            monkeypatch.setattr(Pipeline, stage, dies)
        elif stage == "remember":
            monkeypatch.setattr(extraction, "remember", dies)
        elif stage == "judge":
            monkeypatch.setattr(connectors.load, "judge", dies)
        elif stage == "commit":
            monkeypatch.setattr(connectors.load, "record_loads", dies)
        else:
            monkeypatch.setattr(connectors.load, "discard", dies)

    return arrange


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.integers(0, 30)),
        st.tuples(st.just("update"), st.integers(0, 30)),
        st.tuples(st.just("late"), st.integers(0, 30)),
        st.tuples(st.just("delete"), st.integers(0, 30)),
        st.tuples(st.just("clear"), st.just(0)),
        st.tuples(st.just("load"), st.just(0)),
        st.tuples(st.just("crash"), st.integers(0, len(STAGES) - 1)),
    ),
    min_size=3,
    max_size=10,
)


@pytest.fixture(scope="module")
def one_home(module_home: Path) -> Iterator[Path]:
    with lake.connect():
        yield module_home


@pytest.mark.slow
@given(STEPS)
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_any_interleaving_of_changes_and_crashes_ends_with_source_and_lake_equal(one_home: Path, steps: list[tuple[str, int]]):
    from connectors.connections import get_connection

    file = one_home / "source.db"
    file.unlink(missing_ok=True)
    shop = Shop(one_home, file)
    shop.connect()
    forget_packages(get_connection("shop"))
    with lake.connect() as connection:
        connection.execute("drop table if exists raw_shop.items")
    for clock, (step, number) in enumerate(steps, start=10):
        apply(shop, step, number, clock)
    load_source("shop")
    load_source("shop")
    assert landed() == shop.rows()
    assert rows("select count(*) = count(distinct (region, id)) from raw_shop.items") == [(True,)]


def apply(shop: Shop, step: str, number: int, clock: int) -> None:
    changed = {"late": clock - 2}.get(step, clock)
    if step in ("insert", "late"):
        shop.run(f"insert or replace into items values ('n', {number}, 'at {clock}', {changed})")
    elif step == "update":
        shop.run(f"update items set name = 'changed at {clock}', changed = {changed} where id <= {number}")
    elif step == "delete":
        shop.run(f"delete from items where id = {number}")
    elif step == "clear":
        shop.run("delete from items")
    elif step == "load":
        load_source("shop")
    else:
        with pytest.MonkeyPatch.context() as monkeypatch, pytest.raises(Crash):
            crash_at(STAGES[number])(monkeypatch)
            load_source("shop")


KILLED = """
import os, signal, sys, threading
from connectors.load import load_source
def kill(words, done):
    if words.startswith(sys.argv[1]): threading.Timer(float(sys.argv[2]), os.kill, [os.getpid(), signal.SIGKILL]).start()
load_source("shop", progress=kill)
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["Reading", "Checking", "Landing"])
def test_an_extractor_killed_anywhere_leaves_whole_loads_and_nothing_is_missing_after(shop: Shop, moment: str):
    load_source("shop")
    shop.run("update items set changed = changed + 100, name = 'moved'", "delete from items where id = 9")
    before = landed()
    delay = random.Random(moment).uniform(0, 0.15)
    done = subprocess.run([sys.executable, "-c", KILLED, moment, str(delay)], cwd=PROJECT_ROOT, env=os.environ, check=False)
    after = landed()
    assert after in (before, shop.rows())
    assert done.returncode == -signal.SIGKILL or after == shop.rows()
    load_source("shop")
    assert landed() == shop.rows()
    assert rows("select count(*) from raw_shop.items") == [(60,)]


CHECKSUM = "count(*)::varchar, sum(id)::varchar, sum(length(words))::varchar, (sum(amount * 4)::bigint)::varchar"


def big_source(home: Path, size: int) -> str:
    dsn = libpq_dsn(database_url(DEMO_ERP))
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            f"create table big as select i as id, repeat('ä', i % 50) as words, i * 1.25 as amount,"
            f" timestamptz '2024-01-01' + i * interval '1 second' as changed from generate_series(1, {size}) i"
        )
        connection.execute("alter table big add primary key (id)")
        connection.execute("analyze big")
    address = database_url(DEMO_ERP).render_as_string(hide_password=False)
    write(home, "big", address=address, resources=[{"name": "big", "key": "id", "cursor": "changed"}])
    return dsn


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["Reading", "Landing"])
def test_postgresql_killed_in_the_middle_leaves_the_last_whole_load_and_comes_back(grimoire_home: Path, moment: str):
    """The embedded server is source, catalog and platform database at once: its end is the end of all of them."""
    dsn = big_source(grimoire_home, 1_000_000)
    postmaster = int(next(grimoire_home.glob("postgres/**/postmaster.pid")).read_text().splitlines()[0])
    killed = threading.Event()

    def kill() -> None:
        os.kill(postmaster, signal.SIGKILL)
        killed.set()

    def kill_while_reading() -> None:
        folder = grimoire_home / "landing" / "big" / "reading"
        while not any(folder.glob("*.parquet")):
            time.sleep(0.002)
        kill()

    def kill_before_landing(words: str, done: float) -> None:
        if words.startswith("Landing"):
            kill()

    if moment == "Reading":
        threading.Thread(target=kill_while_reading, daemon=True).start()
    with pytest.raises(Exception, match=r"\w"):
        load_source("big", progress=kill_before_landing if moment == "Landing" else None)
    assert killed.is_set()
    load_source("big")
    with psycopg.connect(dsn) as connection:
        wanted = connection.execute(f"select {CHECKSUM} from big").fetchall()
    assert rows(f"select {CHECKSUM} from raw_big.big") == wanted
    assert wanted[0][0] == "1000000"


def test_backends_ended_in_mid_read_are_a_source_that_does_not_answer(grimoire_home: Path):
    dsn = big_source(grimoire_home, 600_000)
    ended: list[threading.Timer] = []

    def end_backends() -> None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid() and query ilike 'copy%big%'"
            )

    def soon(words: str, done: float) -> None:
        if words.startswith("Reading") and not ended:
            ended.append(threading.Timer(0.0, end_backends))
            ended[0].start()

    try:
        load_source("big", progress=soon)
    except SourceUnavailableError:
        assert rows("select count(*) from duckdb_tables() where schema_name = 'raw_big'") == [(0,)]
        load_source("big")
    assert rows("select count(*), sum(id)::bigint from raw_big.big") == [(600_000, 600_000 * 600_001 // 2)]
