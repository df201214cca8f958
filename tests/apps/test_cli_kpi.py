"""`grimoire kpi` on an imported log: values, groups, filters, SQL, and what is refused."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lake
from lake.registry import register_process
from lake.settings import PROJECT_ROOT

GRIMOIRE = str(Path(sys.executable).parent / "grimoire")
ROWS = """
    select * from (values
        ('1', 'register', timestamptz '2024-01-01 08:00:00Z', 1::bigint, 'DE'),
        ('1', 'check', timestamptz '2024-01-01 09:00:00Z', 2, 'DE'),
        ('1', 'pay', timestamptz '2024-01-02 08:00:00Z', 3, 'DE'),
        ('NA', 'register', timestamptz '2024-02-01 08:00:00Z', 4, 'FR'),
        ('NA', 'pay', timestamptz '2024-02-03 08:00:00Z', 5, 'FR')
    ) as rows(case_id, activity, occurred_at, source_row, country)"""
DEFINITION = {"measures": [{"name": "to_pay", "expression": "avg(days(throughput(first_at('register'), last_at('pay'))))"}]}


@pytest.fixture(scope="module")
def orders(module_home: Path) -> Iterator[None]:
    def work(connection):
        connection.execute("create schema if not exists event_logs")
        connection.execute(f"create table event_logs.orders as {ROWS}")
        register_process(connection, "orders", title="Orders", origin="product", definition=DEFINITION)

    lake.in_transaction(work)
    yield


def kpi(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([GRIMOIRE, "kpi", *words], cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=200, check=False)


def test_a_measure_is_computed_by_group_and_filtered(orders):
    assert json.loads(kpi("orders", "to_pay", "--by", "country", "--json").stdout) == [
        {"group": "DE", "value": 1.0},
        {"group": "FR", "value": 2.0},
    ]
    checked = '[{"filter": "attribute", "column": "activity", "values": ["check"]}]'
    assert json.loads(kpi("orders", "to_pay", "--filter", checked, "--json").stdout) == [{"value": 1.0}]


def test_the_sql_that_is_printed_runs_in_the_lake(orders):
    from mining import build_layout

    build_layout("orders")
    sql = kpi("orders", "count(*) filter (where follows('check', 'pay'))", "--sql").stdout
    assert lake.query(sql).fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("orders", "avg(colour)"), "There is no 'colour'"),
        (("nothing", "cases()"), "no event log `nothing`"),
        (("orders", "cases()", "--filter", "ends"), "--filter holds no JSON"),
    ],
)
def test_what_cannot_be_computed_is_said_without_a_traceback(orders, words, told):
    done = kpi(*words)

    assert (done.returncode, done.stdout) == (1, "")
    assert told in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
