"""The waiting dbt: a build is one snapshot of the lake, and what a failure touches keeps its last good tables."""

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import lake
from connectors.landing_gate import GONE
from lake.dbt_environment import dbt_environment, generated_folder
from lake.dbt_process import OUTCOME, PROGRESS, command, start
from lake.journal import CheckResult, ensure_platform_tables, record_checks
from lake.maintenance import maintain
from lake.versions import relation_version

Lines = list[dict[str, dict[str, object]]]
MONTHS = "{{{{ config(materialized='table', partitioned_by='year(moment), month(moment)') }}}} {}"
SAID_AS_IT_WAS = {"accepted_values": {"arguments": {"values": ["as it was"]}}}


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


@pytest.fixture(scope="module")
def built(module_home: Path, raw_layer: tuple[str, str]) -> int:
    """A lake that was built well; the number of the snapshot in which its raw rows are as the fixture has them."""
    fill(*raw_layer)
    before = snapshot()
    code, log = build()
    assert code == 0, log[-3:]
    assert snapshot() == before + 1
    models, tests = names(log).count("LogModelResult"), names(log).count("LogTestResult")
    kept = names(log).count("LogSnapshotResult")
    assert models > 50 and tests > 100 and kept == 2
    assert names(log).count(PROGRESS) == models + tests + kept, "finished nodes are told of while readers see none of them yet"
    assert outcome(log) == {"is_published": True, "failures": {}, "left_out": {}}
    return before


@pytest.fixture
def good(built: int, request: pytest.FixtureRequest) -> dict[str, str]:
    """What the products hold, after which every ticket has changed: its subject is now the test's name."""
    raw = ask("select schema_name || '.' || table_name from duckdb_tables() where schema_name like 'raw%'")
    fill(*(f"create or replace table {table} as from {table} at (version => {built})" for (table,) in raw))
    fill(f"update raw_crm.tickets set subject = '{request.node.name}'")
    return versions()


def snapshot() -> int:
    return int(str(ask("select max(snapshot_id) from lake.snapshots()")[0][0]))


def is_new(request: pytest.FixtureRequest) -> bool:
    return ask("select distinct subject from products.customers__tickets") == [(request.node.name,)]


def test_a_failed_test_keeps_what_hangs_on_it_and_publishes_the_rest_at_once(
    good: dict[str, str], request: pytest.FixtureRequest
) -> None:
    fill("update raw_erp.products set name = name || ' anew'", "insert into raw_erp.products from raw_erp.products limit 1")
    before = snapshot()
    code, log = build("--select", "+sales__order_lines +customers__tickets")
    assert code == 1
    told = outcome(log)
    assert any("is_key_stg_erp__products" in name for name in told["failures"]), told["failures"]  # a key that is there twice
    assert "sales__order_lines" in told["left_out"] and "customers__tickets" not in told["left_out"]
    assert snapshot() == before + 1
    assert is_new(request)
    after = versions()
    assert {name for name in good if after[name] != good[name]}.isdisjoint(told["left_out"])
    shown = [line["data"]["node_info"]["node_name"] for line in log if line["info"]["name"] == "LogTestResult"]  # type: ignore[index]
    assert len(shown) == len(set(shown)), "each test is told of once, the failed ones too"
    assert set(told["failures"]) <= set(shown)

    fill("create or replace table raw_erp.products as select distinct * from raw_erp.products")
    code, log = build("--select", "+sales__order_lines +customers__tickets")
    assert code == 0, "the next run heals"
    assert outcome(log)["left_out"] == {}
    assert versions()["sales__order_lines"] != good["sales__order_lines"]


def test_a_row_that_breaks_a_contract_and_a_model_that_cannot_run_do_not_stop_the_other_domains(good: dict[str, str]) -> None:
    fill(
        "update raw_crm.tickets set opened_at = null",  # not null, says the contract
        "alter table raw_crm.opportunities drop column amount",  # staging reads it by name
        "update raw_erp.requisitions set quantity = quantity + 1",
    )
    code, log = build("--select", "+customers__tickets +customers__opportunities+ +procurement__requisitions")
    assert code == 1
    told = outcome(log)
    assert {"customers__tickets", "stg_crm__opportunities"} <= set(told["failures"])
    after = versions()
    for kept in ("customers__tickets", "customers__opportunities", "lead_to_cash"):
        assert kept in told["left_out"] and after[kept] == good[kept]
    assert after["procurement__requisitions"] != good["procurement__requisitions"]


def test_a_part_is_one_transaction_too(good: dict[str, str], request: pytest.FixtureRequest) -> None:
    fill("update raw_erp.sale_orders set salesperson_id = null", "update raw_erp.requisitions set number = null")
    before = snapshot()
    code, log = build("--select", "customers__tickets procurement__requisitions")
    assert code == 1
    assert set(outcome(log)["left_out"]) == {"procurement__requisitions"}
    assert is_new(request)
    after = versions()
    assert {name for name in good if after[name] != good[name]} == {"customers__tickets"}
    assert snapshot() == before + 1


def test_a_build_that_is_killed_shows_nothing_and_the_next_one_heals(good: dict[str, str], request: pytest.FixtureRequest) -> None:
    environment = {**os.environ, **dbt_environment()}
    process = start(environment, environment["DBT_PROJECT_DIR"])
    command(process, "build", "--select", "+customers__tickets")
    assert process.stdout is not None
    assert any(b"model products.customers__tickets" in line for line in process.stdout), "it was built"
    os.kill(process.pid, signal.SIGSTOP)
    assert versions() == good, "readers see nothing of a build that is under way"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert versions() == good
    code, _ = build("--select", "+customers__tickets")
    assert code == 0
    assert is_new(request)


def test_a_view_that_stays_can_still_be_read_when_what_it_reads_was_to_change(good: dict[str, str], module_home: Path) -> None:
    folder = generated_folder()
    as_table, as_view = "{{ config(materialized='table') }} ", "{{ config(materialized='view') }} "
    (folder / "base.sql").write_text(as_table + "select ticket_id, subject from {{ ref('stg_crm__tickets') }}")
    (folder / "shown.sql").write_text(as_view + "select ticket_id, subject from {{ ref('base') }}")
    assert build("--select", "base shown")[0] == 0
    (folder / "base.sql").write_text(as_table + "select ticket_id as number from {{ ref('stg_crm__tickets') }}")
    (folder / "shown.sql").write_text(as_view + "select nonsense from {{ ref('base') }}")
    code, log = build("--select", "base shown")
    for name in ("base", "shown"):
        (folder / f"{name}.sql").unlink()
    assert code == 1
    assert set(outcome(log)["left_out"]) == {"base", "shown"}
    assert ask("select count(subject) > 0 from products.shown") == [(True,)]


def test_a_column_that_vanished_from_the_source_keeps_the_products_made_of_it(
    good: dict[str, str], request: pytest.FixtureRequest
) -> None:
    gone = CheckResult("raw_erp", "sale_orders", "columns are all there", passed=False, detail=f"{GONE}crm_opportunity_id, fax")
    fill("update raw_erp.sale_orders set total_amount = total_amount + 1")
    lake.in_transaction(lambda connection: (ensure_platform_tables(connection), record_checks(connection, [gone])))
    code, log = build("--select", "stg_erp__sale_orders sales__orders customers__tickets")
    assert code == 1
    told = outcome(log)
    assert set(told["failures"]) == {"source_shows_its_columns_stg_erp__sale_orders_"}
    assert set(told["left_out"]) == {"stg_erp__sale_orders", "sales__orders"}
    assert versions()["sales__orders"] == good["sales__orders"]
    assert is_new(request)

    unread = replace(gone, detail=f"{GONE}fax")
    lake.in_transaction(lambda connection: record_checks(connection, [unread]))
    assert build("--select", "stg_erp__sale_orders")[0] == 0, "no model reads that one"


@pytest.fixture
def facts(built: int) -> Iterator[Path]:
    """A model partitioned by month over a landed table of a year's hours, a few of them without a time, built once."""
    fill(
        "create schema if not exists raw_facts",
        "create or replace table raw_facts.facts as select number as id, 'as it was' as said,"
        " case when number % 100 != 0 then timestamptz '2026-01-01 00:00:00+00' + number * interval 1 hour end as moment"
        " from range(8760) as t(number)",
    )
    model = generated_folder() / "months.sql"
    model.write_text(MONTHS.format("select * from lake.raw_facts.facts"))
    assert build("--select", "months")[0] == 0
    yield model
    model.unlink()
    fill("drop table products.months", "drop schema raw_facts cascade")


def files() -> dict[str, str]:
    """The files of the partitioned table, by their folder; every one is whole."""
    found = ask("select data_file, delete_file from ducklake_list_files('lake', 'months', schema => 'products')")
    assert all(deleted is None for _, deleted in found)
    by_month = {Path(str(path)).parent.as_posix().partition("months/")[2]: Path(str(path)).name for path, _ in found}
    assert len(by_month) == len(found), "one file per month"
    return by_month


def test_a_table_partitioned_by_month_has_a_file_per_month_and_a_reader_of_one_month_opens_one(facts: Path) -> None:
    assert len(files()) == 13, "twelve months, and what has no time"
    plan = str(ask("explain analyze select min(id) from products.months where moment between '2026-03-02' and '2026-03-03'"))
    assert "Total Files Read: 1 " in plan, plan


def test_a_build_writes_the_months_that_changed_and_ends_where_a_full_refresh_would(facts: Path) -> None:
    before, version = files(), months_version()
    assert build("--select", "months")[0] == 0
    assert (files(), months_version()) == (before, version), "nothing changed, so nothing is written"
    fill(
        "update raw_facts.facts set said = 'changed' where id = 101",  # January
        "insert into raw_facts.facts values (-1, 'late', '2026-03-31 23:59:59.999999+00'), (-2, 'older', '2025-12-31 23:59:00+00')",
        "delete from raw_facts.facts where moment >= '2026-05-01' and moment < '2026-06-01'",  # a month is gone
        "delete from raw_facts.facts where id = 4501",  # July
        "update raw_facts.facts set moment = '2026-08-15' where id = 1000",  # had no time, is of August
        "insert into raw_facts.facts from raw_facts.facts where moment >= '2026-11-30'",  # twice the same rows
    )
    assert build("--select", "months")[0] == 0
    after = files()
    assert same_rows("products.months", "raw_facts.facts")
    assert months_version() != version
    assert {month for month in before if after.get(month) == before[month]} == {
        f"year=2026/month={month}" for month in (2, 4, 6, 9, 10)
    }
    assert set(after) - set(before) == {"year=2025/month=12"}
    fill("create or replace table raw_facts.replaced as from products.months")
    assert build("--full-refresh", "--select", "months")[0] == 0
    assert same_rows("products.months", "raw_facts.replaced")
    assert set(files()) == set(after) and not set(files().values()) & set(after.values()), "every file is new"


@pytest.mark.slow
def test_partitions_of_a_model_whose_columns_or_months_are_others_now_are_all_written(facts: Path) -> None:
    before = files()
    facts.write_text(MONTHS.format("select *, id * 2 as twice from lake.raw_facts.facts"))
    assert build("--select", "months")[0] == 0
    assert ask("select count(*), sum(twice) = 2 * sum(id) from products.months") == [(8760, True)]
    assert not set(files().values()) & set(before.values())
    facts.write_text(MONTHS.replace("year(moment), month(moment)", "year(moment)").format("select * from lake.raw_facts.facts"))
    assert build("--select", "months")[0] == 0
    assert set(files()) == {"year=2026", "year=__HIVE_DEFAULT_PARTITION__"}
    assert same_rows("products.months", "raw_facts.facts")


@pytest.mark.slow
def test_months_that_fail_a_test_stay_as_they_were(facts: Path) -> None:
    before = files()
    fill("update raw_facts.facts set said = 'no good' where id = 101")
    words = {"models": [{"name": "months", "columns": [{"name": "said", "data_tests": [SAID_AS_IT_WAS]}]}]}
    facts.with_suffix(".yml").write_text(json.dumps(words))
    code, log = build("--select", "months customers__tickets")
    facts.with_suffix(".yml").unlink()
    assert code == 1
    assert set(outcome(log)["left_out"]) == {"months"}
    assert files() == before
    assert ask("select distinct said from products.months") == [("as it was",)]


@pytest.mark.slow
def test_merging_files_keeps_them_in_their_months(facts: Path) -> None:
    for id in (1, 2, 3):  # small writes into one month, as no build makes them
        fill(f"insert into products.months select id + {10000 * id}, said, moment from products.months where month(moment) = 3")
    assert ask("select count(*) from ducklake_list_files('lake', 'months', schema => 'products')") == [(16,)]
    rows = ask("select count(*) from products.months")
    assert maintain().files_merged >= 4
    assert len(files()) == 13
    assert ask("select count(*) from products.months") == rows


def months_version() -> str | None:
    with lake.connect(read_only=True) as connection:
        return relation_version(connection, "products.months")


def same_rows(one: str, other: str) -> bool:
    """Whether two tables hold the same rows, each as often."""
    columns = "id, said, moment"
    sides = [f"(select {columns} from {a} except all select {columns} from {b})" for a, b in ((one, other), (other, one))]
    return ask(f"select count(*) from ({sides[0]} union all {sides[1]})") == [(0,)]
