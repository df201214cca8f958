"""Names as real databases have them: words that DuckDB uses itself, colons, quotes, spaces and capitals."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml

import lake
from connectors.connection import connection_of
from connectors.connections import get_connection
from connectors.connector import connector_of
from connectors.extract import extract
from connectors.load import land_pending, load_source
from lake.errors import ConnectionFileError, SchemaChangedError


def connected(home: Path, script: str, *resources: dict[str, Any]) -> Path:
    """A connection `shop` to a SQLite file made by a script."""
    file, folder = home / "shop.db", home / "connections"
    folder.mkdir(parents=True, exist_ok=True)
    fill(file, script)
    words = {"type": "sql", "address": f"sqlite:///{file}", "resources": list(resources)}
    (folder / "shop.yaml").write_text(yaml.safe_dump(words), encoding="utf-8")
    return file


def fill(file: Path, script: str) -> None:
    with sqlite3.connect(file) as database:
        database.executescript(script)
    database.close()


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize("key", [["id"], []])
def test_a_column_called_filename_lands_like_any_other(grimoire_home: Path, key: list[str]):
    script = "create table files (id integer, filename text); insert into files values (1, 'a.pdf'), (2, 'b.pdf')"
    file = connected(grimoire_home, script, {"name": "files", "key": key})
    load_source("shop")
    fill(file, "insert into files values (3, 'c.pdf')")
    load_source("shop")
    assert rows("select id, filename from raw_shop.files order by id") == [(1, "a.pdf"), (2, "b.pdf"), (3, "c.pdf")]


def test_a_look_into_a_database_shows_tables_with_colons_quotes_and_capitals(grimoire_home: Path):
    names = ["a :b", "Order Lines", 'the "best"', "50%"]
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    connected(grimoire_home, "".join(f"create table {name} (id integer); insert into {name} values (1);" for name in quoted))
    shapes = connector_of(get_connection("shop")).inspect()
    assert {shape.name: (shape.rows, shape.sample) for shape in shapes} == {name: (1, ({"id": 1},)) for name in names}


def test_a_key_in_other_capitals_is_told_before_anything_is_staged_and_can_be_mended(grimoire_home: Path):
    script = """create table items ("ID" integer, name text); insert into items values (1, 'a');"""
    connected(grimoire_home, script, {"name": "items", "key": "id"})
    with pytest.raises(ConnectionFileError, match="no column id"):
        load_source("shop")
    connected(grimoire_home, "", {"name": "items", "key": "ID"})
    load_source("shop")
    assert rows('select "ID", name from raw_shop.items') == [(1, "a")]


def test_a_reference_to_rows_without_a_key_is_refused(grimoire_home: Path):
    connected(grimoire_home, "", {"name": "parents"}, {"name": "children", "key": "id", "references": {"parent": "parents"}})
    with pytest.raises(ConnectionFileError, match="`parents` has no key to refer to"):
        get_connection("shop")


def test_a_column_that_changes_only_its_capitals_is_told_and_writes_over_nothing(grimoire_home: Path):
    items = {"name": "items", "key": "id"}
    file = connected(grimoire_home, "create table items (id integer, name text); insert into items values (1, 'a')", items)
    load_source("shop")
    fill(file, """alter table items rename column name to "Name"; insert into items values (2, 'b')""")
    with pytest.raises(SchemaChangedError, match="a column Name beside name"):
        load_source("shop")
    assert rows("select id, name from raw_shop.items order by id") == [(1, "a")]
    fill(file, """alter table items rename column "Name" to name""")
    load_source("shop")
    assert rows("select id, name from raw_shop.items order by id") == [(1, "a"), (2, "b")]


def test_rows_whose_key_was_renamed_in_the_file_while_they_waited_are_not_lost(grimoire_home: Path):
    connected(
        grimoire_home,
        "create table items (id integer, no integer); insert into items values (1, 7)",
        {"name": "items", "key": "id"},
    )
    extract(get_connection("shop"))
    connected(grimoire_home, "", {"name": "items", "key": "ident"})
    with pytest.raises(SchemaChangedError, match="no column ident, which is its key"):
        land_pending(get_connection("shop"))
    connected(grimoire_home, "", {"name": "items", "key": "id"})
    land_pending(get_connection("shop"))
    assert rows("select id, no from raw_shop.items") == [(1, 7)]


def test_an_address_with_a_secret_behind_its_question_mark_is_refused():
    with pytest.raises(ConnectionFileError, match="holds a secret in `api_key`"):
        connection_of({"name": "shop", "type": "rest", "address": "https://api.example/v1?api_key=abc"}, origin="shop.yaml")
