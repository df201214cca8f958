with stage_history as (
    select * from {{ ref('stg_crm__stage_history') }}
),

activities as (
    select * from {{ ref('stg_crm__activities') }}
),

opportunities as (
    select * from {{ ref('stg_crm__opportunities') }}
),

employees as (
    select * from {{ ref('stg_erp__employees') }}
),

orders as (
    select * from {{ ref('stg_erp__sale_orders') }}
    where crm_opportunity_id is not null
),

order_documents as (
    select * from {{ ref('int_sales__order_documents') }}
),

erp_events as (
    select * from {{ ref('int_documents__events') }}
),

stage_events as (
    select
        'crm:' || stage_change_id as event_id,
        cast(regexp_extract(stage_change_id, '[0-9]+$') as bigint) as source_row,
        changed_at as occurred_at,
        case to_stage
            when 'New' then 'Create Opportunity'
            when 'Qualified' then 'Qualify Opportunity'
            when 'Proposal' then 'Send Proposal'
            when 'Negotiation' then 'Start Negotiation'
            when 'Won' then 'Win Opportunity'
            when 'Lost' then 'Lose Opportunity'
            else 'Enter Stage ' || to_stage
        end as activity,
        opportunity_id,
        cast(null as text) as object_id,
        coalesce(employees.employee_name, stage_history.changed_by) as resource
    from stage_history
    left join employees on employees.email = stage_history.changed_by
),

activity_events as (
    select
        'crm:' || activity_id as event_id,
        1000000000000 + cast(regexp_extract(activity_id, '[0-9]+$') as bigint) as source_row,
        performed_at as occurred_at,
        case activity_kind
            when 'call' then 'Call Customer'
            when 'email' then 'Send E-Mail'
            when 'meeting' then 'Meet Customer'
            when 'demo' then 'Give Demonstration'
            else {{ title_case('activity_kind') }}
        end as activity,
        opportunity_id,
        cast(null as text) as object_id,
        coalesce(employees.employee_name, activities.performed_by) as resource
    from activities
    left join employees on employees.email = activities.performed_by
),

-- An opportunity's way ends where the money arrives: the milestones of its orders, not each of their steps.
order_events as (
    select
        erp_events.event_id,
        2000000000000 + erp_events.source_row as source_row,
        erp_events.occurred_at,
        erp_events.activity,
        orders.crm_opportunity_id as opportunity_id,
        erp_events.object_id,
        erp_events.resource
    from orders
    inner join order_documents using (sale_order_id)
    inner join erp_events using (document_type, document_id)
    where erp_events.activity in (
        'Create Sales Order', 'Confirm Order', 'Cancel Order', 'Ship Goods', 'Post Invoice', 'Receive Payment', 'Complete Order'
    )
),

events as (
    select * from stage_events
    union all
    select * from activity_events
    union all
    select distinct * from order_events
),

final as (
    select events.*
    from events
    inner join opportunities using (opportunity_id)
)

select * from final
