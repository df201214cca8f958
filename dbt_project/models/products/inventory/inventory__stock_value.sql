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

-- What lay there before the first day lies there on the first day.
dated as (
    select daily_moves.*, daily_moves.day >= period.first_day as is_shown, greatest(daily_moves.day, period.first_day) as shown_on
    from daily_moves
    cross join period
),

daily_values as (
    select
        dated.shown_on as day,
        sum(dated.received_quantity * opening_stock.unit_cost) filter (where dated.is_shown) as received_value,
        sum((dated.issued_quantity - dated.returned_quantity) * opening_stock.unit_cost) filter (where dated.is_shown) as issued_value,
        sum(dated.net_quantity * opening_stock.unit_cost) as net_value
    from dated
    inner join opening_stock using (product_id)
    group by dated.shown_on
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
