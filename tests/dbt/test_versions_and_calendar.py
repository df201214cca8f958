"""What needs more than one build or more than one row to be believed: versions of rows over several builds, and the calendar."""

import json
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import holidays
import pytest

import lake
from lake.dbt_environment import dbt_environment, run_dbt
from lake.dbt_process import command, start

HISTORIES = ("+customers__customer_history", "+inventory__product_history")


def ask(sql: str) -> list[tuple[Any, ...]]:
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def change(*statements: str) -> None:
    with lake.connect() as connection:
        connection.begin()
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def build_in_one_transaction() -> None:
    environment = {**os.environ, **dbt_environment()}
    process = start(environment, environment["DBT_PROJECT_DIR"])
    command(process, "build", "--indirect-selection", "cautious", "--select", *HISTORIES)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said.decode()[-2000:]
    names = [json.loads(line)["info"]["name"] for line in said.decode().splitlines() if line.startswith("{")]
    assert names.count("LogSnapshotResult") == 2


def test_a_changed_row_begins_a_second_version_and_an_equal_one_does_not(grimoire_home: Path, raw_layer: tuple[str, str]) -> None:
    change(*raw_layer)
    build_in_one_transaction()
    assert ask("select count(*), count(valid_to) from snapshots.snap_erp__parties") == [(3, 0)]

    change(
        "update raw_erp.parties set credit_limit = 9000, updated_at = timestamptz '2024-02-01 12:00:00+00' where code = 'NA'",
        "update raw_erp.parties set email = 'new@elbe.example', updated_at = timestamptz '2024-02-02 12:00:00+00' where id = 2",
        "update raw_erp.products set list_price = 12, updated_at = timestamptz '2024-02-03 12:00:00+00' where sku = 'A-1'",
    )
    commits = ask("select max(snapshot_id) from lake.snapshots()")[0][0]
    build_in_one_transaction()
    assert ask("select max(snapshot_id) from lake.snapshots()") == [(commits + 1,)], "versions are part of the build's one commit"
    changed = datetime(2024, 2, 1, 12, tzinfo=UTC)
    assert ask(
        "select customer_code, version_number, credit_limit, valid_from, valid_to, is_current, has_new_terms"
        " from products.customers__customer_history order by 1, 2"
    ) == [
        ("C0002", 1, None, datetime(2024, 1, 1, tzinfo=UTC), None, True, False),
        ("NA", 1, 5000, datetime(2024, 1, 1, tzinfo=UTC), changed, False, False),
        ("NA", 2, 9000, changed, None, True, True),
    ]
    assert ask(
        "select sku, version_number, list_price_change_percent from products.inventory__product_history"
        " where version_number > 1 or sku = 'A-2' order by 1"
    ) == [("A-1", 2, pytest.approx(20)), ("A-2", 1, None)]

    build_in_one_transaction()
    assert ask("select count(*) from snapshots.snap_erp__parties") == [(4,)]


def test_the_calendar_knows_each_working_day_from_2000_to_2040(module_home: Path) -> None:
    outcome = run_dbt("build", "--select", "+shared__calendar")
    assert outcome.returncode == 0, outcome.stdout
    closed = holidays.country_holidays("DE", subdiv="NW", years=range(2000, 2041))
    days = ask("select day, is_working_day, working_days_before from products.shared__calendar order by day")
    assert (days[0][0], days[-1][0], len(days)) == (date(2000, 1, 1), date(2040, 12, 31), 14_976)
    passed = 0
    for day, is_working_day, before in days:
        company_closes = (day.month, day.day) in {(12, 24), (12, 31)}
        assert is_working_day == (day.weekday() < 5 and day not in closed and not company_closes), day
        assert before == passed, day
        passed += is_working_day
