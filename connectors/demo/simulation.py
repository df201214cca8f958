"""The simulation put together: all processes of one world, run to a moment.

What belongs here: wiring and running. What does not: the processes and where their rows go.
"""

import gc
from collections.abc import Callable

from connectors.demo.deliveries import Deliveries
from connectors.demo.ledger import Ledger
from connectors.demo.opportunities import Opportunities
from connectors.demo.payables import Payables
from connectors.demo.purchase_orders import Purchasing
from connectors.demo.receipts import Receipts
from connectors.demo.receivables import Receivables
from connectors.demo.requisitions import Requisitions
from connectors.demo.sales_orders import Sales
from connectors.demo.tickets import Service
from connectors.demo.upkeep import Upkeep
from connectors.demo.working_time import SECONDS_PER_DAY
from connectors.demo.world import World

Progress = Callable[[str, float], None]
STEP_SECONDS = 14 * SECONDS_PER_DAY


class Simulation:
    """One company's life. What happened before a moment is the same however far it runs.

    Args:
        seed: Everything random comes from it.
        scale: Size; 1 is about 20,000 sales orders in two years.
    """

    def __init__(self, *, seed: int, scale: float) -> None:
        self.world = World(seed=seed, scale=scale)
        self._start()

    @property
    def ledger(self) -> Ledger:
        """The books so far."""
        return self.world.ledger

    def run(self, until: int, progress: Progress | None = None) -> Ledger:
        """Lets everything before that moment (Unix seconds) happen and returns the books."""
        first, collects = self.world.now(), gc.isenabled()
        gc.disable()  # hundreds of thousands of rows that stay: looking through them again and again doubles the time
        try:
            self._run(first, until, progress)
        finally:
            if collects:
                gc.enable()
        return self.ledger

    def _run(self, first: int, until: int, progress: Progress | None) -> None:
        while self.world.now() < until:
            self.world.env.run(until=min(until, self.world.now() + STEP_SECONDS))
            if progress:
                progress("Simulating the demo company", (self.world.now() - first) / (until - first))

    def _start(self) -> None:
        world = self.world
        payables = Payables(world)
        purchasing = Purchasing(world, receipts=Receipts(world, payables), payables=payables)
        sales = Sales(world, Deliveries(world, Receivables(world)))
        departments = (sales, Opportunities(world, sales), Service(world), Requisitions(world, purchasing), payables, Upkeep(world))
        for department in departments:
            department.start()
