"""The check of personal columns as the road runs it: recorded when it says something new, and cheap when nothing changed."""

import json
from pathlib import Path

import pytest

import lake
from orchestration.checked import check_classes

TABLE = "products.customers__tickets"
FOUND = "select passed, rows_failed, severity from platform.check_results where check_name = 'personal columns are classified'"


def build(rows: str) -> None:
    def work(connection) -> None:
        connection.execute("create schema if not exists products; create schema if not exists platform")
        connection.execute(f"create or replace table {TABLE} as {rows}")

    lake.in_transaction(work)


def check() -> list[bool]:
    return [result.passed for result in check_classes([TABLE, "products.never_built"], progress=lambda said, done: None)]


@pytest.fixture
def tickets(grimoire_home: Path) -> Path:
    from lake.journal import ensure_platform_tables

    lake.in_transaction(ensure_platform_tables)
    build("select 'p' || i || '@example.com' as told_by, 'x' as state from range(20) r(i)")
    return grimoire_home


def test_a_column_nobody_knows_that_holds_addresses_fails_and_is_recorded_once(tickets: Path) -> None:
    assert check() == [False]
    assert check() == [False]
    assert lake.query(FOUND).fetchall() == [(False, 1, "error")]


def test_a_change_that_makes_it_harmless_is_recorded_too(tickets: Path) -> None:
    check()
    build("select 'window ' || i as told_by, 'x' as state from range(20) r(i)")
    assert check() == [True]
    assert sorted(lake.query(FOUND).fetchall()) == [(False, 1, "error"), (True, 0, "error")]


def test_nothing_is_scanned_again_while_nothing_has_changed(tickets: Path) -> None:
    check()
    kept = next((tickets / "dbt" / "classified").glob("*.json"))
    words = json.loads(kept.read_text())
    words["results"][0]["passed"] = True  # only what is kept can say so
    kept.write_text(json.dumps(words))
    assert check() == [True]


def test_every_product_and_event_log_has_the_check(grimoire_home: Path) -> None:
    from orchestration.defs.classify import STEP, checked_models

    steps = checked_models()
    assert set(steps) == {STEP, f"{STEP}_accounts_payable", f"{STEP}_ticket_to_resolution"}  # a declared log has its own step
    assert "event_logs.accounts_payable" in steps[f"{STEP}_accounts_payable"]
    assert {"products.sales__orders", "event_logs.order_to_cash", "event_logs.order_to_cash__objects"} <= set(steps[STEP])
