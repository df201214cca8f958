"""The CRM: opportunities through their stages with calls, mails, meetings and demonstrations, won and lost.

What belongs here: the lead-to-order process as a CRM sees it. What does not: the order of a won opportunity
(`connectors.demo.sales_orders`) and tickets (`connectors.demo.tickets`).
"""

from dataclasses import dataclass
from datetime import timedelta

from connectors.demo import planted
from connectors.demo.crm_records import Account, Activity, Opportunity, StageChange
from connectors.demo.demand import arrivals, in_office_hours, office_demand, rate
from connectors.demo.erp_records import Employee
from connectors.demo.master_data import add_customer
from connectors.demo.names import LOST_REASONS
from connectors.demo.sales_orders import Sales, sales_people
from connectors.demo.working_time import local_date
from connectors.demo.world import Steps, World

SUBJECTS = ("framework", "refit", "new site", "replacement", "trial order", "extension")
OPPORTUNITIES = 6_000  # in two years at scale 1


@dataclass(frozen=True)
class Stage:
    """A stage: how long it takes, how much is done in it, how it ends."""

    name: str
    probability: int  # per cent, as the CRM shows it
    office_hours: float
    activities: tuple[str, ...]
    lost: float
    back: float = 0.0


STAGES = (
    Stage("New", 10, 10, ("email", "call"), 0.20),
    Stage("Qualified", 25, 30, ("call", "call", "email", "meeting"), 0.20),
    Stage("Proposal", 50, 42, ("email", "meeting", "demo"), 0.24, back=0.05),
    Stage("Negotiation", 75, 36, ("call", "meeting", "email"), 0.16, back=0.14),
)


@dataclass(frozen=True)
class Opportunities:
    """The CRM's sales side."""

    world: World
    sales: Sales

    def start(self) -> None:
        """Lets opportunities arise."""
        world = self.world
        of_day = rate(office_demand, OPPORTUNITIES * world.scale)
        world.start(arrivals(world.env, world.random("leads"), of_day=of_day, place=in_office_hours, begin=self.pursue))

    def pursue(self) -> Steps:
        """One opportunity from its first note to won or lost."""
        world, rng = self.world, self.world.luck["crm"]
        account = rng.choice(world.data.accounts if rng.random() < 0.5 else world.data.customer_accounts)
        owner = next(person for person in sales_people(world) if person.email == account.owner)
        yield from world.sales_desks[owner.id].work(8)
        opportunity = self._note(account, owner)
        index = 0
        while index < len(STAGES):
            stage = STAGES[index]
            yield from self._act(opportunity, owner, stage)
            fate = rng.random()
            if fate < stage.lost:
                yield from self._close(opportunity, owner, "Lost")
                return
            index += -1 if fate < stage.lost + stage.back else 1
            if index < len(STAGES):
                yield from world.sales_desks[owner.id].work(6)
                self._enter(opportunity, owner, STAGES[index])
        yield from self._close(opportunity, owner, "Won")
        self._become_customer(account)
        world.start(self.sales.order_from_opportunity(opportunity, account, owner))

    def _note(self, account: Account, owner: Employee) -> Opportunity:
        world, rng = self.world, self.world.luck["crm"]
        opportunity = world.ledger.create_crm(
            Opportunity,
            account_id=account.id,
            contact_id=rng.choice(world.data.contacts_of[account.id]).id,
            name=f"{account.name.split()[0]}: {rng.choice(SUBJECTS)}",
            owner=owner.email,
            team=owner.team,
            source=rng.choices(("web", "referral", "trade fair", "cold call", "partner"), weights=(5, 3, 2, 2, 1))[0],
            stage="New",
            amount=max(20_000, round(rng.lognormvariate(13.0, 0.9))),  # cents; median about 4,400 euros
            currency="EUR",
            probability=STAGES[0].probability,
            expected_close=local_date(world.now()) + timedelta(days=rng.randrange(20, 90)),
            created_at=world.now(),
        )
        self._history(opportunity, None, "New", owner)
        return opportunity

    def _act(self, opportunity: Opportunity, owner: Employee, stage: Stage) -> Steps:
        """Time passes in a stage, with some things done by its owner."""
        world, rng = self.world, self.world.luck["crm"]
        slowness = planted.SLOW_TEAM_EFFORT if owner.team == planted.SLOW_TEAM else 1.0
        number = rng.choice((1, 1, 2, 2, 3))
        for _ in range(number):
            yield world.pause_office(rng.lognormvariate(-0.18, 0.6) * stage.office_hours * slowness / number)
            kind = rng.choice(stage.activities)
            yield from world.sales_desks[owner.id].work({"email": 8, "call": 14, "meeting": 40, "demo": 45}[kind])
            world.ledger.create_crm(
                Activity,
                opportunity_id=opportunity.id,
                kind=kind,
                subject=f"{kind.capitalize()}: {stage.name.lower()}",
                performed_by=owner.email,
                performed_at=world.now(),
            )
        if rng.random() < 0.12:
            opportunity.expected_close += timedelta(days=rng.choice((7, 14, 30)))
            opportunity.amount = max(20_000, round(opportunity.amount * rng.uniform(0.8, 1.15)))
            world.ledger.touch(opportunity)

    def _enter(self, opportunity: Opportunity, owner: Employee, stage: Stage) -> None:
        old, opportunity.stage, opportunity.probability = opportunity.stage, stage.name, stage.probability
        self._history(opportunity, old, stage.name, owner)

    def _close(self, opportunity: Opportunity, owner: Employee, outcome: str) -> Steps:
        yield from self.world.sales_desks[owner.id].work(6)
        old, opportunity.stage, opportunity.closed_at = opportunity.stage, outcome, self.world.now()
        opportunity.probability = 100 if outcome == "Won" else 0
        if outcome == "Lost":
            opportunity.lost_reason = self.world.luck["crm"].choice(LOST_REASONS)
        self._history(opportunity, old, outcome, owner)

    def _history(self, opportunity: Opportunity, old: str | None, new: str, owner: Employee) -> None:
        ledger = self.world.ledger
        ledger.touch(opportunity)
        ledger.create_crm(
            StageChange,
            opportunity_id=opportunity.id,
            from_stage=old,
            to_stage=new,
            changed_by=owner.email,
            changed_at=ledger.now(),
        )

    def _become_customer(self, account: Account) -> None:
        if account.erp_party_code is None:
            add_customer(self.world.ledger, self.world.luck["crm"], self.world.data, account, made_now=True)
