with orders as (
    select * from {{ ref('sales__orders') }}
),

invoices as (
    select * from {{ ref('sales__invoices') }}
),

purchase_orders as (
    select * from {{ ref('procurement__purchase_orders') }}
),

supplier_invoices as (
    select * from {{ ref('procurement__supplier_invoices') }}
),

opportunities as (
    select * from {{ ref('customers__opportunities') }}
),

facts as (
    select 'orders' as kpi, order_date as day, 1.0 as total, 1 as cases from orders
    union all
    select 'revenue', invoice_date, cast(signed_amount as double), 1 from invoices where is_posted
    union all
    select 'open_orders', {{ company_day('created_at') }}, 1.0, 1 from orders
    union all
    select 'open_orders', {{ company_day('closed_at') }}, -1.0, 1 from orders where closed_at is not null
    union all
    select 'order_cycle_time_days', {{ company_day('completed_at') }}, cycle_time_days, 1 from orders where cycle_time_days is not null
    union all
    select 'purchase_orders', order_date, 1.0, 1 from purchase_orders
    union all
    select 'purchase_spend', invoice_date, cast(amount as double), 1 from supplier_invoices where state in ('blocked', 'posted', 'paid')
    union all
    select 'open_purchase_orders', {{ company_day('created_at') }}, 1.0, 1 from purchase_orders
    union all
    select 'open_purchase_orders', {{ company_day('closed_at') }}, -1.0, 1 from purchase_orders where closed_at is not null
    union all
    select 'purchase_cycle_time_days', {{ company_day('completed_at') }}, cycle_time_days, 1
    from purchase_orders
    where cycle_time_days is not null
    union all
    select 'leads', {{ company_day('created_at') }}, 1.0, 1 from opportunities
    union all
    select 'won_opportunities', {{ company_day('closed_at') }}, 1.0, 1 from opportunities where is_won
),

final as (
    select
        kpi,
        day,
        cast(sum(total) as double) as total,
        cast(sum(cases) as bigint) as cases
    from facts
    group by kpi, day
)

select * from final
