"""The Grimoire of customer service: what it shows and the SQL it is read with.

What belongs here: that declaration. What does not: how a Grimoire is shown (`grimoire`).
"""

from apps.streamlit.grimoire import Chart, Figure, Grimoire, Listing, Opens, Source

TICKETS = Source("Tickets", "products.service__tickets", "No ticket has been loaded. Run the demo company, or connect your CRM:")
INCIDENTS = Source(
    "Incidents",
    "products.service__incidents",
    "No service desk is connected. Connect ServiceNow, or exported files of it:",
    ("grimoire connect add servicenow", "grimoire demo sources FOLDER && grimoire run"),
)

SERVICE = Grimoire(
    title="Service",
    about="Tickets and incidents: what is open, what is late, and how agreements are kept.",
    figures=(
        Figure("Open tickets", TICKETS, "select count(*) filter (is_open) as value from products.service__tickets", "tickets"),
        Figure(
            "Past their target",
            TICKETS,
            "select count(*) filter (is_open and sla_status = 'breached') as value from products.service__tickets",
            "open tickets",
        ),
        Figure(
            "Resolved in time",
            TICKETS,
            """select 100 * avg((not is_resolution_breached)::integer) filter (solved_at > last - interval 90 day) as value,
                   100 * avg((not is_resolution_breached)::integer)
                       filter (solved_at between last - interval 180 day and last - interval 90 day) as before
               from products.service__tickets cross join (select max(solved_at) as last from products.service__tickets)""",
            "%",
            "vs the 90 days before",
            True,
            "tickets of the last 90 days",
        ),
        Figure(
            "Satisfaction",
            TICKETS,
            """select avg(satisfaction_score) filter (solved_at > last - interval 90 day) as value,
                   avg(satisfaction_score) filter (solved_at between last - interval 180 day and last - interval 90 day) as before
               from products.service__tickets cross join (select max(solved_at) as last from products.service__tickets)""",
            "mean score",
            "vs the 90 days before",
            True,
            "tickets of the last 90 days",
        ),
        Figure(
            "Open incidents",
            INCIDENTS,
            "select count(*) filter (not is_closed) as value from products.service__incidents",
            "incidents",
        ),
        Figure(
            "Incidents in time",
            INCIDENTS,
            "select 100 * avg((not is_sla_breached)::integer) as value from products.service__incidents",
            "%",
            foot="of all incidents",
        ),
    ),
    charts=(
        Chart(
            "Tickets opened per week",
            TICKETS,
            """select date_trunc('week', opened_at)::date as week, priority, count(*) as tickets
               from products.service__tickets group by all order by all""",
            "columns",
            "week",
            "tickets",
            "Tickets",
            colour="priority",
        ),
        Chart(
            "Backlog at the end of each week",
            TICKETS,
            """select week, sum(change) over (order by week) as tickets, 'Open' as what from (
                   select week, sum(change) as change from (
                       select date_trunc('week', opened_at)::date as week, 1 as change from products.service__tickets
                       union all
                       select date_trunc('week', solved_at)::date, -1 from products.service__tickets where solved_at is not null)
                   group by week) order by week""",
            "lines",
            "week",
            "tickets",
            "Tickets not solved",
            colour="what",
        ),
        Chart(
            "Tickets past their target, by priority",
            TICKETS,
            """select priority, 100 * avg(is_resolution_breached::integer) as share from products.service__tickets
               where is_resolution_breached is not null group by all order by share desc""",
            "bars",
            "priority",
            "share",
            "Resolved too late, %",
            opens=Opens(
                """select ticket_id, subject, priority, status, opened_at, resolution_working_hours, resolution_target_hours
                   from products.service__tickets where is_resolution_breached and priority = $1
                   order by opened_at desc limit 200""",
                "ticket_to_resolution",
                "priority",
            ),
        ),
        Chart(
            "Customers by tickets past their target",
            TICKETS,
            """select account_name as customer, count(*) as tickets from products.service__tickets
               where is_resolution_breached group by all order by tickets desc, customer limit 10""",
            "bars",
            "customer",
            "tickets",
            "Tickets resolved too late",
            opens=Opens(
                """select ticket_id, subject, priority, status, opened_at, resolution_working_hours
                   from products.service__tickets where is_resolution_breached and account_name = $1
                   order by opened_at desc limit 200"""
            ),
        ),
        Chart(
            "Incidents by group",
            INCIDENTS,
            """select coalesce(assignment_group, 'not assigned') as assigned, count(*) as incidents from products.service__incidents
               group by all order by incidents desc limit 10""",
            "bars",
            "assigned",
            "incidents",
            "Incidents",
            opens=Opens(
                """select incident_number, priority, state, category, opened_at, hours_to_resolve, reassignment_count
                   from products.service__incidents where coalesce(assignment_group, 'not assigned') = $1
                   order by opened_at desc limit 200"""
            ),
        ),
        Chart(
            "Incidents opened per week",
            INCIDENTS,
            """select date_trunc('week', opened_on)::date as week, priority, count(*) as incidents
               from products.service__incidents group by all order by all""",
            "columns",
            "week",
            "incidents",
            "Incidents",
            colour="priority",
        ),
    ),
    tables=(
        Listing(
            "Open tickets, the most urgent first",
            TICKETS,
            """select ticket_id, account_name, subject, priority, sla_status, opened_at from products.service__tickets where is_open
               order by case sla_status when 'breached' then 0 when 'at risk' then 1 else 2 end, opened_at limit 15""",
            (
                ("ticket_id", "Ticket", "text"),
                ("account_name", "Customer", "text"),
                ("subject", "Subject", "text"),
                ("priority", "Priority", "text"),
                ("sla_status", "Agreement", "text"),
                ("opened_at", "Opened", "moment"),
            ),
        ),
    ),
    processes=("ticket_to_resolution", "servicenow_incident_management"),
    products=("service__tickets", "service__incidents", "customers__customers"),
)
