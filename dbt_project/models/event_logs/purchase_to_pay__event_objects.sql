with events as (
    select * from {{ ref('int_documents__events') }}
    where object_type in ('requisition', 'purchase_order', 'goods_receipt', 'supplier_invoice', 'supplier_payment')
),

order_documents as (
    select * from {{ ref('int_procurement__order_documents') }}
),

documents as (
    select * from {{ ref('int_documents__documents') }}
),

parties as (
    select * from {{ ref('stg_erp__parties') }}
),

final as (
    select event_id, object_id, 'document' as qualifier
    from events
    union all
    select events.event_id, 'purchase_order:' || order_documents.purchase_order_number, 'order'
    from events
    inner join order_documents using (document_type, document_id)
    where events.object_type != 'purchase_order'
    union all
    select events.event_id, 'supplier:' || parties.party_code, 'supplier'
    from events
    inner join documents using (document_type, document_id)
    inner join parties using (party_id)
)

select * from final
