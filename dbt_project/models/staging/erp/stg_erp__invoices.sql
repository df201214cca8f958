with source as (
    select * from {{ source('erp', 'invoices') }}
),

final as (
    select
        cast(id as bigint) as invoice_id,
        cast(number as text) as invoice_number,
        cast(kind as text) as invoice_kind,
        cast(party_id as bigint) as party_id,
        cast(invoice_date as date) as invoice_date,
        cast(due_date as date) as due_date,
        cast(currency as text) as currency,
        cast(state as text) as state,
        cast(total_amount as decimal(14, 2)) as total_amount,
        cast(paid_amount as decimal(14, 2)) as paid_amount,
        cast(created_at as timestamptz) as created_at,
        cast(updated_at as timestamptz) as updated_at
    from source
)

select * from final
