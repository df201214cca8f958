"""The catalog over one real dbt build: what is known of a table, and where its values come from and go to."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

import lake
from lake.catalog import Catalog, catalog
from lake.column_lineage import origins, trace
from lake.errors import UnknownTableError

# Tables of constants, what dbt adds to a version, systems that are not connected, tables the platform has not made yet.
FROM_NO_TABLE = (
    "intermediate.int_kpis__definitions", "intermediate.int_service__targets", "intermediate.int_shared__",
    "intermediate.int_builds__published", "products.shared__currencies", "snapshots.", "staging.stg_optional__",
    "staging.stg_platform__",
)  # fmt: skip


@pytest.fixture
def known(built_lake: dict[str, Any]) -> Catalog:
    with lake.connect(read_only=True) as connection:
        return catalog(connection)


def test_a_product_has_owner_contract_description_rows_age_and_checks(known: Catalog) -> None:
    orders = known.find("sales__orders")
    assert (orders.layer, orders.domain, orders.owner) == ("products", "sales", "Sales operations")
    assert orders.is_contract_enforced and orders.is_there and orders.materialization == "table"
    with lake.connect(read_only=True) as connection:
        assert connection.execute("select count(*) from products.sales__orders").fetchone() == (orders.rows,)
    assert orders.built_at is not None
    assert {check.name for check in orders.passed} >= {"sale_order_id: is_key", "customer_id: relationships"}
    assert not orders.failed


def test_columns_have_the_lakes_type_and_dbts_words_and_tests(known: Catalog) -> None:
    column = next(one for one in known.find("sales__orders").columns if one.name == "sale_order_number")
    assert (column.type, column.tests) == ("varchar", ("is_key",))
    assert column.description.startswith("The sales order's number")


def test_every_table_of_the_lake_is_in_the_catalog_once_and_in_the_order_of_the_layers(known: Catalog) -> None:
    with lake.connect(read_only=True) as connection:
        sql = "select table_schema || '.' || table_name from information_schema.tables where table_catalog = 'lake'"
        there = {name for (name,) in connection.execute(sql).fetchall()}
    assert {key for key, table in known.tables.items() if table.is_there} == there
    layers = [table.layer for table in known.tables.values()]
    assert layers == sorted(layers, key=module_order)


def module_order(layer: str) -> int:
    from lake.catalog_tables import LAYERS

    return LAYERS.index(layer)


def test_lineage_leads_from_the_source_tables_to_the_pages(known: Catalog) -> None:
    above = known.ancestors("products.kpis__daily")
    assert "raw_erp.sale_orders" in above and "staging.stg_erp__sale_orders" in above
    below = known.descendants("raw_erp.sale_orders")
    assert {"products.sales__orders", "event_logs.order_to_cash", "products.kpis__weekly"} <= set(below)
    assert {reader.title for reader in known.find("kpis__daily").readers} >= {"Overview", "Forecasts"}
    assert "raw_erp.sale_orders" in known.sources("event_logs.order_to_cash")


def test_a_column_is_followed_both_ways_and_copies_are_told_from_computing(known: Catalog) -> None:
    way = trace(known, "products.sales__orders", "customer_name")
    pairs = {(one, two) for one, two in way.upstream}
    assert (("raw_erp.parties", "name"), ("staging.stg_erp__parties", "party_name")) in pairs
    assert (("products.sales__orders", "customer_name"), ("event_logs.order_to_cash", "party")) in way.downstream
    assert way.kinds["products.sales__orders", "customer_name"] == "copied"
    assert not way.unresolved
    late = trace(known, "products.sales__orders", "is_on_time")
    assert late.kinds["products.sales__orders", "is_on_time"] == "computed"
    sources = {one for one, two in late.upstream if two == ("products.sales__orders", "is_on_time")}
    assert ("staging.stg_erp__sale_orders", "requested_date") in sources


def test_nearly_every_column_is_resolved_and_the_others_are_said_not_to_be(known: Catalog) -> None:
    found = origins(known, [key for key, table in known.tables.items() if table.compiled_sql])
    columns = [(key, name, origin) for key, names in found.items() for name, origin in names.items()]
    lost = [f"{key}.{name}" for key, name, origin in columns if origin.kind == "unresolved"]
    assert len(columns) > 1000
    assert len([name for name in lost if not name.startswith(FROM_NO_TABLE)]) < 0.03 * len(columns), lost
    assert trace(known, "products.kpis__daily", "title").unresolved


def test_the_origins_are_kept_so_that_they_are_worked_out_once(known: Catalog, module_home: Path) -> None:
    origins(known, ["products.sales__orders"])
    path = module_home / "dbt" / "column_lineage.json"
    words = json.loads(path.read_text())
    words["products.sales__orders"]["columns"] = {"kept": ["computed", []]}
    path.write_text(json.dumps(words))
    assert list(origins(known, ["products.sales__orders"])["products.sales__orders"]) == ["kept"]
    path.unlink()


def test_a_name_that_is_not_there_is_met_with_names_written_alike(known: Catalog) -> None:
    with pytest.raises(UnknownTableError, match="sales__orders"):
        known.find("sales_order")
    with pytest.raises(UnknownTableError, match="customer_name"):
        trace(known, "products.sales__orders", "costumer")


def test_asking_again_costs_next_to_nothing(known: Catalog) -> None:
    with lake.connect(read_only=True) as connection:
        catalog(connection)
        began = time.perf_counter()
        assert catalog(connection) is catalog(connection)
        assert time.perf_counter() - began < 0.5


def test_a_new_snapshot_gets_a_new_catalog(known: Catalog) -> None:
    lake.in_transaction(lambda connection: connection.execute("create table products.made_by_hand as select 1 as n"))
    with lake.connect(read_only=True) as connection:
        found = catalog(connection).find("made_by_hand")
    lake.in_transaction(lambda connection: connection.execute("drop table products.made_by_hand"))
    assert (found.rows, found.owner, found.classification) == (1, "", None)
