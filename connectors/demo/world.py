"""The company's world while it is simulated: clock, books, desks, random streams and the ways to let time pass.

What belongs here: what every process needs. What does not: the processes themselves.

Nothing here or in the processes may depend on how far the simulation will run: the past must be the same for every horizon.
"""

from collections.abc import Generator
from functools import cached_property
from random import Random
from typing import Any

import simpy

from connectors.demo.ledger import Ledger
from connectors.demo.master_data import Habits, MasterData, make_master_data
from connectors.demo.staff import ROSTER, SALES_POSTS, WAREHOUSE_CLERK, Desk, Post
from connectors.demo.working_time import FIRST_DAY, OFFICE_HOURS, SECONDS_PER_DAY, WAREHOUSE_HOURS, utc_midnight, working_time

Steps = Generator[simpy.Event, Any, Any]
HOUR = 3600
STREAMS = ("sales", "delivery", "receivables", "purchase", "payables", "crm", "service", "upkeep")


class World:
    """One company, from its first day on.

    Args:
        seed: Everything random comes from it.
        scale: Size; 1 is about 20,000 sales orders in two years.
    """

    def __init__(self, *, seed: int, scale: float) -> None:
        self.seed, self.scale = seed, scale
        self.env = simpy.Environment(initial_time=utc_midnight(FIRST_DAY))
        self.ledger = Ledger(clock=self.now)
        self.office, self.warehouse = working_time(OFFICE_HOURS), working_time(WAREHOUSE_HOURS)
        self.data: MasterData = make_master_data(self.ledger, self.random("master data"), scale)
        self.desks: dict[Post, Desk] = {
            post: self._desk(post, self.data.people[post]) for post in ROSTER if post not in SALES_POSTS
        }
        self.sales_desks: dict[int, Desk] = {
            person.id: self._desk(post, [person]) for post in SALES_POSTS for person in self.data.people[post]
        }

    def now(self) -> int:
        """The simulated moment, in Unix seconds."""
        return int(self.env.now)

    def random(self, name: str) -> Random:
        """A random stream of its own, so that one process does not change another's luck."""
        return Random(f"{self.seed}:{name}")

    def habits(self, party_id: int) -> Habits:
        """How a party behaves."""
        return self.data.habits[party_id]

    def start(self, steps: Steps) -> None:
        """Lets a process run beside the others."""
        self.env.process(steps)

    def pause(self, seconds: float) -> simpy.Event:
        """Time passing by the clock on the wall; at least a second."""
        return self.env.timeout(max(1, round(seconds)))

    def pause_days(self, days: float) -> simpy.Event:
        """Days passing, weekends included."""
        return self.pause(days * SECONDS_PER_DAY)

    def pause_office(self, hours: float) -> simpy.Event:
        """Office hours passing; ends within them."""
        return self.until(self.office.add(self.now(), round(hours * HOUR)))

    def until(self, moment: int) -> simpy.Event:
        """Waits for a moment; does not wait if it is over."""
        return self.env.timeout(max(0, moment - self.now()))

    def work(self, post: Post, minutes: float) -> Generator[simpy.Event, Any, int]:
        """Someone of that post works about so long; returns who."""
        return self.desks[post].work(minutes)

    @cached_property
    def luck(self) -> dict[str, Random]:
        """The random streams of the processes."""
        return {name: self.random(name) for name in STREAMS}

    def _desk(self, post: Post, people: list[Any]) -> Desk:
        hours = self.warehouse if post == WAREHOUSE_CLERK else self.office
        return Desk(self.env, hours, self.random(f"{post.team}/{post.role}/{people[0].id}"), people)
