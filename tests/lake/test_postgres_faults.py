"""The embedded PostgreSQL under ill treatment: killed, half made, orphaned, mistaken for someone else, in odd places."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import lake
from lake.errors import DatabaseUnavailableError, StorageError
from lake.postgres import EmbeddedPostgres, embedded, server_user
from lake.settings import PROJECT_ROOT, get_settings

AS_ROOT = os.geteuid() == 0
ASK = "import lake; print(lake.query('select 41 + 1').fetchone()[0])"


def server() -> EmbeddedPostgres:
    return embedded(get_settings())


def count() -> int:
    row = lake.query("select count(*) from t.a").fetchone()
    assert row is not None
    return int(row[0])


def make_table() -> None:
    lake.in_transaction(lambda con: con.execute("create schema t; create table t.a as select 1 as i"))


def python(words: str, home: Path, **options: object) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "GRIMOIRE_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-c", words], cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, **options
    )  # type: ignore[call-overload, no-any-return]


def alive(pid: int) -> bool:
    """Whether it runs; where nobody reaps orphans a dead one stays as a zombie."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def wait_until(condition: object, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def test_a_killed_server_is_started_again_under_us_and_loses_nothing(grimoire_home: Path) -> None:
    make_table()
    first = server().pid()
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert count() == 1
    assert server().pid() not in {None, first}


def test_an_open_connection_to_a_killed_server_fails_and_a_new_one_works(grimoire_home: Path) -> None:
    import duckdb

    make_table()
    with lake.connect() as connection:
        os.kill(server().pid() or 0, signal.SIGKILL)
        wait_until(lambda: server().pid() is None)
        with pytest.raises(duckdb.Error):
            connection.execute("insert into t.a values (2)")
    lake.in_transaction(lambda con: con.execute("insert into t.a values (2)"))
    assert count() == 2


def test_a_stale_pid_file_that_names_a_strangers_process_does_not_keep_the_server_down(grimoire_home: Path) -> None:
    make_table()
    words = (server().cluster / "postmaster.pid").read_text()
    pid = server().pid() or 0
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid))
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        (server().cluster / "postmaster.pid").write_text(words.replace(str(pid), str(stranger.pid), 1))
        assert count() == 1
        assert stranger.poll() is None, "the stranger must be left alone"
    finally:
        stranger.kill()
        stranger.wait()


def test_a_stale_lock_file_does_not_keep_anyone_out(grimoire_home: Path) -> None:
    folder = get_settings().folder("postgres")
    for name in ("users.lock", "start.lock", "initdb.lock"):
        (folder / name).write_text("999999\n")  # left by a process that is gone: only the kernel's lock counts
    assert lake.query("select 1").fetchone() == (1,)


def test_an_initdb_that_was_killed_half_way_is_done_again(grimoire_home: Path) -> None:
    folder = get_settings().folder("postgres")
    half = folder / "cluster.new-4711"
    (half / "base").mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")  # initdb writes it first, long before the cluster can be started
    assert lake.query("select 1").fetchone() == (1,)
    assert not half.exists()


def test_initdb_killed_at_any_moment_leaves_a_home_that_still_works(grimoire_home: Path) -> None:
    for pause in (0.1, 0.5):
        child = subprocess.Popen([sys.executable, "-c", ASK], cwd=PROJECT_ROOT, start_new_session=True, stdout=subprocess.DEVNULL)
        with contextlib.suppress(AssertionError):
            wait_until(lambda: list((grimoire_home / "postgres").glob("cluster.new-*")), seconds=30)
        time.sleep(pause)
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    assert lake.query("select 1").fetchone() == (1,)


def test_the_last_user_stops_the_server_and_the_one_before_does_not(grimoire_home: Path) -> None:
    lake.query("select 1")
    mine = server().pid()
    done = python(ASK, grimoire_home)
    assert done.stdout.strip() == "42", done.stderr
    assert server().pid() == mine
    server().release()
    assert server().pid() is None


def test_a_process_that_was_killed_leaves_a_server_that_the_next_user_takes_over_and_stops(grimoire_home: Path) -> None:
    python(ASK + "\nimport os; os.kill(os.getpid(), 9)", grimoire_home)
    orphan = server().pid()
    assert orphan is not None
    assert not server().is_used()
    assert python(ASK, grimoire_home).stdout.strip() == "42"
    assert server().pid() is None
    assert not alive(orphan)


def test_a_forked_child_that_outlives_its_parent_neither_stops_nor_blocks_the_others(grimoire_home: Path) -> None:
    words = """
import os, sys, time, warnings
warnings.simplefilter("ignore")
import lake
lake.query("select 1")
if os.fork() == 0:
    time.sleep(3)
    os._exit(0)
os.close(1)
"""
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-c", words], cwd=PROJECT_ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True
    )
    assert lake.query("select 1").fetchone() == (1,)
    assert time.monotonic() - began < 60


def test_many_processes_that_start_at_once_share_one_server(grimoire_home: Path) -> None:
    children = [
        subprocess.Popen([sys.executable, "-c", ASK], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = [child.communicate(timeout=120) for child in children]
    assert [words for words, _ in said] == ["42\n"] * 4, said
    assert server().pid() is None


def test_processes_that_come_and_go_at_once_never_find_the_server_shutting_down(grimoire_home: Path) -> None:
    words = ASK + "\nfrom lake.postgres import embedded\nfor _ in range(3):\n embedded(lake.get_settings()).release()\n " + ASK
    children = [
        subprocess.Popen([sys.executable, "-c", words], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [child.communicate(timeout=150) for child in children]
    assert [words for words, _ in said] == ["42\n" * 4] * 3, said


def test_a_home_of_150_characters_works_though_socket_paths_are_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / ("long" * 40)
    home = Path(str(home)[: 150 - len("/h")]) / "h" if len(str(home)) > 150 else home
    assert len(str(home)) >= 150
    monkeypatch.setenv("GRIMOIRE_HOME", str(home))
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # must not matter: others have another one
    get_settings.cache_clear()
    try:
        make_table()
        assert count() == 1
        assert python("import lake; print(lake.query('from t.a').fetchall())", home).stdout == "[(1,)]\n"
        assert len(str(server().socket_folder)) < 60
    finally:
        server().release()
        get_settings.cache_clear()


@pytest.mark.parametrize("name", ["with space", "with 'quote", "with, comma", "Ünïcode"])
def test_a_home_with_odd_characters_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("GRIMOIRE_HOME", str(tmp_path / name))
    get_settings.cache_clear()
    try:
        make_table()
        assert count() == 1
    finally:
        server().release()
        get_settings.cache_clear()


def test_a_home_below_a_file_is_refused_with_the_setting_that_mends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GRIMOIRE_HOME", str(tmp_path / "file" / "home"))
    get_settings.cache_clear()
    with pytest.raises(StorageError, match="GRIMOIRE_HOME") as caught:
        lake.connect()
    get_settings.cache_clear()
    assert str(tmp_path) in caught.value.problem


def test_a_home_nobody_can_write_to_is_refused_even_for_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIMOIRE_HOME", "/proc/grimoire")
    get_settings.cache_clear()
    with pytest.raises(StorageError, match="cannot be written"):
        lake.query("select 1")
    get_settings.cache_clear()


def test_a_lake_folder_nobody_can_write_to_is_refused(grimoire_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIMOIRE_LAKE_DATA", "/proc/lake")
    get_settings.cache_clear()
    with pytest.raises(StorageError, match="/proc/lake"):
        lake.connect()


def test_a_socket_folder_that_someone_else_prepared_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIMOIRE_HOME", str(tmp_path / ("long" * 30)))
    get_settings.cache_clear()
    trap = server().socket_folder
    trap.mkdir(mode=0o777)
    trap.chmod(0o777)
    try:
        with pytest.raises(DatabaseUnavailableError, match="socket folder"):
            lake.query("select 1")
    finally:
        server().release()
        get_settings.cache_clear()
        shutil.rmtree(trap)


@pytest.mark.skipif(not AS_ROOT, reason="only root can make folders that others may not enter and drop to another user")
class TestAsRoot:
    """Root may not run PostgreSQL; the server runs as an unprivileged user even where that user could not go."""

    def test_the_server_runs_as_an_unprivileged_user_on_a_private_cluster(self, grimoire_home: Path) -> None:
        lake.query("select 1")
        user = server_user()
        assert user is not None
        assert psutil.Process(server().pid() or 0).uids().effective == user.pw_uid
        assert server().cluster.stat().st_mode & 0o077 == 0

    def test_a_home_below_folders_only_root_may_enter_works_and_their_permissions_stay(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        private = tmp_path / "private"
        private.mkdir(mode=0o700)
        monkeypatch.setenv("GRIMOIRE_HOME", str(private / "home"))
        get_settings.cache_clear()
        try:
            make_table()
            assert count() == 1
            assert private.stat().st_mode & 0o777 == 0o700
        finally:
            server().release()
            get_settings.cache_clear()

    def test_an_ordinary_user_has_a_server_of_their_own(self) -> None:
        import tempfile

        interpreter = Path(sys.executable).resolve()
        as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        if not all(parent.stat().st_mode & 0o001 for parent in (*interpreter.parents, *PROJECT_ROOT.parents, PROJECT_ROOT)):
            # The interpreter lies where only root may go: the capability to pass through is all the user gets on top.
            as_nobody += ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            os.chown(folder, 65534, 65534)
            environment = {"PATH": os.environ["PATH"], "GRIMOIRE_HOME": f"{folder}/home", "HOME": folder}
            words = ASK + "; import os; assert os.geteuid() == 65534"
            done = subprocess.run(
                [*as_nobody, sys.executable, "-c", words], cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True
            )
            assert done.stdout.strip() == "42", done.stderr
