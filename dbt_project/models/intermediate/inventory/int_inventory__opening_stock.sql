-- The ERP records moves, not stock. What must have lain there at least before the first of them: the depth to which their sum falls.
with daily_moves as (
    select * from {{ ref('int_inventory__daily_moves') }}
),

products as (
    select * from {{ ref('stg_erp__products') }}
),

running as (
    select
        product_id,
        sum(net_quantity) over (partition by product_id order by day rows between unbounded preceding and current row) as moved
    from daily_moves
),

lowest as (
    select product_id, min(moved) as lowest_moved
    from running
    group by product_id
),

final as (
    select
        products.product_id,
        products.cost_price as unit_cost,
        cast(greatest(-coalesce(lowest.lowest_moved, 0), 0) as decimal(18, 2)) as opening_quantity
    from products
    left join lowest using (product_id)
)

select * from final
