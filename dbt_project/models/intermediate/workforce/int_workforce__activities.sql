with document_events as (
    select * from {{ ref('int_documents__events') }}
    where employee_id is not null
),

stage_history as (
    select * from {{ ref('stg_crm__stage_history') }}
),

crm_activities as (
    select * from {{ ref('stg_crm__activities') }}
),

tickets as (
    select * from {{ ref('stg_crm__tickets') }}
),

employees as (
    select * from {{ ref('stg_erp__employees') }}
),

-- Two people may share an address: the one who came first is meant.
by_email as (
    select email, min(employee_id) as employee_id
    from employees
    where email is not null
    group by email
),

crm_moments as (
    select changed_by as email, changed_at as occurred_at, 'customers' as domain, 'opportunity:' || opportunity_id as object_id
    from stage_history
    union all
    select performed_by, performed_at, 'customers', 'opportunity:' || opportunity_id
    from crm_activities
    union all
    select assignee, first_response_at, 'service', 'ticket:' || ticket_id
    from tickets
    where first_response_at is not null
    union all
    select assignee, solved_at, 'service', 'ticket:' || ticket_id
    from tickets
    where solved_at is not null
),

final as (
    select
        employee_id,
        occurred_at,
        case
            when object_type = 'sales_order' then 'sales'
            when object_type in ('requisition', 'purchase_order') then 'procurement'
            when object_type in ('delivery', 'customer_return', 'goods_receipt') then 'inventory'
            else 'finance'
        end as domain,
        document_type,
        document_id,
        object_id
    from document_events
    union all
    select
        by_email.employee_id,
        crm_moments.occurred_at,
        crm_moments.domain,
        null,
        null,
        crm_moments.object_id
    from crm_moments
    inner join by_email using (email)
)

select * from final
