with order_documents as (
    select * from {{ ref('int_procurement__order_documents') }}
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
        'purchase_order:' || purchase_order_number as target_id,
        case object_type
            when 'requisition' then 'asks for'
            when 'goods_receipt' then 'delivers'
            when 'supplier_invoice' then 'bills'
        end as qualifier
    from order_documents
    where object_type in ('requisition', 'goods_receipt', 'supplier_invoice')
    union all
    select paying.object_id, paid.object_id, 'pays'
    from payments
    inner join documents as paying on paying.document_type = 'payment' and paying.document_id = payments.payment_id
    inner join documents as paid on paid.document_type = 'invoice' and paid.document_id = payments.invoice_id
    where paid.object_type = 'supplier_invoice'
    union all
    select documents.object_id, 'supplier:' || parties.party_code, 'ordered from'
    from documents
    inner join parties using (party_id)
    where documents.object_type = 'purchase_order'
)

select * from final
