with orders as (
    select * from {{ ref('stg_erp__sale_orders') }}
),

order_lines as (
    select * from {{ ref('stg_erp__sale_order_lines') }}
),

parties as (
    select * from {{ ref('stg_erp__parties') }}
),

employees as (
    select * from {{ ref('stg_erp__employees') }}
),

milestones as (
    select * from {{ ref('int_sales__order_milestones') }}
),

line_counts as (
    select sale_order_id, count(*) as line_count
    from order_lines
    group by sale_order_id
),

final as (
    select
        orders.sale_order_id,
        orders.sale_order_number,
        orders.party_id as customer_id,
        parties.party_code as customer_code,
        parties.party_name as customer_name,
        parties.country,
        parties.segment,
        orders.crm_opportunity_id as opportunity_id,
        employees.employee_name as salesperson,
        employees.team,
        orders.order_date,
        orders.requested_date,
        orders.currency,
        orders.state,
        orders.state not in ('done', 'cancelled') as is_open,
        orders.state = 'cancelled' as is_cancelled,
        orders.total_amount as amount,
        coalesce(line_counts.line_count, 0) as line_count,
        orders.created_at,
        milestones.confirmed_at,
        milestones.first_shipped_at,
        milestones.last_shipped_at,
        case when orders.state = 'done' then milestones.completed_at end as completed_at,
        case when orders.state = 'cancelled' then milestones.cancelled_at end as cancelled_at,
        case orders.state
            when 'done' then coalesce(milestones.completed_at, orders.updated_at)
            when 'cancelled' then coalesce(milestones.cancelled_at, orders.updated_at)
        end as closed_at,
        case
            when orders.state = 'done' then {{ days_between('orders.created_at', 'milestones.completed_at') }}
        end as cycle_time_days,
        milestones.credit_hold_hours,
        {{ company_day('milestones.last_shipped_at') }} <= orders.requested_date as is_on_time,
        coalesce(milestones.change_count, 0) as change_count,
        coalesce(milestones.delivery_count, 0) as delivery_count,
        coalesce(milestones.return_count, 0) as return_count
    from orders
    left join parties using (party_id)
    left join employees on employees.employee_id = orders.salesperson_id
    left join line_counts using (sale_order_id)
    left join milestones using (sale_order_id)
)

select * from final
