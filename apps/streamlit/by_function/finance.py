"""The Grimoire of finance: what it shows and the SQL it is read with.

What belongs here: that declaration. What does not: how a Grimoire is shown (`grimoire`).
"""

from apps.streamlit.grimoire import Chart, Figure, Grimoire, Listing, Opens, Source

CAPITAL = Source(
    "Working capital", "products.finance__working_capital", "No invoice has been loaded. Run the demo company, or connect your ERP:"
)
OWED = Source("Receivables", "products.finance__receivables", "No customer owes anything, or no invoice has been loaded.")
OWING = Source("Payables", "products.finance__payables", "Nothing is owed to suppliers, or no invoice has been loaded.")
PAYMENTS = Source("Payments", "products.finance__payments", "No payment has been loaded. Connect your ERP:")
_BUCKETS = """case ageing_bucket when 'not due' then 0
    when '1-30 days' then 1 when '31-60 days' then 2 when '61-90 days' then 3 else 4 end"""


def _capital(column: str) -> str:
    """The newest value and that of four weeks before."""
    return f"""select arg_max({column}, day) as value, arg_max({column}, day) filter (day <= last - 28) as before
        from products.finance__working_capital cross join (select max(day) as last from products.finance__working_capital)"""


FINANCE = Grimoire(
    title="Finance",
    about="What is owed and owing, how old it is, and the money that comes in and goes out.",
    figures=(
        Figure(
            "Working capital",
            CAPITAL,
            _capital("working_capital"),
            "money",
            "vs four weeks before",
            foot="receivables + stock − payables",
        ),
        Figure("Days sales outstanding", CAPITAL, _capital("dso_days"), "days", "vs four weeks before", False),
        Figure("Days payables outstanding", CAPITAL, _capital("dpo_days"), "days", "vs four weeks before", True),
        Figure("Days inventory outstanding", CAPITAL, _capital("dio_days"), "days", "vs four weeks before", False),
        Figure(
            "Overdue receivables",
            OWED,
            "select coalesce(sum(open_reporting_amount) filter (is_overdue), 0) as value from products.finance__receivables",
            "money",
            foot="of all open invoices",
        ),
        Figure(
            "Due to suppliers in 7 days",
            OWING,
            """select coalesce(sum(open_reporting_amount), 0) as value from products.finance__payables
               where due_date between as_of and as_of + 7 and not coalesce(is_blocked, false)""",
            "money",
            foot="blocked ones left out",
        ),
    ),
    charts=(
        Chart(
            "Cash in and out per month",
            PAYMENTS,
            """select date_trunc('month', paid_on)::date as month, case direction when 'receivable' then 'In' else 'Out' end as way,
                   sum(reporting_amount) as amount
               from products.finance__payments group by all order by all""",
            "lines",
            "month",
            "amount",
            "Paid, money",
            colour="way",
            note="In: received from customers less refunds. Out: paid to suppliers. The last month may not be whole.",
        ),
        Chart(
            "Receivables and payables",
            CAPITAL,
            """unpivot (select day, receivables as "Receivables", payables as "Payables"
                        from products.finance__working_capital where is_last_of_month
                            or day = (select max(day) from products.finance__working_capital))
               on "Receivables", "Payables" into name what value amount order by day""",
            "lines",
            "day",
            "amount",
            "At the end of the month, money",
            colour="what",
        ),
        Chart(
            "Receivables by age",
            OWED,
            f"""select ageing_bucket as age, sum(open_reporting_amount) as amount from products.finance__receivables
                group by ageing_bucket order by {_BUCKETS}""",
            "bars",
            "age",
            "amount",
            "Open, money",
            in_order=True,
            opens=Opens(
                """select invoice_number, customer_name, due_date, days_overdue, open_amount, currency, reminder_count
                   from products.finance__receivables where ageing_bucket = $1 order by open_reporting_amount desc limit 200"""
            ),
        ),
        Chart(
            "Payables by age",
            OWING,
            f"""select ageing_bucket as age, sum(open_reporting_amount) as amount from products.finance__payables
                group by ageing_bucket order by {_BUCKETS}""",
            "bars",
            "age",
            "amount",
            "Open, money",
            in_order=True,
            opens=Opens(
                """select invoice_number, supplier_name, due_date, days_overdue, open_amount, currency, is_blocked
                   from products.finance__payables where ageing_bucket = $1 order by open_reporting_amount desc limit 200"""
            ),
        ),
        Chart(
            "Supplier invoices by the day they are paid",
            PAYMENTS,
            """select case when days_late = -1 then '1 day early'
                   when days_late < 0 then (-days_late) || ' days early' when days_late = 0 then 'on the day'
                   when days_late <= 7 then '1 to 7 days late' else 'over a week late' end as paid, sum(reporting_amount) as amount
               from products.finance__payments where direction = 'payable' and days_late is not null
                   and paid_on > (select max(paid_on) from products.finance__payments) - 90
               group by all order by amount desc limit 10""",
            "bars",
            "paid",
            "amount",
            "Paid, money",
            note="Payments of the last 90 days. What is paid early is money lent to suppliers.",
        ),
        Chart(
            "Customers by what is overdue",
            OWED,
            """select customer_name as customer, sum(open_reporting_amount) as amount from products.finance__receivables
               where is_overdue group by all order by amount desc limit 10""",
            "bars",
            "customer",
            "amount",
            "Overdue, money",
            opens=Opens(
                """select invoice_number, customer_name, due_date, days_overdue, open_amount, currency, reminder_count
                   from products.finance__receivables where is_overdue and customer_name = $1
                   order by days_overdue desc limit 200""",
                "order_to_cash",
                "party",
            ),
        ),
    ),
    tables=(
        Listing(
            "Oldest open invoices of customers",
            OWED,
            """select invoice_number, customer_name, due_date, days_overdue, open_reporting_amount, reminder_count
               from products.finance__receivables where is_overdue
               order by days_overdue desc, open_reporting_amount desc limit 10""",
            (
                ("invoice_number", "Invoice", "text"),
                ("customer_name", "Customer", "text"),
                ("due_date", "Due", "day"),
                ("days_overdue", "Days overdue", "number"),
                ("open_reporting_amount", "Open, money", "money"),
                ("reminder_count", "Reminders", "number"),
            ),
        ),
    ),
    processes=("accounts_payable", "order_to_cash", "purchase_to_pay"),
    products=("finance__working_capital", "finance__receivables", "finance__payables", "finance__payments", "finance__invoices"),
)
