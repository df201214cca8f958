"""The Grimoire of procurement: what it shows and the SQL it is read with.

What belongs here: that declaration. What does not: how a Grimoire is shown (`grimoire`).
"""

from apps.streamlit.grimoire import Chart, Figure, Grimoire, Listing, Opens, Source

ORDERS = Source("Purchase orders", "products.procurement__purchase_orders", "No purchase order has been loaded. Connect your ERP:")
INVOICES = Source(
    "Supplier invoices", "products.procurement__supplier_invoices", "No supplier invoice has been loaded. Connect your ERP:"
)
_TODAY = "(select max(order_date) from products.procurement__purchase_orders)"
_LATE = f"is_open and sent_at is not null and first_received_at is null and promised_date < {_TODAY}"
_BEHIND = """select purchase_order_number, supplier_name, team, order_date, promised_date, state, amount, currency, is_maverick,
    is_on_time
from products.procurement__purchase_orders where {column} = $1 order by order_date desc, purchase_order_number limit 200"""

PROCUREMENT = Grimoire(
    title="Procurement",
    about="What is bought, from whom, whether it was asked for and whether it comes in time.",
    domains=("procurement",),
    figures=(
        Figure(
            "Maverick buying",
            ORDERS,
            f"""select 100 * avg(is_maverick::integer) filter (order_date > {_TODAY} - 90) as value,
                100 * avg(is_maverick::integer) filter (order_date between {_TODAY} - 180 and {_TODAY} - 91) as before
            from products.procurement__purchase_orders where not is_cancelled""",
            unit="% of orders",
            against="vs the 90 days before",
            higher_is_better=False,
            foot="lines that nobody requested",
        ),
        Figure(
            "Delivered on time",
            ORDERS,
            f"""select 100 * avg(is_on_time::integer) filter (order_date > {_TODAY} - 90) as value,
                100 * avg(is_on_time::integer) filter (order_date between {_TODAY} - 180 and {_TODAY} - 91) as before
            from products.procurement__purchase_orders""",
            unit="%",
            against="vs the 90 days before",
            higher_is_better=True,
            foot="orders of the last 90 days",
        ),
        Figure(
            "Overdue deliveries",
            ORDERS,
            f"select count(*) as value from products.procurement__purchase_orders where {_LATE}",
            unit="orders",
            foot="sent, nothing received",
        ),
        Figure(
            "Paid before the goods came",
            INVOICES,
            """select coalesce(sum(amount) filter (first_paid_at > last - interval 90 day), 0) as value,
                sum(amount) filter (first_paid_at between last - interval 180 day and last - interval 90 day) as before
            from products.procurement__supplier_invoices
            cross join (select max(first_paid_at) as last from products.procurement__supplier_invoices)
            where is_paid_before_receipt""",
            unit="money",
            against="vs the 90 days before",
            higher_is_better=False,
            foot="sum of 90 days",
        ),
    ),
    charts=(
        Chart(
            "Spend per month",
            ORDERS,
            """select date_trunc('month', order_date)::date as month,
                   case when is_maverick then 'Nobody asked' else 'Requested' end as kind, sum(amount) as amount
               from products.procurement__purchase_orders where not is_cancelled group by all order by all""",
            "columns",
            "month",
            "amount",
            "Ordered, money",
            colour="kind",
        ),
        Chart(
            "Suppliers by spend of the last year",
            ORDERS,
            f"""select supplier_name as supplier, sum(amount) as amount from products.procurement__purchase_orders
                where not is_cancelled and order_date > {_TODAY} - 365 group by all order by amount desc limit 10""",
            "bars",
            "supplier",
            "amount",
            "Ordered, money",
            opens=Opens(
                _BEHIND.format(column=f"not is_cancelled and order_date > {_TODAY} - 365 and supplier_name"),
                "purchase_to_pay",
                "party",
            ),
        ),
        Chart(
            "Maverick buying, by supplier",
            ORDERS,
            f"""select supplier_name as supplier, sum(amount) as amount from products.procurement__purchase_orders
                where is_maverick and not is_cancelled and order_date > {_TODAY} - 90 group by all order by amount desc limit 10""",
            "bars",
            "supplier",
            "amount",
            "Not requested, money",
            note="Orders of the last 90 days.",
            opens=Opens(
                _BEHIND.format(column=f"is_maverick and not is_cancelled and order_date > {_TODAY} - 90 and supplier_name"),
                "purchase_to_pay",
                "party",
            ),
        ),
        Chart(
            "Late deliveries, by supplier",
            ORDERS,
            f"""select supplier_name as supplier, 100 * avg((not is_on_time)::integer) as share
                from products.procurement__purchase_orders where is_on_time is not null and order_date > {_TODAY} - 90
                group by all having count(*) >= 10 order by share desc, count(*) desc limit 10""",
            "bars",
            "supplier",
            "share",
            "Late, % of orders",
            note="Suppliers with ten orders or more in 90 days.",
            opens=Opens(
                _BEHIND.format(column=f"not is_on_time and order_date > {_TODAY} - 90 and supplier_name"),
                "purchase_to_pay",
                "party",
            ),
        ),
    ),
    tables=(
        Listing(
            "Deliveries that are overdue",
            ORDERS,
            f"""select purchase_order_number, supplier_name, promised_date, {_TODAY} - promised_date as days, amount
                from products.procurement__purchase_orders where {_LATE} order by amount desc limit 10""",
            (
                ("purchase_order_number", "Order", "text"),
                ("supplier_name", "Supplier", "text"),
                ("promised_date", "Promised", "day"),
                ("days", "Days late", "number"),
                ("amount", "Amount, order currency", "money"),
            ),
        ),
    ),
    processes=("purchase_to_pay", "accounts_payable"),
    products=("procurement__purchase_orders", "procurement__requisitions", "procurement__supplier_invoices", "kpis__daily"),
)
