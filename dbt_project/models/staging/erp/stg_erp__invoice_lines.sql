with source as (
    select * from {{ source('erp', 'invoice_lines') }}
),

final as (
    select
        cast(id as bigint) as invoice_line_id,
        cast(invoice_id as bigint) as invoice_id,
        cast(product_id as bigint) as product_id,
        cast(sale_order_line_id as bigint) as sale_order_line_id,
        cast(purchase_order_line_id as bigint) as purchase_order_line_id,
        cast(quantity as decimal(12, 2)) as quantity,
        cast(unit_price as decimal(14, 2)) as unit_price,
        cast(amount as decimal(14, 2)) as amount,
        cast(created_at as timestamptz) as created_at,
        cast(updated_at as timestamptz) as updated_at
    from source
)

select * from final
