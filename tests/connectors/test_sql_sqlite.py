"""SQLite files, in which a declared type promises nothing: what the values are decides, and none is lost."""

import sqlite3
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

import lake
from connectors.connections import get_connection
from connectors.connector import connector_of
from connectors.load import load_source
from lake.errors import SourceUnavailableError


def write(home: Path, name: str, **words: Any) -> None:
    folder = home / "connections"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(words), encoding="utf-8")


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def fill(path: Path, script: str) -> None:
    with sqlite3.connect(path) as database:
        database.executescript(script)
    database.close()


TRAPS = """
create table odd (
    id integer primary key, day date, moment datetime, paid boolean, price decimal(10, 2), share decimal(10, 2), code integer,
    epoch datetime, picture blob, note text, loose, noon date);
insert into odd values
    (1, '2024-02-29', '2024-02-29 10:00:00', 1, 12.5, 0.333333, 'A-7', 1709200800, x'00ff', '007', 1, '2024-01-01 12:00:00'),
    (2, null, '2024-02-29T11:30:00.250', 0, 3, 0.5, '12', 1709200900, null, '', 2.5, '2024-01-02'),
    (9007199254740993, '2024-03-01', null, null, null, 1, null, null, null, null, null, null);
"""


@pytest.fixture(scope="module")
def home_with_traps(module_home: Path) -> Path:
    file = module_home / "odd ä.db"
    module_home.mkdir(parents=True, exist_ok=True)
    fill(file, TRAPS)
    write(
        module_home,
        "odd",
        type="sql",
        address=f"sqlite:///{file}",
        time_zone="Europe/Berlin",
        resources=[{"name": "odd", "key": "id"}],
    )
    load_source("odd")
    return module_home


def test_the_values_decide_a_columns_type_and_none_of_them_is_bent(home_with_traps: Path):
    columns = "id, day, epoch_ms(moment), paid, price, share, code, epoch, picture, note, loose"
    assert rows(f"select {columns} from raw_odd.odd order by id") == [
        (1, date(2024, 2, 29), 1709197200000, True, Decimal("12.50"), 0.333333, "A-7",
         1709200800, b"\x00\xff", "007", 1.0),
        (2, None, 1709202600250, False, Decimal("3.00"), 0.5, "12", 1709200900, None, "", 2.5),
        (9007199254740993, date(2024, 3, 1), None, None, None, 1.0, None, None, None, None, None),
    ]  # fmt: skip
    kinds = dict(rows("select column_name, data_type from duckdb_columns() where schema_name = 'raw_odd' and table_name = 'odd'"))
    assert kinds["noon"] == "TIMESTAMP WITH TIME ZONE"  # a declared date that holds times of day would lose them
    assert rows("select count(*) from quarantine.rows") == [(0,)]


def test_the_file_is_opened_read_only(home_with_traps: Path):
    connector: Any = connector_of(get_connection("odd"))
    engine = connector.engine()
    with engine.connect() as connection, pytest.raises(Exception, match="readonly"):
        connection.exec_driver_sql("insert into odd (id) values (5)")
    engine.dispose()


def test_a_look_tells_types_keys_references_and_some_rows(home_with_traps: Path):
    fill(home_with_traps / "odd ä.db", "create table child (id integer primary key, odd_id integer references odd (id))")
    shapes = {shape.name: shape for shape in connector_of(get_connection("odd")).inspect()}
    assert shapes["odd"].key == ("id",)
    assert shapes["odd"].rows == 3
    assert shapes["odd"].columns["price"] == "decimal(10, 2)"
    assert shapes["odd"].sample[0]["note"] == "007"
    assert shapes["child"].references == {"odd_id": "odd"}


def test_a_missing_file_is_named_and_none_is_made(grimoire_home: Path, tmp_path: Path):
    write(
        grimoire_home,
        "gone",
        type="sql",
        address=f"sqlite:///{tmp_path}/gone.db",
        retries=0,
        resources=[{"name": "a", "key": "id"}],
    )
    health = connector_of(get_connection("gone")).check()
    assert not health.is_well
    assert "gone.db" in health.said
    with pytest.raises(SourceUnavailableError, match=r"There is no file .*gone\.db"):
        load_source("gone")
    assert not (tmp_path / "gone.db").exists()


def test_cursors_may_be_empty_computed_text_or_numbers(grimoire_home: Path, tmp_path: Path):
    file = tmp_path / "shop.db"
    fill(
        file,
        """
        create table notes (id integer primary key, create_date timestamp, write_date timestamp, body text);
        insert into notes values (1, '2024-01-01 08:00:00', null, 'new'), (2, '2024-01-01 08:00:00', '2024-02-01 09:00:00', 'old'),
            (3, null, null, 'undated');
        create table steps (id integer primary key, version integer, name text);
        insert into steps values (1, 100, 'a'), (2, 5000, 'b');
        """,
    )
    notes = {
        "name": "notes", "key": "id", "cursor": "changed_at", "cursor_expression": "coalesce(write_date, create_date)",
    }  # fmt: skip
    steps = {"name": "steps", "key": "id", "cursor": {"column": "version", "lag": 10}}
    joined = {
        "name": "joined",
        "key": "id",
        "query": "select n.id, s.name from notes n join steps s on s.id = n.id where s.name <> ':x'",
    }
    write(grimoire_home, "shop", type="sql", address=f"sqlite:///{file}", resources=[notes, steps, joined])
    first = {load.name: load.rows_landed for load in load_source("shop").tables}
    assert first == {"notes": 3, "steps": 2, "joined": 2}
    fill(
        file,
        """
        insert into notes values (4, '2024-02-01 08:58:00', null, 'committed late'),
            (5, '2023-01-01 00:00:00', null, 'too old to be seen');
        update notes set body = 'still undated' where id = 3;
        update notes set body = 'older', write_date = '2024-02-01 09:00:00' where id = 2;
        insert into steps values (3, 4995, 'c'), (4, 4000, 'unseen');
        """,
    )
    second = {load.name: (load.rows_extracted, load.rows_inserted, load.rows_updated) for load in load_source("shop").tables}
    assert second == {"notes": (3, 1, 2), "steps": (2, 1, 0), "joined": (4, 2, 0)}
    assert rows("select id from raw_shop.notes order by id") == [(1,), (2,), (3,), (4,)]
