"""The simulation itself, without a database: the same seed gives the same past, and people keep their hours."""

from datetime import date, timedelta
from itertools import pairwise

import pytest

from connectors.demo.erp_records import Change, Employee, Invoice, Payment, SaleOrder, SaleOrderLine, Shipment
from connectors.demo.ledger import Ledger
from connectors.demo.simulation import Simulation
from connectors.demo.store import TABLES, copy_text
from connectors.demo.working_time import (
    OFFICE_HOURS,
    WAREHOUSE_HOURS,
    days,
    is_workday,
    local_date,
    moment_of,
    utc_midnight,
    working_time,
)

SCALE = 0.02
HORIZON = date(2026, 1, 1)


def simulate(until: date, *, seed: int = 7) -> Ledger:
    return Simulation(seed=seed, scale=SCALE).run(utc_midnight(until))


def written(ledger: Ledger) -> dict[str, bytes]:
    return {kind.table: b"".join(copy_text(kind, ledger.rows[kind])) for kind in TABLES}


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return simulate(HORIZON)


def test_the_same_seed_gives_the_same_company_to_the_last_byte(ledger: Ledger) -> None:
    again = simulate(HORIZON)
    assert written(again) == written(ledger)
    assert again.fingerprint() == ledger.fingerprint()


def test_another_seed_gives_another_company(ledger: Ledger) -> None:
    assert simulate(HORIZON, seed=8).fingerprint() != ledger.fingerprint()


def test_a_later_horizon_leaves_the_past_as_it_was(ledger: Ledger) -> None:
    """Rows are only added or changed after the old horizon, and the change log is only appended to."""
    later = simulate(HORIZON + timedelta(days=23))
    horizon = utc_midnight(HORIZON)
    for kind in TABLES:
        before, after = ledger.rows[kind], later.rows[kind]
        assert len(after) >= len(before)
        for old, new in zip(before, after, strict=False):
            assert old == new or new.updated_at >= horizon
        assert all(new.updated_at >= horizon for new in after[len(before) :])
    assert later.rows[Change][: len(ledger.rows[Change])] == ledger.rows[Change]


def test_stopping_on_the_way_changes_nothing() -> None:
    simulation = Simulation(seed=7, scale=SCALE)
    for day in (date(2024, 2, 29), date(2024, 3, 1), date(2024, 7, 3)):
        simulation.run(utc_midnight(day))
    assert simulation.ledger.fingerprint() == simulate(date(2024, 7, 3)).fingerprint()


def test_people_only_act_in_their_working_hours(ledger: Ledger) -> None:
    teams = {person.id: person.team for person in ledger.rows[Employee]}
    office, warehouse = working_time(OFFICE_HOURS), working_time(WAREHOUSE_HOURS)
    outside = [
        entry
        for entry in ledger.rows[Change]
        if entry.user_id and not (warehouse if teams[entry.user_id] == "Warehouse" else office).is_working(entry.changed_at)
    ]
    assert not outside
    assert any(entry.user_id is None and not office.is_working(entry.changed_at) for entry in ledger.rows[Change])


def test_the_change_log_is_in_the_order_of_happening(ledger: Ledger) -> None:
    changes = ledger.rows[Change]
    assert [entry.id for entry in changes] == list(range(1, len(changes) + 1))
    assert all(first.changed_at <= second.changed_at for first, second in pairwise(changes))


def test_each_documents_state_is_the_last_one_in_the_change_log(ledger: Ledger) -> None:
    last = {(entry.document_type, entry.document_id): entry.new_value for entry in ledger.rows[Change] if entry.event != "write"}
    for kind in (SaleOrder, Shipment, Invoice):
        for document in ledger.rows[kind]:
            assert last[kind.document, document.id] == document.state


def test_rows_changed_when_the_change_log_says_so(ledger: Ledger) -> None:
    last = {(entry.document_type, entry.document_id): entry.changed_at for entry in ledger.rows[Change]}
    assert all(order.updated_at == last["sale_order", order.id] for order in ledger.rows[SaleOrder])
    assert all(row.created_at <= row.updated_at for kind in TABLES for row in ledger.rows[kind] if hasattr(row, "created_at"))


def test_sums_agree_to_the_cent(ledger: Ledger) -> None:
    of_lines, of_payments = dict.fromkeys(range(1, len(ledger.rows[SaleOrder]) + 1), 0), {}
    for line in ledger.rows[SaleOrderLine]:
        of_lines[line.order_id] += line.amount
    for payment in ledger.rows[Payment]:
        of_payments[payment.invoice_id] = of_payments.get(payment.invoice_id, 0) + payment.amount
    assert all(order.total_amount == of_lines[order.id] for order in ledger.rows[SaleOrder])
    for invoice in ledger.rows[Invoice]:
        assert invoice.paid_amount == of_payments.get(invoice.id, 0)
        assert (invoice.state == "paid") == (invoice.paid_amount == invoice.total_amount)


def test_nothing_is_dated_after_the_horizon(ledger: Ledger) -> None:
    assert max(row.updated_at for kind in TABLES for row in ledger.rows[kind]) < utc_midnight(HORIZON)


def test_working_time_passes_only_on_working_days() -> None:
    office = working_time(OFFICE_HOURS)
    friday = date(2024, 3, 28)  # Maundy Thursday, in fact: Good Friday and Easter Monday follow
    assert local_date(office.add(moment_of(friday), 9 * 3600)) == date(2024, 4, 2)
    assert not is_workday(date(2025, 6, 19))  # Corpus Christi, a holiday in North Rhine-Westphalia


@pytest.mark.parametrize("seconds", [1, 4 * 3600, 4 * 3600 + 1, 8 * 3600 + 15 * 60])
def test_working_time_adds_up(seconds: int) -> None:
    office = working_time(OFFICE_HOURS)
    for day in days(date(2024, 3, 25), date(2024, 4, 5)):
        start = moment_of(day)
        assert office.add(office.add(start, seconds), 60) == office.add(start, seconds + 60)
        assert office.is_working(office.add(start, seconds))


def test_a_company_has_every_kind_of_trouble(ledger: Ledger) -> None:
    fields = {(entry.document_type, entry.field) for entry in ledger.rows[Change] if entry.event == "write"}
    assert {("sale_order", "unit_price"), ("sale_order", "quantity"), ("sale_order", "requested_date")} <= fields
    assert {("invoice", "reminder"), ("invoice", "paid_amount"), ("purchase_order", "promised_date")} <= fields
    states = {(entry.document_type, entry.new_value) for entry in ledger.rows[Change] if entry.event == "state"}
    assert {("sale_order", "cancelled"), ("sale_order", "credit_hold"), ("invoice", "blocked")} <= states
    assert {shipment.kind for shipment in ledger.rows[Shipment]} == {"outgoing", "incoming", "customer_return"}
    assert {invoice.kind for invoice in ledger.rows[Invoice]} == {"customer", "supplier", "customer_credit_note"}
