with tickets as (
    select * from {{ ref('customers__tickets') }}
),

targets as (
    select * from {{ ref('int_service__targets') }}
),

calendar as (
    select * from {{ ref('shared__calendar') }}
),

employees as (
    select * from {{ ref('stg_erp__employees') }}
),

-- What is still open is judged as of the last moment the service desk recorded anything.
as_of as (
    select max(updated_at) as as_of_at from {{ ref('stg_crm__tickets') }}
),

moments as (
    select
        tickets.*,
        as_of.as_of_at,
        coalesce(
            tickets.first_response_at, tickets.solved_at, case when tickets.is_open then as_of.as_of_at end
        ) as responded_or_now,
        coalesce(tickets.solved_at, case when tickets.is_open then as_of.as_of_at end) as solved_or_now
    from tickets
    cross join as_of
),

timed as (
    select
        moments.*,
        {{ working_hours_at('moments.responded_or_now', 'response_day') }}
        - {{ working_hours_at('moments.opened_at', 'opening_day') }} as response_working_hours,
        {{ working_hours_at('moments.solved_or_now', 'solution_day') }}
        - {{ working_hours_at('moments.opened_at', 'opening_day') }} as resolution_working_hours
    from moments
    left join calendar as opening_day on opening_day.day = {{ company_day('moments.opened_at') }}
    left join calendar as response_day on response_day.day = {{ company_day('moments.responded_or_now') }}
    left join calendar as solution_day on solution_day.day = {{ company_day('moments.solved_or_now') }}
),

judged as (
    select
        timed.*,
        targets.response_target_hours,
        targets.resolution_target_hours,
        timed.first_response_at is not null or timed.solved_at is not null as is_answered,
        timed.solved_at is not null as is_solved,
        timed.response_working_hours > targets.response_target_hours as is_response_breached,
        timed.resolution_working_hours > targets.resolution_target_hours as is_resolution_breached
    from timed
    left join targets using (priority)
),

final as (
    select
        judged.ticket_id,
        judged.account_id,
        judged.account_name,
        judged.party_code,
        judged.subject,
        judged.priority,
        judged.status,
        judged.is_open,
        judged.assignee,
        employees.employee_name as assignee_name,
        employees.team,
        judged.opened_at,
        judged.first_response_at,
        judged.solved_at,
        judged.response_target_hours,
        judged.response_working_hours,
        judged.is_response_breached,
        judged.resolution_target_hours,
        judged.resolution_working_hours,
        judged.is_resolution_breached,
        case
            when judged.is_resolution_breached or judged.is_response_breached then 'breached'
            when judged.response_target_hours is null then 'no target'
            when judged.is_solved then 'met'
            when not judged.is_open then 'unknown'
            when not judged.is_answered and judged.response_working_hours > 0.8 * judged.response_target_hours then 'at risk'
            when judged.resolution_working_hours > 0.8 * judged.resolution_target_hours then 'at risk'
            else 'running'
        end as sla_status,
        judged.satisfaction_score,
        judged.as_of_at
    from judged
    left join employees on employees.email = judged.assignee
)

select * from final
