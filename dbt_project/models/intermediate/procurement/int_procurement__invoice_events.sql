with events as (
    select * from {{ ref('int_documents__events') }}
    where object_type in ('supplier_invoice', 'supplier_payment')
),

invoices as (
    select * from {{ ref('stg_erp__invoices') }}
    where invoice_kind = 'supplier'
),

payments as (
    select * from {{ ref('stg_erp__payments') }}
),

parties as (
    select * from {{ ref('stg_erp__parties') }}
),

order_documents as (
    select * from {{ ref('int_procurement__order_documents') }}
    where object_type = 'supplier_invoice'
),

orders as (
    select document_id as invoice_id, list(distinct purchase_order_number order by purchase_order_number) as purchase_order_numbers
    from order_documents
    group by document_id
),

-- A due day is over at the company's midnight: what is paid before that is paid in time. Days that have not ended are no events.
due as (
    select
        'erp:due:' || invoice_id as event_id,
        cast(null as bigint) as source_row,
        timezone('{{ var("company_time_zone") }}', cast(due_date as timestamp) + interval 1 day) as occurred_at,
        'Pass Due Date' as activity,
        invoice_id
    from invoices
    where due_date is not null and state <> 'cancelled'
),

happened as (
    select
        events.event_id,
        events.source_row,
        events.occurred_at,
        events.activity,
        coalesce(payments.invoice_id, events.document_id) as invoice_id,
        payments.payment_number,
        events.resource,
        events.resource_team
    from events
    left join payments -- keyed so that the join hashes one column
        on payments.payment_id = case when events.object_type = 'supplier_payment' then events.document_id end
    union all by name
    select * from due
    where occurred_at <= (select max(occurred_at) from events)
),

final as (
    select
        happened.event_id,
        happened.source_row,
        happened.occurred_at,
        happened.activity,
        happened.invoice_id,
        invoices.invoice_number,
        orders.purchase_order_numbers,
        parties.party_code as supplier_code,
        happened.payment_number,
        happened.resource,
        happened.resource_team
    from happened
    inner join invoices using (invoice_id)
    left join orders using (invoice_id)
    left join parties using (party_id)
)

select * from final
