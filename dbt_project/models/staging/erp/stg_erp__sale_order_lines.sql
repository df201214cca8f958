with source as (
    select * from {{ source('erp', 'sale_order_lines') }}
),

final as (
    select
        cast(id as bigint) as sale_order_line_id,
        cast(order_id as bigint) as sale_order_id,
        cast(line_no as integer) as line_number,
        cast(product_id as bigint) as product_id,
        cast(quantity as decimal(12, 2)) as quantity,
        cast(unit_price as decimal(14, 2)) as unit_price,
        cast(discount_pct as decimal(5, 2)) as discount_percent,
        cast(amount as decimal(14, 2)) as amount,
        cast(created_at as timestamptz) as created_at,
        cast(updated_at as timestamptz) as updated_at
    from source
)

select * from final
