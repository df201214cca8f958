{#-
    The documents of every order of one kind (`sale_order` or `purchase_order`): the order itself, its shipments, invoices and
    payments, and with `has_requisitions` the requisitions its lines were asked for by.
-#}
{% macro order_documents(order, has_requisitions=false) -%}
{%- set id, line_id = order ~ '_id', order ~ '_line_id' -%}
with orders as (
    select * from {{ ref('stg_erp__' ~ order ~ 's') }}
),

order_lines as (
    select * from {{ ref('stg_erp__' ~ order ~ '_lines') }}
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

{% if has_requisitions -%}
requisition_links as (
    select distinct {{ id }}, requisition_id
    from order_lines
    where requisition_id is not null
),

{% endif -%}
shipment_links as (
    select distinct order_lines.{{ id }}, stock_moves.shipment_id
    from stock_moves
    inner join order_lines using ({{ line_id }})
),

invoice_links as (
    select distinct order_lines.{{ id }}, invoice_lines.invoice_id
    from invoice_lines
    inner join order_lines using ({{ line_id }})
),

links as (
    select {{ id }}, '{{ order }}' as document_type, {{ id }} as document_id from orders
    {% if has_requisitions -%}
    union all
    select {{ id }}, 'requisition', requisition_id from requisition_links
    {% endif -%}
    union all
    select {{ id }}, 'shipment', shipment_id from shipment_links
    union all
    select {{ id }}, 'invoice', invoice_id from invoice_links
    union all
    select invoice_links.{{ id }}, 'payment', payments.payment_id
    from payments
    inner join invoice_links using (invoice_id)
),

final as (
    select
        links.{{ id }},
        orders.{{ order }}_number,
        links.document_type,
        links.document_id,
        documents.object_id,
        documents.object_type
    from links
    inner join orders using ({{ id }})
    inner join documents using (document_type, document_id)
)

select * from final
{%- endmacro %}
