with events as (
    select * from {{ ref('int_documents__events') }}
    where object_type in (
        'sales_order', 'delivery', 'customer_return', 'customer_invoice', 'credit_note', 'customer_payment', 'refund'
    )
),

order_documents as (
    select * from {{ ref('int_sales__order_documents') }}
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
    select events.event_id, 'sales_order:' || order_documents.sale_order_number, 'order'
    from events
    inner join order_documents using (document_type, document_id)
    where events.object_type != 'sales_order'
    union all
    select events.event_id, 'customer:' || parties.party_code, 'customer'
    from events
    inner join documents using (document_type, document_id)
    inner join parties using (party_id)
)

select * from final
