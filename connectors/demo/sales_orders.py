"""Customers' orders from the first word to their release: quotation, haggling, confirmation, credit check, cancellation.

What belongs here: the sales process up to the warehouse. What does not: delivering (`connectors.demo.deliveries`) and being paid
(`connectors.demo.receivables`).
"""

from dataclasses import dataclass
from datetime import timedelta

from connectors.demo import planted
from connectors.demo.crm_records import Account, Opportunity
from connectors.demo.deliveries import Deliveries
from connectors.demo.demand import around_the_clock, arrivals, in_office_hours, machine_demand, office_demand, rate
from connectors.demo.erp_records import Employee, Party, SaleOrder, SaleOrderLine
from connectors.demo.order_files import SalesFile
from connectors.demo.staff import CREDIT_ANALYST, SALES_POSTS, Desk
from connectors.demo.working_time import local_date, utc_midnight
from connectors.demo.world import Steps, World

OFFICE_ORDERS = 14_200  # in two years at scale 1, before the demand break
MACHINE_ORDERS = 4_700  # by electronic data interchange, day and night
DISCOUNTS = {"enterprise": (5, 10, 15), "mid-market": (0, 5, 10), "small": (0, 0, 5)}
QUANTITIES = {"enterprise": 26, "mid-market": 14, "small": 7}


@dataclass(frozen=True)
class Sales:
    """The sales process."""

    world: World
    deliveries: Deliveries

    def start(self) -> None:
        """Lets orders come in."""
        env, scale = self.world.env, self.world.scale
        office = rate(office_demand, OFFICE_ORDERS * scale, with_break=True)
        machines = rate(machine_demand, MACHINE_ORDERS * scale, with_break=True)
        self.world.start(
            arrivals(env, self.world.random("office"), of_day=office, place=in_office_hours, begin=self.order_by_person)
        )
        self.world.start(
            arrivals(env, self.world.random("machines"), of_day=machines, place=around_the_clock, begin=self.order_by_machine)
        )

    def order_by_person(self) -> Steps:
        """An order that a salesperson writes down."""
        party = self._some_customer()
        desk = self.world.sales_desks[self.world.habits(party.id).salesperson_id]
        user = yield from desk.work(18)
        file = self._new_order(party, desk, user)
        yield from self._quote(file)

    def order_by_machine(self) -> Steps:
        """An order that a customer's system sends; nobody has to touch it."""
        party = self._some_customer()
        file = self._new_order(party, self.world.sales_desks[self.world.habits(party.id).salesperson_id], None)
        yield self.world.pause(self.world.luck["sales"].uniform(20, 240))
        self.world.ledger.set_state(file.order, "confirmed")
        yield from self._confirmed(file)

    def order_from_opportunity(self, opportunity: Opportunity, account: Account, owner: Employee) -> Steps:
        """The order of a won opportunity."""
        desk = self.world.sales_desks[owner.id]
        yield self.world.pause_office(self.world.luck["sales"].expovariate(1 / 8))
        party = next(party for party in self.world.data.customers if party.code == account.erp_party_code)
        user = yield from desk.work(25)
        file = self._new_order(party, desk, user, opportunity)
        yield from self._quote(file)

    def _some_customer(self) -> Party:
        data = self.world.data
        return self.world.luck["sales"].choices(data.customers, cum_weights=data.customer_weights)[0]

    def _new_order(self, party: Party, desk: Desk, user: int | None, opportunity: Opportunity | None = None) -> SalesFile:
        ledger, rng, today = self.world.ledger, self.world.luck["sales"], local_date(self.world.now())
        order = ledger.create(
            SaleOrder,
            user,
            number=ledger.number("SO"),
            party_id=party.id,
            crm_opportunity_id=opportunity.id if opportunity else None,
            salesperson_id=desk.people[0].id,
            order_date=today,
            requested_date=today + timedelta(days=rng.choice((2, 3, 4, 5, 5, 7, 10, 14))),
            state="draft",
        )
        products = self._some_products(min(12, 1 + int(rng.expovariate(1 / 2.2))))
        share = opportunity.amount / len(products) if opportunity else None
        lines = []
        for line_no, product in enumerate(products, start=1):
            discount = rng.choice(DISCOUNTS[party.segment])
            price = product.list_price
            quantity = max(1, round(share / price) if share else 1 + int(rng.expovariate(1 / QUANTITIES[party.segment])))
            lines.append(
                ledger.create(
                    SaleOrderLine,
                    order_id=order.id,
                    line_no=line_no,
                    product_id=product.id,
                    quantity=quantity,
                    unit_price=price,
                    discount_pct=discount,
                    amount=line_amount(quantity, price, discount),
                )
            )
        order.total_amount = sum(line.amount for line in lines)
        return SalesFile(order=order, lines=lines, party=party, desk=desk)

    def _some_products(self, number: int) -> list:
        data, rng = self.world.data, self.world.luck["sales"]
        chosen = rng.choices(data.products, cum_weights=data.product_weights, k=number)
        return list({product.id: product for product in chosen}.values())

    def _quote(self, file: SalesFile) -> Steps:
        world, rng = self.world, self.world.luck["sales"]
        is_slow = file.desk.people[0].team == planted.SLOW_TEAM
        if rng.random() < 0.82:  # the rest are repeat orders, confirmed as they come
            effort = planted.SLOW_TEAM_EFFORT if is_slow else 1.0
            user = yield from file.desk.work(32 * effort)
            if is_slow:
                yield world.pause_office(rng.lognormvariate(0, 0.5) * planted.SLOW_TEAM_SIGNATURE_WORKING_HOURS)
                user = yield from file.desk.work(5)
            world.ledger.set_state(file.order, "quotation", user)
            yield from self._haggle(file)
            if rng.random() < 0.11:
                yield world.pause_days(rng.uniform(4, 25))
                self._cancel(file, (yield from file.desk.work(4)))
                return
        yield world.pause_office(rng.expovariate(1 / 6))
        user = yield from file.desk.work(8)
        world.ledger.set_state(file.order, "confirmed", user)
        yield from self._confirmed(file)

    def _haggle(self, file: SalesFile) -> Steps:
        """The customer thinks, and often wants another price, quantity or date, sometimes more than once."""
        rng = self.world.luck["sales"]
        yield self.world.pause_office(rng.expovariate(1 / 10))
        while rng.random() < 0.27:
            user = yield from file.desk.work(14)
            self._change(file, rng.choices(("unit_price", "quantity", "requested_date"), weights=(5, 3, 3))[0], user)
            yield self.world.pause_office(rng.expovariate(1 / 9))

    def _change(self, file: SalesFile, field: str, user: int) -> None:
        ledger, rng, order = self.world.ledger, self.world.luck["sales"], file.order
        if field == "requested_date":
            old_date, order.requested_date = order.requested_date, order.requested_date + timedelta(days=rng.choice((-2, 3, 7, 14)))
            ledger.write(order, user, field, old_date, order.requested_date)
            return
        line = rng.choice(file.lines)
        if field == "unit_price":
            old, line.unit_price = line.unit_price, max(1, round(line.unit_price * rng.uniform(0.88, 0.99)))
            ledger.write(order, user, field, f"{old / 100:.2f}", f"{line.unit_price / 100:.2f}")
        else:
            old, line.quantity = line.quantity, max(1, round(line.quantity * rng.choice((0.5, 0.8, 1.25, 1.5, 2))))
            ledger.write(order, user, field, old, line.quantity)
        line.amount = line_amount(line.quantity, line.unit_price, line.discount_pct)
        order.total_amount = sum(line.amount for line in file.lines)
        ledger.touch(line)

    def _confirmed(self, file: SalesFile) -> Steps:
        rng = self.world.luck["sales"]
        if rng.random() < 0.09:
            yield self.world.pause_office(rng.expovariate(1 / 5))
            self._change(file, rng.choice(("requested_date", "quantity")), (yield from file.desk.work(8)))
        is_released = yield from self._check_credit(file)
        if not is_released:
            return
        if rng.random() < 0.025:
            yield self.world.pause_office(rng.expovariate(1 / 6))
            self._cancel(file, (yield from file.desk.work(6)))
            return
        yield from self.deliveries.deliver(file)

    def _check_credit(self, file: SalesFile) -> Steps:
        """Holds large orders and late payers; returns whether the order may go on."""
        world, rng, order = self.world, self.world.luck["sales"], file.order
        reminded = world.habits(file.party.id).reminders_open > 0
        yield world.pause(rng.uniform(30, 300))
        if order.total_amount < planted.CREDIT_CHECK_FROM_CENTS and not reminded:
            return True
        world.ledger.set_state(order, "credit_hold")
        is_small = order.total_amount < planted.AUTOMATIC_RELEASE_BELOW_CENTS
        if is_small and world.now() >= utc_midnight(planted.AUTOMATIC_RELEASE_FROM):
            yield world.pause(rng.uniform(60, 900))
            world.ledger.set_state(order, "credit_released")
            return True
        user = yield from world.work(CREDIT_ANALYST, planted.CREDIT_CHECK_MINUTES)
        yield world.pause_office(rng.lognormvariate(-0.18, 0.6) * planted.CREDIT_PAPERS_WORKING_HOURS)
        user = yield from world.work(CREDIT_ANALYST, 6)
        if rng.random() < 0.035:
            self._cancel(file, user)
            return False
        world.ledger.set_state(order, "credit_released", user)
        return True

    def _cancel(self, file: SalesFile, user: int) -> None:
        self.world.ledger.set_state(file.order, "cancelled", user)


def line_amount(quantity: int, price: int, discount_pct: int) -> int:
    """A line's amount in cents, rounded half up."""
    return (quantity * price * (100 - discount_pct) + 50) // 100


def sales_people(world: World) -> list[Employee]:
    """Everyone who sells."""
    return [person for post in SALES_POSTS for person in world.data.people[post]]
