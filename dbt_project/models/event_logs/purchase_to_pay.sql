with events as (
    select * from {{ ref('int_documents__events') }}
),

order_documents as (
    select * from {{ ref('int_procurement__order_documents') }}
),

orders as (
    select * from {{ ref('procurement__purchase_orders') }}
),

requisitions as (
    select * from {{ ref('procurement__requisitions') }}
),

order_cases as (
    select
        order_documents.purchase_order_number as case_id,
        'purchase_order' as case_kind,
        order_documents.document_type,
        order_documents.document_id,
        orders.supplier_name as party,
        orders.supplier_code as party_code,
        orders.country,
        orders.segment,
        orders.team,
        orders.buyer,
        orders.amount,
        orders.state as order_state,
        orders.is_maverick
    from order_documents
    inner join orders using (purchase_order_id)
),

-- What was asked for and never ordered is a case too, or rejected requests would leave no trace.
requisition_cases as (
    select
        requisition_number as case_id,
        'requisition' as case_kind,
        'requisition' as document_type,
        requisition_id as document_id,
        cast(null as text) as party,
        cast(null as text) as party_code,
        cast(null as text) as country,
        cast(null as text) as segment,
        team,
        cast(null as text) as buyer,
        estimated_amount as amount,
        state as order_state,
        false as is_maverick
    from requisitions
    where not is_ordered
),

cases as (
    select * from order_cases
    union all
    select * from requisition_cases
),

final as (
    select
        cases.case_id,
        events.activity,
        events.occurred_at,
        cast(null as timestamptz) as started_at,
        events.resource,
        events.source_row,
        events.event_id,
        events.document_number,
        events.resource_team,
        cases.case_kind,
        cases.party,
        cases.party_code,
        cases.country,
        cases.segment,
        cases.buyer,
        cases.team,
        cases.amount,
        cases.order_state,
        cases.is_maverick
    from cases
    inner join events using (document_type, document_id)
)

select * from final
order by case_id, occurred_at, source_row
