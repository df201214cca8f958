with source as (
    select * from {{ source('erp', 'parties') }}
),

final as (
    select
        cast(id as bigint) as party_id,
        cast(code as text) as party_code,
        cast(name as text) as party_name,
        cast(kind as text) as party_kind,
        cast(country as text) as country,
        cast(city as text) as city,
        cast(segment as text) as segment,
        cast(email as text) as email,
        cast(payment_term_days as integer) as payment_term_days,
        cast(credit_limit as decimal(14, 2)) as credit_limit,
        cast(crm_account_id as text) as crm_account_id,
        cast(created_at as timestamptz) as created_at,
        cast(updated_at as timestamptz) as updated_at
    from source
)

select * from final
