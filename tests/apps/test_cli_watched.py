"""`grimoire series` and `grimoire anomalies`: what a script reads, what a person is told, and what is refused."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

import lake
from apps.cli.main import app
from lake.errors import ModelError
from models.anomalies import anomalies, write_anomalies
from models.watching import Tracked, ensure_tables

FIRST = date(2025, 1, 6)
SERIES = """
create schema products;
create table products.kpis__series as
select 'orders' as kpi, 'daily' as grain, d.dimension, d.member, (date '2025-01-06' + n::integer)::date as period,
    (case when n = 30 then 900 else 20 + n % 7 end)::double as value, false as is_filled, 'Orders' as title, 'orders' as unit,
    'sum' as aggregation
from range(70) as r(n), (values ('total', 'total'), ('team', 'North')) as d(dimension, member)
"""


@pytest.fixture
def home(grimoire_home: Path) -> Iterator[Path]:
    lake.in_transaction(lambda connection: [connection.execute(one) for one in SERIES.split(";")])
    yield grimoire_home


def ask(*words: str) -> str:
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_series_are_listed_with_what_was_found_in_them(home: Path) -> None:
    (total,) = json.loads(ask("series", "--json"))
    assert (total["series"], total["periods"], total["member"], total["from"]) == ("orders", 70, None, "2025-01-06")
    assert total["findings"] == ["outliers were pulled back: 2025-02-05"]
    assert [one["member"] for one in json.loads(ask("series", "orders", "--members", "--json"))] == [None, "North"]
    assert json.loads(ask("series", "--grain", "monthly", "--json")) == []
    assert "outliers were pulled back" in ask("series", "orders", "--grain", "daily")


def test_a_series_that_is_not_there_and_a_grain_that_is_none_are_refused(home: Path) -> None:
    with pytest.raises(ModelError, match="There is no series of sales"):
        ask("series", "sales")
    for command in ("series", "anomalies"):
        done = CliRunner().invoke(app, [command, "--grain", "hourly"])
        assert done.exit_code == 2 and "hourly" in done.output


def test_without_a_lake_the_way_out_is_said_and_no_anomalies_are_no_error(grimoire_home: Path) -> None:
    with pytest.raises(ModelError, match="Run `grimoire run` first"):
        ask("series")
    assert json.loads(ask("anomalies", "--json")) == []


def test_anomalies_are_listed_the_newest_first(home: Path) -> None:
    made = datetime(2025, 1, 5, tzinfo=UTC)
    rows = [
        Tracked("orders", "daily", "total", "total", FIRST + timedelta(days=n), 2, 20, 15, 25, 12, 28, "theta", made)
        for n in (3, 9)
    ]

    def write(connection):
        ensure_tables(connection)
        write_anomalies(connection, anomalies(rows), now=made, snapshot_id=1)

    lake.in_transaction(write)
    found = json.loads(ask("anomalies", "--json"))
    assert [one["period"] for one in found] == ["2025-01-15", "2025-01-09"]
    assert found[0]["severity"] == "warning" and found[0]["cause_member"] is None
    assert json.loads(ask("anomalies", "orders", "--grain", "daily", "--top", "1", "--json")) == found[:1]
    assert json.loads(ask("anomalies", "revenue", "--json")) == []
    assert "2025-01-15" in ask("anomalies")
