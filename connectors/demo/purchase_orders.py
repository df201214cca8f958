"""Orders to suppliers: approval, sending, the supplier's confirmation with its changes, cancellation.

What belongs here: the purchase order. What does not: why it is placed (`connectors.demo.requisitions`), the goods
(`connectors.demo.receipts`) and the supplier's invoice (`connectors.demo.payables`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from connectors.demo import planted
from connectors.demo.erp_records import Party, Product, PurchaseOrder, PurchaseOrderLine, Requisition
from connectors.demo.order_files import PurchaseFile
from connectors.demo.payables import Payables
from connectors.demo.receipts import Receipts
from connectors.demo.staff import BUYER, HEAD_OF_PURCHASING
from connectors.demo.working_time import local_date
from connectors.demo.world import Steps, World

SIGNATURE_FROM_CENTS = 150_000


@dataclass(frozen=True)
class Wish:
    """What a line of an order is to hold."""

    product: Product
    quantity: int
    requisition: Requisition | None


@dataclass(frozen=True)
class Purchasing:
    """The purchasing department."""

    world: World
    receipts: Receipts
    payables: Payables

    def order(self, supplier: Party, wishes: Sequence[Wish], user: int) -> Steps:
        """Places an order and follows it until goods and invoice are on their way."""
        world, ledger, rng = self.world, self.world.ledger, self.world.luck["purchase"]
        file = self._write(supplier, wishes, user)
        if file.order.total_amount >= SIGNATURE_FROM_CENTS:
            yield world.pause_office(rng.expovariate(1 / 3))
            ledger.set_state(file.order, "approved", (yield from world.work(HEAD_OF_PURCHASING, 4)))
        else:
            yield world.pause(rng.uniform(5, 60))
            ledger.set_state(file.order, "approved")
        ledger.set_state(file.order, "sent", (yield from world.work(BUYER, 4)))
        if rng.random() < 0.025:
            yield world.pause_office(rng.expovariate(1 / 10))
            ledger.set_state(file.order, "cancelled", (yield from world.work(BUYER, 5)))
            return
        yield world.pause_office(rng.expovariate(1 / 12))
        yield from self._confirm(file)
        yield from self._after_confirmation(file)

    def _write(self, supplier: Party, wishes: Sequence[Wish], user: int) -> PurchaseFile:
        world, ledger, today = self.world, self.world.ledger, local_date(self.world.now())
        order = ledger.create(
            PurchaseOrder,
            user,
            number=ledger.number("PO"),
            party_id=supplier.id,
            buyer_id=user,
            order_date=today,
            promised_date=today + timedelta(days=round(world.habits(supplier.id).lead_days)),
            state="draft",
        )
        lines = [self._line(order, line_no, wish) for line_no, wish in enumerate(wishes, start=1)]
        order.total_amount = sum(line.amount for line in lines)
        for wish in wishes:
            if wish.requisition is not None:
                ledger.set_state(wish.requisition, "converted", user)
        return PurchaseFile(order=order, lines=lines, party=supplier)

    def _line(self, order: PurchaseOrder, line_no: int, wish: Wish) -> PurchaseOrderLine:
        return self.world.ledger.create(
            PurchaseOrderLine,
            order_id=order.id,
            line_no=line_no,
            product_id=wish.product.id,
            requisition_id=wish.requisition.id if wish.requisition else None,
            quantity=wish.quantity,
            unit_price=wish.product.cost_price,
            amount=wish.quantity * wish.product.cost_price,
        )

    def _confirm(self, file: PurchaseFile) -> Steps:
        """The supplier confirms, often with another price, quantity or date, which a buyer writes down."""
        world, ledger, rng, order = self.world, self.world.ledger, self.world.luck["purchase"], file.order
        user = yield from world.work(BUYER, 6)
        if rng.random() < 0.14:
            line = rng.choice(file.lines)
            old, line.unit_price = line.unit_price, max(1, round(line.unit_price * rng.uniform(1.01, 1.12)))
            ledger.write(order, user, "unit_price", f"{old / 100:.2f}", f"{line.unit_price / 100:.2f}")
            self._reprice(file, line)
        if rng.random() < 0.06:
            line = rng.choice(file.lines)
            old, line.quantity = line.quantity, max(1, round(line.quantity * rng.choice((0.5, 0.8, 1.1))))
            ledger.write(order, user, "quantity", old, line.quantity)
            self._reprice(file, line)
        if rng.random() < 0.18:
            old_date, order.promised_date = order.promised_date, order.promised_date + timedelta(days=rng.choice((-2, 3, 7, 14)))
            ledger.write(order, user, "promised_date", old_date, order.promised_date)
        ledger.set_state(order, "confirmed", user)

    def _reprice(self, file: PurchaseFile, line: PurchaseOrderLine) -> None:
        line.amount = line.quantity * line.unit_price
        file.order.total_amount = sum(line.amount for line in file.lines)
        self.world.ledger.touch(line)

    def _after_confirmation(self, file: PurchaseFile) -> Steps:
        world, rng = self.world, self.world.luck["purchase"]
        if rng.random() < 0.02:
            yield world.pause_office(rng.expovariate(1 / 12))
            world.ledger.set_state(file.order, "cancelled", (yield from world.work(BUYER, 8)))
            return
        file.open_for_receipt()
        if rng.random() < planted.PREPAID_ORDER_SHARE:
            world.start(self.payables.prepay(file))
            yield from self.receipts.receive(file, invoiced=True)
        else:
            yield from self.receipts.receive(file)
