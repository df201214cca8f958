"""`grimoire connect` as a person and a script meet it."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lake
from lake.database import PLATFORM
from lake.settings import PROJECT_ROOT

GRIMOIRE = [str(Path(sys.executable).parent / "grimoire")]
COMMANDS = ("systems", "add", "list", "show", "inspect", "test", "run", "pause", "resume", "remove")


def connect(*words: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*GRIMOIRE, "connect", *words], cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=300, check=False, **options
    )


@pytest.fixture
def home(grimoire_home: Path) -> Iterator[Path]:
    """A home with a shop's database beside it; this process keeps the platform's database running."""
    lake.database_url(PLATFORM)
    with sqlite3.connect(grimoire_home / "shop.db") as database:
        database.execute("create table orders (id integer primary key, total real)")
        database.execute("insert into orders values (1, 2.5), (2, 3.5)")
    database.close()
    yield grimoire_home


def test_help_teaches_every_command_by_example() -> None:
    done = connect("--help")
    assert [name for name in COMMANDS if f" {name} " not in done.stdout] == []
    assert "env:NAME" in done.stdout and "never" in done.stdout
    for name in ("add", "inspect", "remove"):
        assert f"$ grimoire connect {name}" in connect(name, "--help").stdout


@pytest.mark.slow
def test_a_connection_from_adding_to_removing(home: Path) -> None:
    added = connect("add", "shop", "--type", "sql", "--address", f"sqlite:///{home}/shop.db", "--resource", "orders",
                    "--set", "freshness_hours=2", "--set", "retries=0", "--json")  # fmt: skip
    file = home / "connections" / "shop.yaml"
    assert json.loads(added.stdout)["path"] == str(file), added.stderr
    assert file.stat().st_mode & 0o777 == 0o600

    again = connect("add", "shop", "--type", "sql")
    assert (again.returncode, again.stdout) == (1, "")
    assert "already" in again.stderr and "Traceback" not in again.stderr

    tested = connect("test", "shop", "--json")
    assert (tested.returncode, json.loads(tested.stdout)["is_well"]) == (0, True)
    shapes = json.loads(connect("inspect", "shop", "--shapes", "--json").stdout)
    assert [(shape["name"], shape["key"]) for shape in shapes] == [("orders", ["id"])]
    assert "+  key" in (proposed := connect("inspect", "shop")).stdout, proposed.stderr

    loaded = json.loads(connect("run", "shop", "--load-only", "--json").stdout)
    assert [(line["resource"], line["rows_landed"]) for line in loaded["load"]] == [("orders", 2)]
    (standing,) = (one for one in json.loads(connect("list", "--json").stdout) if one["name"] == "shop")
    assert (standing["state"], standing["rows_landed"], standing["is_fresh"], standing["breaker"]) == ("active", 2, True, "closed")

    assert connect("pause", "shop").returncode == 0
    refused = connect("run", "shop", "--load-only")
    assert refused.returncode == 1 and "grimoire connect resume shop" in refused.stderr
    assert connect("resume", "shop").returncode == 0

    kept = connect("remove", "shop", input="n\n")
    assert kept.returncode == 1 and file.exists()
    removed = json.loads(connect("remove", "shop", "--drop-rows", "--yes", "--json").stdout)
    assert "raw_shop.orders" in removed["dropped"]
    assert not file.exists() and not (home / "landing" / "shop").exists()
    assert lake.query("select count(*) from duckdb_tables() where schema_name = 'raw_shop'").fetchone() == (0,)


def test_a_file_is_taken_over_as_it_is_and_a_broken_one_is_listed_with_its_error(home: Path, tmp_path: Path) -> None:
    text = f"# ours\ntype: sql\naddress: sqlite:///{home}/shop.db\nresources: [{{name: orders, key: id}}]\n"
    (tmp_path / "shop.yaml").write_text(text)
    assert connect("add", str(tmp_path / "shop.yaml")).returncode == 0
    assert (home / "connections" / "shop.yaml").read_text() == text
    (home / "connections" / "odd.yaml").write_text("type: sql\nresources: [{name: orders, kye: id}]\n")
    (home / "connections" / "torn.yaml").write_text("type: [sql\n")
    listed = connect("list", "--json")
    assert listed.returncode == 0
    states = {one["name"]: (one["state"], one["error"]) for one in json.loads(listed.stdout)}
    assert states["shop"][0] == "configured"
    assert states["odd"][0] == states["torn"][0] == "broken"
    assert "resources.orders.kye" in states["odd"][1] and "line" in states["torn"][1]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("add", "shop"), 2),
        (("add", "shop.yaml", "--type", "sql"), 2),
        (("add", "shop", "--type", "sql", "--credential", "hunter2"), 2),
        (("add", "shop", "--type", "sql", "--credential", "password=hunter2"), 1),
        (("add", "shop", "--type", "nonsense"), 1),
        (("test", "nobody"), 1),
        (("show", "nobody"), 1),
        (("remove", "erp", "--yes"), 1),
    ],
)
def test_what_cannot_be_done_is_said_without_a_traceback_or_a_secret(home: Path, words: tuple[str, ...], code: int) -> None:
    done = connect(*words)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert "Traceback" not in done.stderr and "hunter2" not in done.stderr
    assert not (home / "connections").exists()
