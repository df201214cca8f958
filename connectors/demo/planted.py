"""What is planted in the demo company: dates, shares and factors that an analysis of its rows should find.

What belongs here: the constants of the planted truths. What does not: the figures they lead to (`connectors.demo.manifest`).
"""

from datetime import date

# A bottleneck: credit holds are looked into by few people who also have to wait for the customer's papers.
CREDIT_CHECK_FROM_CENTS = 250_000  # orders from this amount on are held, and every order of a customer under reminder
CREDIT_CHECK_MINUTES = 64.0
CREDIT_PAPERS_WORKING_HOURS = 26.0

# A process change: from this day on the system itself releases held orders below the limit.
AUTOMATIC_RELEASE_FROM = date(2025, 3, 1)
AUTOMATIC_RELEASE_BELOW_CENTS = 1_000_000

# A slow team: its quotations need a second signature and take longer to write.
SLOW_TEAM = "Sales South"
SLOW_TEAM_EFFORT = 1.7
SLOW_TEAM_SIGNATURE_WORKING_HOURS = 22.0

# A demand break: on this day a group of customers leaves (orders that do not come from the CRM).
DEMAND_BREAK_ON = date(2025, 6, 2)
DEMAND_BREAK_FACTOR = 0.78
DEMAND_WINDOW_DAYS = 91  # thirteen weeks before and after

# Maverick buying: orders to suppliers that nobody requested.
MAVERICK_ORDER_SHARE = 0.17
MAVERICK_EXTRA_LINE_SHARE = 0.04

# Payments before goods receipt: suppliers' invoices paid at once, goods still on their way.
PREPAID_ORDER_SHARE = 0.045
