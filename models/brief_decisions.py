"""What the brief puts up for decision: bottlenecks and what they cost, rules broken, the suppliers and customers concerned.

What belongs here: those watches. What does not: what a watch is and how its lines are ranked (`brief`).
"""

from typing import Any

from models.brief import Row, Watch

_BOTTLENECKS = """select b.process, p.title, b.source, b.target, b.cases, b.lost_seconds / 3600 as hours, b.share,
    b.median_lost_seconds / 3600 as median_hours, b.lost_seconds / b.cases / 3600 as mean_hours, null as money,
    case when json_extract(p.definition, '$.working_calendar') is null then 'hours by the clock' else 'working hours' end as clock
from mining.bottlenecks as b join platform.processes as p using (process)
where b.rank = 1 and not b.is_external and b.lost_seconds >= 360000 and b.cases >= 10"""

# What must follow in the end may still do so in a case that runs, so rules of that kind are left to the process's own pages.
_RULES = """select r.process, p.title, r.rule, r.cases_violating as cases, r.cases_checked as checked, r.share, r.sample_cases,
    null as money
from mining.rule_results as r join platform.processes as p using (process)
where not r.is_sla and r.kind <> 'responds' and r.cases_violating >= 10 and r.share >= 0.01"""

_ORDERS = """with orders as (
    select o.*, amount * coalesce(rate_to_reporting, 1) as worth
    from products.procurement__purchase_orders as o left join products.shared__exchange_rates as r
        on r.currency_code = o.currency and o.order_date >= r.valid_from and o.order_date < r.valid_before
    where not o.is_cancelled and o.order_date > (select max(order_date) from products.procurement__purchase_orders) - {days}
)"""

_MAVERICK = (
    _ORDERS.replace("{days}", "28")
    + """, suppliers as (select supplier_name, sum(worth) as worth from orders where is_maverick group by supplier_name)
select coalesce(sum(worth) filter (is_maverick), 0) as money, count(*) filter (is_maverick) as cases, count(*) as placed,
    cases / placed as share, (select arg_max(supplier_name, worth) from suppliers) as supplier,
    (select max(worth) from suppliers) as most
from orders having cases >= 1 and share >= 0.1"""
)

_LATE_SUPPLIERS = (
    _ORDERS.replace("{days}", "90")
    + """, judged as (select * from orders where is_on_time is not null),
overall as (select avg((not is_on_time)::integer) as share from judged)
select supplier_name as supplier, count(*) filter (not is_on_time) as cases, count(*) as placed,
    avg((not is_on_time)::integer) as share,
    sum(worth) filter (not is_on_time) as money, any_value(overall.share) as usual
from judged cross join overall group by supplier_name
having count(*) >= 10 and avg((not is_on_time)::integer) >= any_value(overall.share) + 0.2"""
)

_EARLY = """with paid as (
    select *, (select max(first_paid_at) from products.procurement__supplier_invoices) as last_paid_at_all
    from products.procurement__supplier_invoices where first_paid_at is not null
), recent as (select * from paid where first_paid_at >= last_paid_at_all - interval 28 day)
select sum(amount * coalesce(rate_to_reporting, 1)) filter (days_late <= -3) as money, count(*) filter (days_late <= -3) as cases,
    count(*) as invoices, cases / invoices as share, avg(-days_late) filter (days_late <= -3) as days
from recent as o left join products.shared__exchange_rates as r
    on r.currency_code = o.currency and o.invoice_date >= r.valid_from and o.invoice_date < r.valid_before
having cases >= 1 and share >= 0.1"""

_BEFORE_RECEIPT = """with recent as (
    select o.*, amount * coalesce(rate_to_reporting, 1) as worth
    from products.procurement__supplier_invoices as o left join products.shared__exchange_rates as r
        on r.currency_code = o.currency and o.invoice_date >= r.valid_from and o.invoice_date < r.valid_before
    where o.is_paid_before_receipt
      and o.first_paid_at >= (select max(first_paid_at) from products.procurement__supplier_invoices) - interval 90 day
), suppliers as (select supplier_name, sum(worth) as worth from recent group by 1)
select sum(worth) as money, count(*) as cases, (select arg_max(supplier_name, worth) from suppliers) as supplier,
    (select max(worth) from suppliers) as most from recent having count(*) >= 1"""

_DEBTORS = """select customer_name as customer, sum(open_reporting_amount) as money, count(*) as cases, max(days_overdue) as oldest,
    sum(reminder_count)::bigint as reminders, money / any_value(total) as share
from products.finance__receivables
cross join (select sum(open_reporting_amount) as total from products.finance__receivables where is_overdue)
where is_overdue group by customer_name having money > 0 and share >= 0.02"""


def _step(row: Row) -> list[dict[str, Any]]:
    """Cases that took the step."""
    return [{"filter": "follows", "source": [row["source"]], "target": [row["target"]], "mode": "directly"}]


def _samples(row: Row) -> list[dict[str, Any]]:
    """The first cases that break the rule."""
    return [{"filter": "cases", "ids": list(row["sample_cases"])}] if row["sample_cases"] else []


DECISIONS = (
    Watch(
        section="to decide",
        about="Largest bottleneck of each process",
        threshold="100 hours or more lost on one step that is in the company's own hands",
        sql=_BOTTLENECKS,
        words="{title} loses most between {source} and {target}: {hours:,.0f} {clock} in {cases:#case}, {mean_hours:,.1f} a case "
        "(median {median_hours:,.1f}), {share:.0%} of all time lost.",
        needs=("mining.bottlenecks", "platform.processes"),
        page="process_map",
        query={"process": "{process}"},
        filters=_step,
        remedy="grimoire mine",
        most=5,
    ),
    Watch(
        section="to decide",
        about="Rules of the processes",
        threshold="broken in 1 % or more of the cases they apply to, and in ten or more",
        sql=_RULES,
        words="{title}: “{rule}” is broken in {cases:,} of {checked:,} cases, {share:.1%}.",
        needs=("mining.rule_results", "platform.processes"),
        page="variants",
        query={"process": "{process}"},
        filters=_samples,
        remedy="grimoire mine",
        most=5,
    ),
    Watch(
        section="to decide",
        about="Maverick buying",
        threshold="10 % or more of the orders of the last 28 days have lines nobody asked for",
        sql=_MAVERICK,
        words="{cases:,} of {placed:,} purchase orders of the last four weeks, {money:,.0f} {currency}, have lines "
        "that nobody requested; "
        "most went to {supplier}: {most:,.0f} {currency}.",
        needs=("products.procurement__purchase_orders", "products.shared__exchange_rates"),
        page="procurement",
    ),
    Watch(
        section="to decide",
        about="Paid before the goods came",
        threshold="one supplier invoice or more within 90 days",
        sql=_BEFORE_RECEIPT,
        words="{cases:#supplier invoice} over {money:,.0f} {currency} {cases:?was/were} paid within 90 days before the goods came, "
        "most to {supplier}: {most:,.0f} {currency}.",
        needs=("products.procurement__supplier_invoices", "products.shared__exchange_rates"),
        page="procurement",
    ),
    Watch(
        section="to decide",
        about="Paid early",
        threshold="10 % or more of the invoices of four weeks paid three days or more before they were due",
        sql=_EARLY,
        words="{cases:,} of {invoices:,} supplier invoices of the last four weeks, {money:,.0f} {currency}, were paid "
        "{days:.1f} days "
        "before they were due on average.",
        needs=("products.procurement__supplier_invoices", "products.shared__exchange_rates"),
        page="finance",
    ),
    Watch(
        section="to decide",
        about="Suppliers that deliver late",
        threshold="ten orders or more within 90 days, late 20 percentage points more often than all suppliers",
        sql=_LATE_SUPPLIERS,
        words="{supplier} was late with {cases:,} of {placed:,} orders within 90 days, worth {money:,.0f} {currency}; "
        "all suppliers are late with {usual:.0%}.",
        needs=("products.procurement__purchase_orders", "products.shared__exchange_rates"),
        page="procurement",
    ),
    Watch(
        section="to decide",
        about="Customers that owe most",
        threshold="2 % or more of all overdue receivables are of one customer",
        sql=_DEBTORS,
        words="{customer} owes {money:,.0f} {currency} overdue, {share:.0%} of all, in {cases:#invoice}, the oldest "
        "{oldest:#day} late, "
        "after {reminders:#reminder}.",
        needs=("products.finance__receivables",),
        page="finance",
    ),
)
