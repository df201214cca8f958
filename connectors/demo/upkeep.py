"""What the company does with its master data: yearly price lists and monthly reviews of credit limits.

What belongs here: changes of products and parties. What does not: their first rows (`connectors.demo.master_data`).
"""

from dataclasses import dataclass
from datetime import time

from connectors.demo.working_time import FIRST_DAY, days, is_workday, moment_of
from connectors.demo.world import Steps, World

EARLY = time(5)
CREDIT_REVIEWS_PER_MONTH = 0.02  # of the customers


@dataclass(frozen=True)
class Upkeep:
    """The keeper of the master data."""

    world: World

    def start(self) -> None:
        """Lets the reviews begin."""
        self.world.start(self._reviews())

    def _reviews(self) -> Steps:
        """On the first working day of a month, before anyone comes."""
        last: tuple[int, int] = (FIRST_DAY.year, FIRST_DAY.month)
        for day in days(FIRST_DAY):
            if is_workday(day) and (day.year, day.month) != last:
                last = (day.year, day.month)
                yield self.world.until(moment_of(day, EARLY))
                self._review_credit()
                if day.month == 1:
                    self._raise_prices()

    def _raise_prices(self) -> None:
        rng, data = self.world.luck["upkeep"], self.world.data
        for product in data.products:
            product.list_price = round(product.list_price * rng.uniform(1.01, 1.05))
        self.world.ledger.touch(*data.products)

    def _review_credit(self) -> None:
        rng, customers = self.world.luck["upkeep"], self.world.data.customers
        for party in rng.sample(customers, k=max(1, round(len(customers) * CREDIT_REVIEWS_PER_MONTH))):
            party.credit_limit = round((party.credit_limit or 0) * rng.choice((0.5, 0.8, 1.25, 1.5)) / 10_000) * 10_000
            self.world.ledger.touch(party)
