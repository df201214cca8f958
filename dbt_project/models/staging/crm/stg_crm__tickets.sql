with source as (
    select * from {{ source('crm', 'tickets') }}
),

final as (
    select
        cast(id as text) as ticket_id,
        cast(account_id as text) as account_id,
        cast(opportunity_id as text) as opportunity_id,
        cast(subject as text) as subject,
        cast(priority as text) as priority,
        cast(status as text) as status,
        cast(opened_at as timestamptz) as opened_at,
        cast(first_response_at as timestamptz) as first_response_at,
        cast(solved_at as timestamptz) as solved_at,
        cast(assignee as text) as assignee,
        cast(satisfaction as double) as satisfaction_score,
        cast(updated_at as timestamptz) as updated_at
    from source
)

select * from final
