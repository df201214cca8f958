"""Goods that leave and goods that come back: shipments of one order or of several, in parts, and customers' returns.

What belongs here: the outgoing warehouse. What does not: goods that come from suppliers (`connectors.demo.receipts`) and invoices.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from connectors.demo.erp_records import Shipment, StockMove
from connectors.demo.order_files import SalesFile, SalesPortion
from connectors.demo.receivables import Receivables
from connectors.demo.staff import SERVICE_AGENT, WAREHOUSE_CLERK
from connectors.demo.working_time import local_date, utc_midnight
from connectors.demo.world import HOUR, Steps, World

LEAD_DAYS = 5  # picking begins so long before the requested date


@dataclass
class Deliveries:
    """The outgoing warehouse."""

    world: World
    receivables: Receivables
    _pools: dict[int, list[SalesPortion]] = field(default_factory=lambda: defaultdict(list))  # by party

    def deliver(self, file: SalesFile) -> Steps:
        """Delivers a released order: at once, in parts, or together with the customer's other orders."""
        world, rng = self.world, self.world.luck["delivery"]
        file.open_for_delivery()
        portions = [SalesPortion(file, line, line.quantity) for line in file.lines]
        if world.habits(file.party.id).bundles_goods:
            yield from self._pool(file.party.id, portions)
            return
        first, later = self._split(portions) if rng.random() < 0.17 else (portions, [])
        if later:
            world.start(self._deliver_later(later))
        yield from self._ship(first)

    def _split(self, portions: list[SalesPortion]) -> tuple[list[SalesPortion], list[SalesPortion]]:
        """What is in stock, and what has to wait."""
        rng = self.world.luck["delivery"]
        first, later = [], []
        for portion in portions:
            now = rng.choice((0, portion.quantity, portion.quantity // 2))
            if now:
                first.append(SalesPortion(portion.file, portion.line, now))
            if portion.quantity > now:
                later.append(SalesPortion(portion.file, portion.line, portion.quantity - now))
        return (first, later) if first else (later, [])

    def _deliver_later(self, portions: list[SalesPortion]) -> Steps:
        yield self.world.pause_days(self.world.luck["delivery"].uniform(3, 16))
        yield from self._ship(portions)

    def _pool(self, party_id: int, portions: list[SalesPortion]) -> Steps:
        """Adds to what the customer gets with the next truck; the first in the pool calls the truck."""
        pool = self._pools[party_id]
        pool.extend(portions)
        if len(pool) == len(portions):
            yield self.world.pause_days(self.world.luck["delivery"].uniform(3, 8))
            self._pools[party_id] = []
            yield from self._ship(pool)

    def _ship(self, portions: Sequence[SalesPortion]) -> Steps:
        world, ledger, rng = self.world, self.world.ledger, self.world.luck["delivery"]
        files = _files(portions)
        requested = max(file.order.requested_date for file in files)
        shipment, moves = self._plan("outgoing", "DN", portions, max(requested, local_date(world.now())))
        if rng.random() < 0.008:
            yield from self._cancel(shipment, moves, files)
            return
        yield world.until(utc_midnight(requested - timedelta(days=LEAD_DAYS)))
        user = yield from world.work(WAREHOUSE_CLERK, 12 + 4 * len(portions))
        ledger.set_state(shipment, "picked", user)
        for file in files:
            if file.order.state != "processing":
                ledger.set_state(file.order, "processing")
        user = yield from world.work(WAREHOUSE_CLERK, 8 + 1.5 * len(portions))
        ledger.set_state(shipment, "packed", user)
        yield world.until(world.warehouse.add(world.now(), round(rng.uniform(0.5, 5) * HOUR)))
        self._complete(shipment, moves, user)
        for portion in portions:
            portion.file.undelivered -= portion.quantity
        self.receivables.goods_delivered(portions)
        if rng.random() < 0.045:
            world.start(self._take_back(portions))

    def _plan(
        self, kind: str, prefix: str, portions: Sequence[SalesPortion], planned: date, user: int | None = None
    ) -> tuple[Shipment, list[StockMove]]:
        ledger = self.world.ledger
        shipment = ledger.create(
            Shipment,
            user,
            number=ledger.number(prefix),
            kind=kind,
            party_id=portions[0].file.party.id,
            planned_date=planned,
            state="waiting",
        )
        moves = [
            ledger.create(
                StockMove,
                shipment_id=shipment.id,
                product_id=portion.line.product_id,
                sale_order_line_id=portion.line.id,
                quantity=portion.quantity,
            )
            for portion in portions
        ]
        return shipment, moves

    def _complete(self, shipment: Shipment, moves: list[StockMove], user: int) -> None:
        ledger = self.world.ledger
        if shipment.effective_at is None:
            shipment.effective_at = ledger.now()
        ledger.set_state(shipment, "done", user)
        for move in moves:
            move.state, move.effective_at = "done", shipment.effective_at
        ledger.touch(*moves)

    def _cancel(self, shipment: Shipment, moves: list[StockMove], files: list[SalesFile]) -> Steps:
        """The customer steps back while the goods wait; orders of which something has left are only cut short."""
        user = yield from files[0].desk.work(10)
        ledger = self.world.ledger
        ledger.set_state(shipment, "cancelled", user)
        for move in moves:
            move.state = "cancelled"
        ledger.touch(*moves)
        for file in files:
            if file.order.state != "processing":
                ledger.set_state(file.order, "cancelled", user)

    def _take_back(self, portions: Sequence[SalesPortion]) -> Steps:
        """The customer sends something back, gets a credit note, and the money if the invoice was paid."""
        world, ledger, rng = self.world, self.world.ledger, self.world.luck["delivery"]
        yield world.pause_days(rng.uniform(3, 14))
        user = yield from world.work(SERVICE_AGENT, 15)
        wanted = rng.sample(list(portions), k=max(1, len(portions) // 2))
        back = [SalesPortion(portion.file, portion.line, max(1, portion.quantity // rng.choice((1, 2)))) for portion in wanted]
        shipment, moves = self._plan("customer_return", "RT", back, local_date(world.now()) + timedelta(days=5), user)
        yield world.pause_days(rng.uniform(2, 9))
        user = yield from world.work(WAREHOUSE_CLERK, 10)
        shipment.effective_at = world.now()
        ledger.set_state(shipment, "received", user)
        user = yield from world.work(WAREHOUSE_CLERK, 25)
        self._complete(shipment, moves, user)
        yield from self.receivables.credit(back)


def _files(portions: Sequence[SalesPortion]) -> list[SalesFile]:
    return list({portion.file.order.id: portion.file for portion in portions}.values())
