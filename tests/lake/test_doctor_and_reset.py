"""The doctor names what is wrong and how to mend it; a reset deletes what is ours and nothing else; settings say their errors."""

import fcntl
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import lake
from lake.doctor import Finding, examine
from lake.errors import AlreadyRunningError, SettingsError, StorageError
from lake.postgres import embedded
from lake.reset import plan_reset, reset_home
from lake.running import RunningServers, running_servers, serving_lock, write_record
from lake.settings import PROJECT_ROOT, get_settings


def findings(name: str, **options: bool) -> list[Finding]:
    return [finding for finding in examine(**options) if finding.name == name]


def make_rows() -> None:
    lake.in_transaction(lambda con: con.execute("create table a as select range as i from range(5000)"))


def test_a_sound_installation_has_no_errors(grimoire_home: Path) -> None:
    make_rows()
    assert [finding for finding in examine() if finding.status == "error" and finding.name != "ports"] == []


def test_a_data_file_deleted_behind_the_lakes_back_is_found(grimoire_home: Path) -> None:
    make_rows()
    next((grimoire_home / "lake").rglob("*.parquet")).unlink()
    [found] = findings("data files")
    assert (found.status, "1 of 1" in found.detail, "backup" in found.remedy) == ("error", True, True)


def test_a_taken_port_is_found_with_its_holder_and_setting(grimoire_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("GRIMOIRE_APP_PORT", str(taken.getsockname()[1]))
        get_settings.cache_clear()
        found = [finding for finding in findings("ports", quick=True) if finding.status == "error"]
    assert str(os.getpid()) in found[0].detail
    assert "GRIMOIRE_APP_PORT" in found[0].remedy


def test_a_home_that_cannot_be_written_is_an_error_and_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIMOIRE_HOME", "/proc/grimoire")
    get_settings.cache_clear()
    found = examine()
    get_settings.cache_clear()
    assert {finding.name for finding in found if finding.status == "error"} >= {"home", "disk", "extensions", "database"}
    assert not any("the check itself failed" in finding.remedy for finding in found)


def test_an_extension_that_was_cut_off_on_disk_is_installed_again(grimoire_home: Path) -> None:
    lake.query("select 1")
    installed = next((grimoire_home / "duckdb" / "extensions").rglob("ducklake.duckdb_extension"))
    installed.unlink()  # this process has the old file open
    installed.write_bytes(b"half")
    assert lake.query("select 1").fetchone() == (1,)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_PORT", "many"),
        ("APP_PORT", "70000"),
        ("THREADS", "0"),
        ("SNAPSHOT_DAYS", "-1"),
        ("LOG_LEVEL", "loud"),
        ("DEMO_SCALE", "0"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"GRIMOIRE_{name}", value)
    get_settings.cache_clear()
    with pytest.raises(SettingsError, match=f"GRIMOIRE_{name} cannot be used"):
        get_settings()
    get_settings.cache_clear()


def test_one_process_serves_a_home_and_the_next_is_told_which_and_where(grimoire_home: Path) -> None:
    settings = get_settings()
    with serving_lock(settings):
        write_record(settings, RunningServers(pid=4711, addresses={"Grimoires": "http://127.0.0.1:8501"}))
        with pytest.raises(AlreadyRunningError, match=r"process 4711.*http://127.0.0.1:8501"), serving_lock(settings):
            pass
        assert (running := running_servers(settings)) is not None
        assert running.pid == 4711
    assert running_servers(settings) is None


def test_a_lock_file_left_by_a_dead_process_keeps_nobody_out(grimoire_home: Path) -> None:
    words = (
        "import os, lake; from lake.running import *; s = lake.get_settings()\n"
        "with serving_lock(s):\n write_record(s, RunningServers(pid=os.getpid()))\n os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", words], cwd=PROJECT_ROOT)
    assert (grimoire_home / "locks" / "serving.lock").exists()
    with serving_lock(get_settings()):
        pass


def test_a_reset_leaves_a_folder_that_is_not_ours_alone(grimoire_home: Path) -> None:
    thesis = grimoire_home / "lake" / "thesis.txt"
    thesis.parent.mkdir(parents=True)
    thesis.write_text("a decade of work")
    with pytest.raises(StorageError, match="no sign that Grimoire made it"):
        plan_reset(get_settings())
    make_rows()
    embedded(get_settings()).release()
    with pytest.raises(StorageError, match=r"thesis\.txt"):
        list(reset_home(get_settings()))
    assert thesis.read_text() == "a decade of work"


def test_a_reset_deletes_everything_of_ours_and_a_new_start_works(grimoire_home: Path) -> None:
    make_rows()
    embedded(get_settings()).release()
    list(reset_home(get_settings()))
    assert not grimoire_home.exists()
    assert lake.query("select count(*) from duckdb_tables() where database_name = 'lake'").fetchone() == (0,)


def test_a_reset_waits_for_nobody_but_refuses_while_the_lake_is_used(grimoire_home: Path) -> None:
    make_rows()
    with pytest.raises(AlreadyRunningError, match="uses this home"):
        list(reset_home(get_settings()))
    embedded(get_settings()).release()
    (grimoire_home / "locks").mkdir(exist_ok=True)
    with (grimoire_home / "locks" / "road.lock").open("w") as road:
        fcntl.flock(road, fcntl.LOCK_EX)
        with pytest.raises(AlreadyRunningError):
            list(reset_home(get_settings()))
    assert lake.query("select count(*) from a").fetchone() == (5000,)
