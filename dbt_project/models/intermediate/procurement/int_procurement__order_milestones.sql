with events as (
    select * from {{ ref('int_documents__events') }}
),

order_documents as (
    select * from {{ ref('int_procurement__order_documents') }}
),

final as (
    select
        order_documents.purchase_order_id,
        min(events.occurred_at) filter (where events.activity = 'Approve Purchase Order') as approved_at,
        min(events.occurred_at) filter (where events.activity = 'Send Purchase Order') as sent_at,
        min(events.occurred_at) filter (where events.activity = 'Confirm Purchase Order') as confirmed_at,
        min(events.occurred_at) filter (where events.activity = 'Receive Goods') as first_received_at,
        max(events.occurred_at) filter (where events.activity = 'Receive Goods') as last_received_at,
        min(events.occurred_at) filter (where events.activity = 'Receive Invoice') as first_invoiced_at,
        min(events.occurred_at) filter (where events.activity = 'Pay Invoice') as first_paid_at,
        max(events.occurred_at) filter (where events.activity = 'Complete Purchase Order') as completed_at,
        max(events.occurred_at) filter (where events.activity = 'Cancel Purchase Order') as cancelled_at,
        count(*) filter (where events.object_type = 'purchase_order' and events.change_kind = 'write') as change_count
    from order_documents
    inner join events using (document_type, document_id)
    group by order_documents.purchase_order_id
)

select * from final
