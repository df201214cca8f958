"""Files in S3-compatible storage: a real server on this machine, credentials by reference, and event logs kept there."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import lake
from connectors.connections import get_connection
from connectors.connector import connector_of
from connectors.load import load_source


@pytest.fixture(scope="module")
def storage() -> Iterator[str]:
    """The address of an S3 server with an empty bucket `exports`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(port)
        client(address).mkdir("exports")
        yield address
    finally:
        server.terminate()
        server.wait(timeout=20)


def wait_for(port: int) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise TimeoutError("the storage did not start")


def client(address: str) -> Any:
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    return s3fs.S3FileSystem(
        key="reader", secret="planted-storage-secret", endpoint_url=address, client_kwargs={"region_name": "eu-central-1"}
    )


def say(home: Path, name: str, address: str, folder: str, **fields: Any) -> None:
    words = {
        "type": "files",
        "address": f"s3://exports/{folder}",
        "endpoint_url": address,
        "region": "eu-central-1",
        "credentials": {"access_key_id": "env:STORAGE_KEY", "secret_access_key": "env:STORAGE_SECRET"},
        **fields,
    }
    (home / "connections").mkdir(exist_ok=True)
    (home / "connections" / f"{name}.yaml").write_text(yaml.safe_dump(words))


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_KEY", "reader")
    monkeypatch.setenv("STORAGE_SECRET", "planted-storage-secret")


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_files_of_a_bucket_are_read_once_moved_out_of_a_drop_folder_and_no_secret_is_kept(module_home: Path, storage: str):
    say(
        module_home,
        "bucket",
        storage,
        "in",
        resources=[{"name": "orders", "files": ["*.csv", "deep/*.gz"]}],
        drop={"settle_seconds": 0},
    )
    files = client(storage)
    files.pipe("exports/in/größe 1.csv", b"id,v\n1,x\n2,y\n")
    files.pipe("exports/in/empty.csv", b"\n")
    assert connector_of(get_connection("bucket")).check().is_well
    (table,) = load_source("bucket").tables
    assert (table.rows_inserted, table.rows_quarantined) == (2, 1)
    files.invalidate_cache()
    there = sorted(path.removeprefix("exports/in/") for path in files.find("exports/in"))
    assert there == ["done/größe 1.csv", "failed/empty.csv", "failed/empty.csv.reason.txt"]
    files.pipe("exports/in/again.csv", b"id,v\n1,x\n2,y\n")
    assert load_source("bucket").tables[0].rows_extracted == 0
    assert rows("select _file, id from raw_bucket.orders order by 2") == [("größe 1.csv", 1), ("größe 1.csv", 2)]
    kept = [path for path in module_home.rglob("*") if path.is_file() and "postgres" not in path.parts]
    assert kept
    assert not [path for path in kept if b"planted-storage-secret" in path.read_bytes()]


def test_storage_that_does_not_answer_or_refuses_is_told_in_one_sentence(module_home: Path, storage: str):
    say(module_home, "closed", "http://127.0.0.1:9", "in", resources=[{"name": "orders", "files": "*.csv"}])
    health = connector_of(get_connection("closed")).check()
    assert not health.is_well
    assert "planted-storage-secret" not in health.said
    os.environ.pop("STORAGE_SECRET")
    lacking = connector_of(get_connection("closed")).check()
    assert (lacking.is_well, "STORAGE_SECRET" in lacking.said) == (False, True)


LOG = "case,activity,timestamp\n" + "".join(
    f"{case},{step},2024-01-0{at} 10:00:00\n" for case in "ab" for at, step in enumerate("xyz", 1)
)


def test_event_log_files_of_a_folder_or_bucket_become_processes_again_only_when_they_change(
    module_home: Path, storage: str, tmp_path: Path
):
    say(module_home, "logs", storage, "logs", type="event_log_files", resources=[{"name": "logs", "files": "*"}])
    files = client(storage)
    files.pipe("exports/logs/handling.csv", LOG.encode())
    files.pipe("exports/logs/broken.xes", b"<log>")
    (table,) = load_source("logs").tables
    assert (table.rows_inserted, table.rows_quarantined) == (1, 1)
    assert rows("select process, cases, events, activities from raw_logs.logs") == [("handling", 2, 6, 3)]
    assert rows("select count(*), count(distinct case_id) from event_logs.handling") == [(6, 2)]
    assert load_source("logs").tables[0].rows_extracted == 0
    (before,) = rows("select imported_as from raw_logs.logs")
    files.pipe("exports/logs/handling.csv", (LOG + "c,x,2024-02-01 10:00:00\n").encode())
    assert load_source("logs").tables[0].rows_updated == 1
    assert rows("select cases, imported_as <> '" + before[0] + "' from raw_logs.logs") == [(3, True)]
    folder = tmp_path / "logs"
    folder.mkdir()
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text(LOG)
    words = {"type": "event_log_files", "address": str(folder), "resources": [{"name": "l", "files": "*.csv", "process": "twice"}]}
    (module_home / "connections" / "local.yaml").write_text(yaml.safe_dump(words))
    load_source("local")
    assert rows("select process, _file from raw_local.l") == [("twice", "a.csv")]
    reasons = rows("select reason from quarantine.rows where source = 'local'")
    assert "is made from a.csv already" in reasons[0][0]
    assert connector_of(get_connection("local")).check().is_well
