with requisitions as (
    select * from {{ ref('stg_erp__requisitions') }}
),

employees as (
    select * from {{ ref('stg_erp__employees') }}
),

products as (
    select * from {{ ref('stg_erp__products') }}
),

order_lines as (
    select * from {{ ref('stg_erp__purchase_order_lines') }}
    where requisition_id is not null
),

orders as (
    select * from {{ ref('stg_erp__purchase_orders') }}
),

events as (
    select * from {{ ref('int_documents__events') }}
    where object_type = 'requisition'
),

milestones as (
    select
        document_id as requisition_id,
        min(occurred_at) filter (where activity = 'Submit Requisition') as submitted_at,
        max(occurred_at) filter (where activity = 'Approve Requisition') as approved_at,
        max(occurred_at) filter (where activity = 'Reject Requisition') as rejected_at,
        count(*) filter (where activity = 'Reject Requisition') as rejection_count
    from events
    group by document_id
),

ordered as (
    select
        order_lines.requisition_id,
        min(orders.purchase_order_number) as first_purchase_order_number,
        min(orders.created_at) as ordered_at
    from order_lines
    inner join orders using (purchase_order_id)
    group by order_lines.requisition_id
),

final as (
    select
        requisitions.requisition_id,
        requisitions.requisition_number,
        employees.employee_name as requester,
        employees.team,
        products.sku,
        products.product_name,
        products.category,
        requisitions.quantity,
        requisitions.estimated_amount,
        requisitions.needed_by_date,
        requisitions.state,
        requisitions.created_at,
        milestones.submitted_at,
        milestones.approved_at,
        milestones.rejected_at,
        coalesce(milestones.rejection_count, 0) as rejection_count,
        {{ hours_between('milestones.submitted_at', 'milestones.approved_at') }} as approval_hours,
        ordered.requisition_id is not null as is_ordered,
        ordered.first_purchase_order_number,
        ordered.ordered_at
    from requisitions
    left join employees on employees.employee_id = requisitions.requester_id
    left join products using (product_id)
    left join milestones using (requisition_id)
    left join ordered using (requisition_id)
)

select * from final
