with moves as (
    select * from {{ ref('inventory__stock_moves') }}
    where is_done
),

final as (
    select
        product_id,
        moved_on as day,
        cast(coalesce(sum(quantity) filter (where direction = 'in'), 0) as decimal(18, 2)) as received_quantity,
        cast(coalesce(sum(quantity) filter (where direction = 'out'), 0) as decimal(18, 2)) as issued_quantity,
        cast(coalesce(sum(quantity) filter (where direction = 'return'), 0) as decimal(18, 2)) as returned_quantity,
        cast(sum(signed_quantity) as decimal(18, 2)) as net_quantity
    from moves
    group by product_id, moved_on
)

select * from final
