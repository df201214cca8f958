"""The CRM's service desk: customers' tickets from opening to closing.

What belongs here: tickets. What does not: returns themselves (`connectors.demo.deliveries`).
"""

from dataclasses import dataclass

from connectors.demo import names
from connectors.demo.crm_records import Opportunity, Ticket
from connectors.demo.demand import arrivals, in_office_hours, office_demand, rate
from connectors.demo.staff import SERVICE_AGENT
from connectors.demo.world import Steps, World

TICKETS = 4_000  # in two years at scale 1


@dataclass(frozen=True)
class Service:
    """The service desk."""

    world: World

    def start(self) -> None:
        """Lets customers ask."""
        world = self.world
        of_day = rate(office_demand, TICKETS * world.scale)
        world.start(arrivals(world.env, world.random("tickets"), of_day=of_day, place=in_office_hours, begin=self.answer))

    def answer(self) -> Steps:
        """One ticket: opened by the customer, answered, perhaps waiting for the customer, solved, closed by the system."""
        world, rng = self.world, self.world.luck["service"]
        ticket = self._open()
        user = yield from world.work(SERVICE_AGENT, 12)
        ticket.first_response_at, ticket.status = world.now(), "pending"
        ticket.assignee = next(person.email for person in world.data.people[SERVICE_AGENT] if person.id == user)
        world.ledger.touch(ticket)
        yield world.pause_office(rng.expovariate(1 / 9))
        yield from world.work(SERVICE_AGENT, 18)
        ticket.solved_at, ticket.status = world.now(), "solved"
        world.ledger.touch(ticket)
        yield world.pause_days(5)
        ticket.status = "closed"
        if rng.random() < 0.45:
            ticket.satisfaction = rng.choices((1, 2, 3, 4, 5), weights=(1, 1, 3, 7, 6))[0]
        world.ledger.touch(ticket)

    def _open(self) -> Ticket:
        world, rng, data = self.world, self.world.luck["service"], self.world.data
        party = rng.choices(data.customers, cum_weights=data.customer_weights)[0]
        return world.ledger.create_crm(
            Ticket,
            account_id=party.crm_account_id,
            opportunity_id=self._about(party.crm_account_id),
            subject=rng.choice(names.TICKET_SUBJECTS),
            priority=rng.choices(("low", "normal", "high", "urgent"), weights=(3, 6, 2, 1))[0],
            status="open",
            opened_at=world.now(),
            assignee=rng.choice(data.people[SERVICE_AGENT]).email,
        )

    def _about(self, account_id: str | None) -> str | None:
        """The account's latest opportunity, now and then."""
        rng, opportunities = self.world.luck["service"], self.world.ledger.rows[Opportunity]
        if rng.random() < 0.75:
            return None
        recent = opportunities[-400:]
        return next((found.id for found in reversed(recent) if found.account_id == account_id), None)
