with source as (
    select * from {{ source('erp', 'sale_orders') }}
),

final as (
    select
        cast(id as bigint) as sale_order_id,
        cast(number as text) as sale_order_number,
        cast(party_id as bigint) as party_id,
        cast(crm_opportunity_id as text) as crm_opportunity_id,
        cast(salesperson_id as bigint) as salesperson_id,
        cast(order_date as date) as order_date,
        cast(requested_date as date) as requested_date,
        cast(currency as text) as currency,
        cast(state as text) as state,
        cast(total_amount as decimal(14, 2)) as total_amount,
        cast(created_at as timestamptz) as created_at,
        cast(updated_at as timestamptz) as updated_at
    from source
)

select * from final
