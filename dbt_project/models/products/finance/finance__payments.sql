with payments as (
    select * from {{ ref('stg_erp__payments') }}
),

invoices as (
    select * from {{ ref('finance__invoices') }}
),

rates as (
    select * from {{ ref('shared__exchange_rates') }}
),

dated as (
    select
        *,
        {{ company_day('paid_at') }} as paid_on
    from payments
),

final as (
    select
        dated.payment_id,
        dated.payment_number,
        case when dated.direction = 'in' then 'received' else 'paid' end as payment_kind,
        invoices.direction,
        dated.invoice_id,
        invoices.invoice_number,
        invoices.invoice_kind,
        invoices.party_id,
        invoices.party_code,
        invoices.party_name,
        dated.method,
        dated.currency,
        dated.amount,
        cast(
            round(case when invoices.invoice_kind = 'credit_note' then -1 else 1 end * dated.amount * rates.rate_to_reporting, 2)
            as decimal(18, 2)
        ) as reporting_amount,
        dated.paid_at,
        dated.paid_on,
        dated.paid_on - invoices.due_date as days_late
    from dated
    left join invoices using (invoice_id)
    left join rates
        on dated.currency = rates.currency_code and dated.paid_on >= rates.valid_from and dated.paid_on < rates.valid_before
)

select * from final
