with source as (
    select * from {{ source('crm', 'contacts') }}
),

final as (
    select
        cast(id as text) as contact_id,
        cast(account_id as text) as account_id,
        cast(first_name as text) as first_name,
        cast(last_name as text) as last_name,
        cast(email as text) as email,
        cast(phone as text) as phone,
        cast(title as text) as job_title,
        cast(created_at as timestamptz) as created_at,
        cast(updated_at as timestamptz) as updated_at
    from source
)

select * from final
