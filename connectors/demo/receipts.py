"""Goods that come from suppliers: receipts of one order or of several, in parts, early and late.

What belongs here: the incoming warehouse. What does not: what the supplier wants for them (`connectors.demo.payables`).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from connectors.demo.erp_records import Shipment, StockMove
from connectors.demo.order_files import PurchaseFile, PurchasePortion
from connectors.demo.payables import Payables
from connectors.demo.staff import WAREHOUSE_CLERK
from connectors.demo.working_time import local_date, utc_midnight
from connectors.demo.world import HOUR, Steps, World


@dataclass
class Receipts:
    """The incoming warehouse."""

    world: World
    payables: Payables
    _trucks: dict[int, list[PurchasePortion]] = field(default_factory=lambda: defaultdict(list))  # announced, by supplier

    def receive(self, file: PurchaseFile, *, invoiced: bool = False) -> Steps:
        """Waits for an order's goods, takes them in, and expects an invoice for them unless there is one already."""
        world, rng = self.world, self.world.luck["purchase"]
        portions = [PurchasePortion(file, line, line.quantity) for line in file.lines]
        later: list[PurchasePortion] = []
        if rng.random() < 0.12:
            portions, later = _split(portions)
        yield world.until(self._arrival(file))
        if world.habits(file.party.id).bundles_goods and not invoiced:
            yield from self._by_truck(file.party.id, portions)
        else:
            yield from self._unload(portions, invoiced=invoiced)
        if later:
            yield world.pause_days(rng.uniform(4, 18))
            yield from self._unload(later, invoiced=invoiced)

    def _arrival(self, file: PurchaseFile) -> int:
        """When the supplier's goods stand at the gate: about the promised day, by the supplier's habits."""
        world, rng = self.world, self.world.luck["purchase"]
        delay = round(rng.gauss(world.habits(file.party.id).lateness_days, 2.5))
        day = max(file.order.promised_date + timedelta(days=delay), local_date(world.now()) + timedelta(days=1))
        return world.warehouse.add(utc_midnight(day), round(rng.uniform(0.2, 7) * HOUR))

    def _by_truck(self, party_id: int, portions: list[PurchasePortion]) -> Steps:
        """Suppliers with a weekly truck bring what has become ready; the first portion announces it."""
        truck = self._trucks[party_id]
        truck.extend(portions)
        if len(truck) == len(portions):
            yield self.world.pause_days(self.world.luck["purchase"].uniform(3, 7))
            del self._trucks[party_id]
            yield from self._unload(truck, invoiced=False)

    def _unload(self, portions: Sequence[PurchasePortion], *, invoiced: bool) -> Steps:
        world, ledger = self.world, self.world.ledger
        receipt, moves = self._announce(portions, local_date(world.now()))
        user = yield from world.work(WAREHOUSE_CLERK, 12 + 2 * len(portions))
        receipt.effective_at = world.now()
        ledger.set_state(receipt, "received", user)
        for move in moves:
            move.state, move.effective_at = "done", receipt.effective_at
        ledger.touch(*moves)
        files = list({portion.file.order.id: portion.file for portion in portions}.values())
        for file in files:
            if file.order.state == "confirmed":
                ledger.set_state(file.order, "processing")
        for portion in portions:
            portion.file.unreceived -= portion.quantity
        if not invoiced:
            self.payables.goods_received(portions)
        user = yield from world.work(WAREHOUSE_CLERK, 15 + 3 * len(portions))
        ledger.set_state(receipt, "done", user)
        for file in files:
            file.settle(ledger, None)

    def _announce(self, portions: Sequence[PurchasePortion], day: date) -> tuple[Shipment, list[StockMove]]:
        ledger = self.world.ledger
        receipt = ledger.create(
            Shipment,
            number=ledger.number("GR"),
            kind="incoming",
            party_id=portions[0].file.party.id,
            planned_date=day,
            state="waiting",
        )
        moves = [
            ledger.create(
                StockMove,
                shipment_id=receipt.id,
                product_id=portion.line.product_id,
                purchase_order_line_id=portion.line.id,
                quantity=portion.quantity,
            )
            for portion in portions
        ]
        return receipt, moves


def _split(portions: list[PurchasePortion]) -> tuple[list[PurchasePortion], list[PurchasePortion]]:
    """Half of every line now and the rest later; lines of one piece come at once."""
    first = [PurchasePortion(portion.file, portion.line, (portion.quantity + 1) // 2) for portion in portions]
    later = [PurchasePortion(portion.file, portion.line, portion.quantity // 2) for portion in portions if portion.quantity > 1]
    return first, later
