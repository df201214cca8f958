"""Databases that spill to disk at the same time do not touch each other's files, and what a killed one left goes."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

import lake
from lake.maintenance import maintain
from lake.settings import get_settings


@pytest.fixture
def spill(grimoire_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of spill files of a home whose databases spill early."""
    monkeypatch.setenv("GRIMOIRE_MEMORY_LIMIT", "60MB")
    monkeypatch.setenv("GRIMOIRE_THREADS", "1")
    get_settings.cache_clear()
    return get_settings().folder("duckdb", "spill")


def fill(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("create temp table much as select hash(n) as value from range(12000000) as t(n)")


def test_a_database_that_ends_leaves_the_spill_files_of_the_others(spill: Path) -> None:
    # With one folder for all, both wrote into one file: a build beside a query lost rows, or aborted.
    with lake.connect() as stays:
        fill(stays)
        with lake.connect(read_only=True) as ends:
            fill(ends)
            assert len(list(spill.glob("*/duckdb_temp*"))) >= 2, "both have spilled"
        assert stays.execute("select count(distinct value) from much").fetchone() == (12_000_000,)
        stays.execute("drop table much")
    assert list(spill.iterdir()) == []


def test_upkeep_deletes_what_a_killed_process_left_and_nothing_of_those_that_live(spill: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for name in (f"{gone.pid}-0", f"{os.getpid()}-999"):
        (spill / name).mkdir()
        (spill / name / "duckdb_temp_storage-0.tmp").write_bytes(b"rows")
    maintain()
    assert len(list(spill.iterdir())) == 2, "it may be young, and its process one that is not seen from here"
    maintain(grace=timedelta(0))
    assert [folder.name for folder in spill.iterdir()] == [f"{os.getpid()}-999"]
