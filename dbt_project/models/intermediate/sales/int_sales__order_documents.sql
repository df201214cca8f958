with orders as (
    select * from {{ ref('stg_erp__sale_orders') }}
),

order_lines as (
    select * from {{ ref('stg_erp__sale_order_lines') }}
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

shipment_links as (
    select distinct order_lines.sale_order_id, stock_moves.shipment_id
    from stock_moves
    inner join order_lines using (sale_order_line_id)
),

invoice_links as (
    select distinct order_lines.sale_order_id, invoice_lines.invoice_id
    from invoice_lines
    inner join order_lines using (sale_order_line_id)
),

links as (
    select sale_order_id, 'sale_order' as document_type, sale_order_id as document_id from orders
    union all
    select sale_order_id, 'shipment', shipment_id from shipment_links
    union all
    select sale_order_id, 'invoice', invoice_id from invoice_links
    union all
    select invoice_links.sale_order_id, 'payment', payments.payment_id
    from payments
    inner join invoice_links using (invoice_id)
),

final as (
    select
        links.sale_order_id,
        orders.sale_order_number,
        links.document_type,
        links.document_id,
        documents.object_id,
        documents.object_type
    from links
    inner join orders using (sale_order_id)
    inner join documents using (document_type, document_id)
)

select * from final
