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

products as (
    select * from {{ ref('stg_erp__products') }}
),

weeks as (
    select distinct calendar.week_start
    from calendar
    inner join period on calendar.day between period.first_day and period.last_day
),

-- What lay there before the first day lies there in the first week.
dated as (
    select daily_moves.*, daily_moves.day >= period.first_day as is_shown, greatest(daily_moves.day, period.first_day) as shown_on
    from daily_moves
    cross join period
),

weekly_moves as (
    select
        dated.product_id,
        calendar.week_start,
        sum(dated.received_quantity) filter (where dated.is_shown) as received_quantity,
        sum(dated.issued_quantity) filter (where dated.is_shown) as issued_quantity,
        sum(dated.returned_quantity) filter (where dated.is_shown) as returned_quantity,
        sum(dated.net_quantity) as net_quantity
    from dated
    inner join calendar on calendar.day = dated.shown_on
    group by dated.product_id, calendar.week_start
),

levels as (
    select
        opening_stock.product_id,
        opening_stock.unit_cost,
        weeks.week_start,
        coalesce(weekly_moves.received_quantity, 0) as received_quantity,
        coalesce(weekly_moves.issued_quantity, 0) as issued_quantity,
        coalesce(weekly_moves.returned_quantity, 0) as returned_quantity,
        opening_stock.opening_quantity + sum(coalesce(weekly_moves.net_quantity, 0)) over (
            partition by opening_stock.product_id
            order by weeks.week_start
            rows between unbounded preceding and current row
        ) as closing_quantity
    from opening_stock
    cross join weeks
    left join weekly_moves using (product_id, week_start)
),

final as (
    select
        levels.product_id,
        products.sku,
        products.category,
        levels.week_start,
        cast(levels.received_quantity as decimal(18, 2)) as received_quantity,
        cast(levels.issued_quantity as decimal(18, 2)) as issued_quantity,
        cast(levels.returned_quantity as decimal(18, 2)) as returned_quantity,
        cast(levels.closing_quantity as decimal(18, 2)) as closing_quantity,
        cast(levels.closing_quantity * levels.unit_cost as decimal(18, 2)) as closing_value
    from levels
    inner join products using (product_id)
)

select * from final
