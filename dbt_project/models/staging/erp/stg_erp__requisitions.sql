with source as (
    select * from {{ source('erp', 'requisitions') }}
),

final as (
    select
        cast(id as bigint) as requisition_id,
        cast(number as text) as requisition_number,
        cast(requester_id as bigint) as requester_id,
        cast(product_id as bigint) as product_id,
        cast(quantity as decimal(12, 2)) as quantity,
        cast(estimated_amount as decimal(14, 2)) as estimated_amount,
        cast(needed_by as date) as needed_by_date,
        cast(state as text) as state,
        cast(created_at as timestamptz) as created_at,
        cast(updated_at as timestamptz) as updated_at
    from source
)

select * from final
