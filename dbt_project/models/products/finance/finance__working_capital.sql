with calendar as (
    select * from {{ ref('shared__calendar') }}
),

period as (
    select * from {{ ref('int_shared__period') }}
),

invoices as (
    select * from {{ ref('finance__invoices') }}
    where is_posted
),

payments as (
    select * from {{ ref('finance__payments') }}
),

stock as (
    select * from {{ ref('inventory__stock_value') }}
),

-- The last day may not be over, so it is left out.
days as (
    select calendar.day, calendar.month_start
    from calendar
    inner join period on calendar.day >= period.first_day and calendar.day < period.last_day
),

moves as (
    select invoice_date as moved_on, direction, reporting_amount as change, reporting_amount as billed
    from invoices
    union all
    select paid_on, direction, -reporting_amount, 0
    from payments
),

-- What was owed before the first day is owed on the first day; it is no business of that day.
dated as (
    select
        greatest(moves.moved_on, period.first_day) as day,
        moves.direction,
        moves.change,
        case when moves.moved_on >= period.first_day then moves.billed end as billed
    from moves
    cross join period
),

changes as (
    select
        day,
        sum(change) filter (where direction = 'receivable') as receivables,
        sum(billed) filter (where direction = 'receivable') as revenue,
        sum(change) filter (where direction = 'payable') as payables,
        sum(billed) filter (where direction = 'payable') as purchases
    from dated
    group by day
),

-- Ratios look back 90 days, and are told once there are so many.
summed as (
    select
        days.day,
        days.month_start,
        sum(coalesce(changes.receivables, 0)) over so_far as receivables,
        sum(coalesce(changes.payables, 0)) over so_far as payables,
        coalesce(stock.stock_value, 0) as stock_value,
        coalesce(changes.revenue, 0) as revenue,
        coalesce(changes.purchases, 0) as purchases,
        sum(coalesce(changes.revenue, 0)) over last_90_days as revenue_90_days,
        sum(coalesce(changes.purchases, 0)) over last_90_days as purchases_90_days,
        sum(coalesce(stock.issued_value, 0)) over last_90_days as issued_90_days,
        count(*) over last_90_days = 90 as has_90_days,
        row_number() over (partition by days.month_start order by days.day desc) = 1 as is_last_of_month
    from days
    left join changes using (day)
    left join stock using (day)
    window
        so_far as (order by days.day rows between unbounded preceding and current row),
        last_90_days as (order by days.day rows between 89 preceding and current row)
),

final as (
    select
        day,
        month_start,
        is_last_of_month,
        cast(receivables as decimal(18, 2)) as receivables,
        cast(payables as decimal(18, 2)) as payables,
        cast(stock_value as decimal(18, 2)) as stock_value,
        cast(receivables + stock_value - payables as decimal(18, 2)) as working_capital,
        cast(revenue as decimal(18, 2)) as revenue,
        cast(purchases as decimal(18, 2)) as purchases,
        case when has_90_days then 90 * receivables / nullif(cast(revenue_90_days as double), 0) end as dso_days,
        case when has_90_days then 90 * payables / nullif(cast(purchases_90_days as double), 0) end as dpo_days,
        case when has_90_days then 90 * stock_value / nullif(cast(issued_90_days as double), 0) end as dio_days
    from summed
)

select * from final
