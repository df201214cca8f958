"""The company in its database: brought up whole or not at all, once, and moved on in time without touching its past."""

import os
import signal
import subprocess
import sys
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.demo import advance, bring_up, read_manifest, running_crm, state, store
from connectors.demo.simulation import Simulation
from lake.errors import DataError, SourceUnavailableError
from lake.settings import PROJECT_ROOT, get_settings


@pytest.fixture(scope="module")
def company(module_home: Path) -> Any:
    return bring_up()


def scalar(query: str) -> Any:
    with store.connect(get_settings()) as connection:
        return connection.execute(query.encode()).fetchone()[0]


def differing_rows(connection: Any, kind: Any, rows: list[Any]) -> int:
    """Rows that stand in the table but not in `rows`, or the other way round."""
    columns = ", ".join(column.name for column in fields(kind))
    connection.execute(f"create temp table expected (like {kind.table}) on commit drop".encode())
    store.copy_rows(connection, kind, "expected", rows)
    both = [f"select {columns} from {table}" for table in (kind.table, "expected")]
    query = f"select count(*) from (({both[0]} except {both[1]}) union all ({both[1]} except {both[0]})) as differing"
    found = connection.execute(query.encode()).fetchone()[0]
    connection.execute("drop table expected")
    return found


def test_a_company_is_brought_up_with_rows_in_every_table(company: Any) -> None:
    assert company.now == datetime(2026, 1, 1, tzinfo=UTC)
    assert all(count > 0 for count in company.rows.values())
    assert 300 < company.rows["sale_orders"] < 520
    assert state() == company


def test_bringing_it_up_again_changes_nothing_whatever_the_settings_say(company: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIMOIRE_DEMO_SCALE", "0.1")
    monkeypatch.setenv("GRIMOIRE_DEMO_SEED", "99")
    get_settings.cache_clear()
    try:
        assert bring_up() == company
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()


def test_orders_won_in_the_crm_name_an_opportunity_that_was_won(company: Any) -> None:
    assert scalar("select count(*) from sale_orders where crm_opportunity_id is not null") > 0
    assert not scalar(
        "select count(*) from sale_orders left join crm.opportunities as won on won.id = crm_opportunity_id and stage = 'Won'"
        " where crm_opportunity_id is not null and won.id is null"
    )


@pytest.mark.parametrize(
    ("lines", "document", "order_line"),
    [
        ("stock_moves", "shipment_id", "sale_order_line_id"),
        ("stock_moves", "shipment_id", "purchase_order_line_id"),
        ("invoice_lines", "invoice_id", "sale_order_line_id"),
        ("invoice_lines", "invoice_id", "purchase_order_line_id"),
    ],
)
def test_documents_and_orders_are_many_to_many(company: Any, lines: str, document: str, order_line: str) -> None:
    orders = order_line.replace("_id", "s")
    for one, many in ((document, "order_id"), ("order_id", document)):
        assert (
            scalar(
                f"select max(number) from (select count(distinct {many}) as number from {lines}"
                f" join {orders} on {orders}.id = {order_line} group by {one}) as counted"
            )
            > 1
        )


def test_the_loaded_tables_have_their_foreign_keys_and_indexes(company: Any) -> None:
    """They are taken away while rows are loaded; a table without them would let a connector's bug pass."""
    folder = Path(store.__file__).parent
    declared = "".join(folder.joinpath(name).read_text() for name in store.SCHEMA_FILES)
    assert scalar("select count(*) from pg_constraint where contype = 'f' and convalidated") == declared.count(" references ")
    assert scalar("select count(*) from pg_indexes where indexname like '%\\_cursor' or indexname = 'change_log_document'") == 7


def test_deliveries_never_exceed_what_was_ordered(company: Any) -> None:
    assert not scalar(
        "select count(*) from (select 1 from sale_order_lines as line"
        " join stock_moves as move on move.sale_order_line_id = line.id and move.state <> 'cancelled'"
        " join shipments on shipments.id = shipment_id and kind = 'outgoing'"
        " group by line.id, line.quantity having sum(move.quantity) > line.quantity) as too_much"
    )


def test_advancing_gives_exactly_what_a_longer_simulation_gives(grimoire_home: Path) -> None:
    """Only rows of the last week are written, yet every table is as if the company had been simulated a week longer at once."""
    before = bring_up()
    after = advance(7)
    assert after.now == before.now + timedelta(days=7)
    assert after.rows["change_log"] > before.rows["change_log"]
    settings = get_settings()
    fresh = Simulation(seed=settings.demo_seed, scale=settings.demo_scale).run(int(after.now.timestamp()))
    with store.connect(settings) as connection:
        assert {kind.table: differing_rows(connection, kind, fresh.rows[kind]) for kind in store.TABLES} == dict.fromkeys(
            after.rows, 0
        )
        assert store.read_company(connection).fingerprint == fresh.fingerprint()


def test_advancing_is_refused_where_it_cannot_be_right(company: Any) -> None:
    for days in (0, -1, 10_000):
        with pytest.raises(DataError, match="cannot advance"):
            advance(days)
    with store.connect(get_settings()) as connection:
        connection.execute("update demo.company set seed = seed + 1")
    try:
        with pytest.raises(DataError, match="another version"):
            advance(1)
    finally:
        with store.connect(get_settings()) as connection:
            connection.execute("update demo.company set seed = seed - 1")
    assert state() == company


def test_without_a_company_the_errors_say_how_to_make_one(grimoire_home: Path) -> None:
    assert state() is None
    for use in (lambda: advance(1), read_manifest, lambda: running_crm().__enter__()):
        with pytest.raises(SourceUnavailableError, match="grimoire"):
            use()


def test_a_maker_killed_half_way_leaves_nothing_and_the_next_one_succeeds(grimoire_home: Path) -> None:
    code = (
        "from connectors.demo import bring_up; import time\n"
        "def stop(what, done):\n"
        "    if 'change_log' in what: print('loading', flush=True); time.sleep(60)\n"
        "bring_up(progress=stop)"
    )
    maker = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, env=dict(os.environ))
    with maker:
        assert maker.stdout.readline() == b"loading\n"
        maker.send_signal(signal.SIGKILL)
    assert state() is None
    assert bring_up().rows["change_log"] > 0


def test_progress_only_ever_grows_to_the_end(grimoire_home: Path) -> None:
    seen: list[float] = []
    bring_up(progress=lambda _, done: seen.append(done))
    assert seen == sorted(seen)
    assert 0 <= seen[0] < 0.1
    assert 0.9 < seen[-1] <= 1


def test_two_makers_at_once_make_one_company(grimoire_home: Path) -> None:
    code = "from connectors.demo import bring_up; print(bring_up().rows['change_log'])"
    command = [sys.executable, "-c", code]
    makers = [subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    counts = {int(maker.communicate()[0]) for maker in makers}
    assert counts == {state().rows["change_log"]}
