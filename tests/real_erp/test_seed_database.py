"""Two years of a genuine Tryton: the same rows and the same event logs, whichever way they are read."""

import lzma
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lake
from connectors.connections import get_connection
from connectors.load import LoadReport, load_source

pytestmark = [pytest.mark.real_erp, pytest.mark.slow, pytest.mark.timeout(1200)]

COUNTS = {"lead_to_cash": (200, 2497), "order_to_cash": (80, 1012), "procure_to_pay": (200, 3554)}  # cases and events
ROWS_OF_THE_LOG = 12_625


@pytest.fixture
def seed(shared_data: Path, place_of: Callable[[str], Any]) -> Any:
    packed = shared_data / "business" / "tryton_erp.sqlite.xz"
    if not packed.exists():
        pytest.skip(f"no {packed}")
    place = place_of("sqlite")
    with lzma.open(packed) as read, Path(place.address.removeprefix("sqlite:///")).open("wb") as written:
        shutil.copyfileobj(read, written)
    return place


def digests(name: str) -> dict[str, Any]:
    """Per resource the number of its rows and a digest over the declared columns.

    Several writes of a record in one transaction leave several versions with one moment in a history table, of which the API tells
    the last; so the last is taken here, and the version's own number is left out.
    """
    found = {}
    with lake.connect(read_only=True) as connection:
        for resource in get_connection(name).resources:
            columns = [f'"{column}"' for column in resource.columns if column != "revision"]
            is_history = len(columns) < len(resource.columns)
            last = " qualify row_number() over (partition by id, changed_at order by revision desc) = 1" if is_history else ""
            found[resource.name] = connection.execute(
                f"select count(*), bit_xor(hash({', '.join(columns)})) from (from raw_{name}.{resource.name}"
                f" where _deleted_at is null{last})"
            ).fetchone()
    return found


def assert_whole(report: LoadReport) -> None:
    assert {load.name: load.rows_quarantined for load in report.tables if load.rows_quarantined} == {}
    assert {load.name: load.rows_landed for load in report.tables}["ir_model_log"] == ROWS_OF_THE_LOG
    assert [check for load in report.tables for check in load.checks if not check.passed] == []


def test_the_same_rows_come_by_sql_and_through_both_apis_and_make_the_same_event_logs(seed, connect, serve, build_event_logs):
    server = serve(seed)
    assert_whole(load_source(connect("by_sql", seed.address)))
    password = {"password": "tryton-Demo-1"}
    assert_whole(load_source(connect("by_jsonrpc", server.url, user="admin", secrets=password)))
    (application,) = server.call("model.res.user.application.create", [{"user": 1, "application": "rest"}], {})
    (key,) = server.call("model.res.user.application.read", [application], ["key"], {})
    assert_whole(load_source(connect("by_rest", server.url, secrets={"key": key["key"]})))
    rows = digests("by_sql")
    assert sum(count for count, _ in rows.values()) > 20_000
    assert digests("by_jsonrpc") == rows
    assert digests("by_rest") == rows
    for name in ("by_sql", "by_jsonrpc"):
        build_event_logs(name)
    with lake.connect(read_only=True) as connection:
        for log, counts in COUNTS.items():
            tables = [f"event_logs.{name}_{log}" for name in ("by_sql", "by_jsonrpc")]
            counted = [connection.execute(f"select count(distinct case_id), count(*) from {table}").fetchone() for table in tables]
            assert counted == [counts, counts]
            events = [f"select case_id, activity, occurred_at, resource from {table}" for table in tables]
            assert connection.execute(f"({events[0]}) except all ({events[1]})").fetchall() == []
