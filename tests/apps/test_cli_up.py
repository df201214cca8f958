"""`grimoire up`: one at a time, everything served, whatever dies brought back, nothing left behind."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from apps.cli.children import Server, Servers, end_left_behind
from lake.errors import PlatformError
from lake.postgres import embedded
from lake.running import running_servers
from lake.settings import PROJECT_ROOT, get_settings

GRIMOIRE = [str(Path(sys.executable).parent / "grimoire")]
SERVE = (
    "from http.server import HTTPServer, SimpleHTTPRequestHandler as Handler; import sys; "
    "HTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


def lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def small_server(tmp_path: Path, *command: str) -> Server:
    port = free_port()
    words = list(command) or [sys.executable, "-c", SERVE, str(port)]
    return Server("Test server", words, tmp_path / "server.log", f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port}/")


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Servers]:
    fleet = Servers([small_server(tmp_path)])
    yield fleet
    fleet.stop()


def test_a_server_that_dies_is_told_with_its_log_and_comes_back(fleet: Servers, capsys: pytest.CaptureFixture[str]) -> None:
    fleet.start()
    fleet.wait_until_up(seconds=30)
    server = fleet.servers[0]
    assert server.process is not None
    first = server.process.pid
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: fleet.revive() or (server.process is not None and server.process.pid != first and server.answers()))
    said = capsys.readouterr().err
    assert "Test server ended with -9" in said
    assert "GET /" in said


def test_a_server_that_keeps_dying_is_given_up_with_the_end_of_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.cli.children.RESTARTS", 1)
    fleet = Servers([small_server(tmp_path, sys.executable, "-c", "raise SystemExit('the disk is made of cheese')")])
    fleet.start()
    with pytest.raises(PlatformError, match="made of cheese"):
        wait_until(lambda: fleet.revive(), seconds=20)
    with pytest.raises(PlatformError, match="made of cheese"):
        fleet.servers[0].start()
        fleet.wait_until_up(seconds=10)


def test_stopping_ends_a_server_with_all_its_descendants_even_deaf_ones(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    words = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {deaf!r}], start_new_session=True).wait()"
    server = small_server(tmp_path, sys.executable, "-c", words)
    server.start()
    assert server.process is not None
    parent = psutil.Process(server.process.pid)
    wait_until(lambda: parent.children(recursive=True))
    family = parent.children(recursive=True)
    Servers([server]).stop()
    assert not any(lives(member) for member in family)


def test_servers_of_a_killed_up_are_ended_and_a_process_id_that_is_a_strangers_now_is_not(fleet: Servers) -> None:
    fleet.start()
    record = fleet.record()
    stranger = psutil.Process()
    assert end_left_behind({"Stranger": [stranger.pid, stranger.create_time() - 100]}) == []
    assert end_left_behind(record) == ["Test server"]
    assert end_left_behind(record) == []


def test_a_taken_port_is_told_with_its_setting_before_anything_starts(grimoire_home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        environment = {**os.environ, "GRIMOIRE_APP_PORT": str(taken.getsockname()[1]), "GRIMOIRE_DAGSTER_PORT": str(free_port())}
        done = subprocess.run([*GRIMOIRE, "up"], cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "GRIMOIRE_APP_PORT" in done.stderr
    assert str(os.getpid()) in done.stderr
    assert not (grimoire_home / "postgres").exists()


@pytest.mark.slow
def test_up_serves_both_addresses_once_survives_killings_and_leaves_nothing_behind(
    grimoire_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a lake that looks as if a road had been run: the road itself has tests of its own."""
    import lake

    lake.in_transaction(lambda con: con.execute("create schema mining; create table mining.models as select 'x' as process"))
    embedded(get_settings()).release()
    ports = {
        name: str(free_port())
        for name in ("GRIMOIRE_APP_PORT", "GRIMOIRE_DAGSTER_PORT", "GRIMOIRE_MLFLOW_PORT", "GRIMOIRE_CRM_PORT")
    }
    for name, value in ports.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    said = grimoire_home / "said.txt"
    with said.open("w") as file:
        up = subprocess.Popen([*GRIMOIRE, "up"], cwd=PROJECT_ROOT, stdout=file, stderr=file)
    try:
        wait_until(lambda: "Serving until" in said.read_text() or up.poll() is not None, seconds=300)
        assert up.poll() is None, said.read_text()
        for url in re.findall(r"http://\S+", said.read_text()):
            assert urllib.request.urlopen(url, timeout=30).status == 200
        second = subprocess.run([*GRIMOIRE, "up"], cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=60)
        assert second.returncode == 1
        assert f"process {up.pid}" in second.stderr
        assert ports["GRIMOIRE_APP_PORT"] in second.stderr

        running = running_servers(get_settings())
        assert running is not None
        database = embedded(get_settings()).pid()
        assert database is not None
        os.kill(database, signal.SIGKILL)
        os.kill(int(running.children["Grimoires"][0]), signal.SIGKILL)
        wait_until(lambda: embedded(get_settings()).pid() not in {None, database}, seconds=60)
        wait_until(lambda: "Grimoires ended with -9" in said.read_text(), seconds=60)

        family = psutil.Process(up.pid).children(recursive=True)
        up.send_signal(signal.SIGTERM)
        assert up.wait(timeout=120) == 0, said.read_text()
        assert "Stopped." in said.read_text()
        assert not any(lives(member) for member in family)
        assert embedded(get_settings()).pid() is None
    finally:
        up.kill()
        up.wait()
