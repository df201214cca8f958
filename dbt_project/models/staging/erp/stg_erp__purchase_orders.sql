with source as (
    select * from {{ source('erp', 'purchase_orders') }}
),

final as (
    select
        cast(id as bigint) as purchase_order_id,
        cast(number as text) as purchase_order_number,
        cast(party_id as bigint) as party_id,
        cast(buyer_id as bigint) as buyer_id,
        cast(order_date as date) as order_date,
        cast(promised_date as date) as promised_date,
        cast(currency as text) as currency,
        cast(state as text) as state,
        cast(total_amount as decimal(14, 2)) as total_amount,
        cast(created_at as timestamptz) as created_at,
        cast(updated_at as timestamptz) as updated_at
    from source
)

select * from final
