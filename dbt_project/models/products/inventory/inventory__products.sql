with products as (
    select * from {{ ref('stg_erp__products') }}
),

parties as (
    select * from {{ ref('stg_erp__parties') }}
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

stock_levels as (
    select * from {{ ref('inventory__stock_levels') }}
),

figures as (
    select
        daily_moves.product_id,
        sum(daily_moves.net_quantity) as moved_quantity,
        max(daily_moves.day) filter (where daily_moves.issued_quantity > 0) as last_issued_on,
        max(daily_moves.day) filter (where daily_moves.received_quantity > 0) as last_received_on,
        sum(daily_moves.issued_quantity - daily_moves.returned_quantity)
            filter (where daily_moves.day > period.last_day - 90) as issued_90_days,
        sum(daily_moves.issued_quantity - daily_moves.returned_quantity)
            filter (where daily_moves.day > period.last_day - 365) as issued_365_days
    from daily_moves
    cross join period
    group by daily_moves.product_id
),

averages as (
    select stock_levels.product_id, avg(stock_levels.closing_quantity) as mean_quantity_365_days
    from stock_levels
    inner join period on stock_levels.week_start > period.last_day - 365
    group by stock_levels.product_id
),

measured as (
    select
        products.*,
        period.first_day,
        period.last_day as as_of,
        opening_stock.opening_quantity + coalesce(figures.moved_quantity, 0) as on_hand_quantity,
        figures.last_issued_on,
        figures.last_received_on,
        greatest(coalesce(figures.issued_90_days, 0), 0) as issued_90_days,
        greatest(coalesce(figures.issued_365_days, 0), 0) as issued_365_days,
        averages.mean_quantity_365_days,
        period.last_day - figures.last_issued_on as days_since_issue
    from products
    cross join period
    inner join opening_stock using (product_id)
    left join figures using (product_id)
    left join averages using (product_id)
),

rated as (
    select
        *,
        case
            when issued_90_days > 0 then on_hand_quantity / (cast(issued_90_days as double) / least(90, as_of - first_day + 1))
        end as days_of_supply
    from measured
),

final as (
    select
        rated.product_id,
        rated.sku,
        rated.product_name,
        rated.category,
        rated.unit_of_measure,
        parties.party_code as supplier_code,
        parties.party_name as supplier_name,
        rated.list_price,
        rated.cost_price,
        cast(rated.on_hand_quantity as decimal(18, 2)) as on_hand_quantity,
        cast(rated.on_hand_quantity * rated.cost_price as decimal(18, 2)) as stock_value,
        cast(rated.issued_90_days as decimal(18, 2)) as issued_90_days,
        cast(rated.issued_365_days as decimal(18, 2)) as issued_365_days,
        rated.last_issued_on,
        rated.last_received_on,
        rated.days_since_issue,
        rated.days_of_supply,
        case
            when rated.mean_quantity_365_days > 0 then cast(rated.issued_365_days as double) / rated.mean_quantity_365_days
        end as turnover,
        case
            when rated.on_hand_quantity <= 0 then 'out of stock'
            when rated.days_since_issue is null or rated.days_since_issue > 180 then 'dead'
            when rated.days_of_supply is null or rated.days_of_supply > 180 then 'slow'
            when rated.days_of_supply > 60 then 'normal'
            else 'fast'
        end as movement_class,
        rated.as_of
    from rated
    left join parties on parties.party_id = rated.supplier_id
)

select * from final
