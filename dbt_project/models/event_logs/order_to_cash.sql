with events as (
    select * from {{ ref('int_documents__events') }}
),

order_documents as (
    select * from {{ ref('int_sales__order_documents') }}
),

orders as (
    select * from {{ ref('sales__orders') }}
),

final as (
    select
        order_documents.sale_order_number as case_id,
        events.activity,
        events.occurred_at,
        cast(null as timestamptz) as started_at,
        events.resource,
        events.source_row,
        events.event_id,
        events.document_number,
        events.resource_team,
        orders.customer_name as party,
        orders.customer_code as party_code,
        orders.country,
        orders.segment,
        orders.salesperson,
        orders.team,
        orders.amount,
        orders.state as order_state
    from order_documents
    inner join events using (document_type, document_id)
    inner join orders using (sale_order_id)
)

select * from final
order by case_id, occurred_at, source_row
