with calendar as (
    select * from {{ ref('shared__calendar') }}
),

period as (
    select * from {{ ref('int_shared__period') }}
),

opening_stock as (
    select * from {{ ref('int_inventory__opening_stock') }}
),

daily_moves as (
    select * from {{ ref('int_inventory__daily_moves') }}
),

days as (
    select calendar.day
    from calendar
    inner join period on calendar.day between period.first_day and period.last_day
),

opening as (
    select sum(opening_quantity * unit_cost) as opening_value from opening_stock
),

daily_values as (
    select
        daily_moves.day,
        sum(daily_moves.received_quantity * opening_stock.unit_cost) as received_value,
        sum((daily_moves.issued_quantity - daily_moves.returned_quantity) * opening_stock.unit_cost) as issued_value,
        sum(daily_moves.net_quantity * opening_stock.unit_cost) as net_value
    from daily_moves
    inner join opening_stock using (product_id)
    group by daily_moves.day
),

final as (
    select
        days.day,
        cast(coalesce(daily_values.received_value, 0) as decimal(18, 2)) as received_value,
        cast(coalesce(daily_values.issued_value, 0) as decimal(18, 2)) as issued_value,
        cast(
            coalesce(opening.opening_value, 0)
            + sum(coalesce(daily_values.net_value, 0)) over (order by days.day rows between unbounded preceding and current row)
            as decimal(18, 2)
        ) as stock_value
    from days
    cross join opening
    left join daily_values using (day)
)

select * from final
