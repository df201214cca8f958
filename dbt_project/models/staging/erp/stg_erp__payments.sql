with source as (
    select * from {{ source('erp', 'payments') }}
),

final as (
    select
        cast(id as bigint) as payment_id,
        cast(number as text) as payment_number,
        cast(invoice_id as bigint) as invoice_id,
        cast(party_id as bigint) as party_id,
        cast(direction as text) as direction,
        cast(method as text) as method,
        cast(currency as text) as currency,
        cast(amount as decimal(14, 2)) as amount,
        cast(paid_at as timestamptz) as paid_at,
        cast(created_at as timestamptz) as created_at,
        cast(updated_at as timestamptz) as updated_at
    from source
)

select * from final
