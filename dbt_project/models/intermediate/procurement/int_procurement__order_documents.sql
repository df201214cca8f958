with orders as (
    select * from {{ ref('stg_erp__purchase_orders') }}
),

order_lines as (
    select * from {{ ref('stg_erp__purchase_order_lines') }}
),

stock_moves as (
    select * from {{ ref('stg_erp__stock_moves') }}
),

invoice_lines as (
    select * from {{ ref('stg_erp__invoice_lines') }}
),

payments as (
    select * from {{ ref('stg_erp__payments') }}
),

documents as (
    select * from {{ ref('int_documents__documents') }}
),

requisition_links as (
    select distinct purchase_order_id, requisition_id
    from order_lines
    where requisition_id is not null
),

shipment_links as (
    select distinct order_lines.purchase_order_id, stock_moves.shipment_id
    from stock_moves
    inner join order_lines using (purchase_order_line_id)
),

invoice_links as (
    select distinct order_lines.purchase_order_id, invoice_lines.invoice_id
    from invoice_lines
    inner join order_lines using (purchase_order_line_id)
),

links as (
    select purchase_order_id, 'purchase_order' as document_type, purchase_order_id as document_id from orders
    union all
    select purchase_order_id, 'requisition', requisition_id from requisition_links
    union all
    select purchase_order_id, 'shipment', shipment_id from shipment_links
    union all
    select purchase_order_id, 'invoice', invoice_id from invoice_links
    union all
    select invoice_links.purchase_order_id, 'payment', payments.payment_id
    from payments
    inner join invoice_links using (invoice_id)
),

final as (
    select
        links.purchase_order_id,
        orders.purchase_order_number,
        links.document_type,
        links.document_id,
        documents.object_id,
        documents.object_type
    from links
    inner join orders using (purchase_order_id)
    inner join documents using (document_type, document_id)
)

select * from final
