with events as (
    select * from {{ ref('int_documents__events') }}
    where object_type in (
        'sales_order', 'delivery', 'customer_return', 'customer_invoice', 'credit_note', 'customer_payment', 'refund'
    )
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
