with invoices as (
    select * from {{ ref('stg_erp__invoices') }}
    where invoice_kind = 'supplier'
),

parties as (
    select * from {{ ref('stg_erp__parties') }}
),

milestones as (
    select * from {{ ref('int_procurement__invoice_milestones') }}
),

final as (
    select
        invoices.invoice_id,
        invoices.invoice_number,
        invoices.party_id as supplier_id,
        parties.party_code as supplier_code,
        parties.party_name as supplier_name,
        parties.country,
        invoices.invoice_date,
        invoices.due_date,
        invoices.currency,
        invoices.state,
        invoices.total_amount as amount,
        invoices.paid_amount,
        cast(invoices.total_amount - invoices.paid_amount as decimal(14, 2)) as open_amount,
        milestones.first_purchase_order_number,
        coalesce(milestones.order_count, 0) as order_count,
        coalesce(milestones.block_count, 0) > 0 as was_blocked,
        milestones.blocked_hours,
        invoices.created_at as received_at,
        milestones.first_received_at as first_goods_received_at,
        milestones.first_paid_at,
        milestones.last_paid_at,
        milestones.first_paid_at is not null
        and (milestones.first_received_at is null or milestones.first_paid_at < milestones.first_received_at)
            as is_paid_before_receipt,
        case
            when invoices.state = 'paid' then {{ company_day('milestones.last_paid_at') }} - invoices.due_date
        end as days_late
    from invoices
    left join parties using (party_id)
    left join milestones using (invoice_id)
)

select * from final
