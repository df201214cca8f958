"""A source whose columns change: the lake's columns follow, or a check fails that says so; never nulls where values were."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lake
from connectors import manage
from connectors.connections import connections
from connectors.dbt_files import write_dbt_files
from connectors.load import TableLoad, load_source
from lake.dbt_environment import run_dbt

pytestmark = pytest.mark.slow
MAPPING = {"rename": {"total": "amount"}, "expression": {"placed_at": "make_timestamptz(2026, 1, id::int, 0, 0, 0)"}}
LOG = {
    "name": "ordering",
    "case": "order",
    "objects": {"order": {"from": "orders", "id": "id", "attributes": {"amount": {"expression": "amount", "type": "bigint"}}}},
    "events": [{"activity": "Order", "from": "orders", "at": "placed_at", "objects": {"order": "id"}}],
}


@pytest.fixture
def shop(grimoire_home: Path) -> Iterator[Path]:
    """A connection to a database of two orders, landed."""
    grimoire_home.mkdir(exist_ok=True)
    path = grimoire_home / "shop.db"
    change(path, "create table orders (id integer primary key, total int, fax text)", "insert into orders values (1, 10, '1')")
    orders = {"name": "orders", "key": "id", "mapping": MAPPING}
    manage.add({"name": "shop", "type": "sql", "address": f"sqlite:///{path}", "resources": [orders], "event_logs": [LOG]})
    load()
    assert build() == set()
    yield path


def change(path: Path, *statements: str) -> None:
    with sqlite3.connect(path) as database:
        for statement in statements:
            database.execute(statement)
    database.close()


def load() -> TableLoad:
    return load_source("shop").tables[0]


def failed(loaded: TableLoad) -> set[str]:
    return {check.check_name for check in loaded.checks if not check.passed}


def build() -> set[str]:
    """The models and tests of the connection that fail."""
    import json

    write_dbt_files(connections().values())
    run_dbt("build", "--select", "source:shop+")
    results = json.loads((lake.get_settings().home / "dbt" / "target" / "run_results.json").read_text())["results"]
    return {one["unique_id"].split(".")[2] for one in results if one["status"] in ("error", "fail")}


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_a_new_column_is_there_as_far_as_staging(shop: Path) -> None:
    change(shop, "alter table orders add column note text", "insert into orders values (2, 20, '2', 'gift')")
    assert failed(load()) == {"columns are those known"}
    assert build() == set()
    assert rows("select id, amount, note from staging.stg_shop__orders order by id") == [(1, 10, None), (2, 20, "gift")]


@pytest.mark.parametrize(
    "statement",
    ["alter table orders rename column total to sum", "alter table orders drop column total"],
    ids=["renamed", "dropped"],
)
def test_a_column_that_is_gone_fails_a_check_by_name(shop: Path, statement: str) -> None:
    change(shop, statement, "insert into orders (id, fax) values (2, '2')")
    assert "columns are all there" in failed(load())
    (only,) = build()
    assert only.startswith("source_shows_its_columns_stg_shop__orders")
    assert rows("select count(*), count(amount) from event_logs.shop_ordering") == [(1, 1)], "nothing was made of the nulls"


def test_a_column_that_is_gone_and_that_nothing_reads_is_told_and_stops_nothing(shop: Path) -> None:
    change(shop, "alter table orders drop column fax", "insert into orders values (2, 20)")
    assert "columns are all there" in failed(load())
    assert build() == set()
    assert rows("select count(*), count(amount) from event_logs.shop_ordering") == [(2, 2)]


@pytest.mark.parametrize(("kind", "value", "landed"), [("smallint", "20", 2), ("text", "'a lot'", 1)], ids=["narrowed", "widened"])
def test_values_of_another_type_land_where_they_fit_and_are_held_back_where_not(
    shop: Path, kind: str, value: str, landed: int
) -> None:
    change(
        shop,
        "alter table orders rename to before",
        f"create table orders (id integer primary key, total {kind}, fax text)",
        "insert into orders select * from before",
        f"insert into orders values (2, {value}, '2')",
    )
    loaded = load()
    assert loaded.rows_quarantined == 2 - landed
    assert failed(loaded) == (set() if landed == 2 else {"columns are those known", "values fit the lake's types"})
    assert build() == set()
    assert rows("select count(*), count(amount) from event_logs.shop_ordering") == [(landed, landed)]
