"""Files on their way into the lake: what is read again, what merges, what is marked as deleted, and what becomes of bad files."""

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import lake
from connectors.connections import get_connection
from connectors.dead_letters import replay
from connectors.extract import extract
from connectors.load import LoadReport, TableLoad, load_source
from lake.errors import QualityGateError, SourceUnavailableError

ROOT = Path(__file__).resolve().parents[2]
Say = Callable[..., Path]


@pytest.fixture
def say(module_home: Path, request: pytest.FixtureRequest, tmp_path: Path) -> Say:
    """Writes a connection file to a folder of the test's own; the connection is called after the test."""
    folder = tmp_path / "exports"
    folder.mkdir()

    def write(*resources: dict[str, Any], **fields: Any) -> Path:
        path = module_home / "connections" / f"{name_of(request)}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump({"type": "files", "address": str(folder), "resources": list(resources), **fields}))
        return folder

    return write


def name_of(request: pytest.FixtureRequest) -> str:
    return "c" + format(abs(hash(request.node.name)) % 10**8, "08d")


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return name_of(request)


def rows(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql, list(values)).fetchall()


def letters(name: str) -> list[tuple[Any, ...]]:
    return rows("select row_key, rule, row_json from quarantine.rows where source = ? order by all", name)


def only(report: LoadReport) -> TableLoad:
    (table,) = report.tables
    return table


def counts(report: LoadReport) -> tuple[int, int, int, int, int]:
    one = only(report)
    return one.rows_extracted, one.rows_inserted, one.rows_updated, one.rows_deleted, one.rows_quarantined


def put(path: Path, words: str, *, age: float = 60) -> Path:
    """Writes a file that was last changed some seconds ago."""
    path.write_text(words, encoding="utf-8")
    moment = time.time() - age
    os.utime(path, (moment, moment))
    return path


def test_a_file_is_read_once_and_again_only_when_its_content_changes(say: Say, name: str):
    folder = say({"name": "orders", "files": "*.csv"})
    path = put(folder / "a.csv", "id,v\n1,x\n2,y\n")
    put(folder / "b.csv", "id,v\n3,z\n")
    assert counts(load_source(name)) == (3, 3, 0, 0, 0)
    assert counts(load_source(name)) == (0, 0, 0, 0, 0)
    os.utime(path)  # touched, but the same
    assert counts(load_source(name)) == (0, 0, 0, 0, 0)
    put(path, "id,v\n1,x\n2,changed\n4,new\n")
    assert counts(load_source(name)) == (3, 1, 1, 0, 0)
    found = rows(f"select _file, _line, id, v from raw_{name}.orders order by 1, 2")
    assert found == [("a.csv", 2, 1, "x"), ("a.csv", 3, 2, "changed"), ("a.csv", 4, 4, "new"), ("b.csv", 2, 3, "z")]


def test_equal_rows_without_a_key_all_stay(say: Say, name: str):
    folder = say({"name": "orders", "files": "*.csv"})
    put(folder / "a.csv", "a\nx\nx\nx\n")
    put(folder / "b.csv", "a\nx\n")
    assert counts(load_source(name))[1] == 4
    put(folder / "a.csv", "a\nx\nx\nx\nx\n", age=30)
    assert counts(load_source(name))[1] == 1


def test_rows_that_vanish_from_files_are_marked_as_deleted_and_come_back(say: Say, name: str):
    folder = say({"name": "orders", "files": "*.csv", "key": "id", "deletions": {"by": "keys"}, "positions": False})
    put(folder / "a.csv", "id,v\n001,x\n002,y\n")
    b = put(folder / "b.csv", "id,v\n003,z\n")
    assert counts(load_source(name)) == (3, 3, 0, 0, 0)
    put(folder / "a.csv", "id,v\n001,x\n", age=50)
    assert counts(load_source(name)) == (1, 0, 0, 1, 0)
    assert rows(f"select id, _deleted_at is null from raw_{name}.orders order by 1") == [
        ("001", True),
        ("002", False),
        ("003", True),
    ]
    put(folder / "a.csv", "id,v\n001,x\n002,y\n", age=40)
    load_source(name)
    assert rows(f"select count(*) from raw_{name}.orders where _deleted_at is null") == [(3,)]
    b.unlink()
    assert counts(load_source(name))[3] == 1
    put(folder / "a.csv", "", age=30)  # while a file cannot be read, what is in it is not known, and nothing is marked
    put(folder / "c.csv", "id,v\n004,w\n")
    assert counts(load_source(name)) == (1, 1, 0, 0, 1)
    for path in folder.iterdir():
        path.unlink()
    assert counts(load_source(name))[3] == 0  # an empty folder is rather another folder than the end of everything


def test_of_a_key_in_several_files_the_newest_files_row_stays(say: Say, name: str):
    folder = say({"name": "orders", "files": "*.csv", "key": "id", "cursor": "_modified_at", "positions": False})
    put(folder / "z.csv", "id,v\n1,old\n2,old\n", age=200)
    put(folder / "a.csv", "id,v\n1,new\n", age=100)
    load_source(name)
    assert rows(f"select id, v from raw_{name}.orders order by 1") == [(1, "new"), (2, "old")]
    put(folder / "m.csv", "id,v\n2,newest\n3,x\n", age=50)
    load_source(name)
    assert rows(f"select id, v from raw_{name}.orders order by 1") == [(1, "new"), (2, "newest"), (3, "x")]


def test_bad_lines_are_dead_letters_with_text_file_and_line_and_an_unreadable_file_stops_no_other(say: Say, name: str):
    folder = say({"name": "orders", "files": ["*.csv", "*.json"]})
    put(folder / "a.csv", "id,v\n1,x\n2\n3,z\n")
    put(folder / "b.json", '[{"id": 7}, {"id": ')
    put(folder / "c.csv", "")
    (folder / "d.csv").write_bytes(gzip.compress(b"id,v\n" + os.urandom(9_000))[:-100])
    put(folder / "e.csv", "id,v\n9,y\n")
    assert counts(load_source(name)) == (3, 3, 0, 0, 4)
    assert rows(f"select id from raw_{name}.orders order by 1") == [(1,), (3,), (9,)]
    found = letters(name)
    assert [one[:2] for one in found] == [
        ("a.csv:3", "row fits the header"),
        ("b.json", "file can be read"),
        ("c.csv", "file can be read"),
        ("d.csv", "file can be read"),
    ]
    assert found[0][2] == "2"
    reasons = rows("select reason from quarantine.rows where source = ? and row_key = 'b.json'", name)
    assert "b.json is no whole JSON" in reasons[0][0]
    assert counts(load_source(name)) == (0, 0, 0, 0, 0)
    assert letters(name) == found  # told once
    replayed = replay(name)
    assert (replayed.asked, replayed.still_open, replayed.rows_landed) == (4, 4, 0)
    assert sum("whole file" in problem for problem in replayed.problems.values()) == 3
    assert letters(name) == found  # a letter about a file is no row
    put(folder / "b.json", '[{"id": 7}, {"id": 8}]', age=30)
    assert counts(load_source(name))[1] == 2


def test_files_of_different_columns_are_united_by_name_and_the_contract_decides_over_new_ones(say: Say, name: str):
    folder = say({"name": "orders", "files": "*.csv"})
    put(folder / "a.csv", "id,v\n1,x\n")
    put(folder / "b.csv", "w,id\n2.5,2\n")
    load_source(name)
    assert rows(f"select id, v, w from raw_{name}.orders order by 1") == [(1, "x", None), (2, None, 2.5)]
    put(folder / "c.csv", "id,v,more\n3,x,1\n")
    load_source(name)
    assert rows(f"select more from raw_{name}.orders where id = 3") == [(1,)]
    say({"name": "orders", "files": "*.csv"}, on_schema_change="discard")
    put(folder / "d.csv", "id,v,w,more,other\n4,x,1,1,1\n")
    load_source(name)
    assert "other" not in [row[0] for row in rows(f"describe raw_{name}.orders")]
    say({"name": "orders", "files": "*.csv"}, on_schema_change="freeze")
    put(folder / "e.csv", "id,v,w,more,third\n5,x,1,1,1\n")
    with pytest.raises(QualityGateError, match="third is new: the contract freezes the columns"):
        load_source(name)


def test_a_file_without_the_keys_column_is_named_and_the_others_land(say: Say, name: str):
    folder = say({"name": "orders", "files": "*.csv", "key": "id"})
    put(folder / "a.csv", "id,v\n1,x\n")
    put(folder / "b.csv", "number,v\n1,x\n")
    assert counts(load_source(name)) == (1, 1, 0, 0, 1)
    assert rows("select reason from quarantine.rows where source = ?", name)[0][0].startswith("b.csv has no column id")


def test_a_value_that_fits_no_longer_is_held_back_with_its_row(say: Say, name: str):
    folder = say(
        {"name": "orders", "files": "*.csv", "key": "id", "columns": {"amount": "decimal(10, 2)"}, "decimal": ",", "thousands": "."}
    )
    put(folder / "a.csv", "id;amount\n1;1.234,50-\n2;ten\n")
    assert counts(load_source(name)) == (2, 1, 0, 0, 1)
    assert [str(row[0]) for row in rows(f"select amount from raw_{name}.orders")] == ["-1234.50"]
    assert json.loads(letters(name)[0][2])["amount"] == "ten"


def test_a_corrected_connection_reads_its_files_anew(say: Say, name: str):
    folder = say({"name": "orders", "files": "*.csv", "key": "id", "null_values": "?"})
    put(folder / "a.csv", "id,v\n1,?\n2,none\n")
    load_source(name)
    assert counts(load_source(name))[0] == 0
    say({"name": "orders", "files": "*.csv", "key": "id", "null_values": ["?", "none"]})
    assert counts(load_source(name)) == (2, 0, 1, 0, 0)


def test_a_file_that_grows_while_it_is_read_is_read_to_its_last_whole_line_and_then_on(
    say: Say, name: str, monkeypatch: pytest.MonkeyPatch
):
    folder = say({"name": "lines", "files": "*.log", "pattern": r"(?P<n>\d+) (?P<words>.*)"}, {"name": "whole", "files": "*.json"})
    path = put(folder / "a.log", "1 one\n2 tw")
    whole = put(folder / "a.json", '[{"n": 1}]')
    from connectors.files.places import Place

    listing = Place.listing

    def grown_after_it_was_listed(place: Place, *args: Any) -> Any:
        found = listing(place, *args)
        if args[0] == "lines":
            put(path, "1 one\n2 two\n3 three\n", age=30)
        else:
            put(whole, '[{"n": 1}, {"n": 2}]', age=30)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Place, "listing", grown_after_it_was_listed)
        report = load_source(name)
    assert {table.name: table.rows_inserted for table in report.tables} == {"lines": 1, "whole": 0}
    report = load_source(name)
    assert {table.name: table.rows_inserted for table in report.tables} == {"lines": 2, "whole": 2}
    assert rows(f"select words from raw_{name}.lines order by n") == [("one",), ("two",), ("three",)]
    assert letters(name) == []


def test_files_of_a_drop_folder_are_taken_once_whole_and_moved(say: Say, name: str):
    folder = say({"name": "orders", "files": "*.csv"}, drop={"settle_seconds": 5})
    put(folder / "orders.csv", "id\n1\n2\n")
    put(folder / "half.csv.part", "id\n7\n")
    put(folder / "young.csv", "id\n8\n", age=0)
    put(folder / "empty.csv", "")
    assert counts(load_source(name)) == (2, 2, 0, 0, 1)
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert names == ["done/orders.csv", "failed/empty.csv", "failed/empty.csv.reason.txt", "half.csv.part", "young.csv"]
    assert "empty.csv is empty" in (folder / "failed/empty.csv.reason.txt").read_text()
    put(folder / "orders.csv", "id\n3\n")  # the next delivery is called alike, and is another one
    put(folder / "again.csv", "id\n1\n2\n")  # the first delivery once more
    (folder / "half.csv.part").rename(folder / "half.csv")  # whole now
    assert counts(load_source(name)) == (2, 2, 0, 0, 0)
    found = rows(f"select _file, id from raw_{name}.orders order by 2")
    assert found == [("orders.csv", 1), ("orders.csv", 2), ("orders#2.csv", 3), ("half.csv", 7)]
    assert sorted(path.name for path in (folder / "done").iterdir()) == ["half.csv", "orders (2).csv", "orders#2.csv", "orders.csv"]


def test_a_drop_folder_may_keep_its_files_and_know_them_by_content(say: Say, name: str):
    folder = say({"name": "orders", "files": "*.csv"}, drop={"after": "remember", "settle_seconds": 0})
    put(folder / "a.csv", "id\n1\n")
    assert counts(load_source(name))[1] == 1
    put(folder / "b.csv", "id\n1\n")
    assert counts(load_source(name))[0] == 0
    assert sorted(path.name for path in folder.iterdir()) == ["a.csv", "b.csv"]


@pytest.mark.parametrize("moment", ["Reading", "Checking", "Landing"])
def test_a_load_of_files_killed_on_its_way_loses_and_doubles_nothing(say: Say, name: str, moment: str):
    folder = say({"name": "orders", "files": "*.csv"}, drop={"settle_seconds": 0})
    for number in range(3):
        put(
            folder / f"{number}.csv", "id,v\n" + "".join(f"{number * 100 + at},x\n" for at in range(50)) + "bad\n", age=100 - number
        )
    program = (
        "import os, signal\nfrom connectors.load import load_source\n"
        f"def kill(words, done):\n    if words.startswith({moment!r}): os.kill(os.getpid(), signal.SIGKILL)\n"
        f"load_source({name!r}, progress=kill)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=os.environ, check=False)
    assert done.returncode == -9
    load_source(name)
    assert rows(f"select count(*), count(distinct id) from raw_{name}.orders") == [(150, 150)]
    assert [one[0] for one in letters(name)] == ["0.csv:52", "1.csv:52", "2.csv:52"]
    assert sorted(path.name for path in folder.rglob("*.csv")) == ["0.csv", "1.csv", "2.csv"]
    assert all(path.parent.name == "done" for path in folder.rglob("*.csv"))


def test_staged_rows_land_even_if_the_file_is_gone_by_then(say: Say, name: str):
    folder = say({"name": "orders", "files": "*.csv"})
    path = put(folder / "a.csv", "id\n1\n")
    extract(get_connection(name))
    path.unlink()
    load_source(name)
    assert rows(f"select id from raw_{name}.orders") == [(1,)]


def test_a_folder_that_is_not_there_is_an_error_and_never_an_empty_one(say: Say, name: str):
    folder = say({"name": "orders", "files": "*.csv", "key": "id", "deletions": {"by": "keys"}})
    put(folder / "a.csv", "id\n1\n")
    load_source(name)
    folder.rename(folder.parent / "elsewhere")
    with pytest.raises(SourceUnavailableError, match="there is no folder"):
        load_source(name)
    assert rows(f"select count(*) from raw_{name}.orders where _deleted_at is null") == [(1,)]


def test_names_in_any_script_and_folders_below_are_read(say: Say, name: str):
    folder = say({"name": "orders", "files": "*.csv", "recursive": True})
    (folder / "2024 年" / "März").mkdir(parents=True)
    put(folder / "2024 年" / "März" / "зaказы.csv", "id,Ünï\n1,日本\n")
    put(folder / ".hidden.csv", "id\n2\n")
    load_source(name)
    assert rows(f"select _file, id, uni from raw_{name}.orders") == [("2024 年/März/зaказы.csv", 1, "日本")]


@pytest.mark.slow
def test_a_million_rows_land(say: Say, name: str):
    folder = say({"name": "orders", "files": "*.csv"})
    with (folder / "big.csv").open("w", encoding="utf-8") as target:
        target.write("id,at,amount,name\n")
        target.writelines(f"{number},2024-01-01 10:00:00,{number}.5,name {number % 1000}\n" for number in range(1_000_000))
    assert counts(load_source(name)) == (1_000_000, 1_000_000, 0, 0, 0)
    assert rows(f"select count(*), sum(id), count(distinct _line), sum(amount) from raw_{name}.orders") == [
        (1_000_000, 499_999_500_000, 1_000_000, 499_999_500_000 + 500_000.0)
    ]
