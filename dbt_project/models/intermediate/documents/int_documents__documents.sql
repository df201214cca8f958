with sale_orders as (
    select * from {{ ref('stg_erp__sale_orders') }}
),

requisitions as (
    select * from {{ ref('stg_erp__requisitions') }}
),

purchase_orders as (
    select * from {{ ref('stg_erp__purchase_orders') }}
),

shipments as (
    select * from {{ ref('stg_erp__shipments') }}
),

invoices as (
    select * from {{ ref('stg_erp__invoices') }}
),

payments as (
    select * from {{ ref('stg_erp__payments') }}
),

documents as (
    select 'sale_order' as document_type, sale_order_id as document_id, 'sales_order' as object_type,
        sale_order_number as document_number, party_id, total_amount as amount, created_at
    from sale_orders
    union all
    select 'requisition', requisition_id, 'requisition', requisition_number, null, estimated_amount, created_at
    from requisitions
    union all
    select 'purchase_order', purchase_order_id, 'purchase_order', purchase_order_number, party_id, total_amount, created_at
    from purchase_orders
    union all
    select 'shipment', shipment_id,
        case shipment_kind
            when 'outgoing' then 'delivery'
            when 'incoming' then 'goods_receipt'
            else shipment_kind
        end,
        shipment_number, party_id, null, created_at
    from shipments
    union all
    select 'invoice', invoice_id,
        case invoice_kind
            when 'customer' then 'customer_invoice'
            when 'supplier' then 'supplier_invoice'
            else 'credit_note'
        end,
        invoice_number, party_id, total_amount, created_at
    from invoices
    union all
    select 'payment', payments.payment_id,
        case
            when payments.direction = 'in' then 'customer_payment'
            when invoices.invoice_kind = 'supplier' then 'supplier_payment'
            else 'refund'
        end,
        payments.payment_number, payments.party_id, payments.amount, payments.created_at
    from payments
    left join invoices using (invoice_id)
),

final as (
    select
        document_type,
        document_id,
        object_type || ':' || document_number as object_id,
        object_type,
        document_number,
        party_id,
        cast(amount as decimal(14, 2)) as amount,
        created_at
    from documents
)

select * from final
