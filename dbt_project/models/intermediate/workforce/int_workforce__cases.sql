-- The orders that a document belongs to; what belongs to no order is a case of its own.
with sales as (
    select * from {{ ref('int_sales__order_documents') }}
),

procurement as (
    select * from {{ ref('int_procurement__order_documents') }}
),

final as (
    select distinct document_type, document_id, 'sales_order:' || sale_order_number as case_id from sales
    union all
    select distinct document_type, document_id, 'purchase_order:' || purchase_order_number from procurement
)

select * from final
