"""One real dbt build over the fixture company: everything passes, and what it makes is what the contracts promise."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import lake
from lake.dbt_environment import CATALOG_VARIABLE, dbt_environment, run_dbt
from lake.process_files import product_definitions, register_products
from lake.registry import processes
from mining.flattening import flattening

LOGS = ("order_to_cash", "purchase_to_pay", "lead_to_cash", "accounts_payable", "ticket_to_resolution")
CASE_VIEW = {
    "case_id": "VARCHAR",
    "activity": "VARCHAR",
    "occurred_at": "TIMESTAMP WITH TIME ZONE",
    "started_at": "TIMESTAMP WITH TIME ZONE",
    "resource": "VARCHAR",
    "source_row": "BIGINT",
}


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def manifest(built_lake: dict[str, Any], module_home: Path) -> dict[str, Any]:
    return json.loads((module_home / "dbt" / "target" / "manifest.json").read_text())


def test_every_model_data_test_and_unit_test_passes(built_lake: dict[str, Any]) -> None:
    statuses = {result["status"] for result in built_lake.values()}
    kinds = {unique_id.split(".")[0] for unique_id in built_lake}
    assert statuses == {"success", "pass", "no-op"}  # exposures have nothing to run
    assert kinds == {"model", "snapshot", "test", "unit_test", "exposure"}


def test_every_model_and_each_of_its_columns_is_described(manifest: dict[str, Any]) -> None:
    for node in models(manifest):
        assert node["description"], node["name"]
        assert all(column["description"] for column in node["columns"].values()), node["name"]


def test_every_model_with_a_key_tests_it(manifest: dict[str, Any]) -> None:
    tested = {
        node["attached_node"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and node["test_metadata"]["name"] in ("is_key", "is_compound_key")
    }
    keyed = {node["unique_id"] for node in models(manifest) if not node["name"].endswith("__event_rows")}  # a row per object, too
    assert keyed - tested == {"model.grimoire.int_workforce__activities"}  # has no key


def test_every_column_of_the_lake_is_described(built_lake: dict[str, Any], manifest: dict[str, Any]) -> None:
    there: dict[tuple[str, str], list[str]] = {}
    for schema, table, column in rows(
        "select schema_name, table_name, column_name from duckdb_columns() where database_name = 'lake' order by column_index"
    ):
        there.setdefault((schema, table), []).append(column)
    for node in models(manifest):
        assert there[node["schema"], node["name"]] == list(node["columns"]), node["name"]


def test_sources_are_read_by_staging_only(manifest: dict[str, Any]) -> None:
    for node in models(manifest):
        from_source = [name for name in node["depends_on"]["nodes"] if name.startswith("source.")]
        assert bool(from_source) == (node["fqn"][1] == "staging"), node["name"]


@pytest.mark.parametrize("log", LOGS)
def test_event_logs_meet_the_contract(built_lake: dict[str, Any], log: str) -> None:
    columns = {name: kind for name, kind, *_ in rows(f"describe event_logs.{log}")}
    assert {name: columns.get(name) for name in CASE_VIEW} == CASE_VIEW
    assert list(columns)[: len(CASE_VIEW)] == list(CASE_VIEW)
    events = {name for name, *_ in rows(f"describe event_logs.{log}__events")}
    assert {"event_id", "activity", "occurred_at", "source_row"} <= events
    assert [name for name, *_ in rows(f"describe event_logs.{log}__event_objects")] == ["event_id", "object_id", "qualifier"]
    assert [name for name, *_ in rows(f"describe event_logs.{log}__object_objects")] == ["source_id", "target_id", "qualifier"]
    assert {"object_id", "object_type"} <= {name for name, *_ in rows(f"describe event_logs.{log}__objects")}


def test_a_case_a_party_and_a_country_called_na_survive(built_lake: dict[str, Any]) -> None:
    assert rows("select distinct case_id, party_code, country from event_logs.order_to_cash where case_id = 'NA'") == [
        ("NA", "NA", "NA")
    ]
    assert rows("select customer_code, order_count from products.customers__customers where country = 'NA'") == [("NA", 1)]
    assert rows("select count(*) from event_logs.order_to_cash__objects where object_id in ('sales_order:NA', 'customer:NA')") == [
        (2,)
    ]


def test_events_of_one_moment_keep_their_recorded_order(built_lake: dict[str, Any]) -> None:
    last = rows("select activity from event_logs.order_to_cash where case_id = 'NA' order by occurred_at, source_row")[-3:]
    assert last == [("Receive Payment",), ("Clear Invoice",), ("Complete Order",)]


def test_a_delivery_for_two_orders_is_one_event_in_the_log_and_stands_in_both_cases(built_lake: dict[str, Any]) -> None:
    assert rows("select count(*) from event_logs.order_to_cash__events where document_number = 'DN000002'") == [(4,)]
    assert rows(
        "select case_id, count(*) from event_logs.order_to_cash where document_number = 'DN000002' group by 1 order by 1"
    ) == [("SO000002", 4), ("SO000003", 4)]
    with lake.connect(read_only=True) as connection:
        own = flattening(connection, "order_to_cash").to_pylist()[0]
    found = {name: own[name] for name in ("events", "case_events", "duplicated_events", "extra_copies")}
    assert found == {"events": 42, "case_events": 48, "duplicated_events": 6, "extra_copies": 6}


def test_a_declared_log_over_models_follows_an_invoice_from_receipt_through_its_due_day_to_the_money(
    built_lake: dict[str, Any],
) -> None:
    log = "event_logs.accounts_payable"
    path = f"select activity, resource from {log} where case_id = 'SI000001' order by occurred_at, source_row"
    assert rows(path) == [
        ("Receive Invoice", "Eva Kunz"), ("Block Invoice", "Eva Kunz"), ("Release Invoice", "Finn Maas"),
        ("Pay Invoice", None), ("Clear Invoice", None),
    ]  # fmt: skip
    assert rows(f"select count(*) from {log} where activity = 'Pass Due Date'") == [(1,)]  # the other's day has not come yet
    assert rows(f"select distinct object_id, qualifier from {log}__event_objects where object_id like 'payment:%' order by 1") == [
        ("payment:PY000004", "payment"), ("payment:PY000005", "payment"),
    ]  # fmt: skip
    assert rows(f"select * from {log}__object_objects order by all") == [
        ("payment:PY000004", "supplier_invoice:SI000001", "pays"), ("payment:PY000005", "supplier_invoice:SI000002", "pays"),
        ("supplier_invoice:SI000001", "purchase_order:PO000001", "bills"),
        ("supplier_invoice:SI000002", "purchase_order:PO000002", "bills"),
    ]  # fmt: skip


def test_a_declared_log_over_models_follows_a_ticket_from_opening_to_rating(built_lake: dict[str, Any]) -> None:
    log = "event_logs.ticket_to_resolution"
    assert rows(f"select case_id, activity, resource, satisfaction from {log} order by case_id, occurred_at, source_row") == [
        ("TIC000001", "Open Ticket", None, None), ("TIC000001", "First Response", "eva.kunz@example.com", None),
        ("TIC000001", "Resolve Ticket", "eva.kunz@example.com", None), ("TIC000001", "Close Ticket", None, None),
        ("TIC000001", "Rate Service", None, 4), ("TIC000002", "Open Ticket", None, None),
    ]  # fmt: skip


def test_payment_before_goods_and_buying_without_requisition_are_told(built_lake: dict[str, Any]) -> None:
    assert rows(
        "select purchase_order_number, is_maverick, is_paid_before_receipt from products.procurement__purchase_orders order by 1"
    ) == [("PO000001", False, False), ("PO000002", True, True)]


def test_open_items_and_balances_agree_with_each_other(built_lake: dict[str, Any]) -> None:
    open_now = "select sum(open_reporting_amount) from products.finance__{}"
    assert rows(open_now.format("receivables")) == [(120,)]
    assert rows(open_now.format("payables")) == [(None,)]
    assert rows("select receivables, payables from products.finance__working_capital order by day desc limit 1") == [(120, 0)]
    assert rows("select sku, on_hand_quantity, stock_value from products.inventory__products order by 1") == [
        ("A-1", 100, 600),
        ("A-2", 5, 12.5),
    ]


def test_a_second_build_changes_no_view_and_stands_in_few_snapshots(built_lake: dict[str, Any]) -> None:
    before = rows("select max(snapshot_id) from lake.snapshots()")[0][0]
    assert run_dbt("run", "--select", "staging").returncode == 0
    assert rows("select max(snapshot_id) from lake.snapshots()")[0][0] == before


def test_sources_are_fresh_or_dbt_says_so(built_lake: dict[str, Any]) -> None:
    with lake.connect() as connection:
        for schema, table in connection.execute(
            "select schema_name, table_name from duckdb_tables() where schema_name like 'raw%'"
        ).fetchall():
            connection.execute(f"update {schema}.{table} set _loaded_at = now()")
    outcome = run_dbt("source", "freshness")
    assert outcome.returncode == 0, outcome.stdout
    assert len(re.findall("PASS freshness", outcome.stdout)) == 20


def test_the_catalogs_address_is_blacked_out(built_lake: dict[str, Any], module_home: Path) -> None:
    address = dbt_environment()[CATALOG_VARIABLE]
    outcome = run_dbt("debug")
    assert "*****" in outcome.stdout
    assert address not in outcome.stdout + outcome.stderr + (module_home / "dbt" / "logs" / "dbt.log").read_text()


def test_processes_are_registered_from_the_files_beside_their_logs(built_lake: dict[str, Any]) -> None:
    assert lake.in_transaction(register_products) == sorted(LOGS)
    with lake.connect(read_only=True) as connection:
        known = {process.name: process for process in processes(connection)}
    assert set(known) == set(LOGS)
    assert known["order_to_cash"].title == "Order to cash"
    assert known["order_to_cash"].definition["case_notion"]["object_type"] == "sales_order"


def test_definitions_speak_of_columns_kpis_and_object_types_that_exist(built_lake: dict[str, Any]) -> None:
    kpis = {name for (name,) in rows("select distinct kpi from products.kpis__daily")}
    for definition in product_definitions():
        log = definition["name"]
        columns = {name for name, *_ in rows(f"describe event_logs.{log}")}
        assert set(definition["case_attributes"]) | set(definition["event_attributes"]) <= columns, log
        assert {name for (name,) in rows(f"select distinct object_type from event_logs.{log}__objects")} <= set(
            definition["object_types"]
        ), log
        assert set(definition["kpis"]) <= kpis, log


def test_nothing_is_written_into_the_project_folder(built_lake: dict[str, Any]) -> None:
    project = Path(__file__).resolve().parents[2] / "dbt_project"
    assert {path.name for path in project.iterdir()} == {
        ".dbtignore",
        "README.md",
        "dbt_project.yml",
        "event_logs",
        "kpis",
        "macros",
        "models",
        "profiles.yml",
        "snapshots",
    }


def models(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
