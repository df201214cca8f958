"""Suppliers' invoices: per receipt or collective, early, prepaid, blocked where they do not match; the payment runs.

What belongs here: the money the company owes. What does not: what customers owe (`connectors.demo.receivables`).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import time, timedelta

from connectors.demo.erp_records import Invoice, InvoiceLine, Payment
from connectors.demo.order_files import PurchaseFile, PurchasePortion
from connectors.demo.staff import BUYER, PAYABLES_CLERK
from connectors.demo.working_time import FIRST_DAY, days, is_workday, local_date, moment_of
from connectors.demo.world import Steps, World

PAYMENT_WEEKDAYS = (1, 4)  # Tuesday and Friday
PAYMENT_TIME = time(9, 30)


@dataclass
class Payables:
    """The accounts payable department."""

    world: World
    _pools: dict[int, list[PurchasePortion]] = field(default_factory=lambda: defaultdict(list))  # by supplier
    _to_pay: list[Invoice] = field(default_factory=list)

    def start(self) -> None:
        """Lets the payment runs begin."""
        self.world.start(self._payment_runs())

    def goods_received(self, portions: Sequence[PurchasePortion]) -> None:
        """Expects the supplier's invoice for these goods, alone or with the rest of the month."""
        party = portions[0].file.party
        if not self.world.habits(party.id).bundles_invoices:
            self.world.start(self._invoice(portions, self.world.luck["payables"].uniform(0.3, 7)))
            return
        pool = self._pools[party.id]
        pool.extend(portions)
        if len(pool) == len(portions):
            self.world.start(self._invoice_pool(party.id))

    def prepay(self, file: PurchaseFile) -> Steps:
        """An invoice that comes with the confirmation and is paid with the next run, goods or no goods."""
        world, rng = self.world, self.world.luck["payables"]
        yield world.pause_office(rng.expovariate(1 / 5))
        user = yield from world.work(PAYABLES_CLERK, 8)
        portions = [PurchasePortion(file, line, line.quantity) for line in file.lines]
        invoice = self._write(portions, user, term_days=0)
        self._post(invoice, portions, (yield from world.work(PAYABLES_CLERK, 3)))

    def _invoice_pool(self, party_id: int) -> Steps:
        yield self.world.pause_days(self.world.luck["payables"].uniform(10, 20))
        yield from self._invoice(self._pools.pop(party_id), 0.1)

    def _invoice(self, portions: Sequence[PurchasePortion], wait_days: float) -> Steps:
        world, rng = self.world, self.world.luck["payables"]
        yield world.pause_days(wait_days)
        user = yield from world.work(PAYABLES_CLERK, 8 + len(portions) / 2)
        invoice = self._write(portions, user, term_days=portions[0].file.party.payment_term_days)
        if rng.random() < 0.14:
            yield from self._clear_mismatch(invoice, portions, user)
        self._post(invoice, portions, (yield from world.work(PAYABLES_CLERK, 4)))

    def _clear_mismatch(self, invoice: Invoice, portions: Sequence[PurchasePortion], user: int) -> Steps:
        """The invoice asks for more than was ordered: it is blocked until a buyer has had it put right."""
        world, ledger, rng = self.world, self.world.ledger, self.world.luck["payables"]
        line = rng.choice(ledger.rows[InvoiceLine][-len(portions) :])
        surplus = max(1, line.amount * rng.randrange(2, 15) // 100)
        wrong_price = line.unit_price + max(1, surplus // line.quantity)
        right_price, right_amount = line.unit_price, line.amount
        line.unit_price, line.amount = wrong_price, wrong_price * line.quantity
        invoice.total_amount += line.amount - right_amount
        yield world.pause(60)
        ledger.set_state(invoice, "blocked")
        ledger.touch(line)
        yield world.pause_office(rng.expovariate(1 / 26))
        user = yield from world.work(BUYER, 35)
        invoice.total_amount -= line.amount - right_amount
        line.unit_price, line.amount = right_price, right_amount
        ledger.touch(line)
        ledger.write(invoice, user, "unit_price", f"{wrong_price / 100:.2f}", f"{right_price / 100:.2f}")

    def _write(self, portions: Sequence[PurchasePortion], user: int, *, term_days: int) -> Invoice:
        ledger, today = self.world.ledger, local_date(self.world.now())
        invoice = ledger.create(
            Invoice,
            user,
            number=ledger.number("SI"),
            kind="supplier",
            party_id=portions[0].file.party.id,
            invoice_date=today,
            due_date=today + timedelta(days=term_days),
            state="draft",
            total_amount=sum(portion.quantity * portion.line.unit_price for portion in portions),
        )
        for portion in portions:
            ledger.create(
                InvoiceLine,
                invoice_id=invoice.id,
                product_id=portion.line.product_id,
                purchase_order_line_id=portion.line.id,
                quantity=portion.quantity,
                unit_price=portion.line.unit_price,
                amount=portion.quantity * portion.line.unit_price,
            )
        return invoice

    def _post(self, invoice: Invoice, portions: Sequence[PurchasePortion], user: int) -> None:
        ledger = self.world.ledger
        ledger.set_state(invoice, "posted", user)
        for portion in portions:
            portion.file.uninvoiced -= portion.quantity
        for file in {portion.file.order.id: portion.file for portion in portions}.values():
            file.settle(ledger, None)
        self._to_pay.append(invoice)

    def _payment_runs(self) -> Steps:
        """Twice a week whatever falls due before the next run is paid, by one clerk, all at the same moment."""
        world = self.world
        for day in days(FIRST_DAY):
            if day.weekday() not in PAYMENT_WEEKDAYS or not is_workday(day):
                continue
            yield world.until(moment_of(day, PAYMENT_TIME))
            user = yield from world.work(PAYABLES_CLERK, 25)
            due = [invoice for invoice in self._to_pay if invoice.due_date <= day + timedelta(days=3)]
            self._to_pay = [invoice for invoice in self._to_pay if invoice.due_date > day + timedelta(days=3)]
            for invoice in due:
                self._pay(invoice, user)

    def _pay(self, invoice: Invoice, user: int) -> None:
        ledger = self.world.ledger
        ledger.create(
            Payment,
            user,
            number=ledger.number("PY"),
            invoice_id=invoice.id,
            party_id=invoice.party_id,
            direction="out",
            method="bank transfer",
            amount=invoice.total_amount,
            paid_at=ledger.now(),
        )
        invoice.paid_amount = invoice.total_amount
        ledger.set_state(invoice, "paid")
