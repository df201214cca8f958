"""Before the first build the project's own files say what there will be."""

from pathlib import Path

import lake
from lake.catalog import catalog
from lake.catalog_tables import highest, layer_of


def test_an_empty_lake_still_knows_what_the_project_describes(grimoire_home: Path) -> None:
    with lake.connect(read_only=True) as connection:
        known = catalog(connection)
    orders = known.find("sales__orders")
    assert (orders.is_there, orders.owner, orders.is_contract_enforced) == (False, "Sales operations", True)
    assert {"staging.stg_erp__sale_orders", "staging.stg_erp__parties"} <= set(orders.upstream)
    assert "raw_erp.sale_orders" in known.sources(orders.key)
    assert orders.rows is None and orders.built_at is None and not orders.passed
    assert "Overview" in {reader.title for reader in known.find("kpis__daily").readers}


def test_the_strictest_class_of_the_columns_is_the_tables() -> None:
    assert highest(["public", "sensitive", None, "confidential"]) == "sensitive"
    assert highest(["public", "public"]) == "public"
    assert highest([None]) is None


def test_every_schema_belongs_to_a_layer() -> None:
    schemas = ("raw_erp", "staging", "products", "event_logs", "layouts", "mining", "platform", "quarantine", "main")
    assert [layer_of(schema) for schema in schemas] == [
        "raw", "staging", "products", "event_logs", "mining", "mining", "lake", "lake", "lake",
    ]  # fmt: skip
