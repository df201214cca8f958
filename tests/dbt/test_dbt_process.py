"""The waiting dbt: a build is one snapshot of the lake, and what a failure touches keeps its last good tables."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import lake
from lake.dbt_environment import dbt_environment
from lake.dbt_process import OUTCOME, PROGRESS, command, start

Lines = list[dict[str, dict[str, object]]]


def build(*words: str) -> tuple[int, Lines]:
    """Exit code and log of a build."""
    environment = {**os.environ, **dbt_environment()}
    process = start(environment, environment["DBT_PROJECT_DIR"])
    command(process, "build", *words)
    said, _ = process.communicate(timeout=300)
    return process.returncode, [json.loads(line) for line in said.decode().splitlines() if line.startswith("{")]


def fill(*statements: str) -> None:
    with lake.connect() as connection:
        connection.begin()
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def ask(sql: str) -> list[tuple[object, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def names(log: Lines) -> list[object]:
    return [line["info"]["name"] for line in log]


def outcome(log: Lines) -> dict[str, dict[str, str]]:
    assert log[-1]["info"]["name"] == OUTCOME, log[-3:]
    return log[-1]["data"]  # type: ignore[return-value]


def versions() -> dict[str, str]:
    """What every table of products and event logs holds, as a digest."""
    tables = ask("select schema_name, table_name from duckdb_tables() where schema_name in ('products', 'event_logs')")
    return {f"{table}": str(ask(f"select bit_xor(hash(t)), count(*) from {schema}.{table} t")) for schema, table in tables}


@pytest.fixture
def good(grimoire_home: Path, raw_layer: tuple[str, str]) -> Iterator[dict[str, str]]:
    """A lake that was built well; every ticket and every order has changed since."""
    fill(*raw_layer)
    before = ask("select max(snapshot_id) from lake.snapshots()")[0][0]
    code, log = build()
    assert code == 0, log[-3:]
    assert ask("select max(snapshot_id) from lake.snapshots()") == [(int(str(before)) + 1,)]
    models, tests = names(log).count("LogModelResult"), names(log).count("LogTestResult")
    assert models > 50 and tests > 100
    assert names(log).count(PROGRESS) == models + tests, "each finished node is told of while readers see none of them yet"
    assert outcome(log) == {"is_published": True, "failures": {}, "left_out": {}}
    fill("update raw_crm.tickets set priority = 'urgent'", "update raw_erp.sale_orders set currency = 'USD'")
    yield versions()


def test_a_failed_test_keeps_what_hangs_on_it_and_publishes_the_rest_at_once(good: dict[str, str]) -> None:
    fill("insert into raw_erp.products from raw_erp.products limit 1")  # a key that is there twice
    before = ask("select max(snapshot_id) from lake.snapshots()")[0][0]
    code, log = build()
    assert code == 1
    told = outcome(log)
    assert any("is_key_stg_erp__products" in name for name in told["failures"]), told["failures"]
    assert "sales__order_lines" in told["left_out"] and "customers__tickets" not in told["left_out"]
    assert ask("select max(snapshot_id) from lake.snapshots()") == [(int(str(before)) + 1,)]
    assert ask("select distinct priority from products.customers__tickets") == [("urgent",)]
    after = versions()
    assert {name for name in good if after[name] != good[name]}.isdisjoint(told["left_out"])
    shown = [line["data"]["node_info"]["node_name"] for line in log if line["info"]["name"] == "LogTestResult"]
    assert len(shown) == len(set(shown)), "each test is told of once, the failed ones too"
    assert set(told["failures"]) <= set(shown)

    fill("delete from raw_erp.products", "insert into raw_erp.products select * from raw_erp.products at (version => 1)")
    code, log = build()
    assert code == 0, "the next run heals"
    assert outcome(log)["left_out"] == {}


def test_a_row_that_breaks_a_contract_and_a_model_that_cannot_run_do_not_stop_the_other_domains(good: dict[str, str]) -> None:
    fill(
        "update raw_crm.tickets set opened_at = null",  # not null says the contract
        "alter table raw_crm.opportunities drop column amount",  # staging reads it by name
    )
    code, log = build()
    assert code == 1
    told = outcome(log)
    assert {"customers__tickets", "stg_crm__opportunities"} <= set(told["failures"])
    after = versions()
    for kept in ("customers__tickets", "customers__opportunities", "lead_to_cash"):
        assert kept in told["left_out"] and after[kept] == good[kept]
    assert ask("select distinct priority from products.customers__tickets") != [("urgent",)]
    assert after["sales__orders"] != good["sales__orders"] or "sales__orders" in told["left_out"]
    assert after["procurement__purchase_orders"] == good["procurement__purchase_orders"], "nothing of it has changed"


def test_a_part_is_one_transaction_too(good: dict[str, str]) -> None:
    fill("update raw_crm.tickets set opened_at = null")
    code, log = build("--select", "customers__tickets sales__orders")
    assert code == 1
    assert set(outcome(log)["left_out"]) == {"customers__tickets"}
    after = versions()
    assert after["customers__tickets"] == good["customers__tickets"]
    assert after["procurement__requisitions"] == good["procurement__requisitions"]


def test_a_build_that_is_killed_shows_nothing_and_the_next_one_heals(good: dict[str, str]) -> None:
    environment = {**os.environ, **dbt_environment()}
    process = start(environment, environment["DBT_PROJECT_DIR"])
    command(process, "build")
    assert process.stdout is not None
    told = 0
    for line in process.stdout:
        told += PROGRESS.encode() in line
        if b"customers__tickets" in line or told > 250:
            break
    assert versions() == good, "readers see nothing of a build that is under way"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert versions() == good
    code, _ = build()
    assert code == 0
    assert ask("select distinct priority from products.customers__tickets") == [("urgent",)]


def test_a_view_that_stays_can_still_be_read_when_what_it_reads_was_to_change(good: dict[str, str], grimoire_home: Path) -> None:
    folder = grimoire_home / "dbt" / "project" / "generated"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "base.sql").write_text("select ticket_id, subject from {{ ref('stg_crm__tickets') }}")
    (folder / "shown.sql").write_text("{{ config(materialized='view') }} select ticket_id, subject from {{ ref('base') }}")
    assert build()[0] == 0
    (folder / "base.sql").write_text("select ticket_id as number from {{ ref('stg_crm__tickets') }}")
    (folder / "shown.sql").write_text("{{ config(materialized='view') }} select nonsense from {{ ref('base') }}")
    code, log = build()
    assert code == 1
    assert {"base", "shown"} <= set(outcome(log)["left_out"])
    assert ask("select count(subject) > 0 from products.shown") == [(True,)]
