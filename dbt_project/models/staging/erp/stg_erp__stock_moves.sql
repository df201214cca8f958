with source as (
    select * from {{ source('erp', 'stock_moves') }}
),

final as (
    select
        cast(id as bigint) as stock_move_id,
        cast(shipment_id as bigint) as shipment_id,
        cast(product_id as bigint) as product_id,
        cast(sale_order_line_id as bigint) as sale_order_line_id,
        cast(purchase_order_line_id as bigint) as purchase_order_line_id,
        cast(quantity as decimal(12, 2)) as quantity,
        cast(state as text) as state,
        cast(effective_at as timestamptz) as effective_at,
        cast(created_at as timestamptz) as created_at,
        cast(updated_at as timestamptz) as updated_at
    from source
)

select * from final
