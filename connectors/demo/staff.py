"""The people of the demo company and their desks: each desk serves its queue first come, first served, in working hours.

What belongs here: the roster and how work waits for people. What does not: what the work is.
"""

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import simpy

from connectors.demo.erp_records import Employee
from connectors.demo.working_time import WorkingTime

SALES_TEAMS = ("Sales North", "Sales South", "Sales West")


@dataclass(frozen=True)
class Post:
    """A role in a team and how many hold it in a company of scale 1."""

    team: str
    role: str
    headcount: int
    minimum: int = 1


SALES_POSTS = tuple(Post(team, "Account Executive", 7) for team in SALES_TEAMS)
CREDIT_ANALYST = Post("Credit", "Credit Analyst", 3)
WAREHOUSE_CLERK = Post("Warehouse", "Warehouse Clerk", 9)
BUYER = Post("Purchasing", "Buyer", 4)
HEAD_OF_PURCHASING = Post("Purchasing", "Head of Purchasing", 1)
PLANNER = Post("Operations", "Planner", 6, 2)
OPERATIONS_MANAGER = Post("Operations", "Operations Manager", 2)
RECEIVABLES_CLERK = Post("Accounts Receivable", "Receivables Clerk", 3)
PAYABLES_CLERK = Post("Accounts Payable", "Payables Clerk", 2)
SERVICE_AGENT = Post("Customer Service", "Service Agent", 4)
ROSTER = (
    *SALES_POSTS,
    CREDIT_ANALYST,
    WAREHOUSE_CLERK,
    BUYER,
    HEAD_OF_PURCHASING,
    PLANNER,
    OPERATIONS_MANAGER,
    RECEIVABLES_CLERK,
    PAYABLES_CLERK,
    SERVICE_AGENT,
)


@dataclass
class Desk:
    """Some people who share a queue."""

    env: simpy.Environment
    hours: WorkingTime
    rng: Random
    people: list[Employee]
    _free: deque[Employee] = field(init=False)
    _queue: deque[simpy.Event] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._free = deque(self.people)

    def work(self, minutes: float) -> Generator[simpy.Event, Any, int]:
        """Waits for someone to be free, lets them work about that long, and returns who it was (an employee's id)."""
        person: Employee = self._free.popleft() if self._free else (yield self._wait())
        seconds = round(minutes * 60 * self.rng.lognormvariate(-0.125, 0.5))  # mean 1
        now = int(self.env.now)
        yield self.env.timeout(self.hours.add(now, seconds) - now)
        self._release(person)
        return person.id

    def _wait(self) -> simpy.Event:
        event = self.env.event()
        self._queue.append(event)
        return event

    def _release(self, person: Employee) -> None:
        if self._queue:
            self._queue.popleft().succeed(person)
        else:
            self._free.append(person)
