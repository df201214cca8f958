with invoices as (
    select * from {{ ref('stg_erp__invoices') }}
    where invoice_kind in ('customer', 'customer_credit_note')
),

parties as (
    select * from {{ ref('stg_erp__parties') }}
),

payments as (
    select * from {{ ref('stg_erp__payments') }}
),

events as (
    select * from {{ ref('int_documents__events') }}
    where document_type = 'invoice'
),

paid as (
    select invoice_id, count(*) as payment_count, min(paid_at) as first_paid_at, max(paid_at) as last_paid_at
    from payments
    group by invoice_id
),

reminded as (
    select document_id as invoice_id, count(*) as reminder_count
    from events
    where activity = 'Send Payment Reminder'
    group by document_id
),

final as (
    select
        invoices.invoice_id,
        invoices.invoice_number,
        invoices.invoice_kind = 'customer_credit_note' as is_credit_note,
        invoices.party_id as customer_id,
        parties.party_code as customer_code,
        parties.party_name as customer_name,
        parties.country,
        invoices.invoice_date,
        invoices.due_date,
        invoices.currency,
        invoices.state,
        invoices.state in ('posted', 'paid') as is_posted,
        invoices.total_amount as amount,
        cast(
            case when invoices.invoice_kind = 'customer_credit_note' then -invoices.total_amount else invoices.total_amount end
            as decimal(14, 2)
        ) as signed_amount,
        invoices.paid_amount,
        cast(coalesce(paid.payment_count, 0) as bigint) as payment_count,
        paid.first_paid_at,
        paid.last_paid_at,
        case
            when invoices.state = 'paid' then {{ company_day('paid.last_paid_at') }} - invoices.due_date
        end as days_late,
        cast(coalesce(reminded.reminder_count, 0) as bigint) as reminder_count
    from invoices
    left join parties using (party_id)
    left join paid using (invoice_id)
    left join reminded using (invoice_id)
)

select * from final
