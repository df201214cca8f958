with tickets as (
    select * from {{ ref('stg_crm__tickets') }}
),

accounts as (
    select * from {{ ref('stg_crm__accounts') }}
),

final as (
    select
        tickets.ticket_id,
        tickets.account_id,
        accounts.account_name,
        accounts.party_code,
        tickets.opportunity_id,
        tickets.subject,
        tickets.priority,
        tickets.status,
        tickets.status in ('open', 'pending') as is_open,
        tickets.assignee,
        tickets.opened_at,
        tickets.first_response_at,
        tickets.solved_at,
        {{ hours_between('tickets.opened_at', 'tickets.first_response_at') }} as first_response_hours,
        {{ hours_between('tickets.opened_at', 'tickets.solved_at') }} as resolution_hours,
        tickets.satisfaction_score
    from tickets
    left join accounts using (account_id)
)

select * from final
