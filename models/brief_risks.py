"""What the brief calls at risk: money that is late, orders and tickets late or about to be, agreements, checks, old data, security.

What belongs here: those watches. What does not: what a watch is and how its lines are ranked (`brief`).
"""

from typing import Any

from models.brief import Row, Watch

_RECEIVABLES = """select sum(open_reporting_amount) filter (is_overdue) as money, count(*) filter (is_overdue) as cases,
    money / sum(open_reporting_amount) as share, any_value(as_of) as as_of,
    coalesce(sum(open_reporting_amount) filter (days_overdue > 90), 0) as old
from products.finance__receivables having money > 0 and share >= 0.05"""

_CASH = """with due as (
    select 'out' as way, open_reporting_amount as amount from products.finance__payables
    where due_date between as_of and as_of + 7 and not coalesce(is_blocked, false)
    union all
    select 'in', open_reporting_amount from products.finance__receivables where due_date between as_of and as_of + 7
)
select coalesce(sum(amount) filter (way = 'out'), 0) as leaves, coalesce(sum(amount) filter (way = 'in'), 0) as comes,
    leaves - comes as money, count(*) filter (way = 'out') as cases from due having money > 0"""

_ORDERS = """with now as (select max(order_date) as day from products.sales__orders)
select sum(amount * coalesce(rate_to_reporting, 1)) as money, count(*) as cases, any_value(now.day) as day,
    max(now.day - requested_date) as oldest
from products.sales__orders as o cross join now
left join products.shared__exchange_rates as r
    on r.currency_code = o.currency and o.order_date >= r.valid_from and o.order_date < r.valid_before
where o.is_open and o.confirmed_at is not null and o.first_shipped_at is null and {condition} having count(*) >= 1"""

_LATE_ORDERS = _ORDERS.replace("{condition}", "o.requested_date < now.day")
_SOON = _ORDERS.replace("{condition}", "o.requested_date between now.day and now.day + 7")

_PURCHASES = """with now as (select max(order_date) as day from products.procurement__purchase_orders),
late as (
    select o.*, now.day, amount * coalesce(rate_to_reporting, 1) as worth
    from products.procurement__purchase_orders as o cross join now
    left join products.shared__exchange_rates as r
        on r.currency_code = o.currency and o.order_date >= r.valid_from and o.order_date < r.valid_before
    where o.is_open and o.sent_at is not null and o.first_received_at is null and o.promised_date < now.day
), suppliers as (select supplier_name, sum(worth) as worth from late group by 1)
select sum(worth) as money, count(*) as cases, any_value(day) as day, count(distinct supplier_name) as suppliers,
    (select arg_max(supplier_name, worth) from suppliers) as supplier, (select max(worth) from suppliers) as most
from late having count(*) >= 1"""

_TICKETS = """select count(*) filter (sla_status = 'breached') as late, count(*) filter (sla_status = 'at risk') as soon,
    count(*) as cases, null as money from products.service__tickets
where is_open and sla_status in ('breached', 'at risk') having count(*) >= 1"""

_INCIDENTS = """select count(*) as cases, null as money, count(*) filter (priority_rank <= 2) as urgent
from products.service__incidents where not is_closed and is_sla_breached having count(*) >= 1"""

_SLAS = """select s.process, p.title, s.text, s.source, s.target, s.within_hours, s.breached + s.open_late as cases,
    s.cases as checked,
    s.breach_share as share, s.is_working_time, null as money
from mining.slas as s join platform.processes as p using (process)
where s.breach_share >= 0.1 and s.breached + s.open_late >= 10"""

_OUTLOOK = """with ahead as (
    select series, any_value(title) as title, any_value(unit) as unit, avg(value) as expected, avg(upper_80) as high,
        avg(lower_80) as low, min(period) as starts from (
        select * from forecasts.forecasts where grain = 'weekly'
        qualify row_number() over (partition by series order by period) <= 4) group by series
), past as (
    select kpi, any_value(higher_is_better) as higher_is_better, avg(value) as value from (
        select * from products.kpis__weekly where value is not null
        qualify row_number() over (partition by kpi order by period desc) <= 4) group by kpi
)
select a.*, p.value, case when expected < p.value then 'fall' else 'rise' end as goes,
    case when unit = {currency} then 4 * abs(expected - p.value) end as money, null as cases
from ahead as a join past as p on p.kpi = a.series
where (higher_is_better and high < p.value) or (not higher_is_better and low > p.value)"""

_CHECKS = """with newest as (
    select * from platform.check_results
    where layer not in ('event_logs', 'mining') or split_part(subject, '__', 1) in (select process from platform.processes)
    qualify row_number() over (partition by layer, subject, check_name order by checked_at desc) = 1
)
select count(*) filter (severity = 'error') as errors, count(*) as checks, sum(rows_failed)::bigint as cases, null as money,
    arg_max(layer || '.' || subject || ': ' || check_name, rows_failed) as first
from newest where not passed having count(*) >= 1"""

_STALE = """select source, max(finished_at) as loaded_at, epoch({now} - max(finished_at)) / 3600 as hours,
    null as money, null as cases
from platform.loads where source <> 'file' group by source having hours > 26.4"""

_QUARANTINE = """select count(*) as cases, count(distinct source || table_name) as places, null as money,
    mode(rule) as rule from quarantine.rows where resolved_at is null having count(*) >= 1"""

_VULNERABILITIES = """select count(*) as cases, count(*) filter (is_used_by_ransomware) as ransom, null as money,
    mode(vendor) as vendor, max(-days_until_due) as oldest
from products.security__vulnerabilities where is_overdue having count(*) >= 1"""

_BREAK_INS = """select count(*) as sources, sum(failed_attempts)::bigint as cases, null as money,
    count(*) filter (is_accepted_after_brute_force) as inside, arg_max(address, failed_attempts) as address
from products.security__sign_in_sources where is_brute_force having count(*) >= 1"""

_ALERTS = """select count(*) as cases, null as money, mode(signature) as signature, any_value(day) as day
from products.security__alerts cross join (select max(occurred_on) as day from products.security__alerts)
where occurred_on = day and severity = 1 and not coalesce(is_blocked, false) having count(*) >= 1"""

_RUNS = """select count(*) as cases, null as money, mode(job) as job, arg_max(failed_steps, started_at) as steps
from products.it_operations__pipeline_runs
where not is_successful and started_at >= {now} - interval 7 day having count(*) >= 1"""


def _late_step(row: Row) -> list[dict[str, Any]]:
    """Cases that took longer between the two activities than the agreement allows, counted by the clock."""
    if row["is_working_time"]:
        return []
    limit = float(row["within_hours"]) * 3600
    return [{"filter": "follows", "source": [row["source"]], "target": [row["target"]], "minimum": limit}]


RISKS = (
    Watch(
        section="at risk",
        about="Overdue receivables",
        threshold="5 % or more of what customers owe is overdue",
        sql=_RECEIVABLES,
        words="{money:,.0f} {currency} of receivables are overdue, {share:.0%} of what customers owe, in {cases:#invoice}; "
        "{old:,.0f} {currency} for more than 90 days.",
        needs=("products.finance__receivables",),
        page="finance",
    ),
    Watch(
        section="at risk",
        about="Cash of the next seven days",
        threshold="more falls due to suppliers than from customers",
        sql=_CASH,
        words="{leaves:,.0f} {currency} fall due to suppliers within seven days, in {cases:#invoice}, and {comes:,.0f} {currency} "
        "from customers: {money:,.0f} {currency} less come in than go out.",
        needs=("products.finance__payables", "products.finance__receivables"),
        page="finance",
    ),
    Watch(
        section="at risk",
        about="Sales orders past their date",
        threshold="one confirmed order or more is not shipped on the day the customer asked for",
        sql=_LATE_ORDERS,
        words="{cases:#confirmed order} worth {money:,.0f} {currency} should have left by {day} and {cases:?has/have} not; "
        "the oldest is {oldest:#day} late.",
        needs=("products.sales__orders", "products.shared__exchange_rates"),
        page="sales",
    ),
    Watch(
        section="at risk",
        about="Sales orders due within a week",
        threshold="one confirmed order or more is due within seven days and not shipped",
        sql=_SOON,
        words="{cases:#confirmed order} worth {money:,.0f} {currency} {cases:?is/are} due within seven days of {day} "
        "and not shipped yet.",
        needs=("products.sales__orders", "products.shared__exchange_rates"),
        page="sales",
    ),
    Watch(
        section="at risk",
        about="Purchase orders past their date",
        threshold="one sent order or more is past the promised date without any goods",
        sql=_PURCHASES,
        words="{suppliers:#supplier} {suppliers:?is/are} late with {cases:#order} worth {money:,.0f} {currency}, "
        "{supplier} with the most: "
        "{most:,.0f} {currency}.",
        needs=("products.procurement__purchase_orders", "products.shared__exchange_rates"),
        page="procurement",
    ),
    Watch(
        section="at risk",
        about="Key figures ahead",
        threshold="even the better end of the 80 % band of the next four weeks is worse than the last four",
        sql=_OUTLOOK,
        words="{title} will probably {goes}: the forecast mean of the four weeks from {starts} is {expected:,.1f} {unit} "
        "({low:,.1f} to {high:,.1f} with 80 %), after {value:,.1f} in the last four.",
        needs=("forecasts.forecasts", "products.kpis__weekly"),
        page="forecasts",
        query={"series": "{title}"},
        remedy="grimoire forecast",
    ),
    Watch(
        section="at risk",
        about="Tickets",
        counted="tickets",
        threshold="one open ticket or more is past its target or about to be",
        sql=_TICKETS,
        words="{late:#open ticket} {late:?is/are} past the target, {soon:,} {soon:?is/are} about to be.",
        needs=("products.service__tickets",),
        page="service",
    ),
    Watch(
        section="at risk",
        about="Incidents",
        counted="incidents",
        threshold="one open incident or more has broken its agreement",
        sql=_INCIDENTS,
        words="{cases:#open incident} {cases:?has/have} broken the agreement, {urgent:,} of them of priority 1 or 2.",
        needs=("products.service__incidents",),
        page="service",
        remedy="grimoire demo sources FOLDER && grimoire run",
    ),
    Watch(
        section="at risk",
        about="Service-level agreements of the processes",
        threshold="broken in 10 % or more of the cases, and in ten or more",
        sql=_SLAS,
        words="{title}: “{text}” was broken in {cases:,} of {checked:,} cases, {share:.0%}.",
        needs=("mining.slas", "platform.processes"),
        page="process_map",
        query={"process": "{process}"},
        filters=_late_step,
        remedy="grimoire mine",
    ),
    Watch(
        section="at risk",
        about="Checks of the data",
        counted="rows",
        threshold="one check or more fails at its newest run",
        sql=_CHECKS,
        words="{checks:#check} {checks:?fails/fail}, {errors:,} of them {errors:?an error/errors}, on {cases:#row}; "
        "most on {first}.",
        needs=("platform.check_results", "platform.processes"),
        page="data_quality",
    ),
    Watch(
        section="at risk",
        about="Age of the data",
        threshold="a source was not loaded for more than 26 hours",
        sql=_STALE,
        words="{source} was last loaded {hours:,.0f} hours ago: what rests on it is not of today.",
        needs=("platform.loads",),
        page="connections",
    ),
    Watch(
        section="at risk",
        about="Quarantined rows",
        counted="rows",
        threshold="one row or more waits",
        sql=_QUARANTINE,
        words="{cases:#row} of {places:#table} {cases:?waits/wait} in quarantine, most for “{rule}”.",
        needs=("quarantine.rows",),
        page="data_quality",
    ),
    Watch(
        section="at risk",
        about="Vulnerabilities",
        counted="vulnerabilities",
        threshold="one or more is past its due date",
        sql=_VULNERABILITIES,
        words="{cases:#catalogued vulnerability/catalogued vulnerabilities} {cases:?is/are} past the due date, "
        "{ransom:,} of them used by ransomware; "
        "most are of {vendor}. Which of them concern you, the catalogue does not know.",
        needs=("products.security__vulnerabilities",),
        page="security",
        remedy="grimoire demo sources FOLDER && grimoire run",
    ),
    Watch(
        section="at risk",
        about="Sign-ins",
        counted="attempts",
        threshold="one address or more tried passwords by brute force",
        sql=_BREAK_INS,
        words="{sources:#address/addresses} tried passwords by brute force, {cases:#time} in all, {address} most; "
        "{inside:,} of them {inside:?was/were} let in afterwards.",
        needs=("products.security__sign_in_sources",),
        page="security",
        remedy="grimoire demo sources FOLDER && grimoire run",
    ),
    Watch(
        section="at risk",
        about="Security alerts",
        counted="alerts",
        threshold="one alert or more of the highest severity on the newest day was not blocked",
        sql=_ALERTS,
        words="{cases:#alert} of the highest severity {cases:?was/were} not blocked on the newest day there is, {day}: "
        "mostly “{signature}”.",
        needs=("products.security__alerts",),
        page="security",
        remedy="grimoire demo sources FOLDER && grimoire run",
    ),
    Watch(
        section="at risk",
        about="Pipeline runs",
        counted="runs",
        threshold="one or more failed within seven days",
        sql=_RUNS,
        words="{cases:#pipeline run} failed within seven days, most of {job}.",
        needs=("products.it_operations__pipeline_runs",),
        page="it_operations",
    ),
)
