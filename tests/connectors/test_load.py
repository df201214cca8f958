"""Loads of a small real ERP in a real PostgreSQL: what lands, what is held back, what a crash or a changed source does."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

import lake
from connectors.demo.connections import demo_connections
from connectors.extract import extract
from connectors.load import LoadReport, TableLoad, load_source
from connectors.packages import pending
from lake.database import DEMO_ERP
from lake.errors import QualityGateError, SourceUnavailableError, UnknownConnectionError

SCHEMA = Path(__file__).resolve().parents[2] / "connectors" / "demo" / "erp_schema.sql"
ERP = demo_connections()["erp"]

ROWS = """
insert into employees select i, 'Employee ' || i, i || '@example.com', 'Sales North', 'clerk', true, '2024-01-01', '2024-01-01'
    from generate_series(1, 5) i;
insert into parties select i, 'P' || i, 'Party ' || i, 'customer', 'DE', 'Berlin', 'small', null, 30, 1000.50, null, '2024-01-01',
    '2024-01-01' from generate_series(1, 10) i;
insert into products select i, 'S' || i, 'Product ' || i, 'bolts', 'pc', 10, 5, 1, '2024-01-01', '2024-01-01'
    from generate_series(1, 10) i;
insert into sale_orders select i, 'SO' || i, 1 + i % 10, null, 1 + i % 5, '2024-01-01', '2024-02-01', 'EUR', 'done', 100.25,
    '2024-01-01', timestamptz '2024-01-02' + i * interval '1 hour' from generate_series(1, 200) i;
insert into sale_order_lines select i, i, 1, 1 + i % 10, 2, 50, 0, 100, '2024-01-01',
    timestamptz '2024-01-02' + i * interval '1 hour' from generate_series(1, 200) i;
"""


def sale_order(number: int) -> str:
    values = f"{number}, 'SO{number}', 1, null, 1, '2024-01-01', '2024-02-01', 'EUR', 'done', 1, '2024-03-01', '2024-03-01'"
    return f"insert into sale_orders values ({values})"


def erp(*statements: str) -> None:
    with psycopg.connect(lake.libpq_dsn(lake.database_url(DEMO_ERP)), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def without_constraints() -> None:
    """Lets the ERP hold what a real one with weaker rules may hold."""
    with psycopg.connect(lake.libpq_dsn(lake.database_url(DEMO_ERP)), autocommit=True) as connection:
        found = connection.execute(
            "select conrelid::regclass::text, conname from pg_constraint"
            " where contype in ('f', 'c') and connamespace = 'public'::regnamespace"
        ).fetchall()
        for table, name in found:
            connection.execute(f'alter table {table} drop constraint "{name}"')
        for table, column in (("sale_orders", "party_id"), ("sale_orders", "updated_at"), ("parties", "name")):
            connection.execute(f"alter table {table} alter column {column} drop not null")


@pytest.fixture
def small_erp(grimoire_home: Path) -> Iterator[Path]:
    erp(SCHEMA.read_text(encoding="utf-8"), ROWS)
    without_constraints()
    yield grimoire_home


def rows(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def of(report: LoadReport, table: str) -> TableLoad:
    return next(load for load in report.tables if load.name == table)


def test_the_first_load_lands_all_and_the_next_only_what_changed(small_erp: Path):
    first = load_source("erp")
    assert {load.name: load.rows_landed for load in first.tables if load.rows_landed} == {
        "employees": 5, "parties": 10, "products": 10, "sale_orders": 200, "sale_order_lines": 200,
    }  # fmt: skip
    assert all(check.passed for load in first.tables for check in load.checks)
    assert rows(
        "select count(*), count(distinct _load_id), min(total_amount), typeof(min(total_amount)) from raw_erp.sale_orders"
    ) == [(200, 1, 100.25, "DECIMAL(14,2)")]
    assert rows("select count(*) from raw_erp.change_log") == [(0,)]  # an empty table is there, too
    again = load_source("erp")
    assert sum(load.rows_landed for load in again.tables) == 0
    assert {check.detail for check in of(again, "sale_orders").checks if "is filled" in check.check_name} == {"no new rows"}
    erp(
        "update sale_orders set state = 'cancelled', updated_at = '2024-03-01' where id = 7",
        sale_order(201),
    )
    third = load_source("erp")
    assert of(third, "sale_orders").rows_landed == 2
    assert rows(
        "select id, state from raw_erp.sale_orders where _load_id = (select max(_load_id) from raw_erp.sale_orders) order by id"
    ) == [
        (7, "cancelled"),
        (201, "done"),
    ]
    assert rows("select count(*) from raw_erp.sale_orders") == [(201,)]
    assert rows("select sum(rows_landed)::bigint, count(distinct load_id) from platform.loads") == [(427, 3)]


def test_a_row_committed_late_with_an_earlier_time_is_not_missed(small_erp: Path):
    load_source("erp")
    erp(
        "insert into parties select 11, 'P11', 'Late', 'customer', 'DE', 'Bonn', 'small', null, 30, 0, null, '2024-01-01',"
        " '2023-12-31 23:57+00'"
    )
    assert of(load_source("erp"), "parties").rows_landed == 1


def test_bad_rows_are_held_back_with_rule_and_reason_and_land_once_they_are_good(small_erp: Path):
    erp(
        "update sale_order_lines set order_id = 999 where id = 3",
        "update sale_orders set created_at = '1066-10-14' where id = 4",
        "update parties set name = null where id = 5",
        "update sale_orders set state = 'enchanted' where id = 6",
    )
    report = load_source("erp")
    held = {load.name: load.rows_quarantined for load in report.tables if load.rows_quarantined}
    assert held == {"parties": 1, "sale_orders": 20, "sale_order_lines": 21}  # 20 orders of party 5, and their lines, wait with it
    assert rows("select count(*) from raw_erp.sale_orders") == [(180,)]
    found = {
        (table, key): (rule, reason)
        for table, key, rule, reason in rows("select table_name, row_key, rule, reason from quarantine.rows")
    }
    assert found["sale_order_lines", "3"] == ("order_id is known in sale_orders", "order_id is known in sale_orders, but is: 999")
    assert found["sale_orders", "4"][1].endswith("but is: 1066-10-14 00:00:00+00")
    assert found["parties", "5"] == ("name is filled", "name is filled, but is: empty")
    warned = next(check for check in of(report, "sale_orders").checks if check.check_name.startswith("state is one of"))
    assert (warned.passed, warned.severity, warned.rows_failed) == (False, "warning", 1)
    assert rows("select state from raw_erp.sale_orders where id = 6") == [("enchanted",)]
    noted = rows("select count(*) from quarantine.rows")
    load_source("erp")
    assert rows("select count(*) from quarantine.rows") == noted
    erp(
        "update parties set name = 'Mended', updated_at = '2024-03-01' where id = 5",
        sale_order(999),
    )
    mended = load_source("erp")
    assert {load.name: load.rows_landed for load in mended.tables if load.rows_landed} == {
        "parties": 1, "sale_orders": 20, "sale_order_lines": 20,
    }  # fmt: skip
    assert rows("select count(*) from raw_erp.sale_order_lines") == [(199,)]


def test_a_poisoned_table_closes_the_gate_until_the_source_is_mended(small_erp: Path):
    erp("update sale_orders set party_id = 4711 where id <= 100")
    with pytest.raises(QualityGateError, match="no more than 20% of the rows are bad"):
        load_source("erp")
    assert rows("select count(*) from duckdb_tables() where schema_name = 'raw_erp'") == [(0,)]
    assert rows("select count(*) > 0 from platform.check_results where not passed and blocking") == [(True,)]
    assert pending(ERP).load_ids
    erp("update sale_orders set party_id = 1, updated_at = '2024-03-01' where id <= 100")
    assert of(load_source("erp"), "sale_orders").rows_landed == 200
    assert not pending(ERP).load_ids


def test_a_new_column_is_added_and_one_that_goes_is_reported(small_erp: Path):
    load_source("erp")
    erp(
        "alter table parties add column loyalty integer",
        "update parties set loyalty = 3, updated_at = '2024-03-01' where id = 1",
        "alter table parties drop column email",
    )
    report = load_source("erp")
    assert rows("select id, loyalty, email from raw_erp.parties order by id limit 2") == [(1, 3, None), (2, None, None)]
    check = next(check for check in of(report, "parties").checks if check.check_name == "columns are all there")
    assert (check.passed, check.severity, check.detail) == (False, "warning", "the source no longer has email")


def test_a_needed_column_that_goes_closes_the_gate(small_erp: Path):
    load_source("erp")
    erp("alter table sale_orders drop column party_id")
    with pytest.raises(QualityGateError, match="no longer has party_id"):
        load_source("erp")


def test_a_column_whose_type_changed_lands_what_fits_and_holds_the_rest_back(small_erp: Path):
    load_source("erp")
    erp(
        "alter table parties alter column payment_term_days type text",
        "update parties set payment_term_days = '45', updated_at = '2024-03-01' where id = 1",
        "update parties set payment_term_days = 'on delivery', updated_at = '2024-03-01' where id = 2",
    )
    assert of(load_source("erp"), "parties").rows_quarantined == 1
    assert rows("select payment_term_days from raw_erp.parties where id <= 2 order by id") == [(45,), (30,)]
    assert rows("select reason from quarantine.rows") == [("values fit the lake's types, but is: payment_term_days on delivery",)]
    load_source("erp")
    assert rows("select payment_term_days from raw_erp.parties where id = 2") == [(30,)]


@pytest.mark.parametrize("moment", ["Reading", "Checking", "Landing"])
def test_a_load_killed_on_its_way_shows_nothing_and_loses_nothing(small_erp: Path, moment: str):
    program = (
        "import os, signal\nfrom connectors.load import load_source\n"
        f"def kill(words, done):\n    if words.startswith({moment!r}): os.kill(os.getpid(), signal.SIGKILL)\n"
        "load_source('erp', progress=kill)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=SCHEMA.parents[2], env=os.environ, check=False)
    assert done.returncode == -signal.SIGKILL
    assert rows("select count(*) from duckdb_tables() where schema_name = 'raw_erp'") == [(0,)]
    assert of(load_source("erp"), "sale_orders").rows_landed == 200


def test_staged_rows_land_with_the_next_run_even_if_the_source_has_moved_on(small_erp: Path):
    extract(ERP)
    erp("update sale_orders set state = 'cancelled', updated_at = '2024-03-01' where id = 1")
    load_source("erp")
    assert rows("select count(*), count(*) filter (state = 'cancelled') from raw_erp.sale_orders") == [(200, 1)]
    assert not list((small_erp / "landing" / "erp" / "staged").glob("*orders*/*.parquet"))  # no second copy is kept


def test_a_source_that_lacks_a_table_is_named_and_the_next_load_is_whole(small_erp: Path):
    erp("alter table payments rename to payments_old")
    with pytest.raises(SourceUnavailableError, match="ERP could not be read: payments"):
        load_source("erp")
    erp("alter table payments_old rename to payments")
    assert of(load_source("erp"), "sale_orders").rows_landed == 200


def test_an_unknown_source_is_refused_with_the_known_ones(grimoire_home: Path):
    with pytest.raises(UnknownConnectionError, match="erp, crm"):
        load_source("sap")


@pytest.mark.slow
def test_the_crm_is_read_over_http_page_by_page_and_then_only_what_is_new(grimoire_home: Path):
    from connectors import demo

    company = demo.bring_up()
    report = load_source("crm")
    assert {load.name: load.rows_landed for load in report.tables} == {
        name.removeprefix("crm."): count for name, count in company.rows.items() if name.startswith("crm.")
    }
    assert all(check.passed for load in report.tables for check in load.checks)
    kinds = dict(
        rows("select column_name, data_type from duckdb_columns() where schema_name = 'raw_crm' and table_name = 'tickets'")
    )
    assert kinds["opened_at"] == kinds["solved_at"] == "TIMESTAMP WITH TIME ZONE"
    assert rows("select max(updated_at) < ? from raw_crm.opportunities".replace("?", "timestamptz '2026-01-02'")) == [(True,)]
    assert sum(load.rows_landed for load in load_source("crm").tables) == 0
    later = demo.advance(7)
    assert sum(load.rows_landed for load in load_source("crm").tables) > 0
    assert rows("select count(*) from raw_crm.tickets") == [(later.rows["crm.tickets"],)]
    assert later.now == datetime(2026, 1, 8, tzinfo=UTC)
