"""The Grimoire of sales: what it shows and the SQL it is read with.

What belongs here: that declaration. What does not: how a Grimoire is shown (`grimoire`).
"""

from apps.streamlit.grimoire import Chart, Figure, Grimoire, Listing, Opens, Source

ORDERS = Source(
    "Sales orders", "products.sales__orders", "No sales order has been loaded. Run the demo company, or connect your ERP:"
)
PIPELINE = Source("Opportunities", "products.customers__opportunities", "No opportunity has been loaded. Connect your CRM:")
_BEHIND = """select sale_order_number, customer_name, team, order_date, requested_date, state, amount, currency, is_on_time
from products.sales__orders where {column} = $1 order by order_date desc, sale_order_number limit 200"""
_LATE = "is_open and confirmed_at is not null and first_shipped_at is null"
_TODAY = "(select max(order_date) from products.sales__orders)"

SALES = Grimoire(
    title="Sales",
    about="Orders, revenue and deliveries, and what is in the pipeline.",
    domains=("sales", "customers"),
    figures=(
        Figure(
            "Orders past their date",
            ORDERS,
            f"select count(*) filter (requested_date < {_TODAY}) as value from products.sales__orders where {_LATE}",
            unit="orders",
            foot="confirmed, not shipped",
        ),
        Figure(
            "Shipped on time",
            ORDERS,
            f"""select 100 * avg(is_on_time::integer) filter (order_date > {_TODAY} - 90) as value,
                100 * avg(is_on_time::integer) filter (order_date between {_TODAY} - 180 and {_TODAY} - 91) as before
            from products.sales__orders""",
            unit="%",
            against="vs the 90 days before",
            higher_is_better=True,
            foot="orders of the last 90 days",
        ),
        Figure(
            "Open pipeline",
            PIPELINE,
            "select sum(amount) as value from products.customers__opportunities where not is_closed",
            unit="money",
            foot="opportunities that are open",
        ),
    ),
    charts=(
        Chart(
            "Orders per month, by team",
            ORDERS,
            """select date_trunc('month', order_date)::date as month, team, sum(amount) as amount
               from products.sales__orders where not is_cancelled group by all order by all""",
            "columns",
            "month",
            "amount",
            "Ordered, money",
            colour="team",
        ),
        Chart(
            "Customers by orders of the last year",
            ORDERS,
            f"""select customer_name as customer, sum(amount) as amount from products.sales__orders
                where not is_cancelled and order_date > {_TODAY} - 365 group by all order by amount desc limit 10""",
            "bars",
            "customer",
            "amount",
            "Ordered, money",
            opens=Opens(
                _BEHIND.format(column=f"not is_cancelled and order_date > {_TODAY} - 365 and customer_name"),
                "order_to_cash",
                "party",
            ),
        ),
        Chart(
            "Late orders, by team",
            ORDERS,
            f"""select team, count(*) as orders from products.sales__orders
                where {_LATE} and requested_date < {_TODAY} group by all order by orders desc""",
            "bars",
            "team",
            "orders",
            "Orders past their date",
            opens=Opens(_BEHIND.format(column=f"{_LATE} and requested_date < {_TODAY} and team"), "order_to_cash", "team"),
        ),
        Chart(
            "Open pipeline, by stage",
            PIPELINE,
            """select stage, sum(amount) as amount from products.customers__opportunities
               where not is_closed group by all order by amount desc""",
            "bars",
            "stage",
            "amount",
            "Open opportunities, money",
            opens=Opens(
                """select opportunity_name, account_name, owner, stage, amount, currency, expected_close_date
                   from products.customers__opportunities where not is_closed and stage = $1 order by amount desc limit 200""",
                "lead_to_cash",
                "stage",
            ),
        ),
    ),
    tables=(
        Listing(
            "Largest orders past their date",
            ORDERS,
            f"""select sale_order_number, customer_name, team, requested_date, {_TODAY} - requested_date as days, amount
                from products.sales__orders where {_LATE} and requested_date < {_TODAY} order by amount desc limit 10""",
            (
                ("sale_order_number", "Order", "text"),
                ("customer_name", "Customer", "text"),
                ("team", "Team", "text"),
                ("requested_date", "Asked for", "day"),
                ("days", "Days late", "number"),
                ("amount", "Amount, order currency", "money"),
            ),
        ),
    ),
    processes=("order_to_cash", "lead_to_cash"),
    products=("sales__orders", "sales__order_lines", "customers__customers", "customers__opportunities", "kpis__daily"),
)
