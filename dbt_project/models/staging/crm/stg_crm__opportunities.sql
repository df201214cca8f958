with source as (
    select * from {{ source('crm', 'opportunities') }}
),

final as (
    select
        cast(id as text) as opportunity_id,
        cast(account_id as text) as account_id,
        cast(contact_id as text) as contact_id,
        cast(name as text) as opportunity_name,
        cast(owner as text) as owner,
        cast(team as text) as team,
        cast(source as text) as lead_source,
        cast(stage as text) as stage,
        cast(amount as decimal(14, 2)) as amount,
        cast(currency as text) as currency,
        cast(probability as double) as win_probability,
        cast(expected_close as date) as expected_close_date,
        cast(closed_at as timestamptz) as closed_at,
        cast(lost_reason as text) as lost_reason,
        cast(created_at as timestamptz) as created_at,
        cast(updated_at as timestamptz) as updated_at
    from source
)

select * from final
