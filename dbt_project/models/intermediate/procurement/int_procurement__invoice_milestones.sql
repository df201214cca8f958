with events as (
    select * from {{ ref('int_documents__events') }}
),

order_documents as (
    select * from {{ ref('int_procurement__order_documents') }}
),

invoice_lines as (
    select * from {{ ref('stg_erp__invoice_lines') }}
    where purchase_order_line_id is not null
),

stock_moves as (
    select * from {{ ref('stg_erp__stock_moves') }}
    where purchase_order_line_id is not null and state = 'done'
),

payments as (
    select * from {{ ref('stg_erp__payments') }}
),

-- A state lasts until the next change of state; the last one has not ended yet.
states as (
    select
        document_id as invoice_id,
        new_value as state,
        occurred_at as entered_at,
        lead(occurred_at) over (partition by document_id order by occurred_at, source_row) as left_at
    from events
    where object_type = 'supplier_invoice' and change_kind = 'state'
),

blocks as (
    select
        invoice_id,
        count(*) filter (where state = 'blocked') as block_count,
        sum({{ hours_between('entered_at', 'left_at') }}) filter (where state = 'blocked') as blocked_hours
    from states
    group by invoice_id
),

orders as (
    select document_id as invoice_id, count(*) as order_count, min(purchase_order_number) as first_purchase_order_number
    from order_documents
    where object_type = 'supplier_invoice'
    group by document_id
),

receipts as (
    select invoice_lines.invoice_id, min(stock_moves.effective_at) as first_received_at
    from invoice_lines
    inner join stock_moves using (purchase_order_line_id)
    group by invoice_lines.invoice_id
),

paid as (
    select invoice_id, min(paid_at) as first_paid_at, max(paid_at) as last_paid_at
    from payments
    group by invoice_id
),

final as (
    select
        invoice_id,
        coalesce(blocks.block_count, 0) as block_count,
        blocks.blocked_hours,
        coalesce(orders.order_count, 0) as order_count,
        orders.first_purchase_order_number,
        receipts.first_received_at,
        paid.first_paid_at,
        paid.last_paid_at
    from orders
    full join blocks using (invoice_id)
    left join receipts using (invoice_id)
    left join paid using (invoice_id)
)

select * from final
