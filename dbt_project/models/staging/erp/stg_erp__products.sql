with source as (
    select * from {{ source('erp', 'products') }}
),

final as (
    select
        cast(id as bigint) as product_id,
        cast(sku as text) as sku,
        cast(name as text) as product_name,
        cast(category as text) as category,
        cast(uom as text) as unit_of_measure,
        cast(list_price as decimal(14, 2)) as list_price,
        cast(cost_price as decimal(14, 2)) as cost_price,
        cast(supplier_id as bigint) as supplier_id,
        cast(created_at as timestamptz) as created_at,
        cast(updated_at as timestamptz) as updated_at
    from source
)

select * from final
