"""What departments need: requisitions, their approval, and the buyers' baskets in which they wait to be ordered.

What belongs here: the way from a need to an order's first line, with a requisition or without (maverick buying). What does not:
the order itself (`connectors.demo.purchase_orders`).
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta

from connectors.demo import planted
from connectors.demo.demand import arrivals, in_office_hours, office_demand, rate
from connectors.demo.erp_records import Party, Product, Requisition
from connectors.demo.purchase_orders import Purchasing, Wish
from connectors.demo.staff import BUYER, OPERATIONS_MANAGER, PLANNER
from connectors.demo.working_time import local_date
from connectors.demo.world import Steps, World

NEEDS = 14_600  # requisitions in two years at scale 1
ORDERS = 12_000  # purchase orders in two years at scale 1, of which the planted share without requisition


@dataclass
class Requisitions:
    """The departments and their needs."""

    world: World
    purchasing: Purchasing
    _baskets: dict[int, list[Requisition]] = field(default_factory=lambda: defaultdict(list))  # approved, by supplier

    def start(self) -> None:
        """Lets needs arise."""
        world = self.world
        for name, number, begin in (
            ("needs", NEEDS, self.need),
            ("mavericks", ORDERS * planted.MAVERICK_ORDER_SHARE, self.maverick),
        ):
            of_day = rate(office_demand, number * world.scale)
            world.start(arrivals(world.env, world.random(name), of_day=of_day, place=in_office_hours, begin=begin))

    def need(self) -> Steps:
        """A planner asks for a product; a manager agrees; a buyer orders it with whatever else that supplier is to send."""
        world, ledger, rng = self.world, self.world.ledger, self.world.luck["purchase"]
        user = yield from world.work(PLANNER, 8)
        requisition = self._write(user)
        user = yield from world.work(PLANNER, 3)
        ledger.set_state(requisition, "submitted", user)
        yield world.pause_office(rng.expovariate(1 / 5))
        user = yield from world.work(OPERATIONS_MANAGER, 5)
        if rng.random() < 0.06:
            ledger.set_state(requisition, "rejected", user)
            return
        if rng.random() < 0.07:
            old, requisition.quantity = requisition.quantity, max(1, requisition.quantity // 2)
            requisition.estimated_amount = requisition.estimated_amount * requisition.quantity // old
            ledger.write(requisition, user, "quantity", old, requisition.quantity)
        ledger.set_state(requisition, "approved", user)
        if rng.random() < 0.02:
            yield world.pause_office(rng.expovariate(1 / 6))
            ledger.set_state(requisition, "cancelled", (yield from world.work(PLANNER, 3)))
            return
        yield from self._into_basket(requisition)

    def maverick(self) -> Steps:
        """Someone has a buyer order without asking for approval first."""
        rng = self.world.luck["purchase"]
        supplier = rng.choice(self.world.data.suppliers)
        user = yield from self.world.work(BUYER, 15)
        wishes = [self._wish(supplier) for _ in range(rng.choices((1, 2, 3), weights=(7, 2, 1))[0])]
        yield from self.purchasing.order(supplier, wishes, user)

    def _write(self, user: int) -> Requisition:
        world, rng = self.world, self.world.luck["purchase"]
        product = rng.choices(world.data.products, cum_weights=world.data.product_weights)[0]
        quantity = _quantity(self.world, product)
        return world.ledger.create(
            Requisition,
            user,
            number=world.ledger.number("RQ"),
            requester_id=user,
            product_id=product.id,
            quantity=quantity,
            estimated_amount=quantity * product.cost_price,
            needed_by=local_date(world.now()) + timedelta(days=rng.randrange(10, 60)),
            state="draft",
        )

    def _into_basket(self, requisition: Requisition) -> Steps:
        """The first requisition in a supplier's basket makes a buyer order all that is in it some hours later."""
        world, rng = self.world, self.world.luck["purchase"]
        supplier_id = world.ledger.get(Product, requisition.product_id).supplier_id
        basket = self._baskets[supplier_id]
        basket.append(requisition)
        if len(basket) > 1:
            return
        yield world.pause_office(rng.expovariate(1 / 7))
        user = yield from world.work(BUYER, 16)
        del self._baskets[supplier_id]
        supplier = world.ledger.get(Party, supplier_id)
        wishes = [Wish(world.ledger.get(Product, wanted.product_id), wanted.quantity, wanted) for wanted in basket]
        if rng.random() < planted.MAVERICK_EXTRA_LINE_SHARE * len(basket):
            wishes.append(self._wish(supplier))
        yield from self.purchasing.order(supplier, wishes, user)

    def _wish(self, supplier: Party) -> Wish:
        product = self.world.luck["purchase"].choice(self.world.data.products_of[supplier.id])
        return Wish(product, _quantity(self.world, product), None)


def _quantity(world: World, product: Product) -> int:
    """How much of a product is bought at once: rather a sum of money than a number of pieces."""
    money = world.luck["purchase"].lognormvariate(12.2, 1.0)  # cents; median about 2,000 euros
    return max(1, round(money / product.cost_price))
