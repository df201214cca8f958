with orders as (
    select * from {{ ref('stg_erp__purchase_orders') }}
),

order_lines as (
    select * from {{ ref('stg_erp__purchase_order_lines') }}
),

parties as (
    select * from {{ ref('stg_erp__parties') }}
),

employees as (
    select * from {{ ref('stg_erp__employees') }}
),

milestones as (
    select * from {{ ref('int_procurement__order_milestones') }}
),

line_counts as (
    select
        purchase_order_id,
        count(*) as line_count,
        count(*) filter (where requisition_id is null) as lines_without_requisition
    from order_lines
    group by purchase_order_id
),

final as (
    select
        orders.purchase_order_id,
        orders.purchase_order_number,
        orders.party_id as supplier_id,
        parties.party_code as supplier_code,
        parties.party_name as supplier_name,
        parties.country,
        parties.segment,
        employees.employee_name as buyer,
        employees.team,
        orders.order_date,
        orders.promised_date,
        orders.currency,
        orders.state,
        orders.state not in ('done', 'cancelled') as is_open,
        orders.state = 'cancelled' as is_cancelled,
        orders.total_amount as amount,
        coalesce(line_counts.line_count, 0) as line_count,
        coalesce(line_counts.lines_without_requisition, 0) as lines_without_requisition,
        coalesce(line_counts.lines_without_requisition, 0) > 0 as is_maverick,
        orders.created_at,
        milestones.approved_at,
        milestones.sent_at,
        milestones.confirmed_at,
        milestones.first_received_at,
        milestones.last_received_at,
        milestones.first_invoiced_at,
        milestones.first_paid_at,
        case when orders.state = 'done' then milestones.completed_at end as completed_at,
        case when orders.state = 'cancelled' then milestones.cancelled_at end as cancelled_at,
        case orders.state
            when 'done' then coalesce(milestones.completed_at, orders.updated_at)
            when 'cancelled' then coalesce(milestones.cancelled_at, orders.updated_at)
        end as closed_at,
        case
            when orders.state = 'done' then {{ days_between('orders.created_at', 'milestones.completed_at') }}
        end as cycle_time_days,
        {{ company_day('milestones.last_received_at') }} <= orders.promised_date as is_on_time,
        milestones.first_paid_at is not null
        and (milestones.first_received_at is null or milestones.first_paid_at < milestones.first_received_at)
            as is_paid_before_receipt,
        coalesce(milestones.change_count, 0) as change_count
    from orders
    left join parties using (party_id)
    left join employees on employees.employee_id = orders.buyer_id
    left join line_counts using (purchase_order_id)
    left join milestones using (purchase_order_id)
)

select * from final
