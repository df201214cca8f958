"""Customers' invoices: one per shipment or collective, reminders, payments in full and in part, credit notes.

What belongs here: the money customers owe. What does not: what is owed to suppliers (`connectors.demo.payables`).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta

from connectors.demo.erp_records import Invoice, InvoiceLine, Payment
from connectors.demo.order_files import SalesPortion
from connectors.demo.staff import RECEIVABLES_CLERK
from connectors.demo.working_time import days, is_workday, local_date, moment_of
from connectors.demo.world import Steps, World

FIRST_REMINDER_DAYS = 8
NEXT_REMINDER_DAYS = 14
MAX_REMINDERS = 3
FORGET_DAYS = 45  # after the last reminder a customer's orders are looked at like anyone's


@dataclass
class Receivables:
    """The accounts receivable department."""

    world: World
    _pools: dict[int, list[SalesPortion]] = field(default_factory=lambda: defaultdict(list))  # by party
    _reminded: set[int] = field(default_factory=set)  # unpaid invoices with a reminder

    def goods_delivered(self, portions: Sequence[SalesPortion]) -> None:
        """Has delivered goods invoiced: now, or with the customer's other goods at the end of the next week."""
        party = portions[0].file.party
        if not self.world.habits(party.id).bundles_invoices:
            self.world.start(self._invoice(portions))
            return
        pool = self._pools[party.id]
        pool.extend(portions)
        if len(pool) == len(portions):
            self.world.start(self._invoice_pool(party.id))

    def credit(self, portions: Sequence[SalesPortion]) -> Steps:
        """Writes the credit note for returned goods and pays it out."""
        world, ledger = self.world, self.world.ledger
        yield world.pause_office(world.luck["receivables"].expovariate(1 / 6))
        user = yield from world.work(RECEIVABLES_CLERK, 15)
        note = self._write("customer_credit_note", "CN", portions, user)
        ledger.set_state(note, "posted", (yield from world.work(RECEIVABLES_CLERK, 5)))
        yield world.until(self._bank_moment(local_date(world.now()) + timedelta(days=7)))
        self._pay(note, note.total_amount, "out")

    def _invoice_pool(self, party_id: int) -> Steps:
        friday = local_date(self.world.now())
        friday += timedelta(days=(4 - friday.weekday()) % 7 + 7)
        yield self.world.until(moment_of(friday, time(8, 30)))
        yield self.world.pause(1)
        yield from self._invoice(self._pools.pop(party_id))

    def _invoice(self, portions: Sequence[SalesPortion]) -> Steps:
        world, ledger, rng = self.world, self.world.ledger, self.world.luck["receivables"]
        yield world.pause_office(rng.expovariate(1 / 3))
        user = yield from world.work(RECEIVABLES_CLERK, 7 + len(portions) / 2)
        invoice = self._write("customer", "IN", portions, user)
        user = yield from world.work(RECEIVABLES_CLERK, 3)
        ledger.set_state(invoice, "posted", user)
        for portion in portions:
            portion.file.uninvoiced -= portion.quantity
        for file in {portion.file.order.id: portion.file for portion in portions}.values():
            file.settle(ledger, None)
        world.start(self._remind(invoice))
        yield from self._collect(invoice)

    def _write(self, kind: str, prefix: str, portions: Sequence[SalesPortion], user: int) -> Invoice:
        ledger, today, party = self.world.ledger, local_date(self.world.now()), portions[0].file.party
        invoice = ledger.create(
            Invoice,
            user,
            number=ledger.number(prefix),
            kind=kind,
            party_id=party.id,
            invoice_date=today,
            due_date=today + timedelta(days=party.payment_term_days),
            state="draft",
            total_amount=sum(portion.amount for portion in portions),
        )
        for portion in portions:
            ledger.create(
                InvoiceLine,
                invoice_id=invoice.id,
                product_id=portion.line.product_id,
                sale_order_line_id=portion.line.id,
                quantity=portion.quantity,
                unit_price=portion.line.unit_price,
                amount=portion.amount,
            )
        return invoice

    def _collect(self, invoice: Invoice) -> Steps:
        """Money comes when the customer pays, in one or two parts, or never."""
        world, rng = self.world, self.world.luck["receivables"]
        if rng.random() < 0.003:
            return
        lateness = round(rng.gauss(world.habits(invoice.party_id).lateness_days, 4))
        paid_on = max(invoice.due_date + timedelta(days=lateness), invoice.invoice_date + timedelta(days=2))
        yield world.until(self._bank_moment(paid_on))
        if rng.random() < 0.09 and invoice.total_amount > 100:
            self._pay(invoice, invoice.total_amount * rng.choice((30, 50, 70)) // 100, "in")
            yield world.until(self._bank_moment(local_date(world.now()) + timedelta(days=rng.randrange(7, 35))))
        self._pay(invoice, invoice.total_amount - invoice.paid_amount, "in")

    def _remind(self, invoice: Invoice) -> Steps:
        world, rng = self.world, self.world.luck["receivables"]
        yield world.until(moment_of(invoice.due_date + timedelta(days=FIRST_REMINDER_DAYS)))
        reminders = 0
        while invoice.state != "paid" and reminders < MAX_REMINDERS:
            user = yield from world.work(RECEIVABLES_CLERK, 7)
            if invoice.state == "paid":  # the money came while the letter was written
                return
            world.ledger.write(invoice, user, "reminder", reminders, reminders + 1)
            reminders += 1
            if invoice.id not in self._reminded:
                self._reminded.add(invoice.id)
                world.habits(invoice.party_id).reminders_open += 1
            yield world.pause_days(NEXT_REMINDER_DAYS + rng.uniform(-1, 2))
        yield world.pause_days(FORGET_DAYS)
        self._forget_reminders(invoice)

    def _forget_reminders(self, invoice: Invoice) -> None:
        if invoice.id in self._reminded:
            self._reminded.discard(invoice.id)
            self.world.habits(invoice.party_id).reminders_open -= 1

    def _pay(self, invoice: Invoice, amount: int, direction: str) -> None:
        """Books money as the bank's statement is read in, which nobody does by hand."""
        ledger, rng = self.world.ledger, self.world.luck["receivables"]
        ledger.create(
            Payment,
            number=ledger.number("PY"),
            invoice_id=invoice.id,
            party_id=invoice.party_id,
            direction=direction,
            method=rng.choices(("bank transfer", "direct debit", "card"), weights=(8, 2, 1))[0],
            amount=amount,
            paid_at=ledger.now(),
        )
        invoice.paid_amount += amount
        if invoice.paid_amount == invoice.total_amount:
            ledger.set_state(invoice, "paid")
            self._forget_reminders(invoice)
        else:
            ledger.write(invoice, None, "paid_amount", "0.00", f"{invoice.paid_amount / 100:.2f}")

    def _bank_moment(self, day: date) -> int:
        """When the bank's statement of that day, or of the next working day, is read in."""
        workday = next(day for day in days(day) if is_workday(day))
        return moment_of(workday, time(6, 30)) + self.world.luck["receivables"].randrange(600)
