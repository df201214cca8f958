with events as (
    select * from {{ ref('int_documents__events') }}
    where object_type in ('sales_order', 'delivery', 'customer_return')
),

order_documents as (
    select * from {{ ref('int_sales__order_documents') }}
),

-- A state lasts until the next change of state; the last one has not ended yet.
states as (
    select
        document_id as sale_order_id,
        new_value as state,
        occurred_at as entered_at,
        lead(occurred_at) over (partition by document_id order by occurred_at, source_row) as left_at
    from events
    where object_type = 'sales_order' and change_kind = 'state'
),

holds as (
    select sale_order_id, sum({{ hours_between('entered_at', 'left_at') }}) as credit_hold_hours
    from states
    where state = 'credit_hold'
    group by sale_order_id
),

milestones as (
    select
        order_documents.sale_order_id,
        min(events.occurred_at) filter (where events.activity = 'Confirm Order') as confirmed_at,
        min(events.occurred_at) filter (where events.activity = 'Ship Goods') as first_shipped_at,
        max(events.occurred_at) filter (where events.activity = 'Ship Goods') as last_shipped_at,
        max(events.occurred_at) filter (where events.activity = 'Complete Order') as completed_at,
        max(events.occurred_at) filter (where events.activity = 'Cancel Order') as cancelled_at,
        count(*) filter (where events.object_type = 'sales_order' and events.change_kind = 'write') as change_count,
        count(distinct events.document_id) filter (where events.object_type = 'delivery') as delivery_count,
        count(distinct events.document_id) filter (where events.object_type = 'customer_return') as return_count
    from order_documents
    inner join events using (document_type, document_id)
    group by order_documents.sale_order_id
),

final as (
    select
        milestones.*,
        holds.credit_hold_hours
    from milestones
    left join holds using (sale_order_id)
)

select * from final
