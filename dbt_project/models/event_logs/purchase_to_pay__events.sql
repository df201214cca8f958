with events as (
    select * from {{ ref('int_documents__events') }}
    where object_type in ('requisition', 'purchase_order', 'goods_receipt', 'supplier_invoice', 'supplier_payment')
),

final as (
    select
        event_id,
        activity,
        occurred_at,
        source_row,
        resource,
        resource_team,
        object_type as document_type,
        document_number
    from events
)

select * from final
