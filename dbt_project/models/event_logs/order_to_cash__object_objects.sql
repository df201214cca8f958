with order_documents as (
    select * from {{ ref('int_sales__order_documents') }}
),

payments as (
    select * from {{ ref('stg_erp__payments') }}
),

documents as (
    select * from {{ ref('int_documents__documents') }}
),

parties as (
    select * from {{ ref('stg_erp__parties') }}
),

final as (
    select
        object_id as source_id,
        'sales_order:' || sale_order_number as target_id,
        case object_type
            when 'delivery' then 'delivers'
            when 'customer_return' then 'returns'
            when 'customer_invoice' then 'bills'
            when 'credit_note' then 'credits'
        end as qualifier
    from order_documents
    where object_type in ('delivery', 'customer_return', 'customer_invoice', 'credit_note')
    union all
    select paying.object_id, paid.object_id, 'pays'
    from payments
    inner join documents as paying on paying.document_type = 'payment' and paying.document_id = payments.payment_id
    inner join documents as paid on paid.document_type = 'invoice' and paid.document_id = payments.invoice_id
    where paid.object_type in ('customer_invoice', 'credit_note')
    union all
    select documents.object_id, 'customer:' || parties.party_code, 'ordered by'
    from documents
    inner join parties using (party_id)
    where documents.object_type = 'sales_order'
)

select * from final
