with source as (
    select * from {{ source('crm', 'accounts') }}
),

final as (
    select
        cast(id as text) as account_id,
        cast(name as text) as account_name,
        cast(industry as text) as industry,
        cast(country as text) as country,
        cast(website as text) as website,
        cast(owner as text) as owner,
        cast(erp_party_code as text) as party_code,
        cast(created_at as timestamptz) as created_at,
        cast(updated_at as timestamptz) as updated_at
    from source
)

select * from final
